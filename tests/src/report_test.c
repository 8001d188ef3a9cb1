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

static struct report *open_report(FILE *json)
{
    struct report_params params = {.json = json};
    struct report *report;
    assert_int_equal(report_create(&report, &params), CUBBY_OK);
    return report;
}

// The catalogue of "out".
static struct catalogue *open_catalogue(void **state)
{
    const struct catalogue_params params = {
        .output = temporary_path(state, "out"), .fs = fs_real(), .create = true};
    struct catalogue *catalogue;
    assert_int_equal(catalogue_open(&catalogue, &params), CUBBY_OK);
    return catalogue;
}

static enum cubby_status write_report(void **state, struct catalogue *catalogue,
                                      const struct fs *fs, const struct cubby_log *log)
{
    return report_write(catalogue, temporary_path(state, "out"), NULL, fs, log);
}

// To the stream, the catalogue, or both.
static void add(struct report *report, struct catalogue *catalogue, const char *path,
                enum photo_status status, const char *class_name, float p, const char *filed_as,
                const char *reason)
{
    struct photo photo = {.path = (char *)(uintptr_t)path,
                          .class_name = (char *)(uintptr_t)class_name,
                          .filed_as = (char *)(uintptr_t)filed_as,
                          .top = {{0, p}},
                          .top_count = 1};
    photo_settle(&photo, status, "%s", reason);
    if (report)
        assert_int_equal(report_add(report, &photo), CUBBY_OK);
    if (catalogue)
        assert_int_equal(catalogue_put_photo(catalogue, &photo), CUBBY_OK);
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
    struct report *report = open_report(stream);
    struct catalogue *catalogue = open_catalogue(state);
    add(report, catalogue, "a.jpg", PHOTO_FILED, "table", 0.97316f, "table/a.jpg", "");
    add(report, catalogue, "b, \"b\".jpg", PHOTO_UNSURE, "chair, \"old\"\nred", 0.3f,
        "unsure/b.jpg", "");
    add(report, catalogue, "c.jpg", PHOTO_FAILED, "table", 0.9f, NULL, "cut short");
    add(report, catalogue, "d.txt", PHOTO_SKIPPED, NULL, 0, NULL, "not a photo");
    add(report, catalogue, "e.jpg", PHOTO_FILED, "stool", 0.6f, "stool/e.jpg", PHOTO_PLACED);
    assert_int_equal(report_finish(report, 1.5), CUBBY_OK);
    const struct report_totals *totals = report_totals(report);
    assert_int_equal(totals->found, 5);
    assert_int_equal(totals->filed + totals->unsure + totals->failed + totals->skipped, 5);
    report_destroy(&report);
    assert_int_equal(write_report(state, catalogue, fs_real(), NULL), CUBBY_OK);
    catalogue_close(&catalogue);
    assert_string_equal(temporary_names(state, "out/.cubby"),
                        "catalogue.sqlite|report.csv|report.jsonl");

    static const char lines[] =
        "{\"path\": \"a.jpg\", \"status\": \"filed\", \"class\": \"table\", \"p\": 0.9732, "
        "\"filed_as\": \"table/a.jpg\"}\n"
        "{\"path\": \"b, \\\"b\\\".jpg\", \"status\": \"unsure\", "
        "\"class\": \"chair, \\\"old\\\"\\nred\", \"p\": 0.3000, \"filed_as\": \"unsure/b.jpg\"}\n"
        "{\"path\": \"c.jpg\", \"status\": \"failed\", \"reason\": \"cut short\"}\n"
        "{\"path\": \"d.txt\", \"status\": \"skipped\", \"reason\": \"not a photo\"}\n"
        "{\"path\": \"e.jpg\", \"status\": \"filed\", \"class\": \"stool\", "
        "\"filed_as\": \"stool/e.jpg\", \"reason\": \"placed by a person\"}\n";
    assert_content(state, "out/.cubby/report.jsonl", lines);
    assert_content(
        state, "out/.cubby/report.csv",
        "path,status,class,p,filed_as,reason,files_with_it\r\n"
        "a.jpg,filed,table,0.9732,table/a.jpg,,0\r\n"
        "\"b, \"\"b\"\".jpg\",unsure,\"chair, \"\"old\"\"\nred\",0.3000,unsure/b.jpg,,0\r\n"
        "c.jpg,failed,,,,cut short,0\r\n"
        "d.txt,skipped,,,,not a photo,0\r\n"
        "e.jpg,filed,stool,,stool/e.jpg,placed by a person,0\r\n");
    char *text = stream_text(stream);
    assert_memory_equal(text, lines, strlen(lines));
    assert_string_equal(text + strlen(lines),
                        "{\"summary\": {\"found\": 5, \"filed\": 2, \"unsure\": 1, \"failed\": 1, "
                        "\"skipped\": 1, \"seconds\": 1.5}}\n");
    free(text);
    fclose(stream);
}

// What travels with a photo is in its line; paths are as they were typed.
static void test_members_and_shown_paths(void **state)
{
    struct shown_paths shown;
    const char *typed[] = {temporary_path(state, "photos")};
    assert_int_equal(shown_paths_init(&shown, typed, 1), CUBBY_OK);
    free(shown.typed[0]);
    shown.typed[0] = strdup("photos");
    struct photo_member members[] = {{.path = strdup(temporary_path(state, "photos/a.xmp")),
                                      .filed_as = (char *)(uintptr_t) "table/a.xmp"},
                                     {.path = (char *)(uintptr_t) "/elsewhere/left behind"}};
    struct photo photo = {.path = strdup(temporary_path(state, "photos/a.jpg")),
                          .filed_as = (char *)(uintptr_t) "table/a.jpg",
                          .status = PHOTO_FILED,
                          .members = members,
                          .member_count = 2};
    FILE *stream = tmpfile();
    struct report_params params = {.json = stream, .shown = &shown};
    struct report *report;
    assert_int_equal(report_create(&report, &params), CUBBY_OK);
    assert_int_equal(report_add(report, &photo), CUBBY_OK);
    report_destroy(&report);
    char *text = stream_text(stream);
    assert_string_equal(text,
                        "{\"path\": \"photos/a.jpg\", \"status\": \"filed\", \"filed_as\": "
                        "\"table/a.jpg\", \"with\": [{\"path\": \"photos/a.xmp\", \"filed_as\": "
                        "\"table/a.xmp\"}]}\n");
    free(text);
    fclose(stream);
    free(members[0].path);
    free(photo.path);
    shown_paths_fini(&shown);
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
    struct report *report = open_report(stream);
    add(report, NULL, name, PHOTO_FAILED, NULL, 0, NULL, "r\xff\n");
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
    struct catalogue *catalogue = open_catalogue(state);
    add(NULL, catalogue, "a.jpg", PHOTO_FILED, NULL, 1, "table/a.jpg", ""); // of no known class
    assert_int_equal(write_report(state, catalogue, fs_real(), NULL), CUBBY_OK);
    catalogue_close(&catalogue);
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
    struct temporary_messages messages = {0};
    struct cubby_log log = {temporary_log_write, &messages};
    struct catalogue *catalogue = open_catalogue(state);
    add(NULL, catalogue, "a.jpg", PHOTO_FILED, "table", 1, "table/a.jpg", "");
    assert_int_equal(write_report(state, catalogue, &fs, &log), CUBBY_NO_SPACE);
    catalogue_close(&catalogue);
    assert_int_equal(messages.count, 1);
    assert_content(state, "out/.cubby/report.csv", "old");
    assert_string_equal(temporary_names(state, "out/.cubby"), "catalogue.sqlite|report.csv");
}

static void test_many_lines(void **state)
{
    struct catalogue *catalogue = open_catalogue(state);
    for (int i = 0; i < 5000; i++) {
        char path[64];
        snprintf(path, sizeof(path), "some/long/path/to/a/photo%04d.jpg", i);
        add(NULL, catalogue, path, PHOTO_FILED, "table", 0.5f, "table/photo.jpg", "");
    }
    assert_int_equal(write_report(state, catalogue, fs_real(), NULL), CUBBY_OK);
    catalogue_close(&catalogue);
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
        IN_FOLDER(test_lines),         IN_FOLDER(test_members_and_shown_paths),
        IN_FOLDER(test_hostile_names), IN_FOLDER(test_earlier_report_is_replaced),
        IN_FOLDER(test_disk_full),     IN_FOLDER(test_many_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
