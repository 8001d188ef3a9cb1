#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/image.h"

static uint8_t *pattern(uint32_t width, uint32_t height)
{
    size_t size_bytes = (size_t)width * height * 3;
    uint8_t *rgb = malloc(size_bytes ? size_bytes : 1);
    assert_non_null(rgb);
    uint32_t noise = width * 31 + height;
    for (size_t i = 0; i < size_bytes; i++) {
        noise = noise * 1664525u + 1013904223u;
        rgb[i] = (uint8_t)(noise >> 24 | 1); // never black: padding is told from pixels
    }
    return rgb;
}

static struct cubby_preprocess shorter(uint32_t resize, uint32_t crop)
{
    return (struct cubby_preprocess){.rule = CUBBY_RESIZE_SHORTER,
                                     .resize_width = resize,
                                     .crop_width = crop,
                                     .crop_height = crop};
}

static void test_resized_sizes(void **state)
{
    (void)state;
    // Width, height, and what int(256 * long / short) gives in Python.
    static const uint32_t cases[][4] = {
        {4000, 3000, 341, 256}, {3000, 4000, 256, 341},
        {500, 375, 341, 256},   {256, 256, 256, 256},
        {1, 1, 256, 256},       {3, 7, 256, 597},
        {1920, 1080, 455, 256}, {1, 1u << 20, 256, 256u << 20},
    };
    struct cubby_preprocess preprocess = shorter(256, 224);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t width, height;
        cubby_preprocess_resized(&preprocess, cases[i][0], cases[i][1], &width, &height);
        assert_int_equal(width, cases[i][2]);
        assert_int_equal(height, cases[i][3]);
    }
    preprocess.rule = CUBBY_RESIZE_SQUISH;
    preprocess.resize_height = 100;
    uint32_t width, height;
    cubby_preprocess_resized(&preprocess, 4000, 3000, &width, &height);
    assert_int_equal(width, 256);
    assert_int_equal(height, 100);
    assert_int_equal(cubby_preprocess_output_bytes(&preprocess), 224 * 224 * 3);
}

// The whole resized image, then torchvision's padding and crop, in the plainest way.
static void reference(const struct cubby_preprocess *preprocess, const uint8_t *rgb, uint32_t width,
                      uint32_t height, uint8_t *out)
{
    struct cubby_resizer *resizer;
    assert_int_equal(cubby_resizer_create(&resizer), CUBBY_OK);
    uint32_t w, h;
    cubby_preprocess_resized(preprocess, width, height, &w, &h);
    uint8_t *whole = malloc((size_t)w * h * 3);
    assert_non_null(whole);
    assert_int_equal(cubby_resize(resizer, rgb, width, height, preprocess->filter, whole, w, h),
                     CUBBY_OK);
    int cw = (int)preprocess->crop_width, ch = (int)preprocess->crop_height;
    // (n - crop) / 2 with a half to the even side; a negative one is the padding before.
    static const int to_even[4] = {0, 0, 0, 1};
    int dx = (int)w - cw, dy = (int)h - ch;
    int left = dx > 0 ? dx / 2 + to_even[dx % 4] : -(-dx / 2);
    int top = dy > 0 ? dy / 2 + to_even[dy % 4] : -(-dy / 2);
    for (int y = 0; y < ch; y++)
        for (int x = 0; x < cw; x++) {
            int sx = x + left, sy = y + top;
            bool inside = sx >= 0 && sy >= 0 && sx < (int)w && sy < (int)h;
            for (int c = 0; c < 3; c++)
                out[((size_t)y * cw + x) * 3 + c] =
                    inside ? whole[((size_t)sy * w + sx) * 3 + c] : 0;
        }
    free(whole);
    cubby_resizer_destroy(&resizer);
}

static void test_same_as_resize_then_crop(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{400, 300}, {300, 400}, {57, 55},  {55, 57},   {32, 32},
                                        {33, 200},  {1, 1},     {1, 90},   {500, 7},   {35, 36},
                                        {40, 300},  {123, 45},  {64, 255}, {255, 254}, {20, 10}};
    static const uint32_t crops[][4] = {// resize width, height, crop width, height
                                        {40, 40, 32, 32}, {40, 36, 39, 35}, {40, 33, 40, 33},
                                        {24, 20, 32, 31}, {35, 20, 32, 31}, {41, 41, 38, 36}};
    struct cubby_resizer *resizer;
    assert_int_equal(cubby_resizer_create(&resizer), CUBBY_OK);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t *rgb = pattern(sizes[i][0], sizes[i][1]);
        for (size_t k = 0; k < sizeof(crops) / sizeof(crops[0]) * 4; k++) {
            const uint32_t *crop = crops[k / 4];
            struct cubby_preprocess preprocess = {
                .rule = k % 2 ? CUBBY_RESIZE_SQUISH : CUBBY_RESIZE_SHORTER,
                .filter = k / 2 % 2 ? CUBBY_FILTER_BICUBIC : CUBBY_FILTER_BILINEAR,
                .resize_width = crop[0],
                .resize_height = crop[1],
                .crop_width = crop[2],
                .crop_height = crop[3]};
            uint8_t got[41 * 41 * 3], want[41 * 41 * 3];
            memset(got, 0xa5, sizeof(got));
            assert_int_equal(
                cubby_preprocess_run(resizer, &preprocess, rgb, sizes[i][0], sizes[i][1], got),
                CUBBY_OK);
            reference(&preprocess, rgb, sizes[i][0], sizes[i][1], want);
            assert_memory_equal(got, want, cubby_preprocess_output_bytes(&preprocess));
        }
        free(rgb);
    }
    cubby_resizer_destroy(&resizer);
}

// Python's round(): (n - crop) / 2 of 0.5, 1.5, 2.5 and 3.5 gives 0, 2, 2 and 4.
static void test_crop_offset(void **state)
{
    (void)state;
    static const uint32_t want[] = {0, 0, 1, 2, 2, 2, 3, 4};
    struct cubby_resizer *resizer;
    assert_int_equal(cubby_resizer_create(&resizer), CUBBY_OK);
    for (uint32_t extra = 0; extra < 8; extra++) {
        uint8_t rgb[18 * 10 * 3];
        uint32_t width = 10 + extra;
        for (uint32_t i = 0; i < width * 10 * 3; i++)
            rgb[i] = (uint8_t)(i / 3 % width);
        struct cubby_preprocess preprocess = shorter(10, 10);
        uint8_t out[10 * 10 * 3];
        assert_int_equal(cubby_preprocess_run(resizer, &preprocess, rgb, width, 10, out), CUBBY_OK);
        assert_int_equal(out[0], want[extra]);
    }
    cubby_resizer_destroy(&resizer);
}

// A strip whose resized height is 268 million: only the cropped rows may be computed.
static void test_long_strip(void **state)
{
    (void)state;
    struct cubby_resizer *resizer;
    assert_int_equal(cubby_resizer_create(&resizer), CUBBY_OK);
    uint8_t *rgb = pattern(1, 1u << 20);
    uint8_t *out = malloc(224 * 224 * 3);
    assert_non_null(out);
    struct cubby_preprocess preprocess = shorter(256, 224);
    assert_int_equal(cubby_preprocess_run(resizer, &preprocess, rgb, 1, 1u << 20, out), CUBBY_OK);
    assert_int_equal(cubby_preprocess_run(resizer, &preprocess, rgb, 1u << 20, 1, out), CUBBY_OK);
    assert_int_equal(cubby_preprocess_run(resizer, &preprocess, rgb, 0, 5, out), CUBBY_TOO_LARGE);
    free(out);
    free(rgb);
    cubby_resizer_destroy(&resizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resized_sizes),
        cmocka_unit_test(test_same_as_resize_then_crop),
        cmocka_unit_test(test_crop_offset),
        cmocka_unit_test(test_long_strip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
