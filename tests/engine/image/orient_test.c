#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/image.h"

// The letters of a 3 x 2 photo, as stored, turned upright for each orientation (the EXIF standard's
// picture of it).
static void test_letters(void **state)
{
    (void)state;
    static const char stored[] = "abc"
                                 "def";
    static const char *const upright[9] = {"abcdef", "abcdef", "cbafed", "fedcba", "defabc",
                                           "adbecf", "daebfc", "fcebda", "cfbead"};
    uint8_t rgb[18], out[18];
    for (int i = 0; i < 18; i++)
        rgb[i] = (uint8_t)(stored[i / 3] + 10 * (i % 3));
    for (int orientation = 0; orientation <= 8; orientation++) {
        cubby_orient(rgb, 3, 2, orientation, out);
        for (int i = 0; i < 18; i++)
            assert_int_equal(out[i], (uint8_t)(upright[orientation][i / 3] + 10 * (i % 3)));
    }
    cubby_orient(rgb, 3, 2, -1, out);
    assert_memory_equal(out, rgb, sizeof(rgb));
    cubby_orient(rgb, 3, 2, 999, out);
    assert_memory_equal(out, rgb, sizeof(rgb));
}

// Turning back gives the photo again, at sizes around the tiles that it is turned in.
static void test_there_and_back(void **state)
{
    (void)state;
    static const int inverse[9] = {0, 1, 2, 3, 4, 5, 8, 7, 6};
    static const uint32_t sizes[][2] = {{1, 1},   {1, 70},  {70, 1}, {32, 32},
                                        {33, 31}, {64, 65}, {97, 40}};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint32_t width = sizes[i][0], height = sizes[i][1];
        size_t size_bytes = (size_t)width * height * 3;
        uint8_t *rgb = malloc(size_bytes), *turned = malloc(size_bytes), *back = malloc(size_bytes);
        assert_true(rgb && turned && back);
        for (size_t k = 0; k < size_bytes; k++)
            rgb[k] = (uint8_t)(k * 2654435761u >> 11);
        for (int orientation = 1; orientation <= 8; orientation++) {
            bool swapped = orientation >= 5;
            cubby_orient(rgb, width, height, orientation, turned);
            cubby_orient(turned, swapped ? height : width, swapped ? width : height,
                         inverse[orientation], back);
            assert_memory_equal(back, rgb, size_bytes);
        }
        free(rgb);
        free(turned);
        free(back);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters),
        cmocka_unit_test(test_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
