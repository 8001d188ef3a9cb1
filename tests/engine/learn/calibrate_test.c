#include "engine/learn/fixture.h"

#include "engine/metrics.h"

// Labels drawn with the probabilities softmax(z): logits z * loud then have the temperature `loud`.
static void draw(struct fixture *fixture, float *logits, uint32_t *labels, uint32_t count,
                 uint32_t classes, float loud)
{
    for (uint32_t i = 0; i < count; i++) {
        float *z = logits + (size_t)i * classes, p[16];
        for (uint32_t k = 0; k < classes; k++)
            z[k] = 2 * fixture_normal(fixture);
        cubby_softmax(z, classes, 1, p);
        double left = (double)(fixture_next(fixture) >> 11) * 0x1p-53;
        labels[i] = 0;
        for (uint32_t k = 0; k + 1 < classes && left >= (double)p[k]; k++) {
            left -= (double)p[k];
            labels[i] = k + 1;
        }
        for (uint32_t k = 0; k < classes; k++)
            z[k] *= loud;
    }
}

enum { COUNT = 4000, CLASSES = 5 };
static float logits[COUNT * CLASSES];
static uint32_t labels[COUNT];

static void temperature_is_found(void **state)
{
    (void)state;
    struct fixture random = {.random = 1};
    for (int i = -3; i <= 3; i++) {
        const float loud = ldexpf(1, i);
        draw(&random, logits, labels, COUNT, CLASSES, loud);
        double temperature;
        assert_int_equal(cubby_temperature_fit(&temperature, logits, labels, COUNT, CLASSES),
                         CUBBY_OK);
        if (fabs(temperature / (double)loud - 1) > 0.08)
            fail_msg("temperature %g instead of %g", temperature, (double)loud);

        // The answers are then as sure as they are right.
        struct cubby_metrics metrics;
        assert_int_equal(cubby_metrics_init(&metrics, CLASSES), CUBBY_OK);
        for (uint32_t s = 0; s < COUNT; s++) {
            float p[CLASSES];
            cubby_softmax(logits + s * CLASSES, CLASSES, temperature, p);
            assert_int_equal(cubby_metrics_add(&metrics, labels[s], p), CUBBY_OK);
        }
        cubby_metrics_finish(&metrics);
        assert_true(metrics.calibration_error < 0.03);
        cubby_metrics_fini(&metrics);
    }
}

static void temperature_is_bounded(void **state)
{
    (void)state;
    double temperature;
    // All right, by far: sure, but no surer than one in twice as many may be wrong.
    for (uint32_t i = 0; i < 100; i++) {
        labels[i] = i % 3;
        for (uint32_t k = 0; k < 3; k++)
            logits[i * 3 + k] = k == labels[i] ? 10 : 0;
    }
    assert_int_equal(cubby_temperature_fit(&temperature, logits, labels, 100, 3), CUBBY_OK);
    assert_true(temperature > 1 && temperature < 3);
    float p[3];
    cubby_softmax(logits, 3, temperature, p);
    assert_true(p[0] > 0.99f && p[0] < 0.998f);

    // All wrong: as unsure as can be. All the same: nothing to know.
    for (uint32_t i = 0; i < 100; i++)
        labels[i] = (i + 1) % 3;
    assert_int_equal(cubby_temperature_fit(&temperature, logits, labels, 100, 3), CUBBY_OK);
    assert_true(temperature > 50 && temperature <= 100.001);
    memset(logits, 0, sizeof(logits));
    assert_int_equal(cubby_temperature_fit(&temperature, logits, labels, 100, 3), CUBBY_OK);
    assert_true(temperature >= 0.0099 && temperature <= 100.001);

    // Enormous, and none, and one class.
    logits[0] = 3e38f;
    logits[1] = -3e38f;
    assert_int_equal(cubby_temperature_fit(&temperature, logits, labels, 100, 3), CUBBY_OK);
    assert_true(isfinite(temperature) && temperature > 0);
    assert_int_equal(cubby_temperature_fit(&temperature, logits, labels, 0, 3), CUBBY_OK);
    assert_true(temperature == 1);
    memset(labels, 0, sizeof(labels));
    assert_int_equal(cubby_temperature_fit(&temperature, logits, labels, 100, 1), CUBBY_OK);
    assert_true(temperature == 1);
}

static void bad_input(void **state)
{
    (void)state;
    double temperature;
    struct cubby_threshold threshold;
    for (int i = 0; i < 3; i++) {
        memset(logits, 0, sizeof(logits));
        memset(labels, 0, sizeof(labels));
        if (i == 2)
            labels[9] = 3;
        else
            logits[29] = i ? NAN : INFINITY;
        assert_int_equal(cubby_temperature_fit(&temperature, logits, labels, 10, 3),
                         CUBBY_BAD_DATA);
        assert_int_equal(cubby_threshold_find(&threshold, logits, labels, 10, 3, 1, 0.9),
                         CUBBY_BAD_DATA);
        assert_false(threshold.reachable);
    }
    assert_int_equal(cubby_threshold_find(&threshold, logits, labels, 0, 3, 1, 0.9), CUBBY_OK);
    assert_true(!threshold.reachable && threshold.threshold == 1);
    memset(labels, 0, sizeof(labels));
    assert_int_equal(cubby_threshold_find(&threshold, logits, labels, 9, 3, 0, 0.9),
                     CUBBY_BAD_DATA);
}

// Two classes; the surer half of the answers is right, the other half wrong.
static void threshold_parts_right_from_wrong(void **state)
{
    (void)state;
    struct cubby_threshold threshold;
    for (uint32_t i = 0; i < 200; i++) {
        logits[2 * i] = (float)((i * 37) % 200) / 50 + 0.01f;
        logits[2 * i + 1] = 0;
        labels[i] = (i * 37) % 200 < 100;
    }
    assert_int_equal(cubby_threshold_find(&threshold, logits, labels, 200, 2, 1, 0.9), CUBBY_OK);
    assert_true(threshold.reachable && threshold.lower >= 0.9);
    // All 100 right ones, and as many wrong ones as the bound allows.
    assert_int_equal(threshold.right, 100);
    assert_true(threshold.precision >= 0.9 && threshold.kept > 100 && threshold.kept < 111);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < 200; i++) {
        float p[2];
        cubby_softmax(logits + 2 * i, 2, 1, p);
        kept += (double)p[0] >= threshold.threshold;
    }
    assert_int_equal(kept, threshold.kept);
    assert_true(cubby_wilson(100, kept + 1, 1.2815515655446004).low < 0.9);

    assert_int_equal(cubby_threshold_find(&threshold, logits, labels, 200, 2, 1, 0.99), CUBBY_OK);
    assert_true(!threshold.reachable && threshold.threshold == 1 && threshold.kept == 0);
    assert_int_equal(cubby_threshold_find(&threshold, logits, labels, 200, 2, 1, 0), CUBBY_OK);
    assert_true(threshold.reachable && threshold.kept == 200);
}

// As the header says: 32 right answers for 0.95, 163 for 0.99; equal answers go together.
static void threshold_needs_enough_photos(void **state)
{
    (void)state;
    memset(labels, 0, sizeof(labels));
    struct cubby_threshold threshold;
    for (uint32_t i = 0; i < COUNT; i++) {
        logits[2 * i] = 3;
        logits[2 * i + 1] = 0;
    }
    const struct {
        uint32_t count;
        double target;
        bool reachable;
    } cases[] = {{31, 0.95, false}, {32, 0.95, true}, {162, 0.99, false}, {163, 0.99, true}};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(
            cubby_threshold_find(&threshold, logits, labels, cases[i].count, 2, 1, cases[i].target),
            CUBBY_OK);
        assert_int_equal(threshold.reachable, cases[i].reachable);
        assert_int_equal(threshold.kept, cases[i].reachable ? cases[i].count : 0);
    }
    labels[5] = 1; // as sure as all the others
    assert_int_equal(cubby_threshold_find(&threshold, logits, labels, 40, 2, 1, 0.95), CUBBY_OK);
    assert_false(threshold.reachable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(temperature_is_found),
        cmocka_unit_test(temperature_is_bounded),
        cmocka_unit_test(bad_input),
        cmocka_unit_test(threshold_parts_right_from_wrong),
        cmocka_unit_test(threshold_needs_enough_photos),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
