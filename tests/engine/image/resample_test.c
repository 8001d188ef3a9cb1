// fastai's batch transforms; the comparison with torch is tests/python/preprocess_test.py.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/image.h"

// An item as it is: what the resamples get.
static struct cubby_preprocess item(uint32_t width, uint32_t height)
{
    return (struct cubby_preprocess){.rule = CUBBY_RESIZE_SQUISH,
                                     .resize_width = width,
                                     .resize_height = height,
                                     .crop_width = width,
                                     .crop_height = height};
}

static struct cubby_preprocess resampled(uint32_t width, uint32_t height, uint32_t to_width,
                                         uint32_t to_height, bool align_corners)
{
    struct cubby_preprocess preprocess = item(width, height);
    preprocess.resamples[0] = (struct cubby_resample){
        .width = to_width, .height = to_height, .align_corners = align_corners};
    preprocess.resample_count = 1;
    return preprocess;
}

// Writes to an odd address, as a slot's image may be at one. Three channels of `out` per pixel.
static void run(struct cubby_resizer *resizer, const struct cubby_preprocess *preprocess,
                const uint8_t *rgb, float *out)
{
    size_t bytes = cubby_preprocess_output_bytes(preprocess);
    uint8_t *odd = malloc(bytes + 2);
    assert_non_null(odd);
    odd[0] = odd[bytes + 1] = 0xa5;
    assert_int_equal(cubby_preprocess_run(resizer, preprocess, rgb, preprocess->crop_width,
                                          preprocess->crop_height, odd + 1),
                     CUBBY_OK);
    assert_true(odd[0] == 0xa5 && odd[bytes + 1] == 0xa5);
    memcpy(out, odd + 1, bytes);
    free(odd);
}

// One row of pixels, red = values, green = 255 - values, blue = 7.
static void check_row(const struct cubby_preprocess *preprocess, const uint8_t *values,
                      const double *wanted)
{
    struct cubby_resizer *resizer;
    assert_int_equal(cubby_resizer_create(&resizer), CUBBY_OK);
    uint8_t rgb[16 * 3];
    float out[16 * 3];
    for (uint32_t x = 0; x < preprocess->crop_width; x++) {
        rgb[3 * x] = values[x];
        rgb[3 * x + 1] = (uint8_t)(255 - values[x]);
        rgb[3 * x + 2] = 7;
    }
    run(resizer, preprocess, rgb, out);
    uint32_t width, height;
    cubby_preprocess_input(preprocess, &width, &height);
    for (uint32_t x = 0; x < width; x++) {
        assert_true(fabs((double)out[3 * x] - wanted[x]) < 1e-4);
        assert_true(fabs((double)out[3 * x + 1] - (255 - wanted[x])) < 1e-4);
        assert_true(fabs((double)out[3 * x + 2] - 7) < 1e-4);
    }
    cubby_resizer_destroy(&resizer);
}

static void test_by_hand(void **state)
{
    (void)state;
    const uint8_t values[] = {0, 100, 200, 50, 10};
    // Corners on corners: positions 0, 4/3, 8/3, 4.
    struct cubby_preprocess p = resampled(5, 1, 4, 1, true);
    check_row(&p, values, (const double[]){0, 100 + 100 / 3.0, 200 - 100, 10});
    // Pixel centres: positions (j + 0.5) * 5 / 4 - 0.5 = 0.125, 1.375, 2.625, 3.875.
    p = resampled(5, 1, 4, 1, false);
    check_row(&p, values, (const double[]){12.5, 137.5, 200 - 0.625 * 150, 50 - 0.875 * 40});
    // Enlarged: the outermost centres lie outside and see the edge.
    p = resampled(2, 1, 4, 1, false);
    check_row(&p, values, (const double[]){0, 25, 75, 100});
    p = resampled(5, 1, 9, 1, true);
    check_row(&p, values, (const double[]){0, 50, 100, 150, 200, 125, 50, 30, 10});
    // The same size changes nothing; a single pixel is the middle's.
    p = resampled(5, 1, 5, 1, true);
    check_row(&p, values, (const double[]){0, 100, 200, 50, 10});
    p = resampled(4, 1, 1, 1, true);
    check_row(&p, values, (const double[]){150});
}

// A column three times as tall as wide is pooled even at its own size: _grid_sample() compares its
// height with its width. 12 / 4 / 2 = 1.5, but 4 / 2 / 2 = 1: not pooled; twice as large it is.
static void test_pooled(void **state)
{
    (void)state;
    struct cubby_resizer *resizer;
    assert_int_equal(cubby_resizer_create(&resizer), CUBBY_OK);
    uint8_t rgb[24 * 8 * 3];
    float out[24 * 8 * 3];
    for (int i = 0; i < 24 * 8 * 3; i++)
        rgb[i] = (uint8_t)(i / 24 % 2 ? 255 : 0); // rows black and white in turn
    struct cubby_preprocess p = resampled(4, 12, 4, 12, true);
    run(resizer, &p, rgb, out);
    for (int i = 0; i < 4 * 12 * 3; i++)
        assert_true(out[i] == rgb[i]);
    // d = min(24 / 8, 8 / 2) / 2 = 1.5: 16 rows of two or three, each a mixture.
    p = resampled(8, 24, 8, 24, true);
    run(resizer, &p, rgb, out);
    for (int y = 0; y < 24; y++)
        assert_true(out[y * 24] > 60 && out[y * 24] < 195);
    cubby_resizer_destroy(&resizer);
}

// RandomResizedCropGPU: int(width / ratio) of what float ratios were meant to be.
static void test_cropped(void **state)
{
    (void)state;
    static const struct {
        float ratio, scale;
        uint32_t width, height, wanted_height;
    } cases[] = {
        {2.0f / 3, 1, 2, 9, 3}, // 2 / (2 / 3) is 3 in double; the float's value gives 2.9999998
        {0.8f, 1, 8, 13, 10},   {1, 1, 5, 9, 5},  {1, 0.9f, 10, 30, 9},
        {1, 0.3f, 10, 30, 3},   {1, 1, 7, 10, 7}, {0.001f, 0.01f, 4, 4, 1},
    };
    struct cubby_resizer *resizer;
    assert_int_equal(cubby_resizer_create(&resizer), CUBBY_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t width = cases[i].width, height = cases[i].height, kept = cases[i].wanted_height;
        uint8_t rgb[16 * 32 * 3];
        float out[16 * 2 * 3];
        for (uint32_t y = 0; y < height; y++)
            memset(rgb + (size_t)y * width * 3, (int)y, (size_t)width * 3);
        // Corners on corners shows the first and last row that are kept. (Not pooled: wide.)
        struct cubby_preprocess p = resampled(width, height, width, 2, true);
        p.resamples[0].crop = true;
        p.resamples[0].min_ratio = cases[i].ratio;
        p.resamples[0].max_ratio = 1000;
        p.resamples[0].scale = cases[i].scale;
        run(resizer, &p, rgb, out);
        double first = (height - kept) / 2;
        if (fabs((double)out[0] - first) > 1e-4 ||
            fabs((double)out[3 * width] - (first + kept - 1)) > 1e-4)
            fail_msg("case %zu: rows %g to %g", i, (double)out[0], (double)out[3 * width]);
    }
    cubby_resizer_destroy(&resizer);
}

// Two resamples are one after the other; tables for others are not used again.
static void test_two_in_a_row(void **state)
{
    (void)state;
    struct cubby_resizer *resizer;
    assert_int_equal(cubby_resizer_create(&resizer), CUBBY_OK);
    uint8_t rgb[8 * 8 * 3], middle[8 * 8 * 3];
    float first[8 * 8 * 3], both[8 * 8 * 3], second[8 * 8 * 3];
    for (int i = 0; i < 8 * 8 * 3; i++)
        rgb[i] = (uint8_t)(i / 24 * 16 + i / 3 % 8 * 8); // whole numbers stay whole halfway
    struct cubby_preprocess one = resampled(8, 8, 8, 4, false), two = one;
    two.resamples[1] = (struct cubby_resample){.width = 4, .height = 4};
    two.resample_count = 2;
    struct cubby_preprocess then = resampled(8, 4, 4, 4, false);
    for (int again = 0; again < 2; again++) {
        run(resizer, &one, rgb, first);
        for (int i = 0; i < 8 * 4 * 3; i++) {
            assert_true(first[i] == floorf(first[i]));
            middle[i] = (uint8_t)first[i];
        }
        run(resizer, &then, middle, second);
        run(resizer, &two, rgb, both);
        for (int i = 0; i < 4 * 4 * 3; i++)
            assert_true(fabsf(both[i] - second[i]) < 1e-4f);
    }
    two.resamples[1].align_corners = true;
    run(resizer, &two, rgb, second);
    assert_true(second[0] < both[0]);
    assert_int_equal(cubby_preprocess_output_bytes(&two), 4 * 4 * 3 * sizeof(float));
    assert_int_equal(cubby_preprocess_output_bytes(&one), 8 * 4 * 3 * sizeof(float));
    cubby_resizer_destroy(&resizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_pooled),
        cmocka_unit_test(test_cropped),
        cmocka_unit_test(test_two_in_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
