// Power cuts: a whole sort is recorded, the states that a cut at any moment could have left are
// built, and in each the same command has to end as if nothing had happened, verify has to agree,
// and undo has to give back what was there. With a disk that takes fsync for nothing, this has to
// fail.
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tools/recorded_disk.h"
#include "../../tools/stub_classifier.h"
#include "../temporary.h"
#include "text.h"

enum { STATES = 120 }; // for each way of filing

struct world {
    void **state;
    char folder[TEMPORARY_PATH]; // all there is
    const char *way[4];
};

static void write_photo(void **state, const char *name, unsigned colour, unsigned number)
{
    char text[64 + 12 * 12 * 3];
    const char *path = temporary_file(state, name, "");
    int head = snprintf(text, sizeof(text), "P6\n12 12\n255\n");
    for (int i = 0; i < 12 * 12 * 3; i++)
        text[head + i] = (char)(i % 3 == (int)colour ? 220 : 30);
    text[head] = (char)number;
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, (size_t)head + 12 * 12 * 3, file), head + 12 * 12 * 3);
    fclose(file);
}

static void write_sources(void **state)
{
    for (unsigned i = 0; i < 9; i++) {
        char name[64];
        snprintf(name, sizeof(name), "w/photos/p%u/%s.ppm", i % 2, i < 4 ? "same" : "x");
        snprintf(name + strlen(name) - 4, 32, " %u.ppm", i / 2);
        write_photo(state, name, i % 3, i);
    }
    temporary_file(state, "w/photos/p0/same 0.xmp", "sidecar");
    write_photo(state, "w/photos/twice.ppm", 0, 0);
}

static int run(const struct world *world, const struct command_hooks *hooks, const char *command,
               bool quick)
{
    char photos[TEMPORARY_PATH + 16], out[TEMPORARY_PATH + 16];
    snprintf(photos, sizeof(photos), "%s/photos", world->folder);
    snprintf(out, sizeof(out), "%s/out", world->folder);
    const char *arguments[16] = {"cubby", command};
    int count = 2;
    bool sorts = !strcmp(command, "sort");
    arguments[count++] = sorts ? photos : out;
    if (sorts) {
        arguments[count++] = "--into";
        arguments[count++] = out;
        for (int i = 0; i < 4 && world->way[i]; i++)
            arguments[count++] = world->way[i];
    }
    if (quick && strcmp(command, "verify") != 0)
        arguments[count++] = "--no-fsync";
    arguments[count++] = "--quiet";
    // Many states are damaged on purpose: what is said about them would hide what matters.
    fflush(stderr);
    int silent = open("/dev/null", O_WRONLY), loud = dup(STDERR_FILENO);
    assert_true(silent >= 0 && loud >= 0);
    dup2(silent, STDERR_FILENO);
    int code = cubby_main_with(count, arguments, hooks);
    fflush(stderr);
    dup2(loud, STDERR_FILENO);
    close(silent);
    close(loud);
    return code;
}

// All names and contents below a folder, but for cubby's own.
static void describe(struct text *text, const char *folder, const char *below)
{
    struct fs_names names;
    if (fs_real()->list(fs_real(), folder, &names))
        return;
    for (size_t i = 0; i < names.count; i++) {
        char *path = path_join(folder, names.names[i]), *shown = path_join(below, names.names[i]);
        struct fs_stat stat;
        assert_int_equal(fs_real()->lstat(fs_real(), path, &stat), 0);
        if (stat.is_folder && strcmp(names.names[i], ".cubby") != 0) {
            describe(text, path, shown);
        } else if (!stat.is_folder) {
            char line[160];
            uint8_t bytes[65536];
            int file = fs_real()->open(fs_real(), path, FS_READ);
            int64_t got = fs_real()->read(fs_real(), file, bytes, sizeof(bytes));
            fs_real()->close(fs_real(), file);
            assert_true(got >= 0);
            struct photo_hash hash = photo_hash_bytes(bytes, (size_t)got);
            snprintf(line, sizeof(line), "%.100s %llx\n", shown, (unsigned long long)hash.low);
            text_add_string(text, line);
        }
        free(path);
        free(shown);
    }
    fs_names_free(&names);
}

static char *described(const struct world *world, const char *name)
{
    struct text text = {0};
    char folder[TEMPORARY_PATH + 16];
    snprintf(folder, sizeof(folder), "%s/%s", world->folder, name);
    describe(&text, folder, "");
    text_add(&text, "", 1);
    assert_false(text.failed);
    return text.bytes;
}

static void empty(const struct world *world)
{
    temporary_remove(world->folder);
    assert_int_equal(fs_real()->make_folder(fs_real(), world->folder), 0);
}

struct expectation {
    char *sources, *sources_after, *output; // owned
};

// Why the world is not as it should be after a cut and all that follows; NULL: it is.
static const char *check_state(const struct world *world, const struct expectation *expected)
{
    const struct command_hooks hooks = {.open_classifier = stub_open};
    int code = run(world, &hooks, "sort", true);
    if (code != 0)
        return "sorting again fails";
    char *output = described(world, "out"), *sources = described(world, "photos");
    bool same = !strcmp(output, expected->output), kept = !strcmp(sources, expected->sources_after);
    free(output);
    free(sources);
    if (!same)
        return "the output differs";
    if (!kept)
        return "the sources differ";
    if (run(world, &hooks, "verify", true) != 0)
        return "verify finds damage";
    if (run(world, &hooks, "undo", true) != 0)
        return "undo fails";
    sources = described(world, "photos");
    output = described(world, "out");
    same = !strcmp(sources, expected->sources) && !output[0];
    free(output);
    free(sources);
    return same ? NULL : "undo does not give back what was there";
}

// The number of states that go wrong; the first is named if there should be none.
static unsigned cut_often(struct world *world, struct disk *disk,
                          const struct expectation *expected, bool should_hold)
{
    unsigned wrong = 0;
    for (uint64_t seed = 1; seed <= STATES; seed++) {
        struct disk_random random = {seed * 7919};
        int at = (int)(disk_next(&random) % (uint32_t)(disk->change_count + 1));
        empty(world);
        disk_cut(disk, at, seed);
        const char *why = check_state(world, expected);
        if (why && should_hold)
            fail_msg("%s: cut before change %d of %d, seed %d", why, at, disk->change_count,
                     (int)seed);
        wrong += why != NULL;
    }
    return wrong;
}

static void try_way(void **state, const char *first, const char *second)
{
    struct world world = {.state = state, .way = {first, second}};
    snprintf(world.folder, sizeof(world.folder), "%s", temporary_path(state, "w"));
    write_sources(state);
    struct disk *disk = malloc(sizeof(*disk));
    assert_non_null(disk);
    disk_init(disk, world.folder);
    struct expectation expected = {.sources = described(&world, "photos")};
    const struct command_hooks hooks = {
        .fs = &disk->fs, .vfs = "recorded-disk", .open_classifier = stub_open};
    assert_int_equal(run(&world, &hooks, "sort", false), 0);
    assert_true(disk->change_count > 50);
    expected.output = described(&world, "out");
    expected.sources_after = described(&world, "photos");
    assert_true(strlen(expected.output) > 20);

    cut_often(&world, disk, &expected, true);
    disk->ignores_sync = true; // what is written and named is never certain
    unsigned wrong = cut_often(&world, disk, &expected, false);
    if (!wrong)
        fail_msg("without fsync nothing goes wrong: this test sees nothing");
    print_message("%d changes; %d power cuts survived; without fsync %u of %d are not\n",
                  disk->change_count, STATES, wrong, STATES);
    disk_fini(disk);
    free(disk);
    free(expected.output);
    free(expected.sources);
    free(expected.sources_after);
}

static void test_copy(void **state)
{
    try_way(state, NULL, NULL);
}

static void test_move(void **state)
{
    try_way(state, "--move", NULL);
}

static void test_zip(void **state)
{
    try_way(state, "--pack", "zip");
}

static void test_link(void **state)
{
    try_way(state, "--link", NULL);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, temporary_setup, temporary_teardown)
    const struct CMUnitTest tests[] = {IN_FOLDER(test_copy), IN_FOLDER(test_move),
                                       IN_FOLDER(test_zip), IN_FOLDER(test_link)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
