#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check/thumbnail.h"
#include "src/decode/samples.h"
#include "src/temporary.h"

static const struct cubby_preprocess whole = {.rule = CUBBY_RESIZE_SHORTER,
                                              .resize_width = CUBBY_MAX_INPUT_SIDE};

// A file of one colour, and its content's hash.
static struct thumbnail_params write_ppm(void **state, const char *name, uint32_t width,
                                         uint32_t height)
{
    const char *path = temporary_path(state, name);
    char header[64];
    int length = snprintf(header, sizeof(header), "P6\n%u %u\n255\n", width, height);
    size_t bytes = (size_t)length + (size_t)width * height * 3;
    uint8_t *content = malloc(bytes);
    assert_non_null(content);
    memcpy(content, header, (size_t)length);
    for (size_t i = (size_t)length; i < bytes; i++)
        content[i] = (uint8_t)((i - (size_t)length) % 3 ? 40 : 200);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
    struct photo_hash hash = photo_hash_bytes(content, bytes);
    free(content);
    return (struct thumbnail_params){.path = path, .hash = hash, .fs = fs_real()};
}

static void expect_sides(const struct thumbnail_params *params, uint32_t width, uint32_t height)
{
    struct thumbnail thumbnail;
    assert_int_equal(thumbnail_make(&thumbnail, params), CUBBY_OK);
    assert_int_equal(thumbnail.width, width);
    assert_int_equal(thumbnail.height, height);
    assert_true(thumbnail.jpeg_bytes <= THUMBNAIL_MAX_BYTES);

    struct decoder *decoder = NULL;
    const struct decode_params decode = {.exact = true};
    struct decode_image image;
    char reason[256] = "";
    assert_int_equal(decoder_create(&decoder, &decode), CUBBY_OK);
    assert_int_equal(decode_run(decoder, thumbnail.jpeg, thumbnail.jpeg_bytes, "t.jpg", &whole,
                                &image, reason, sizeof(reason)),
                     CUBBY_OK);
    assert_int_equal(image.width, width);
    assert_int_equal(image.height, height);
    assert_in_range(image.rgb[0], 195, 205);
    assert_in_range(image.rgb[1], 35, 45);
    decoder_destroy(&decoder);
    thumbnail_free(&thumbnail);
}

static void test_shrinks_to_the_longer_side(void **state)
{
    struct thumbnail_params params = write_ppm(state, "wide.ppm", 800, 400);
    expect_sides(&params, THUMBNAIL_SIDE, THUMBNAIL_SIDE / 2);
    params = write_ppm(state, "high.ppm", 300, 900);
    expect_sides(&params, THUMBNAIL_SIDE / 3, THUMBNAIL_SIDE);
    params = write_ppm(state, "small.ppm", 20, 10);
    expect_sides(&params, 20, 10);
    params = write_ppm(state, "line.ppm", 5000, 1);
    expect_sides(&params, THUMBNAIL_SIDE, 1);
}

static void test_another_photo_than_the_one_that_was_checked(void **state)
{
    struct thumbnail thumbnail;
    struct thumbnail_params params = write_ppm(state, "a.ppm", 30, 30);
    params.hash.low ^= 1;
    assert_int_equal(thumbnail_make(&thumbnail, &params), CUBBY_BAD_DATA);
    assert_null(thumbnail.jpeg);
    params.path = temporary_path(state, "gone.ppm");
    assert_int_equal(thumbnail_make(&thumbnail, &params), CUBBY_IO);
    assert_null(thumbnail.jpeg);
}

static void test_limits(void **state)
{
    struct thumbnail thumbnail;
    struct thumbnail_params params = write_ppm(state, "a.ppm", 300, 300);
    params.max_pixels = 1000;
    assert_int_equal(thumbnail_make(&thumbnail, &params), CUBBY_TOO_LARGE);
    params.max_pixels = 0;
    params.max_file_bytes = 1000;
    assert_int_equal(thumbnail_make(&thumbnail, &params), CUBBY_TOO_LARGE);
    assert_null(thumbnail.jpeg);
}

// The worst that a picture can be: no thumbnail is larger than this.
static void test_noise_fits(void **state)
{
    (void)state;
    const size_t bytes = (size_t)THUMBNAIL_SIDE * THUMBNAIL_SIDE * 3;
    uint8_t *rgb = malloc(bytes);
    assert_non_null(rgb);
    uint32_t seed = 1;
    for (size_t i = 0; i < bytes; i++) {
        seed = seed * 1664525u + 1013904223u;
        rgb[i] = (uint8_t)(seed >> 31 ? 255 : 0);
    }
    struct thumbnail thumbnail;
    assert_int_equal(thumbnail_encode(&thumbnail, rgb, THUMBNAIL_SIDE, THUMBNAIL_SIDE), CUBBY_OK);
    print_message("noise takes %u bytes\n", (unsigned)thumbnail.jpeg_bytes);
    thumbnail_free(&thumbnail);
    // Too much for a thumbnail is refused, not cut.
    uint8_t *large = malloc(1024 * 1024 * 3);
    assert_non_null(large);
    for (size_t i = 0; i < 1024 * 1024 * 3; i++)
        large[i] = rgb[i * 31 % bytes];
    assert_int_equal(thumbnail_encode(&thumbnail, large, 1024, 1024), CUBBY_TOO_LARGE);
    assert_null(thumbnail.jpeg);
    free(large);
    // libjpeg refuses sides that JPEG cannot have.
    assert_int_not_equal(thumbnail_encode(&thumbnail, rgb, 0, 10), CUBBY_OK);
    assert_null(thumbnail.jpeg);
    free(rgb);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, temporary_setup, temporary_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_shrinks_to_the_longer_side),
        IN_FOLDER(test_another_photo_than_the_one_that_was_checked),
        IN_FOLDER(test_limits),
        cmocka_unit_test(test_noise_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
