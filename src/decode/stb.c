// PNG, BMP, GIF, TGA, PSD, PNM and odd JPEGs through stb_image, with what it lacks: it fills the
// rest of a file that is cut short with zeros, and lets a compressed file ask for any memory.
#include "decode/decoders.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

// The largest block that the photo at hand may ask for. stb_image's hooks pass no pointer of ours,
// so this is the one thing here that is not in a struct; each thread has its own.
static _Thread_local struct {
    size_t limit;
    bool hit;
} allowance;

// Zeroed, so that a damaged file never shows what was in memory before.
static void *allocate(size_t size_bytes)
{
    if (size_bytes > allowance.limit) {
        allowance.hit = true;
        return NULL;
    }
    return calloc(1, size_bytes ? size_bytes : 1);
}

static void *reallocate(void *old, size_t size_bytes)
{
    if (size_bytes > allowance.limit) {
        allowance.hit = true;
        return NULL;
    }
    return realloc(old, size_bytes ? size_bytes : 1);
}

#define STBI_MALLOC(size) allocate(size)
#define STBI_REALLOC(old, size) reallocate(old, size)
#define STBI_FREE(old) free(old)
#define STBI_NO_STDIO
#define STBI_NO_HDR
#define STBI_NO_LINEAR
#define STBI_NO_PIC
#define STBI_MAX_DIMENSIONS (1 << 20) // DECODE_MAX_SIDE
#define STBI_ASSERT(x) ((void)0)      // on file contents, which are not ours to assert
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#if defined(__GNUC__)
// For the whole file: the half of stb_image that is not called is only known at its end.
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#endif
#if defined(__clang__)
// An empty first IDAT chunk makes it add 0 to a null pointer and copy 0 bytes there: harmless.
#pragma clang attribute push(                                                                      \
    __attribute__((no_sanitize("pointer-overflow", "nonnull-attribute"))), apply_to = function)
#endif
#include <stb/stb_image.h>
#if defined(__clang__)
#pragma clang attribute pop
#endif
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

// The file as a stream, which notes whether stb_image asked for a byte that is not there.
struct stream {
    const uint8_t *bytes; // borrowed
    size_t size_bytes, at;
    const char *refill; // stb_image's own buffer: the only place where it wants "up to" n bytes
    bool ran_out;
};

static int stream_read(void *user, char *data, int size)
{
    struct stream *stream = user;
    if (!stream->refill)
        stream->refill = data; // its first read always is a refill
    size_t left = stream->size_bytes - stream->at;
    size_t count = (size_t)size < left ? (size_t)size : left;
    if (count == 0 || (count < (size_t)size && data != stream->refill))
        stream->ran_out = true;
    memcpy(data, stream->bytes + stream->at, count);
    stream->at += count;
    return (int)count;
}

static void stream_skip(void *user, int count)
{
    struct stream *stream = user;
    size_t left = stream->size_bytes - stream->at;
    if (count > 0)
        stream->at += (size_t)count < left ? (size_t)count : left;
}

static int stream_eof(void *user)
{
    const struct stream *stream = user;
    return stream->at >= stream->size_bytes;
}

static const stbi_io_callbacks stream_callbacks = {stream_read, stream_skip, stream_eof};

// stb_image's words for files that are sound, but beyond it.
static bool is_unsupported(const char *message)
{
    static const char *const words[] = {
        "only",          "RLE",       "monochrome", "upported", "wrong color for",
        "wrong channel", "not known", "> 65535"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strstr(message, words[i]))
            return true;
    return false;
}

static enum cubby_status fail(const struct decode_job *job, const struct stream *stream)
{
    const char *kind = decode_kind_text(job->kind);
    const char *message = stbi_failure_reason();
    if (!message)
        message = "no reason given";
    if (stream->ran_out)
        return decode_fail_cut_short(job);
    if (allowance.hit)
        return decode_fail(job, CUBBY_BAD_DATA,
                           "damaged %s: it unpacks to more than its pixels need", kind);
    if (strstr(message, "outofmem"))
        return decode_fail(job, CUBBY_NO_MEMORY, "out of memory");
    if (strstr(message, "too large"))
        return decode_fail(job, CUBBY_TOO_LARGE, "a %s over 1 GB once unpacked", kind);
    if (is_unsupported(message))
        return decode_fail(job, CUBBY_UNSUPPORTED, "a %s of a rare kind: %s", kind, message);
    return decode_fail(job, CUBBY_BAD_DATA, "damaged %s: %s", kind, message);
}

// The most that one block may hold: a PNG with four 16-bit channels needs 8 bytes a pixel and the
// buffer that it is unpacked into doubles; a PNG's packed data is gathered in a doubling one, too.
static size_t block_limit(const struct decode_job *job, int width, int height)
{
    return ((size_t)width + 64) * ((size_t)height + 64) * 16 + 2 * job->size_bytes + (1 << 20);
}

static bool pnm_numbers_fit(const struct decode_job *job)
{
    size_t at = 2, numbers = 0, digits = 0;
    bool comment = false;
    for (; at < job->size_bytes && numbers < 3; at++) {
        uint8_t c = job->bytes[at];
        bool digit = !comment && c >= '0' && c <= '9';
        comment = c == '#' || (comment && c != '\n' && c != '\r');
        if (!digit && digits > 0)
            numbers++;
        digits = digit ? digits + 1 : 0;
        if (digits > 9)
            return false;
    }
    return true;
}

// stb_image 2.27 adds up a PNM header's numbers without looking at how long they are, and takes
// 16-bit pixels for 8-bit ones, past their end, when it makes RGB of grey.
static enum cubby_status check_pnm(const struct decode_job *job)
{
    if (job->kind != DECODE_PNM)
        return CUBBY_OK;
    if (!pnm_numbers_fit(job))
        return decode_fail(job, CUBBY_BAD_DATA, "damaged PNM: a number in its header is too long");
    struct stream stream = {.bytes = job->bytes, .size_bytes = job->size_bytes};
    if (stbi_is_16_bit_from_callbacks(&stream_callbacks, &stream))
        return decode_fail(job, CUBBY_UNSUPPORTED, "a PNM of a rare kind: 16 bits a channel");
    return CUBBY_OK;
}

// After stbi_info_from_callbacks() has failed its message is that of the last kind it tried. The
// decoder for the right kind stops at the same place, and says why.
static enum cubby_status fail_header(const struct decode_job *job)
{
    int width, height, channels;
    struct stream stream = {.bytes = job->bytes, .size_bytes = job->size_bytes};
    uint8_t *rgb =
        stbi_load_from_callbacks(&stream_callbacks, &stream, &width, &height, &channels, 3);
    if (!rgb)
        return fail(job, &stream);
    free(rgb);
    return decode_fail(job, CUBBY_BAD_DATA, "damaged %s: its header is wrong",
                       decode_kind_text(job->kind));
}

// PNG's size lies at a fixed place. stb_image has limits of its own, which say less.
static enum cubby_status check_png_size(const struct decode_job *job)
{
    if (job->kind != DECODE_PNG || job->size_bytes < 24)
        return CUBBY_OK;
    const uint8_t *at = job->bytes + 16;
    uint32_t sides[2];
    for (int i = 0; i < 2; i++, at += 4)
        sides[i] = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    return decode_check_size(job, sides[0], sides[1]);
}

enum cubby_status stb_decode(const struct decode_job *job, struct decode_pixels *pixels)
{
    enum cubby_status status = check_png_size(job);
    if (!status)
        status = check_pnm(job);
    if (status)
        return status;

    int width = 0, height = 0, channels = 0;
    struct stream stream = {.bytes = job->bytes, .size_bytes = job->size_bytes};
    allowance.hit = false;
    allowance.limit = 1 << 20; // headers only
    if (!stbi_info_from_callbacks(&stream_callbacks, &stream, &width, &height, &channels))
        return fail_header(job);
    if (width < 0 || height < 0)
        return decode_fail(job, CUBBY_BAD_DATA, "damaged %s: no sensible size",
                           decode_kind_text(job->kind));
    status = decode_check_size(job, (uint64_t)width, (uint64_t)height);
    if (status)
        return status;

    // Unpacked data in a buffer that grows by doubling, then the pixels, then those as RGB.
    const uint64_t count = (uint64_t)width * (uint64_t)height;
    decode_announce(job, count * (3 * (uint64_t)(channels > 0 ? channels : 4) + 3), count);
    stream = (struct stream){.bytes = job->bytes, .size_bytes = job->size_bytes};
    allowance.limit = block_limit(job, width, height);
    int got_width = 0, got_height = 0;
    uint8_t *rgb =
        stbi_load_from_callbacks(&stream_callbacks, &stream, &got_width, &got_height, &channels, 3);
    if (!rgb)
        return fail(job, &stream);
    if (stream.ran_out || got_width != width || got_height != height) {
        free(rgb);
        return stream.ran_out
                   ? decode_fail_cut_short(job)
                   : decode_fail(job, CUBBY_BAD_DATA, "damaged %s: two sizes in one file",
                                 decode_kind_text(job->kind));
    }

    free(pixels->rgb);
    pixels->rgb = rgb;
    pixels->capacity_bytes = (size_t)width * (size_t)height * 3;
    pixels->width = (uint32_t)width;
    pixels->height = (uint32_t)height;
    return CUBBY_OK;
}
