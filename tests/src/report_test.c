#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "report.h"
#include "temporary.h"

static const char *const classes[] = {"table", "chair, \"old\"\nred"};

static struct report *open_report(void **state, FILE *json, const struct fs *fs)
{
    struct report_params params = {.output = state ? temporary_path(state, "out") : NULL,
                                   .class_names = classes,
                                   .class_count = 2,
                                   .json = json,
                                   .fs = fs};
    struct report *report;
    assert_int_equal(report_create(&report, &params), CUBBY_OK);
    return report;
}

static void add(struct report *report, const char *path, enum photo_status status,
                uint32_t class_index, float p, const char *filed_as, const char *reason)
{
    struct photo photo = {.path = (char *)(uintptr_t)path,
                          .filed_as = (char *)(uintptr_t)filed_as,
                          .top = {{class_index, p}},
                          .top_count = 1};
    photo_settle(&photo, status, "%s", reason);
    assert_int_equal(report_add(report, &photo), CUBBY_OK);
}

static char *stream_text(FILE *stream)
{
    long size = ftell(stream);
    char *text = calloc(1, (size_t)size + 1);
    rewind(stream);
    assert_int_equal(fread(text, 1, (size_t)size, stream), size);
    return text;
}

static void test_lines(void **state)
{
    FILE *stream = tmpfile();
    struct report *report = open_report(state, stream, fs_real());
    assert_string_equal(temporary_names(state, "out"), "no folder");
    add(report, "a.jpg", PHOTO_FILED, 0, 0.97316f, "table/a.jpg", "");
    add(report, "b, \"b\".jpg", PHOTO_UNSURE, 1, 0.3f, "unsure/b.jpg", "");
    add(report, "c.jpg", PHOTO_FAILED, 0, 0.9f, NULL, "cut short");
    add(report, "d.txt", PHOTO_SKIPPED, 0, 0, NULL, "not a photo");
    assert_string_equal(temporary_names(state, "out"), ".cubby");
    assert_null(strstr(temporary_names(state, "out/.cubby"), "report.csv|"));
    assert_int_equal(report_finish(report, 1.5), CUBBY_OK);
    const struct report_totals *totals = report_totals(report);
    assert_int_equal(totals->found, 4);
    assert_int_equal(totals->filed + totals->unsure + totals->failed + totals->skipped, 4);
    report_destroy(&report);
    assert_string_equal(temporary_names(state, "out/.cubby"), "report.csv|report.jsonl");

    static const char lines[] =
        "{\"path\": \"a.jpg\", \"status\": \"filed\", \"class\": \"table\", \"p\": 0.9732, "
        "\"filed_as\": \"table/a.jpg\"}\n"
        "{\"path\": \"b, \\\"b\\\".jpg\", \"status\": \"unsure\", "
        "\"class\": \"chair, \\\"old\\\"\\nred\", \"p\": 0.3000, \"filed_as\": \"unsure/b.jpg\"}\n"
        "{\"path\": \"c.jpg\", \"status\": \"failed\", \"reason\": \"cut short\"}\n"
        "{\"path\": \"d.txt\", \"status\": \"skipped\", \"reason\": \"not a photo\"}\n";
    assert_content(state, "out/.cubby/report.jsonl", lines);
    assert_content(
        state, "out/.cubby/report.csv",
        "path,status,class,p,filed_as,reason\r\n"
        "a.jpg,filed,table,0.9732,table/a.jpg,\r\n"
        "\"b, \"\"b\"\".jpg\",unsure,\"chair, \"\"old\"\"\nred\",0.3000,unsure/b.jpg,\r\n"
        "c.jpg,failed,,,,cut short\r\n"
        "d.txt,skipped,,,,not a photo\r\n");
    char *text = stream_text(stream);
    assert_memory_equal(text, lines, strlen(lines));
    assert_string_equal(text + strlen(lines),
                        "{\"summary\": {\"found\": 4, \"filed\": 1, \"unsure\": 1, \"failed\": 1, "
                        "\"skipped\": 1, \"seconds\": 1.5}}\n");
    free(text);
    fclose(stream);
}

// Any bytes but NUL give one line of valid JSON, from which the name can be had back.
static void test_hostile_names(void **state)
{
    (void)state;
    char name[256];
    for (int i = 0; i < 255; i++)
        name[i] = (char)(i + 1);
    name[255] = '\0';
    FILE *stream = tmpfile();
    struct report *report = open_report(NULL, stream, fs_real());
    add(report, name, PHOTO_FAILED, 0, 0, NULL, "r\xff\n");
    report_destroy(&report);
    char *text = stream_text(stream);
    fclose(stream);
    size_t length = strlen(text);
    assert_int_equal(text[length - 1], '\n');
    assert_int_equal(strcspn(text, "\n"), length - 1);
    assert_non_null(strstr(text, "\\u0001\\u0002"));
    assert_non_null(strstr(text, "\\udc80\\udc81"));
    assert_non_null(
        strstr(text, "\\udcff\", \"status\": \"failed\", \"reason\": \"r\\udcff\\n\"}"));
    // jansson takes no lone surrogates, so they become ordinary characters for it.
    for (char *p = text; (p = strstr(p, "\\udc"));)
        memcpy(p, "\\u00", 4);
    json_error_t error;
    json_t *object = json_loads(text, 0, &error);
    if (!object)
        fail_msg("not JSON: %s in %s", error.text, text);
    json_decref(object);
    free(text);
}

static void test_earlier_report_is_replaced(void **state)
{
    temporary_file(state, "out/.cubby/report.csv", "old");
    temporary_file(state, "out/.cubby/report.jsonl", "old");
    struct report *report = open_report(state, NULL, fs_real());
    add(report, "a.jpg", PHOTO_FILED, 0, 1, "table/a.jpg", "");
    report_destroy(&report); // not finished: the old one stays
    assert_content(state, "out/.cubby/report.csv", "old");
    assert_string_equal(temporary_names(state, "out/.cubby"), "report.csv|report.jsonl");

    report = open_report(state, NULL, fs_real());
    add(report, "a.jpg", PHOTO_FILED, 7, 1, "table/a.jpg", ""); // a class that does not exist
    assert_int_equal(report_finish(report, 0), CUBBY_OK);
    report_destroy(&report);
    assert_content(state, "out/.cubby/report.jsonl",
                   "{\"path\": \"a.jpg\", \"status\": \"filed\", \"filed_as\": \"table/a.jpg\"}\n");
}

static int64_t write_full(const struct fs *fs, int file, const void *buffer, size_t bytes)
{
    (void)fs, (void)file, (void)buffer, (void)bytes;
    return UV_ENOSPC;
}

static void test_disk_full(void **state)
{
    temporary_file(state, "out/.cubby/report.csv", "old");
    struct fs fs = *fs_real();
    fs.write = write_full;
    FILE *stream = tmpfile();
    struct report *report = open_report(state, stream, &fs);
    add(report, "a.jpg", PHOTO_FILED, 0, 1, "table/a.jpg", "");
    assert_int_equal(report_finish(report, 1), CUBBY_NO_SPACE);
    report_destroy(&report);
    assert_content(state, "out/.cubby/report.csv", "old");
    assert_string_equal(temporary_names(state, "out/.cubby"), "report.csv");
    char *text = stream_text(stream);
    assert_non_null(strstr(text, "{\"summary\": {\"found\": 1"));
    free(text);
    fclose(stream);
}

// Once the files fail, they are given up with one message; totals and stream go on to the end.
static void test_account_outlives_its_files(void **state)
{
    struct fs fs = *fs_real();
    fs.write = write_full;
    struct temporary_messages messages = {0};
    struct cubby_log log = {temporary_log_write, &messages};
    FILE *stream = tmpfile();
    struct report_params params = {.output = temporary_path(state, "out"),
                                   .class_names = classes,
                                   .class_count = 2,
                                   .json = stream,
                                   .fs = &fs,
                                   .log = &log};
    struct report *report;
    assert_int_equal(report_create(&report, &params), CUBBY_OK);
    struct photo photo = {.path = (char *)(uintptr_t) "photo.jpg", .status = PHOTO_UNSURE};
    enum { COUNT = 3000 };
    unsigned refused = 0;
    for (int i = 0; i < COUNT; i++)
        refused += report_add(report, &photo) == CUBBY_NO_SPACE;
    assert_true(refused > 0 && refused < COUNT);
    assert_int_equal(report_finish(report, 1), CUBBY_NO_SPACE);
    assert_int_equal(messages.count, 1);
    assert_int_equal(report_totals(report)->unsure, COUNT);
    report_destroy(&report);
    assert_string_equal(temporary_names(state, "out/.cubby"), "");
    char *text = stream_text(stream);
    size_t lines = 0;
    for (const char *p = text; (p = strchr(p, '\n')); p++)
        lines++;
    assert_int_equal(lines, COUNT + 1);
    assert_non_null(strstr(text, "{\"summary\": {\"found\": 3000"));
    free(text);
    fclose(stream);
}

static void test_many_lines(void **state)
{
    struct report *report = open_report(state, NULL, fs_real());
    for (int i = 0; i < 5000; i++)
        add(report, "some/long/path/to/a/photo.jpg", PHOTO_FILED, 0, 0.5f, "table/photo.jpg", "");
    assert_int_equal(report_finish(report, 1), CUBBY_OK);
    report_destroy(&report);
    char *text = temporary_content(state, "out/.cubby/report.csv");
    size_t lines = 0;
    for (const char *p = text; (p = strchr(p, '\n')); p++)
        lines++;
    assert_int_equal(lines, 5001);
    free(text);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, temporary_setup, temporary_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_lines),
        IN_FOLDER(test_hostile_names),
        IN_FOLDER(test_earlier_report_is_replaced),
        IN_FOLDER(test_disk_full),
        IN_FOLDER(test_account_outlives_its_files),
        IN_FOLDER(test_many_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
