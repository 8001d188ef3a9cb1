#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include "platform/software_vulkan.h"

#define VARIABLE "LP_NATIVE_VECTOR_WIDTH"

static void what_the_user_set_stays(void **state)
{
    (void)state;
    char value[16];
    size_t size = sizeof(value);
    assert_int_equal(uv_os_setenv(VARIABLE, "128"), 0);
    software_vulkan_prepare();
    assert_int_equal(uv_os_getenv(VARIABLE, value, &size), 0);
    assert_string_equal(value, "128");
    // Set to nothing is set, too: Mesa's own choice.
    assert_int_equal(uv_os_setenv(VARIABLE, ""), 0);
    software_vulkan_prepare();
    size = sizeof(value);
    assert_int_equal(uv_os_getenv(VARIABLE, value, &size), 0);
    assert_string_equal(value, "");
}

// With AVX-512 or without: nothing, or a width that Mesa knows.
static void otherwise_the_widest(void **state)
{
    (void)state;
    char value[16] = "";
    size_t size = sizeof(value);
    assert_int_equal(uv_os_unsetenv(VARIABLE), 0);
    software_vulkan_prepare();
    const int found = uv_os_getenv(VARIABLE, value, &size);
    assert_true(found == UV_ENOENT || !strcmp(value, "512"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_user_set_stays),
        cmocka_unit_test(otherwise_the_widest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
