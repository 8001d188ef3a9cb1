#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifndef _WIN32
#include <sys/wait.h>
#include <unistd.h>
#endif

#include <cmocka.h>

#include "../temporary.h"
#include "catalogue/catalogue.h"
#include "failing_fs.h"
#include "sink/recover_archives.h"
#include "sink/sink.h"

#define MTIME INT64_C(1500000000123456789)

// A sink and its catalogue, in "out".
struct bench {
    void **state;
    struct catalogue *catalogue;
    struct sink *sink;
    int64_t run;
    char settled[8192]; // "status name filed_as or reason|..."
};

static enum cubby_status on_settled(void *user, const struct photo *photo)
{
    struct bench *bench = user;
    size_t length = strlen(bench->settled);
    const char *what = photo->filed_as ? photo->filed_as : photo->reason;
    snprintf(bench->settled + length, sizeof(bench->settled) - length, "%s%s %s %s",
             length ? "|" : "", photo->relative, photo_status_text(photo->status), what);
    return CUBBY_OK;
}

static void bench_open(struct bench *bench, void **state, const struct sink_params *wanted)
{
    *bench = (struct bench){.state = state};
    const struct catalogue_params params = {
        .output = temporary_path(state, "out"), .fs = fs_real(), .create = true};
    assert_int_equal(catalogue_open(&bench->catalogue, &params), CUBBY_OK);
    char *none = NULL;
    struct catalogue_run run = {
        .settings = "{}", .model_name = "m", .classes = &none, .roots = &none};
    assert_int_equal(catalogue_add_run(bench->catalogue, &run), CUBBY_OK);
    assert_int_equal(catalogue_commit(bench->catalogue), CUBBY_OK);
    bench->run = run.id;
    struct sink_params sink = *wanted;
    sink.output = temporary_path(state, "out");
    sink.fs = sink.fs ? sink.fs : fs_real();
    sink.sync = true;
    sink.catalogue = bench->catalogue;
    sink.run = run.id;
    sink.settled = on_settled;
    sink.user = bench;
    assert_int_equal(sink_archive_create(&bench->sink, &sink), CUBBY_OK);
}

static void bench_close(struct bench *bench)
{
    sink_destroy(&bench->sink);
    catalogue_close(&bench->catalogue);
}

static struct photo *make(void **state, const char *name, const char *content, bool loaded)
{
    struct photo *photo = temporary_photo(state, name, content, loaded);
    struct fs_stat stat;
    assert_int_equal(fs_real()->stat(fs_real(), photo->path, &stat), 0);
    photo_set_stat(photo, &stat);
    photo->status = PHOTO_FILED;
    return photo;
}

static enum cubby_status file(struct bench *bench, struct photo *photo, const char *folder)
{
    enum cubby_status status = sink_file(bench->sink, &photo, folder);
    assert_null(photo);
    return status;
}

static void add_member(void **state, struct photo *photo, const char *name, const char *content)
{
    photo->members =
        realloc(photo->members, (photo->member_count + 1) * sizeof(struct photo_member));
    struct photo_member *member = &photo->members[photo->member_count++];
    const char *slash = strrchr(name, '/');
    *member = (struct photo_member){.path = strdup(temporary_file(state, name, content)),
                                    .name = strdup(slash ? slash + 1 : name),
                                    .size_bytes = strlen(content)};
}

static enum cubby_status see(void *user, const char *name, uint64_t size_bytes,
                             struct photo_hash hash)
{
    char *text = user;
    size_t length = strlen(text);
    snprintf(text + length, 4096 - length, "%s%s=%u", length ? "|" : "", name,
             (unsigned)size_bytes);
    (void)hash;
    return CUBBY_OK;
}

// "name=size|name=size"
static const char *entries(void **state, const char *name, enum archive_kind kind)
{
    static char text[4096];
    char reason[200];
    text[0] = '\0';
    if (archive_read(fs_real(), temporary_path(state, name), kind, see, text, NULL, NULL, reason,
                     sizeof(reason)))
        snprintf(text, sizeof(text), "bad: %s", reason);
    return text;
}

// Files in "out" but .cubby.
static const char *archives(void **state)
{
    const char *names = temporary_names(state, "out");
    if (strncmp(names, ".cubby|", 7) == 0)
        return names + 7;
    return strcmp(names, ".cubby") == 0 ? "" : names;
}

static void test_each_kind(void **state)
{
    static const enum archive_kind kinds[] = {ARCHIVE_ZIP, ARCHIVE_TAR_ZST, ARCHIVE_7Z};
    for (size_t k = 0; k < 3; k++) {
        temporary_remove(temporary_path(state, "out"));
        struct bench bench;
        bench_open(&bench, state, &(struct sink_params){.kind = kinds[k]});
        struct photo *photo = make(state, "a.jpg", "aaa", true);
        add_member(state, photo, "a.xmp", "");
        assert_int_equal(file(&bench, photo, "é"), CUBBY_OK);
        photo = make(state, "x/A.JPG", "xxxx", false);
        add_member(state, photo, "x/A.xmp", "side");
        add_member(state, photo, "x/A.gone", "?");
        remove(temporary_path(state, "x/A.gone"));
        assert_int_equal(file(&bench, photo, "é"), CUBBY_OK);
        assert_int_equal(file(&bench, make(state, "c.jpg", "aaa", true), "other"), CUBBY_OK);
        assert_int_equal(file(&bench, make(state, "été.jpg", "eee", true), "é"), CUBBY_OK);
        assert_string_equal(bench.settled, ""); // nothing is safe yet
        assert_int_equal(sink_finish(bench.sink, true), CUBBY_OK);
        char name[64], expected[1024];
        snprintf(name, sizeof(name), "é%s", archive_extension(kinds[k]));
        assert_string_equal(archives(state), name);
        snprintf(expected, sizeof(expected),
                 "a.jpg filed %s/a.jpg|x/A.JPG filed %s/A (2).JPG|c.jpg skipped same content as "
                 "%s|été.jpg filed %s/été.jpg",
                 name, name, temporary_path(state, "a.jpg"), name);
        assert_string_equal(bench.settled, expected);
        snprintf(name, sizeof(name), "out/é%s", archive_extension(kinds[k]));
        assert_string_equal(entries(state, name, kinds[k]),
                            kinds[k] == ARCHIVE_7Z
                                ? "a.jpg=3|A (2).JPG=4|A (2).xmp=4|été.jpg=3|a.xmp=0"
                                : "a.jpg=3|a.xmp=0|A (2).JPG=4|A (2).xmp=4|été.jpg=3");
        bench_close(&bench);
    }
}

// Parts open by themselves; names differ over all of them; a later run begins a new one.
static void test_parts(void **state)
{
    struct sink_params params = {.part_bytes = 1200};
    struct bench bench;
    bench_open(&bench, state, &params);
    char content[600];
    memset(content, 'x', sizeof(content) - 1);
    content[sizeof(content) - 1] = '\0';
    for (int i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof(name), "%d/a.jpg", i);
        content[0] = (char)('0' + i);
        assert_int_equal(file(&bench, make(state, name, content, true), "t"), CUBBY_OK);
    }
    assert_string_equal(bench.settled,
                        "0/a.jpg filed t.zip/a.jpg|1/a.jpg filed t.002.zip/a (2).jpg");
    assert_int_equal(sink_finish(bench.sink, true), CUBBY_OK);
    bench_close(&bench);
    assert_string_equal(archives(state), "t.002.zip|t.003.zip|t.zip");
    char *before = temporary_content(state, "out/t.003.zip");

    bench_open(&bench, state, &params);
    assert_int_equal(file(&bench, make(state, "9/a.jpg", "new", true), "t"), CUBBY_OK);
    assert_int_equal(file(&bench, make(state, "8/b.jpg", content, true), "t"), CUBBY_OK);
    char expected[1024];
    snprintf(expected, sizeof(expected), "8/b.jpg skipped same content as %s",
             temporary_path(state, "2/a.jpg"));
    assert_string_equal(bench.settled, expected);
    assert_int_equal(sink_finish(bench.sink, true), CUBBY_OK);
    bench_close(&bench);
    assert_string_equal(archives(state), "t.002.zip|t.003.zip|t.004.zip|t.zip");
    assert_string_equal(entries(state, "out/t.004.zip", ARCHIVE_ZIP), "a (4).jpg=3");
    assert_content(state, "out/t.003.zip", before);
    free(before);
}

static uint64_t count(struct bench *bench, int status)
{
    struct catalogue_photos which = {CATALOGUE_ANY, CATALOGUE_ANY, status};
    uint64_t number;
    assert_int_equal(catalogue_count_photos(bench->catalogue, &which, &number), CUBBY_OK);
    return number;
}

static void assert_no_rows(struct bench *bench)
{
    struct catalogue_archive row = {0};
    assert_int_equal(catalogue_next_archive(bench->catalogue, CATALOGUE_ANY, 0, &row), CUBBY_OK);
    assert_int_equal(row.id, 0);
    struct filing filing = {0};
    struct catalogue_filings all = {CATALOGUE_ANY, CATALOGUE_ANY, CATALOGUE_ANY, CATALOGUE_ANY};
    assert_int_equal(catalogue_next_filing(bench->catalogue, &all, 0, false, &filing), CUBBY_OK);
    assert_int_equal(filing.id, 0);
}

static void test_stopped_run(void **state)
{
    struct bench bench;
    bench_open(&bench, state, &(struct sink_params){.kind = ARCHIVE_ZIP});
    assert_int_equal(file(&bench, make(state, "a.jpg", "aaa", true), "t"), CUBBY_OK);
    assert_int_equal(file(&bench, make(state, "b.jpg", "aaa", true), "u"), CUBBY_OK);
    assert_int_equal(sink_finish(bench.sink, false), CUBBY_OK);
    assert_string_equal(bench.settled, "a.jpg pending |b.jpg pending ");
    assert_string_equal(archives(state), "");
    assert_int_equal(count(&bench, PHOTO_PENDING), 2);
    assert_no_rows(&bench);
    bench_close(&bench);
}

static void test_source_troubles(void **state)
{
    struct bench bench;
    bench_open(&bench, state, &(struct sink_params){.kind = ARCHIVE_ZIP});
    struct photo *photos[] = {
        make(state, "changed.jpg", "aaa", false), make(state, "longer.jpg", "bbb", false),
        make(state, "gone.jpg", "ccc", false), make(state, "good.jpg", "ddd", false)};
    temporary_file(state, "changed.jpg", "AAA");
    temporary_file(state, "longer.jpg", "bbbb");
    remove(temporary_path(state, "gone.jpg"));
    for (int i = 0; i < 4; i++)
        assert_int_equal(file(&bench, photos[i], "t"), CUBBY_OK);
    assert_int_equal(sink_finish(bench.sink, true), CUBBY_OK);
    assert_non_null(strstr(bench.settled, "changed.jpg failed changed since it was classified"));
    assert_non_null(strstr(bench.settled, "longer.jpg failed changed since it was classified"));
    assert_non_null(strstr(bench.settled, "gone.jpg failed cannot be read again"));
    assert_non_null(strstr(bench.settled, "good.jpg filed t.zip/good.jpg"));
    assert_string_equal(entries(state, "out/t.zip", ARCHIVE_ZIP), "good.jpg=3");
    assert_int_equal(count(&bench, PHOTO_FAILED), 3);
    bench_close(&bench);
}

static void take_the_name(void *user)
{
    temporary_file(user, "out/t.zip", "quicker");
}

static void test_race_for_the_name(void **state)
{
    struct failing_fs failing;
    failing_init(&failing, FAIL_NOTHING, 0, 0);
    failing.race = take_the_name;
    failing.user = state;
    struct bench bench;
    bench_open(&bench, state, &(struct sink_params){.fs = &failing.fs});
    assert_int_equal(file(&bench, make(state, "a.jpg", "aaa", true), "t"), CUBBY_OK);
    assert_int_equal(sink_finish(bench.sink, true), CUBBY_OK);
    assert_string_equal(bench.settled, "a.jpg filed t (2).zip/a.jpg");
    bench_close(&bench);
    assert_content(state, "out/t.zip", "quicker");
    assert_string_equal(entries(state, "out/t (2).zip", ARCHIVE_ZIP), "a.jpg=3");
}

// Whatever call fails, and whenever: every photo is settled, as the folder and the catalogue have
// it, and no temporary stays.
static void test_every_failing_call(void **state)
{
    static const enum failing_call calls[] = {FAIL_CREATE, FAIL_WRITE, FAIL_SYNC, FAIL_CLOSE,
                                              FAIL_PUBLISH};
    for (size_t c = 0; c < sizeof(calls) / sizeof(*calls); c++) {
        for (int n = 1;; n++) {
            assert_true(n < 200);
            temporary_remove(temporary_path(state, "out"));
            struct failing_fs failing;
            failing_init(&failing, calls[c], n, n % 2 ? UV_ENOSPC : UV_EIO);
            struct bench bench;
            bench_open(&bench, state, &(struct sink_params){.fs = &failing.fs});
            enum cubby_status status = file(&bench, make(state, "a.jpg", "aaa", true), "t");
            if (!status)
                status = file(&bench, make(state, "b.jpg", "bbb", true), "u");
            enum cubby_status finished = sink_finish(bench.sink, true);
            assert_int_equal(failing.open_files, 0);
            const char *left = archives(state);
            assert_null(strstr(left, ".tmp"));
            const char *names[] = {"t.zip", "u.zip"};
            uint64_t there = 0;
            for (int i = 0; i < 2; i++) {
                bool filed = strstr(bench.settled, names[i]) && strstr(left, names[i]);
                assert_int_equal(strstr(left, names[i]) != NULL, filed);
                there += filed;
            }
            assert_int_equal(count(&bench, PHOTO_FILED), there);
            assert_true(there == 2 || status || finished);
            bench_close(&bench);
            if (failing.countdown > 0) {
                assert_int_equal(there, 2);
                break;
            }
        }
    }
}

static void test_many_classes(void **state)
{
    enum { CLASSES = 150, ROUNDS = 2 };
    struct failing_fs failing;
    failing_init(&failing, FAIL_NOTHING, 0, 0);
    struct bench bench;
    bench_open(&bench, state, &(struct sink_params){.fs = &failing.fs});
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CLASSES; i++) {
            char name[32], folder[32], content[32];
            snprintf(name, sizeof(name), "%d-%d.jpg", round, i);
            snprintf(folder, sizeof(folder), "c%d", i);
            snprintf(content, sizeof(content), "%08d", round * CLASSES + i);
            assert_int_equal(file(&bench, make(state, name, content, true), folder), CUBBY_OK);
        }
    }
    assert_int_equal(sink_finish(bench.sink, true), CUBBY_OK);
    assert_true(failing.most_open_files <= 65); // 64, and one for reading
    assert_int_equal(count(&bench, PHOTO_FILED), CLASSES * ROUNDS);
    assert_string_equal(entries(state, "out/c149.zip", ARCHIVE_ZIP), "0-149.jpg=8|1-149.jpg=8");
    bench_close(&bench);
}

#ifndef _WIN32
// Dies before the n-th call that changes something.
static int countdown;
static void die_in_time(void)
{
    if (--countdown == 0)
        _exit(9);
}
static int dying_open(const struct fs *fs, const char *path, enum fs_open how)
{
    die_in_time();
    return fs_real()->open(fs, path, how);
}
static int64_t dying_write(const struct fs *fs, int number, const void *buffer, size_t bytes)
{
    die_in_time();
    return fs_real()->write(fs, number, buffer, bytes);
}
static int dying_sync(const struct fs *fs, int number)
{
    die_in_time();
    return fs_real()->sync(fs, number);
}
static int dying_sync_folder(const struct fs *fs, const char *path)
{
    die_in_time();
    return fs_real()->sync_folder(fs, path);
}
static int dying_publish(const struct fs *fs, const char *from, const char *to)
{
    die_in_time();
    return fs_real()->publish(fs, from, to);
}
static int dying_unlink(const struct fs *fs, const char *path)
{
    die_in_time();
    return fs_real()->unlink(fs, path);
}

static void sort_all(void **state, const struct fs *fs)
{
    struct bench bench;
    bench_open(&bench, state, &(struct sink_params){.fs = fs});
    const struct sink_recover_params recover = {.output = temporary_path(state, "out"),
                                                .fs = fs,
                                                .catalogue = bench.catalogue,
                                                .sync = true};
    assert_int_equal(recover_archives(&recover), CUBBY_OK);
    static const char *const contents[] = {"aaa", "bbb", "ccc"};
    for (int i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof(name), "s/%d.jpg", i);
        struct photo *known;
        char path[TEMPORARY_PATH * 2];
        snprintf(path, sizeof(path), "%s", temporary_path(state, name));
        assert_int_equal(catalogue_find_photo(bench.catalogue, path, &known), CUBBY_OK);
        bool filed = known && known->filed_as;
        assert_true(!known || known->filed_as || known->status == PHOTO_PENDING);
        photo_free(&known);
        if (filed)
            continue;
        // The source is there as long as the photo is not filed.
        struct fs_stat stat;
        assert_int_equal(fs_real()->stat(fs_real(), path, &stat), 0);
        struct photo *photo = calloc(1, sizeof(*photo));
        photo->path = strdup(path);
        photo->relative = strdup(name);
        photo_set_stat(photo, &stat);
        photo->hash = photo_hash_bytes(contents[i], 3);
        photo->status = PHOTO_FILED;
        assert_int_equal(file(&bench, photo, i < 2 ? "t" : "u"), CUBBY_OK);
    }
    assert_int_equal(sink_finish(bench.sink, true), CUBBY_OK);
    bench_close(&bench);
}

// Killed before every call, continued, and the continuation killed at the same place, too.
static void test_killed_anywhere(void **state)
{
    struct fs fs = *fs_real();
    fs.open = dying_open;
    fs.write = dying_write;
    fs.sync = dying_sync;
    fs.sync_folder = dying_sync_folder;
    fs.publish = dying_publish;
    fs.unlink = dying_unlink;
    bool clean = false;
    int n = 1;
    for (; !clean; n++) {
        assert_true(n < 300);
        temporary_remove(temporary_path(state, "out"));
        temporary_file(state, "s/0.jpg", "aaa");
        temporary_file(state, "s/1.jpg", "bbb");
        temporary_file(state, "s/2.jpg", "ccc");
        for (int times = 0; times < 2; times++) {
            countdown = n;
            pid_t child = fork();
            if (child == 0) {
                sort_all(state, &fs);
                _exit(0);
            }
            int status;
            assert_int_equal(waitpid(child, &status, 0), child);
            assert_true(WIFEXITED(status) &&
                        (WEXITSTATUS(status) == 9 || WEXITSTATUS(status) == 0));
            clean = clean || (times == 0 && WEXITSTATUS(status) == 0);
        }
        sort_all(state, fs_real());
        assert_string_equal(archives(state), "t.zip|u.zip");
        assert_string_equal(entries(state, "out/t.zip", ARCHIVE_ZIP), "0.jpg=3|1.jpg=3");
        assert_string_equal(entries(state, "out/u.zip", ARCHIVE_ZIP), "2.jpg=3");
        assert_string_equal(temporary_names(state, "s"), "0.jpg|1.jpg|2.jpg");
    }
    assert_true(n > 30);
}
#endif

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, temporary_setup, temporary_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_each_kind),         IN_FOLDER(test_parts),
        IN_FOLDER(test_stopped_run),       IN_FOLDER(test_source_troubles),
        IN_FOLDER(test_race_for_the_name), IN_FOLDER(test_every_failing_call),
        IN_FOLDER(test_many_classes),
#ifndef _WIN32
        IN_FOLDER(test_killed_anywhere),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
