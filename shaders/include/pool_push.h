// Push constants of shaders/max_pool.comp and shaders/global_pool.comp.
#ifndef POOL_PUSH_H
#define POOL_PUSH_H

#ifndef GL_core_profile
#include <stdint.h>
#define uint uint32_t
#endif

struct pool_push {
    uint src_base; // first texel of the input within binding 0
    uint in_height, in_width;
    uint in_blocks; // texels of an input pixel
    uint in_plane;  // batch * in_height * in_width
    uint out_height, out_width;
    uint out_plane; // batch * out_height * out_width
    uint kernel, stride, pad;
    uint out_blocks; // texels of an output pixel
    uint averages;   // global pool: texel where they begin; with concat, maxima are before them
};

#ifndef GL_core_profile
#undef uint
_Static_assert(sizeof(struct pool_push) <= 128, "push constants are promised 128 bytes");
#endif

#endif
