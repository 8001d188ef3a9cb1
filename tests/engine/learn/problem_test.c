#include "engine/learn/fixture.h"

#include "learn/problem.h"

// The same in doubles, straight from the definition.
static double value_of(const struct fixture *fixture, const struct problem *problem,
                       const double *parameters, bool balanced)
{
    const struct cubby_samples *samples = &fixture->samples;
    const uint32_t classes = samples->classes, dims = samples->dims;
    double class_sums[16] = {0}, total = 0, loss = 0;
    for (uint32_t i = 0; i < samples->count; i++)
        if (fixture->roles[i] != CUBBY_JUDGES) {
            class_sums[fixture->labels[i]] += (double)fixture->weights[i];
            total += (double)fixture->weights[i];
        }
    for (uint32_t i = 0; i < samples->count; i++) {
        if (fixture->roles[i] == CUBBY_JUDGES)
            continue;
        double sum = 0, truth = 0;
        for (uint32_t k = 0; k < classes; k++) {
            double z = parameters[classes * dims + k];
            for (uint32_t d = 0; d < dims; d++)
                z += parameters[k * dims + d] *
                     ((double)fixture->features[i * dims + d] * problem->factor[d] +
                      problem->offset[d]);
            sum += exp(z);
            truth = k == fixture->labels[i] ? z : truth;
        }
        const double factor = balanced ? total / (classes * class_sums[fixture->labels[i]]) : 1;
        loss += factor * fixture->weights[i] * (log(sum) - truth);
    }
    double squares = 0;
    for (uint32_t i = 0; i < classes * dims + (problem->center ? classes : 0); i++)
        squares += pow(parameters[i] - (problem->center ? problem->center[i] : 0), 2);
    return loss / total + problem->l2 / 2 * squares;
}

static void gradient_is_that_of_the_value(void **state)
{
    (void)state;
    float known[60];
    for (int i = 0; i < 60; i++)
        known[i] = (float)(i % 7) - 3;
    const struct cubby_head prior = {known, known + 57, 3, 19};
    for (int variant = 0; variant < 4; variant++) {
        const int balanced = variant % 2;
        struct fixture fixture;
        fixture_init(&fixture, 3, 70, 19, 3, 1);
        for (uint32_t i = 0; i < 70; i++) {
            fixture.weights[i] = (float)(i % 4);
            fixture.roles[i] = (uint8_t)(i % 7 == 0 ? CUBBY_JUDGES : i % 2);
            if (i % 5 < 2)
                fixture.labels[i] = 2;
        }
        struct workspace workspace;
        struct problem problem;
        const struct cubby_fit_params params = {.balanced = balanced,
                                                .prior = variant < 2 ? NULL : &prior};
        assert_int_equal(workspace_init(&workspace, &fixture.samples, &params), CUBBY_OK);
        assert_int_equal(problem_init(&problem, &workspace, &params, NULL, 0), CUBBY_OK);
        problem.l2 = 0.3;

        double parameters[60], gradient[60], ignored[60], value;
        assert_int_equal(workspace_size(&workspace), 60);
        for (int i = 0; i < 60; i++)
            parameters[i] = 0.3 * fixture_normal(&fixture);
        assert_int_equal(problem_evaluate(&problem, parameters, &value, gradient), CUBBY_OK);
        assert_true(fabs(value - value_of(&fixture, &problem, parameters, balanced)) < 1e-6);
        for (int i = 0; i < 60; i++) {
            const double before = parameters[i], step = 1e-5;
            parameters[i] = before + step;
            const double above = value_of(&fixture, &problem, parameters, balanced);
            parameters[i] = before - step;
            const double below = value_of(&fixture, &problem, parameters, balanced);
            parameters[i] = before;
            assert_true(fabs((above - below) / (2 * step) - gradient[i]) < 1e-6);
        }
        // The same again, whatever was evaluated in between, and the parts in any order.
        double again[60], other = value;
        size_t parts = 0;
        const double before = parameters[0];
        parameters[0] = 1;
        assert_int_equal(problem_evaluate(&problem, parameters, &other, ignored), CUBBY_OK);
        assert_true(other != value);
        parameters[0] = before;
        workspace.parallel = (struct cubby_parallel){fixture_backwards, &parts};
        assert_int_equal(problem_evaluate(&problem, parameters, &other, again), CUBBY_OK);
        assert_true(parts == 3);
        assert_true(other == value);
        assert_memory_equal(again, gradient, sizeof(again));

        problem_fini(&problem);
        workspace_fini(&workspace);
        fixture_fini(&fixture);
    }
}

static void features_are_normalised_by_weight(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, 9, 40, 5, 2, 0);
    for (uint32_t i = 0; i < 40; i++) {
        float *row = fixture.features + (size_t)i * 5;
        fixture.weights[i] = (float)(1 + i % 3);
        row[1] = 7;                          // constant
        row[2] = 1e6f + (float)(i % 2);      // far from zero for what it varies
        row[3] = i == 0 ? 1e6f : 1e6f + .1f; // varies by rounding only
        row[4] = i % 2 ? 1e37f : -1e37f;     // enormous
    }
    struct workspace workspace;
    struct problem problem;
    const struct cubby_fit_params params = {0};
    assert_int_equal(workspace_init(&workspace, &fixture.samples, &params), CUBBY_OK);
    assert_int_equal(problem_init(&problem, &workspace, &params, NULL, 0), CUBBY_OK);
    double weight = 0, sum = 0, squares = 0;
    for (uint32_t i = 0; i < 40; i++) {
        const double value =
            fixture.features[(size_t)i * 5] * problem.factor[0] + problem.offset[0];
        weight += (double)fixture.weights[i];
        sum += fixture.weights[i] * value;
        squares += fixture.weights[i] * value * value;
    }
    assert_true(fabs(sum / weight) < 1e-6 && fabs(squares / weight - 1) < 1e-6);
    assert_true(problem.factor[1] == 0 && problem.offset[1] == 0);
    assert_true(problem.factor[3] == 0 && problem.offset[3] == 0);
    assert_true(fabsf(problem.factor[4] * 1e37f - 1) < 0.01f && fabsf(problem.offset[4]) < 0.2f);
    assert_true(problem.factor[2] == 0); // half in a million: less than floats tell apart safely
    problem_fini(&problem);
    workspace_fini(&workspace);
    fixture_fini(&fixture);
}

// A class that the fold does not know gets little, but something, and the others are as they are.
static void absent_classes_get_half_a_photo(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, 1, 30, 4, 3, 2);
    uint8_t fold[30];
    for (uint32_t i = 0; i < 30; i++)
        fold[i] = fixture.labels[i] == 1;
    struct workspace workspace;
    struct problem problem;
    const struct cubby_fit_params params = {.balanced = true};
    assert_int_equal(workspace_init(&workspace, &fixture.samples, &params), CUBBY_OK);
    assert_int_equal(problem_init(&problem, &workspace, &params, fold, 1), CUBBY_OK);
    assert_int_equal(problem.active, 2);
    assert_int_equal(problem.row_count, 20);

    double parameters[15], gradient[15], value;
    problem_start(&problem, parameters);
    assert_int_equal(problem_evaluate(&problem, parameters, &value, gradient), CUBBY_OK);
    assert_true(fabs(value - log(2)) < 1e-9);
    for (uint32_t d = 0; d < 4; d++)
        assert_true(gradient[4 + d] == 0);
    const uint32_t rows[2] = {1, 4}, positions[2] = {1, 0};
    float logits[6] = {0};
    assert_int_equal(problem_predict(&problem, parameters, rows, positions, 2, logits), CUBBY_OK);
    for (int i = 0; i < 2; i++) {
        const float *z = logits + 3 * i;
        const double others = log(exp(z[0]) + exp(z[2]));
        assert_true(fabs(z[1] - others - log(0.5 / 20)) < 1e-6);
    }
    problem_fini(&problem);
    workspace_fini(&workspace);
    fixture_fini(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradient_is_that_of_the_value),
        cmocka_unit_test(features_are_normalised_by_weight),
        cmocka_unit_test(absent_classes_get_half_a_photo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
