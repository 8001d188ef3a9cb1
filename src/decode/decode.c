#include "decode/decode.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode/decoders.h"

#define DEFAULT_MAX_PIXELS UINT64_C(512000000)
// One panorama must not keep its memory for the rest of the night.
#define KEPT_BYTES ((size_t)64 << 20)
#define TEXT_LOOKED_AT 512u

struct decoder {
    uint64_t max_pixels;
    bool exact, libjpeg_only;
    void (*before_memory)(void *user, uint64_t bytes);
    void *user;
    struct jpeg_decoder *jpeg; // owned
    struct decode_pixels pixels, upright;
};

enum cubby_status decode_fail(const struct decode_job *job, enum cubby_status status,
                              const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(job->reason, job->reason_bytes, format, arguments);
    va_end(arguments);
    return status;
}

enum cubby_status decode_fail_cut_short(const struct decode_job *job)
{
    static const char units[][6] = {"bytes", "KB", "MB", "GB"};
    size_t unit = 0;
    uint64_t size = job->size_bytes;
    for (; size >= 1024 && unit < 3; unit++)
        size /= 1024;
    return decode_fail(job, CUBBY_BAD_DATA, "cut short: the file ends after %llu %s",
                       (unsigned long long)size, units[unit]);
}

enum cubby_status decode_check_size(const struct decode_job *job, uint64_t width, uint64_t height)
{
    if (width == 0 || height == 0)
        return decode_fail(job, CUBBY_BAD_DATA, "damaged %s: it has no pixels",
                           decode_kind_text(job->kind));
    if (width > DECODE_MAX_SIDE || height > DECODE_MAX_SIDE)
        return decode_fail(job, CUBBY_TOO_LARGE, "%llu x %llu pixels, the limit of a side is %u",
                           (unsigned long long)width, (unsigned long long)height, DECODE_MAX_SIDE);
    if (width * height > job->max_pixels) {
        uint64_t limit = job->max_pixels;
        const char *unit = limit < 1000000 ? "pixels" : "megapixels";
        double divisor = limit < 1000000 ? 1.0 : 1e6;
        return decode_fail(job, CUBBY_TOO_LARGE, "%.6g %s, the limit is %.6g (--max-pixels)",
                           (double)(width * height) / divisor, unit, (double)limit / divisor);
    }
    return CUBBY_OK;
}

void decode_announce(const struct decode_job *job, uint64_t bytes, uint64_t pixels)
{
    if (job->before_memory)
        job->before_memory(job->user, bytes + (job->turned ? 3 * pixels : 0));
}

enum cubby_status decode_pixels_set(struct decode_pixels *pixels, uint32_t width, uint32_t height)
{
    uint64_t size_bytes = (uint64_t)width * height * 3; // sides up to 2^20: no overflow
    if (size_bytes > SIZE_MAX)
        return CUBBY_NO_MEMORY;
    if (size_bytes > pixels->capacity_bytes) {
        decode_pixels_fini(pixels);
        pixels->rgb = malloc((size_t)size_bytes);
        if (!pixels->rgb)
            return CUBBY_NO_MEMORY;
        pixels->capacity_bytes = (size_t)size_bytes;
    }
    pixels->width = width;
    pixels->height = height;
    return CUBBY_OK;
}

void decode_pixels_fini(struct decode_pixels *pixels)
{
    free(pixels->rgb);
    *pixels = (struct decode_pixels){0};
}

enum cubby_status decoder_create(struct decoder **out, const struct decode_params *params)
{
    *out = NULL;
    struct decoder *decoder = calloc(1, sizeof(*decoder));
    if (!decoder)
        return CUBBY_NO_MEMORY;
    decoder->max_pixels = params && params->max_pixels ? params->max_pixels : DEFAULT_MAX_PIXELS;
    decoder->exact = params && params->exact;
    decoder->libjpeg_only = params && params->libjpeg_only;
    decoder->before_memory = params ? params->before_memory : NULL;
    decoder->user = params ? params->user : NULL;

    enum cubby_status status = jpeg_decoder_create(&decoder->jpeg);
    if (status)
        goto fail;
    *out = decoder;
    return CUBBY_OK;

fail:
    decoder_destroy(&decoder);
    return status;
}

void decoder_destroy(struct decoder **decoder)
{
    struct decoder *d = *decoder;
    if (!d)
        return;
    jpeg_decoder_destroy(&d->jpeg);
    decode_pixels_fini(&d->pixels);
    decode_pixels_fini(&d->upright);
    free(d);
    *decoder = NULL;
}

static bool is_text(const uint8_t *bytes, size_t size_bytes)
{
    size_t count = size_bytes < TEXT_LOOKED_AT ? size_bytes : TEXT_LOOKED_AT;
    for (size_t i = 0; i < count; i++)
        if ((bytes[i] < ' ' && !strchr("\t\n\v\f\r\x1b", bytes[i])) || bytes[i] == 0 ||
            bytes[i] == 0x7f)
            return false;
    return true;
}

static bool holds(const struct decode_job *job, size_t offset, const char *magic)
{
    size_t length = strlen(magic);
    return job->size_bytes >= offset + length && memcmp(job->bytes + offset, magic, length) == 0;
}

// What is it then? Names lie: videos, documents and pages of an error server come as .jpg.
static enum cubby_status fail_unknown(const struct decode_job *job)
{
    if (holds(job, 4, "ftyp") || (holds(job, 0, "RIFF") && holds(job, 8, "AVI ")))
        return decode_fail(job, CUBBY_UNSUPPORTED, "not a photo: it holds a video");
    if (holds(job, 0, "%PDF"))
        return decode_fail(job, CUBBY_UNSUPPORTED, "not a photo: it holds a PDF document");
    if (holds(job, 0, "<!DOC") || holds(job, 0, "<!doc") || holds(job, 0, "<html"))
        return decode_fail(job, CUBBY_BAD_DATA, "not an image: it holds a web page");
    if (is_text(job->bytes, job->size_bytes))
        return decode_fail(job, CUBBY_BAD_DATA, "not an image: it holds text");
    bool zeros = true;
    for (size_t i = 0; i < job->size_bytes && i < TEXT_LOOKED_AT; i++)
        zeros = zeros && job->bytes[i] == 0;
    if (zeros)
        return decode_fail(job, CUBBY_BAD_DATA, "not an image: it begins with zeros only");
    return decode_fail(job, CUBBY_BAD_DATA, "not an image of a kind that cubby knows");
}

// TGA has no signature. Its header must fit all the same: stb_image tries every kind it knows on
// bytes that it is given, and only the checks for the kind that was sniffed have been made.
static bool looks_like_tga(const uint8_t *bytes, size_t size_bytes)
{
    return size_bytes >= 3 && bytes[1] <= 1 && bytes[2] >= 1 && bytes[2] <= 11;
}

static bool ends_in_tga(const char *name)
{
    size_t length = name ? strlen(name) : 0;
    if (length < 4 || name[length - 4] != '.')
        return false;
    return (name[length - 3] | 0x20) == 't' && (name[length - 2] | 0x20) == 'g' &&
           (name[length - 1] | 0x20) == 'a';
}

// Whether a JPEG ends with an end marker, zeros after it apart: the one sign that stb_image, which
// paints missing pixels grey without a word, is not given half a photo.
static bool jpeg_has_end(const uint8_t *bytes, size_t size_bytes)
{
    while (size_bytes > 0 && bytes[size_bytes - 1] == 0)
        size_bytes--;
    return size_bytes >= 4 && bytes[size_bytes - 2] == 0xff && bytes[size_bytes - 1] == 0xd9;
}

// The tables of one DHT segment whose length bytes are at `at`: counts of codes of 1 to 16 bits,
// then a value for each code.
static bool tables_are_sound(const uint8_t *bytes, size_t size_bytes, size_t at)
{
    if (at + 2 > size_bytes)
        return false;
    size_t left = (size_t)bytes[at] << 8 | bytes[at + 1];
    left = left > 2 ? left - 2 : 0;
    at += 2;
    while (left > 0) {
        if (left < 17 || at + 17 > size_bytes)
            return false;
        size_t count = 0;
        for (size_t i = 1; i <= 16; i++)
            count += bytes[at + i];
        if (count > 256 || left < 17 + count)
            return false;
        at += 17 + count;
        left -= 17 + count;
    }
    return true;
}

// stb_image 2.27 writes past its tables when a DHT segment holds more than 256 codes. Wherever it
// could take two bytes for such a segment, they must begin a sound one.
static bool jpeg_tables_are_sound(const uint8_t *bytes, size_t size_bytes)
{
    for (size_t i = 0; i + 1 < size_bytes; i++)
        if (bytes[i] == 0xff && bytes[i + 1] == 0xc4 && !tables_are_sound(bytes, size_bytes, i + 2))
            return false;
    return true;
}

static enum cubby_status decode_jpeg(struct decoder *decoder, const struct decode_job *job)
{
    bool refused = false;
    enum cubby_status status = jpeg_decoder_run(decoder->jpeg, job, &decoder->pixels, &refused);
    if (!status || !refused || !jpeg_has_end(job->bytes, job->size_bytes) ||
        !jpeg_tables_are_sound(job->bytes, job->size_bytes))
        return status;

    // The first decoder's reason is the better one if neither can.
    char ignored[128];
    struct decode_job second = *job;
    second.reason = ignored;
    second.reason_bytes = sizeof(ignored);
    if (stb_decode(&second, &decoder->pixels))
        return status;
    if (job->reason_bytes > 0)
        job->reason[0] = '\0';
    return CUBBY_OK;
}

static enum cubby_status decode_kind(struct decoder *decoder, const struct decode_job *job)
{
    switch (job->kind) {
    case DECODE_UNKNOWN:
        return fail_unknown(job);
    case DECODE_WEBP:
        return decode_fail(job, CUBBY_UNSUPPORTED, "a WebP image, which cubby cannot read yet");
    case DECODE_HEIF:
        return decode_fail(job, CUBBY_UNSUPPORTED,
                           "a HEIF photo (HEIC, AVIF), which cubby cannot read yet");
    case DECODE_TIFF:
        return decode_fail(job, CUBBY_UNSUPPORTED,
                           "a TIFF image or camera raw file, which cubby cannot read yet");
    case DECODE_JPEG:
        return decode_jpeg(decoder, job);
    case DECODE_PNG:
    case DECODE_BMP:
    case DECODE_GIF:
    case DECODE_TGA:
    case DECODE_PSD:
    case DECODE_PNM:
        return stb_decode(job, &decoder->pixels);
    }
    return fail_unknown(job);
}

static enum cubby_status turn_upright(struct decoder *decoder, const struct decode_job *job,
                                      int orientation)
{
    const struct decode_pixels *stored = &decoder->pixels;
    enum cubby_status status =
        decode_pixels_set(&decoder->upright, job->turned ? stored->height : stored->width,
                          job->turned ? stored->width : stored->height);
    if (status)
        return decode_fail(job, status, "out of memory");
    cubby_orient(stored->rgb, stored->width, stored->height, orientation, decoder->upright.rgb);
    return CUBBY_OK;
}

static void shrink(struct decode_pixels *pixels)
{
    if (pixels->capacity_bytes > KEPT_BYTES)
        decode_pixels_fini(pixels);
}

enum cubby_status decode_run(struct decoder *decoder, const uint8_t *bytes, size_t size_bytes,
                             const char *name, const struct cubby_preprocess *preprocess,
                             struct decode_image *out, char *reason, size_t reason_bytes)
{
    *out = (struct decode_image){0};
    if (reason_bytes > 0)
        reason[0] = '\0';
    shrink(&decoder->pixels);
    shrink(&decoder->upright);

    struct decode_job job = {.bytes = bytes,
                             .size_bytes = size_bytes,
                             .kind = decode_sniff(bytes, size_bytes),
                             .max_pixels = decoder->max_pixels,
                             .exact = decoder->exact,
                             .libjpeg_only = decoder->libjpeg_only,
                             .before_memory = decoder->before_memory,
                             .user = decoder->user,
                             .preprocess = preprocess,
                             .reason = reason,
                             .reason_bytes = reason_bytes};
    if (size_bytes == 0)
        return decode_fail(&job, CUBBY_BAD_DATA, "empty file");
    if (job.kind == DECODE_UNKNOWN && ends_in_tga(name) && looks_like_tga(bytes, size_bytes))
        job.kind = DECODE_TGA;

    struct exif_facts facts;
    exif_read(bytes, size_bytes, job.kind, &facts);
    int orientation = preprocess->exif_orientation ? facts.orientation : 1;
    job.turned = orientation >= 5;

    enum cubby_status status = decode_kind(decoder, &job);
    if (!status && orientation != 1)
        status = turn_upright(decoder, &job, orientation);
    if (status)
        return status;

    const struct decode_pixels *pixels = orientation == 1 ? &decoder->pixels : &decoder->upright;
    out->rgb = pixels->rgb;
    out->width = pixels->width;
    out->height = pixels->height;
    memcpy(out->captured, facts.captured, sizeof(out->captured));
    return CUBBY_OK;
}
