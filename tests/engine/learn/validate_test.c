#include "engine/learn/fixture.h"

#include "engine/metrics.h"

// Linked with --wrap: the allocation that is to fail, counted down; 0: none.
static int fail_in;
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_malloc(size_t size)
{
    return fail_in > 0 && --fail_in == 0 ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fail_in > 0 && --fail_in == 0 ? NULL : __real_calloc(count, size);
}

static void out_of_fold_answers_are_honest(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, 1, 300, 20, 3, 1.5f);
    struct cubby_validation validation;
    const struct cubby_validation_params params = {0};
    assert_int_equal(cubby_validate(&validation, &fixture.samples, &params), CUBBY_OK);
    assert_int_equal(validation.count, 300);
    assert_int_equal(validation.groups, 300);
    assert_int_equal(validation.folds, 5);
    const struct cubby_strength *best = &validation.strengths[validation.chosen];
    assert_true(best->l2 == validation.l2);

    // The figures follow from the logits.
    struct cubby_metrics metrics;
    assert_int_equal(cubby_metrics_init(&metrics, 3), CUBBY_OK);
    for (uint32_t i = 0; i < 300; i++) {
        float p[3];
        cubby_softmax(validation.logits + 3 * i, 3, best->temperature, p);
        assert_int_equal(cubby_metrics_add(&metrics, validation.labels[i], p), CUBBY_OK);
        assert_int_equal(validation.labels[i], fixture.labels[validation.judged[i]]);
    }
    cubby_metrics_finish(&metrics);
    assert_true(fabs(metrics.accuracy - best->accuracy) < 1e-9);
    assert_true(fabs(metrics.log_loss - best->loss) < 1e-5);
    assert_true(best->accuracy > 0.9 && best->loss_error > 0 && best->loss_error < 0.1);
    for (uint32_t i = 0; i < validation.strength_count; i++)
        assert_true(validation.strengths[i].loss >= best->loss);

    // And the logits are those of a head that did not see the fold.
    for (uint32_t i = 0; i < 300; i++)
        fixture.roles[i] = validation.fold[i] == 2 ? CUBBY_JUDGES : 0;
    struct cubby_head head;
    const struct cubby_fit_params fit = {.tolerance = 1e-7};
    assert_int_equal(cubby_head_fit(&head, &fixture.samples, validation.l2, &fit, NULL), CUBBY_OK);
    for (uint32_t i = 0; i < 300; i++) {
        float z[3];
        cubby_head_apply(&head, fixture.features + 20 * i, z);
        for (uint32_t k = 0; k < 3 && validation.fold[i] == 2; k++)
            assert_true(fabsf(z[k] - z[0] -
                              (validation.logits[3 * i + k] - validation.logits[3 * i])) < 0.05f);
    }
    cubby_head_fini(&head);
    cubby_metrics_fini(&metrics);
    cubby_validation_fini(&validation);
    cubby_validation_fini(&validation);
    fixture_fini(&fixture);
}

// Labels by chance, four photos an item: nothing can be learned but the items themselves.
static void a_leak_shows_only_in_a_careless_split(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, 3, 240, 40, 3, 0);
    for (uint32_t i = 0; i < 240; i++) {
        fixture.groups[i] = i / 4;
        fixture.labels[i] = i / 4 % 3;
        for (uint32_t d = 0; d < 40; d++)
            fixture.features[40 * i + d] =
                fixture.features[40 * (i / 4 * 4) + d] + 0.1f * fixture_normal(&fixture);
    }
    struct cubby_validation validation;
    struct cubby_validation_params params = {0};
    assert_int_equal(cubby_validate(&validation, &fixture.samples, &params), CUBBY_OK);
    const double honest = validation.strengths[validation.chosen].accuracy;
    assert_int_equal(validation.groups, 60);
    cubby_validation_fini(&validation);
    params.careless = true;
    assert_int_equal(cubby_validate(&validation, &fixture.samples, &params), CUBBY_OK);
    const double careless = validation.strengths[validation.chosen].accuracy;
    cubby_validation_fini(&validation);
    if (honest > 0.55 || careless < 0.95)
        fail_msg("honest %g, careless %g", honest, careless);

    // Nor do copies that only train help their own photo: not even the careless split tears them.
    for (uint32_t i = 0; i < 240; i++) {
        fixture.photos[i] = i / 4;
        fixture.roles[i] = i % 4 ? CUBBY_TRAINS : CUBBY_TRAINS_AND_JUDGES;
    }
    assert_int_equal(cubby_validate(&validation, &fixture.samples, &params), CUBBY_OK);
    assert_int_equal(validation.count, 60);
    assert_true(validation.strengths[validation.chosen].accuracy < 0.55);
    cubby_validation_fini(&validation);
    fixture_fini(&fixture);
}

static void same_bytes_every_time(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, 5, 500, 24, 4, 1);
    struct cubby_validation once, again;
    size_t parts = 0;
    struct cubby_validation_params params = {.fit = {.balanced = true}, .seed = 9};
    assert_int_equal(cubby_validate(&once, &fixture.samples, &params), CUBBY_OK);
    params.fit.parallel = (struct cubby_parallel){fixture_backwards, &parts};
    assert_int_equal(cubby_validate(&again, &fixture.samples, &params), CUBBY_OK);
    assert_true(parts > 0 && once.l2 == again.l2);
    assert_memory_equal(once.logits, again.logits, 500 * 4 * sizeof(float));
    assert_memory_equal(once.fold, again.fold, 500);
    assert_memory_equal(once.strengths, again.strengths, sizeof(once.strengths));
    cubby_validation_fini(&once);
    cubby_validation_fini(&again);
    fixture_fini(&fixture);
}

static void odd_but_sound_input(void **state)
{
    (void)state;
    struct fixture fixture;
    struct cubby_validation validation;
    struct cubby_validation_params params = {0};

    // One photo is all there is of class 2: it cannot be known, and counts as a mistake.
    fixture_init(&fixture, 5, 41, 10, 2, 3);
    fixture.samples.classes = 3;
    fixture.labels[40] = 2;
    assert_int_equal(cubby_validate(&validation, &fixture.samples, &params), CUBBY_OK);
    assert_int_equal(validation.lone_classes, 1);
    const float *z = validation.logits + 120;
    assert_true(z[2] < fmaxf(z[0], z[1]) - 4 && isfinite(z[2]));
    assert_true(validation.strengths[validation.chosen].accuracy < 1);
    cubby_validation_fini(&validation);

    // Two groups, one a class: each fold trains on one class only.
    for (uint32_t i = 0; i < 41; i++)
        fixture.groups[i] = fixture.labels[i] = i % 2;
    fixture.samples.classes = 2;
    assert_int_equal(cubby_validate(&validation, &fixture.samples, &params), CUBBY_OK);
    assert_int_equal(validation.folds, 2);
    assert_true(validation.strengths[validation.chosen].accuracy == 0);
    cubby_validation_fini(&validation);

    // No photo has a weight in one of the folds' trainings.
    for (uint32_t i = 0; i < 41; i++)
        fixture.weights[i] = (float)(i % 2);
    assert_int_equal(cubby_validate(&validation, &fixture.samples, &params), CUBBY_BAD_DATA);

    // Strengths of one's own, and impossible ones.
    const double strengths[3] = {1, 0.1, 0};
    for (uint32_t i = 0; i < 41; i++) {
        fixture.groups[i] = i;
        fixture.weights[i] = 1;
    }
    params.strengths = strengths;
    params.strength_count = 2;
    params.folds = 7;
    assert_int_equal(cubby_validate(&validation, &fixture.samples, &params), CUBBY_OK);
    assert_int_equal(validation.strength_count, 2);
    assert_int_equal(validation.folds, 7);
    cubby_validation_fini(&validation);
    params.strength_count = 3;
    assert_int_equal(cubby_validate(&validation, &fixture.samples, &params), CUBBY_BAD_DATA);
    params.strength_count = 2;
    params.folds = 33;
    assert_int_equal(cubby_validate(&validation, &fixture.samples, &params), CUBBY_BAD_DATA);
    assert_null(validation.logits);
    fixture_fini(&fixture);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, 8, 60, 5, 2, 1);
    const double strength = 0.1;
    const struct cubby_validation_params params = {.strengths = &strength, .strength_count = 1};
    enum cubby_status status = CUBBY_NO_MEMORY;
    int failures = 0;
    for (int n = 1; status; n++) {
        struct cubby_validation validation;
        fail_in = n;
        status = cubby_validate(&validation, &fixture.samples, &params);
        failures += status == CUBBY_NO_MEMORY;
        assert_true(status == CUBBY_OK || status == CUBBY_NO_MEMORY);
        assert_true((validation.logits != NULL) == (status == CUBBY_OK));
        cubby_validation_fini(&validation);
    }
    assert_true(failures > 40);
    status = CUBBY_NO_MEMORY;
    failures = 0;
    for (int n = 1; status; n++) {
        struct cubby_head head;
        fail_in = n;
        status = cubby_head_fit(&head, &fixture.samples, 1, NULL, NULL);
        failures += status == CUBBY_NO_MEMORY;
        assert_true(status == CUBBY_OK || status == CUBBY_NO_MEMORY);
        assert_true((head.weight != NULL) == (status == CUBBY_OK));
        cubby_head_fini(&head);
    }
    assert_true(failures > 10);
    fail_in = 0;
    fixture_fini(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(out_of_fold_answers_are_honest),
        cmocka_unit_test(a_leak_shows_only_in_a_careless_split),
        cmocka_unit_test(same_bytes_every_time),
        cmocka_unit_test(odd_but_sound_input),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
