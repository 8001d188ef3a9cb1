#include "check/thumbnail.h"

#include <setjmp.h>
#include <stdio.h> // jpeglib.h needs FILE
#include <stdlib.h>

#include <jpeglib.h>

#include "decode/decode.h"
#include "engine/image.h"
#include "hash.h"
#include "platform/read_file.h"

#define QUALITY 75

struct encoder {
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr destination;
    jmp_buf recover; // where libjpeg's error_exit, which must not return, goes
    enum cubby_status failure;
    uint8_t *bytes; // owned, THUMBNAIL_MAX_BYTES
};

static struct encoder *encoder_of(void *info)
{
    return ((j_common_ptr)info)->client_data;
}

static void on_error(j_common_ptr info)
{
    struct encoder *encoder = encoder_of(info);
    encoder->failure = CUBBY_NO_MEMORY; // or a side that no JPEG has
    longjmp(encoder->recover, 1);
}

static void on_message(j_common_ptr info, int level)
{
    (void)info, (void)level;
}

// libjpeg's own destination in memory grows without a limit, and after an error nobody knows which
// of its buffers is to be freed.
static void begin(j_compress_ptr info)
{
    info->dest->next_output_byte = encoder_of(info)->bytes;
    info->dest->free_in_buffer = THUMBNAIL_MAX_BYTES;
}

static boolean on_full(j_compress_ptr info)
{
    struct encoder *encoder = encoder_of(info);
    encoder->failure = CUBBY_TOO_LARGE;
    longjmp(encoder->recover, 1);
}

static void end(j_compress_ptr info)
{
    (void)info;
}

static void encode(struct encoder *encoder, const uint8_t *rgb, uint32_t width, uint32_t height)
{
    struct jpeg_compress_struct *info = &encoder->info;
    jpeg_create_compress(info);
    encoder->destination = (struct jpeg_destination_mgr){
        .init_destination = begin, .empty_output_buffer = on_full, .term_destination = end};
    info->dest = &encoder->destination;
    info->image_width = width;
    info->image_height = height;
    info->input_components = 3;
    info->in_color_space = JCS_RGB;
    jpeg_set_defaults(info);
    jpeg_set_quality(info, QUALITY, TRUE);
    info->optimize_coding = TRUE;
    jpeg_start_compress(info, TRUE);
    while (info->next_scanline < height) {
        // libjpeg only reads it.
        JSAMPROW row = (JSAMPROW)&rgb[(size_t)info->next_scanline * width * 3];
        jpeg_write_scanlines(info, &row, 1);
    }
    jpeg_finish_compress(info);
}

static void take(struct thumbnail *out, struct encoder *encoder, uint32_t width, uint32_t height)
{
    const size_t size_bytes = THUMBNAIL_MAX_BYTES - encoder->destination.free_in_buffer;
    uint8_t *smaller = realloc(encoder->bytes, size_bytes);
    *out = (struct thumbnail){smaller ? smaller : encoder->bytes, size_bytes, width, height};
    encoder->bytes = NULL;
}

enum cubby_status thumbnail_encode(struct thumbnail *out, const uint8_t *rgb, uint32_t width,
                                   uint32_t height)
{
    *out = (struct thumbnail){0};
    // On the heap: what changes after setjmp() would be undefined on the stack.
    struct encoder *encoder = calloc(1, sizeof(*encoder));
    if (!encoder)
        return CUBBY_NO_MEMORY;
    encoder->info.err = jpeg_std_error(&encoder->errors);
    encoder->errors.error_exit = on_error;
    encoder->errors.emit_message = on_message;
    encoder->info.client_data = encoder;
    encoder->bytes = malloc(THUMBNAIL_MAX_BYTES);
    if (!encoder->bytes)
        encoder->failure = CUBBY_NO_MEMORY;
    else if (!setjmp(encoder->recover))
        encode(encoder, rgb, width, height);
    jpeg_destroy_compress(&encoder->info);
    const enum cubby_status status = encoder->failure;
    if (!status)
        take(out, encoder, width, height);
    free(encoder->bytes);
    free(encoder);
    return status;
}

// At least one pixel, however long and narrow the photo is.
static uint32_t side(uint32_t length, uint32_t longest)
{
    uint32_t scaled = (uint32_t)((uint64_t)length * THUMBNAIL_SIDE / longest);
    return scaled ? scaled : 1;
}

static enum cubby_status shrink(struct thumbnail *out, const struct decode_image *image)
{
    uint32_t longest = image->width > image->height ? image->width : image->height;
    if (longest <= THUMBNAIL_SIDE)
        return thumbnail_encode(out, image->rgb, image->width, image->height);
    const uint32_t width = side(image->width, longest), height = side(image->height, longest);
    struct cubby_resizer *resizer = NULL;
    uint8_t *rgb = malloc((size_t)width * height * 3);
    enum cubby_status status = rgb ? cubby_resizer_create(&resizer) : CUBBY_NO_MEMORY;
    if (!status)
        status = cubby_resize(resizer, image->rgb, image->width, image->height,
                              CUBBY_FILTER_BILINEAR, rgb, width, height);
    if (!status)
        status = thumbnail_encode(out, rgb, width, height);
    cubby_resizer_destroy(&resizer);
    free(rgb);
    return status;
}

enum cubby_status thumbnail_make(struct thumbnail *out, const struct thumbnail_params *params)
{
    // What the decoder may scale by: it keeps both sides at least as large as this needs them.
    static const struct cubby_preprocess preprocess = {.rule = CUBBY_RESIZE_SHORTER,
                                                       .resize_width = THUMBNAIL_SIDE,
                                                       .crop_width = THUMBNAIL_SIDE,
                                                       .crop_height = THUMBNAIL_SIDE,
                                                       .exif_orientation = true};
    *out = (struct thumbnail){0};
    uint8_t *bytes = NULL;
    size_t size_bytes = 0;
    char reason[PHOTO_REASON_BYTES];
    struct decoder *decoder = NULL;
    enum cubby_status status = read_file(params->fs, params->path, params->max_file_bytes, &bytes,
                                         &size_bytes, NULL, reason, sizeof(reason));
    if (status)
        return status;
    if (!photo_hash_equal(photo_hash_bytes(bytes, size_bytes), params->hash)) {
        status = CUBBY_BAD_DATA;
        goto out;
    }
    const struct decode_params decode = {.max_pixels = params->max_pixels};
    struct decode_image image;
    status = decoder_create(&decoder, &decode);
    if (!status)
        status = decode_run(decoder, bytes, size_bytes, params->path, &preprocess, &image, reason,
                            sizeof(reason));
    if (!status)
        status = shrink(out, &image);
out:
    decoder_destroy(&decoder);
    free(bytes);
    return status;
}

void thumbnail_free(struct thumbnail *thumbnail)
{
    free(thumbnail->jpeg);
    *thumbnail = (struct thumbnail){0};
}
