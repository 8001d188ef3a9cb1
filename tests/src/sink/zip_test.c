#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>

#include "../temporary.h"
#include "failing_fs.h"
#include "sink/sink.h"
#include "sink/zip_check.h"

static struct sink *open_sink(void **state, const struct fs *fs, struct cubby_log *log)
{
    struct sink_params params = {
        .output = temporary_path(state, "out"), .fs = fs, .log = log, .sync = true};
    struct sink *sink;
    assert_int_equal(sink_zip_create(&sink, &params), CUBBY_OK);
    return sink;
}

// As in folder_test.c.
static const char *file_one(struct sink *sink, struct photo *photo, const char *folder)
{
    static char text[512];
    enum cubby_status status = sink_file(sink, photo, folder);
    if (status)
        snprintf(text, sizeof(text), "stopped: %s", cubby_status_text(status));
    else if (photo->filed_as && photo->status == PHOTO_PENDING)
        snprintf(text, sizeof(text), "filed %s", photo->filed_as);
    else
        snprintf(text, sizeof(text), "%s: %s", photo_status_text(photo->status), photo->reason);
    photo_free(&photo);
    return text;
}

// "name=content|name=content": an archive as libarchive's own file reader sees it.
static const char *read_archive(void **state, const char *name)
{
    static char text[8192];
    text[0] = '\0';
    struct archive *reader = archive_read_new();
    archive_read_support_format_zip_seekable(reader);
    if (archive_read_open_filename(reader, temporary_path(state, name), 10240) != ARCHIVE_OK) {
        archive_read_free(reader);
        return "no archive";
    }
    struct archive_entry *entry;
    int result;
    // Written in the C locale, where the reader could not say what the names are.
    setlocale(LC_CTYPE, "C.UTF-8");
    while ((result = archive_read_next_header(reader, &entry)) == ARCHIVE_OK) {
        char content[256] = "";
        la_ssize_t got = archive_read_data(reader, content, sizeof(content) - 1);
        assert_true(got >= 0 && got == archive_entry_size(entry));
        assert_int_equal(archive_entry_perm(entry), 0644);
        assert_int_equal(archive_entry_mtime(entry), 1500000000);
        const char *path = archive_entry_pathname_utf8(entry);
        size_t length = strlen(text);
        snprintf(text + length, sizeof(text) - length, "%s%s=%s", length ? "|" : "",
                 path ? path : archive_entry_pathname(entry), content);
    }
    assert_int_equal(result, ARCHIVE_EOF);
    archive_read_free(reader);
    setlocale(LC_CTYPE, "C");
    return text;
}

// Info-ZIP's and Python's opinion, where they are installed.
static void others_agree(void **state, const char *name)
{
#ifndef _WIN32
    char command[4096];
    const char *path = temporary_path(state, name);
    snprintf(command, sizeof(command),
             "! command -v unzip >/dev/null || unzip -tqq '%s' >/dev/null", path);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof(command),
             "! command -v python3 >/dev/null || python3 -c 'import sys, zipfile\n"
             "sys.exit(zipfile.ZipFile(sys.argv[1]).testzip() is not None)' '%s'",
             path);
    assert_int_equal(system(command), 0);
#else
    (void)state, (void)name;
#endif
}

static void test_one_archive_per_class(void **state)
{
    struct sink *sink = open_sink(state, fs_real(), NULL);
    assert_string_equal(temporary_names(state, "out"), "no folder");
    assert_string_equal(file_one(sink, temporary_photo(state, "a.jpg", "aaa", true), "table"),
                        "filed table.zip/a.jpg");
    assert_string_equal(file_one(sink, temporary_photo(state, "b.jpg", "bb", false), "unsure"),
                        "filed unsure.zip/b.jpg");
    assert_string_equal(file_one(sink, temporary_photo(state, "x/A.JPG", "xxxx", true), "table"),
                        "filed table.zip/A (2).JPG");
    assert_string_equal(file_one(sink, temporary_photo(state, "x/empty.jpg", "", true), "table"),
                        "filed table.zip/empty.jpg");
    assert_non_null(strstr(file_one(sink, temporary_photo(state, "c.jpg", "aaa", true), "unsure"),
                           "skipped: same content as"));
    assert_int_equal(sink_finish(sink), CUBBY_OK);
    sink_destroy(&sink);
    assert_string_equal(temporary_names(state, "out"), "table.zip|unsure.zip");
    assert_string_equal(read_archive(state, "out/table.zip"),
                        "a.jpg=aaa|A (2).JPG=xxxx|empty.jpg=");
    assert_string_equal(read_archive(state, "out/unsure.zip"), "b.jpg=bb");
    others_agree(state, "out/table.zip");
    struct fs_stat stat;
    assert_int_equal(fs_real()->stat(fs_real(), temporary_path(state, "out/table.zip"), &stat), 0);
    assert_int_equal(stat.mode & 0777, 0644);
}

static void test_earlier_archive_stays(void **state)
{
    temporary_file(state, "out/t.zip", "an earlier run's");
    struct sink *sink = open_sink(state, fs_real(), NULL);
    assert_string_equal(file_one(sink, temporary_photo(state, "a.jpg", "aaa", true), "t"),
                        "filed t (2).zip/a.jpg");
    assert_int_equal(sink_finish(sink), CUBBY_OK);
    sink_destroy(&sink);
    assert_content(state, "out/t.zip", "an earlier run's");
    assert_string_equal(read_archive(state, "out/t (2).zip"), "a.jpg=aaa");
}

static void test_names(void **state)
{
    struct sink *sink = open_sink(state, fs_real(), NULL);
    assert_string_equal(file_one(sink, temporary_photo(state, "été 写.jpg", "1", true), "é"),
                        "filed é.zip/été 写.jpg");
#ifndef _WIN32
    assert_string_equal(file_one(sink, temporary_photo(state, "caf\xe9.jpg", "2", true), "é"),
                        "filed é.zip/caf%E9.jpg");
    assert_string_equal(file_one(sink, temporary_photo(state, "caf\xe8.jpg", "3", true), "é"),
                        "filed é.zip/caf%E8.jpg");
#endif
    assert_string_equal(file_one(sink, temporary_photo(state, "a\\..\\b", "4", true), "é"),
                        "filed é.zip/a＼..＼b");
    assert_int_equal(sink_finish(sink), CUBBY_OK);
    sink_destroy(&sink);
    // Bit 11 of the flags (bytes 6 and 7 of the first header): names are UTF-8.
    char *bytes = temporary_content(state, "out/é.zip");
    assert_memory_equal(bytes, "PK\3\4", 4);
    assert_true(bytes[7] & 8);
    assert_int_equal(bytes[8], 0); // stored
    free(bytes);
#ifndef _WIN32
    assert_string_equal(read_archive(state, "out/é.zip"),
                        "été 写.jpg=1|caf%E9.jpg=2|caf%E8.jpg=3|a＼..＼b=4");
    others_agree(state, "out/é.zip");
#endif
}

static void test_source_troubles(void **state)
{
    struct sink *sink = open_sink(state, fs_real(), NULL);
    struct photo *photo = temporary_photo(state, "a.jpg", "aaa", false);
    temporary_file(state, "a.jpg", "bbb");
    assert_string_equal(file_one(sink, photo, "t"), "failed: changed since it was classified");
    photo = temporary_photo(state, "a.jpg", "aaa", false);
    temporary_file(state, "a.jpg", "aa");
    assert_string_equal(file_one(sink, photo, "t"), "failed: changed since it was classified");
    photo = temporary_photo(state, "a.jpg", "aaa", false);
    temporary_file(state, "a.jpg", "aaaaaaaaa");
    assert_string_equal(file_one(sink, photo, "t"), "failed: changed since it was classified");
    photo = temporary_photo(state, "gone.jpg", "aaa", false);
    fs_real()->unlink(fs_real(), photo->path);
    assert_non_null(strstr(file_one(sink, photo, "t"), "failed: cannot be read again"));
    assert_int_equal(sink_finish(sink), CUBBY_OK);
    sink_destroy(&sink);
    assert_string_equal(temporary_names(state, "out"), "no folder");
}

static void test_destroy_without_finish(void **state)
{
    struct sink *sink = open_sink(state, fs_real(), NULL);
    file_one(sink, temporary_photo(state, "a.jpg", "aaa", true), "t");
    sink_destroy(&sink);
    assert_string_equal(temporary_names(state, "out"), "");
}

// More classes than files may be open: archives rest and go on at their end.
static void test_many_classes(void **state)
{
    enum { CLASSES = 150, ROUNDS = 3 };
    struct failing_fs failing;
    failing_init(&failing, FAIL_NOTHING, 0, 0);
    struct sink *sink = open_sink(state, &failing.fs, NULL);
    char *big = malloc(40000); // over libarchive's block, so that each round is written at once
    memset(big, 'x', 39999);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CLASSES; i++) {
            char name[32], folder[32];
            snprintf(name, sizeof(name), "%d.jpg", round);
            snprintf(folder, sizeof(folder), "class%d", i);
            big[39999] = '\0';
            snprintf(big, 16, "%08d-%03d-%02d", 0, i, round);
            big[15] = 'x';
            const char *outcome = file_one(sink, temporary_photo(state, name, big, true), folder);
            assert_non_null(strstr(outcome, "filed class"));
        }
    }
    assert_int_equal(sink_finish(sink), CUBBY_OK);
    sink_destroy(&sink);
    free(big);
    assert_true(failing.most_open_files <= 66); // 64, and one for reading
    assert_int_equal(failing.open_files, 0);
    for (int i = 0; i < CLASSES; i++) {
        char name[64];
        snprintf(name, sizeof(name), "out/class%d.zip", i);
        struct archive *reader = archive_read_new();
        archive_read_support_format_zip_seekable(reader);
        assert_int_equal(archive_read_open_filename(reader, temporary_path(state, name), 10240), 0);
        struct archive_entry *entry;
        int count = 0;
        while (archive_read_next_header(reader, &entry) == ARCHIVE_OK) {
            assert_int_equal(archive_entry_size(entry), 39999);
            assert_int_equal(archive_read_data_skip(reader), ARCHIVE_OK);
            count++;
        }
        assert_int_equal(count, ROUNDS);
        archive_read_free(reader);
    }
}

// The count in the old directory record has 16 bits; above it Zip64 takes over. All photos have the
// same name, too, so that numbering has to be quick.
static void test_more_than_65535_entries(void **state)
{
    enum { COUNT = 66000 };
    struct sink_params params = {.output = temporary_path(state, "out"), .fs = fs_real()};
    struct sink *sink;
    assert_int_equal(sink_zip_create(&sink, &params), CUBBY_OK);
    for (int i = 0; i < COUNT; i++) {
        struct photo photo = {.path = "image.jpg",
                              .relative = "image.jpg",
                              .bytes = (uint8_t *)&i,
                              .size_bytes = sizeof(i),
                              .hash = photo_hash_bytes(&i, sizeof(i))};
        assert_int_equal(sink_file(sink, &photo, "t"), CUBBY_OK);
        assert_non_null(photo.filed_as);
        if (i == COUNT - 1)
            assert_string_equal(photo.filed_as, "t.zip/image (66000).jpg");
        free(photo.filed_as);
    }
    assert_int_equal(sink_finish(sink), CUBBY_OK); // reads all of them back
    sink_destroy(&sink);
    others_agree(state, "out/t.zip");
}

// Whatever call fails, and whenever: an error, no temporary left, no half archive under a name.
static void test_every_failing_call(void **state)
{
    static const enum failing_call calls[] = {FAIL_CREATE, FAIL_WRITE,   FAIL_SYNC,
                                              FAIL_CLOSE,  FAIL_PUBLISH, FAIL_FOLDER};
    for (size_t c = 0; c < sizeof(calls) / sizeof(*calls); c++) {
        for (int n = 1;; n++) {
            assert_true(n < 200);
            temporary_remove(temporary_path(state, "out"));
            struct failing_fs failing;
            failing_init(&failing, calls[c], n, n % 2 ? UV_ENOSPC : UV_EIO);
            struct temporary_messages messages = {0};
            struct cubby_log log = {temporary_log_write, &messages};
            struct sink *sink = open_sink(state, &failing.fs, &log);
            bool stopped = strstr(file_one(sink, temporary_photo(state, "a.jpg", "aaa", true), "t"),
                                  "stopped") != NULL;
            enum cubby_status status = stopped ? CUBBY_IO : sink_finish(sink);
            sink_destroy(&sink);
            assert_int_equal(failing.open_files, 0);
            const char *left = temporary_names(state, "out");
            assert_null(strstr(left, ".tmp"));
            // A file that cannot be closed for reading is no reason to say that it is bad.
            if (strstr(left, "t.zip"))
                assert_string_equal(read_archive(state, "out/t.zip"), "a.jpg=aaa");
            else
                assert_true(status != CUBBY_OK && messages.count > 0);
            if (failing.countdown > 0) { // it never came to the n-th call
                assert_int_equal(status, CUBBY_OK);
                assert_true(n > 1);
                break;
            }
        }
    }
}

static struct photo *filed(struct sink *sink, struct photo *photo, const char *folder)
{
    assert_int_equal(sink_file(sink, photo, folder), CUBBY_OK);
    if (photo->status == PHOTO_PENDING)
        photo->status = PHOTO_FILED;
    return photo;
}

// One of two archives cannot be published: its photos failed, and so did what was skipped because
// of them. The other's are as they were.
static void test_failed_archive_is_confessed(void **state)
{
    struct failing_fs failing;
    failing_init(&failing, FAIL_PUBLISH, 1, UV_ENOSPC);
    struct sink *sink = open_sink(state, &failing.fs, NULL);
    assert_true(sink_settles_late(sink));
    struct photo *lost = filed(sink, temporary_photo(state, "a.jpg", "aaa", true), "lost");
    struct photo *copy = filed(sink, temporary_photo(state, "b.jpg", "aaa", true), "kept");
    struct photo *kept = filed(sink, temporary_photo(state, "c.jpg", "ccc", true), "kept");
    struct photo *twin = filed(sink, temporary_photo(state, "d.jpg", "ccc", true), "lost");
    struct photo *other = temporary_photo(state, "e.txt", "eee", true);
    photo_settle(other, PHOTO_SKIPPED, "not a photo");
    assert_int_equal(sink_finish(sink), CUBBY_NO_SPACE);
    // Gone already: the report needs the room.
    assert_string_equal(temporary_names(state, "out"), "kept.zip");

    struct photo *all[] = {lost, copy, kept, twin, other};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(sink_confirm(sink, all[i]), CUBBY_OK);
    assert_int_equal(lost->status, PHOTO_FAILED);
    assert_null(lost->filed_as);
    assert_string_equal(lost->reason, "its archive lost.zip could not be finished: no space left");
    assert_int_equal(copy->status, PHOTO_FAILED);
    assert_non_null(strstr(copy->reason, "lost.zip could not be finished"));
    assert_non_null(strstr(copy->reason, "(same content as "));
    assert_int_equal(kept->status, PHOTO_FILED);
    assert_string_equal(kept->filed_as, "kept.zip/c.jpg");
    assert_int_equal(twin->status, PHOTO_SKIPPED);
    assert_int_equal(other->status, PHOTO_SKIPPED);
    assert_string_equal(other->reason, "not a photo");
    for (size_t i = 0; i < 5; i++)
        photo_free(&all[i]);
    sink_destroy(&sink);
    assert_string_equal(read_archive(state, "out/kept.zip"), "c.jpg=ccc");
}

// An archive that a write error ended is told of once, and finishing takes none of it.
static void test_failed_write_is_told_once(void **state)
{
    struct failing_fs failing;
    failing_init(&failing, FAIL_WRITE, 1, UV_ENOSPC);
    struct temporary_messages messages = {0};
    struct cubby_log log = {temporary_log_write, &messages};
    struct sink *sink = open_sink(state, &failing.fs, &log);
    struct photo *first = filed(sink, temporary_photo(state, "a.jpg", "aaa", true), "t");
    char big[40000]; // over libarchive's block, so that it is written at once
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    struct photo *second = temporary_photo(state, "b.jpg", big, true);
    assert_int_equal(sink_file(sink, second, "t"), CUBBY_NO_SPACE);
    assert_int_equal(sink_finish(sink), CUBBY_NO_SPACE);
    assert_int_equal(messages.count, 1);
    assert_int_equal(sink_confirm(sink, first), CUBBY_OK);
    assert_int_equal(first->status, PHOTO_FAILED);
    photo_free(&first);
    photo_free(&second);
    assert_string_equal(temporary_names(state, "out"), "");
    sink_destroy(&sink);
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
    struct temporary_messages messages = {0};
    struct cubby_log log = {temporary_log_write, &messages};
    struct sink *sink = open_sink(state, &failing.fs, &log);
    struct photo *photo = filed(sink, temporary_photo(state, "a.jpg", "aaa", true), "t");
    assert_string_equal(photo->filed_as, "t.zip/a.jpg");
    assert_int_equal(sink_finish(sink), CUBBY_OK);
    assert_int_equal(sink_confirm(sink, photo), CUBBY_OK);
    assert_int_equal(photo->status, PHOTO_FILED);
    assert_string_equal(photo->filed_as, "t (2).zip/a.jpg");
    photo_free(&photo);
    sink_destroy(&sink);
    assert_content(state, "out/t.zip", "quicker");
    assert_string_equal(read_archive(state, "out/t (2).zip"), "a.jpg=aaa");
    assert_non_null(strstr(messages.last, "called \"t (2).zip\""));
}

static void test_check_finds_damage(void **state)
{
    struct sink *sink = open_sink(state, fs_real(), NULL);
    file_one(sink, temporary_photo(state, "a.jpg", "0123456789", true), "t");
    assert_int_equal(sink_finish(sink), CUBBY_OK);
    sink_destroy(&sink);
    const char *path = temporary_path(state, "out/t.zip");
    struct photo_hasher *hasher;
    assert_int_equal(photo_hasher_create(&hasher), CUBBY_OK);
    struct zip_entry entries[2] = {{photo_hash_bytes("0123456789", 10), 10}, {{0, 0}, 0}};
    const struct fs *fs = fs_real();
    assert_int_equal(zip_check(fs, path, entries, 1, hasher, NULL), CUBBY_OK);
    assert_int_equal(zip_check(fs, path, entries, 0, hasher, NULL), CUBBY_IO);
    assert_int_equal(zip_check(fs, path, entries, 2, hasher, NULL), CUBBY_IO);
    entries[0].size_bytes = 11;
    assert_int_equal(zip_check(fs, path, entries, 1, hasher, NULL), CUBBY_IO);
    entries[0].size_bytes = 10;
    // Any changed byte of the content, any cut of the file.
    struct fs_stat stat;
    assert_int_equal(fs->stat(fs, path, &stat), 0);
    FILE *file = fopen(path, "r+b");
    char bytes[4096];
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    char *digits = memmem(bytes, size, "0123456789", 10);
    assert_non_null(digits);
    fseek(file, digits - bytes + 4, SEEK_SET);
    fputc('x', file);
    fclose(file);
    assert_int_equal(zip_check(fs, path, entries, 1, hasher, NULL), CUBBY_IO);
    for (size_t cut = 0; cut < size; cut += 7) {
        file = fopen(path, "wb");
        fwrite(bytes, 1, cut, file);
        fclose(file);
        assert_int_equal(zip_check(fs, path, entries, 1, hasher, NULL), CUBBY_IO);
    }
    assert_int_equal(zip_check(fs, temporary_path(state, "none"), entries, 1, hasher, NULL),
                     CUBBY_IO);
    photo_hasher_destroy(&hasher);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, temporary_setup, temporary_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_one_archive_per_class),
        IN_FOLDER(test_earlier_archive_stays),
        IN_FOLDER(test_names),
        IN_FOLDER(test_source_troubles),
        IN_FOLDER(test_destroy_without_finish),
        IN_FOLDER(test_many_classes),
        IN_FOLDER(test_every_failing_call),
        IN_FOLDER(test_more_than_65535_entries),
        IN_FOLDER(test_failed_archive_is_confessed),
        IN_FOLDER(test_failed_write_is_told_once),
        IN_FOLDER(test_race_for_the_name),
        IN_FOLDER(test_check_finds_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
