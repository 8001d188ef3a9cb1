#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/model.h"
#include "labels.h"
#include "temporary.h"

static void expect_names(const char *text, size_t size, const char *const *names, size_t count)
{
    struct labels labels;
    assert_int_equal(labels_parse(&labels, text, size, NULL), CUBBY_OK);
    assert_int_equal(labels.count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(labels.names[i], names[i]);
    labels_free(&labels);
}

static void expect_status(const char *text, size_t size, enum cubby_status status)
{
    struct labels labels;
    assert_int_equal(labels_parse(&labels, text, size, NULL), status);
    assert_null(labels.names);
    assert_int_equal(labels.count, 0);
}

static const char *const three[] = {"table", "garden bench", "B\xc3\xa4r"};

static void test_lines(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "table\ngarden bench\nB\xc3\xa4r",
        "table\ngarden bench\nB\xc3\xa4r\n",
        "table\r\ngarden bench\r\nB\xc3\xa4r\r\n",
        "\xef\xbb\xbftable\r\ngarden bench\r\nB\xc3\xa4r\r\n\r\n \n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        expect_names(texts[i], strlen(texts[i]), three, 3);
}

static void test_json(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "[\"table\", \"garden bench\", \"B\\u00e4r\"]",
        "\xef\xbb\xbf \r\n[\n\"table\",\n\"garden bench\",\n\"B\xc3\xa4r\"]\n",
        // transformers' id2label
        "{\"1\": \"garden bench\", \"0\": \"table\", \"2\": \"B\xc3\xa4r\"}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        expect_names(texts[i], strlen(texts[i]), three, 3);
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "\n\n",
        "\xef\xbb\xbf",
        "a\n\nb",
        "[",
        "[]",
        "[\"a\", 1]",
        "[\"a\"] x",
        "[\"a\", \"b\",]",
        "[[\"a\"]]",
        "\na",
        "{}",
        "{\"a\": 0}",
        "{\"1\": \"a\"}",
        "{\"0\": 1}",
        "{\"0\": \"a\", \"00\": \"b\"}",
        "{",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        expect_status(texts[i], strlen(texts[i]), CUBBY_BAD_DATA);
    expect_status("a\0b\nc", 5, CUBBY_BAD_DATA);
}

static void test_too_many(void **state)
{
    (void)state;
    size_t size = 2 * ((size_t)CUBBY_MAX_CLASSES + 1);
    char *text = malloc(size);
    assert_non_null(text);
    for (size_t i = 0; i < size; i++)
        text[i] = i % 2 ? '\n' : 'a';
    expect_status(text, size, CUBBY_TOO_LARGE);
    struct labels labels;
    assert_int_equal(labels_parse(&labels, text, size - 2, NULL), CUBBY_OK);
    assert_int_equal(labels.count, CUBBY_MAX_CLASSES);
    labels_free(&labels);
    free(text);
}

static void make(const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    assert_int_equal(fs_real()->make_folder(fs_real(), path), 0);
    free(path);
}

// An empty file in FOLDER/NAME.
static void touch(const char *folder, const char *name, const char *file)
{
    char *path = path_join(folder, name), *full = path_join(path, file);
    int number = fs_real()->open(fs_real(), full, FS_CREATE);
    assert_true(number >= 0);
    fs_real()->close(fs_real(), number);
    free(full);
    free(path);
}

static void test_folders(void **state)
{
    struct labels labels;
    make(*state, "Z");
    make(*state, "a");
    make(*state, "\xc3\xa4"); // after all of ASCII, unlike in a dictionary
    make(*state, ".hidden");
    make(*state, "models"); // where fastai's learn.save() puts what it saves
    make(*state, "nothing");
    make(*state, "a/below");
    touch(*state, "Z", "1.JPG");
    touch(*state, "a/below", "1.png");
    touch(*state, "\xc3\xa4", "1.jpeg");
    touch(*state, ".hidden", "1.jpg");
    touch(*state, "models", "saved.pth");
    touch(*state, ".", "file");
    touch(*state, ".", "1.jpg");
    char *file = path_join(*state, "file"), *gone = path_join(*state, "gone");
    assert_int_equal(labels_read_folders(&labels, fs_real(), *state, NULL), CUBBY_OK);
    assert_int_equal(labels.count, 3);
    assert_string_equal(labels.names[0], "Z");
    assert_string_equal(labels.names[1], "a");
    assert_string_equal(labels.names[2], "\xc3\xa4");
    labels_free(&labels);
    assert_int_equal(labels_read_folders(&labels, fs_real(), gone, NULL), CUBBY_IO);
    assert_int_equal(labels_read_folders(&labels, fs_real(), file, NULL), CUBBY_IO);
    char *empty = path_join(*state, "a/below");
    assert_int_equal(labels_read_folders(&labels, fs_real(), empty, NULL), CUBBY_BAD_DATA);
    assert_null(labels.names);
    free(empty);
    free(file);
    free(gone);
}

static int no_stat(const struct fs *fs, const char *path, struct fs_stat *out)
{
    (void)fs, (void)path, (void)out;
    return UV_EIO;
}

// A folder that cannot be looked at might be a class: leaving it out would shift all others.
static void test_folder_in_doubt(void **state)
{
    struct fs fs = *fs_real();
    struct labels labels;
    make(*state, "a");
    fs.stat = no_stat;
    assert_int_equal(labels_read_folders(&labels, &fs, *state, NULL), CUBBY_IO);
    assert_int_equal(labels.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test_setup_teardown(test_folders, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_folder_in_doubt, temporary_setup, temporary_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
