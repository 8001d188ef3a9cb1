#include "src/decode/samples.h"

// A TIFF structure with an orientation and, in its EXIF folder, the time of the photo.
static struct sample make_exif(bool little, bool header, uint32_t orientation, const char *time)
{
    struct sample exif = {0};
    sample_add(&exif, "Exif\0", header ? 6 : 0);
    // Numbers of (bytes, value), written in either order.
    const uint32_t numbers[][2] = {
        {2, little ? 0x4949 : 0x4d4d},
        {2, 42},
        {4, 8}, // the first folder is at 8
        {2, 2}, // entries
        {2, 0x0112},
        {2, 3},
        {4, 1},
        {2, orientation},
        {2, 0},
        {2, 0x8769},
        {2, 4},
        {4, 1},
        {4, 38}, // the EXIF folder is at 38
        {4, 0},
        {2, 1}, // entries
        {2, 0x9003},
        {2, 2},
        {4, 20},
        {4, 56},
        {4, 0},
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        for (uint32_t k = 0; k < numbers[i][0]; k++) {
            uint32_t shift = 8 * (little ? k : numbers[i][0] - 1 - k);
            uint8_t byte = (uint8_t)(numbers[i][1] >> shift);
            sample_add(&exif, &byte, 1);
        }
    char text[20] = {0};
    snprintf(text, sizeof(text), "%s", time);
    sample_add(&exif, text, sizeof(text));
    return exif;
}

static struct sample photo_with(const struct sample *exif, bool png)
{
    if (png)
        return sample_png(40, 35, 3, exif->bytes, exif->size_bytes);
    return sample_jpeg(&(struct sample_jpeg_params){
        .width = 40, .height = 35, .exif = exif->bytes, .exif_bytes = exif->size_bytes});
}

// Every orientation in both byte orders, in JPEG and PNG: as cubby_orient() turns the stored photo.
static void test_upright(void **state)
{
    static uint8_t stored[40 * 35 * 3], upright[40 * 35 * 3];
    for (int i = 0; i < 40; i++) {
        int orientation = i % 10;
        bool png = i >= 20;
        struct sample plain =
            png ? sample_png(40, 35, 3, NULL, 0)
                : sample_jpeg(&(struct sample_jpeg_params){.width = 40, .height = 35});
        struct sample_result result = sample_decode(*state, plain.bytes, plain.size_bytes, "");
        assert_int_equal(result.status, CUBBY_OK);
        assert_string_equal(result.image.captured, "");
        memcpy(stored, result.image.rgb, sizeof(stored));
        cubby_orient(stored, 40, 35, orientation, upright);

        struct sample exif =
            make_exif(i / 10 % 2, !png, (uint32_t)orientation, "2021:07:03 14:05:09");
        struct sample turned = photo_with(&exif, png);
        result = sample_decode(*state, turned.bytes, turned.size_bytes, "");
        assert_int_equal(result.status, CUBBY_OK);
        bool swapped = orientation >= 5 && orientation <= 8;
        assert_int_equal(result.image.width, swapped ? 35 : 40);
        assert_int_equal(result.image.height, swapped ? 40 : 35);
        assert_memory_equal(result.image.rgb, upright, sizeof(upright));
        assert_string_equal(result.image.captured, "2021-07-03 14:05:09");
        sample_free(&plain);
        sample_free(&exif);
        sample_free(&turned);
    }
}

// fastai and torchvision do not turn photos, so a model may ask for them as they are stored.
static void test_not_asked_for(void **state)
{
    struct decoder *decoder = *state;
    struct sample exif = make_exif(true, true, 6, "2021:07:03 14:05:09");
    struct sample jpeg = photo_with(&exif, false);
    struct cubby_preprocess preprocess = sample_preprocess;
    preprocess.exif_orientation = false;
    struct decode_image image;
    char reason[64];
    assert_int_equal(decode_run(decoder, jpeg.bytes, jpeg.size_bytes, NULL, &preprocess, &image,
                                reason, sizeof(reason)),
                     CUBBY_OK);
    assert_int_equal(image.width, 40);
    assert_string_equal(image.captured, "2021-07-03 14:05:09");
    sample_free(&exif);
    sample_free(&jpeg);
}

static void test_times(void **state)
{
    static const char *const senseless[] = {"0000:00:00 00:00:00", "    :  :     :  :  ", "",
                                            "2021-07-03 14:05:09", "2021:07:03T14:05:09", "2021"};
    for (size_t i = 0; i < sizeof(senseless) / sizeof(senseless[0]); i++) {
        struct sample exif = make_exif(false, true, 1, senseless[i]);
        struct sample jpeg = photo_with(&exif, false);
        struct sample_result result = sample_decode(*state, jpeg.bytes, jpeg.size_bytes, "");
        assert_int_equal(result.status, CUBBY_OK);
        assert_string_equal(result.image.captured, "");
        sample_free(&exif);
        sample_free(&jpeg);
    }
}

// A damaged EXIF block never costs the photo, and never more than the block: any byte changed, cut
// anywhere.
static void test_hostile(void **state)
{
    struct sample exif = make_exif(true, true, 3, "2021:07:03 14:05:09");
    for (size_t i = 0; i < exif.size_bytes; i++) {
        for (int k = 0; k < 4; k++) {
            static const uint8_t values[4] = {0, 0xff, 0x80, 1};
            uint8_t kept = exif.bytes[i];
            exif.bytes[i] = values[k];
            struct sample jpeg = photo_with(&exif, false);
            exif.bytes[i] = kept;
            assert_int_equal(sample_decode(*state, jpeg.bytes, jpeg.size_bytes, "").status,
                             CUBBY_OK);
            sample_free(&jpeg);
        }
        struct sample cut = {exif.bytes, i};
        struct sample jpeg = photo_with(&cut, false);
        assert_int_equal(sample_decode(*state, jpeg.bytes, jpeg.size_bytes, "").status, CUBBY_OK);
        sample_free(&jpeg);
    }
    sample_free(&exif);
}

static int setup(void **state)
{
    *state = sample_decoder(true, 0);
    return 0;
}

static int teardown(void **state)
{
    decoder_destroy((struct decoder **)state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_upright),
        cmocka_unit_test(test_not_asked_for),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
