#include <stdlib.h>
#include <string.h>

#include "decode/jpeg_dc_internal.h"

#define MARKER 0xffu
#define FIRST_RESTART 0xd0u
#define END_OF_IMAGE 0xd9u

void jpeg_dc_bytes_fini(struct jpeg_dc_bytes *scan)
{
    free(scan->bytes);
    free(scan->ends);
    *scan = (struct jpeg_dc_bytes){0};
}

static bool reserve(struct jpeg_dc_bytes *scan, size_t size)
{
    if (size <= scan->capacity)
        return true;
    free(scan->bytes);
    scan->capacity = 0;
    scan->bytes = malloc(size);
    if (!scan->bytes)
        return false;
    scan->capacity = size;
    return true;
}

static bool add_end(struct jpeg_dc_bytes *scan, size_t end)
{
    if (scan->interval_count == scan->interval_capacity) {
        uint32_t capacity = scan->interval_capacity ? scan->interval_capacity * 2 : 16;
        uint32_t *grown = realloc(scan->ends, capacity * sizeof(*grown));
        if (!grown)
            return false;
        scan->ends = grown;
        scan->interval_capacity = capacity;
    }
    scan->ends[scan->interval_count++] = (uint32_t)end;
    return true;
}

// Copies up to the first 0xff, which both pointers are left at; false if there is none. Eight bytes
// at a time: one in some 200 is 0xff.
static bool copy_to_marker(const uint8_t **from, const uint8_t *end, uint8_t **to)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;
    const uint8_t *in = *from;
    uint8_t *out = *to;
    while (end - in >= 8) {
        uint64_t eight;
        memcpy(&eight, in, 8);
        // A byte whose complement is 0, as in "determine if a word has a zero byte".
        if ((~eight - ones) & eight & highs)
            break;
        memcpy(out, &eight, 8);
        in += 8;
        out += 8;
    }
    while (in < end && *in != MARKER)
        *out++ = *in++;
    *from = in;
    *to = out;
    return in < end;
}

bool jpeg_dc_bytes_take(struct jpeg_dc_bytes *scan, const uint8_t *bytes, size_t size)
{
    scan->size = 0;
    scan->interval_count = 0;
    if (size > JPEG_DC_MAX_BYTES || !reserve(scan, size + JPEG_DC_SLACK_BYTES))
        return false;
    const uint8_t *from = bytes, *end = bytes + size;
    uint8_t *to = scan->bytes;
    while (copy_to_marker(&from, end, &to) && end - from >= 2) {
        uint8_t marker = from[1];
        from += 2;
        if (marker == 0) {
            *to++ = MARKER;
            continue;
        }
        if (marker != END_OF_IMAGE && marker != FIRST_RESTART + scan->interval_count % 8)
            return false;
        if (!add_end(scan, (size_t)(to - scan->bytes)))
            return false;
        if (marker == END_OF_IMAGE) {
            scan->size = (size_t)(to - scan->bytes);
            memset(to, 0, JPEG_DC_SLACK_BYTES);
            return true;
        }
    }
    return false;
}
