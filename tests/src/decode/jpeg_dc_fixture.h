// cubby's own JPEG decoder beside libjpeg-turbo, and photos of many kinds to compare them on.
#ifndef TESTS_SRC_DECODE_JPEG_DC_FIXTURE_H
#define TESTS_SRC_DECODE_JPEG_DC_FIXTURE_H

#include "src/decode/samples.h"

#include "decode/jpeg_dc.h"

#define MOST_SCANS 500 // as jpeg.c has it for small photos

// Any photo is decoded at 1/8 for this.
static const struct cubby_preprocess smallest = {.rule = CUBBY_RESIZE_SQUISH,
                                                 .resize_width = 1,
                                                 .resize_height = 1,
                                                 .crop_width = 1,
                                                 .crop_height = 1};

struct fixture {
    struct decoder *both, *libjpeg; // owned
    struct jpeg_dc *dc;             // owned
    uint32_t seed;
};

static inline uint32_t next_random(struct fixture *fixture, uint32_t below)
{
    fixture->seed = fixture->seed * 1664525u + 1013904223u;
    return (fixture->seed >> 8) % below;
}

static inline void stop(j_common_ptr info)
{
    longjmp(*(jmp_buf *)info->client_data, 1);
}

static inline void say_nothing(j_common_ptr info, int level)
{
    (void)info;
    (void)level;
}

// Whether our decoder takes the file by itself.
static inline bool takes(struct fixture *fixture, const struct sample *jpeg)
{
    jmp_buf recover;
    struct jpeg_error_mgr errors;
    struct jpeg_decompress_struct info = {.err = jpeg_std_error(&errors), .client_data = &recover};
    errors.error_exit = stop;
    errors.emit_message = say_nothing;
    volatile bool taken = false;
    uint8_t *volatile rgb = NULL;
    if (setjmp(recover) == 0) {
        jpeg_create_decompress(&info);
        jpeg_mem_src(&info, jpeg->bytes, (unsigned long)jpeg->size_bytes);
        jpeg_read_header(&info, TRUE);
        uint64_t memory_bytes;
        rgb = malloc((size_t)(info.image_width + 7) / 8 * ((info.image_height + 7) / 8) * 3);
        assert_non_null(rgb);
        taken = jpeg_dc_prepare(fixture->dc, &info, MOST_SCANS, &memory_bytes) &&
                jpeg_dc_run(fixture->dc, &info, rgb);
    }
    jpeg_destroy_decompress(&info);
    free(rgb);
    return taken;
}

struct outcome {
    enum cubby_status status;
    struct decode_image image;
    char reason[256];
};

static inline struct outcome decode(struct decoder *decoder, const struct sample *jpeg)
{
    struct outcome outcome;
    uint8_t *copy = malloc(jpeg->size_bytes + 1);
    assert_non_null(copy);
    // Up to the end of its block: see sample_decode().
    uint8_t *bytes = copy + 1;
    memcpy(bytes, jpeg->bytes, jpeg->size_bytes);
    outcome.status = decode_run(decoder, bytes, jpeg->size_bytes, "", &smallest, &outcome.image,
                                outcome.reason, sizeof(outcome.reason));
    free(copy);
    return outcome;
}

// The same verdict, words and pixels with our decoder as without.
static inline void assert_same(struct fixture *fixture, const struct sample *jpeg, const char *what)
{
    struct outcome want = decode(fixture->libjpeg, jpeg), got = decode(fixture->both, jpeg);
    if (want.status != got.status || strcmp(want.reason, got.reason) != 0)
        fail_msg("%s, seed %u: \"%s\" instead of \"%s\"", what, fixture->seed, got.reason,
                 want.reason);
    if (want.status)
        return;
    assert_int_equal(want.image.width, got.image.width);
    assert_int_equal(want.image.height, got.image.height);
    size_t count = (size_t)want.image.width * want.image.height * 3;
    for (size_t i = 0; i < count; i++)
        if (want.image.rgb[i] != got.image.rgb[i])
            fail_msg("%s, seed %u: byte %zu of %zu is %d instead of %d", what, fixture->seed, i,
                     count, got.image.rgb[i], want.image.rgb[i]);
}

static inline void check(struct fixture *fixture, const struct sample_jpeg_params *params,
                         bool taken)
{
    char what[128];
    snprintf(what, sizeof(what), "%u x %u, %d channels, space %d, %d x %d, quality %d",
             params->width, params->height, params->channels, (int)params->space, params->across,
             params->down, params->quality);
    struct sample jpeg = sample_jpeg(params);
    assert_same(fixture, &jpeg, what);
    if (takes(fixture, &jpeg) != taken)
        fail_msg("%s: %s", what, taken ? "not taken" : "taken");
    sample_free(&jpeg);
}

static const struct {
    int channels, across, down;
    J_COLOR_SPACE space;
} kinds[] = {
    {3, 2, 2, JCS_YCbCr},     {3, 2, 1, JCS_YCbCr}, {3, 1, 2, JCS_YCbCr}, {3, 1, 1, JCS_YCbCr},
    {3, 4, 1, JCS_YCbCr},     {3, 4, 2, JCS_YCbCr}, {3, 2, 4, JCS_YCbCr}, {1, 1, 1, JCS_GRAYSCALE},
    {1, 2, 2, JCS_GRAYSCALE}, {3, 1, 1, JCS_RGB},   {3, 2, 2, JCS_RGB},   {4, 1, 1, JCS_CMYK},
    {4, 2, 2, JCS_CMYK},      {4, 1, 1, JCS_YCCK},  {4, 2, 2, JCS_YCCK},  {4, 2, 1, JCS_YCCK},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static inline struct sample_jpeg_params random_params(struct fixture *fixture, size_t kind)
{
    struct sample_jpeg_params params = {.width = 1 + next_random(fixture, 200),
                                        .height = 1 + next_random(fixture, 200),
                                        .channels = kinds[kind].channels,
                                        .across = kinds[kind].across,
                                        .down = kinds[kind].down,
                                        .space = kinds[kind].space,
                                        .quality = 1 + (int)next_random(fixture, 100),
                                        .optimised = next_random(fixture, 2)};
    if (next_random(fixture, 3) == 0)
        params.restart_mcus = 1 + (int)next_random(fixture, 40);
    return params;
}

static inline int fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    *state = fixture;
    const char *seed = getenv("CUBBY_TEST_SEED");
    fixture->seed = seed ? (uint32_t)strtoul(seed, NULL, 10) : 1;
    return !fixture || jpeg_dc_create(&fixture->dc) || decoder_create(&fixture->both, NULL) ||
           decoder_create(&fixture->libjpeg, &(struct decode_params){.libjpeg_only = true});
}

static inline int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    jpeg_dc_destroy(&fixture->dc);
    decoder_destroy(&fixture->both);
    decoder_destroy(&fixture->libjpeg);
    free(fixture);
    return 0;
}

#endif
