#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "commands/half_weights.h"

static double half_value(uint16_t half)
{
    int exponent = half >> 10 & 31;
    double mantissa = half & 1023;
    double value = exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
    return half & 0x8000 ? -value : value;
}

// Every finite half comes back, and what lies between two goes to the nearer, or the even one.
static void test_every_half(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 0x7c00; i++) {
        float value = (float)half_value((uint16_t)i);
        assert_int_equal(half_from_float(value), i);
        assert_int_equal(half_from_float(-value), i | 0x8000);
        if (i + 1 == 0x7c00)
            break;
        float middle = (float)((half_value((uint16_t)i) + half_value((uint16_t)(i + 1))) / 2);
        assert_int_equal(half_from_float(middle), i % 2 ? i + 1 : i);
        assert_int_equal(half_from_float(nextafterf(middle, 0)), i);
        assert_int_equal(half_from_float(nextafterf(middle, INFINITY)), i + 1);
    }
    assert_int_equal(half_from_float(65519.9f), 0x7bff);
    assert_int_equal(half_from_float(65520.0f), 0x7c00);
    assert_int_equal(half_from_float(INFINITY), 0x7c00);
    assert_int_equal(half_from_float(-INFINITY), 0xfc00);
    assert_int_equal(half_from_float(NAN) & 0x7e00, 0x7e00);
}

#define HEADER                                                                                     \
    "{\"__metadata__\": {\"k\": \"v\"}, \"a\": {\"dtype\": \"F32\", \"shape\": [1, 2], "           \
    "\"data_offsets\": [0, 8]}, \"b\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": "    \
    "[8, 12]}}"

static size_t make_file(uint8_t *file, const char *header, const float *values, size_t count)
{
    size_t length = strlen(header);
    memset(file, 0, 8);
    file[0] = (uint8_t)length;
    memcpy(file + 8, header, length);
    memcpy(file + 8 + length, values, 4 * count);
    return 8 + length + 4 * count;
}

static void test_matrices_only(void **state)
{
    (void)state;
    const float values[3] = {1.5f, -2.0f, 3.0f};
    uint8_t file[512];
    size_t size = make_file(file, HEADER, values, 3), before = size;
    assert_int_equal(half_weights(file, &size, NULL), CUBBY_OK);
    assert_int_equal(size, before - 4);
    const uint8_t expected[8] = {0x00, 0x3e, 0x00, 0xc0, 0x00, 0x00, 0x40, 0x40};
    assert_memory_equal(file + size - 8, expected, 8);
    file[size - 8] = '\0'; // ends the header for strstr
    assert_non_null(strstr((char *)file + 8, "\"F16\",\"shape\":[1,2],\"data_offsets\":[0,4]"));
    assert_non_null(strstr((char *)file + 8, "\"F32\",\"shape\":[1],\"data_offsets\":[4,8]"));
    assert_non_null(strstr((char *)file + 8, "{\"k\":\"v\"}"));
}

static void test_out_of_range(void **state)
{
    (void)state;
    const float values[3] = {1.5f, -70000.0f, 70000.0f};
    uint8_t file[512];
    size_t size = make_file(file, HEADER, values, 3);
    assert_int_equal(half_weights(file, &size, NULL), CUBBY_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_half),
        cmocka_unit_test(test_matrices_only),
        cmocka_unit_test(test_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
