#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "engine/image.h"

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % limit;
}

static uint8_t *random_image(uint32_t width, uint32_t height)
{
    size_t size_bytes = (size_t)width * height * 3;
    uint8_t *rgb = malloc(size_bytes);
    assert_non_null(rgb);
    for (size_t i = 0; i < size_bytes; i++)
        rgb[i] = (uint8_t)(random_below(4) ? random_below(256) : random_below(2) * 255);
    return rgb;
}

static double kernel(enum cubby_filter filter, double x)
{
    x = fabs(x);
    if (filter == CUBBY_FILTER_BILINEAR)
        return x < 1 ? 1 - x : 0;
    if (x < 1)
        return ((-0.5 + 2) * x - (-0.5 + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
}

// One output value from `count` values that lie `step` bytes apart: Pillow's arithmetic, no tricks.
static uint8_t reference_value(const uint8_t *values, size_t step, uint32_t count,
                               uint32_t out_count, uint32_t position, enum cubby_filter filter)
{
    double scale = (double)count / out_count, widened = scale < 1 ? 1 : scale;
    double support = (filter == CUBBY_FILTER_BICUBIC ? 2 : 1) * widened;
    double center = (position + 0.5) * scale;
    int first = (int)(center - support + 0.5), end = (int)(center + support + 0.5);
    first = first < 0 ? 0 : first;
    end = end > (int)count ? (int)count : end;

    double total = 0;
    for (int i = first; i < end; i++)
        total += kernel(filter, (i - center + 0.5) * (1.0 / widened));
    int64_t sum = 1 << 21;
    for (int i = first; i < end; i++) {
        double weight = kernel(filter, (i - center + 0.5) * (1.0 / widened)) / total;
        int64_t fixed = (int64_t)(weight * (1 << 22) + (weight < 0 ? -0.5 : 0.5));
        sum += fixed * values[(size_t)i * step];
    }
    sum >>= 22;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static void reference_resize(const uint8_t *rgb, uint32_t width, uint32_t height,
                             enum cubby_filter filter, uint8_t *out, uint32_t out_width,
                             uint32_t out_height)
{
    uint8_t *wide = malloc((size_t)out_width * height * 3);
    assert_non_null(wide);
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t i = 0; i < out_width * 3; i++) {
            const uint8_t *row = rgb + (size_t)y * width * 3;
            wide[(size_t)y * out_width * 3 + i] =
                width == out_width
                    ? row[i]
                    : reference_value(row + i % 3, 3, width, out_width, i / 3, filter);
        }
    size_t row_bytes = (size_t)out_width * 3;
    for (uint32_t y = 0; y < out_height; y++)
        for (size_t i = 0; i < row_bytes; i++)
            out[y * row_bytes + i] =
                height == out_height
                    ? wide[y * row_bytes + i]
                    : reference_value(wide + i, row_bytes, height, out_height, y, filter);
    free(wide);
}

static void compare(struct cubby_resizer *resizer, uint32_t width, uint32_t height,
                    enum cubby_filter filter, uint32_t out_width, uint32_t out_height)
{
    uint8_t *rgb = random_image(width, height);
    size_t out_bytes = (size_t)out_width * out_height * 3;
    uint8_t *got = malloc(out_bytes), *want = malloc(out_bytes);
    assert_true(got && want);
    memset(got, 0xa5, out_bytes);
    assert_int_equal(cubby_resize(resizer, rgb, width, height, filter, got, out_width, out_height),
                     CUBBY_OK);
    reference_resize(rgb, width, height, filter, want, out_width, out_height);
    if (memcmp(got, want, out_bytes) != 0)
        fail_msg("%ux%u -> %ux%u filter %d differs", width, height, out_width, out_height,
                 (int)filter);
    free(rgb);
    free(got);
    free(want);
}

static void test_known_numbers(void **state)
{
    // From Pillow 9.4: Image.fromarray([[[0]*3, [255]*3]]).resize((4, 1), ...)
    struct cubby_resizer *resizer = *state;
    const uint8_t pair[6] = {0, 0, 0, 255, 255, 255};
    const uint8_t linear[4] = {0, 64, 191, 255}, cubic[4] = {0, 53, 202, 255};
    uint8_t out[12];
    assert_int_equal(cubby_resize(resizer, pair, 2, 1, CUBBY_FILTER_BILINEAR, out, 4, 1), CUBBY_OK);
    for (int i = 0; i < 12; i++)
        assert_int_equal(out[i], linear[i / 3]);
    assert_int_equal(cubby_resize(resizer, pair, 2, 1, CUBBY_FILTER_BICUBIC, out, 4, 1), CUBBY_OK);
    for (int i = 0; i < 12; i++)
        assert_int_equal(out[i], cubic[i / 3]);
    assert_int_equal(cubby_resize(resizer, pair, 1, 2, CUBBY_FILTER_BILINEAR, out, 1, 1), CUBBY_OK);
    assert_int_equal(out[0], 128);
}

static void test_flat_stays_flat(void **state)
{
    struct cubby_resizer *resizer = *state;
    static uint8_t flat[97 * 61 * 3], out[200 * 13 * 3];
    for (int filter = 0; filter < 2; filter++)
        for (int level = 0; level < 256; level += 51) {
            memset(flat, level, sizeof(flat));
            assert_int_equal(
                cubby_resize(resizer, flat, 97, 61, (enum cubby_filter)filter, out, 200, 13),
                CUBBY_OK);
            for (size_t i = 0; i < sizeof(out); i++)
                assert_int_equal(out[i], level);
        }
}

static void test_odd_shapes(void **state)
{
    static const uint32_t shapes[][4] = {
        {1, 1, 1, 1},     {1, 1, 224, 224}, {1, 300, 7, 5},     {300, 1, 5, 7},   {2, 2, 1, 1},
        {3, 1, 2, 1},     {1000, 3, 1, 2},  {3, 1000, 2, 1},    {17, 19, 17, 40}, {17, 19, 40, 19},
        {17, 19, 17, 19}, {8, 8, 9, 9},     {500, 375, 31, 23}, {5, 4, 100, 99},  {9000, 2, 3, 2},
    };
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        for (int filter = 0; filter < 2; filter++)
            compare(*state, shapes[i][0], shapes[i][1], (enum cubby_filter)filter, shapes[i][2],
                    shapes[i][3]);
}

static void test_random_shapes(void **state)
{
    for (int i = 0; i < 150; i++) {
        uint32_t width = 1 + random_below(200), height = 1 + random_below(200);
        uint32_t out_width = 1 + random_below(90), out_height = 1 + random_below(90);
        compare(*state, width, height, (enum cubby_filter)random_below(2), out_width, out_height);
    }
}

// The tables are kept between calls: the same sizes with another filter, or a part of them, must
// not get the old ones.
static void test_cache_is_keyed(void **state)
{
    for (int i = 0; i < 4; i++) {
        compare(*state, 64, 48, CUBBY_FILTER_BILINEAR, 30, 20);
        compare(*state, 64, 48, CUBBY_FILTER_BICUBIC, 30, 20);
        compare(*state, 48, 64, CUBBY_FILTER_BICUBIC, 30, 20);
        compare(*state, 64, 48, CUBBY_FILTER_BICUBIC, 29, 21);
    }
}

static void test_refuses_sides(void **state)
{
    uint8_t pixel[3] = {1, 2, 3}, out[3];
    struct cubby_resizer *resizer = *state;
    const uint32_t over = (1u << 20) + 1;
    assert_int_equal(cubby_resize(resizer, pixel, 0, 1, CUBBY_FILTER_BILINEAR, out, 1, 1),
                     CUBBY_TOO_LARGE);
    assert_int_equal(cubby_resize(resizer, pixel, 1, over, CUBBY_FILTER_BILINEAR, out, 1, 1),
                     CUBBY_TOO_LARGE);
    assert_int_equal(cubby_resize(resizer, pixel, 1, 1, CUBBY_FILTER_BILINEAR, out, 1, 0),
                     CUBBY_TOO_LARGE);
    assert_int_equal(cubby_resize(resizer, pixel, 1, 1, CUBBY_FILTER_BILINEAR, out, over, 1),
                     CUBBY_TOO_LARGE);
}

// A strip of a million rows: over 4096 taps, where the halves of the weights alone overflow.
static void test_longest_side(void **state)
{
    compare(*state, 1, 1u << 20, CUBBY_FILTER_BILINEAR, 1, 3);
    compare(*state, 1u << 20, 1, CUBBY_FILTER_BICUBIC, 5, 1);
    compare(*state, 1u << 20, 1, CUBBY_FILTER_BILINEAR, 100, 2);
}

static int setup(void **state)
{
    return cubby_resizer_create((struct cubby_resizer **)state) == CUBBY_OK ? 0 : -1;
}

static int teardown(void **state)
{
    cubby_resizer_destroy((struct cubby_resizer **)state);
    return 0;
}

int main(void)
{
    const char *seed = getenv("TEST_SEED");
    random_state = seed ? (uint32_t)strtoul(seed, NULL, 10) : (uint32_t)time(NULL);
    print_message("TEST_SEED=%u\n", random_state);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_numbers),  cmocka_unit_test(test_flat_stays_flat),
        cmocka_unit_test(test_odd_shapes),     cmocka_unit_test(test_random_shapes),
        cmocka_unit_test(test_cache_is_keyed), cmocka_unit_test(test_refuses_sides),
        cmocka_unit_test(test_longest_side),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
