#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "learn/labelled.h"
#include "../temporary.h"

// What was said, all of it.
struct said {
    char text[8192];
};

static void write_said(void *user, enum cubby_log_level level, const char *message)
{
    struct said *said = user;
    size_t used = strlen(said->text);
    snprintf(said->text + used, sizeof(said->text) - used, "%s%s\n",
             level == CUBBY_LOG_ERROR ? "error: " : "", message);
}

static struct said said;
static const struct cubby_log test_log = {.write = write_said, .user = &said};

static struct labelled_params params_for(void **state, const char *name)
{
    said.text[0] = '\0';
    return (struct labelled_params){
        .folder = temporary_path(state, name), .threads = 2, .fs = fs_real(), .log = &test_log};
}

static void expect_said(const char *part)
{
    if (!strstr(said.text, part))
        fail_msg("\"%s\" is not in what was said:\n%s", part, said.text);
}

// "0:a/x.jpg 1:b/y.jpg"
static void expect_photos(const struct labelled *labelled, const char *expected)
{
    char text[1024] = "";
    for (size_t i = 0; i < labelled->count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%u:%s", i ? " " : "",
                 labelled->photos[i].class_index, labelled->photos[i].relative);
    assert_string_equal(text, expected);
}

static void test_any_depth(void **state)
{
    temporary_file(state, "set/table/1.jpg", "one");
    temporary_file(state, "set/table/job 12/left/2.jpg", "two");
    temporary_file(state, "set/chair/3.JPG", "three");
    temporary_file(state, "set/chair/notes.txt", "no photo");
    temporary_file(state, "set/chair/.thumbnails/4.jpg", "hidden");
    temporary_file(state, "set/.trash/5.jpg", "hidden");
    temporary_file(state, "set/unsure/6.jpg", "a class like any other here");
    temporary_file(state, "set/beside.jpg", "in no class");
    const struct labelled_params params = params_for(state, "set/");
    struct labelled labelled;
    assert_int_equal(labelled_read(&labelled, &params), CUBBY_OK);
    assert_int_equal(labelled.class_count, 3);
    assert_string_equal(labelled.classes[0], "chair");
    assert_string_equal(labelled.classes[2], "unsure");
    expect_photos(&labelled,
                  "0:chair/3.JPG 1:table/1.jpg 1:table/job 12/left/2.jpg 2:unsure/6.jpg");
    assert_true(photo_hash_equal(labelled.photos[0].hash, photo_hash_bytes("three", 5)));
    assert_int_equal(labelled.photos[0].size_bytes, 5);
    assert_int_equal(labelled.outside, 1);
    assert_int_equal(labelled.skipped, 1);
    assert_int_equal(labelled.failed, 0);
    assert_string_equal(said.text, "");
    labelled_fini(&labelled);
}

static void test_output_of_a_sort(void **state)
{
    temporary_file(state, "out/.cubby/catalogue.sqlite", "");
    temporary_file(state, "out/table/1.jpg", "one");
    temporary_file(state, "out/unsure/2.jpg", "two");
    const struct labelled_params params = params_for(state, "out");
    struct labelled labelled;
    assert_int_equal(labelled_read(&labelled, &params), CUBBY_OK);
    expect_photos(&labelled, "0:table/1.jpg");
    labelled_fini(&labelled);
}

static void test_empty_and_unreadable(void **state)
{
    temporary_file(state, "bad/table/1.jpg", "one");
    temporary_file(state, "bad/table/2.jpg", ""); // an empty file
    temporary_file(state, "bad/chair/notes.txt", "no photo");
    temporary_file(state, "bad/bench/3.jpg", "too large for the limit");
    temporary_file(state, "bad/desk/4.jpg", "four");
    struct labelled_params params = params_for(state, "bad");
    params.max_file_bytes = 10;
    struct labelled labelled;
    assert_int_equal(labelled_read(&labelled, &params), CUBBY_OK);
    expect_photos(&labelled, "0:desk/4.jpg 1:table/1.jpg");
    assert_int_equal(labelled.failed, 2);
    expect_said("bad/table/2.jpg is left out: empty file");
    expect_said("bad/bench/3.jpg is left out: too large");
    expect_said("the class folder \"bench\" has no photo that can be read");
    expect_said("the class folder \"chair\" has no photo");
    assert_int_equal(labelled_check_enough(&labelled, &test_log), CUBBY_BAD_DATA);
    expect_said("error: the class \"table\" has one photo");
    labelled_fini(&labelled);
}

static void test_same_content(void **state)
{
    temporary_file(state, "same/chair/1.jpg", "one");
    temporary_file(state, "same/chair/copy.jpg", "one");
    temporary_file(state, "same/table/2.jpg", "two");
    struct labelled_params params = params_for(state, "same");
    struct labelled labelled;
    assert_int_equal(labelled_read(&labelled, &params), CUBBY_OK);
    expect_photos(&labelled, "0:chair/1.jpg 1:table/2.jpg");
    assert_int_equal(labelled.duplicates, 1);
    labelled_fini(&labelled);

    temporary_file(state, "same/table/3.jpg", "one");
    params = params_for(state, "same");
    assert_int_equal(labelled_read(&labelled, &params), CUBBY_BAD_DATA);
    expect_said("error: the same photo lies in two classes, ");
    expect_said("same/chair/1.jpg and ");
    expect_said("same/table/3.jpg");
    labelled_fini(&labelled);

    params.keep_duplicates = true;
    assert_int_equal(labelled_read(&labelled, &params), CUBBY_OK);
    assert_int_equal(labelled.count, 4);
    labelled_fini(&labelled);
}

static void test_known_classes(void **state)
{
    static const char *const classes[] = {"a/b", "table"};
    temporary_file(state,
                   "of/a\xe2\x88\x95"
                   "b/1.jpg",
                   "not the folder of that class");
    temporary_file(state, "of/table/2.jpg", "two");
    struct labelled_params params = params_for(state, "of");
    params.classes = classes;
    params.class_count = 2;
    struct labelled labelled;
    assert_int_equal(labelled_read(&labelled, &params), CUBBY_OK);
    expect_photos(&labelled, "1:table/2.jpg");
    assert_int_equal(labelled.class_count, 2);
    assert_int_equal(labelled.unknown_folders, 1);
    expect_said("is none of the classes");
    labelled_fini(&labelled);

    temporary_file(state,
                   "of/a\xef\xbc\x8f"
                   "b/3.jpg",
                   "what a sort calls it");
    assert_int_equal(labelled_read(&labelled, &params), CUBBY_OK);
    expect_photos(&labelled, "0:a\xef\xbc\x8f"
                             "b/3.jpg 1:table/2.jpg");
    labelled_fini(&labelled);
}

static void test_nothing_to_learn(void **state)
{
    struct labelled_params params = params_for(state, "not there");
    struct labelled labelled;
    assert_int_equal(labelled_read(&labelled, &params), CUBBY_IO);
    expect_said("error: the folder ");
    labelled_fini(&labelled);

    temporary_file(state, "flat/1.jpg", "one");
    params = params_for(state, "flat");
    assert_int_equal(labelled_read(&labelled, &params), CUBBY_BAD_DATA);
    expect_said("no photos in class folders");
    labelled_fini(&labelled);

    temporary_file(state, "lone/table/1.jpg", "one");
    temporary_file(state, "lone/table/2.jpg", "two");
    params = params_for(state, "lone");
    assert_int_equal(labelled_read(&labelled, &params), CUBBY_OK);
    assert_int_equal(labelled_check_enough(&labelled, &test_log), CUBBY_BAD_DATA);
    expect_said("error: there is one class only, \"table\"");
    labelled_fini(&labelled);
}

static void test_bad_name(void **state)
{
    temporary_file(state, "name/b\033d/1.jpg", "one");
    const struct labelled_params params = params_for(state, "name");
    struct labelled labelled;
    assert_int_equal(labelled_read(&labelled, &params), CUBBY_BAD_DATA);
    expect_said("cannot be a class");
    labelled_fini(&labelled);
}

// Placeholders of files in the cloud: nothing may open them.
static int lstat_away(const struct fs *fs, const char *path, struct fs_stat *out)
{
    (void)fs;
    int result = fs_real()->lstat(fs_real(), path, out);
    out->is_away = !result && out->is_file && strstr(path, "cloud");
    return result;
}

static int open_here(const struct fs *fs, const char *path, enum fs_open how)
{
    (void)fs;
    if (strstr(path, "cloud"))
        fail_msg("%s was opened", path);
    return fs_real()->open(fs_real(), path, how);
}

static void test_not_downloaded(void **state)
{
    temporary_file(state, "away/table/1.jpg", "one");
    temporary_file(state, "away/table/cloud.jpg", "two");
    temporary_file(state, "away/table/cloud.txt", "three");
    struct fs fs = *fs_real();
    fs.lstat = lstat_away;
    fs.open = open_here;
    struct labelled_params params = params_for(state, "away");
    params.fs = &fs;
    struct labelled labelled;
    assert_int_equal(labelled_read(&labelled, &params), CUBBY_OK);
    expect_photos(&labelled, "0:table/1.jpg");
    expect_said("cloud.jpg is left out: it is in the cloud");
    assert_int_equal(labelled.failed, 1);
    assert_int_equal(labelled.skipped, 1);
    labelled_fini(&labelled);
}

static bool at_once(void *user)
{
    (void)user;
    return true;
}

static void test_interrupted(void **state)
{
    temporary_file(state, "stop/table/1.jpg", "one");
    struct labelled_params params = params_for(state, "stop");
    params.interrupted = at_once;
    struct labelled labelled;
    assert_int_equal(labelled_read(&labelled, &params), CUBBY_INTERRUPTED);
    labelled_fini(&labelled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_depth),      cmocka_unit_test(test_output_of_a_sort),
        cmocka_unit_test(test_same_content),   cmocka_unit_test(test_empty_and_unreadable),
        cmocka_unit_test(test_known_classes),  cmocka_unit_test(test_nothing_to_learn),
        cmocka_unit_test(test_bad_name),       cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_not_downloaded),
    };
    return cmocka_run_group_tests(tests, temporary_setup, temporary_teardown);
}
