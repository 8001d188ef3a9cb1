#include "src/decode/samples.h"

static void test_sniff(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size_bytes;
        enum decode_kind kind;
    } cases[] = {
        {"\xff\xd8\xff\xe0", 4, DECODE_JPEG},
        {"\xff\xd8", 2, DECODE_UNKNOWN},
        {"\x89PNG\r\n\x1a\n", 8, DECODE_PNG},
        {"\x89PNG\n\x1a\n", 7, DECODE_UNKNOWN},
        {"GIF89a", 6, DECODE_GIF},
        {"8BPS\0\1", 6, DECODE_PSD},
        {"P6\n1 1\n", 7, DECODE_PNM},
        {"P64", 3, DECODE_UNKNOWN},
        {"RIFF\0\0\0\0WEBPVP8 ", 16, DECODE_WEBP},
        {"RIFF\0\0\0\0AVI LIST", 16, DECODE_UNKNOWN},
        {"\0\0\0\x18"
         "ftypheic\0\0",
         14, DECODE_HEIF},
        {"\0\0\0\x18"
         "ftypavif\0\0",
         14, DECODE_HEIF},
        {"\0\0\0\x18"
         "ftypisom\0\0",
         14, DECODE_UNKNOWN},
        {"II*\0\x08\0", 6, DECODE_TIFF},
        {"MM\0*\0\0", 6, DECODE_TIFF},
        {"BM, a text that begins like a bitmap", 36, DECODE_UNKNOWN},
        {"", 0, DECODE_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(decode_sniff((const uint8_t *)cases[i].bytes, cases[i].size_bytes),
                         cases[i].kind);
    assert_string_equal(decode_kind_text(DECODE_JPEG), "JPEG");
    assert_string_equal(decode_kind_text(DECODE_HEIF), "HEIF");
}

static void test_names(void **state)
{
    (void)state;
    static const char *const photos[] = {"a.jpg",  "A.JPG", "x.y.JpEg", "b.png",
                                         "c.HEIC", "d.nef", ".jpg",     "dir.d/e.tiff"};
    static const char *const others[] = {"a",     "",   "jpg",   "a.jpgx",
                                         "a.txt", "a.", "a.mp4", "a.jpg.part"};
    for (size_t i = 0; i < sizeof(photos) / sizeof(photos[0]); i++)
        assert_true(decode_name_is_photo(photos[i]));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(decode_name_is_photo(others[i]));
}

static void test_not_photos(void **state)
{
    struct decoder *decoder = *state;
    static const char video[] = "\0\0\0\x18"
                                "ftypisom\0\0\2\0";
    static const uint8_t zeros[300];
    assert_fails(decoder, "", 0, "a.jpg", CUBBY_BAD_DATA, "empty file");
    assert_fails(decoder, "hello, world\n", 13, "a.jpg", CUBBY_BAD_DATA, "it holds text");
    assert_fails(decoder, "<!DOCTYPE html>", 15, "a.jpg", CUBBY_BAD_DATA, "web page");
    assert_fails(decoder, "%PDF-1.7\n", 9, "a.jpg", CUBBY_UNSUPPORTED, "PDF");
    assert_fails(decoder, video, sizeof(video), "a.jpg", CUBBY_UNSUPPORTED, "video");
    assert_fails(decoder, zeros, sizeof(zeros), "a.jpg", CUBBY_BAD_DATA, "zeros");
    assert_fails(decoder, "\x01\x02\x03\x04", 4, "a.jpg", CUBBY_BAD_DATA, "not an image");
    assert_fails(decoder, "RIFF\0\0\0\0WEBPVP8 ", 16, "a", CUBBY_UNSUPPORTED, "WebP");
    assert_fails(decoder,
                 "\0\0\0\x18"
                 "ftypheic\0\0",
                 14, "a", CUBBY_UNSUPPORTED, "HEIF");
    assert_fails(decoder, "II*\0\x08\0\0\0", 8, "a.nef", CUBBY_UNSUPPORTED, "TIFF");
}

// The name does not matter: a PNG called .jpg and a JPEG called .png are read as what they are.
static void test_wrong_names(void **state)
{
    struct decoder *decoder = *state;
    struct sample png = sample_png(40, 33, 3, NULL, 0);
    struct sample_result result = sample_decode(decoder, png.bytes, png.size_bytes, "a.jpg");
    assert_int_equal(result.status, CUBBY_OK);
    assert_int_equal(result.image.width, 40);
    struct sample jpeg = sample_jpeg(&(struct sample_jpeg_params){.width = 40, .height = 33});
    result = sample_decode(decoder, jpeg.bytes, jpeg.size_bytes, "a.png");
    assert_int_equal(result.status, CUBBY_OK);
    assert_int_equal(result.image.height, 33);
    sample_free(&png);
    sample_free(&jpeg);
}

// A photo over the limit of pixels is refused, the next one is read; one of 75 MB of pixels leaves
// nothing behind that a small one after it would trip over.
static void test_limits_and_reuse(void **state)
{
    (void)state;
    struct decoder *decoder = sample_decoder(false, 1000);
    struct sample large = sample_jpeg(&(struct sample_jpeg_params){.width = 40, .height = 33});
    struct sample small = sample_jpeg(&(struct sample_jpeg_params){.width = 40, .height = 25});
    assert_fails(decoder, large.bytes, large.size_bytes, "a.jpg", CUBBY_TOO_LARGE,
                 "1320 pixels, the limit is 1000 (--max-pixels)");
    assert_int_equal(sample_decode(decoder, small.bytes, small.size_bytes, "").status, CUBBY_OK);
    struct sample png = sample_png(40, 26, 4, NULL, 0);
    assert_fails(decoder, png.bytes, png.size_bytes, "a.png", CUBBY_TOO_LARGE, "1040 pixels");
    decoder_destroy(&decoder);

    decoder = sample_decoder(true, 0);
    struct sample huge =
        sample_jpeg(&(struct sample_jpeg_params){.width = 5000, .height = 5000, .channels = 1});
    for (int i = 0; i < 2; i++) {
        struct sample_result result = sample_decode(decoder, huge.bytes, huge.size_bytes, "");
        assert_int_equal(result.status, CUBBY_OK);
        assert_int_equal(result.image.width, 5000);
        result = sample_decode(decoder, small.bytes, small.size_bytes, "");
        assert_int_equal(result.status, CUBBY_OK);
        assert_int_equal(result.image.width, 40);
    }
    decoder_destroy(&decoder);
    sample_free(&large);
    sample_free(&small);
    sample_free(&png);
    sample_free(&huge);
}

static int setup(void **state)
{
    *state = sample_decoder(false, 0);
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
        cmocka_unit_test(test_sniff),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_not_photos),
        cmocka_unit_test(test_wrong_names),
        cmocka_unit_test(test_limits_and_reuse),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
