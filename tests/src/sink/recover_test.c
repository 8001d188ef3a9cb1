// Filing that is killed before and after each of its changes, recovery that is killed the same way,
// and filing again: in the end all is as if nothing had happened.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "../temporary.h"
#include "filing.h"
#include "killing_fs.h"

static const struct {
    const char *name, *content, *folder;
    bool has_member;
} photos[] = {{"1/a.jpg", "first photo", "t", true},
              {"2/a.jpg", "another photo of that name", "t", false},
              {"3/b.jpg", "unsure", "unsure", false}};
enum { PHOTOS = 3 };

struct scenario {
    const char *name;
    enum filing_how how;
    bool by_link;      // renames are a link and an unlink
    bool other_device; // moves are copies
};

static void write_sources(void **state)
{
    for (int i = 0; i < PHOTOS; i++)
        temporary_file(state, photos[i].name, photos[i].content);
    temporary_file(state, "1/a.xmp", "<sidecar of a>");
}

// The photo as a scan finds it; NULL if it is not there (any more).
static struct photo *find_photo(void **state, int i)
{
    const char *path = temporary_path(state, photos[i].name);
    struct fs_stat stat;
    if (fs_real()->stat(fs_real(), path, &stat))
        return NULL;
    struct photo *photo = calloc(1, sizeof(*photo));
    assert_non_null(photo);
    photo->path = strdup(path);
    photo->relative = strdup(photos[i].name);
    photo_set_stat(photo, &stat);
    photo->hash = photo_hash_bytes(photos[i].content, strlen(photos[i].content));
    photo->top_count = 1;
    photo->class_name = strdup("t");
    path = temporary_path(state, "1/a.xmp");
    if (photos[i].has_member && !fs_real()->stat(fs_real(), path, &stat)) {
        photo->members = calloc(1, sizeof(*photo->members));
        photo->member_count = 1;
        photo->members[0] = (struct photo_member){.path = strdup(path),
                                                  .name = strdup("a.xmp"),
                                                  .size_bytes = stat.size_bytes,
                                                  .device = stat.device,
                                                  .inode = stat.inode,
                                                  .mtime_ns = stat.mtime_ns,
                                                  .atime_ns = stat.atime_ns,
                                                  .mode = stat.mode & 07777};
    }
    return photo;
}

static int elsewhere_stat(const struct fs *fs, const char *path, struct fs_stat *out)
{
    int result = fs_real()->stat(fs, path, out);
    out->device += strstr(path, "/out") ? 1u : 0u;
    return result;
}

static void prepare_fs(struct killing_fs *killing, const struct scenario *scenario,
                       unsigned kill_at, bool after)
{
    killing_init(killing, kill_at, after);
    if (scenario->by_link)
        killing->fs.publish = killing_publish_by_link;
    if (scenario->other_device)
        killing->fs.stat = elsewhere_stat;
}

// Opens what is there, recovers, files what is not filed yet: one whole run of a program.
static void sort_once(void **state, const struct scenario *scenario, struct killing_fs *killing)
{
    struct filing_bench bench = {.state = state, .fs = &killing->fs, .how = scenario->how};
    bench_open_catalogue(&bench);
    assert_int_equal(catalogue_last_run(bench.catalogue, &bench.run), CUBBY_OK);
    if (!bench.run.id)
        bench_begin_run(&bench);
    const struct sink_recover_params recover = {.output = temporary_path(state, "out"),
                                                .fs = &killing->fs,
                                                .catalogue = bench.catalogue,
                                                .sync = true,
                                                .sweep = true};
    assert_int_equal(sink_recover(&recover), CUBBY_OK);
    bench_open_sink(&bench);
    for (int i = 0; i < PHOTOS; i++) {
        struct photo *photo = find_photo(state, i), *row = NULL;
        if (!photo)
            continue;
        assert_int_equal(catalogue_find_photo(bench.catalogue, photo->path, &row), CUBBY_OK);
        bool filed = row && row->status != PHOTO_PENDING;
        photo->id = row ? row->id : 0;
        photo_free(&row);
        photo->status = strcmp(photos[i].folder, "unsure") != 0 ? PHOTO_FILED : PHOTO_UNSURE;
        if (filed)
            photo_free(&photo);
        else
            assert_int_equal(sink_file(bench.sink, &photo, photos[i].folder), CUBBY_OK);
    }
    assert_int_equal(sink_finish(bench.sink, true), CUBBY_OK);
    bench_close(&bench);
}

// Whether a process that runs it came to its end.
static bool sort_in_child(void **state, const struct scenario *scenario, unsigned kill_at,
                          bool after)
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct killing_fs killing;
        prepare_fs(&killing, scenario, kill_at, after);
        sort_once(state, scenario, &killing);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == KILLING_EXIT);
    return WEXITSTATUS(status) == 0;
}

static uint64_t count_filings(struct catalogue *catalogue, enum filing_state wanted)
{
    const struct catalogue_filings which = {CATALOGUE_ANY, CATALOGUE_ANY, CATALOGUE_ANY,
                                            (int)wanted};
    uint64_t count = 0;
    int64_t after = 0;
    for (;; count++) {
        struct filing filing;
        assert_int_equal(catalogue_next_filing(catalogue, &which, after, false, &filing), CUBBY_OK);
        after = filing.id;
        filing_fini(&filing);
        if (!after)
            return count;
    }
}

static char scene[160]; // what was done, for messages

static void assert_names(void **state, const char *folder, const char *expected)
{
    const char *names = temporary_names(state, folder);
    if (strcmp(names, expected) != 0)
        fail_msg("%s: %s holds %s, not %s", scene, folder, names, expected);
}

static void check_result(void **state, const struct scenario *scenario)
{
    assert_names(state, "out", "t|unsure");
    assert_names(state, "out/t", "a (2).jpg|a.jpg|a.xmp");
    assert_names(state, "out/unsure", "b.jpg");
    assert_content(state, "out/t/a.jpg", photos[0].content);
    assert_content(state, "out/t/a (2).jpg", photos[1].content);
    assert_content(state, "out/t/a.xmp", "<sidecar of a>");
    assert_content(state, "out/unsure/b.jpg", photos[2].content);
    bool moved = scenario->how == FILING_MOVE;
    assert_names(state, "1", moved ? "" : "a.jpg|a.xmp");
    assert_names(state, "2", moved ? "" : "a.jpg");
    assert_names(state, "3", moved ? "" : "b.jpg");

    struct filing_bench bench = {.state = state};
    bench_open_catalogue(&bench);
    assert_int_equal(catalogue_check(bench.catalogue), CUBBY_OK);
    assert_int_equal(count_filings(bench.catalogue, FILING_DONE), 4);
    assert_int_equal(count_filings(bench.catalogue, FILING_INTENDED), 0);
    for (int i = 0; i < PHOTOS; i++) {
        struct photo *row = NULL;
        const char *path = temporary_path(state, photos[i].name);
        assert_int_equal(catalogue_find_photo(bench.catalogue, path, &row), CUBBY_OK);
        assert_non_null(row);
        bool sure = strcmp(photos[i].folder, "unsure") != 0;
        assert_int_equal(row->status, sure ? PHOTO_FILED : PHOTO_UNSURE);
        photo_free(&row);
    }
    catalogue_close(&bench.catalogue);
}

static void begin(void **state)
{
    temporary_remove(temporary_path(state, "out"));
    bench_forget(state);
    for (int i = 1; i <= PHOTOS; i++)
        temporary_remove(temporary_path(state, (char[]){(char)('0' + i), '\0'}));
    write_sources(state);
}

// The first process is killed at `first`, the second, which has to recover, at `second`.
static bool kill_twice(void **state, const struct scenario *scenario, unsigned first,
                       unsigned second, bool after)
{
    begin(state);
    bool ended = sort_in_child(state, scenario, first, after);
    if (!ended && second)
        sort_in_child(state, scenario, second, after);
    snprintf(scene, sizeof(scene), "%s, killed %s change %u, then %u", scenario->name,
             after ? "after" : "before", first, second);
    if (!sort_in_child(state, scenario, 0, false))
        fail_msg("%s", scene);
    check_result(state, scenario);
    return ended;
}

static void run_scenario(void **state, const struct scenario *scenario)
{
    for (int after = 0; after < 2; after++) {
        unsigned kills = 0;
        for (unsigned first = 1;; first++) {
            if (kill_twice(state, scenario, first, 0, after))
                break;
            kills++;
            for (unsigned second = 1 + first % 3; !after && second <= 12; second += 3)
                kill_twice(state, scenario, first, second, after);
        }
        assert_true(kills > 8); // it was killed in many places, or this tests nothing
    }
}

static void test_copy(void **state)
{
    run_scenario(state, &(struct scenario){"copy", FILING_COPY, false, false});
}

static void test_copy_by_link(void **state)
{
    run_scenario(state, &(struct scenario){"copy, no rename", FILING_COPY, true, false});
}

static void test_move(void **state)
{
    run_scenario(state, &(struct scenario){"move", FILING_MOVE, false, false});
}

static void test_move_by_link(void **state)
{
    run_scenario(state, &(struct scenario){"move, no rename", FILING_MOVE, true, false});
}

static void test_move_elsewhere(void **state)
{
    run_scenario(state, &(struct scenario){"move to another disk", FILING_MOVE, false, true});
}

static void test_link(void **state)
{
    run_scenario(state, &(struct scenario){"link", FILING_LINK, false, false});
}

static void test_symlink(void **state)
{
    run_scenario(state, &(struct scenario){"symlink", FILING_SYMLINK, false, false});
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, temporary_setup, temporary_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_copy),         IN_FOLDER(test_copy_by_link),   IN_FOLDER(test_move),
        IN_FOLDER(test_move_by_link), IN_FOLDER(test_move_elsewhere), IN_FOLDER(test_link),
        IN_FOLDER(test_symlink),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
