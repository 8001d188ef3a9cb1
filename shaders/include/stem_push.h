// Push constants of shaders/stem_matrix.comp, included by GLSL and by engine/ops/stem_matrix.c.
#ifndef STEM_PUSH_H
#define STEM_PUSH_H

#ifndef GL_core_profile
#include <stdint.h>
#define uint uint32_t
#endif

struct stem_push {
    uint tiles;            // of all images
    uint tiles_x, tiles_y; // of one
    uint groups;           // of output channels
    uint in_height, in_width;
    uint out_height, out_width;
    uint out_chunks; // of an output pixel: 16 bytes, eight halves
    uint pad;
    uint last_word; // of all images' bytes or floats
    uint bias_base; // texels from the first weight to the bias
    uint flags;     // CONV_RELU of conv_push.h
    // value * scale + offset is (value / 255 - mean) / std
    float scale_r, scale_g, scale_b;
    float offset_r, offset_g, offset_b;
};

#ifndef GL_core_profile
#undef uint
_Static_assert(sizeof(struct stem_push) <= 128, "push constants are promised 128 bytes");
#endif

#endif
