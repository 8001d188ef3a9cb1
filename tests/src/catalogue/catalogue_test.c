#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failing_vfs.h"
#include "opened.h"

static void test_none_without_create(void **state)
{
    struct temporary_messages said = {0};
    struct catalogue *catalogue;
    assert_int_equal(opened_try(state, &catalogue, &said, false, NULL), CUBBY_OK);
    assert_null(catalogue);
    assert_string_equal(temporary_names(state, "out"), "no folder");
    // As a crash leaves it that came before the tables.
    temporary_file(state, "out/.cubby/catalogue.sqlite", "");
    assert_int_equal(opened_try(state, &catalogue, &said, false, NULL), CUBBY_OK);
    assert_null(catalogue);
    assert_int_equal(opened_try(state, &catalogue, &said, true, NULL), CUBBY_OK);
    assert_non_null(catalogue);
    catalogue_close(&catalogue);
    assert_int_equal(opened_try(state, &catalogue, &said, false, NULL), CUBBY_OK);
    assert_non_null(catalogue);
    catalogue_close(&catalogue);
    catalogue_close(&catalogue); // takes NULL
    assert_int_equal(said.count, 0);
}

static void test_nothing_beside_it(void **state)
{
    struct catalogue *catalogue = opened(state);
    assert_int_equal(put(catalogue, "/p/a", 1, NULL, NULL), CUBBY_OK);
    assert_int_equal(catalogue_commit(catalogue), CUBBY_OK);
    assert_string_equal(temporary_names(state, "out/.cubby"),
                        "catalogue.sqlite|catalogue.sqlite-wal"); // no -shm
    catalogue_close(&catalogue);
    assert_string_equal(temporary_names(state, "out/.cubby"), "catalogue.sqlite");
}

static void test_what_was_not_committed(void **state)
{
    struct catalogue *catalogue = opened(state);
    assert_int_equal(put(catalogue, "/p/a", 1, NULL, NULL), CUBBY_OK);
    assert_int_equal(catalogue_commit(catalogue), CUBBY_OK);
    assert_int_equal(catalogue_commit(catalogue), CUBBY_OK);
    assert_int_equal(put(catalogue, "/p/b", 2, NULL, NULL), CUBBY_OK);
    assert_int_equal(count_all(catalogue), 2);
    catalogue_close(&catalogue);
    catalogue = opened(state);
    assert_int_equal(count_all(catalogue), 1);
    assert_int_equal(catalogue_check(catalogue), CUBBY_OK);
    catalogue_close(&catalogue);
}

static void copy_file(void **state, const char *from, const char *to)
{
    FILE *in = fopen(temporary_path(state, from), "rb");
    assert_non_null(in);
    FILE *out = fopen(temporary_file(state, to, ""), "wb");
    assert_non_null(out);
    for (int c; (c = getc(in)) != EOF;)
        putc(c, out);
    fclose(in);
    fclose(out);
}

// What a process that is killed leaves is what can be copied while it works.
static void test_crash(void **state)
{
    struct catalogue *catalogue = opened(state), *after;
    for (unsigned commits = 0; commits < 5; commits++) {
        char path[32];
        snprintf(path, sizeof(path), "/p/%u", commits);
        assert_int_equal(put(catalogue, path, 1, NULL, NULL), CUBBY_OK);
        assert_int_equal(catalogue_commit(catalogue), CUBBY_OK);
        snprintf(path, sizeof(path), "/p/%u later", commits);
        assert_int_equal(put(catalogue, path, 1, NULL, NULL), CUBBY_OK);
        copy_file(state, "out/.cubby/catalogue.sqlite", "copy/out/.cubby/catalogue.sqlite");
        copy_file(state, "out/.cubby/catalogue.sqlite-wal", "copy/out/.cubby/catalogue.sqlite-wal");
        char *folder = strdup(temporary_path(state, "copy"));
        void *copy = folder;
        after = opened(&copy);
        assert_int_equal(count_all(after), 2 * commits + 1);
        assert_int_equal(catalogue_check(after), CUBBY_OK);
        catalogue_close(&after);
        temporary_remove(folder);
        free(folder);
    }
    catalogue_close(&catalogue);
}

static void test_one_at_a_time(void **state)
{
    struct temporary_messages said = {0};
    struct catalogue *catalogue = opened(state), *second;
    assert_int_equal(put(catalogue, "/p/a", 1, NULL, NULL), CUBBY_OK);
    assert_int_equal(opened_try(state, &second, &said, true, NULL), CUBBY_BUSY);
    assert_null(second);
    assert_int_equal(said.count, 1);
    catalogue_close(&catalogue);
}

static void test_files_of_others(void **state)
{
    static const char *const contents[] = {
        "x",
        "no database, but much longer than the hundred bytes that the header of one takes, so "
        "that there is enough to look at",
        "SQLite format 3"};
    for (size_t i = 0; i < 3; i++) {
        struct temporary_messages said = {0};
        struct catalogue *catalogue;
        temporary_file(state, "out/.cubby/catalogue.sqlite", contents[i]);
        for (int create = 0; create < 2; create++)
            assert_int_equal(opened_try(state, &catalogue, &said, create, NULL), CUBBY_BAD_DATA);
        assert_null(catalogue);
        assert_int_equal(said.count, 2);
        assert_non_null(strstr(said.last, "rename the folder"));
        assert_content(state, "out/.cubby/catalogue.sqlite", contents[i]);
    }
    temporary_remove(temporary_path(state, "out/.cubby"));
    struct temporary_messages said = {0};
    struct catalogue *catalogue;
    temporary_file(state, "out/.cubby/catalogue.sqlite/file", "");
    assert_int_equal(opened_try(state, &catalogue, &said, true, NULL), CUBBY_BAD_DATA);
    temporary_remove(temporary_path(state, "out/.cubby"));
    temporary_file(state, "out/.cubby", "in the way");
    assert_int_equal(opened_try(state, &catalogue, &said, true, NULL), CUBBY_IO);
    assert_int_equal(said.count, 2);
}

// Each call of SQLite to the system fails in turn, from then on or once. Whatever comes of it, what
// was committed is there afterwards, nothing of a failed group is, and nothing is committed after a
// failure.
static void test_failing_calls(void **state)
{
    static const struct {
        int code;
        enum cubby_status status;
        bool once, reads;
    } kinds[] = {
        {SQLITE_FULL, CUBBY_NO_SPACE, false, false},
        {SQLITE_IOERR_WRITE, CUBBY_IO, true, false},
        {SQLITE_IOERR_FSYNC, CUBBY_IO, false, false},
        {SQLITE_IOERR_READ, CUBBY_IO, true, true},
        {SQLITE_IOERR_NOMEM, CUBBY_NO_MEMORY, true, false},
    };
    struct failing_vfs failing;
    failing_vfs_register(&failing);
    unsigned failures = 0;
    for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
        bool clean = false;
        for (unsigned n = 1; !clean; n++) {
            struct temporary_messages said = {0};
            struct catalogue *catalogue;
            failing.calls = 0;
            failing.used = false;
            failing.from = n;
            failing.until = kinds[k].once ? n : UINT32_MAX;
            failing.code = kinds[k].code;
            failing.reads_fail = kinds[k].reads;
            unsigned committed = 0;
            enum cubby_status status = opened_try(state, &catalogue, &said, true, "failing");
            assert_int_equal(catalogue != NULL, status == CUBBY_OK);
            for (unsigned group = 0; group < 3 && catalogue && !status; group++) {
                for (unsigned i = 0; i < 4 && !status; i++) {
                    char path[32];
                    snprintf(path, sizeof(path), "/p/%u", group * 4 + i);
                    status = put(catalogue, path, i + 1, "b/x", NULL);
                }
                if (!status)
                    status = catalogue_commit(catalogue);
                committed += status ? 0 : 4;
            }
            if (status) {
                failures++;
                assert_true(failing.used);
                assert_true(status == kinds[k].status || status == CUBBY_IO);
                assert_true(said.count >= 1);
            }
            if (catalogue && status) {
                assert_int_equal(put(catalogue, "/p/later", 1, NULL, NULL), status);
                assert_int_equal(catalogue_commit(catalogue), status);
            }
            catalogue_close(&catalogue);
            clean = !failing.used;
            failing.from = 0;
            assert_int_equal(opened_try(state, &catalogue, NULL, true, "failing"), CUBBY_OK);
            assert_int_equal(catalogue_check(catalogue), CUBBY_OK);
            uint64_t count = count_all(catalogue);
            // A commit that failed late may have been made.
            if (count != committed && !(status && count == committed + 4))
                fail_msg("kind %zu, call %u: %llu photos, not %u", k, n, (unsigned long long)count,
                         committed);
            catalogue_close(&catalogue);
            temporary_remove(temporary_path(state, "out"));
            assert_true(n < 500);
        }
    }
    assert_true(failures > 50);
    failing_vfs_unregister(&failing);
}

struct worker {
    struct catalogue *catalogue;
    unsigned number;
    uv_thread_t thread;
};

static void work(void *argument)
{
    struct worker *worker = argument;
    for (unsigned i = 0; i < 200; i++) {
        char path[32];
        struct photo *photo;
        snprintf(path, sizeof(path), "/p/%u/%u", worker->number, i);
        if (put(worker->catalogue, path, i + 1, NULL, NULL) ||
            catalogue_find_photo(worker->catalogue, path, &photo) ||
            (i % 16 == 0 && catalogue_commit(worker->catalogue)))
            abort();
        photo_free(&photo);
    }
}

static void test_threads(void **state)
{
    struct worker workers[4];
    struct catalogue *catalogue = opened(state);
    for (unsigned i = 0; i < 4; i++) {
        workers[i] = (struct worker){.catalogue = catalogue, .number = i};
        assert_int_equal(uv_thread_create(&workers[i].thread, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++)
        uv_thread_join(&workers[i].thread);
    assert_int_equal(count_all(catalogue), 800);
    assert_int_equal(catalogue_commit(catalogue), CUBBY_OK);
    catalogue_close(&catalogue);
}

// Reads all there is; how it ends is up to the damage.
static void read_all(struct catalogue *catalogue)
{
    struct catalogue_photos photos = {CATALOGUE_ANY, CATALOGUE_ANY, CATALOGUE_ANY};
    struct catalogue_filings filings = {CATALOGUE_ANY, CATALOGUE_ANY, CATALOGUE_ANY, 0};
    struct catalogue_run run;
    struct catalogue_archive archive;
    struct catalogue_folder folder;
    struct filing filing;
    struct photo *photo;
    int64_t after = 0;
    while (catalogue_next_photo(catalogue, &photos, after, &photo) == CUBBY_OK && photo) {
        struct photo *same;
        char *path;
        if (catalogue_find_photo(catalogue, photo->path, &same) == CUBBY_OK && same)
            photo_free(&same);
        if (catalogue_find_content(catalogue, photo->hash, photo->size_bytes, &path) == CUBBY_OK)
            free(path);
        after = photo->id;
        photo_free(&photo);
    }
    after = 0;
    while (catalogue_next_filing(catalogue, &filings, after, false, &filing) == CUBBY_OK &&
           filing.id) {
        after = filing.id;
        filing_fini(&filing);
    }
    if (catalogue_last_run(catalogue, &run) == CUBBY_OK)
        catalogue_run_fini(&run);
    if (catalogue_next_archive(catalogue, CATALOGUE_ANY, 0, &archive) == CUBBY_OK)
        catalogue_archive_fini(&archive);
    if (catalogue_previous_folder(catalogue, 1, 0, &folder) == CUBBY_OK)
        catalogue_folder_fini(&folder);
    if (put(catalogue, "/p/3", 1, NULL, NULL) == CUBBY_OK &&
        put(catalogue, "/p/new", 1, "b/new", NULL) == CUBBY_OK)
        (void)!catalogue_commit(catalogue);
}

static void fill(struct catalogue *catalogue)
{
    char *names[] = {(char *)"bench", (char *)"table"};
    struct catalogue_run run = {
        .classes = names, .class_count = 2, .roots = names, .root_count = 1};
    struct catalogue_archive archive = {.run = 1, .folder = names[0], .name = names[1], .part = 1};
    struct catalogue_folder folder = {.run = 1, .path = names[0]};
    assert_int_equal(catalogue_add_run(catalogue, &run), CUBBY_OK);
    assert_int_equal(catalogue_add_archive(catalogue, &archive), CUBBY_OK);
    assert_int_equal(catalogue_add_folder(catalogue, &folder), CUBBY_OK);
    for (unsigned i = 0; i < 60; i++) {
        char path[32];
        struct filing filing = {.run = 1, .photo = i + 1, .source = path, .target = names[0]};
        snprintf(path, sizeof(path), "/p/%u", i);
        assert_int_equal(put(catalogue, path, i + 1, "bench/x", NULL), CUBBY_OK);
        assert_int_equal(catalogue_add_filing(catalogue, &filing), CUBBY_OK);
    }
    assert_int_equal(catalogue_commit(catalogue), CUBBY_OK);
}

// Bytes of a file, written over.
static void write_bytes(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void test_damage_anywhere(void **state)
{
    struct catalogue *catalogue = opened(state);
    fill(catalogue);
    catalogue_close(&catalogue);
    const char *path = temporary_path(state, "out/.cubby/catalogue.sqlite");
    char *file = strdup(path);
    FILE *in = fopen(file, "rb");
    assert_non_null(in);
    fseek(in, 0, SEEK_END);
    size_t size = (size_t)ftell(in);
    rewind(in);
    char *sound = malloc(size), *damaged = malloc(size);
    assert_true(sound && damaged);
    assert_int_equal(fread(sound, 1, size, in), size);
    fclose(in);

    uint64_t seed = 88172645463325252u;
    unsigned refused = 0;
    for (unsigned round = 0; round < 600; round++) {
        memcpy(damaged, sound, size);
        for (unsigned i = 0; i <= round % 4; i++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            // Half of them where each page says what is in it, which a page's middle seldom does.
            size_t at = (size_t)(seed >> 8) % size;
            if (seed & 1)
                at = at / 4096 * 4096 + at % 128;
            damaged[at] = (char)(damaged[at] ^ (char)(1 + (seed >> 1) % 255));
        }
        write_bytes(file, damaged, round % 10 == 9 ? (size_t)(seed >> 8) % size : size);
        struct temporary_messages said = {0};
        if (opened_try(state, &catalogue, &said, true, NULL)) {
            refused++;
            assert_null(catalogue);
            assert_int_equal(said.count, 1);
        } else {
            read_all(catalogue);
            catalogue_close(&catalogue);
        }
        char *wal = malloc(strlen(file) + 8);
        assert_non_null(wal);
        snprintf(wal, strlen(file) + 8, "%s-wal", file);
        remove(wal);
        free(wal);
    }
    assert_true(refused > 20);
    free(sound);
    free(damaged);
    free(file);
}

static void test_check_finds_damage(void **state)
{
    struct temporary_messages said = {0};
    struct catalogue *catalogue = opened(state);
    fill(catalogue);
    catalogue_close(&catalogue);
    // An index that knows of fewer rows than the table.
    opened_sql(state, "CREATE TABLE spare(a, b); CREATE INDEX spare_a ON spare(a); "
                      "INSERT INTO spare VALUES(1, 2); PRAGMA writable_schema = ON; "
                      "UPDATE sqlite_schema SET sql = 'CREATE INDEX spare_a ON spare(b)' "
                      "WHERE name = 'spare_a'");
    assert_int_equal(opened_try(state, &catalogue, &said, true, NULL), CUBBY_OK);
    assert_int_equal(catalogue_check(catalogue), CUBBY_BAD_DATA);
    assert_int_equal(said.count, 1);
    catalogue_close(&catalogue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, temporary_setup, temporary_teardown)
        TEST(test_none_without_create),    TEST(test_nothing_beside_it),
        TEST(test_what_was_not_committed), TEST(test_crash),
        TEST(test_one_at_a_time),          TEST(test_files_of_others),

        TEST(test_failing_calls),          TEST(test_threads),
        TEST(test_damage_anywhere),        TEST(test_check_finds_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
