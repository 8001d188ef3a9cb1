// A window of 64 bits over the scan, most significant first, and where in a block it has come to:
// both numbers that a look-up changes are in one, so that one addition does.
#ifndef SRC_DECODE_JPEG_DC_BITS_H
#define SRC_DECODE_JPEG_DC_BITS_H

#include <stdint.h>

// Entries of tables hold in their low bits how many bits of the file they use up, 0 if the look-up
// does not see a whole code, and above by how many coefficients they go on.
#define BITS_LENGTH_MASK 63u
#define BITS_PLACE_SHIFT 6
#define BITS_BLOCK (64u << BITS_PLACE_SHIFT) // a state from this on is past the block's end

struct bits {
    uint64_t window;
    // In the low 6 bits how many of 63 bits are missing from the window, above them how many of the
    // block's 64 coefficients have been passed.
    uint32_t state;
    const uint8_t *next; // borrowed; may be read up to 8 bytes on
};

static inline uint64_t bits_word(const uint8_t *at)
{
    return (uint64_t)at[0] << 56 | (uint64_t)at[1] << 48 | (uint64_t)at[2] << 40 |
           (uint64_t)at[3] << 32 | (uint64_t)at[4] << 24 | (uint64_t)at[5] << 16 |
           (uint64_t)at[6] << 8 | (uint64_t)at[7];
}

// At least 56 bits are there afterwards. Whole bytes are taken, and the few bits more that come
// with them are simply read again next time: no branch, and the address is known early.
static inline void bits_fill(struct bits *bits)
{
    bits->window |= bits_word(bits->next) >> (~bits->state & BITS_LENGTH_MASK);
    bits->next += bits->state >> 3 & 7;
    bits->state &= ~UINT32_C(56);
}

static inline void bits_start(struct bits *bits, const uint8_t *at)
{
    *bits = (struct bits){.state = 63, .next = at};
    bits_fill(bits);
}

// Where the next unused bit is, from `start` on.
static inline uint32_t bits_position(const struct bits *bits, const uint8_t *start)
{
    return (uint32_t)(bits->next - start) * 8 + (bits->state & BITS_LENGTH_MASK) - 63;
}

static inline uint32_t bits_peek(const struct bits *bits, uint32_t count) // 1 to 32
{
    return (uint32_t)(bits->window >> (64 - count));
}

static inline void bits_drop(struct bits *bits, uint32_t count) // below 64
{
    bits->window <<= count;
    bits->state += count;
}

static inline uint32_t bits_place(const struct bits *bits)
{
    return bits->state >> BITS_PLACE_SHIFT;
}

static inline void bits_set_place(struct bits *bits, uint32_t place)
{
    bits->state = (bits->state & BITS_LENGTH_MASK) | place << BITS_PLACE_SHIFT;
}

#endif
