#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "opened.h"

static struct catalogue_run made_run(void)
{
    static char *classes[] = {(char *)"bench", (char *)"B\xc3\xa4r"};
    static char *roots[] = {(char *)"/p/\xff", (char *)"/q"};
    return (struct catalogue_run){.state = RUN_OPEN,
                                  .started_ns = 5,
                                  .model = {.low = 1, .high = 2},
                                  .model_name = (char *)"w.safetensors",
                                  .threshold = 0.6,
                                  .settings = (char *)"{\"groups\":true}",
                                  .classes = classes,
                                  .class_count = 2,
                                  .roots = roots,
                                  .root_count = 2};
}

static void test_run_comes_back(void **state)
{
    struct catalogue *catalogue = opened(state);
    struct catalogue_run run = made_run(), out;
    assert_int_equal(catalogue_last_run(catalogue, &out), CUBBY_OK);
    assert_int_equal(out.id, 0);
    assert_int_equal(catalogue_add_run(catalogue, &run), CUBBY_OK);
    assert_true(run.id > 0);
    assert_int_equal(catalogue_commit(catalogue), CUBBY_OK);
    catalogue_close(&catalogue);
    catalogue = opened(state);
    assert_int_equal(catalogue_find_run(catalogue, run.id, &out), CUBBY_OK);
    assert_int_equal(out.id, run.id);
    assert_int_equal(out.state, RUN_OPEN);
    assert_false(out.clean);
    assert_int_equal(out.started_ns, 5);
    assert_int_equal(out.finished_ns, 0);
    assert_true(out.model.low == 1 && out.model.high == 2);
    assert_string_equal(out.model_name, "w.safetensors");
    assert_true(out.threshold == 0.6);
    assert_string_equal(out.settings, "{\"groups\":true}");
    assert_int_equal(out.class_count, 2);
    assert_string_equal(out.classes[1], "B\xc3\xa4r");
    assert_int_equal(out.root_count, 2);
    assert_string_equal(out.roots[0], "/p/\xff");
    catalogue_run_fini(&out);
    assert_int_equal(catalogue_find_run(catalogue, 77, &out), CUBBY_OK);
    assert_int_equal(out.id, 0);
    catalogue_close(&catalogue);
}

static void test_update_and_last(void **state)
{
    struct catalogue *catalogue = opened(state);
    struct catalogue_run first = made_run(), second = made_run(), out;
    assert_int_equal(catalogue_add_run(catalogue, &first), CUBBY_OK);
    second.threshold = 1; // a whole number must stay a fraction
    assert_int_equal(catalogue_add_run(catalogue, &second), CUBBY_OK);
    assert_int_equal(catalogue_last_run(catalogue, &out), CUBBY_OK);
    assert_int_equal(out.id, second.id);
    assert_true(out.threshold == 1);
    catalogue_run_fini(&out);

    char *roots[] = {(char *)"/r", (char *)"/s", (char *)"/t"};
    second.roots = roots;
    second.root_count = 3;
    second.state = RUN_UNDONE;
    second.clean = true;
    second.finished_ns = 9;
    assert_int_equal(catalogue_update_run(catalogue, &second), CUBBY_OK);
    assert_int_equal(catalogue_find_run(catalogue, second.id, &out), CUBBY_OK);
    assert_int_equal(out.state, RUN_UNDONE);
    assert_true(out.clean);
    assert_int_equal(out.finished_ns, 9);
    assert_int_equal(out.root_count, 3);
    assert_string_equal(out.roots[2], "/t");
    assert_int_equal(out.class_count, 2);
    catalogue_run_fini(&out);
    assert_int_equal(catalogue_last_run(catalogue, &out), CUBBY_OK);
    assert_int_equal(out.id, first.id);
    catalogue_run_fini(&out);
    catalogue_close(&catalogue);
}

static void test_remove(void **state)
{
    struct catalogue *catalogue = opened(state);
    struct catalogue_run run = made_run(), other = made_run(), out;
    assert_int_equal(catalogue_add_run(catalogue, &other), CUBBY_OK);
    assert_int_equal(catalogue_add_run(catalogue, &run), CUBBY_OK);
    assert_int_equal(put(catalogue, "/p/a", 1, NULL, NULL), CUBBY_OK);
    int64_t runs[] = {run.id, other.id};
    for (size_t i = 0; i < 2; i++) {
        struct filing filing = {
            .run = runs[i], .photo = 1, .source = (char *)"/p/a", .target = (char *)"b/a"};
        struct catalogue_archive archive = {
            .run = runs[i], .folder = (char *)"b", .name = (char *)"b.zip", .part = 1};
        struct catalogue_folder folder = {.run = runs[i], .path = (char *)"/o/b", .made = true};
        assert_int_equal(catalogue_add_filing(catalogue, &filing), CUBBY_OK);
        assert_int_equal(catalogue_add_archive(catalogue, &archive), CUBBY_OK);
        assert_int_equal(catalogue_add_folder(catalogue, &folder), CUBBY_OK);
        assert_true(folder.id > 0);
    }
    assert_int_equal(catalogue_remove_run(catalogue, run.id), CUBBY_OK);
    assert_int_equal(catalogue_find_run(catalogue, run.id, &out), CUBBY_OK);
    assert_int_equal(out.id, 0);
    for (size_t i = 0; i < 2; i++) {
        struct catalogue_filings which = {runs[i], CATALOGUE_ANY, CATALOGUE_ANY, CATALOGUE_ANY};
        struct filing filing;
        struct catalogue_archive archive;
        struct catalogue_folder folder;
        assert_int_equal(catalogue_next_filing(catalogue, &which, 0, false, &filing), CUBBY_OK);
        assert_int_equal(catalogue_next_archive(catalogue, runs[i], 0, &archive), CUBBY_OK);
        assert_int_equal(catalogue_previous_folder(catalogue, runs[i], 0, &folder), CUBBY_OK);
        assert_int_equal(filing.id != 0, i == 1);
        assert_int_equal(archive.id != 0, i == 1);
        assert_int_equal(folder.id != 0, i == 1);
        filing_fini(&filing);
        catalogue_archive_fini(&archive);
        catalogue_folder_fini(&folder);
    }
    assert_int_equal(count_all(catalogue), 1);
    // Photos still name the run that is gone: its id must not come to mean another.
    int64_t gone = run.id;
    assert_int_equal(catalogue_add_run(catalogue, &run), CUBBY_OK);
    assert_true(run.id > gone);
    catalogue_close(&catalogue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_run_comes_back, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_update_and_last, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_remove, temporary_setup, temporary_teardown),

    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
