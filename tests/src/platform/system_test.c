#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <uv.h>

#ifdef _WIN32
#include <windows.h>
#endif

#include "platform/clock.h"
#include "platform/memory.h"
#include "platform/signals.h"
#include "platform/terminal.h"

static void test_clock(void **state)
{
    (void)state;
    double before = clock_seconds();
    uv_sleep(20);
    double passed = clock_seconds() - before;
    assert_true(passed >= 0.019 && passed < 60);
}

static void test_memory(void **state)
{
    (void)state;
    uint64_t resident = memory_resident_bytes();
    assert_true(resident > 100000 && resident < memory_available_bytes());
    size_t size = 64u << 20;
    volatile char *block = malloc(size); // volatile: an unused block would be optimised away
    for (size_t i = 0; i < size; i += 1024)
        block[i] = 1;
    assert_true(memory_peak_bytes() >= size);
    assert_true(memory_resident_bytes() > resident + size / 2);
    free((void *)(uintptr_t)block);
    assert_true(memory_cpu_count() >= 1);
}

static void test_terminal(void **state)
{
    (void)state;
    FILE *file = tmpfile(); // no terminal, whatever the test runs under
    assert_false(terminal_is(fileno(file)));
    assert_false(terminal_has_color(fileno(file)));
#ifndef _WIN32 // what changes there after the start, getenv() does not see
    uv_os_setenv("COLUMNS", "123");
    assert_int_equal(terminal_width(fileno(file)), 123);
    uv_os_setenv("COLUMNS", "1");
    assert_int_equal(terminal_width(fileno(file)), 20);
    uv_os_setenv("COLUMNS", "99999999999");
    assert_int_equal(terminal_width(fileno(file)), 1000);
    uv_os_setenv("COLUMNS", "wide");
#endif
    assert_int_equal(terminal_width(fileno(file)), 80);
    fclose(file);
}

#ifndef _WIN32
static void test_signals(void **state)
{
    (void)state;
    signal(SIGHUP, SIG_IGN); // as nohup does
    struct interrupt_watch watch;
    platform_catch_interrupts(&watch);
    assert_int_equal(platform_interrupted(), 0);
    raise(SIGHUP);
    assert_int_equal(platform_interrupted(), 0);
    raise(SIGXFSZ); // would have ended us
    raise(SIGTERM);
    assert_int_equal(platform_interrupted(), SIGTERM);
    platform_end_watch(&watch);
}
#else

static BOOL CALLBACK find_own(HWND window, LPARAM found)
{
    DWORD process = 0;
    wchar_t class[16] = L"";
    GetWindowThreadProcessId(window, &process);
    GetClassNameW(window, class, sizeof(class) / sizeof(*class));
    if (process == GetCurrentProcessId() && wcscmp(class, L"cubby") == 0)
        *(HWND *)found = window;
    return TRUE;
}

// The hidden window of this process, NULL if it has none.
static HWND own_window(void)
{
    HWND found = NULL;
    EnumWindows(find_own, (LPARAM)&found);
    return found;
}

static HWND wait_for_window(void)
{
    HWND window = NULL;
    for (int i = 0; i < 1000 && !window; i++, uv_sleep(10))
        window = own_window();
    assert_non_null(window);
    return window;
}

// A watch that is over leaves no window, no thread and no handle, whenever it is ended.
static void test_watch_ends(void **state)
{
    (void)state;
    struct interrupt_watch watch;
    for (int i = 0; i < 20; i++) {
        platform_catch_interrupts(&watch);
        HANDLE thread = watch.thread, ended = watch.ended;
        DWORD flags;
        assert_non_null(thread);
        if (i % 2 == 0)
            wait_for_window();
        platform_end_watch(&watch);
        assert_false(GetHandleInformation(thread, &flags)); // closed
        assert_false(GetHandleInformation(ended, &flags));
        assert_null(own_window());
        assert_null(watch.thread);
    }
    platform_end_watch(&watch); // once more is nothing
}

// The answer to a log-off waits for what is in hand, not longer.
static void test_log_off(void **state)
{
    (void)state;
    struct interrupt_watch watch;
    platform_catch_interrupts(&watch);
    HWND window = wait_for_window();
    assert_int_equal(SendMessageW(window, WM_QUERYENDSESSION, 0, 0), TRUE);
    SendMessageW(window, WM_ENDSESSION, FALSE, 0);
    assert_int_equal(platform_interrupted(), 0);
    assert_true(PostMessageW(window, WM_ENDSESSION, TRUE, 0));
    for (int i = 0; i < 1000 && !platform_interrupted(); i++)
        uv_sleep(10);
    assert_int_equal(platform_interrupted(), SIGTERM);
    uv_sleep(50);
    DWORD_PTR answer;
    assert_false(SendMessageTimeoutW(window, WM_NULL, 0, 0, SMTO_NORMAL, 100, &answer)); // waits
    platform_end_watch(&watch);
    assert_null(own_window());
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_terminal),
#ifndef _WIN32
        cmocka_unit_test(test_signals),
#else
        cmocka_unit_test(test_watch_ends), cmocka_unit_test(test_log_off),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
