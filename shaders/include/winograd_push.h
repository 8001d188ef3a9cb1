// Push constants of shaders/winograd_input.comp and winograd_output.comp, included by GLSL and by
// engine/ops/winograd.c.
#ifndef WINOGRAD_PUSH_H
#define WINOGRAD_PUSH_H

#ifndef GL_core_profile
#include <stdint.h>
#define uint uint32_t
#endif

// F(4x4, 3x3): 6x6 inputs give 4x4 outputs with 36 multiplications instead of 144.
#define WINOGRAD_KERNEL 3
#define WINOGRAD_OUT 4
#define WINOGRAD_IN 6
#define WINOGRAD_POSITIONS 36

struct winograd_push {
    uint src_base;      // first texel of the input within binding 0
    uint bias_base;     // first texel of the bias within binding 1
    uint residual_base; // first texel of the tensor to add (lane: binding 0, tile: binding 3)
    uint height, width, plane; // of the image; batch * height * width
    uint pad;                  // of the convolution
    uint tiles_x, tiles_y;     // tiles of an image
    uint tiles;                // batch * tiles_y * tiles_x
    uint blocks;               // ceil(channels / 4)
    uint flags;                // CONV_*
};

#ifndef GL_core_profile
#undef uint
_Static_assert(sizeof(struct winograd_push) <= 128, "push constants are promised 128 bytes");
#endif

#endif
