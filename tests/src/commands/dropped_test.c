#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../temporary.h"
#include "commands/command.h"
#include "commands/dropped.h"
#include "commands/window.h"

// The command line that arguments below the temporary folder become, "" for none: names only.
static const char *becomes(void **state, enum cubby_status expected, int count,
                           const char *const *names)
{
    static char text[4096];
    const char *argv[8] = {"cubby"};
    for (int i = 0; i < count; i++)
        argv[i + 1] =
            names[i][0] == '/' || names[i][0] == '-' ? names[i] : temporary_path(state, names[i]);
    struct dropped dropped;
    assert_int_equal(dropped_init(&dropped, count + 1, argv, fs_real(), NULL), expected);
    text[0] = '\0';
    for (int i = 1; i < dropped.argc; i++) {
        char *name = path_base(dropped.argv[i]);
        size_t length = strlen(text);
        snprintf(text + length, sizeof(text) - length, "%s%s", i > 1 ? " " : "",
                 name[0] ? name : "/");
        free(name);
    }
    dropped_fini(&dropped);
    return text;
}

static void test_what_is_dropped(void **state)
{
#define BECOMES(text, ...)                                                                         \
    do {                                                                                           \
        const char *const names[] = {__VA_ARGS__};                                                 \
        assert_string_equal(                                                                       \
            becomes(state, CUBBY_OK, (int)(sizeof(names) / sizeof(*names)), names), text);         \
    } while (0)
    temporary_file(state, "photos/a.jpg", "a");
    temporary_file(state, "more photos/a.jpg", "a");
    temporary_file(state, "own.SafeTensors", "m");
    temporary_file(state, "lone.jpg", "a");
    BECOMES("sort photos", "photos");
    BECOMES("sort photos more photos", "photos", "more photos");
    BECOMES("sort photos --model own.SafeTensors", "own.SafeTensors", "photos");
    BECOMES("sort lone.jpg photos", "lone.jpg", "photos");
    // Nothing that can be sorted beside itself, or no files at all: commands, or mistakes.
    BECOMES("", "lone.jpg");
    BECOMES("", "own.SafeTensors");
    BECOMES("", "photos", "gone");
    BECOMES("", "photos", "--move");
    BECOMES("", "--help");
    const char *const none[] = {NULL};
    assert_string_equal(becomes(state, CUBBY_OK, 0, none), "");
}

static void test_commands_are_commands(void **state)
{
    // A folder of that name changes nothing.
    const char *argv[] = {"cubby", "sort", *state};
    struct dropped dropped;
    assert_int_equal(dropped_init(&dropped, 3, argv, fs_real(), NULL), CUBBY_OK);
    assert_null(dropped.argv);
    dropped_fini(&dropped);
}

static void test_foreign_models(void **state)
{
    temporary_file(state, "photos/a.jpg", "a");
    temporary_file(state, "export.pkl", "m");
    const char *const names[] = {"photos", "export.pkl"};
    assert_string_equal(becomes(state, CUBBY_UNSUPPORTED, 2, names), "");
}

#ifdef _WIN32
static void test_drives(void **state)
{
    (void)state;
    const char *argv[] = {"cubby", "C:\\"};
    struct dropped dropped;
    assert_int_equal(dropped_init(&dropped, 2, argv, fs_real(), NULL), CUBBY_OK);
    assert_int_equal(dropped.argc, 5);
    assert_string_equal(dropped.argv[3], "--into");
    assert_non_null(strstr(dropped.argv[4], "/Pictures/C-sorted"));
    dropped_fini(&dropped);
}
#endif

static void test_every_code_has_its_words(void **state)
{
    (void)state;
    const int codes[] = {EXIT_CODE_OK,
                         EXIT_CODE_STOPPED,
                         EXIT_CODE_USAGE,
                         EXIT_CODE_SOME_FAILED,
                         EXIT_CODE_DAMAGE,
                         EXIT_CODE_PASSING,
                         130,
                         143};
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
        char text[512] = "";
        FILE *file = tmpfile();
        assert_non_null(file);
        window_say_goodbye(file, codes[i]);
        rewind(file);
        size_t length = fread(text, 1, sizeof(text) - 1, file);
        fclose(file);
        assert_true(length > 0 && length < sizeof(text) - 1);
        assert_non_null(strstr(text, "Press any key"));
        assert_int_equal(!strncmp(text, "\nDone", 5),
                         codes[i] == EXIT_CODE_OK || codes[i] == EXIT_CODE_SOME_FAILED);
    }
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, temporary_setup, temporary_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_what_is_dropped),
        IN_FOLDER(test_commands_are_commands),
        IN_FOLDER(test_foreign_models),
#ifdef _WIN32
        cmocka_unit_test(test_drives),
#endif
        cmocka_unit_test(test_every_code_has_its_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
