#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "platform/arguments.h"

static int count;
static char **arguments;

// The test's own command line has its name, which is all that every system agrees on.
static void test_arguments(void **state)
{
    (void)state;
    assert_non_null(arguments);
    assert_true(count >= 1);
    assert_non_null(strstr(arguments[0], "arguments_test"));
    for (int i = 0; i < count; i++)
        assert_non_null(arguments[i]);
    assert_null(arguments[count]);
}

int main(int argc, char **argv)
{
    count = argc;
    arguments = arguments_utf8(&count, argv);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_arguments)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
