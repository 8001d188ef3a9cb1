#include "src/decode/samples.h"

// What the photo must look like: near the values that it was made of.
static void assert_looks_right(const struct decode_image *image)
{
    uint64_t difference = 0;
    for (uint32_t y = 0; y < image->height; y++)
        for (uint32_t x = 0; x < image->width; x++)
            for (uint32_t c = 0; c < 3; c++) {
                int got = image->rgb[((size_t)y * image->width + x) * 3 + c];
                difference += (uint64_t)abs(got - sample_value(x, y, c));
            }
    assert_true(difference / ((uint64_t)image->width * image->height * 3) < 16);
}

static void test_kinds(void **state)
{
    struct decoder *decoder = *state;
    for (int i = 0; i < 16; i++) {
        struct sample_jpeg_params params = {.width = 50,
                                            .height = 41,
                                            .sampling = 1 + i % 2,
                                            .progressive = i & 2,
                                            .restart_rows = i & 4 ? 1 : 0,
                                            .arithmetic = i & 8};
        struct sample jpeg = sample_jpeg(&params);
        struct sample_result result = sample_decode(decoder, jpeg.bytes, jpeg.size_bytes, "");
        assert_int_equal(result.status, CUBBY_OK);
        assert_int_equal(result.image.width, 50);
        assert_int_equal(result.image.height, 41);
        if (params.sampling == 1)
            assert_looks_right(&result.image);
        sample_free(&jpeg);
    }
    for (int channels = 1; channels <= 4; channels += 3) {
        struct sample jpeg = sample_jpeg(
            &(struct sample_jpeg_params){.width = 50, .height = 41, .channels = channels});
        struct sample_result result = sample_decode(decoder, jpeg.bytes, jpeg.size_bytes, "");
        assert_int_equal(result.status, CUBBY_OK);
        const uint8_t *pixel = result.image.rgb + 200 * 3;
        if (channels == 1)
            assert_true(pixel[0] == pixel[1] && pixel[1] == pixel[2]);
        sample_free(&jpeg);
    }
}

// The smallest of 1/8, 1/4, 1/2 and 1 that still covers 32 pixels on the shorter side.
static void test_scale(void **state)
{
    (void)state;
    static const uint32_t cases[][4] = {{400, 300, 50, 38}, {256, 256, 32, 32}, {255, 300, 32, 38},
                                        {248, 300, 62, 75}, {128, 200, 32, 50}, {100, 90, 50, 45},
                                        {40, 400, 40, 400}, {20, 31, 20, 31},   {1, 1, 1, 1}};
    struct decoder *scaled = sample_decoder(false, 0), *exact = sample_decoder(true, 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sample jpeg =
            sample_jpeg(&(struct sample_jpeg_params){.width = cases[i][0], .height = cases[i][1]});
        struct sample_result result = sample_decode(scaled, jpeg.bytes, jpeg.size_bytes, "");
        assert_int_equal(result.status, CUBBY_OK);
        assert_int_equal(result.image.width, cases[i][2]);
        assert_int_equal(result.image.height, cases[i][3]);
        result = sample_decode(exact, jpeg.bytes, jpeg.size_bytes, "");
        assert_int_equal(result.image.width, cases[i][0]);
        assert_int_equal(result.image.height, cases[i][1]);
        sample_free(&jpeg);
    }
    decoder_destroy(&scaled);
    decoder_destroy(&exact);
}

// What each rule needs: both sides of a part, or one side of what is padded; resampling afterwards
// does not make it less, and photos that lie on their side are measured upright.
static void test_scale_of_rules(void **state)
{
    (void)state;
    static const struct {
        enum cubby_resize_rule rule;
        uint32_t width, height, scaled_width, scaled_height;
    } cases[] = {
        {CUBBY_RESIZE_CROP, 512, 192, 512 / 4, 192 / 4},
        {CUBBY_RESIZE_CROP, 512, 128, 512 / 2, 128 / 2},
        {CUBBY_RESIZE_SQUISH, 512, 128, 512 / 2, 128 / 2},
        {CUBBY_RESIZE_PAD, 512, 128, 512 / 8, 128 / 8},
        {CUBBY_RESIZE_PAD, 512, 304, 512 / 8, 304 / 8},
        // 63 pixels cannot be in the middle of 64; 75 not of 78; 102 leave an odd rest of 125.
        {CUBBY_RESIZE_PAD, 504, 320, 504 / 4, 320 / 4},
        {CUBBY_RESIZE_PAD, 500, 300, 500 / 2, 300 / 2},
        {CUBBY_RESIZE_CROP, 500, 256, 500 / 2, 256 / 2},
        {CUBBY_RESIZE_PAD, 63, 39, 63, 39},
    };
    struct decoder *scaled = sample_decoder(false, 0), *exact = sample_decoder(true, 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cubby_preprocess preprocess = {.rule = cases[i].rule,
                                              .resize_width = 64,
                                              .resize_height = 40,
                                              .crop_width = 64,
                                              .crop_height = 40,
                                              .resamples = {{.width = 8, .height = 8}},
                                              .resample_count = i % 2};
        struct sample jpeg = sample_jpeg(
            &(struct sample_jpeg_params){.width = cases[i].width, .height = cases[i].height});
        char reason[256];
        struct decode_image image;
        assert_int_equal(decode_run(scaled, jpeg.bytes, jpeg.size_bytes, "", &preprocess, &image,
                                    reason, sizeof(reason)),
                         CUBBY_OK);
        assert_int_equal(image.width, cases[i].scaled_width);
        assert_int_equal(image.height, cases[i].scaled_height);
        assert_int_equal(decode_run(exact, jpeg.bytes, jpeg.size_bytes, "", &preprocess, &image,
                                    reason, sizeof(reason)),
                         CUBBY_OK);
        assert_int_equal(image.width, cases[i].width);
        assert_int_equal(image.height, cases[i].height);
        sample_free(&jpeg);
    }
    decoder_destroy(&scaled);
    decoder_destroy(&exact);
}

// A file that ends anywhere before its end marker never gives a picture, and says so.
static void test_truncation(void **state)
{
    struct decoder *decoder = *state;
    for (int kind = 0; kind < 12; kind++) {
        struct sample_jpeg_params params = {.width = kind & 4 ? 301 : 47,
                                            .height = 90,
                                            .progressive = kind & 1,
                                            .restart_rows = kind & 2,
                                            .channels = kind >= 8 ? (kind & 1 ? 1 : 4) : 3};
        struct sample jpeg = sample_jpeg(&params);
        for (size_t part = 0; part < 50; part++) {
            size_t cut = jpeg.size_bytes * part / 50;
            struct sample_result result = sample_decode(decoder, jpeg.bytes, cut, "a.jpg");
            assert_int_equal(result.status, CUBBY_BAD_DATA);
            if (cut >= 3)
                assert_non_null(strstr(result.reason, "cut short: the file ends after"));
        }
        for (size_t missing = 1; missing < 40; missing++)
            assert_int_equal(
                sample_decode(decoder, jpeg.bytes, jpeg.size_bytes - missing, "").status,
                CUBBY_BAD_DATA);
        assert_int_equal(sample_decode(decoder, jpeg.bytes, jpeg.size_bytes, "").status, CUBBY_OK);
        sample_free(&jpeg);
    }
}

// Cut in the middle of its pixels, but with the end marker there: what a careless repair tool
// leaves. libjpeg would fill the rest with grey.
static void test_end_marker_too_early(void **state)
{
    struct decoder *decoder = *state;
    for (int restart = 0; restart < 2; restart++) {
        struct sample jpeg = sample_jpeg(
            &(struct sample_jpeg_params){.width = 200, .height = 160, .restart_rows = restart});
        for (size_t tenth = 5; tenth < 10; tenth++) {
            struct sample cut = {0};
            sample_add(&cut, jpeg.bytes, jpeg.size_bytes * tenth / 10);
            sample_add(&cut, "\xff\xd9", 2);
            assert_fails(decoder, cut.bytes, cut.size_bytes, "", CUBBY_BAD_DATA, "damaged JPEG");
            sample_free(&cut);
        }
        sample_free(&jpeg);
    }
}

static void test_harmless_oddities(void **state)
{
    struct decoder *decoder = *state;
    struct sample jpeg = sample_jpeg(&(struct sample_jpeg_params){.width = 60, .height = 60});
    // Bytes after the end marker, as phones append videos to photos.
    struct sample odd = {0};
    sample_add(&odd, jpeg.bytes, jpeg.size_bytes);
    sample_add(&odd,
               "\0\0\0\x18"
               "ftypmp42 and so on",
               22);
    assert_int_equal(sample_decode(decoder, odd.bytes, odd.size_bytes, "").status, CUBBY_OK);
    sample_free(&odd);
    // Bytes before a marker.
    sample_add(&odd, jpeg.bytes, 20);
    sample_add(&odd, "\1\2\3", 3);
    sample_add(&odd, jpeg.bytes + 20, jpeg.size_bytes - 20);
    assert_int_equal(sample_decode(decoder, odd.bytes, odd.size_bytes, "").status, CUBBY_OK);
    sample_free(&odd);
    sample_free(&jpeg);
}

static size_t find_marker(const struct sample *jpeg, uint8_t marker)
{
    for (size_t i = 0; i + 1 < jpeg->size_bytes; i++)
        if (jpeg->bytes[i] == 0xff && jpeg->bytes[i + 1] == marker)
            return i;
    fail_msg("the sample has no marker %02x", marker);
    return 0;
}

// 16 x 16 pixels of grey whose blocks are all alike, so that the frame header may call them one
// unit of 12 blocks: more than the standard's 10, which libjpeg keeps to and stb_image does not.
static struct sample make_large_units(void)
{
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    info.err = jpeg_std_error(&errors);
    jpeg_create_compress(&info);
    unsigned char *bytes = NULL;
    unsigned long size_bytes = 0;
    jpeg_mem_dest(&info, &bytes, &size_bytes);
    info.image_width = info.image_height = 16;
    info.input_components = 3;
    info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info);
    for (int i = 0; i < 3; i++) {
        info.comp_info[i].h_samp_factor = info.comp_info[i].v_samp_factor = 1;
        info.comp_info[i].dc_tbl_no = info.comp_info[i].ac_tbl_no = 0;
    }
    jpeg_start_compress(&info, TRUE);
    uint8_t row[48], *rows = row;
    memset(row, 128, sizeof(row));
    while (info.next_scanline < 16)
        jpeg_write_scanlines(&info, &rows, 1);
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);

    struct sample jpeg = {bytes, size_bytes};
    uint8_t *frame = jpeg.bytes + find_marker(&jpeg, 0xc0);
    for (int i = 0; i < 3; i++)
        frame[11 + 3 * i] = 0x22;
    return jpeg;
}

static void test_second_try(void **state)
{
    struct decoder *decoder = *state;
    struct sample jpeg = make_large_units();
    struct sample_result result = sample_decode(decoder, jpeg.bytes, jpeg.size_bytes, "");
    assert_int_equal(result.status, CUBBY_OK);
    assert_int_equal(result.image.width, 16);
    for (int i = 0; i < 16 * 16 * 3; i++)
        assert_int_equal(result.image.rgb[i], 128);
    // Cut short it stays refused, and so it does with code tables that overrun stb_image's.
    for (size_t cut = 3; cut < jpeg.size_bytes; cut++)
        assert_int_not_equal(sample_decode(decoder, jpeg.bytes, cut, "").status, CUBBY_OK);
    struct sample hostile = {0};
    sample_add(&hostile, jpeg.bytes, jpeg.size_bytes - 2);
    sample_add(&hostile, "\xff\xc4\x01\x13\0", 5);
    for (int i = 0; i < 17; i++)
        sample_add(&hostile, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
                   16);
    sample_add(&hostile, "\xff\xd9", 2);
    assert_fails(decoder, hostile.bytes, hostile.size_bytes, "", CUBBY_UNSUPPORTED, "rare kind");
    sample_free(&hostile);
    sample_free(&jpeg);
}

// Without its quantisation table a JPEG has no picture; stb_image would make one, and so would a
// libjpeg handle that still has the tables of the photo before.
static void test_missing_table(void **state)
{
    struct decoder *decoder = *state;
    struct sample jpeg = sample_jpeg(&(struct sample_jpeg_params){.width = 60, .height = 60});
    assert_int_equal(sample_decode(decoder, jpeg.bytes, jpeg.size_bytes, "").status, CUBBY_OK);
    size_t table = find_marker(&jpeg, 0xdb);
    jpeg.bytes[table + 1] = 0xec; // an application segment
    assert_fails(decoder, jpeg.bytes, jpeg.size_bytes, "", CUBBY_BAD_DATA, "damaged JPEG");
    sample_free(&jpeg);
}

static void test_hostile_headers(void **state)
{
    struct decoder *decoder = *state;
    struct sample jpeg = sample_jpeg(&(struct sample_jpeg_params){.width = 60, .height = 60});
    uint8_t *frame = jpeg.bytes + find_marker(&jpeg, 0xc0);
    memcpy(frame + 5, "\xff\x00\xff\x00", 4); // 65280 x 65280
    assert_fails(decoder, jpeg.bytes, jpeg.size_bytes, "", CUBBY_TOO_LARGE,
                 "megapixels, the limit is 512 (--max-pixels)");
    memcpy(frame + 5, "\xff\xff\xff\xff", 4); // over what libjpeg allows
    assert_fails(decoder, jpeg.bytes, jpeg.size_bytes, "", CUBBY_BAD_DATA, "damaged JPEG");
    memcpy(frame + 5, "\0\0\0\x3c", 4);
    assert_fails(decoder, jpeg.bytes, jpeg.size_bytes, "", CUBBY_BAD_DATA, "damaged JPEG");
    memcpy(frame + 5, "\0\x3c\0\0", 4);
    assert_fails(decoder, jpeg.bytes, jpeg.size_bytes, "", CUBBY_BAD_DATA, "damaged JPEG");
    // A promise of far more rows than there are.
    memcpy(frame + 5, "\x40\0\0\x3c", 4);
    assert_fails(decoder, jpeg.bytes, jpeg.size_bytes, "", CUBBY_BAD_DATA, "");
    memcpy(frame + 5, "\0\x3c\0\x3c", 4);
    assert_int_equal(sample_decode(decoder, jpeg.bytes, jpeg.size_bytes, "").status, CUBBY_OK);
    // A code table with more codes than there are bytes, which overruns stb_image's arrays.
    memset(jpeg.bytes + find_marker(&jpeg, 0xc4) + 5, 0xff, 16);
    assert_fails(decoder, jpeg.bytes, jpeg.size_bytes, "", CUBBY_BAD_DATA, "damaged JPEG");
    sample_free(&jpeg);
}

// A progressive file whose first scan is said again hundreds of times.
static void test_scan_bomb(void **state)
{
    struct decoder *decoder = *state;
    struct sample jpeg = sample_jpeg(&(struct sample_jpeg_params){
        .width = 64, .height = 64, .progressive = true, .channels = 1});
    size_t scan = find_marker(&jpeg, 0xda), end = scan + 2;
    while (jpeg.bytes[end] != 0xff || jpeg.bytes[end + 1] == 0)
        end++;
    static const int repeats[] = {100, 600};
    for (int k = 0; k < 2; k++) {
        struct sample bomb = {0};
        sample_add(&bomb, jpeg.bytes, scan);
        for (int i = 0; i < repeats[k]; i++)
            sample_add(&bomb, jpeg.bytes + scan, end - scan);
        sample_add(&bomb, jpeg.bytes + end, jpeg.size_bytes - end);
        if (k == 0)
            assert_int_equal(sample_decode(decoder, bomb.bytes, bomb.size_bytes, "").status,
                             CUBBY_OK);
        else
            assert_fails(decoder, bomb.bytes, bomb.size_bytes, "", CUBBY_TOO_LARGE, "scans");
        sample_free(&bomb);
    }
    sample_free(&jpeg);
}

// Any byte changed: no crash, and a reason where there is no picture (sample_decode checks it).
static void test_changed_bytes(void **state)
{
    struct decoder *decoder = sample_decoder(false, 100000);
    (void)state;
    for (int progressive = 0; progressive < 2; progressive++) {
        struct sample jpeg = sample_jpeg(
            &(struct sample_jpeg_params){.width = 40, .height = 35, .progressive = progressive});
        for (size_t i = 2; i < jpeg.size_bytes; i++) {
            uint8_t kept = jpeg.bytes[i];
            for (int k = 0; k < 3; k++) {
                jpeg.bytes[i] = (uint8_t)(k == 0 ? 0xff : k == 1 ? 0 : kept ^ 0x41);
                sample_decode(decoder, jpeg.bytes, jpeg.size_bytes, "");
            }
            jpeg.bytes[i] = kept;
        }
        assert_int_equal(sample_decode(decoder, jpeg.bytes, jpeg.size_bytes, "").status, CUBBY_OK);
        sample_free(&jpeg);
    }
    decoder_destroy(&decoder);
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
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_scale),
        cmocka_unit_test(test_scale_of_rules),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_end_marker_too_early),
        cmocka_unit_test(test_harmless_oddities),
        cmocka_unit_test(test_second_try),
        cmocka_unit_test(test_missing_table),
        cmocka_unit_test(test_hostile_headers),
        cmocka_unit_test(test_scan_bomb),
        cmocka_unit_test(test_changed_bytes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
