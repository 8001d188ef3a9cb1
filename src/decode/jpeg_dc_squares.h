// A block of 2 x 2 samples from its coefficients. Private to jpeg_dc*.c.
#ifndef SRC_DECODE_JPEG_DC_SQUARES_H
#define SRC_DECODE_JPEG_DC_SQUARES_H

#include <stdint.h>

#include "decode/jpeg_dc_internal.h"

// `place` is the coefficient's number in the file's order plus 1. Returns not 0 if no sound block
// has such a value.
static inline uint32_t jpeg_dc_squares_add(const struct jpeg_dc_component *owner, int32_t *sums,
                                           uint32_t place, int32_t value)
{
    const struct jpeg_dc_coefficient *coefficient = &owner->coefficient[place];
    value *= coefficient->step;
    // Unsigned: if it is too large the sum is of no use, but must not overflow.
    uint32_t product = (uint32_t)value * (uint32_t)coefficient->weight;
    sums[coefficient->sum] = (int32_t)((uint32_t)sums[coefficient->sum] + product);
    return (uint32_t)(value + JPEG_DC_MAX_COEFFICIENT) / (2 * JPEG_DC_MAX_COEFFICIENT);
}

// libjpeg's inverse DCT for 2 x 2 samples (jpeg_idct_2x2) in the same steps of fixed point, so that
// it rounds alike, except for the mean, which commutes with all but the last of them and stays out
// of these sums: first what row 0 adds to each column, then what rows 1, 3, 5 and 7 add.
static inline void jpeg_dc_squares_store(int32_t *out, const int32_t *sums)
{
    static const int32_t weight[JPEG_DC_COLUMNS] = {0, 29692, -10426, 6967, -5906};
    const int32_t *even = sums, *uneven = sums + JPEG_DC_COLUMNS;
    for (int y = 0; y < 2; y++) {
        int32_t column[JPEG_DC_COLUMNS], slope = 0;
        for (int i = 0; i < JPEG_DC_COLUMNS; i++)
            column[i] = (even[i] + (y ? -uneven[i] : uneven[i]) + (1 << 12)) >> 13;
        for (int i = 1; i < JPEG_DC_COLUMNS; i++)
            slope += column[i] * weight[i];
        out[2 * y] = column[0] * (1 << 15) + slope;
        out[2 * y + 1] = column[0] * (1 << 15) - slope;
    }
}

#endif
