#include <math.h>
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

// The rectangle of fastai's Resize in the plainest way: every pixel of it, then the whole resize.
static uint8_t *rectangle(const struct cubby_preprocess *p, const uint8_t *rgb, int width,
                          int height, int *part_width, int *part_height)
{
    double x_ratio = (double)width / p->resize_width, y_ratio = (double)height / p->resize_height;
    double ratio = p->rule == CUBBY_RESIZE_PAD ? fmax(x_ratio, y_ratio) : fmin(x_ratio, y_ratio);
    int w = (int)(ratio * p->resize_width), h = (int)(ratio * p->resize_height);
    w = w < 1 ? 1 : w;
    h = h < 1 ? 1 : h;
    int x0 = (int)(0.5 * (width - w)), y0 = (int)(0.5 * (height - h)); // toward zero
    // What is cut away is gone before the rest is mirrored.
    int x1 = x0 > 0 ? x0 : 0, y1 = y0 > 0 ? y0 : 0;
    int x2 = x0 > 0 ? x0 + w : width, y2 = y0 > 0 ? y0 + h : height;
    if (w < width && x0 == 0)
        x2 = w;
    if (h < height && y0 == 0)
        y2 = h;
    uint8_t *out = calloc((size_t)w * h, 3);
    assert_non_null(out);
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) {
            int sx = x0 + x, sy = y0 + y;
            bool outside = sx < x1 || sy < y1 || sx >= x2 || sy >= y2;
            if (outside && p->pad == CUBBY_PAD_ZEROS)
                continue;
            if (p->pad == CUBBY_PAD_BORDER || x2 - x1 == 1)
                sx = sx < x1 ? x1 : sx >= x2 ? x2 - 1 : sx;
            if (p->pad == CUBBY_PAD_BORDER || y2 - y1 == 1)
                sy = sy < y1 ? y1 : sy >= y2 ? y2 - 1 : sy;
            while (sx < x1 || sx >= x2) // mirrored again and again
                sx = sx < x1 ? 2 * x1 - sx : 2 * (x2 - 1) - sx;
            while (sy < y1 || sy >= y2)
                sy = sy < y1 ? 2 * y1 - sy : 2 * (y2 - 1) - sy;
            memcpy(out + ((size_t)y * w + x) * 3, rgb + ((size_t)sy * width + sx) * 3, 3);
        }
    }
    *part_width = w;
    *part_height = h;
    return out;
}

// One resizer for all, so that what it keeps from one is wrong for the next.
static void test_crop_and_pad(void **state)
{
    (void)state;
    static const uint32_t targets[][2] = {{40, 40}, {64, 30}, {7, 50}, {1, 9}, {49, 49}};
    static const uint32_t sizes[][2] = {{40, 40},  {400, 300}, {300, 400}, {1, 1},   {1, 300},
                                        {300, 1},  {2, 333},   {333, 3},   {40, 90}, {90, 30},
                                        {64, 300}, {128, 60},  {49, 1},    {5, 5}};
    struct cubby_resizer *resizer, *fresh;
    assert_int_equal(cubby_resizer_create(&resizer), CUBBY_OK);
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]) * 12; i++) {
        struct cubby_preprocess p = {.rule = i % 2 ? CUBBY_RESIZE_PAD : CUBBY_RESIZE_CROP,
                                     .filter =
                                         i / 2 % 2 ? CUBBY_FILTER_BICUBIC : CUBBY_FILTER_BILINEAR,
                                     .pad = (enum cubby_pad)(i / 4 % 3),
                                     .resize_width = targets[i / 12][0],
                                     .resize_height = targets[i / 12][1]};
        p.crop_width = p.resize_width;
        p.crop_height = p.resize_height;
        for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
            uint32_t width = sizes[k][0], height = sizes[k][1];
            uint8_t *rgb = pattern(width, height), got[64 * 64 * 3], want[64 * 64 * 3];
            int w, h;
            uint8_t *part = rectangle(&p, rgb, (int)width, (int)height, &w, &h);
            assert_int_equal(cubby_resizer_create(&fresh), CUBBY_OK);
            assert_int_equal(cubby_resize(fresh, part, (uint32_t)w, (uint32_t)h, p.filter, want,
                                          p.resize_width, p.resize_height),
                             CUBBY_OK);
            cubby_resizer_destroy(&fresh);
            memset(got, 0xa5, sizeof(got));
            assert_int_equal(cubby_preprocess_run(resizer, &p, rgb, width, height, got), CUBBY_OK);
            if (memcmp(got, want, cubby_preprocess_output_bytes(&p)) != 0)
                fail_msg("rule %d pad %d filter %d: %ux%u to %ux%u differs", p.rule, p.pad,
                         p.filter, width, height, p.resize_width, p.resize_height);
            assert_int_equal(got[cubby_preprocess_output_bytes(&p)], 0xa5);
            free(part);
            free(rgb);
        }
    }
    cubby_resizer_destroy(&resizer);
}

// Rounded down: (n - crop) // 2, also where that is negative and means padding.
static void test_centre_down(void **state)
{
    (void)state;
    struct cubby_resizer *resizer;
    assert_int_equal(cubby_resizer_create(&resizer), CUBBY_OK);
    for (uint32_t width = 3; width < 18; width++) {
        uint8_t rgb[18 * 3], out[10 * 3];
        for (uint32_t i = 0; i < width * 3; i++)
            rgb[i] = (uint8_t)(i / 3 + 1);
        struct cubby_preprocess preprocess = {.rule = CUBBY_RESIZE_SQUISH,
                                              .resize_width = width,
                                              .resize_height = 1,
                                              .crop_width = 10,
                                              .crop_height = 1,
                                              .centre = CUBBY_CENTRE_DOWN};
        assert_int_equal(cubby_preprocess_run(resizer, &preprocess, rgb, width, 1, out), CUBBY_OK);
        int first = (int)floor(((int)width - 10) / 2.0);
        for (int x = 0; x < 10; x++) {
            int at = first + x;
            assert_int_equal(out[x * 3], at >= 0 && at < (int)width ? at + 1 : 0);
        }
    }
    cubby_resizer_destroy(&resizer);
}

// Strips in squares of 2^36 pixels take no more memory than the strips; beyond what Pillow's
// numbers hold they are refused.
static void test_padded_strips(void **state)
{
    (void)state;
    struct cubby_resizer *resizer;
    assert_int_equal(cubby_resizer_create(&resizer), CUBBY_OK);
    uint8_t *rgb = malloc(3u << 20), *out = malloc(224 * 224 * 3);
    assert_true(rgb && out);
    memset(rgb, 200, 3u << 20);
    struct cubby_preprocess preprocess = {.rule = CUBBY_RESIZE_PAD,
                                          .resize_width = 224,
                                          .resize_height = 224,
                                          .crop_width = 224,
                                          .crop_height = 224};
    for (int i = 0; i < 6; i++) {
        preprocess.pad = (enum cubby_pad)(i / 2);
        memset(out, 0xa5, 224 * 224 * 3);
        assert_int_equal(cubby_preprocess_run(resizer, &preprocess, rgb, i % 2 ? 1u << 18 : 1,
                                              i % 2 ? 1 : 1u << 18, out),
                         CUBBY_OK);
        for (int k = 0; k < 224 * 224 * 3; k++) // of black, a strip of 1/1170 pixel is nothing
            assert_int_equal(out[k], preprocess.pad == CUBBY_PAD_ZEROS ? 0 : 200);
    }
    preprocess.resize_width = preprocess.crop_width = 1;
    assert_int_equal(cubby_preprocess_run(resizer, &preprocess, rgb, 1u << 20, 1, out),
                     CUBBY_TOO_LARGE);
    preprocess.rule = CUBBY_RESIZE_CROP;
    assert_int_equal(cubby_preprocess_run(resizer, &preprocess, rgb, 1u << 20, 1, out), CUBBY_OK);
    assert_int_equal(out[0], 200);
    free(out);
    free(rgb);
    cubby_resizer_destroy(&resizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resized_sizes), cmocka_unit_test(test_same_as_resize_then_crop),
        cmocka_unit_test(test_crop_offset),   cmocka_unit_test(test_long_strip),
        cmocka_unit_test(test_crop_and_pad),  cmocka_unit_test(test_centre_down),
        cmocka_unit_test(test_padded_strips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
