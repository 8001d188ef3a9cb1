#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "opened.h"

static void test_archives(void **state)
{
    struct catalogue *catalogue = opened(state);
    struct catalogue_archive first = {.run = 1,
                                      .folder = (char *)"bench",
                                      .name = (char *)"bench.zip",
                                      .temporary = (char *)".cubby-1.tmp",
                                      .part = 1},
                             second = {.run = 2,
                                       .folder = (char *)"\xff",
                                       .name = (char *)"\xff.002.zip",
                                       .part = 2},
                             out;
    assert_int_equal(catalogue_add_archive(catalogue, &first), CUBBY_OK);
    assert_int_equal(catalogue_add_archive(catalogue, &second), CUBBY_OK);
    assert_true(first.id > 0 && second.id > first.id);
    first.state = ARCHIVE_PUBLISHING;
    first.name = (char *)"bench.002.zip";
    first.size_bytes = 77;
    first.hash = (struct photo_hash){3, 4};
    assert_int_equal(catalogue_update_archive(catalogue, &first), CUBBY_OK);

    assert_int_equal(catalogue_next_archive(catalogue, CATALOGUE_ANY, 0, &out), CUBBY_OK);
    assert_int_equal(out.id, first.id);
    assert_int_equal(out.run, 1);
    assert_int_equal(out.state, ARCHIVE_PUBLISHING);
    assert_string_equal(out.folder, "bench");
    assert_string_equal(out.name, "bench.002.zip");
    assert_string_equal(out.temporary, ".cubby-1.tmp");
    assert_int_equal(out.part, 1);
    assert_int_equal(out.size_bytes, 77);
    assert_true(out.hash.low == 3 && out.hash.high == 4);
    catalogue_archive_fini(&out);

    // Going on while the one just seen goes.
    assert_int_equal(catalogue_remove_archive(catalogue, first.id), CUBBY_OK);
    assert_int_equal(catalogue_next_archive(catalogue, CATALOGUE_ANY, first.id, &out), CUBBY_OK);
    assert_int_equal(out.id, second.id);
    assert_int_equal(out.state, ARCHIVE_WRITING);
    assert_string_equal(out.folder, "\xff");
    assert_null(out.temporary);
    catalogue_archive_fini(&out);
    assert_int_equal(catalogue_next_archive(catalogue, 1, 0, &out), CUBBY_OK);
    assert_int_equal(out.id, 0);
    assert_int_equal(catalogue_next_archive(catalogue, 2, second.id, &out), CUBBY_OK);
    assert_int_equal(out.id, 0);
    catalogue_close(&catalogue);
}

static void test_names_stay_below(void **state)
{
    static const char *const names[] = {"/etc/x", "../x.zip", "a/..", ""};
    for (size_t i = 0; i < 4; i++) {
        struct catalogue *catalogue = opened(state);
        struct catalogue_archive archive = {
            .run = 1, .folder = (char *)"b", .name = (char *)names[i], .part = 1};
        assert_int_equal(catalogue_add_archive(catalogue, &archive), CUBBY_OK);
        assert_int_equal(catalogue_next_archive(catalogue, 1, 0, &archive), CUBBY_BAD_DATA);
        assert_int_equal(archive.id, 0);
        catalogue_close(&catalogue);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_archives, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_names_stay_below, temporary_setup, temporary_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
