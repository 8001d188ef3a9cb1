#include "decode/decoders.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h> // jpeglib.h needs FILE
#include <stdlib.h>

#include <jpeglib.h>
#include <jerror.h>

#include "decode/jpeg_dc.h"

// A progressive file of a few KB may hold thousands of empty scans over millions of pixels. Real
// ones have about ten scans; both limits let a day pass at most once per overnight run.
#define MAX_SCANS 500
#define MAX_SCANNED_PIXELS (UINT64_C(16) << 30)
// Whole-image coefficient arrays of progressive files: 2 bytes per sample, not in the output size.
#define MAX_COEFFICIENT_BYTES (1L << 30)

struct jpeg_decoder {
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf recover;    // where libjpeg's error_exit, which must not return, goes
    struct jpeg_dc *dc; // owned: our own decoder, for most photos at 1/8
    // Of the photo at hand.
    const struct decode_job *job; // borrowed
    enum cubby_status failure;
    bool refused;
    uint8_t *cmyk; // owned: one row of a four-colour photo
    size_t cmyk_capacity;
};

static struct jpeg_decoder *decoder_of(j_common_ptr info)
{
    return info->client_data;
}

// libjpeg gives up: its message becomes the reason.
static void on_error(j_common_ptr info)
{
    struct jpeg_decoder *decoder = decoder_of(info);
    char message[JMSG_LENGTH_MAX];
    info->err->format_message(info, message);

    switch (info->err->msg_code) {
    case JERR_OUT_OF_MEMORY:
        decoder->failure = decode_fail(decoder->job, CUBBY_NO_MEMORY, "out of memory");
        break;
    case JERR_NO_BACKING_STORE:
        decoder->failure = decode_fail(decoder->job, CUBBY_TOO_LARGE,
                                       "a progressive JPEG that needs over 1 GB to decode");
        break;
    // Sound files with sampling factors that libjpeg has no code for. Other errors are damage, of
    // which stb_image sees less: without a quantisation table it paints everything grey.
    case JERR_BAD_MCU_SIZE:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
        decoder->refused = true;
        decoder->failure =
            decode_fail(decoder->job, CUBBY_UNSUPPORTED, "a JPEG of a rare kind: %s", message);
        break;
    default:
        decoder->failure = decode_fail(decoder->job, CUBBY_BAD_DATA, "damaged JPEG: %s", message);
    }
    longjmp(decoder->recover, 1);
}

// libjpeg mends what it can and only warns. Where it invents pixels the photo has failed; what it
// merely finds odd (bytes between segments, an Adobe or ICC marker out of place) is accepted.
static void on_message(j_common_ptr info, int level)
{
    struct jpeg_decoder *decoder = decoder_of(info);
    if (level >= 0)
        return; // a trace message
    switch (info->err->msg_code) {
    case JWRN_JPEG_EOF:
        decoder->failure = decode_fail_cut_short(decoder->job);
        break;
    case JWRN_HIT_MARKER:
        decoder->failure = decode_fail(decoder->job, CUBBY_BAD_DATA,
                                       "damaged JPEG: pixels are missing before the end");
        break;
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
        decoder->failure =
            decode_fail(decoder->job, CUBBY_BAD_DATA, "damaged JPEG: its pixel data is corrupt");
        break;
    default:
        return;
    }
    longjmp(decoder->recover, 1);
}

static uint32_t most_scans(const struct jpeg_decompress_struct *info)
{
    uint64_t most = MAX_SCANNED_PIXELS / ((uint64_t)info->image_width * info->image_height);
    return most < MAX_SCANS ? (uint32_t)most : MAX_SCANS;
}

static void on_progress(j_common_ptr info)
{
    struct jpeg_decoder *decoder = decoder_of(info);
    if ((uint32_t)decoder->info.input_scan_number <= most_scans(&decoder->info))
        return;
    decoder->failure = decode_fail(decoder->job, CUBBY_TOO_LARGE,
                                   "a progressive JPEG with more scans than any camera writes");
    longjmp(decoder->recover, 1);
}

enum cubby_status jpeg_decoder_create(struct jpeg_decoder **out)
{
    struct jpeg_decoder *decoder = *out = calloc(1, sizeof(*decoder));
    if (!decoder)
        return CUBBY_NO_MEMORY;
    jpeg_std_error(&decoder->errors);
    decoder->errors.error_exit = on_error;
    decoder->errors.emit_message = on_message;
    decoder->progress.progress_monitor = on_progress;
    enum cubby_status status = jpeg_dc_create(&decoder->dc);
    if (status)
        jpeg_decoder_destroy(out);
    return status;
}

void jpeg_decoder_destroy(struct jpeg_decoder **decoder)
{
    struct jpeg_decoder *d = *decoder;
    if (!d)
        return;
    jpeg_dc_destroy(&d->dc);
    free(d->cmyk);
    free(d);
    *decoder = NULL;
}

// Whether a width x height image need not be enlarged to become what the network was trained on,
// and shows the same part of the photo.
static bool has_enough(const struct cubby_preprocess *preprocess, uint64_t width, uint64_t height,
                       uint32_t wanted_width, uint32_t wanted_height)
{
    double x_ratio = (double)width / wanted_width, y_ratio = (double)height / wanted_height;
    if (preprocess->rule != CUBBY_RESIZE_CROP && preprocess->rule != CUBBY_RESIZE_PAD)
        return x_ratio >= 1.0 && y_ratio >= 1.0;

    // With padding the side that fills its target decides; the other becomes a part of its own.
    double ratio =
        preprocess->rule == CUBBY_RESIZE_PAD ? fmax(x_ratio, y_ratio) : fmin(x_ratio, y_ratio);
    // Where a part is put in the middle, half a pixel is dropped: of a reduced photo that is much.
    bool centred = (width - (uint64_t)(ratio * wanted_width)) % 2 == 0 &&
                   (height - (uint64_t)(ratio * wanted_height)) % 2 == 0;
    return centred ? ratio >= 1.0 : ratio >= 2.0;
}

// The smallest n of n/8 at which the photo still has the pixels that it will be resized to: the
// inverse DCT then leaves out what the resize would throw away. Only the scales that libjpeg-turbo
// has SIMD code for: 3/8 takes longer than 4/8, and 5/8 to 7/8 take longer than full size (67 to
// 88 ms against 50 for 12 megapixels).
static unsigned choose_scale(const struct decode_job *job, uint32_t width, uint32_t height)
{
    if (job->exact)
        return 8;
    uint32_t wanted_width, wanted_height;
    cubby_preprocess_resized(job->preprocess, job->turned ? height : width,
                             job->turned ? width : height, &wanted_width, &wanted_height);
    for (unsigned n = 1; n < 8; n *= 2) {
        uint64_t scaled_width = ((uint64_t)width * n + 7) / 8;
        uint64_t scaled_height = ((uint64_t)height * n + 7) / 8;
        if (has_enough(job->preprocess, job->turned ? scaled_height : scaled_width,
                       job->turned ? scaled_width : scaled_height, wanted_width, wanted_height))
            return n;
    }
    return 8;
}

static uint8_t divide_255(uint32_t product)
{
    product += 128;
    return (uint8_t)(((product >> 8) + product) >> 8);
}

// Pillow takes four-colour JPEGs as Adobe writes them, inverted: c, m, y, k here are 255 minus ink.
// Its cmyk2rgb() in Convert.c is then k - (255 - c) * k / 255.
void jpeg_cmyk_to_rgb(const uint8_t *cmyk, uint32_t width, uint8_t *rgb)
{
    for (uint32_t x = 0; x < width; x++, cmyk += 4, rgb += 3) {
        uint8_t k = cmyk[3];
        for (int c = 0; c < 3; c++)
            rgb[c] = (uint8_t)(k - divide_255((uint32_t)(255 - cmyk[c]) * k));
    }
}

static enum cubby_status reserve_cmyk(struct jpeg_decoder *decoder, size_t size_bytes)
{
    if (size_bytes <= decoder->cmyk_capacity)
        return CUBBY_OK;
    free(decoder->cmyk);
    decoder->cmyk_capacity = 0;
    decoder->cmyk = malloc(size_bytes);
    if (!decoder->cmyk)
        return CUBBY_NO_MEMORY;
    decoder->cmyk_capacity = size_bytes;
    return CUBBY_OK;
}

static void read_rows(struct jpeg_decoder *decoder, struct decode_pixels *pixels)
{
    struct jpeg_decompress_struct *info = &decoder->info;
    size_t stride = (size_t)pixels->width * 3;
    while (info->output_scanline < info->output_height) {
        JSAMPROW rows[16];
        JDIMENSION count = info->output_height - info->output_scanline;
        if (count > 16)
            count = 16;
        uint8_t *out = pixels->rgb + info->output_scanline * stride;
        if (info->out_color_space == JCS_CMYK) {
            rows[0] = decoder->cmyk;
            if (jpeg_read_scanlines(info, rows, 1) == 1)
                jpeg_cmyk_to_rgb(decoder->cmyk, pixels->width, out);
            continue;
        }
        for (JDIMENSION i = 0; i < count; i++)
            rows[i] = out + i * stride;
        jpeg_read_scanlines(info, rows, count);
    }
}

static uint64_t coefficient_bytes(const struct jpeg_decompress_struct *info)
{
    uint64_t bytes = 0;
    for (int i = 0; i < info->num_components; i++)
        bytes += (uint64_t)info->comp_info[i].width_in_blocks *
                 info->comp_info[i].height_in_blocks * sizeof(JBLOCK);
    return bytes;
}

// The pixels, and what libjpeg keeps besides: a file in several scans is held as coefficients, two
// bytes a sample, at full size.
static uint64_t memory_of(struct jpeg_decompress_struct *info)
{
    return (uint64_t)info->output_width * info->output_height * 3 +
           (jpeg_has_multiple_scans(info) ? coefficient_bytes(info) : 0);
}

// Whether our own decoder takes the photo, and the memory it then needs.
static bool prepare_own(struct jpeg_decoder *decoder, const struct decode_job *job,
                        uint64_t *memory_bytes)
{
    const struct jpeg_decompress_struct *info = &decoder->info;
    *memory_bytes = 0;
    if (info->scale_num != 1 || job->libjpeg_only)
        return false;
    // One that libjpeg may refuse for its size gets its answer from libjpeg.
    if (info->progressive_mode &&
        coefficient_bytes(info) > (uint64_t)MAX_COEFFICIENT_BYTES / 16 * 15)
        return false;
    return jpeg_dc_prepare(decoder->dc, info, most_scans(info), memory_bytes);
}

// All that may longjmp; its caller has called setjmp.
static enum cubby_status decode(struct jpeg_decoder *decoder, const struct decode_job *job,
                                struct decode_pixels *pixels)
{
    struct jpeg_decompress_struct *info = &decoder->info;
    jpeg_create_decompress(info);
    info->progress = &decoder->progress;
    info->mem->max_memory_to_use = MAX_COEFFICIENT_BYTES;
    jpeg_mem_src(info, job->bytes, (unsigned long)job->size_bytes);
    jpeg_read_header(info, TRUE);
    enum cubby_status status = decode_check_size(job, info->image_width, info->image_height);
    if (status)
        return status;

    info->scale_num = choose_scale(job, info->image_width, info->image_height);
    info->scale_denom = 8;
    // At full size as Pillow has it, smooth chroma included; at a reduced one nobody sees it.
    info->do_fancy_upsampling = info->scale_num == 8;
    bool cmyk = info->jpeg_color_space == JCS_CMYK || info->jpeg_color_space == JCS_YCCK;
    info->out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    jpeg_calc_output_dimensions(info);
    uint64_t own_bytes;
    bool own = prepare_own(decoder, job, &own_bytes);
    decode_announce(job, memory_of(info) + own_bytes,
                    (uint64_t)info->output_width * info->output_height);
    status = decode_pixels_set(pixels, info->output_width, info->output_height);
    if (!status && cmyk)
        status = reserve_cmyk(decoder, (size_t)info->output_width * 4);
    if (status)
        return decode_fail(job, status, "out of memory");

    // It has come to the end marker if it succeeds, and leaves the photo to libjpeg otherwise.
    if (own && jpeg_dc_run(decoder->dc, info, pixels->rgb))
        return CUBBY_OK;
    jpeg_start_decompress(info);
    read_rows(decoder, pixels);
    jpeg_finish_decompress(info); // reads on to the end marker: a file without one is cut short
    return CUBBY_OK;
}

enum cubby_status jpeg_decoder_run(struct jpeg_decoder *decoder, const struct decode_job *job,
                                   struct decode_pixels *pixels, bool *refused)
{
    decoder->job = job;
    decoder->refused = false;
    decoder->failure = CUBBY_OK;
    // A handle that is kept also keeps the tables of the photo before, and a photo that lacks its
    // own would be decoded with those. A new one takes microseconds.
    decoder->info =
        (struct jpeg_decompress_struct){.err = &decoder->errors, .client_data = decoder};
    if (setjmp(decoder->recover) == 0)
        decoder->failure = decode(decoder, job, pixels);
    jpeg_destroy_decompress(&decoder->info);
    *refused = decoder->refused;
    decoder->job = NULL;
    return decoder->failure;
}
