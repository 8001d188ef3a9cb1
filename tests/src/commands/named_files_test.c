#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../temporary.h"
#include "commands/named_files.h"

// "a.jpg|gone.jpg: failed": the base names in order, and how those that are settled were.
static const char *listed(struct named_files *files)
{
    static char text[2048];
    text[0] = '\0';
    for (uint64_t sequence = 0;; sequence++) {
        struct photo *photo;
        assert_int_equal(named_files_next(files, &photo), CUBBY_OK);
        if (!photo)
            return text;
        assert_int_equal(photo->sequence, sequence);
        char *base = path_base(photo->path);
        size_t length = strlen(text);
        bool settled = photo->status != PHOTO_PENDING;
        snprintf(text + length, sizeof(text) - length, "%s%s%s%s", length ? "|" : "", base,
                 settled ? ": " : "", settled ? photo_status_text(photo->status) : "");
        free(base);
        photo_free(&photo);
    }
}

// Names in the order given, folders where they stand, the same one twice if it is named twice.
static void test_order(void **state)
{
    const char *names[5] = {temporary_file(state, "z.jpg", "z"), temporary_path(state, "folder"),
                            temporary_path(state, "gone.jpg"), temporary_file(state, "a.jpg", "a"),
                            temporary_path(state, "z.jpg")};
    temporary_file(state, "folder/2.jpg", "2");
    temporary_file(state, "folder/1.jpg", "1");
    temporary_file(state, "folder/sub/0.jpg", "0");
    struct named_files files;
    named_files_init(&files, names, 5, fs_real(), NULL);
    assert_string_equal(listed(&files), "z.jpg|1.jpg|2.jpg|0.jpg|gone.jpg: failed|a.jpg|z.jpg");
    assert_int_equal(files.unreadable_folders, 0);
    struct photo *photo;
    assert_int_equal(named_files_next(&files, &photo), CUBBY_OK); // the end stays the end
    assert_null(photo);
    named_files_fini(&files);
}

static void test_missing_name(void **state)
{
    const char *name = temporary_path(state, "gone.jpg");
    struct named_files files;
    named_files_init(&files, &name, 1, fs_real(), NULL);
    struct photo *photo;
    assert_int_equal(named_files_next(&files, &photo), CUBBY_OK);
    assert_int_equal(photo->status, PHOTO_FAILED);
    assert_string_equal(photo->path, name);
    assert_non_null(strstr(photo->reason, "cannot be opened: no such file"));
    photo_free(&photo);
    named_files_fini(&files);
}

static int no_list(const struct fs *fs, const char *path, struct fs_names *out)
{
    const struct fs *real = fs->user;
    return strstr(path, "locked") ? UV_EACCES : real->list(real, path, out);
}

// A folder that cannot be read is counted, whether it was named or found, and the rest goes on.
static void test_unreadable_folders(void **state)
{
    temporary_file(state, "locked/a.jpg", "a");
    temporary_file(state, "open/b.jpg", "b");
    temporary_file(state, "open/locked/c.jpg", "c");
    const char *names[3] = {temporary_path(state, "locked"), temporary_path(state, "open"),
                            temporary_file(state, "d.jpg", "d")};
    struct fs fs = *fs_real();
    fs.list = no_list;
    fs.user = (void *)(uintptr_t)fs_real();
    struct named_files files;
    named_files_init(&files, names, 3, &fs, NULL);
    assert_string_equal(listed(&files), "b.jpg|d.jpg");
    assert_int_equal(files.unreadable_folders, 2);
    named_files_fini(&files);
}

static void test_stopped_halfway(void **state)
{
    temporary_file(state, "folder/1.jpg", "1");
    temporary_file(state, "folder/2.jpg", "2");
    const char *name = temporary_path(state, "folder");
    struct named_files files;
    named_files_init(&files, &name, 1, fs_real(), NULL);
    struct photo *photo;
    assert_int_equal(named_files_next(&files, &photo), CUBBY_OK);
    assert_non_null(photo);
    photo_free(&photo);
    named_files_fini(&files); // a sanitizer would see what is left
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, temporary_setup, temporary_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_order),
        IN_FOLDER(test_missing_name),
        IN_FOLDER(test_unreadable_folders),
        IN_FOLDER(test_stopped_halfway),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
