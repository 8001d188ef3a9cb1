#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "half.h"

static void every_half_comes_back(void **state)
{
    (void)state;
    for (uint32_t half = 0; half < 65536; half++) {
        const float value = half_to_float((uint16_t)half);
        if (isnan(value))
            assert_true(isnan(half_to_float(half_from_float(value))));
        else
            assert_int_equal(half_from_float(value), half);
    }
}

// Between two neighbours lie the tie, which goes to the even one, and what is next to it.
static void rounds_to_nearest_even(void **state)
{
    (void)state;
    for (uint16_t half = 0; half < 0x7bff; half++) {
        const float low = half_to_float(half), high = half_to_float(half + 1);
        const float tie = (low + high) / 2;
        assert_int_equal(half_from_float(tie), half % 2 ? half + 1 : half);
        assert_int_equal(half_from_float(nextafterf(tie, low)), half);
        assert_int_equal(half_from_float(nextafterf(tie, high)), half + 1);
        assert_int_equal(half_from_float(-tie), 0x8000 | (half % 2 ? half + 1 : half));
    }
}

static void the_ends(void **state)
{
    (void)state;
    assert_int_equal(half_from_float(65504.0f), 0x7bff);
    assert_int_equal(half_from_float(65519.996f), 0x7bff);
    assert_int_equal(half_from_float(65520.0f), 0x7c00);
    assert_int_equal(half_from_float(INFINITY), 0x7c00);
    assert_int_equal(half_from_float(-1e30f), 0xfc00);
    assert_int_equal(half_from_float(0x1p-24f), 1);
    assert_int_equal(half_from_float(0x1p-25f), 0);
    assert_int_equal(half_from_float(0x1.8p-25f), 1);
    assert_int_equal(half_from_float(1e-40f), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half_comes_back),
        cmocka_unit_test(rounds_to_nearest_even),
        cmocka_unit_test(the_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
