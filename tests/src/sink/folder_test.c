#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../temporary.h"
#include "failing_fs.h"
#include "filing.h"

static void test_files_with_times_and_mode(void **state)
{
    struct filing_bench bench = {0};
    bench_open(&bench, state);
    assert_string_equal(temporary_names(state, "out"), "no folder"); // nothing filed, nothing made
    assert_string_equal(bench_file(&bench, temporary_photo(state, "p/a.jpg", "aaa", true), "table"),
                        "filed table/a.jpg");
    assert_string_equal(
        bench_file(&bench, temporary_photo(state, "p/b.jpg", "bbb", false), "unsure"),
        "filed unsure/b.jpg");
    bench_close(&bench);
    assert_content(state, "out/table/a.jpg", "aaa");
    assert_content(state, "out/unsure/b.jpg", "bbb");
    assert_string_equal(temporary_names(state, "out/table"), "a.jpg");
    struct fs_stat stat;
    assert_int_equal(fs_real()->stat(fs_real(), temporary_path(state, "out/table/a.jpg"), &stat),
                     0);
#ifndef _WIN32
    assert_int_equal(stat.mtime_ns, INT64_C(1500000000123456789));
    assert_int_equal(stat.mode & 0777, 0640);
#endif
}

static void test_taken_names(void **state)
{
    temporary_file(state, "out/table/a.jpg", "somebody else's");
    temporary_file(state, "out/table/b.jpg", "bbb"); // an earlier run's
    struct filing_bench bench = {0};
    bench_open(&bench, state);
    assert_string_equal(bench_file(&bench, temporary_photo(state, "a.jpg", "aaa", true), "table"),
                        "filed table/a (2).jpg");
    assert_string_equal(bench_file(&bench, temporary_photo(state, "x/a.jpg", "aa2", true), "table"),
                        "filed table/a (3).jpg");
    assert_string_equal(bench_file(&bench, temporary_photo(state, "b.jpg", "bbb", true), "table"),
                        "skipped: already filed as table/b.jpg");
    bench_close(&bench);
    assert_content(state, "out/table/a.jpg", "somebody else's");

    // Again, and the catalogue is lost: nothing new, nothing lost.
    bench_forget(state);
    bench = (struct filing_bench){0};
    bench_open(&bench, state);
    assert_string_equal(bench_file(&bench, temporary_photo(state, "a.jpg", "aaa", false), "table"),
                        "skipped: already filed as table/a (2).jpg");
    assert_string_equal(
        bench_file(&bench, temporary_photo(state, "x/a.jpg", "aa2", false), "table"),
        "skipped: already filed as table/a (3).jpg");
    bench_close(&bench);
    assert_string_equal(temporary_names(state, "out/table"), "a (2).jpg|a (3).jpg|a.jpg|b.jpg");
}

static void test_same_content(void **state)
{
    struct filing_bench bench = {0};
    bench_open(&bench, state);
    assert_string_equal(bench_file(&bench, temporary_photo(state, "a.jpg", "aaa", true), "table"),
                        "filed table/a.jpg");
    const char *outcome = bench_file(&bench, temporary_photo(state, "b.jpg", "aaa", true), "chair");
    assert_non_null(strstr(outcome, "skipped: same content as "));
    assert_non_null(strstr(outcome, "/a.jpg"));
    bench_close(&bench);
    assert_string_equal(temporary_names(state, "out"), "table");
}

static void test_hostile_names(void **state)
{
    struct filing_bench bench = {0};
    bench_open(&bench, state);
    assert_string_equal(bench_file(&bench, temporary_photo(state, "p/nul.jpg", "1", true), "t"),
                        "filed t/nul_.jpg");
#ifndef _WIN32
    assert_string_equal(bench_file(&bench, temporary_photo(state, "p/a\nb .", "2", true), "t"),
                        "filed t/a␊b ．");
    assert_string_equal(bench_file(&bench, temporary_photo(state, "p/caf\xe9.jpg", "3", true), "t"),
                        "filed t/caf\xe9.jpg");
#endif
    bench_close(&bench);
}

static void test_source_troubles(void **state)
{
    struct filing_bench bench = {0};
    bench_open(&bench, state);
    struct photo *photo = temporary_photo(state, "a.jpg", "aaa", false);
    temporary_file(state, "a.jpg", "bbb");
    assert_string_equal(bench_file(&bench, photo, "t"), "failed: changed since it was classified");
    photo = temporary_photo(state, "a.jpg", "aaa", false);
    temporary_file(state, "a.jpg", "aaaaaaa");
    assert_string_equal(bench_file(&bench, photo, "t"), "failed: changed since it was classified");
    photo = temporary_photo(state, "gone.jpg", "aaa", false);
    fs_real()->unlink(fs_real(), photo->path);
    assert_string_equal(bench_file(&bench, photo, "t"),
                        "failed: cannot be read again: no such file or directory");
    assert_string_equal(temporary_names(state, "out/t"), ""); // no temporary left
    assert_string_equal(bench_file(&bench, temporary_photo(state, "b.jpg", "ok", false), "t"),
                        "filed t/b.jpg");
    bench_close(&bench);
}

static void test_every_failing_call(void **state)
{
    static const struct {
        enum failing_call call;
        int code;
        const char *outcome, *says;
        bool lasting;
    } cases[] = {
        {FAIL_CREATE, UV_EROFS, "stopped: input or output failed", "--into", false},
        {FAIL_CREATE, UV_EACCES, "stopped: input or output failed", "--into", false},
        {FAIL_CREATE, UV_ENOSPC, "stopped: no space left", "make room", false},
        {FAIL_WRITE, UV_ENOSPC, "stopped: no space left", "make room", false},
        {FAIL_WRITE, UV_EFBIG, "stopped: no space left", "make room", false},
        {FAIL_WRITE, UV_EIO, "stopped: input or output failed", "check the disk", false},
        // Once: the temporary is thrown away and the photo copied again.
        {FAIL_SYNC, UV_EIO, "filed t/a.jpg", "is copied again", false},
        {FAIL_SYNC, UV_EIO, "stopped: input or output failed", "check the disk", true},
        {FAIL_SYNC, UV_ENOSPC, "stopped: no space left", "make room", true},
        {FAIL_CLOSE, UV_EIO, "filed t/a.jpg", "is copied again", false},
        {FAIL_CLOSE, UV_EIO, "stopped: input or output failed", "check the disk", true},
        {FAIL_TIMES, UV_EIO, "stopped: input or output failed", "check the disk", false},
        {FAIL_TIMES, UV_EPERM, "filed t/a.jpg", "", false}, // a file system without times
        {FAIL_PUBLISH, UV_EIO, "stopped: input or output failed", "check the disk", false},
        {FAIL_PUBLISH, UV_EILSEQ, "failed: could not be filed: illegal byte sequence", "", false},
        {FAIL_FOLDER, UV_EACCES, "stopped: input or output failed", "--into", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        temporary_remove(temporary_path(state, "out"));
        struct failing_fs failing;
        failing_init(&failing, cases[i].call, 1, cases[i].code);
        failing.lasting = cases[i].lasting;
        struct temporary_messages messages = {0};
        struct cubby_log log = {temporary_log_write, &messages};
        bench_forget(state);
        struct filing_bench bench = {.fs = &failing.fs, .log = &log};
        bench_open(&bench, state);
        const char *outcome =
            bench_file(&bench, temporary_photo(state, "a.jpg", "0123456789abcdef", true), "t");
        bench_close(&bench);
        if (strcmp(outcome, cases[i].outcome) != 0 || !strstr(messages.last, cases[i].says) ||
            (messages.count > 0) != (cases[i].says[0] != '\0'))
            fail_msg("case %zu: %s; said %u times: %s", i, outcome, messages.count, messages.last);
        const char *left = temporary_names(state, "out/t");
        assert_true(strcmp(left, "") == 0 || strcmp(left, "a.jpg") == 0 ||
                    strcmp(left, "no folder") == 0);
        assert_int_equal(failing.open_files, 0);
    }
}

// The disk fills up at the n-th write, for every n: what has a final name is whole, and a second
// run with room gives the tree that an undisturbed one gives.
static void test_disk_full_at_every_write(void **state)
{
    static const char *const names[] = {"a.jpg", "b.jpg", "c.jpg"};
    static const char *const contents[] = {"0123456789abcdefghij", "second content", "third"};
    for (int n = 1;; n++) {
        temporary_remove(temporary_path(state, "out"));
        bench_forget(state);
        struct failing_fs failing;
        failing_init(&failing, FAIL_WRITE, n, UV_ENOSPC);
        failing.lasting = true;
        bool stopped = false;
        for (int run = 0; run < 2; run++) {
            struct filing_bench bench = {.fs = run ? fs_real() : &failing.fs};
            bench_open(&bench, state);
            for (size_t i = 0; i < 3; i++) {
                const char *outcome =
                    bench_file(&bench, temporary_photo(state, names[i], contents[i], i != 1), "t");
                stopped |= strstr(outcome, "stopped") != NULL;
                if (strstr(outcome, "stopped"))
                    break;
            }
            bench_close(&bench);
            assert_null(strstr(temporary_names(state, "out/t"), ".tmp"));
        }
        assert_string_equal(temporary_names(state, "out/t"), "a.jpg|b.jpg|c.jpg");
        for (size_t i = 0; i < 3; i++) {
            char name[64];
            snprintf(name, sizeof(name), "out/t/%s", names[i]);
            assert_content(state, name, contents[i]);
        }
        if (!stopped) {
            assert_true(n > 3);
            return;
        }
    }
}

static int lstat_counting(const struct fs *fs, const char *path, struct fs_stat *out)
{
    ++*(unsigned *)fs->user;
    return fs_real()->lstat(fs, path, out);
}

// Filing n photos of one name takes in the order of n looks, not n * n, the second time too.
static void test_many_photos_of_one_name(void **state)
{
    enum { COUNT = 300 };
    unsigned looks = 0;
    struct fs fs = *fs_real();
    fs.lstat = lstat_counting;
    fs.user = &looks;
    for (int run = 0; run < 2; run++) {
        bench_forget(state);
        struct filing_bench bench = {.fs = &fs};
        bench_open(&bench, state);
        for (int i = 0; i < COUNT; i++) {
            char content[16], expected[64];
            snprintf(content, sizeof(content), "%04d", i);
            snprintf(expected, sizeof(expected), i ? "%st/image (%d).jpg" : "%st/image.jpg",
                     run ? "skipped: already filed as " : "filed ", i + 1);
            assert_string_equal(
                bench_file(&bench, temporary_photo(state, "image.jpg", content, true), "t"),
                expected);
        }
        bench_close(&bench);
        assert_true(looks <= COUNT * (unsigned)(run + 1));
    }
}

static void take_the_name(void *user)
{
    temporary_file(user, "out/t/a.jpg", "quicker");
}

static void take_the_name_with_same_content(void *user)
{
    temporary_file(user, "out/t/a.jpg", "mine");
}

static void test_races_for_a_name(void **state)
{
    struct failing_fs failing;
    failing_init(&failing, FAIL_NOTHING, 0, 0);
    failing.race = take_the_name;
    failing.user = state;
    struct filing_bench bench = {.fs = &failing.fs};
    bench_open(&bench, state);
    assert_string_equal(bench_file(&bench, temporary_photo(state, "a.jpg", "mine", true), "t"),
                        "filed t/a (2).jpg");
    assert_content(state, "out/t/a.jpg", "quicker");
    assert_content(state, "out/t/a (2).jpg", "mine");
    bench_close(&bench);

    temporary_remove(temporary_path(state, "out"));
    failing_init(&failing, FAIL_NOTHING, 0, 0);
    failing.race = take_the_name_with_same_content;
    failing.user = state;
    bench_forget(state);
    bench = (struct filing_bench){.fs = &failing.fs};
    bench_open(&bench, state);
    assert_string_equal(bench_file(&bench, temporary_photo(state, "a.jpg", "mine", true), "t"),
                        "skipped: already filed as t/a.jpg");
    bench_close(&bench);
    assert_string_equal(temporary_names(state, "out/t"), "a.jpg");
}

static void test_leftover_temporary(void **state)
{
    char name[128];
    snprintf(name, sizeof(name), "out/t/.cubby-%ld-0.tmp", (long)uv_os_getpid());
    temporary_file(state, name, "from a dead process of the same number");
    struct filing_bench bench = {0};
    bench_open(&bench, state);
    assert_string_equal(bench_file(&bench, temporary_photo(state, "a.jpg", "mine", true), "t"),
                        "filed t/a.jpg");
    bench_close(&bench);
    assert_content(state, name, "from a dead process of the same number");
}

// The dry run says what the folder sink then does.
static void test_dry_run_agrees(void **state)
{
    temporary_file(state, "out/t/a.jpg", "somebody else's");
    temporary_file(state, "out/t/b.jpg", "bbb");
    static const struct {
        const char *name, *content, *folder;
    } photos[] = {{"a.jpg", "aaa", "t"},   {"x/a.jpg", "xxx", "t"}, {"b.jpg", "bbb", "t"},
                  {"y/a.jpg", "aaa", "t"}, {"z/a.jpg", "zzz", "u"}, {"nul", "nul", "u"}};
    struct filing_bench dry = {.state = state};
    struct sink_params params = {.output = temporary_path(state, "out"),
                                 .fs = fs_real(),
                                 .settled = bench_settled,
                                 .user = &dry};
    assert_int_equal(sink_dry_run_create(&dry.sink, &params), CUBBY_OK);
    char said[6][512];
    for (size_t i = 0; i < 6; i++)
        strcpy(said[i],
               bench_file(&dry, temporary_photo(state, photos[i].name, photos[i].content, true),
                          photos[i].folder));
    sink_destroy(&dry.sink);
    assert_string_equal(temporary_names(state, "out"), "t");
    assert_string_equal(temporary_names(state, "out/t"), "a.jpg|b.jpg");
    assert_string_equal(said[1], "filed t/a (3).jpg");

    struct filing_bench bench = {0};
    bench_open(&bench, state);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(
            bench_file(&bench, temporary_photo(state, photos[i].name, photos[i].content, true),
                       photos[i].folder),
            said[i]);
    bench_close(&bench);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, temporary_setup, temporary_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_files_with_times_and_mode),
        IN_FOLDER(test_taken_names),
        IN_FOLDER(test_same_content),
        IN_FOLDER(test_hostile_names),
        IN_FOLDER(test_source_troubles),
        IN_FOLDER(test_every_failing_call),
        IN_FOLDER(test_disk_full_at_every_write),
        IN_FOLDER(test_many_photos_of_one_name),
        IN_FOLDER(test_races_for_a_name),
        IN_FOLDER(test_leftover_temporary),
        IN_FOLDER(test_dry_run_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
