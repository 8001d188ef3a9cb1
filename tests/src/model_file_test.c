#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model_file.h"
#include "temporary.h"

// The places where the built-in model may be, in the order in which they are looked at. Any path
// that ends like one of them exists in these tests, if its bit is set.
struct places {
    struct fs fs;
    char *paths[4];
    unsigned there;
    unsigned folders; // those that are folders, which no model is
};

static int stat_places(const struct fs *fs, const char *path, struct fs_stat *out)
{
    const struct places *places = fs->user;
    for (unsigned i = 0; i < 4; i++) {
        if (strcmp(path, places->paths[i]) != 0 || !(places->there >> i & 1))
            continue;
        bool is_folder = places->folders >> i & 1;
        *out = (struct fs_stat){.is_file = !is_folder, .is_folder = is_folder};
        return 0;
    }
    return UV_ENOENT;
}

static char *join(const char *a, const char *b)
{
    char *path = path_join(a, b);
    assert_non_null(path);
    return path;
}

static void places_init(struct places *places)
{
    char *program = path_program_folder();
    assert_non_null(program);
    *places = (struct places){.fs = *fs_real()};
    places->fs.stat = stat_places;
    places->fs.user = places;
    places->paths[0] = join(program, MODEL_FILE_NAME);
    places->paths[1] = join(program, "models/" MODEL_FILE_NAME);
    places->paths[2] = join(program, "../share/cubby/models/" MODEL_FILE_NAME);
    places->paths[3] = strdup(MODELS_DIR "/" MODEL_FILE_NAME);
    free(program);
}

static void places_fini(struct places *places)
{
    for (int i = 0; i < 4; i++)
        free(places->paths[i]);
}

static void test_lookup_order(void **state)
{
    (void)state;
    struct places places;
    places_init(&places);
    for (places.there = 1; places.there < 16; places.there++) {
        unsigned first = 0;
        while (!(places.there >> first & 1))
            first++;
        char *path = NULL;
        assert_int_equal(model_file_find(&path, NULL, &places.fs, NULL), CUBBY_OK);
        assert_string_equal(path, places.paths[first]);
        free(path);
    }
    // A folder of that name is passed over.
    places.there = 5;
    places.folders = 1;
    char *path = NULL;
    assert_int_equal(model_file_find(&path, NULL, &places.fs, NULL), CUBBY_OK);
    assert_string_equal(path, places.paths[2]);
    free(path);
    places_fini(&places);
}

static void test_none(void **state)
{
    (void)state;
    struct places places;
    places_init(&places);
    struct temporary_messages messages = {0};
    struct cubby_log log = {temporary_log_write, &messages};
    char *path = NULL;
    assert_int_equal(model_file_find(&path, NULL, &places.fs, &log), CUBBY_IO);
    assert_null(path);
    assert_int_equal(messages.count, 1);
    assert_non_null(strstr(messages.last, "--model FILE"));
    // One that is named is taken as it is: opening it says what is wrong.
    assert_int_equal(model_file_find(&path, "other.safetensors", &places.fs, &log), CUBBY_OK);
    assert_string_equal(path, "other.safetensors");
    free(path);
    places_fini(&places);
}

static void assert_refused(const char *path, const char *says)
{
    struct temporary_messages messages = {0};
    struct cubby_log log = {temporary_log_write, &messages};
    struct model_file file;
    assert_int_not_equal(model_file_open(&file, path, fs_real(), &log), CUBBY_OK);
    if (messages.count == 0 || !strstr(messages.last, says))
        fail_msg("%s: \"%s\" does not say \"%s\"", path, messages.last, says);
    static const struct model_file zero;
    assert_memory_equal(&file, &zero, sizeof(file)); // all that was opened is closed again
    model_file_close(&file);
}

static void test_what_is_no_model(void **state)
{
    assert_refused(temporary_path(state, "gone"), "cannot be read: cannot be opened: no such file");
    assert_refused((const char *)*state, "is a folder");
    assert_refused(temporary_file(state, "words", "these are words, not weights"), "");
    assert_refused(temporary_file(state, "empty", ""), "");
}

// {"a": a float32 vector of two}: no network, but a checkpoint.
static const char *write_checkpoint(void **state)
{
    const char *path = temporary_path(state, "a.safetensors");
    static const char header[] =
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}   ";
    unsigned char length[8] = {sizeof(header) - 1};
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fwrite(length, 1, sizeof(length), file);
    fwrite(header, 1, sizeof(header) - 1, file);
    fwrite("\0\0\200?\0\0\0@", 1, 8, file);
    assert_int_equal(fclose(file), 0);
    return path;
}

static void test_read_is_not_open(void **state)
{
    const char *path = write_checkpoint(state);
    struct model_file file;
    assert_int_equal(model_file_read(&file, path, NULL, fs_real(), NULL), CUBBY_OK);
    assert_string_equal(file.path, path);
    assert_non_null(file.checkpoint);
    assert_null(file.model);
    assert_true(photo_hash_equal(file.hash, photo_hash_bytes(file.bytes, file.size_bytes)));
    model_file_close(&file);
    model_file_close(&file); // zeroed by now
    assert_refused(path, "");
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, temporary_setup, temporary_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_lookup_order),
        IN_FOLDER(test_none),
        IN_FOLDER(test_what_is_no_model),
        IN_FOLDER(test_read_is_not_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
