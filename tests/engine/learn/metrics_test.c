#include "engine/learn/fixture.h"

#include "engine/metrics.h"

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-6;
}

// Figures of statsmodels' proportion_confint(method="wilson").
static void wilson_intervals(void **state)
{
    (void)state;
    const struct {
        uint64_t right, count;
        double low, high;
    } cases[] = {{0, 10, 0, 0.2775328},           {10, 10, 0.7224672, 1},
                 {5, 10, 0.2365931, 0.7634069},   {1, 1, 0.2065493, 1},
                 {95, 100, 0.8882498, 0.9784560}, {0, 0, 0, 1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct cubby_interval interval =
            cubby_wilson(cases[i].right, cases[i].count, 1.959963984540054);
        assert_true(near(interval.low, cases[i].low) && near(interval.high, cases[i].high));
    }
}

static void softmax_is_safe(void **state)
{
    (void)state;
    float z[3] = {1000, 999, -1e30f};
    cubby_softmax(z, 3, 1, z);
    assert_true(near(z[0], 0.7310586) && near(z[1], 0.2689414) && z[2] == 0);
    const float logits[2] = {2, 0};
    cubby_softmax(logits, 2, 2, z);
    assert_true(near(z[0], 0.7310586));
}

static void small_example(void **state)
{
    (void)state;
    struct cubby_metrics metrics;
    assert_int_equal(cubby_metrics_init(&metrics, 3), CUBBY_OK);
    assert_true(isnan(metrics.accuracy) && isnan(metrics.log_loss));
    assert_true(metrics.accuracy_interval.low == 0 && metrics.accuracy_interval.high == 1);
    const struct {
        uint32_t truth;
        float p[3];
    } photos[] = {
        {0, {0.7f, 0.2f, 0.1f}},   {0, {0.1f, 0.9f, 0}}, {1, {0.4f, 0.4f, 0.2f}}, // a tie: 0
        {1, {0.1f, 0.75f, 0.15f}}, {1, {0, 1, 0}},       {0, {0, 1, 0}},          // p[truth] is 0
    };
    for (int i = 0; i < 6; i++)
        assert_int_equal(cubby_metrics_add(&metrics, photos[i].truth, photos[i].p), CUBBY_OK);
    // What makes no sense is refused and not counted.
    assert_int_equal(cubby_metrics_add(&metrics, 3, photos[0].p), CUBBY_BAD_DATA);
    assert_int_equal(cubby_metrics_add(&metrics, 0, (float[]){NAN, 1, 0}), CUBBY_BAD_DATA);
    assert_int_equal(cubby_metrics_add(&metrics, 0, (float[]){2, -1, 0}), CUBBY_BAD_DATA);
    for (int again = 0; again < 2; again++)
        cubby_metrics_finish(&metrics);

    assert_int_equal(metrics.count, 6);
    assert_true(near(metrics.accuracy, 0.5));
    const uint64_t confusion[9] = {1, 2, 0, 1, 2, 0, 0, 0, 0};
    assert_memory_equal(metrics.confusion, confusion, sizeof(confusion));
    assert_true(near(metrics.per_class[0].precision, 1 / 2.0));
    assert_true(near(metrics.per_class[0].recall, 1 / 3.0));
    assert_true(near(metrics.per_class[1].precision, 2 / 4.0));
    assert_true(near(metrics.per_class[1].recall, 2 / 3.0));
    assert_true(isnan(metrics.per_class[2].precision) && isnan(metrics.per_class[2].recall));
    const double loss = -(log(0.7) + log(0.1) + log(0.4) + log(0.75) + log(1e-15)) / 6;
    assert_true(fabs(metrics.log_loss - loss) < 1e-5);
    // Bins: 0.7 in 10, 0.9 in 13, 0.4 in 5 or 6 (0.4f is a little above 6/15), 0.75 in 11, 1 in 14.
    assert_int_equal(metrics.bins[10].count, 1);
    assert_int_equal(metrics.bins[13].count, 1);
    assert_int_equal(metrics.bins[11].count, 1);
    assert_int_equal(metrics.bins[14].count, 2);
    assert_int_equal(metrics.bins[14].right, 1);
    assert_true(near(metrics.bins[14].confidence, 1) && isnan(metrics.bins[0].confidence));
    const double error = (fabs(1 - 0.7) + 0.9 + 0.4 + fabs(1 - 0.75) + fabs(1 - 2.0)) / 6;
    assert_true(near(metrics.calibration_error, error));
    cubby_metrics_fini(&metrics);
    cubby_metrics_fini(&metrics);
}

static void bins_have_their_upper_edge(void **state)
{
    (void)state;
    struct cubby_metrics metrics;
    assert_int_equal(cubby_metrics_init(&metrics, 1), CUBBY_OK);
    for (uint32_t i = 0; i <= 30; i++)
        assert_int_equal(
            cubby_metrics_add(&metrics, 0, (float[]){(float)i / 30.0f - 1e-6f * (i > 0)}),
            CUBBY_OK);
    assert_int_equal(metrics.bins[0].count, 3); // 0 too
    for (int i = 1; i < CUBBY_CALIBRATION_BINS; i++)
        assert_int_equal(metrics.bins[i].count, 2);
    cubby_metrics_fini(&metrics);
}

static void numbers_of_classes_have_a_limit(void **state)
{
    (void)state;
    struct cubby_metrics metrics;
    assert_int_equal(cubby_metrics_init(&metrics, 0), CUBBY_TOO_LARGE);
    assert_int_equal(cubby_metrics_init(&metrics, 8193), CUBBY_TOO_LARGE);
    assert_int_equal(cubby_metrics_init(&metrics, 1000), CUBBY_OK);
    cubby_metrics_fini(&metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wilson_intervals),
        cmocka_unit_test(softmax_is_safe),
        cmocka_unit_test(small_example),
        cmocka_unit_test(bins_have_their_upper_edge),
        cmocka_unit_test(numbers_of_classes_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
