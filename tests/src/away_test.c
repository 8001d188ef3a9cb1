#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "away.h"
#include "scan.h"
#include "temporary.h"

// As OneDrive's placeholders look: files whose name has "cloud" in it.
static int lstat_away(const struct fs *fs, const char *path, struct fs_stat *out)
{
    (void)fs;
    int result = fs_real()->lstat(fs_real(), path, out);
    char *name = path_base(path);
    out->is_away = !result && out->is_file && strstr(name, "cloud");
    free(name);
    return result;
}

static int open_fails(const struct fs *fs, const char *path, enum fs_open how)
{
    (void)fs, (void)path, (void)how;
    fail_msg("%s was opened", path);
    return UV_EIO;
}

// What becomes of each file: "name status members", one a line.
static const char *collected(void **state, bool online)
{
    static char text[2048];
    const char *root = *state;
    struct fs fs = *fs_real();
    fs.lstat = lstat_away;
    fs.open = open_fails;
    const struct scan_params params = {
        .roots = &root, .root_count = 1, .groups = true, .online = online, .fs = &fs};
    struct scan *scan;
    struct photo *photo;
    text[0] = '\0';
    assert_int_equal(scan_create(&scan, &params), CUBBY_OK);
    for (;;) {
        assert_int_equal(scan_next(scan, &photo), CUBBY_OK);
        if (!photo)
            break;
        if (!online)
            away_settle(photo);
        size_t length = strlen(text);
        snprintf(text + length, sizeof(text) - length, "%s %s %u\n", photo->relative,
                 photo_status_text(photo->status), photo->member_count);
        if (photo->status == PHOTO_FAILED)
            assert_non_null(strstr(photo->reason, "--online"));
        photo_free(&photo);
    }
    scan_destroy(&scan);
    return text;
}

static void test_nothing_is_downloaded(void **state)
{
    temporary_file(state, "a.jpg", "a");
    temporary_file(state, "b cloud.jpg", "b");
    temporary_file(state, "c cloud.txt", "c");
    temporary_file(state, "d.jpg", "d");
    temporary_file(state, "d.jpg.xmp", "d");
    temporary_file(state, "e cloud.jpg", "e");
    temporary_file(state, "e cloud.jpg.xmp", "e");
    const char *pending = photo_status_text(PHOTO_PENDING);
    char expected[512];
    snprintf(expected, sizeof(expected),
             "a.jpg %s 0\nb cloud.jpg failed 0\nc cloud.txt skipped 0\nd.jpg %s 1\n"
             "e cloud.jpg failed 0\ne cloud.jpg.xmp skipped 0\n",
             pending, pending);
    assert_string_equal(collected(state, false), expected);
    snprintf(expected, sizeof(expected),
             "a.jpg %s 0\nb cloud.jpg %s 0\nc cloud.txt %s 0\nd.jpg %s 1\ne cloud.jpg %s 1\n",
             pending, pending, pending, pending, pending);
    assert_string_equal(collected(state, true), expected);
}

static void test_what_is_settled_stays(void **state)
{
    (void)state;
    struct photo photo = {.path = (char *)"a.jpg", .is_away = true, .status = PHOTO_FILED};
    away_settle(&photo);
    assert_int_equal(photo.status, PHOTO_FILED);
    photo.status = PHOTO_PENDING;
    photo.is_away = false;
    away_settle(&photo);
    assert_int_equal(photo.status, PHOTO_PENDING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_is_downloaded, temporary_setup,
                                        temporary_teardown),
        cmocka_unit_test(test_what_is_settled_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
