#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sorted_output.h"

static struct moved found(void **state, struct catalogue *catalogue)
{
    struct moved moved;
    struct moved_params params = sorted_params(state, catalogue);
    assert_int_equal(moved_find(&moved, &params), CUBBY_OK);
    return moved;
}

static const char *where(const struct moved *moved, uint32_t index)
{
    const char *place = moved_where(moved, &moved->files[index]);
    return place ? place : "nowhere";
}

static void test_what_stays_is_not_read(void **state)
{
    struct catalogue *catalogue = opened(state);
    sorted_file(state, catalogue, 1, "bench/a.jpg", "AAAA", 0);
    sorted_file(state, catalogue, 1, "chair/.hidden.jpg", "hidden", 0);
    struct moved moved = found(state, catalogue);
    assert_int_equal(moved.count, 2);
    assert_true(moved.files[0].in_place && moved.files[1].in_place);
    assert_int_equal(moved.read, 0);
    assert_string_equal(where(&moved, 0), "bench/a.jpg");
    moved_fini(&moved);
    // Another file under that name, of that size: only its content says that it is the same.
    temporary_file(state, "out/bench/b.jpg", "AAAA");
    sorted_move(state, "bench/b.jpg", "bench/a.jpg");
    moved = found(state, catalogue);
    assert_true(moved.files[0].in_place);
    assert_int_equal(moved.read, 1);
    moved_fini(&moved);
    catalogue_close(&catalogue);
}

static void test_moved_renamed_changed_gone(void **state)
{
    struct catalogue *catalogue = opened(state);
    sorted_file(state, catalogue, 1, "bench/a.jpg", "AAAA", 0);
    sorted_file(state, catalogue, 1, "bench/b.jpg", "BBBB", 0);
    sorted_file(state, catalogue, 1, "bench/c.jpg", "CCCC", 0);
    sorted_file(state, catalogue, 1, "bench/d.jpg", "DDDD", 0);
    sorted_file(state, catalogue, 1, "bench/e.jpg", "EEEE", 0);
    sorted_move(state, "bench/a.jpg", "chair/deep/in/it/a.jpg");
    sorted_move(state, "bench/b.jpg", "b renamed.jpg");
    temporary_file(state, "out/bench/c.jpg", "CCCc");
    assert_int_equal(remove(temporary_path(state, "out/bench/d.jpg")), 0);
    // e goes away, and another photo of that name takes its place.
    sorted_move(state, "bench/e.jpg", "chair/e.jpg");
    sorted_file(state, catalogue, 1, "bench/e.jpg", "another", 0);
    struct moved moved = found(state, catalogue);
    assert_string_equal(where(&moved, 0), "chair/deep/in/it/a.jpg");
    assert_string_equal(where(&moved, 1), "b renamed.jpg");
    assert_string_equal(where(&moved, 2), "nowhere");
    assert_true(moved.files[2].changed);
    assert_string_equal(where(&moved, 3), "nowhere");
    assert_false(moved.files[3].changed);
    assert_string_equal(where(&moved, 4), "chair/e.jpg");
    assert_true(moved.files[5].in_place);
    moved_fini(&moved);
    catalogue_close(&catalogue);
}

static void test_strangers_are_photos_that_are_seen(void **state)
{
    struct catalogue *catalogue = opened(state);
    sorted_file(state, catalogue, 1, "bench/a.jpg", "AAAA", 0);
    temporary_file(state, "out/bench/new.jpg", "AAAX"); // of a known size
    temporary_file(state, "out/chair/new.png", "of another size");
    temporary_file(state, "out/chair/notes.txt", "no photo");
    temporary_file(state, "out/chair/.new.jpg", "hidden");
    temporary_file(state, "out/.thumbnails/new.jpg", "hidden");
    temporary_file(state, "out/other/.cubby/new.jpg", "cubby's own");
    temporary_file(state, "out/other/bench/new.jpg", "of another output");
    struct moved moved = found(state, catalogue);
    assert_int_equal(moved.stranger_count, 2);
    assert_string_equal(moved.strangers[0], "bench/new.jpg");
    assert_string_equal(moved.strangers[1], "chair/new.png");
    moved_fini(&moved);
    catalogue_close(&catalogue);
}

static void test_copies(void **state)
{
    struct catalogue *catalogue = opened(state);
    sorted_file(state, catalogue, 1, "bench/a.jpg", "AAAA", 0);
    temporary_file(state, "out/chair/1.jpg", "AAAA");
    temporary_file(state, "out/chair/2.jpg", "AAAA");
    struct moved moved = found(state, catalogue);
    const struct moved_file *file = &moved.files[0];
    assert_true(file->in_place);
    assert_string_equal(moved.places[file->elsewhere].path, "chair/1.jpg");
    uint32_t second = moved.places[file->elsewhere].next;
    assert_string_equal(moved.places[second].path, "chair/2.jpg");
    assert_true(moved.places[second].next == MOVED_NONE);
    moved_fini(&moved);
    catalogue_close(&catalogue);
}

// Sidecars often have one content: each follows its own photo.
static void test_same_sidecars(void **state)
{
    enum { PHOTOS = 5 };
    struct catalogue *catalogue = opened(state);
    for (int i = 0; i < PHOTOS; i++) {
        char target[64], content[64], moved_to[64];
        snprintf(target, sizeof(target), "bench/%d.jpg", i);
        snprintf(content, sizeof(content), "photo %d", i);
        int64_t photo = sorted_file(state, catalogue, 1, target, content, 0);
        snprintf(target, sizeof(target), "bench/%d.xmp", i);
        sorted_file(state, catalogue, 1, target, "<x/>", photo);
        // The last stays; the others go to different classes, in another order; of the first only
        // the photo.
        if (i == PHOTOS - 1)
            continue;
        snprintf(target, sizeof(target), "bench/%d.jpg", i);
        snprintf(moved_to, sizeof(moved_to), "class %d/%d.jpg", PHOTOS - i, i);
        sorted_move(state, target, moved_to);
        snprintf(target, sizeof(target), "bench/%d.xmp", i);
        snprintf(moved_to, sizeof(moved_to), "class %d/%d.xmp", PHOTOS - i, i);
        if (i)
            sorted_move(state, target, moved_to);
    }
    struct moved moved = found(state, catalogue);
    assert_int_equal(moved.count, 2 * PHOTOS);
    for (uint32_t i = 0; i < PHOTOS; i++) {
        char expected[64];
        bool stays = i == PHOTOS - 1;
        snprintf(expected, sizeof(expected), "class %u/%u.xmp", PHOTOS - i, i);
        if (stays || i == 0)
            snprintf(expected, sizeof(expected), "bench/%u.xmp", i);
        assert_string_equal(where(&moved, 2 * i + 1), expected);
    }
    moved_fini(&moved);
    catalogue_close(&catalogue);
}

static int64_t read_nothing(const struct fs *fs, int file, void *buffer, size_t bytes)
{
    (void)fs, (void)file, (void)buffer, (void)bytes;
    return UV_EIO;
}

static void test_what_cannot_be_read(void **state)
{
    struct catalogue *catalogue = opened(state);
    sorted_file(state, catalogue, 1, "bench/a.jpg", "AAAA", 0);
    sorted_file(state, catalogue, 1, "bench/b.jpg", "BBBB", 0);
    sorted_move(state, "bench/b.jpg", "chair/b.jpg");
    struct fs fs = *fs_real();
    fs.read = read_nothing;
    struct temporary_messages said = {0};
    struct cubby_log log = {.write = temporary_log_write, .user = &said};
    struct moved moved;
    struct moved_params params = sorted_params(state, catalogue);
    params.log = &log;
    params.fs = &fs;
    assert_int_equal(moved_find(&moved, &params), CUBBY_OK);
    assert_true(moved.files[0].in_place);
    assert_string_equal(where(&moved, 1), "nowhere");
    assert_int_equal(moved.unreadable, 1);
    assert_non_null(strstr(said.last, "chair/b.jpg"));
    moved_fini(&moved);
    params.output = temporary_path(state, "nowhere");
    assert_int_equal(moved_find(&moved, &params), CUBBY_IO);
    moved_fini(&moved);
    catalogue_close(&catalogue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_stays_is_not_read, temporary_setup,
                                        temporary_teardown),
        cmocka_unit_test_setup_teardown(test_moved_renamed_changed_gone, temporary_setup,
                                        temporary_teardown),
        cmocka_unit_test_setup_teardown(test_strangers_are_photos_that_are_seen, temporary_setup,
                                        temporary_teardown),
        cmocka_unit_test_setup_teardown(test_copies, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_same_sidecars, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_read, temporary_setup,
                                        temporary_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
