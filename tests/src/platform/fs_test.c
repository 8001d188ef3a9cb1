#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../temporary.h"
#include "platform/path.h"

static void test_create_never_replaces(void **state)
{
    const struct fs *fs = fs_real();
    const char *path = temporary_file(state, "a", "old");
    assert_int_equal(fs->open(fs, path, FS_CREATE), UV_EEXIST);
    assert_content(state, "a", "old");
}

static void test_publish(void **state)
{
    const struct fs *fs = fs_real();
    const char *a = temporary_file(state, "a", "a"), *b = temporary_file(state, "b", "b");
    assert_int_equal(fs->publish(fs, a, b), UV_EEXIST);
    assert_content(state, "a", "a");
    assert_content(state, "b", "b");
    assert_int_equal(fs->publish(fs, a, temporary_path(state, "c")), 0);
    assert_content(state, "c", "a");
    assert_int_equal(fs->replace(fs, temporary_path(state, "c"), b), 0);
    assert_content(state, "b", "a");
    assert_string_equal(temporary_names(state, ""), "b");
    assert_int_equal(fs->publish(fs, temporary_path(state, "none"), temporary_path(state, "d")),
                     UV_ENOENT);
}

static void test_write_times_and_mode(void **state)
{
    const struct fs *fs = fs_real();
    const char *path = temporary_path(state, "new");
    int file = fs->open(fs, path, FS_CREATE);
    assert_true(file >= 0);
    assert_int_equal(fs_write_all(fs, file, "hello", 5), 0);
    assert_int_equal(fs->set_mode(fs, file, 0640), 0);
    int64_t before_1970 = INT64_C(-1500000001);
    assert_int_equal(fs->set_times(fs, file, INT64_C(1600000000000000001), before_1970), 0);
    assert_int_equal(fs->sync(fs, file), 0);
    assert_int_equal(fs->close(fs, file), 0);
    assert_int_equal(fs->sync_folder(fs, *state), 0);

    struct fs_stat stat;
    assert_int_equal(fs->stat(fs, path, &stat), 0);
    assert_true(stat.is_file && !stat.is_folder && !stat.is_symlink);
    assert_int_equal(stat.size_bytes, 5);
#ifndef _WIN32
    assert_int_equal(stat.mode & 0777, 0640);
    assert_int_equal(stat.mtime_ns, before_1970);
    assert_int_equal(stat.atime_ns, INT64_C(1600000000000000001));
#endif

    file = fs->open(fs, path, FS_APPEND);
    assert_true(file >= 0);
    assert_int_equal(fs->write(fs, file, "!", 1), 1);
    assert_int_equal(fs->close(fs, file), 0);
    assert_content(state, "new", "hello!");

    char buffer[8] = "";
    file = fs->open(fs, path, FS_READ);
    assert_int_equal(fs->read_at(fs, file, buffer, 3, 2), 3);
    assert_memory_equal(buffer, "llo", 3);
    assert_int_equal(fs->read_at(fs, file, buffer, 3, 100), 0);
    assert_int_equal(fs->close(fs, file), 0);
}

static void test_list_is_sorted_by_bytes(void **state)
{
    static const char *const files[] = {"b", "C", "a", "é", ".h", "a b"};
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
        temporary_file(state, files[i], "");
    assert_string_equal(temporary_names(state, ""), ".h|C|a|a b|b|é");
    struct fs_names names;
    assert_int_equal(fs_real()->list(fs_real(), temporary_path(state, "none"), &names), UV_ENOENT);
    assert_int_equal(names.count, 0);
}

// Folders and files whose paths are longer than the 260 characters that Windows takes by itself,
// and names that it takes for devices.
static void test_long_paths_and_odd_names(void **state)
{
    const struct fs *fs = fs_real();
    char below[1200] = "";
    for (int i = 0; i < 12; i++)
        snprintf(below + strlen(below), sizeof(below) - strlen(below), "%sfolder %02d %076d",
                 i ? "/" : "", i, 0);
    const char *folder = temporary_path(state, below);
    assert_true(strlen(folder) > 1000);
    assert_int_equal(fs_make_folders(fs, folder), 0);
    static const char *const names[] = {"photo.jpg", "aux.jpg", "CON", "nul.tar.gz", "dot.", "é写"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char *path = path_join(folder, names[i]), *other = path_join(folder, "other");
        char buffer[8];
        int file = fs->open(fs, path, FS_CREATE);
        assert_true(file >= 0);
        assert_int_equal(fs_write_all(fs, file, names[i], 3), 0);
        assert_int_equal(fs->close(fs, file), 0);
        struct fs_stat stat;
        assert_int_equal(fs->lstat(fs, path, &stat), 0);
        assert_true(stat.is_file && stat.size_bytes == 3 && !stat.is_away);
        assert_int_equal(fs->link(fs, path, other), 0);
        assert_int_equal(fs->unlink(fs, path), 0);
        assert_int_equal(fs->publish(fs, other, path), 0);
        file = fs->open(fs, path, FS_READ);
        assert_int_equal(fs->read(fs, file, buffer, 3), 3);
        assert_memory_equal(buffer, names[i], 3);
        assert_int_equal(fs->close(fs, file), 0);
        free(path);
        free(other);
    }
    struct fs_names list;
    assert_int_equal(fs->list(fs, folder, &list), 0);
    assert_int_equal(list.count, 6);
    assert_string_equal(list.names[0], "CON");
    assert_string_equal(list.names[5], "é写");
    fs_names_free(&list);
}

// What copies keep besides content, times and permissions.
static void test_origin(void **state)
{
    const struct fs *fs = fs_real();
    const char *source = temporary_file(state, "source", "a"), *copy = temporary_path(state, "b");
    struct fs_stat before, after;
    assert_int_equal(fs->stat(fs, source, &before), 0);
    int file = fs->open(fs, copy, FS_CREATE);
    assert_int_equal(fs->copy_origin(fs, file, source), 0);
    assert_int_equal(fs->set_mode(fs, file, 0444), 0);
    assert_int_equal(fs->close(fs, file), 0);
    assert_int_equal(fs->stat(fs, copy, &after), 0);
#ifdef _WIN32
    assert_int_equal(after.birthtime_ns, before.birthtime_ns);
#endif
    assert_int_equal(after.mode & 0222, 0);
    assert_int_equal(fs->unlink(fs, copy), 0);
}

static void test_make_folders(void **state)
{
    const struct fs *fs = fs_real();
    const char *deep = temporary_path(state, "a/b/c");
    assert_int_equal(fs_make_folders(fs, deep), 0);
    assert_int_equal(fs_make_folders(fs, deep), 0);
    temporary_file(state, "file", "");
    assert_int_equal(fs_make_folders(fs, temporary_path(state, "file")), UV_ENOTDIR);
    assert_int_equal(fs_make_folders(fs, temporary_path(state, "file/below")), UV_ENOTDIR);
}

static int64_t write_a_little(const struct fs *fs, int file, const void *buffer, size_t bytes)
{
    return fs_real()->write(fs, file, buffer, bytes > 3 ? 3 : bytes);
}

static int64_t write_nothing(const struct fs *fs, int file, const void *buffer, size_t bytes)
{
    (void)fs, (void)file, (void)buffer, (void)bytes;
    return 0;
}

static void test_short_writes(void **state)
{
    struct fs fs = *fs_real();
    fs.write = write_a_little;
    int file = fs.open(&fs, temporary_path(state, "x"), FS_CREATE);
    assert_int_equal(fs_write_all(&fs, file, "0123456789", 10), 0);
    fs.write = write_nothing;
    assert_int_equal(fs_write_all(&fs, file, "x", 1), UV_EIO);
    fs.close(&fs, file);
    assert_content(state, "x", "0123456789");
}

static void test_what_errors_mean(void **state)
{
    (void)state;
    assert_int_equal(fs_status(UV_ENOSPC), CUBBY_NO_SPACE);
    assert_int_equal(fs_status(UV_EFBIG), CUBBY_NO_SPACE);
    assert_int_equal(fs_status(UV_EROFS), CUBBY_IO);
    assert_int_equal(fs_status(UV_EACCES), CUBBY_IO);
#ifdef EDQUOT
    assert_int_equal(fs_status(-EDQUOT), CUBBY_NO_SPACE);
#endif
    assert_string_equal(fs_error_text(UV_ENOSPC), "no space left on device");
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, temporary_setup, temporary_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_create_never_replaces),
        IN_FOLDER(test_publish),
        IN_FOLDER(test_write_times_and_mode),
        IN_FOLDER(test_list_is_sorted_by_bytes),
        IN_FOLDER(test_make_folders),
        IN_FOLDER(test_long_paths_and_odd_names),
        IN_FOLDER(test_origin),
        IN_FOLDER(test_short_writes),
        cmocka_unit_test(test_what_errors_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
