// The reference against numbers worked out by hand.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ref/ref.h"

static void assert_floats(const float *got, const float *expected, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fabsf(got[i] - expected[i]) > 1e-6f)
            fail_msg("[%zu] is %g, not %g", i, (double)got[i], (double)expected[i]);
}

static void conv_by_hand(void **state)
{
    (void)state;
    // 3x3 image, 2x2 kernel, no padding: each output is a sum of a 2x2 window.
    const float src[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, ones[] = {1, 1, 1, 1}, bias[] = {0.5f};
    const struct ref_shape shape = {1, 1, 3, 3};
    float dst[9];
    struct ref_conv conv = {1, 2, 1, 0, ones, bias, NULL, false};
    assert_int_equal(ref_conv(&shape, src, &conv, dst), CUBBY_OK);
    assert_floats(dst, (const float[]){12.5f, 16.5f, 24.5f, 28.5f}, 4);

    // Stride 2 with padding 1 sees the corners alone.
    conv = (struct ref_conv){1, 2, 2, 1, ones, bias, NULL, false};
    assert_int_equal(ref_conv(&shape, src, &conv, dst), CUBBY_OK);
    assert_floats(dst, (const float[]){1.5f, 5.5f, 11.5f, 28.5f}, 4);

    // Residual comes before ReLU; the kernel is not flipped.
    const float kernel[] = {1, 0, 0, -1}, residual[] = {3, 4, 5, 1};
    conv = (struct ref_conv){1, 2, 1, 0, kernel, bias, residual, true};
    assert_int_equal(ref_conv(&shape, src, &conv, dst), CUBBY_OK);
    assert_floats(dst, (const float[]){0, 0.5f, 1.5f, 0}, 4);

    // Two input channels, two outputs, 1x1: a matrix product for each pixel.
    const float two[] = {1, 2, 3, 4}, matrix[] = {1, 10, -1, 0}, zero[] = {0, 0};
    const struct ref_shape pair = {1, 2, 1, 2};
    conv = (struct ref_conv){2, 1, 1, 0, matrix, zero, NULL, false};
    assert_int_equal(ref_conv(&pair, two, &conv, dst), CUBBY_OK);
    assert_floats(dst, (const float[]){31, 42, -1, -2}, 4);
}

static void pools_by_hand(void **state)
{
    (void)state;
    const float src[] = {-1, -2, -3, -4, -5, -6, -7, -8, -9};
    const struct ref_shape shape = {1, 1, 3, 3};
    float dst[4];
    ref_max_pool(&shape, src, 3, 2, 1, dst); // padding must not win over negative pixels
    assert_floats(dst, (const float[]){-1, -2, -4, -5}, 4);

    const float two[] = {1, 3, 5, 7};
    const struct ref_shape channels = {1, 2, 1, 2};
    ref_global_pool(&channels, two, false, dst);
    assert_floats(dst, (const float[]){2, 6}, 2);
    ref_global_pool(&channels, two, true, dst); // maxima first, as fastai
    assert_floats(dst, (const float[]){3, 7, 2, 6}, 4);
}

static void pointwise_by_hand(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0, 255, 51, 255, 0, 102};
    const float mean[] = {0.5f, 0, 0.2f}, std[] = {0.5f, 2, 0.1f};
    const struct ref_shape shape = {1, 3, 1, 2};
    float dst[6];
    ref_normalize(&shape, bytes, mean, std, dst);
    assert_floats(dst, (const float[]){-1, 1, 0.5f, 0, 0, 2}, 6);

    const float values[] = {0, 255, 51, 255, 0, 102};
    ref_normalize_floats(&shape, values, mean, std, dst);
    assert_floats(dst, (const float[]){-1, 1, 0.5f, 0, 0, 2}, 6);
    const float scores[] = {0, -1000, 1000, -logf(3)};
    ref_sigmoid(2, 2, scores, dst);
    assert_floats(dst, (const float[]){0.5f, 0, 1}, 3);
    assert_true(fabsf(dst[3] - 0.25f) < 1e-6f);

    const float logits[] = {0, 0, 1000, 1000 - logf(3)};
    ref_softmax(2, 2, logits, dst);
    assert_floats(dst, (const float[]){0.5f, 0.5f}, 2);
    assert_true(fabsf(dst[2] - 0.75f) < 1e-4f && fabsf(dst[3] - 0.25f) < 1e-4f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_by_hand),
        cmocka_unit_test(pools_by_hand),
        cmocka_unit_test(pointwise_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
