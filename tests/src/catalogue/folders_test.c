#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "opened.h"

static int64_t add(struct catalogue *catalogue, int64_t run, const char *path, bool made)
{
    struct catalogue_folder folder = {
        .run = run, .path = (char *)path, .made = made, .mtime_ns = 11, .atime_ns = -12};
    assert_int_equal(catalogue_add_folder(catalogue, &folder), CUBBY_OK);
    return folder.id;
}

static void test_first_note_stays(void **state)
{
    struct catalogue *catalogue = opened(state);
    int64_t id = add(catalogue, 1, "/o/a", false);
    assert_true(id > 0);
    assert_int_equal(add(catalogue, 1, "/o/a", true), 0);
    assert_true(add(catalogue, 2, "/o/a", true) > id);
    struct catalogue_folder out;
    assert_int_equal(catalogue_previous_folder(catalogue, 1, 0, &out), CUBBY_OK);
    assert_int_equal(out.id, id);
    assert_int_equal(out.run, 1);
    assert_string_equal(out.path, "/o/a");
    assert_false(out.made);
    assert_true(out.mtime_ns == 11 && out.atime_ns == -12);
    catalogue_folder_fini(&out);
    catalogue_close(&catalogue);
}

static void test_last_comes_first(void **state)
{
    static const char *const paths[] = {"/o", "/o/z", "/o/z/\xff", "/o/a"};
    struct catalogue *catalogue = opened(state);
    for (size_t i = 0; i < 4; i++) {
        add(catalogue, 1, paths[i], true);
        add(catalogue, 2, paths[i], true);
    }
    int64_t before = 0;
    struct catalogue_folder out;
    for (size_t i = 4; i-- > 0;) {
        assert_int_equal(catalogue_previous_folder(catalogue, 1, before, &out), CUBBY_OK);
        assert_true(out.id > 0);
        assert_true(out.made);
        assert_string_equal(out.path, paths[i]);
        before = out.id;
        catalogue_folder_fini(&out);
    }
    assert_int_equal(catalogue_previous_folder(catalogue, 1, before, &out), CUBBY_OK);
    assert_int_equal(out.id, 0);
    catalogue_close(&catalogue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_first_note_stays, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_last_comes_first, temporary_setup, temporary_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
