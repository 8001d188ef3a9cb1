#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "progress.h"

static void expect_duration(double seconds, const char *expected)
{
    char text[64];
    progress_format_duration(text, sizeof(text), seconds);
    assert_string_equal(text, expected);
}

static void test_durations(void **state)
{
    (void)state;
    expect_duration(0.24, "0.2 s");
    expect_duration(9.96, "10 s");
    expect_duration(59.4, "59 s");
    expect_duration(59.6, "1 min 00 s");
    expect_duration(185, "3 min 05 s");
    expect_duration(3720, "1 h 02 min");
    expect_duration(47 * 3600.0, "47 h 00 min");
    expect_duration(51 * 3600.0, "2 days 3 h");
    expect_duration(-5, "0 s");
    expect_duration(1e300, "0 s");
}

static void expect_count(uint64_t count, const char *expected)
{
    char text[32];
    progress_format_count(text, sizeof(text), count);
    assert_string_equal(text, expected);
}

static void test_counts(void **state)
{
    (void)state;
    expect_count(0, "0");
    expect_count(999, "999");
    expect_count(1000, "1,000");
    expect_count(1234567, "1,234,567");
    expect_count(UINT64_MAX, "18,446,744,073,709,551,615");
    char cut[6];
    progress_format_count(cut, sizeof(cut), 123456789);
    assert_true(strlen(cut) < sizeof(cut));
}

static void test_line(void **state)
{
    (void)state;
    struct pipeline_stats stats = {
        .settled = 1234, .threads = 4, .busy = {1, 30, 20, 2}, .seconds = 60};
    struct progress_count count = {.found = 56789, .found_final = true, .failed = 3};
    char text[256];
    progress_format(text, sizeof(text), &stats, &count, 12.34);
    assert_string_equal(text, "1,234 of 56,789 files, 12.3/s, 1 h 15 min left, limited by the "
                              "network, 3 failed");
    // The count still grows: nothing can be said about the end.
    count.found_final = false;
    count.failed = 0;
    stats.threads = 1;
    progress_format(text, sizeof(text), &stats, &count, 1234.0);
    assert_string_equal(text, "1,234 of 56,789+ files, 1234/s, limited by decoding");
    count.found = 0;
    progress_format(text, sizeof(text), &stats, &count, 0);
    assert_string_equal(text, "1,234 files");
    progress_format(text, 8, &stats, &count, 0);
    assert_string_equal(text, "1,234 f");
}

static void test_limits(void **state)
{
    (void)state;
    struct pipeline_stats stats = {.threads = 2, .busy = {9, 3, 5, 4}};
    assert_int_equal(pipeline_limit(&stats), STAGE_READ);
    stats.busy[STAGE_FILE] = 7;
    assert_int_equal(pipeline_limit(&stats), STAGE_FILE);
    stats.busy[STAGE_NETWORK] = 8;
    assert_int_equal(pipeline_limit(&stats), STAGE_NETWORK);
    stats = (struct pipeline_stats){0};
    assert_non_null(pipeline_stage_text(pipeline_limit(&stats)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
