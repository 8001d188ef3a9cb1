#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <uv.h>

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
    platform_catch_interrupts();
    assert_int_equal(platform_interrupted(), 0);
    raise(SIGHUP);
    assert_int_equal(platform_interrupted(), 0);
    raise(SIGXFSZ); // would have ended us
    raise(SIGTERM);
    assert_int_equal(platform_interrupted(), SIGTERM);
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
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
