#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
    assert_false(software_vulkan_can_widen());
    assert_int_equal(uv_os_getenv(VARIABLE, value, &size), 0);
    assert_string_equal(value, "128");
    // Set to nothing is set, too: Mesa's own choice.
    assert_int_equal(uv_os_setenv(VARIABLE, ""), 0);
    assert_false(software_vulkan_can_widen());
    size = sizeof(value);
    assert_int_equal(uv_os_getenv(VARIABLE, value, &size), 0);
    assert_string_equal(value, "");
}

// Whether Linux lists the feature for this processor; -1: there is no such list, or not in these
// words.
static int has_feature(const char *name)
{
    char line[8192], *word;
    int found = -1;
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && found < 0 && fgets(line, sizeof(line), file))
        if (!strncmp(line, "flags", 5))
            for (found = 0, word = strtok(line, " \t\n"); word; word = strtok(NULL, " \t\n"))
                found |= !strcmp(word, name);
    if (file)
        fclose(file);
    return found;
}

static void otherwise_the_widest(void **state)
{
    (void)state;
    char value[16] = "";
    size_t size = sizeof(value);
    const int wide = has_feature("avx512f");
    if (wide < 0)
        skip();
    const bool all =
        wide && has_feature("avx512bw") && has_feature("avx512dq") && has_feature("avx512vl");
    assert_int_equal(uv_os_unsetenv(VARIABLE), 0);
    assert_int_equal(software_vulkan_can_widen(), all);
    assert_int_equal(uv_os_getenv(VARIABLE, value, &size), UV_ENOENT);
    software_vulkan_widen();
    size = sizeof(value);
    assert_int_equal(uv_os_getenv(VARIABLE, value, &size), 0);
    assert_string_equal(value, "512");
}

static void only_mesa_22_gains(void **state)
{
    (void)state;
    const struct cubby_device_info gpu = {.kind = CUBBY_DEVICE_DISCRETE};
    const struct cubby_device_info old = {.kind = CUBBY_DEVICE_CPU, .mesa22 = true};
    const struct cubby_device_info other = {.kind = CUBBY_DEVICE_CPU};
    assert_false(software_vulkan_gains(NULL, 0));
    assert_false(software_vulkan_gains(&gpu, 1));
    assert_false(software_vulkan_gains(&other, 1));
    assert_true(software_vulkan_gains(&old, 1));
    assert_true(software_vulkan_gains((struct cubby_device_info[]){gpu, old}, 2));
    assert_true(software_vulkan_gains((struct cubby_device_info[]){old, gpu}, 2));
    // One that is worse off counts more than one that gains, in whatever order they are.
    assert_false(software_vulkan_gains((struct cubby_device_info[]){old, other}, 2));
    assert_false(software_vulkan_gains((struct cubby_device_info[]){other, old, gpu}, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_user_set_stays),
        cmocka_unit_test(otherwise_the_widest),
        cmocka_unit_test(only_mesa_22_gains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
