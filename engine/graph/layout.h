// How a value lies in the arena: the order of its elements, their size, and what pads them. It
// follows from the device's kernels and precision, and from who reads the value. Private to the
// engine.
#ifndef ENGINE_GRAPH_LAYOUT_H
#define ENGINE_GRAPH_LAYOUT_H

#include "graph/graph.h"
#include "vk/gpu.h"

#define LAYOUT_FLOAT 4u // element_bytes
#define LAYOUT_HALF 2u

#define LAYOUT_IMAGE_CHANNELS 4u // of an image that a network begins with, in the matrix family
#define LAYOUT_IMAGE_TAPS 8u     // pixels that a row of a window is rounded up to there
#define LAYOUT_SPARE_PIXELS 256u // what the pixels of a batch are rounded up to, for whole tiles

enum layout_order {
    LAYOUT_BLOCKS, // [channel / 4][image][y][x][channel % 4]
    LAYOUT_PIXELS, // [image][y][x][channel]
};

struct value_layout {
    enum layout_order order;
    uint32_t element_bytes; // LAYOUT_*
    uint32_t channels;      // as stored: rounded up, the rest is zero
    uint32_t height, width; // as stored
    uint32_t top, left;     // border above and left of it, zero like the one below and right
    bool spare;             // kernels may go on up to LAYOUT_SPARE_PIXELS, with anything in there
};

struct value_layout layout_of(const struct cubby_gpu *gpu, const struct graph *graph,
                              uint32_t value);
// Of `batch` images; and with the spare pixels behind the last.
uint64_t layout_bytes(const struct value_layout *layout, uint64_t batch);
uint64_t layout_room_bytes(const struct value_layout *layout, uint64_t batch);
// Which element holds [image][channel][y][x] of `batch` images.
uint64_t layout_index(const struct value_layout *layout, uint32_t batch, uint32_t image,
                      uint32_t channel, uint32_t y, uint32_t x);

// Texels of four channels.
static inline uint32_t layout_blocks(const struct value_layout *layout)
{
    return layout->channels / 4;
}

#endif
