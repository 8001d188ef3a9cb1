// Photos made on the spot for the decoder's tests, and the shortest way to decode one.
#ifndef TESTS_SRC_DECODE_SAMPLES_H
#define TESTS_SRC_DECODE_SAMPLES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jpeglib.h>

#include "decode/decode.h"

struct sample {
    uint8_t *bytes; // owned
    size_t size_bytes;
};

static inline void sample_free(struct sample *sample)
{
    free(sample->bytes);
    *sample = (struct sample){0};
}

static inline void sample_add(struct sample *sample, const void *bytes, size_t size_bytes)
{
    sample->bytes = realloc(sample->bytes, sample->size_bytes + size_bytes + 1);
    assert_non_null(sample->bytes);
    if (size_bytes > 0)
        memcpy(sample->bytes + sample->size_bytes, bytes, size_bytes);
    sample->size_bytes += size_bytes;
}

static inline void sample_add_u32(struct sample *sample, uint32_t value) // most significant first
{
    const uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                              (uint8_t)value};
    sample_add(sample, bytes, 4);
}

// Smooth colours with some noise, so that every part of the file carries pixels.
static inline uint8_t sample_value(uint32_t x, uint32_t y, uint32_t channel)
{
    uint32_t noise = (x * 73856093u ^ y * 19349663u ^ channel * 83492791u) >> 7 & 31;
    return (uint8_t)((x * (channel + 1) + y * (3 - channel % 3)) % 200 + noise);
}

struct sample_jpeg_params {
    uint32_t width, height;
    int channels;     // 1, 3 or 4; 0 means 3
    int sampling;     // of the first channel, both ways: 1 is 4:4:4, 2 is 4:2:0; 0 means 2
    int across, down; // the same, each way; 0: as `sampling` says
    int restart_rows, restart_mcus;
    int quality; // 0 means 75
    bool progressive, arithmetic, optimised;
    const jpeg_scan_info *scans; // instead of `progressive`: the scans themselves, may be NULL
    int scan_count;
    J_COLOR_SPACE space; // of the file; JCS_UNKNOWN: the usual one for that many channels
    const uint8_t *exif; // with its "Exif" header, may be NULL
    size_t exif_bytes;
};

static inline struct sample sample_jpeg(const struct sample_jpeg_params *params)
{
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    info.err = jpeg_std_error(&errors);
    jpeg_create_compress(&info);
    unsigned char *bytes = NULL;
    unsigned long size_bytes = 0;
    jpeg_mem_dest(&info, &bytes, &size_bytes);
    info.image_width = params->width;
    info.image_height = params->height;
    info.input_components = params->channels ? params->channels : 3;
    info.in_color_space = info.input_components == 1   ? JCS_GRAYSCALE
                          : info.input_components == 4 ? JCS_CMYK
                                                       : JCS_RGB;
    jpeg_set_defaults(&info);
    if (params->space != JCS_UNKNOWN)
        jpeg_set_colorspace(&info, params->space);
    if (info.input_components == 3)
        info.comp_info[0].h_samp_factor = info.comp_info[0].v_samp_factor =
            params->sampling ? params->sampling : 2;
    if (params->across) {
        info.comp_info[0].h_samp_factor = params->across;
        info.comp_info[0].v_samp_factor = params->down;
    }
    if (params->quality)
        jpeg_set_quality(&info, params->quality, TRUE);
    info.restart_in_rows = params->restart_rows;
    info.restart_interval = (unsigned)params->restart_mcus;
    info.optimize_coding = params->optimised;
    info.arith_code = params->arithmetic;
    if (params->progressive)
        jpeg_simple_progression(&info);
    if (params->scans) {
        info.scan_info = params->scans;
        info.num_scans = params->scan_count;
    }
    jpeg_start_compress(&info, TRUE);
    if (params->exif)
        jpeg_write_marker(&info, JPEG_APP0 + 1, params->exif, (unsigned)params->exif_bytes);
    uint8_t *row = malloc((size_t)params->width * 4);
    assert_non_null(row);
    while (info.next_scanline < info.image_height) {
        uint32_t channels = (uint32_t)info.input_components;
        for (uint32_t x = 0; x < params->width; x++)
            for (uint32_t c = 0; c < channels; c++)
                row[x * channels + c] = sample_value(x, info.next_scanline, c);
        jpeg_write_scanlines(&info, &row, 1);
    }
    free(row);
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    return (struct sample){bytes, size_bytes};
}

static inline void sample_add_chunk(struct sample *png, const char *name, const void *data,
                                    size_t data_bytes)
{
    sample_add_u32(png, (uint32_t)data_bytes);
    size_t start = png->size_bytes;
    sample_add(png, name, 4);
    sample_add(png, data, data_bytes);
    uint32_t crc = 0xffffffff;
    for (size_t i = start; i < png->size_bytes; i++) {
        crc ^= png->bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    sample_add_u32(png, ~crc);
}

static inline void sample_add_png_header(struct sample *png, uint32_t width, uint32_t height,
                                         uint8_t depth, uint8_t color)
{
    sample_add(png, "\x89PNG\r\n\x1a\n", 8);
    struct sample header = {0};
    sample_add_u32(&header, width);
    sample_add_u32(&header, height);
    const uint8_t rest[5] = {depth, color, 0, 0, 0};
    sample_add(&header, rest, sizeof(rest));
    sample_add_chunk(png, "IHDR", header.bytes, header.size_bytes);
    sample_free(&header);
}

// The rows in a zlib stream of stored blocks: no compressor needed, and any cut loses pixels.
static inline void sample_add_png_pixels(struct sample *png, const uint8_t *rows, size_t rows_bytes)
{
    struct sample stream = {0};
    sample_add(&stream, "\x78\x01", 2);
    uint32_t a = 1, b = 0;
    for (size_t at = 0; at < rows_bytes;) {
        size_t count = rows_bytes - at < 60000 ? rows_bytes - at : 60000;
        const uint8_t head[5] = {at + count == rows_bytes, (uint8_t)count, (uint8_t)(count >> 8),
                                 (uint8_t)~count, (uint8_t)(~count >> 8)};
        sample_add(&stream, head, sizeof(head));
        sample_add(&stream, rows + at, count);
        for (size_t i = at; i < at + count; i++) {
            a = (a + rows[i]) % 65521;
            b = (b + a) % 65521;
        }
        at += count;
    }
    sample_add_u32(&stream, b << 16 | a);
    sample_add_chunk(png, "IDAT", stream.bytes, stream.size_bytes);
    sample_free(&stream);
}

// channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA; an `exif` block is without its header.
static inline struct sample sample_png(uint32_t width, uint32_t height, uint32_t channels,
                                       const uint8_t *exif, size_t exif_bytes)
{
    static const uint8_t colors[5] = {0, 0, 4, 2, 6};
    struct sample png = {0}, rows = {0};
    sample_add_png_header(&png, width, height, 8, colors[channels]);
    if (exif)
        sample_add_chunk(&png, "eXIf", exif, exif_bytes);
    for (uint32_t y = 0; y < height; y++) {
        sample_add(&rows, "\0", 1);
        for (uint32_t i = 0; i < width * channels; i++) {
            uint8_t value = sample_value(i / channels, y, i % channels);
            sample_add(&rows, &value, 1);
        }
    }
    sample_add_png_pixels(&png, rows.bytes, rows.size_bytes);
    sample_add_chunk(&png, "IEND", NULL, 0);
    sample_free(&rows);
    return png;
}

static const struct cubby_preprocess sample_preprocess = {.rule = CUBBY_RESIZE_SHORTER,
                                                          .resize_width = 32,
                                                          .crop_width = 32,
                                                          .crop_height = 32,
                                                          .exif_orientation = true};

struct sample_result {
    enum cubby_status status;
    struct decode_image image; // good until the next call with this decoder
    char reason[256];
};

// The bytes are copied to the end of a block of just their size, so that a sanitizer sees a read
// past them.
static inline struct sample_result sample_decode(struct decoder *decoder, const uint8_t *bytes,
                                                 size_t size_bytes, const char *name)
{
    struct sample_result result = {0};
    uint8_t *copy = malloc(size_bytes ? size_bytes : 1);
    assert_non_null(copy);
    if (size_bytes > 0)
        memcpy(copy, bytes, size_bytes);
    result.status = decode_run(decoder, copy, size_bytes, name, &sample_preprocess, &result.image,
                               result.reason, sizeof(result.reason));
    free(copy);
    // A failure has a reason and no pixels; a success the other way round.
    assert_int_equal(result.status == CUBBY_OK, result.image.rgb != NULL);
    assert_int_equal(result.status == CUBBY_OK, result.reason[0] == '\0');
    return result;
}

static inline struct decoder *sample_decoder(bool exact, uint64_t max_pixels)
{
    struct decoder *decoder = NULL;
    const struct decode_params params = {.exact = exact, .max_pixels = max_pixels};
    assert_int_equal(decoder_create(&decoder, &params), CUBBY_OK);
    return decoder;
}

static inline void assert_fails(struct decoder *decoder, const void *bytes, size_t size_bytes,
                                const char *name, enum cubby_status status, const char *reason)
{
    struct sample_result result = sample_decode(decoder, bytes, size_bytes, name);
    if (result.status != status || !strstr(result.reason, reason))
        fail_msg("status %d and \"%s\" instead of %d and \"%s\"", (int)result.status, result.reason,
                 (int)status, reason);
}

#endif
