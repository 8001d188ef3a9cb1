#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "messages.h"
#include "temporary.h"

#ifdef _WIN32
#include <io.h>
#define dup _dup
#define dup2 _dup2
#define close _close
#define fileno _fileno
#else
#include <unistd.h>
#endif

// What a function says on stderr; malloc'd.
static char *said(void (*speak)(void **state, void *user), void **state, void *user)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stderr);
    int before = dup(2);
    assert_true(before >= 0 && dup2(fileno(file), 2) >= 0);
    speak(state, user);
    fflush(stderr);
    dup2(before, 2);
    close(before);
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    char *text = calloc(1, size + 1);
    rewind(file);
    size_t got = fread(text, 1, size, file);
    fclose(file);
    assert_int_equal(got, size);
    return text;
}

static void assert_said(void (*speak)(void **state, void *user), void **state, void *user,
                        const char *expected)
{
    char *text = said(speak, state, user);
    assert_string_equal(text, expected);
    free(text);
}

struct setting {
    struct messages_params params;
    bool had_error;
    enum cubby_status status;
};

static void speak_at_all_levels(void **state, void *user)
{
    (void)state;
    struct setting *setting = user;
    struct messages *messages;
    setting->params.fs = fs_real();
    setting->status = messages_create(&messages, &setting->params);
    const struct cubby_log *log = messages_log(messages);
    cubby_log(log, CUBBY_LOG_WARNING, "odd %d", 1);
    setting->had_error = messages_had_error(messages);
    cubby_log(log, CUBBY_LOG_ERROR, "bad %d", 2);
    assert_true(messages_had_error(messages));
    cubby_log(log, CUBBY_LOG_INFO, "chosen");
    cubby_log(log, CUBBY_LOG_DEBUG, "detail");
    messages_line(messages, "%s of %d", "line", 3);
    messages_destroy(&messages);
    assert_null(messages);
}

static void test_levels(void **state)
{
    struct setting plain = {0};
    assert_said(speak_at_all_levels, state, &plain,
                "cubby: warning: odd 1\ncubby: error: bad 2\nline of 3\n");
    assert_false(plain.had_error); // a warning is none
    struct setting quiet = {.params.quiet = true};
    assert_said(speak_at_all_levels, state, &quiet, "cubby: error: bad 2\n");
    struct setting verbose = {.params.verbose = true};
    assert_said(speak_at_all_levels, state, &verbose,
                "cubby: warning: odd 1\ncubby: error: bad 2\ncubby: chosen\nline of 3\n");
}

// "2026-01-31T12:00:00Z " before each line, whatever the screen shows; a second run appends.
static void test_log_file(void **state)
{
    struct setting quiet = {.params = {.quiet = true, .log_file = temporary_path(state, "log")}};
    assert_said(speak_at_all_levels, state, &quiet, "cubby: error: bad 2\n");
    assert_int_equal(quiet.status, CUBBY_OK);
    assert_said(speak_at_all_levels, state, &quiet, "cubby: error: bad 2\n");
    char *text = temporary_content(state, "log");
    assert_non_null(text);
    static const char *const lines[] = {"warning: odd 1", "error: bad 2", "chosen", "detail",
                                        "line of 3"};
    char *line = text;
    for (int i = 0; i < 10; i++) {
        char *end = strchr(line, '\n');
        assert_non_null(end);
        *end = '\0';
        assert_true(strlen(line) > 21);
        assert_true(line[4] == '-' && line[10] == 'T' && line[19] == 'Z' && line[20] == ' ');
        assert_string_equal(line + 21, lines[i % 5]);
        line = end + 1;
    }
    assert_string_equal(line, "");
    free(text);
}

static void test_log_file_that_cannot_be(void **state)
{
    struct setting setting = {.params.log_file = temporary_path(state, "none/log")};
    char *text = said(speak_at_all_levels, state, &setting);
    assert_int_equal(setting.status, CUBBY_IO);
    assert_true(setting.had_error);
    assert_non_null(strstr(text, "cubby: error: the log file "));
    assert_non_null(strstr(text, "none/log cannot be written: no such file"));
    assert_non_null(strstr(text, "line of 3")); // it still works
    free(text);
}

static int64_t write_full(const struct fs *fs, int file, const void *buffer, size_t bytes)
{
    (void)fs, (void)file, (void)buffer, (void)bytes;
    return UV_ENOSPC;
}

static void speak_to_full_disk(void **state, void *user)
{
    struct fs fs = *fs_real();
    fs.write = write_full;
    struct messages_params params = {.log_file = temporary_path(state, "log"), .fs = &fs};
    struct messages *messages;
    assert_int_equal(messages_create(&messages, &params), CUBBY_OK);
    for (int i = 0; i < 3; i++)
        messages_line(messages, "line");
    *(bool *)user = messages_had_error(messages);
    messages_destroy(&messages);
}

// A log file is no reason to stop, nor to complain at each line.
static void test_log_file_fills_the_disk(void **state)
{
    bool had_error;
    char *text = said(speak_to_full_disk, state, &had_error);
    assert_false(had_error);
    char *warning = strstr(text, "cubby: warning: the log file cannot be written: no space left");
    assert_non_null(warning);
    assert_null(strstr(warning + strlen("cubby: warning"), "warning"));
    free(text);
}

static void speak_with_progress(void **state, void *user)
{
    (void)state, (void)user;
    struct messages_params params = {.fs = fs_real()};
    struct messages *messages;
    assert_int_equal(messages_create(&messages, &params), CUBBY_OK);
    messages_status(messages, ""); // nothing to take away yet
    messages_status(messages, "1 of 2");
    messages_line(messages, "line");
    messages_status(messages, "2 of 2");
    messages_destroy(&messages);
}

// A line takes the place of the progress line, which comes again below; at the end it is gone.
static void test_progress_line(void **state)
{
    assert_said(speak_with_progress, state, NULL,
                "\r\033[K1 of 2\r\033[Kline\n1 of 2\r\033[K2 of 2\r\033[K");
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, temporary_setup, temporary_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_levels),
        IN_FOLDER(test_log_file),
        IN_FOLDER(test_log_file_that_cannot_be),
        IN_FOLDER(test_log_file_fills_the_disk),
        IN_FOLDER(test_progress_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
