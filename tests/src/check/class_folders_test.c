#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "check/class_folders.h"
#include "src/temporary.h"

static const char *const names[] = {"table", "bed/side", "Chair", "con"};

static void test_finds_classes(void **state)
{
    struct class_folders folders;
    struct temporary_messages said = {0};
    const struct cubby_log log = {temporary_log_write, &said};
    temporary_file(state, "table/a.jpg", "");
    temporary_file(state, "tables/a.jpg", "");
    temporary_file(state, "tab/a.jpg", "");
    temporary_file(state, "bed\xef\xbc\x8fside/a.jpg", ""); // as a sort names it
    temporary_file(state, ".hidden/a.jpg", "");
    temporary_file(state, "con_/a.jpg", "");
    temporary_file(state, "loose.jpg", "");
    assert_int_equal(class_folders_init(&folders, *state, names, 4, fs_real(), &log), CUBBY_OK);
    assert_int_equal(folders.count, 5);
    assert_int_equal(said.count, 2); // tab and tables
    assert_int_equal(class_folders_class(&folders, "table/a.jpg"), 0);
    assert_int_equal(class_folders_class(&folders, "table/deep/er/a.jpg"), 0);
    assert_int_equal(class_folders_class(&folders, "bed\xef\xbc\x8fside/a.jpg"), 1);
    assert_int_equal(class_folders_class(&folders, "con_/a.jpg"), 3);
    static const char *const none[] = {"tables/a.jpg", "tab/a.jpg", "ta/a.jpg",   "zzz/a.jpg",
                                       "loose.jpg",    "table",     "Chair/a.jpg"};
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
        assert_int_equal(class_folders_class(&folders, none[i]), CLASS_FOLDERS_NONE);
    class_folders_fini(&folders);
}

static void test_hints_at_another_case(void **state)
{
    struct class_folders folders;
    struct temporary_messages said = {0};
    const struct cubby_log log = {temporary_log_write, &said};
    temporary_file(state, "chair/a.jpg", "");
    temporary_file(state, "table/a.jpg", "");
    assert_int_equal(class_folders_init(&folders, *state, names, 4, fs_real(), &log), CUBBY_OK);
    assert_int_equal(class_folders_class(&folders, "chair/a.jpg"), CLASS_FOLDERS_NONE);
    assert_int_equal(said.count, 1);
    assert_non_null(strstr(said.last, "only \"Chair\" is"));
    class_folders_fini(&folders);
}

static void test_no_class_at_all(void **state)
{
    struct class_folders folders;
    struct temporary_messages said = {0};
    const struct cubby_log log = {temporary_log_write, &said};
    assert_int_equal(class_folders_init(&folders, *state, names, 4, fs_real(), &log),
                     CUBBY_BAD_DATA);
    assert_non_null(strstr(said.last, "such as \"table\""));
    class_folders_fini(&folders);
    temporary_file(state, "misc/a.jpg", "");
    assert_int_equal(class_folders_init(&folders, *state, names, 4, fs_real(), &log),
                     CUBBY_BAD_DATA);
    assert_non_null(strstr(said.last, "it has \"misc\""));
    class_folders_fini(&folders);
    assert_int_equal(
        class_folders_init(&folders, temporary_path(state, "gone"), names, 4, fs_real(), &log),
        CUBBY_IO);
    class_folders_fini(&folders);
}

static void test_many_unknown_folders_are_few_messages(void **state)
{
    struct class_folders folders;
    struct temporary_messages said = {0};
    const struct cubby_log log = {temporary_log_write, &said};
    char name[32];
    temporary_file(state, "table/a.jpg", "");
    for (int i = 0; i < 25; i++) {
        snprintf(name, sizeof(name), "job %d/a.jpg", i);
        temporary_file(state, name, "");
    }
    assert_int_equal(class_folders_init(&folders, *state, names, 4, fs_real(), &log), CUBBY_OK);
    assert_int_equal(said.count, 11);
    assert_string_equal(said.last, "15 more folders are no classes of the model");
    class_folders_fini(&folders);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, temporary_setup, temporary_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_finds_classes),
        IN_FOLDER(test_hints_at_another_case),
        IN_FOLDER(test_no_class_at_all),
        IN_FOLDER(test_many_unknown_folders_are_few_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
