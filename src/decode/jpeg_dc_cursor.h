// A place in the scan that decoding has come to, and the steps from there that are not look-ups of
// coefficients to be skipped. Private to jpeg_dc*.c.
#ifndef SRC_DECODE_JPEG_DC_CURSOR_H
#define SRC_DECODE_JPEG_DC_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "decode/jpeg_dc_bits.h"
#include "decode/jpeg_dc_internal.h"

// A second cursor may begin anywhere in the scan and guess that an MCU begins there. It decodes
// nonsense at first, but Huffman codes soon fall into step: when another cursor, which knows what
// it does, comes to where the guessing one began an MCU, both would go on alike from there, but for
// the means, which are differences to earlier ones. What was decoded before is forgotten.
struct cursor {
    const struct jpeg_dc *dc; // borrowed
    struct bits bits;
    const struct jpeg_dc_means *means; // borrowed: of the block at hand, which is to be skipped
    const struct jpeg_dc_skips *skips; // borrowed: the same
    uint32_t component, alike;         // the same; and how many of its kind follow in the MCU
    uint32_t block;                    // in the MCU
    uint32_t mcu, mcu_end;             // the MCU at hand, and where this cursor stops
    uint32_t interval, mcus_to_restart;
    int32_t mean[JPEG_DC_MAX_COMPONENTS]; // the last of each component
    int32_t *values, *out;                // borrowed: of MCU 0, and the next
    uint32_t odd;                         // not 0: met what no sound photo holds
    bool stopped;
    uint32_t *marks;         // borrowed: where each MCU began; NULL if this cursor does not guess
    uint32_t first_good;     // guessing: MCUs before this were odd
    uint32_t tries;          // guessing: how often
    struct cursor *guess;    // borrowed: the one to be met; NULL if there is none
    uint32_t guess_mcu;      // of it, where they may meet next
    uint32_t met, met_guess; // the MCU at which they met, counted by each; UINT32_MAX: not yet
};

// Whether a block ends well with an entry that leads to `place`.
static inline bool cursor_ends_block(uint32_t place)
{
    return place == 64 || (place > JPEG_DC_BLOCK_END && place < JPEG_DC_BLOCK_END + 64);
}

// Unsigned, because nothing keeps a damaged file from going on in one direction.
static inline void cursor_add_mean(struct cursor *cursor, uint32_t component, int32_t difference)
{
    int32_t *mean = &cursor->mean[component];
    *mean = (int32_t)((uint32_t)*mean + (uint32_t)difference);
    *cursor->out++ = *mean;
}

// From the start of an MCU to its first coefficient after a mean.
// This and cursor_turn() return false when the cursor has stopped.
bool cursor_begin(struct cursor *cursor);
// Goes on where `entry` of the block's skips or values, next in the bits, does not simply lead on
// within the block: the block ends, or a symbol must be looked at alone. Leaves bits for one
// look-up.
bool cursor_turn(struct cursor *cursor, uint32_t entry);

#endif
