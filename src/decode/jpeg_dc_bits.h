// A window of 64 bits over the scan, most significant first. After bits_fill() at least 56 are
// good.
#ifndef SRC_DECODE_JPEG_DC_BITS_H
#define SRC_DECODE_JPEG_DC_BITS_H

#include <stdint.h>

struct bits {
    uint64_t window;
    uint32_t count;      // good bits in the window, those still to be used
    const uint8_t *next; // borrowed; may be read up to 8 bytes on
};

static inline uint64_t bits_word(const uint8_t *at)
{
    return (uint64_t)at[0] << 56 | (uint64_t)at[1] << 48 | (uint64_t)at[2] << 40 |
           (uint64_t)at[3] << 32 | (uint64_t)at[4] << 24 | (uint64_t)at[5] << 16 |
           (uint64_t)at[6] << 8 | (uint64_t)at[7];
}

// Whole bytes are taken, and the few bits more that come with them are simply read again next time:
// no branch, and the address waits for the count alone.
static inline void bits_fill(struct bits *bits)
{
    bits->window |= bits_word(bits->next) >> bits->count;
    bits->next += (63 - bits->count) >> 3;
    bits->count |= 56;
}

static inline void bits_start(struct bits *bits, const uint8_t *at)
{
    *bits = (struct bits){.next = at};
    bits_fill(bits);
}

// Where the next unused bit is, from `start` on.
static inline uint32_t bits_position(const struct bits *bits, const uint8_t *start)
{
    return (uint32_t)(bits->next - start) * 8 - bits->count;
}

static inline uint32_t bits_peek(const struct bits *bits, uint32_t count) // 1 to 32
{
    return (uint32_t)(bits->window >> (64 - count));
}

// By a number below 64 in the low bits of `entry`: shift instructions ignore the others, too.
static inline void bits_drop(struct bits *bits, uint32_t entry)
{
    bits->window <<= entry & 63;
    bits->count -= entry & 63;
}

#endif
