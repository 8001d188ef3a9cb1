// What the files of engine/image share: the scratch memory, and resizing of a part. Private.
#ifndef ENGINE_IMAGE_RESIZER_H
#define ENGINE_IMAGE_RESIZER_H

#include "engine/image.h"
#include "image/resample.h"
#include "image/weights.h"

#define CHANNELS 3u
#define MAX_SIDE (1u << 20) // of a photo
// Of a photo and its padding. Pillow keeps box corners in floats, which are exact up to this.
#define MAX_PADDED_SIDE (1u << 24)

struct cubby_resizer {
    struct weights horizontal, vertical;
    int16_t *planes; // owned: one source row, a plane of 16-bit values per channel
    size_t planes_capacity;
    uint8_t *rows; // owned: the last horizontally resized rows, a ring
    size_t rows_capacity;
    int32_t *sums; // owned: one output row before rounding, or all of them if the axis is padded
    size_t sums_capacity;
    struct resampler resampler;
    uint8_t *item; // owned: what is resampled
    size_t item_capacity;
};

// The part of the photo that is resized, and the padding around it.
struct source {
    const uint8_t *rgb; // of the whole photo
    uint32_t width;     // of the whole photo: pixels from row to row
    struct source_axis x, y;
};

// The part of a resized image that is wanted, and where it goes.
struct window {
    uint32_t x, y, width, height; // in the resized image
    uint8_t *out;
    size_t out_stride; // bytes from row to row
};

static inline bool side_fits(uint32_t side)
{
    return side > 0 && side <= MAX_SIDE;
}

// Makes *buffer hold `count` elements; what it held is lost.
CUBBY_NODISCARD enum cubby_status resizer_reserve(void **buffer, size_t *capacity, size_t count,
                                                  size_t element);

// One window of the image that Pillow's resize would make; nothing outside it is computed.
CUBBY_NODISCARD enum cubby_status
resize_window(struct cubby_resizer *resizer, const struct source *source, enum cubby_filter filter,
              uint32_t resized_width, uint32_t resized_height, const struct window *window);

#endif
