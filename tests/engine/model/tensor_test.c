#include "fixture.h"

#include <math.h>

static double half_value(uint32_t half)
{
    int exponent = (int)(half >> 10 & 31);
    double fraction = half & 1023, sign = half & 0x8000 ? -1 : 1;
    if (exponent == 31)
        return fraction != 0 ? NAN : sign * INFINITY;
    return exponent == 0 ? sign * ldexp(fraction, -24)
                         : sign * ldexp(1024 + fraction, exponent - 25);
}

static void test_every_half(void **state)
{
    (void)state;
    uint16_t *halves = malloc(65536 * sizeof(*halves) + 1);
    float *values = malloc(65536 * sizeof(*values));
    assert_true(halves && values);
    for (int odd = 0; odd < 2; ++odd) { // at an odd address, too
        uint8_t *data = (uint8_t *)halves + odd;
        for (uint32_t i = 0; i < 65536; ++i)
            memcpy(data + 2 * (size_t)i, &(uint16_t){(uint16_t)i}, 2);
        struct cubby_tensor tensor = {.dtype = CUBBY_F16, .rank = 1, .data = data};
        tensor.shape[0] = 65536;
        tensor.strides[0] = 1;
        assert_int_equal(cubby_tensor_read_f32(&tensor, values), CUBBY_OK);
        for (uint32_t i = 0; i < 65536; ++i) {
            double expected = half_value(i);
            if (isnan(expected)
                    ? !isnan(values[i])
                    : ((double)values[i] != expected || !signbit(values[i]) != !signbit(expected)))
                fail_msg("half 0x%04x reads as %g, expected %g", i, (double)values[i], expected);
        }
    }
    free(halves);
    free(values);
}

static void test_types(void **state)
{
    (void)state;
    float out[2];
    const double doubles[] = {0.1, -3e300};
    struct cubby_tensor tensor = {.dtype = CUBBY_F64, .rank = 1, .shape = {2}, .strides = {1}};
    tensor.data = (const uint8_t *)doubles;
    assert_int_equal(cubby_tensor_read_f32(&tensor, out), CUBBY_OK);
    assert_true(out[0] == 0.1f && out[1] == -INFINITY);

    const int64_t longs[] = {-5, (int64_t)1 << 40};
    tensor.dtype = CUBBY_I64;
    tensor.data = (const uint8_t *)longs;
    assert_int_equal(cubby_tensor_read_f32(&tensor, out), CUBBY_OK);
    assert_true(out[0] == -5 && out[1] == 0x1p40f);

    const uint16_t brains[] = {0x3f80, 0xc049};
    tensor.dtype = CUBBY_BF16;
    tensor.data = (const uint8_t *)brains;
    assert_int_equal(cubby_tensor_read_f32(&tensor, out), CUBBY_OK);
    assert_true(out[0] == 1 && out[1] == -3.140625f);

    tensor.dtype = CUBBY_OTHER;
    assert_int_equal(cubby_tensor_read_f32(&tensor, out), CUBBY_UNSUPPORTED);
    assert_string_equal(cubby_dtype_name(CUBBY_BF16), "bf16");
    assert_string_equal(cubby_dtype_name(CUBBY_OTHER), "other");
}

// Random shapes in random memory order, with gaps, repeats and sides of one.
static void test_strides(void **state)
{
    (void)state;
    float memory[4096];
    for (int i = 0; i < 4096; ++i)
        memory[i] = (float)i;
    uint64_t seed = 11;
    for (int round = 0; round < 2000; ++round) {
        uint64_t start = seed;
        struct cubby_tensor tensor = {
            .dtype = CUBBY_F32, .rank = next_random(&seed) % 5, .data = (const uint8_t *)memory};
        int64_t reach = 1;
        uint32_t order[4] = {0, 1, 2, 3};
        for (uint32_t i = tensor.rank; i > 1; --i) {
            uint32_t other = next_random(&seed) % i, kept = order[i - 1];
            order[i - 1] = order[other];
            order[other] = kept;
        }
        for (uint32_t i = 0; i < tensor.rank; ++i) {
            int64_t size = 1 + next_random(&seed) % 5;
            tensor.shape[order[i]] = size;
            tensor.strides[order[i]] = next_random(&seed) % 8 ? reach : 0;
            reach *= size;
            reach += next_random(&seed) % 4 == 0;
        }
        float out[625];
        assert_int_equal(cubby_tensor_read_f32(&tensor, out), CUBBY_OK);
        size_t count = (size_t)cubby_tensor_elements(&tensor);
        for (size_t i = 0; i < count; ++i) {
            size_t rest = i;
            int64_t place = 0;
            for (uint32_t d = tensor.rank; d-- > 0;) {
                place += (int64_t)(rest % (size_t)tensor.shape[d]) * tensor.strides[d];
                rest /= (size_t)tensor.shape[d];
            }
            if (out[i] != memory[place])
                fail_msg("seed %llu: element %zu is %g, expected %g", (unsigned long long)start, i,
                         (double)out[i], (double)memory[place]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_half),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_strides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
