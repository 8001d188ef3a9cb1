#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include "commands/new_file.h"
#include "platform/path.h"

static char folder[512];

static int make_folder(void **state)
{
    (void)state;
    char parent[256], pattern[300];
    size_t bytes = sizeof(parent);
    uv_fs_t request;
    if (uv_os_tmpdir(parent, &bytes))
        return -1;
    snprintf(pattern, sizeof(pattern), "%s/cubby-XXXXXX", parent);
    if (uv_fs_mkdtemp(NULL, &request, pattern, NULL))
        return -1;
    snprintf(folder, sizeof(folder), "%s", request.path);
    uv_fs_req_cleanup(&request);
    return 0;
}

static size_t names_in_folder(void)
{
    struct fs_names names;
    assert_int_equal(fs_real()->list(fs_real(), folder, &names), 0);
    size_t count = names.count;
    fs_names_free(&names);
    return count;
}

static int fail_sync(const struct fs *fs, int file)
{
    (void)fs, (void)file;
    return UV_ENOSPC;
}

static void test_writes_once(void **state)
{
    (void)state;
    char path[600], back[8] = "";
    snprintf(path, sizeof(path), "%s/model", folder);
    struct fs broken = *fs_real();
    broken.sync = fail_sync;
    assert_int_equal(new_file_write(&broken, path, "hello", 5, NULL), CUBBY_NO_SPACE);
    assert_int_equal(names_in_folder(), 0);

    assert_int_equal(new_file_write(fs_real(), path, "hello", 5, NULL), CUBBY_OK);
    assert_int_equal(new_file_write(fs_real(), path, "other", 5, NULL), CUBBY_EXISTS);
    assert_int_equal(names_in_folder(), 1);
    int file = fs_real()->open(fs_real(), path, FS_READ);
    assert_true(file >= 0);
    assert_int_equal(fs_real()->read(fs_real(), file, back, sizeof(back)), 5);
    fs_real()->close(fs_real(), file);
    assert_string_equal(back, "hello");
    fs_real()->unlink(fs_real(), path);
}

static void test_no_folder(void **state)
{
    (void)state;
    char path[600];
    snprintf(path, sizeof(path), "%s/nowhere/model", folder);
    assert_int_equal(new_file_write(fs_real(), path, "hello", 5, NULL), CUBBY_IO);
}

static int remove_folder(void **state)
{
    (void)state;
    uv_fs_t request;
    uv_fs_rmdir(NULL, &request, folder, NULL);
    uv_fs_req_cleanup(&request);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes_once),
        cmocka_unit_test(test_no_folder),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
