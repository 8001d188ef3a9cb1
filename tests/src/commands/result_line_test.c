#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "commands/result_line.h"

static const char *const names[] = {"table", "garden, bench", "\"x\""};
static const struct photo good = {
    .path = "a/b.jpg", .top = {{1, 0.75f}, {0, 0.2f}, {2, 0.05f}}, .top_count = 3};
static const struct photo bad = {
    .path = "tab\there\xff.jpg", .status = PHOTO_FAILED, .reason = "cut short"};

static void expect(enum result_format format, const struct photo *photo, const float *logits,
                   const char *expected)
{
    struct result_params params = {format, 2, names, 3};
    struct text text = {0};
    result_line(&text, &params, photo, logits);
    text_add(&text, "", 1);
    assert_false(text.failed);
    assert_string_equal(text.bytes, expected);
    text_free(&text);
}

static void test_text(void **state)
{
    (void)state;
    expect(RESULT_TEXT, &good, NULL, "a/b.jpg: garden, bench 75.0 %, table 20.0 %\n");
    expect(RESULT_TEXT, &bad, NULL, "");
}

static void test_json(void **state)
{
    (void)state;
    const float logits[3] = {-1.5f, 0.1f, INFINITY};
    expect(RESULT_JSON, &good, NULL,
           "{\"path\": \"a/b.jpg\", \"top\": [{\"class\": \"garden, bench\", \"p\": 0.750000}, "
           "{\"class\": \"table\", \"p\": 0.200000}]}\n");
    expect(RESULT_JSON, &good, logits,
           "{\"path\": \"a/b.jpg\", \"top\": [{\"class\": \"garden, bench\", \"p\": 0.750000}, "
           "{\"class\": \"table\", \"p\": 0.200000}], \"logits\": [-1.5, 0.100000001, null]}\n");
    expect(RESULT_JSON, &bad, NULL,
           "{\"path\": \"tab\\there\\udcff.jpg\", \"status\": \"failed\", \"reason\": "
           "\"cut short\"}\n");
}

static void test_csv(void **state)
{
    (void)state;
    expect(RESULT_CSV, &good, NULL,
           "a/b.jpg,classified,,\"garden, bench\",0.750000,table,0.200000\r\n");
    expect(RESULT_CSV, &bad, NULL, "tab\there\ufffd.jpg,failed,cut short,,,,\r\n");
    struct result_params params = {RESULT_CSV, 2, names, 3};
    struct text text = {0};
    result_header(&text, &params);
    text_add(&text, "", 1);
    assert_string_equal(text.bytes, "path,status,reason,class_1,p_1,class_2,p_2\r\n");
    text_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_csv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
