#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "output_lock.h"
#include "platform/process.h"
#include "temporary.h"

static enum cubby_status take(void **state, struct output_lock **lock,
                              struct temporary_messages *messages)
{
    const struct cubby_log log = {temporary_log_write, messages};
    return output_lock_take(lock, *state, fs_real(), &log);
}

static void write_lock(void **state, const char *host, const char *boot, long long process,
                       unsigned long long started)
{
    char text[512];
    snprintf(text, sizeof(text),
             "{\"host\": \"%s\", \"boot\": \"%s\", \"process\": %lld, \"started\": %llu, "
             "\"since\": 1700000000}",
             host, boot, process, started);
    temporary_file(state, ".cubby/lock", text);
}

static void make_folder(void **state)
{
    temporary_file(state, ".cubby/x", "");
}

static void test_taken_and_released(void **state)
{
    struct output_lock *lock, *second;
    struct temporary_messages messages = {0};
    make_folder(state);
    assert_int_equal(take(state, &lock, &messages), CUBBY_OK);
    assert_int_equal(take(state, &second, &messages), CUBBY_BUSY);
    assert_null(second);
    assert_non_null(strstr(messages.last, "in use by process"));
    output_lock_release(&lock);
    assert_null(lock);
    assert_string_equal(temporary_names(state, ".cubby"), "x");
    assert_int_equal(take(state, &lock, &messages), CUBBY_OK);
    output_lock_release(&lock);
}

static void test_killed_holder(void **state)
{
    int ready[2];
    make_folder(state);
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct output_lock *lock;
        struct temporary_messages messages = {0};
        _exit(take(state, &lock, &messages) || write(ready[1], "x", 1) != 1 || pause());
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    struct output_lock *lock;
    struct temporary_messages messages = {0};
    assert_int_equal(take(state, &lock, &messages), CUBBY_BUSY);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(take(state, &lock, &messages), CUBBY_OK);
    output_lock_release(&lock);
    close(ready[0]);
    close(ready[1]);
}

static void test_stale_and_foreign(void **state)
{
    char host[PROCESS_TEXT_BYTES], boot[PROCESS_TEXT_BYTES];
    process_host(host);
    process_boot(boot);
    long long own = (long long)process_own();
    unsigned long long started = process_started(own);
    assert_true(started > 0);
    const struct {
        const char *host, *boot;
        long long process;
        unsigned long long started;
        enum cubby_status status;
    } cases[] = {
        {host, "an earlier boot", own, started, CUBBY_OK},
        {host, boot, 4194303, 1, CUBBY_OK},       // no such process
        {host, boot, own, started + 1, CUBBY_OK}, // its number was given again
        {host, boot, own, started, CUBBY_OK},     // alive, but it holds no lock of the system's
        {"elsewhere", boot, own, started, CUBBY_BUSY},
        {"elsewhere", "x", 1, 1, CUBBY_BUSY},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        write_lock(state, cases[i].host, cases[i].boot, cases[i].process, cases[i].started);
        struct output_lock *lock;
        struct temporary_messages messages = {0};
        enum cubby_status status = take(state, &lock, &messages);
        if (status != cases[i].status)
            fail_msg("case %zu: %d", i, (int)status);
        assert_true(!status || strstr(messages.last, "elsewhere"));
        output_lock_release(&lock);
    }
}

static void test_hostile_files(void **state)
{
    static const char *const texts[] = {"",
                                        "{",
                                        "[]",
                                        "null",
                                        "{\"process\": \"x\"}",
                                        "{\"process\": -1, \"host\": 5}",
                                        "\xff\xfe",
                                        "{\"process\": 99999999999999999999}"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        temporary_file(state, ".cubby/lock", texts[i]);
        struct output_lock *lock;
        struct temporary_messages messages = {0};
        assert_int_equal(take(state, &lock, &messages), CUBBY_OK);
        output_lock_release(&lock);
    }
    // Never through a link, and never a folder.
    temporary_file(state, "victim", "precious");
    assert_int_equal(symlink("../victim", temporary_path(state, ".cubby/lock")), 0);
    struct output_lock *lock;
    struct temporary_messages messages = {0};
    assert_int_not_equal(take(state, &lock, &messages), CUBBY_OK);
    assert_content(state, "victim", "precious");
    unlink(temporary_path(state, ".cubby/lock"));
    fs_real()->make_folder(fs_real(), temporary_path(state, ".cubby/lock"));
    assert_int_not_equal(take(state, &lock, &messages), CUBBY_OK);
}

// Of many that find a stale lock at the same time, one at a time gets it.
static void test_race(void **state)
{
    enum { PROCESSES = 20 };
    char host[PROCESS_TEXT_BYTES];
    process_host(host);
    write_lock(state, host, "an earlier boot", 1, 1);
    temporary_file(state, "count", "");
    pid_t children[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] != 0)
            continue;
        struct output_lock *lock;
        struct temporary_messages messages = {0};
        while (take(state, &lock, &messages) == CUBBY_BUSY)
            usleep(1000);
        if (!lock)
            _exit(1);
        // Alone here: a file that exists only in between must not be there.
        const char *path = temporary_path(state, "inside");
        int file = fs_real()->open(fs_real(), path, FS_CREATE);
        usleep(500);
        bool alone = file >= 0 && fs_real()->close(fs_real(), file) == 0 && unlink(path) == 0;
        output_lock_release(&lock);
        _exit(alone ? 0 : 2);
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, temporary_setup, temporary_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_taken_and_released),
        IN_FOLDER(test_killed_holder),
        IN_FOLDER(test_stale_and_foreign),
        IN_FOLDER(test_hostile_files),
        IN_FOLDER(test_race),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
