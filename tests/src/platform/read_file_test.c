#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../temporary.h"
#include "platform/read_file.h"

#ifndef _WIN32
#include <sys/stat.h>
#endif

struct changing {
    const char *path;
    const char *mode, *text; // what is done to the file at the first read
};

static int64_t read_while_changing(const struct fs *fs, int file, void *buffer, size_t bytes)
{
    struct changing *changing = fs->user;
    if (changing->mode) {
        FILE *other = fopen(changing->path, changing->mode);
        assert_non_null(other);
        fputs(changing->text, other);
        fclose(other);
        changing->mode = NULL;
    }
    return fs_real()->read(fs, file, buffer, bytes < 2 ? bytes : 2); // short reads, too
}

static enum cubby_status read_changing(const char *path, const char *mode, const char *text,
                                       char *reason)
{
    struct changing changing = {path, mode, text};
    struct fs fs = *fs_real();
    fs.read = read_while_changing;
    fs.user = &changing;
    uint8_t *bytes;
    size_t size_bytes;
    enum cubby_status status = read_file(&fs, path, 0, &bytes, &size_bytes, NULL, reason, 128);
    if (status)
        assert_null(bytes);
    free(bytes);
    return status;
}

static void test_whole_file(void **state)
{
    char reason[128];
    uint8_t *bytes;
    size_t size_bytes;
    struct fs_stat stat;
    const char *path = temporary_file(state, "a", "hello");
    assert_int_equal(
        read_file(fs_real(), path, 5, &bytes, &size_bytes, &stat, reason, sizeof(reason)),
        CUBBY_OK);
    assert_int_equal(size_bytes, 5);
    assert_int_equal(stat.size_bytes, 5);
    assert_memory_equal(bytes, "hello", 5);
    free(bytes);

    path = temporary_file(state, "empty", "");
    assert_int_equal(
        read_file(fs_real(), path, 5, &bytes, &size_bytes, NULL, reason, sizeof(reason)), CUBBY_OK);
    assert_int_equal(size_bytes, 0);
    assert_non_null(bytes);
    free(bytes);
}

static void test_refusals(void **state)
{
    char reason[128];
    uint8_t *bytes;
    size_t size_bytes;
    const char *path = temporary_file(state, "a", "hello!");
    assert_int_equal(
        read_file(fs_real(), path, 5, &bytes, &size_bytes, NULL, reason, sizeof(reason)),
        CUBBY_TOO_LARGE);
    assert_null(bytes);
    assert_int_equal(read_file(fs_real(), temporary_path(state, "none"), 5, &bytes, &size_bytes,
                               NULL, reason, sizeof(reason)),
                     CUBBY_IO);
    assert_non_null(strstr(reason, "no such file"));
    assert_int_not_equal(
        read_file(fs_real(), *state, 0, &bytes, &size_bytes, NULL, reason, sizeof(reason)),
        CUBBY_OK);
#ifndef _WIN32
    // Must come back at once although nobody writes into it.
    path = temporary_path(state, "fifo");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(
        read_file(fs_real(), path, 0, &bytes, &size_bytes, NULL, reason, sizeof(reason)),
        CUBBY_BAD_DATA);
    assert_string_equal(reason, "not a regular file");
#endif
}

static void test_changing_sources(void **state)
{
    char reason[128] = "";
    const char *path = temporary_file(state, "a", "hello");
    assert_int_equal(read_changing(path, NULL, NULL, reason), CUBBY_OK);
    assert_int_equal(read_changing(path, "ab", "more", reason), CUBBY_BAD_DATA);
    assert_non_null(strstr(reason, "grew"));
    assert_int_equal(read_changing(path, "wb", "x", reason), CUBBY_BAD_DATA);
    assert_non_null(strstr(reason, "shorter"));
    path = temporary_file(state, "b", "12345");
    struct fs_stat stat;
    int file = fs_real()->open(fs_real(), path, FS_APPEND);
    assert_int_equal(fs_real()->fstat(fs_real(), file, &stat), 0);
    fs_real()->set_times(fs_real(), file, 0, 1); // so that the new time surely differs
    fs_real()->close(fs_real(), file);
    assert_int_equal(read_changing(path, "r+b", "54321", reason), CUBBY_BAD_DATA);
    assert_string_equal(reason, "changed while it was read");
}

static int64_t read_failing(const struct fs *fs, int file, void *buffer, size_t bytes)
{
    (void)fs, (void)file, (void)buffer, (void)bytes;
    return UV_EIO;
}

static void test_failing_disk(void **state)
{
    struct fs fs = *fs_real();
    fs.read = read_failing;
    char reason[128];
    uint8_t *bytes;
    size_t size_bytes;
    const char *path = temporary_file(state, "a", "hello");
    assert_int_equal(read_file(&fs, path, 0, &bytes, &size_bytes, NULL, reason, sizeof(reason)),
                     CUBBY_IO);
    assert_string_equal(reason, "cannot be read: i/o error");
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, temporary_setup, temporary_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_whole_file),
        IN_FOLDER(test_refusals),
        IN_FOLDER(test_changing_sources),
        IN_FOLDER(test_failing_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
