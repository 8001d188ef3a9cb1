#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "opened.h"

static void test_photo_comes_back(void **state)
{
    struct catalogue *catalogue = opened(state);
    struct photo *photo;
    int64_t id;
    assert_int_equal(catalogue_find_photo(catalogue, "/p/a", &photo), CUBBY_OK);
    assert_null(photo);
    assert_int_equal(put(catalogue, "/p/a", 7, "bench/a", &id), CUBBY_OK);
    assert_int_equal(catalogue_commit(catalogue), CUBBY_OK);
    catalogue_close(&catalogue);
    assert_null(catalogue);

    catalogue = opened(state);
    assert_int_equal(catalogue_find_photo(catalogue, "/p/a", &photo), CUBBY_OK);
    assert_non_null(photo);
    assert_int_equal(photo->id, id);
    assert_int_equal(photo->run, 1);
    assert_int_equal(photo->archive, 0);
    assert_string_equal(photo->path, "/p/a");
    assert_string_equal(photo->relative, "p/a");
    assert_int_equal(photo->size_bytes, 70);
    assert_int_equal(photo->mtime_ns, INT64_C(1500000000123456789));
    assert_int_equal(photo->atime_ns, -5);
    assert_true(photo->device == UINT64_MAX && photo->inode == UINT64_MAX - 1);
    assert_int_equal(photo->mode, 0640);
    assert_true(photo->hash.low == 7 && photo->hash.high == ~UINT64_C(7));
    assert_int_equal(photo->top_count, 2);
    assert_int_equal(photo->top[0].class_index, 3);
    assert_true(photo->top[0].probability == 0.75f && photo->top[1].probability == 0.25f);
    assert_int_equal(photo->status, PHOTO_FILED);
    assert_string_equal(photo->class_name, "bench");
    assert_string_equal(photo->filed_as, "bench/a");
    assert_string_equal(photo->reason, "");
    photo_free(&photo);
    catalogue_close(&catalogue);
}

static void test_replacing_keeps_the_id(void **state)
{
    struct catalogue *catalogue = opened(state);
    int64_t first, second, again;
    assert_int_equal(put(catalogue, "/p/b", 1, NULL, &first), CUBBY_OK);
    assert_int_equal(put(catalogue, "/p/a", 2, NULL, &second), CUBBY_OK);
    assert_true(second > first);
    struct photo failed = {.path = (char *)"/p/b", .relative = (char *)"b", .archive = 9};
    photo_settle(&failed, PHOTO_FAILED, "cut short");
    assert_int_equal(catalogue_put_photo(catalogue, &failed), CUBBY_OK);
    assert_int_equal(failed.id, first);
    assert_int_equal(count_all(catalogue), 2);

    struct photo *photo;
    assert_int_equal(catalogue_find_photo(catalogue, "/p/b", &photo), CUBBY_OK);
    assert_int_equal(photo->status, PHOTO_FAILED);
    assert_string_equal(photo->reason, "cut short");
    assert_int_equal(photo->archive, 9);
    assert_int_equal(photo->run, 0);
    assert_int_equal(photo->top_count, 0);
    assert_null(photo->class_name);
    assert_null(photo->filed_as);
    assert_true(photo->hash.low == 0 && photo->hash.high == 0);
    photo_free(&photo);

    // The id of a photo that is gone never means another one.
    assert_int_equal(catalogue_remove_photo(catalogue, second), CUBBY_OK);
    assert_int_equal(put(catalogue, "/p/c", 2, NULL, &again), CUBBY_OK);
    assert_true(again > second);
    catalogue_close(&catalogue);
}

static void test_paths_are_bytes(void **state)
{
    static const char *const paths[] = {"/p/\xff\xfe.jpg", "/p/\xc3\x28", "/p/B\xc3\xa4r",
                                        "/p/\xed\xa0\x80", "/p/line\nbreak"};
    struct catalogue *catalogue = opened(state);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(put(catalogue, paths[i], i + 1, paths[i] + 1, NULL), CUBBY_OK);
    assert_int_equal(catalogue_commit(catalogue), CUBBY_OK);
    catalogue_close(&catalogue);
    catalogue = opened(state);
    for (size_t i = 0; i < 5; i++) {
        struct photo *photo;
        assert_int_equal(catalogue_find_photo(catalogue, paths[i], &photo), CUBBY_OK);
        assert_non_null(photo);
        assert_string_equal(photo->path, paths[i]);
        assert_string_equal(photo->filed_as, paths[i] + 1);
        photo_free(&photo);
    }
    catalogue_close(&catalogue);
}

static void test_find_content(void **state)
{
    struct catalogue *catalogue = opened(state);
    char *path;
    assert_int_equal(put(catalogue, "/p/a", 5, NULL, NULL), CUBBY_OK);
    struct photo_hash hash = {.low = 5, .high = ~UINT64_C(5)};
    assert_int_equal(catalogue_find_content(catalogue, hash, 50, &path), CUBBY_OK);
    assert_null(path); // not filed
    assert_int_equal(put(catalogue, "/p/b", 5, "bench/b", NULL), CUBBY_OK);
    assert_int_equal(catalogue_find_content(catalogue, hash, 50, &path), CUBBY_OK);
    assert_string_equal(path, "/p/b");
    free(path);
    assert_int_equal(catalogue_find_content(catalogue, hash, 51, &path), CUBBY_OK);
    assert_null(path);
    assert_int_equal(put(catalogue, "/p/b", 6, "bench/b", NULL), CUBBY_OK);
    assert_int_equal(catalogue_find_content(catalogue, hash, 50, &path), CUBBY_OK);
    assert_null(path); // has other content now
    catalogue_close(&catalogue);
}

static void test_iteration_while_rows_go(void **state)
{
    struct catalogue *catalogue = opened(state);
    for (unsigned i = 0; i < 100; i++) {
        char path[32];
        snprintf(path, sizeof(path), "/p/%u", 99 - i);
        struct photo photo = {.path = path,
                              .relative = path,
                              .run = 1 + i % 2,
                              .archive = i % 5 == 0 ? 4 : 0,
                              .status = i % 10 == 0 ? PHOTO_UNSURE : PHOTO_SKIPPED};
        assert_int_equal(catalogue_put_photo(catalogue, &photo), CUBBY_OK);
    }
    static const struct {
        struct catalogue_photos which;
        unsigned count;
    } cases[] = {
        {{CATALOGUE_ANY, CATALOGUE_ANY, PHOTO_FAILED}, 0},
        {{2, 4, CATALOGUE_ANY}, 10},
        {{1, 4, PHOTO_UNSURE}, 10},
        {{CATALOGUE_ANY, 0, CATALOGUE_ANY}, 80},
        {{2, CATALOGUE_ANY, PHOTO_SKIPPED}, 40},
    };
    // Each removes what it has seen: the last cases count what is left.
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        uint64_t count;
        unsigned seen = 0;
        int64_t after = 0;
        const struct catalogue_photos *which = &cases[i].which;
        assert_int_equal(catalogue_count_photos(catalogue, which, &count), CUBBY_OK);
        for (struct photo *photo;; seen++) {
            assert_int_equal(catalogue_next_photo(catalogue, which, after, &photo), CUBBY_OK);
            if (!photo)
                break;
            assert_true(photo->id > after);
            after = photo->id;
            assert_int_equal(catalogue_remove_photo(catalogue, photo->id), CUBBY_OK);
            photo_free(&photo);
        }
        assert_int_equal(seen, count);
        assert_int_equal(seen, i == 4 ? 0 : cases[i].count);
    }
    assert_int_equal(count_all(catalogue), 0);
    catalogue_close(&catalogue);
}

// What others may have written into the rows.
static void test_unsound_rows(void **state)
{
    static const char *const changes[] = {
        "hash = x'0102'",
        "hash = 'text'",
        "top = x'01'",
        "top = zeroblob(48)",
        "top = zeroblob(9)",
        "top = x'010000000000c07f'",
        "top = 5",
        "status = 'lost'",
        "status = x'66'",
        "filed_as = '/etc/passwd'",
        "filed_as = '../x'",
        "filed_as = 'a/../../x'",
        "filed_as = ''",
        "path = x'00'",
        "relative = 'a' || char(0) || 'b'",
        "size = 'many'",
        "mode = -1",
        "mode = 4294967296",
        "archive = -4",
    };
    for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
        struct temporary_messages said = {0};
        struct catalogue *catalogue = opened(state);
        assert_int_equal(put(catalogue, "/p/a", 1, "bench/a", NULL), CUBBY_OK);
        assert_int_equal(catalogue_commit(catalogue), CUBBY_OK);
        catalogue_close(&catalogue);
        char sql[128];
        snprintf(sql, sizeof(sql), "UPDATE photos SET %s", changes[i]);
        opened_sql(state, sql);
        assert_int_equal(opened_try(state, &catalogue, &said, true, NULL), CUBBY_OK);
        struct catalogue_photos which = {CATALOGUE_ANY, CATALOGUE_ANY, CATALOGUE_ANY};
        struct photo *photo;
        if (catalogue_next_photo(catalogue, &which, 0, &photo) != CUBBY_BAD_DATA)
            fail_msg("%s was taken", changes[i]);
        assert_null(photo);
        assert_int_equal(said.count, 1);
        assert_non_null(strstr(said.last, "rename the folder"));
        catalogue_close(&catalogue);
        temporary_remove(temporary_path(state, "out"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_photo_comes_back, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_replacing_keeps_the_id, temporary_setup,
                                        temporary_teardown),
        cmocka_unit_test_setup_teardown(test_paths_are_bytes, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_find_content, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_iteration_while_rows_go, temporary_setup,
                                        temporary_teardown),
        cmocka_unit_test_setup_teardown(test_unsound_rows, temporary_setup, temporary_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
