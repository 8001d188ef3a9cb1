// Pillow's resampling weights of one axis, for the output positions that are asked for.
#ifndef ENGINE_IMAGE_WEIGHTS_H
#define ENGINE_IMAGE_WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

#include "engine/image.h"

// Fixed point of the weights, src/libImaging/Resample.c: PRECISION_BITS is 32 - 8 - 2.
#define WEIGHT_BITS 22
#define WEIGHT_HALF (1 << (WEIGHT_BITS - 1))
// A weight is `high` * 2^11 + `low`, so that both fit 16 bits and a row of pixels is two
// dot products of 16-bit numbers, which every SIMD unit has (pmaddwd, smlal).
#define WEIGHT_LOW_BITS 11
// Taps are padded with zero weights to a multiple of this: no remainder in the inner loop.
#define WEIGHT_GROUP 8u

// One axis of the rectangle that is resized: pixels of the photo, and padding around them that no
// memory holds.
struct source_axis {
    uint32_t size;         // of the rectangle: before + taken + what is padded after
    uint32_t first, taken; // the photo's pixels in it
    uint32_t before;       // padding in front of them
    enum cubby_pad pad;
};

static inline bool source_axis_padded(const struct source_axis *axis)
{
    return axis->size != axis->taken;
}

struct weights {
    // What the tables below hold: a cache key.
    struct source_axis axis;
    uint32_t out_size;     // of the whole axis
    uint32_t first, count; // output positions first .. first + count - 1
    enum cubby_filter filter;
    // For output position first + i: taps pixels of the photo from start[i] on, padded with zero
    // weights. Starts only go up, unless the axis is padded.
    uint32_t source_first, source_end; // all source pixels that are read (zero weights apart)
    uint32_t taps;                     // a multiple of WEIGHT_GROUP; the same for every position
    uint32_t *start, *length;          // [count]; owned
    int32_t *weight;                   // [count][taps]; owned
    int16_t *high, *low;               // [count][taps]; owned
    size_t capacity_count, capacity_weights;
};

// Fills `weights`, unless it holds just this already. Zero it before the first call. Weights of
// padding are added to those of the pixel that it repeats, which is exact: they are whole numbers.
//   CUBBY_NO_MEMORY  the tables could not grow; `weights` is empty and may be used again
CUBBY_NODISCARD enum cubby_status weights_set(struct weights *weights,
                                              const struct source_axis *axis, uint32_t out_size,
                                              uint32_t first, uint32_t count,
                                              enum cubby_filter filter);
void weights_fini(struct weights *weights);

#endif
