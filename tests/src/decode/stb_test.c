#include "src/decode/samples.h"

#define WIDTH 13u
#define HEIGHT 9u

static void assert_pixels(const struct sample_result *result, uint32_t channels)
{
    if (result->status != CUBBY_OK)
        fail_msg("status %d: %s", (int)result->status, result->reason);
    assert_int_equal(result->image.width, WIDTH);
    assert_int_equal(result->image.height, HEIGHT);
    for (uint32_t i = 0; i < WIDTH * HEIGHT * 3; i++) {
        uint32_t channel = channels < 3 ? 0 : i % 3; // grey is said three times, alpha dropped
        assert_int_equal(result->image.rgb[i], sample_value(i / 3 % WIDTH, i / 3 / WIDTH, channel));
    }
}

static void add_pixels(struct sample *sample, bool bottom_up, bool blue_first, size_t row_padding)
{
    for (uint32_t y = 0; y < HEIGHT; y++) {
        for (uint32_t i = 0; i < WIDTH * 3; i++) {
            uint8_t value =
                sample_value(i / 3, bottom_up ? HEIGHT - 1 - y : y, blue_first ? 2 - i % 3 : i % 3);
            sample_add(sample, &value, 1);
        }
        sample_add(sample, "\0\0\0", row_padding);
    }
}

static struct sample make_bmp(void)
{
    static const uint8_t header[54] = {'B', 'M', 0, 0,     0, 0, 0, 0,      0, 0, 54, 0, 0, 0, 40,
                                       0,   0,   0, WIDTH, 0, 0, 0, HEIGHT, 0, 0, 0,  1, 0, 24};
    struct sample bmp = {0};
    sample_add(&bmp, header, sizeof(header));
    add_pixels(&bmp, true, true, 1);
    return bmp;
}

static struct sample make_tga(bool run_lengths)
{
    const uint8_t header[18] = {
        0, 0, run_lengths ? 10 : 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, WIDTH, 0, HEIGHT, 0, 24, 0x20};
    struct sample tga = {0}, pixels = {0};
    sample_add(&tga, header, sizeof(header));
    add_pixels(&pixels, false, true, 0);
    for (size_t i = 0; i < pixels.size_bytes; i += WIDTH * 3) {
        const uint8_t packet = WIDTH - 1; // that many and one pixels, as they are
        if (run_lengths)
            sample_add(&tga, &packet, 1);
        sample_add(&tga, pixels.bytes + i, WIDTH * 3);
    }
    sample_free(&pixels);
    return tga;
}

static struct sample make_pnm(void)
{
    char header[32];
    snprintf(header, sizeof(header), "P6\n# made\n%u %u\n255\n", WIDTH, HEIGHT);
    struct sample pnm = {0};
    sample_add(&pnm, header, strlen(header));
    add_pixels(&pnm, false, false, 0);
    return pnm;
}

static struct sample make_psd(void)
{
    static const uint8_t header[40] = {'8', 'B', 'P', 'S', 0,      1, 0, 0, 0,     0, 0, 0, 0,
                                       3,   0,   0,   0,   HEIGHT, 0, 0, 0, WIDTH, 0, 8, 0, 3};
    struct sample psd = {0};
    sample_add(&psd, header, sizeof(header)); // three empty sections, then "not compressed"
    for (uint32_t c = 0; c < 3; c++)
        for (uint32_t i = 0; i < WIDTH * HEIGHT; i++) {
            uint8_t value = sample_value(i % WIDTH, i / WIDTH, c);
            sample_add(&psd, &value, 1);
        }
    return psd;
}

// 2 x 2 pixels of colours 0, 1, 2, 3 in LZW codes of 3 bits: clear (4), 0, 1, 2, then of 4 bits 3,
// end (5).
static const uint8_t gif[] = {'G',  'I', 'F',  '8',  '9',  'a', 2,   0,  2,  0,  0x91, 0,
                              0, // 4 colours
                              10,   11,  12,   20,   21,   22,  30,  31, 32, 40, 41,   42, //
                              0x2c, 0,   0,    0,    0,    2,   0,   2,  0,  0, // one frame
                              2,    3,   0x44, 0x34, 0x05, 0,   0x3b};

static void test_png(void **state)
{
    for (uint32_t channels = 1; channels <= 4; channels++) {
        struct sample png = sample_png(WIDTH, HEIGHT, channels, NULL, 0);
        struct sample_result result = sample_decode(*state, png.bytes, png.size_bytes, "");
        assert_pixels(&result, channels);
        sample_free(&png);
    }
}

static void test_other_kinds(void **state)
{
    struct sample samples[] = {make_bmp(), make_tga(false), make_tga(true), make_pnm(), make_psd()};
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct sample_result result =
            sample_decode(*state, samples[i].bytes, samples[i].size_bytes, "photo.TGA");
        assert_pixels(&result, 3);
        // Every cut loses pixels, so none may succeed; BMP's last byte only fills up the row.
        for (size_t cut = 0; cut < samples[i].size_bytes - (i == 0); cut++)
            assert_int_not_equal(sample_decode(*state, samples[i].bytes, cut, "photo.tga").status,
                                 CUBBY_OK);
        sample_free(&samples[i]);
    }
    // A TGA file has no signature: without its name it is nothing.
    struct sample tga = make_tga(false);
    assert_fails(*state, tga.bytes, tga.size_bytes, "photo.jpg", CUBBY_BAD_DATA, "not an image");
    sample_free(&tga);
}

static void test_gif(void **state)
{
    struct sample_result result = sample_decode(*state, gif, sizeof(gif), "a.gif");
    assert_int_equal(result.status, CUBBY_OK);
    assert_int_equal(result.image.width, 2);
    for (int i = 0; i < 4; i++)
        assert_int_equal(result.image.rgb[3 * i + 1], 10 * (i + 1) + 1);
    for (size_t cut = 0; cut < sizeof(gif) - 2; cut++) // the last two end the frame and the file
        assert_int_not_equal(sample_decode(*state, gif, cut, "a.gif").status, CUBBY_OK);
}

static void test_png_truncation(void **state)
{
    struct sample png = sample_png(150, 100, 3, NULL, 0);
    for (size_t part = 0; part < 50; part++) {
        size_t cut = png.size_bytes * part / 50;
        struct sample_result result = sample_decode(*state, png.bytes, cut, "a.png");
        assert_int_equal(result.status, CUBBY_BAD_DATA);
        if (cut >= 8)
            assert_non_null(strstr(result.reason, "cut short: the file ends after"));
    }
    for (size_t missing = 1; missing <= 12; missing++)
        assert_int_equal(sample_decode(*state, png.bytes, png.size_bytes - missing, "").status,
                         CUBBY_BAD_DATA);
    assert_int_equal(sample_decode(*state, png.bytes, png.size_bytes, "").status, CUBBY_OK);
    sample_free(&png);
}

static void test_hostile_png(void **state)
{
    static const struct {
        uint32_t width, height;
        enum cubby_status status;
        const char *reason;
    } cases[] = {
        {0, 5, CUBBY_BAD_DATA, ""},
        {5, 0, CUBBY_BAD_DATA, ""},
        {1000000, 1000, CUBBY_TOO_LARGE, "1000 megapixels, the limit is 512 (--max-pixels)"},
        {0x7fffffff, 0x7fffffff, CUBBY_TOO_LARGE, ""},
        {0xffffffff, 0xffffffff, CUBBY_TOO_LARGE, ""},
        {20000, 20000, CUBBY_TOO_LARGE, ""}, // over stb_image's 1 GB
        {2000, 2000, CUBBY_BAD_DATA, "not enough pixels"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sample png = {0};
        sample_add_png_header(&png, cases[i].width, cases[i].height, 8, 2);
        sample_add_png_pixels(&png, (const uint8_t *)"\0\1\2\3", 4);
        sample_add_chunk(&png, "IEND", NULL, 0);
        assert_fails(*state, png.bytes, png.size_bytes, "", cases[i].status, cases[i].reason);
        sample_free(&png);
    }

    // A chunk that says it holds 2 GB.
    struct sample png = {0};
    sample_add_png_header(&png, 5, 5, 8, 2);
    sample_add(&png, "\x7f\xff\xff\xffIDAT", 8);
    assert_int_not_equal(sample_decode(*state, png.bytes, png.size_bytes, "").status, CUBBY_OK);
    sample_free(&png);

    // One pixel that unpacks to 3 MB: a bomb on a small scale.
    sample_add_png_header(&png, 1, 1, 8, 2);
    uint8_t *zeros = calloc(1, 3000000);
    assert_non_null(zeros);
    sample_add_png_pixels(&png, zeros, 3000000);
    sample_add_chunk(&png, "IEND", NULL, 0);
    struct sample_result result = sample_decode(*state, png.bytes, png.size_bytes, "");
    assert_int_equal(result.status, CUBBY_OK); // stored, so no larger than the file
    free(zeros);
    sample_free(&png);
}

// 1 x 1 pixels whose deflate stream is one byte repeated four million times in about 4 KB.
static void test_zlib_bomb(void **state)
{
    // Fixed codes: literal 0 is 00110000, then length 258 (11000101) at distance 1 (00000), many
    // times. Bits go into bytes from the least significant.
    struct sample stream = {0};
    uint32_t buffer = 0, held = 0;
    sample_add(&stream, "\x78\x01", 2);
    const char *head = "110"
                       "00110000",
               *repeat = "11000101"
                         "00000";
    for (int i = -1; i < 16000; i++)
        for (const char *bit = i < 0 ? head : repeat; *bit; bit++) {
            buffer |= (uint32_t)(*bit == '1') << held++;
            if (held == 8) {
                uint8_t byte = (uint8_t)buffer;
                sample_add(&stream, &byte, 1);
                buffer = held = 0;
            }
        }
    struct sample png = {0};
    sample_add_png_header(&png, 1, 1, 8, 2);
    sample_add_chunk(&png, "IDAT", stream.bytes, stream.size_bytes);
    sample_add_chunk(&png, "IEND", NULL, 0);
    assert_fails(*state, png.bytes, png.size_bytes, "", CUBBY_BAD_DATA,
                 "unpacks to more than its pixels need");
    sample_free(&png);
    sample_free(&stream);
}

static void test_hostile_pnm(void **state)
{
    static const char *const files[] = {"P6\n99999999999 1\n255\n",
                                        "P6 1 1 99999999",
                                        "P6 0 0 255 ",
                                        "P5 644444444444 2 2",
                                        "P6 -5 5 255 aaa",
                                        "P6 1000000 1000000 255\n",
                                        "P6\n#",
                                        "P6\n1",
                                        "P5 4 4 256\n0123456789abcdef0123456789abcdef"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        assert_int_not_equal(
            sample_decode(*state, (const uint8_t *)files[i], strlen(files[i]), "").status,
            CUBBY_OK);
}

static void test_changed_bytes(void **state)
{
    struct sample samples[] = {make_bmp(), make_tga(true), make_pnm(), make_psd(),
                               sample_png(9, 7, 4, NULL, 0)};
    struct decoder *decoder = sample_decoder(false, 100000);
    (void)state;
    for (size_t s = 0; s < sizeof(samples) / sizeof(samples[0]); s++) {
        for (size_t i = 0; i < samples[s].size_bytes && i < 200; i++) {
            uint8_t kept = samples[s].bytes[i];
            for (int value = 0; value < 256; value += 5) {
                samples[s].bytes[i] = (uint8_t)value;
                sample_decode(decoder, samples[s].bytes, samples[s].size_bytes, "a.tga");
            }
            samples[s].bytes[i] = kept;
        }
        sample_free(&samples[s]);
    }
    decoder_destroy(&decoder);
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
        cmocka_unit_test(test_png),         cmocka_unit_test(test_other_kinds),
        cmocka_unit_test(test_gif),         cmocka_unit_test(test_png_truncation),
        cmocka_unit_test(test_hostile_png), cmocka_unit_test(test_zlib_bomb),
        cmocka_unit_test(test_hostile_pnm), cmocka_unit_test(test_changed_bytes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
