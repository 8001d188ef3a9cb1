#include <stdlib.h>
#include <string.h>

#include "decode/jpeg_dc_internal.h"

#define MARKER 0xffu
#define FIRST_RESTART 0xd0u
// So many eights of bytes that are all zero are a hole in the file, as disks and broken downloads
// leave them: no camera's codes look like this.
#define MAX_ZEROS 4u

void jpeg_dc_bytes_fini(struct jpeg_dc_bytes *scan)
{
    free(scan->bytes);
    free(scan->ends);
    *scan = (struct jpeg_dc_bytes){0};
}

static bool is_restart(uint8_t marker)
{
    return marker >= FIRST_RESTART && marker < FIRST_RESTART + 8;
}

static inline bool has_marker(uint64_t eight)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;
    // A byte whose complement is 0, as in "determine if a word has a zero byte".
    return (~eight - ones) & eight & highs;
}

// Copies up to the first 0xff, which both pointers are left at; false if there is none. Eight bytes
// at a time: one in some 200 is 0xff.
static bool copy_to_marker(const uint8_t **from, const uint8_t *end, uint8_t **to)
{
    const uint8_t *in = *from;
    uint8_t *out = *to;
    while (end - in >= 8) {
        uint64_t eight;
        memcpy(&eight, in, 8);
        if (has_marker(eight))
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

bool jpeg_dc_bytes_take(struct jpeg_dc_bytes *scan, const uint8_t *bytes, size_t size,
                        uint32_t interval_count, size_t *used)
{
    scan->size = 0;
    scan->interval_count = 0;
    if (size > JPEG_DC_MAX_BYTES ||
        !jpeg_dc_reserve((void **)&scan->bytes, &scan->capacity, size + JPEG_DC_SLACK_BYTES) ||
        !jpeg_dc_reserve((void **)&scan->ends, &scan->end_capacity,
                         (uint64_t)interval_count * sizeof(*scan->ends)))
        return false;
    const uint8_t *from = bytes, *end = bytes + size;
    uint8_t *to = scan->bytes;
    while (copy_to_marker(&from, end, &to) && end - from >= 2) {
        uint8_t marker = from[1];
        if (marker == 0) {
            *to++ = MARKER;
            from += 2;
            continue;
        }
        uint32_t expected = FIRST_RESTART + scan->interval_count % 8;
        // A file may be restart markers and nothing else.
        if (scan->interval_count == interval_count)
            return false;
        scan->ends[scan->interval_count++] = (uint32_t)(to - scan->bytes);
        if (!is_restart(marker)) {
            scan->size = (size_t)(to - scan->bytes);
            memset(to, 0, JPEG_DC_SLACK_BYTES);
            *used = (size_t)(from - bytes);
            return scan->interval_count == interval_count;
        }
        if (marker != expected)
            return false;
        from += 2;
    }
    return false;
}

// Up to the first 0xff; false if there is none, or a hole before it.
static bool find_marker(const uint8_t **from, const uint8_t *end)
{
    const uint8_t *in = *from;
    uint32_t zeros = 0;
    while (end - in >= 8 && zeros < MAX_ZEROS) {
        uint64_t eight;
        memcpy(&eight, in, 8);
        if (has_marker(eight))
            break;
        zeros = eight ? 0 : zeros + 1;
        in += 8;
    }
    while (in < end && *in != MARKER)
        in++;
    *from = in;
    return in < end && zeros < MAX_ZEROS;
}

bool jpeg_dc_bytes_pass(const uint8_t *bytes, size_t size, uint32_t *interval_count, size_t *used)
{
    const uint8_t *from = bytes, *end = bytes + size;
    *interval_count = 1;
    while (find_marker(&from, end) && end - from >= 2) {
        uint8_t marker = from[1];
        *used = (size_t)(from - bytes);
        from += 2;
        if (marker == 0)
            continue;
        if (!is_restart(marker))
            return true;
        if (marker != FIRST_RESTART + (*interval_count - 1) % 8)
            return false;
        (*interval_count)++;
    }
    return false;
}
