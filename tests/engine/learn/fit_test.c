#include "engine/learn/fixture.h"

static void learns_what_can_be_learned(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, 1, 120, 12, 4, 4);
    struct cubby_head head;
    struct cubby_fit_report report;
    assert_int_equal(cubby_head_fit(&head, &fixture.samples, 0.01, NULL, &report), CUBBY_OK);
    assert_true(report.converged && report.gradient <= 1e-5 && report.loss < 0.3);
    assert_true(fixture_right(&fixture, &head) >= 118);

    // Half as sure, and the same answers.
    float before[4], after[4];
    cubby_head_apply(&head, fixture.features, before);
    cubby_head_cool(&head, 2);
    cubby_head_apply(&head, fixture.features, after);
    for (int k = 0; k < 4; k++)
        assert_true(fabsf(after[k] - before[k] / 2) < 1e-5f);
    cubby_head_fini(&head);
    cubby_head_fini(&head);
    fixture_fini(&fixture);
}

// One feature, two classes at -1 and 1: by symmetry the weights are -w and w, and the gradient is
// -p + l2 w = 0 with p = 1 / (1 + exp(2 w)), as the feature is its own normalised form.
static void solves_a_problem_on_paper(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, 1, 10, 1, 2, 0);
    for (uint32_t i = 0; i < 10; i++)
        fixture.features[i] = i % 2 ? 1 : -1;
    struct cubby_head head;
    const struct cubby_fit_params params = {.tolerance = 1e-9};
    assert_int_equal(cubby_head_fit(&head, &fixture.samples, 0.1, &params, NULL), CUBBY_OK);
    const double w = (double)head.weight[1];
    assert_true(fabs(0.1 * w - 1 / (1 + exp(2 * w))) < 1e-6);
    assert_true(fabs(w + head.weight[0]) < 1e-6 && fabsf(head.bias[0]) < 1e-6f);
    cubby_head_fini(&head);
    fixture_fini(&fixture);
}

static void same_bytes_every_time(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, 2, 777, 33, 5, 1);
    struct cubby_head once, again;
    size_t parts = 0;
    struct cubby_fit_params params = {.balanced = true};
    assert_int_equal(cubby_head_fit(&once, &fixture.samples, 0.01, &params, NULL), CUBBY_OK);
    params.parallel = (struct cubby_parallel){fixture_backwards, &parts};
    assert_int_equal(cubby_head_fit(&again, &fixture.samples, 0.01, &params, NULL), CUBBY_OK);
    assert_true(parts > 16 * 5);
    assert_memory_equal(once.weight, again.weight, 5 * 33 * sizeof(float));
    assert_memory_equal(once.bias, again.bias, 5 * sizeof(float));
    cubby_head_fini(&once);
    cubby_head_fini(&again);
    fixture_fini(&fixture);
}

static void close(const struct cubby_head *a, const struct cubby_head *b)
{
    for (uint32_t i = 0; i < a->classes * a->dims; i++)
        assert_true(fabsf(a->weight[i] - b->weight[i]) < 1e-4f);
    for (uint32_t k = 0; k < a->classes; k++)
        assert_true(fabsf(a->bias[k] - b->bias[k]) < 1e-4f);
}

// A weight of 2 is the sample twice, a weight of 0 is none, and CUBBY_JUDGES is none either.
static void weights_are_repetitions(void **state)
{
    (void)state;
    enum { COUNT = 90, DIMS = 7 };
    for (int balanced = 0; balanced < 2; balanced++) {
        struct fixture once, twice;
        fixture_init(&once, 4, COUNT, DIMS, 3, 1);
        fixture_init(&twice, 4, 2 * COUNT, DIMS, 3, 1);
        memcpy(twice.features + COUNT * DIMS, twice.features, COUNT * DIMS * sizeof(float));
        for (uint32_t i = 0; i < COUNT; i++) {
            once.weights[i] = (float)(i % 5 == 0 ? 0 : i % 5 == 1 ? 2 : 1);
            twice.labels[COUNT + i] = twice.labels[i];
            twice.weights[i] = i % 5 != 0;
            if (i % 10 == 0) {
                twice.weights[i] = 5;
                twice.roles[i] = CUBBY_JUDGES;
            }
            twice.weights[COUNT + i] = i % 5 == 1;
        }
        // Features of these are not looked at, but must be numbers.
        for (uint32_t d = 0; d < DIMS; d++)
            twice.features[d] = 1e30f;
        struct cubby_head a, b;
        const struct cubby_fit_params params = {.balanced = balanced, .tolerance = 1e-7};
        assert_int_equal(cubby_head_fit(&a, &once.samples, 0.05, &params, NULL), CUBBY_OK);
        assert_int_equal(cubby_head_fit(&b, &twice.samples, 0.05, &params, NULL), CUBBY_OK);
        close(&a, &b);
        cubby_head_fini(&a);
        cubby_head_fini(&b);
        fixture_fini(&once);
        fixture_fini(&twice);
    }
}

static void halves_are_as_good_as_floats(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, 6, 60, 9, 3, 1);
    static uint16_t halves[60 * 9];
    for (uint32_t i = 0; i < 60 * 9; i++) { // 1, 1.25, 1.5, 1.75 and such, exactly
        const uint32_t quarter = (uint32_t)(fixture_next(&fixture) % 4);
        const uint32_t scale = (uint32_t)(fixture_next(&fixture) % 3);
        halves[i] = (uint16_t)((15 + scale) << 10 | quarter << 8);
        fixture.features[i] = (1 + (float)quarter / 4) * (float)(1u << scale);
    }
    struct cubby_half_rows rows = {halves, 9};
    struct cubby_head floats, other;
    assert_int_equal(cubby_head_fit(&floats, &fixture.samples, 0.01, NULL, NULL), CUBBY_OK);
    fixture.samples.row = cubby_half_row;
    fixture.samples.user = &rows;
    assert_int_equal(cubby_head_fit(&other, &fixture.samples, 0.01, NULL, NULL), CUBBY_OK);
    assert_memory_equal(floats.weight, other.weight, 3 * 9 * sizeof(float));
    cubby_head_fini(&floats);
    cubby_head_fini(&other);
    fixture_fini(&fixture);
}

static void odd_but_sound_input(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < 7; kind++) {
        struct fixture fixture;
        const uint32_t dims = kind == 1 ? 150 : 6;
        fixture_init(&fixture, kind, 40, dims, 3, 2);
        for (uint32_t i = 0; i < 40; i++) {
            float *row = fixture.features + (size_t)i * dims;
            if (kind == 0) // nothing tells the classes apart
                for (uint32_t d = 0; d < dims; d++)
                    row[d] = 5;
            else if (kind == 2 && fixture.labels[i] == 2 && i != 2)
                fixture.labels[i] = 0; // one sample is all there is of class 2
            else if (kind == 3)        // every row many times
                memcpy(row, fixture.features + (size_t)(i % 3) * dims, dims * sizeof(float));
            else if (kind == 4)
                row[0] = i == 7 ? 3e38f : 0; // one enormous value
            else if (kind == 5)
                for (uint32_t d = 0; d < dims; d++)
                    row[d] *= 1e37f;
            else if (kind == 6)
                fixture.weights[i] = i < 20 ? 1e-20f : 1e20f;
        }
        for (int exponent = -8; exponent <= 6; exponent += 7) {
            struct cubby_head head;
            struct cubby_fit_report report;
            assert_int_equal(
                cubby_head_fit(&head, &fixture.samples, pow(10, exponent), NULL, &report),
                CUBBY_OK);
            for (uint32_t i = 0; i < 3 * dims; i++)
                assert_true(isfinite(head.weight[i]));
            for (uint32_t k = 0; k < 3; k++)
                assert_true(isfinite(head.bias[k]));
            assert_true(report.loss >= 0 && report.loss < 1.2);
            if (kind == 0) {
                assert_true(head.weight[0] == 0);
                assert_true(fabs(report.loss - 1.0986) < 1e-3);
            }
            cubby_head_fini(&head);
        }
        fixture_fini(&fixture);
    }
}

static const float *no_row(void *user, uint32_t index, float *scratch)
{
    return index == 33 ? NULL : cubby_float_row(user, index, scratch);
}

static bool stop_at_once(void *user)
{
    (void)user;
    return true;
}

static void bad_input_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        enum cubby_status status;
        const char *reason;
    } cases[] = {
        {CUBBY_BAD_DATA, "not finite"},
        {CUBBY_BAD_DATA, "not finite"},
        {CUBBY_BAD_DATA, "label"},
        {CUBBY_BAD_DATA, "role"},
        {CUBBY_BAD_DATA, "weight"},
        {CUBBY_BAD_DATA, "weight"},
        {CUBBY_BAD_DATA, "fewer than two"},
        {CUBBY_BAD_DATA, "no samples"},
        {CUBBY_BAD_DATA, "class 2"},
        {CUBBY_BAD_DATA, "no samples"},
        {CUBBY_IO, "sample 33"},
        {CUBBY_TOO_LARGE, "too many"},
        {CUBBY_BAD_DATA, "above zero"},
        {CUBBY_INTERRUPTED, ""},
        {CUBBY_BAD_DATA, "above zero"},
        {CUBBY_BAD_DATA, "no samples"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct fixture fixture;
        char message[256] = "";
        const struct cubby_log log = {fixture_keep, message};
        struct cubby_fit_params params = {.log = &log};
        double l2 = 0.1;
        fixture_init(&fixture, i, 60, 5, 3, 1);
        struct cubby_samples *samples = &fixture.samples;
        switch (i) {
        case 0:
        case 1:
            fixture.features[299] = i ? NAN : INFINITY;
            break;
        case 2:
            fixture.labels[59] = 3;
            break;
        case 3:
            fixture.roles[59] = 3;
            break;
        case 4:
        case 5:
            fixture.weights[0] = i == 4 ? -1 : NAN;
            break;
        case 6:
            samples->classes = 1;
            memset(fixture.labels, 0, 60 * sizeof(uint32_t));
            break;
        case 7:
            samples->count = 0;
            break;
        case 8:
        case 9:
            for (uint32_t s = 0; s < 60; s++)
                fixture.weights[s] = fixture.labels[s] == 2 || i == 9 ? 0 : 1;
            break;
        case 10:
            samples->row = no_row;
            break;
        case 11:
            samples->dims = CUBBY_LEARN_MAX_WEIGHTS / 3 + 1; // refused before a row is read
            break;
        case 12:
        case 14:
            l2 = i == 12 ? 0 : NAN;
            break;
        case 13:
            params.stopped = stop_at_once;
            break;
        case 15:
            samples->dims = 0;
            break;
        }
        struct cubby_head head;
        assert_int_equal(cubby_head_fit(&head, samples, l2, &params, NULL), cases[i].status);
        assert_non_null(strstr(message, cases[i].reason));
        assert_null(head.weight);
        assert_null(head.bias);
        fixture_fini(&fixture);
    }
}

// Shapes and values without a plan: no crash, and what comes out is sound.
static void random_input(void **state)
{
    (void)state;
    struct fixture random = {.random = 77};
    for (int i = 0; i < 200; i++) {
        struct fixture fixture;
        const uint32_t count = 1 + (uint32_t)(fixture_next(&random) % 80);
        const uint32_t dims = 1 + (uint32_t)(fixture_next(&random) % 40);
        const uint32_t classes = 2 + (uint32_t)(fixture_next(&random) % 6);
        fixture_init(&fixture, fixture_next(&random), count, dims, classes,
                     (float)(fixture_next(&random) % 5));
        for (uint32_t s = 0; s < count; s++) {
            fixture.labels[s] = (uint32_t)(fixture_next(&random) % classes);
            fixture.weights[s] = (float)(fixture_next(&random) % 3);
            fixture.roles[s] = (uint8_t)(fixture_next(&random) % 3);
            const float scale = ldexpf(1, (int)(fixture_next(&random) % 200) - 100);
            if (fixture_next(&random) % 4 == 0)
                fixture.features[(size_t)s * dims] *= scale;
        }
        struct cubby_head head;
        const struct cubby_fit_params params = {.balanced = i % 2, .max_iterations = 50};
        const double l2 = pow(10, (double)(fixture_next(&random) % 9) - 6);
        enum cubby_status status = cubby_head_fit(&head, &fixture.samples, l2, &params, NULL);
        assert_true(status == CUBBY_OK || status == CUBBY_BAD_DATA);
        for (uint32_t w = 0; !status && w < classes * dims; w++)
            assert_true(isfinite(head.weight[w]));
        cubby_head_fini(&head);
        fixture_fini(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_what_can_be_learned),
        cmocka_unit_test(solves_a_problem_on_paper),
        cmocka_unit_test(same_bytes_every_time),
        cmocka_unit_test(weights_are_repetitions),
        cmocka_unit_test(halves_are_as_good_as_floats),
        cmocka_unit_test(odd_but_sound_input),
        cmocka_unit_test(bad_input_is_refused_with_a_reason),
        cmocka_unit_test(random_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
