#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "check/character.h"
#include "src/check/example.h"

static const char *const names[] = {"table", "\x1b[1m\"chair\"", "\xe6\xa4\x85\xe5\xad\x90 c"};

static char *ended(struct text *text)
{
    text_add(text, "", 1);
    assert_false(text->failed);
    return text->bytes;
}

static void test_text(void **state)
{
    (void)state;
    struct check_report report;
    struct text text = {0};
    example_fill(&report, names, 10);
    report.found = 9;
    report.outside = 3;
    report.not_photos = 1;
    report.outsiders[0] = (struct check_left_out){.name = strdup("misc"), .files = 2};
    report.outsiders[1] = (struct check_left_out){.name = strdup(""), .files = 1};
    report.outsider_count = 2;
    check_report_text(&text, &report);
    assert_string_equal(
        ended(&text), "5 photos of photos\n"
                      "checked with m.safetensors\n"
                      "\n"
                      "accuracy     60.0 % (3 of 5 right), 95 % interval 20.8 to 93.9 %\n"
                      "             it counts items, by folder and burst, instead of photos: 4\n"
                      "calibration  73.0 % sure on average; expected calibration error 57.0 %\n"
                      "threshold    0.5: 4 photos (80.0 %) reach it, 50.0 % of them right\n"
                      "\n"
                      "class                   photos   recall  precision  most often taken for\n"
                      "table                        2   50.0 %     50.0 %  \\x1b[1m\"chair\" (1)\n"
                      "\\x1b[1m\"chair\"               2  100.0 %     66.7 %\n"
                      "椅子 c                       1    0.0 %          -  table (1)\n"
                      "\n"
                      "confusion: rows are what the photos are, columns what the model says\n"
                      "                     1   2   3\n"
                      "  1 table            1   1   .\n"
                      "  2 \\x1b[1m\"chair\"   .   2   .\n"
                      "  3 椅子 c           1   .   .\n"
                      "\n"
                      "most confident mistakes\n"
                      " 95.0 %  table, but it is in c/5.jpg\n"
                      " 80.0 %  \\x1b[1m\"chair\", but it is in a/job/2.jpg\n"
                      "\n"
                      "left out, of 9 files found\n"
                      "       1  not photos\n"
                      "       3  in no folder of a class, and so not looked at:\n"
                      "               2  in misc\n"
                      "               1  beside the folders\n");
    text_free(&text);
    check_report_fini(&report);
}

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        fail_msg("%s is no number", key);
    return json_number_value(value);
}

static void test_json(void **state)
{
    (void)state;
    struct check_report report;
    struct text text = {0};
    example_fill(&report, names, 10);
    report.failed = 1;
    report.failures[0] =
        (struct check_left_out){.name = strdup("b/\"x\"\n.jpg"), .reason = strdup("empty file")};
    report.failure_count = 1;
    check_report_json(&text, &report);
    json_t *json = json_loads(ended(&text), JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    assert_ptr_equal(strchr(text.bytes, '\n'), text.bytes + text.length - 2); // one line
    assert_float_equal((float)number(json, "accuracy"), 0.6f, 1e-6f);
    assert_float_equal((float)number(json, "calibration_error"), 0.57f, 1e-6f);
    assert_float_equal((float)number(json, "above_accuracy"), 0.5, 1e-6f);
    assert_float_equal((float)number(json, "above_share"), 0.8f, 1e-6f);
    assert_float_equal((float)number(json_object_get(json, "files"), "checked"), 5, 0);
    const json_t *classes = json_object_get(json, "classes");
    assert_int_equal(json_array_size(classes), 3);
    assert_string_equal(json_string_value(json_object_get(json_array_get(classes, 1), "class")),
                        names[1]);
    assert_float_equal((float)number(json_array_get(classes, 1), "precision"), 0.666667f, 1e-6f);
    assert_true(json_is_null(json_object_get(json_array_get(classes, 2), "precision")));
    assert_int_equal(json_array_size(json_object_get(json, "confusion")), 4);
    assert_int_equal(json_array_size(json_object_get(json, "calibration")), 15);
    assert_int_equal(json_array_size(json_object_get(json, "mistakes")), 2);
    const json_t *failure = json_array_get(json_object_get(json, "failures"), 0);
    assert_string_equal(json_string_value(json_object_get(failure, "path")), "b/\"x\"\n.jpg");
    json_decref(json);
    text_free(&text);
    check_report_fini(&report);
}

// Many classes with long names: a list instead of a matrix, and no line over 80 columns.
static void test_many_classes_stay_readable(void **state)
{
    (void)state;
    enum { CLASSES = 300 };
    static char texts[CLASSES][64];
    static const char *many[CLASSES];
    for (int i = 0; i < CLASSES; i++) {
        snprintf(texts[i], sizeof(texts[i]), "a rather long name of a class, number %d", i);
        many[i] = texts[i];
    }
    struct check_report report = {.model = "m", .folder = "f", .class_names = many};
    struct check_tally tally;
    enum check_added added;
    uint32_t as;
    struct text text = {0};
    report.class_count = CLASSES;
    assert_int_equal(check_tally_init(&tally, &report, false, 5), CUBBY_OK);
    for (uint32_t i = 0; i < 3 * CLASSES; i++) {
        const struct photo photo = {
            .hash = {i, 0}, .top = {{i * 7 % 11 ? i % CLASSES : 0, 0.8f}}, .top_count = 1};
        assert_int_equal(check_tally_add(&tally, &photo, NULL, i % CLASSES, "x/1.jpg", &added, &as),
                         CUBBY_OK);
    }
    assert_int_equal(check_tally_finish(&tally), CUBBY_OK);
    check_report_text(&text, &report);
    assert_null(strstr(ended(&text), "rows are what"));
    char *list = strstr(text.bytes, "most frequent confusions"), *line = text.bytes;
    assert_non_null(list);
    for (; line < list; line = strchr(line, '\n') + 1) {
        char *end = strchr(line, '\n');
        *end = '\0';
        unsigned columns = character_columns(line);
        if (columns > 80)
            fail_msg("%u columns: %s", columns, line);
        *end = '\n';
    }
    text_free(&text);
    check_tally_fini(&tally);
    check_report_fini(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_many_classes_stay_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
