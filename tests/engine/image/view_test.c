#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/image.h"

// The letters of a 4 x 3 photo that a view shows, row by row.
static void expect_letters(const struct cubby_view *view, uint32_t wanted_width, const char *wanted)
{
    static const char letters[] = "abcdefghijkl";
    uint8_t rgb[36], out[36];
    for (int i = 0; i < 36; i++)
        rgb[i] = (uint8_t)(letters[i / 3] + 10 * (i % 3));
    uint32_t width, height;
    cubby_view_size(view, 4, 3, &width, &height);
    assert_int_equal(width, wanted_width);
    assert_int_equal(width * height, strlen(wanted));
    cubby_view_run(view, rgb, 4, 3, out);
    for (uint32_t i = 0; i < width * height * 3; i++)
        assert_int_equal(out[i], (uint8_t)(wanted[i / 3] + 10 * (i % 3)));
}

static void test_letters(void **state)
{
    (void)state;
    expect_letters(&(struct cubby_view){0, 0, 1, 1, false}, 4, "abcdefghijkl");
    expect_letters(&(struct cubby_view){0, 0, 1, 1, true}, 4, "dcbahgfelkji");
    expect_letters(&(struct cubby_view){0.25f, 0.34f, 0.5f, 0.67f, false}, 2, "fgjk");
    expect_letters(&(struct cubby_view){0.25f, 0.34f, 0.5f, 0.67f, true}, 2, "gfkj");
    expect_letters(&(struct cubby_view){0.5f, 0, 1, 0.3f, false}, 2, "cd");
    expect_letters(&(struct cubby_view){0}, 4, "abcdefghijkl");
}

// Whatever the numbers are, the part lies in the photo.
static void test_nonsense(void **state)
{
    (void)state;
    static const float values[] = {0,      1,      -1,  0.999f,   1e30f,
                                   -1e30f, 1e-30f, NAN, INFINITY, -INFINITY};
    enum { COUNT = sizeof(values) / sizeof(*values) };
    uint8_t *rgb = calloc(5 * 7, 3); // the sanitizer sees what lies outside
    assert_non_null(rgb);
    for (int i = 0; i < COUNT * COUNT * COUNT * COUNT; i++) {
        const struct cubby_view view = {values[i % COUNT], values[i / COUNT % COUNT],
                                        values[i / COUNT / COUNT % COUNT],
                                        values[i / COUNT / COUNT / COUNT], i % 3 == 0};
        uint32_t width, height;
        cubby_view_size(&view, 5, 7, &width, &height);
        assert_in_range(width, 1, 5);
        assert_in_range(height, 1, 7);
        uint8_t *out = malloc((size_t)width * height * 3);
        assert_non_null(out);
        cubby_view_run(&view, rgb, 5, 7, out);
        free(out);
    }
    free(rgb);
}

static void test_enlarged(void **state)
{
    (void)state;
    struct cubby_preprocess preprocess = {
        .rule = CUBBY_RESIZE_SHORTER, .resize_width = 256, .resize_height = 256, .crop_width = 224};
    struct cubby_preprocess larger =
        cubby_view_enlarge(&(struct cubby_view){0, 0, 0.8f, 0.5f, false}, &preprocess);
    assert_int_equal(larger.resize_width, 512); // the short side of the part may be half of one
    assert_int_equal(larger.crop_width, 224);
    preprocess.rule = CUBBY_RESIZE_SQUISH;
    larger = cubby_view_enlarge(&(struct cubby_view){0, 0, 0.8f, 0.5f, false}, &preprocess);
    assert_int_equal(larger.resize_width, 320);
    assert_int_equal(larger.resize_height, 512);
    larger = cubby_view_enlarge(&(struct cubby_view){0, 0, 1, 1, true}, &preprocess);
    assert_memory_equal(&larger, &preprocess, sizeof(larger));
    larger = cubby_view_enlarge(&(struct cubby_view){0, 0, 1e-20f, NAN, true}, &preprocess);
    assert_int_equal(larger.resize_width, 1 << 20);
    assert_int_equal(larger.resize_height, 256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_enlarged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
