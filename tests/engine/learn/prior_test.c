// Fits that begin from what is known already.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/learn.h"

enum { CLASSES = 3, DIMS = 3, COUNT = 40 };

// Two classes that lie apart in the first feature; the second varies, the third does not.
static float features[COUNT][DIMS];
static uint32_t labels[COUNT];
static struct cubby_float_rows rows = {features[0], DIMS};

// Knows that class 2 is where the third feature is large, and little of the others.
static float prior_weight[CLASSES * DIMS] = {0.1f, 0, 0, -0.1f, 0, 0, 0, 0, 2};
static float prior_bias[CLASSES] = {0.5f, 0, -4};
static const struct cubby_head prior = {prior_weight, prior_bias, CLASSES, DIMS};

static struct cubby_samples make_samples(void)
{
    for (uint32_t i = 0; i < COUNT; i++) {
        labels[i] = i % 2;
        features[i][0] = (labels[i] ? -2.0f : 2.0f) + (float)(i % 5) * 0.3f;
        features[i][1] = (float)(i % 7) - 3;
        features[i][2] = 0.25f;
    }
    return (struct cubby_samples){.row = cubby_float_row,
                                  .user = &rows,
                                  .labels = labels,
                                  .count = COUNT,
                                  .dims = DIMS,
                                  .classes = CLASSES};
}

static void assert_same_answers(const struct cubby_head *a, const struct cubby_head *b,
                                const float *x, double tolerance)
{
    float one[CLASSES], other[CLASSES];
    cubby_head_apply(a, x, one);
    cubby_head_apply(b, x, other);
    for (int k = 0; k < CLASSES; k++)
        if (fabs((double)one[k] - (double)other[k]) > tolerance)
            fail_msg("class %d: %g and %g", k, (double)one[k], (double)other[k]);
}

static void test_strong_penalty_keeps_what_is_known(void **state)
{
    (void)state;
    struct cubby_samples samples = make_samples();
    const struct cubby_fit_params params = {.prior = &prior};
    struct cubby_head head;
    assert_int_equal(cubby_head_fit(&head, &samples, 1e6, &params, NULL), CUBBY_OK);
    // Where the constant feature has another value, too.
    static const float points[][DIMS] = {{0, 0, 0}, {2, -1, 0.25f}, {-3, 2, 10}, {100, 5, -7}};
    for (size_t i = 0; i < 4; i++)
        assert_same_answers(&head, &prior, points[i], 1e-3);
    cubby_head_fini(&head);
}

static void test_class_without_samples_is_not_forgotten(void **state)
{
    (void)state;
    struct cubby_samples samples = make_samples();
    const struct cubby_fit_params with = {.prior = &prior};
    struct cubby_head head;
    assert_int_equal(cubby_head_fit(&head, &samples, 0.01, &with, NULL), CUBBY_OK);
    float logits[CLASSES];
    for (uint32_t i = 0; i < COUNT; i++) { // learned
        cubby_head_apply(&head, features[i], logits);
        assert_true(logits[labels[i]] > logits[1 - labels[i]] && logits[labels[i]] > logits[2]);
    }
    const float large[DIMS] = {0, 0, 10}; // and known as before
    cubby_head_apply(&head, large, logits);
    assert_true(logits[2] > logits[0] && logits[2] > logits[1]);
    cubby_head_fini(&head);
    const struct cubby_fit_params without = {0};
    assert_int_equal(cubby_head_fit(&head, &samples, 0.01, &without, NULL), CUBBY_BAD_DATA);
}

// One class alone says nothing of the others, but biases do not run away.
static void test_one_class_alone(void **state)
{
    (void)state;
    struct cubby_samples samples = make_samples();
    for (uint32_t i = 0; i < COUNT; i++)
        labels[i] = 1;
    const struct cubby_fit_params params = {.prior = &prior};
    struct cubby_fit_report report;
    struct cubby_head head;
    assert_int_equal(cubby_head_fit(&head, &samples, 0.1, &params, &report), CUBBY_OK);
    assert_true(report.converged);
    for (int k = 0; k < CLASSES; k++)
        assert_true(fabsf(head.bias[k]) < 10);
    cubby_head_fini(&head);
}

static void test_validation_takes_it_along(void **state)
{
    (void)state;
    struct cubby_samples samples = make_samples();
    // So strong that the folds can only answer as the prior does.
    const double strength = 1e6;
    const struct cubby_validation_params params = {
        .fit = {.prior = &prior}, .strengths = &strength, .strength_count = 1};
    struct cubby_validation validation;
    assert_int_equal(cubby_validate(&validation, &samples, &params), CUBBY_OK);
    assert_int_equal(validation.count, COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        float expected[CLASSES];
        cubby_head_apply(&prior, features[validation.judged[i]], expected);
        for (int k = 0; k < CLASSES; k++)
            assert_true(fabsf(validation.logits[i * CLASSES + (uint32_t)k] - expected[k]) < 1e-3f);
    }
    cubby_validation_fini(&validation);
}

// Slack prefers what is nearer to the prior, and gives the answers of that strength.
static void test_slack(void **state)
{
    (void)state;
    struct cubby_samples samples = make_samples();
    for (uint32_t i = 0; i < COUNT; i += 8)
        labels[i] = 1 - labels[i]; // so that there is an error to be compared with
    struct cubby_validation_params params = {.fit = {.prior = &prior}};
    struct cubby_validation plain, slack;
    assert_int_equal(cubby_validate(&plain, &samples, &params), CUBBY_OK);
    params.slack = 1;
    assert_int_equal(cubby_validate(&slack, &samples, &params), CUBBY_OK);
    const struct cubby_strength *best = &plain.strengths[plain.chosen];
    assert_true(slack.chosen < plain.chosen && slack.l2 > plain.l2);
    for (uint32_t i = 0; i < slack.chosen; i++)
        assert_true(slack.strengths[i].loss > best->loss + best->loss_error);
    params.slack = 0;
    params.strengths = &slack.l2;
    params.strength_count = 1;
    struct cubby_validation alone;
    assert_int_equal(cubby_validate(&alone, &samples, &params), CUBBY_OK);
    for (uint32_t i = 0; i < alone.count * CLASSES; i++)
        assert_true(fabsf(alone.logits[i] - slack.logits[i]) < 0.05f);
    cubby_validation_fini(&plain);
    cubby_validation_fini(&slack);
    cubby_validation_fini(&alone);
}

static void test_other_size(void **state)
{
    (void)state;
    struct cubby_samples samples = make_samples();
    const struct cubby_head other = {prior_weight, prior_bias, CLASSES - 1, DIMS};
    const struct cubby_fit_params params = {.prior = &other};
    struct cubby_head head;
    assert_int_equal(cubby_head_fit(&head, &samples, 1, &params, NULL), CUBBY_BAD_DATA);
    assert_null(head.weight);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strong_penalty_keeps_what_is_known),
        cmocka_unit_test(test_class_without_samples_is_not_forgotten),
        cmocka_unit_test(test_one_class_alone),
        cmocka_unit_test(test_validation_takes_it_along),
        cmocka_unit_test(test_slack),
        cmocka_unit_test(test_other_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
