// Push constants of shaders/normalize.comp.
#ifndef NORMALIZE_PUSH_H
#define NORMALIZE_PUSH_H

#ifndef GL_core_profile
#include <stdint.h>
#define uint uint32_t
#endif

struct normalize_push {
    uint pixels; // batch * height * width
    float mean_r, mean_g, mean_b;
    float std_r, std_g, std_b;
    uint height, width;                              // PIXELS, from here on: of an image
    uint stored_pixels, stored_height, stored_width; // with a border of zeros
    uint top, left;                                  // of it
    uint blocks;                                     // texels of a pixel
};

#ifndef GL_core_profile
#undef uint
_Static_assert(sizeof(struct normalize_push) <= 128, "push constants are promised 128 bytes");
#endif

#endif
