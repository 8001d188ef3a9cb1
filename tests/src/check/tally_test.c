#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "src/check/example.h"

static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g"};

static void near(double value, double expected)
{
    if (!(fabs(value - expected) < 1e-5))
        fail_msg("%.7f is not %.7f", value, expected);
}

static void test_figures(void **state)
{
    (void)state;
    struct check_report report;
    example_fill(&report, names, 10);
    const struct cubby_metrics *metrics = &report.metrics;
    assert_int_equal(metrics->count, 5);
    assert_int_equal(metrics->right, 3);
    near(metrics->accuracy, 0.6);
    near(report.mean_p, 0.73);
    // Each photo is alone in its bin: (0.1 + 0.8 + 0.4 + 0.6 + 0.95) / 5.
    near(metrics->calibration_error, 0.57);
    assert_int_equal(report.above, 4);
    assert_int_equal(report.above_right, 2);
    near(metrics->per_class[0].precision, 0.5);
    near(metrics->per_class[0].recall, 0.5);
    near(metrics->per_class[1].precision, 2 / 3.0);
    near(metrics->per_class[1].recall, 1);
    assert_true(isnan(metrics->per_class[2].precision));
    near(metrics->per_class[2].recall, 0);
    check_report_fini(&report);
}

static void test_interval_counts_items(void **state)
{
    (void)state;
    struct check_report report;
    example_fill(&report, names, 10);
    // Items of 2, 1, 1 and 1 photos: 5^2 / 7 = 3 of them, of which 0.6 * 3 = 2 are right.
    assert_int_equal(report.items, 4);
    near(report.interval.low, 0.207655);
    near(report.interval.high, 0.938516);
    // Without items it is that of 3 of 5.
    near(report.metrics.accuracy_interval.low, 0.230724);
    near(report.metrics.accuracy_interval.high, 0.882379);
    check_report_fini(&report);
}

static void test_bursts_are_items(void **state)
{
    (void)state;
    static const char *const captured[] = {"2021-07-03 14:05:09", "2021-07-03 14:05:12",
                                           "2021-07-03 14:05:15", "2021-07-03 18:00:00"};
    struct check_report report = {.class_names = names, .class_count = 3};
    struct check_tally tally;
    enum check_added added;
    uint32_t as;
    char path[32];
    assert_int_equal(check_tally_init(&tally, &report, false, 3), CUBBY_OK);
    for (int i = 0; i < 4; i++) {
        struct photo photo = example_photo(&example_photos[0], (uint64_t)i);
        strcpy(photo.captured, captured[i]);
        snprintf(path, sizeof(path), "a/IMG_%04d.jpg", 10 + i);
        assert_int_equal(check_tally_add(&tally, &photo, NULL, 0, path, &added, &as), CUBBY_OK);
    }
    assert_int_equal(check_tally_finish(&tally), CUBBY_OK);
    assert_int_equal(report.items, 2);
    // 4^2 / (3^2 + 1^2) = 1 whole one, and it is right.
    near(report.interval.low, 0.206543);
    near(report.interval.high, 1);
    check_report_fini(&report);
    check_tally_fini(&tally);
}

static void test_pairs_are_in_order(void **state)
{
    (void)state;
    static const struct check_pair expected[] = {{0, 0, 1}, {0, 1, 1}, {1, 1, 2}, {2, 0, 1}};
    struct check_report report;
    example_fill(&report, names, 10);
    assert_int_equal(report.pair_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(report.pairs[i].truth, expected[i].truth);
        assert_int_equal(report.pairs[i].predicted, expected[i].predicted);
        assert_int_equal(report.pairs[i].photos, expected[i].photos);
    }
    assert_ptr_equal(check_report_worst(&report, 0), &report.pairs[1]);
    assert_null(check_report_worst(&report, 1));
    assert_ptr_equal(check_report_worst(&report, 2), &report.pairs[3]);
    check_report_fini(&report);
}

static void test_most_confident_mistakes(void **state)
{
    (void)state;
    static const char *const expected[] = {"c/5.jpg", "a/job/2.jpg"};
    for (uint32_t most = 0; most <= 3; most++) {
        struct check_report report;
        example_fill(&report, names, most);
        assert_int_equal(report.mistake_count, most < 2 ? most : 2);
        for (uint32_t i = 0; i < report.mistake_count; i++)
            assert_string_equal(report.mistakes[i].path, expected[i]);
        check_report_fini(&report);
    }
}

static void test_equally_confident_ones_stay_in_order(void **state)
{
    (void)state;
    struct check_report report = {.class_names = names, .class_count = 3};
    struct check_tally tally;
    enum check_added added;
    uint32_t as;
    char path[16];
    assert_int_equal(check_tally_init(&tally, &report, false, 3), CUBBY_OK);
    for (int i = 0; i < 9; i++) {
        const struct example_photo like = {"", 0, 1, i % 2 ? 0.7f : 0.6f};
        const struct photo photo = example_photo(&like, (uint64_t)i);
        snprintf(path, sizeof(path), "a/%d.jpg", i);
        assert_int_equal(check_tally_add(&tally, &photo, NULL, 0, path, &added, &as), CUBBY_OK);
    }
    assert_string_equal(report.mistakes[0].path, "a/1.jpg");
    assert_string_equal(report.mistakes[1].path, "a/3.jpg");
    assert_string_equal(report.mistakes[2].path, "a/5.jpg");
    check_tally_fini(&tally);
    check_report_fini(&report);
}

static void test_the_same_content_counts_once(void **state)
{
    (void)state;
    struct check_report report = {.class_names = names, .class_count = 3};
    struct check_tally tally;
    enum check_added added;
    uint32_t as;
    const struct photo photo = example_photo(&example_photos[0], 7);
    assert_int_equal(check_tally_init(&tally, &report, false, 3), CUBBY_OK);
    assert_int_equal(check_tally_add(&tally, &photo, NULL, 0, "a/1.jpg", &added, &as), CUBBY_OK);
    assert_int_equal(added, CHECK_COUNTED);
    assert_int_equal(check_tally_add(&tally, &photo, NULL, 0, "a/2.jpg", &added, &as), CUBBY_OK);
    assert_int_equal(added, CHECK_COPY);
    assert_int_equal(check_tally_add(&tally, &photo, NULL, 2, "c/1.jpg", &added, &as), CUBBY_OK);
    assert_int_equal(added, CHECK_CONTRADICTION);
    assert_int_equal(as, 0);
    assert_int_equal(report.copies, 2);
    assert_int_equal(check_tally_finish(&tally), CUBBY_OK);
    assert_int_equal(report.metrics.count, 1);
    assert_int_equal(report.items, 0);
    check_tally_fini(&tally);
    check_report_fini(&report);
}

// Seven classes, of which a photo names the best five; the truth is the last.
static double loss_of(bool sigmoid, const float *logits)
{
    const struct photo photo = {.top = {{0, 0.3f}, {1, 0.2f}, {2, 0.15f}, {3, 0.12f}, {4, 0.1f}},
                                .top_count = PHOTO_TOP};
    struct check_report report = {.class_names = names, .class_count = 7};
    struct check_tally tally;
    enum check_added added;
    uint32_t as;
    assert_int_equal(check_tally_init(&tally, &report, sigmoid, 0), CUBBY_OK);
    assert_int_equal(check_tally_add(&tally, &photo, logits, 6, "g/1.jpg", &added, &as), CUBBY_OK);
    assert_int_equal(check_tally_finish(&tally), CUBBY_OK);
    const double loss = report.metrics.log_loss;
    assert_int_equal(report.metrics.right, 0);
    check_tally_fini(&tally);
    check_report_fini(&report);
    return loss;
}

static void test_all_probabilities_count(void **state)
{
    (void)state;
    const float p[7] = {0.3f, 0.2f, 0.15f, 0.12f, 0.1f, 0.08f, 0.05f};
    float softmax[7], sigmoid[7];
    for (int i = 0; i < 7; i++) {
        softmax[i] = logf(p[i]) + 3;
        sigmoid[i] = logf(p[i] / (1 - p[i]));
    }
    near(loss_of(false, softmax), -log(0.05));
    near(loss_of(true, sigmoid), -log(0.05));
    // Logits that say otherwise do not lift a class above those that were found to be the best.
    const float odd[7] = {0, 0, 0, 0, 0, NAN, 50};
    near(loss_of(false, odd), -log(0.1));
    assert_true(loss_of(false, NULL) > 30);
}

static void test_nothing_and_too_many_classes(void **state)
{
    (void)state;
    struct check_report report = {.class_names = names, .class_count = 3};
    struct check_tally tally;
    assert_int_equal(check_tally_init(&tally, &report, false, 3), CUBBY_OK);
    assert_int_equal(check_tally_finish(&tally), CUBBY_OK);
    assert_int_equal(report.metrics.count, 0);
    assert_true(isnan(report.mean_p));
    check_tally_fini(&tally);
    check_report_fini(&report);

    report = (struct check_report){.class_names = names, .class_count = 100000};
    assert_int_equal(check_tally_init(&tally, &report, false, 3), CUBBY_TOO_LARGE);
    check_tally_fini(&tally);
    check_report_fini(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_interval_counts_items),
        cmocka_unit_test(test_bursts_are_items),
        cmocka_unit_test(test_pairs_are_in_order),
        cmocka_unit_test(test_most_confident_mistakes),
        cmocka_unit_test(test_equally_confident_ones_stay_in_order),
        cmocka_unit_test(test_the_same_content_counts_once),
        cmocka_unit_test(test_all_probabilities_count),
        cmocka_unit_test(test_nothing_and_too_many_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
