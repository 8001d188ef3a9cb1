// Push constants of shaders/unpack.comp and shaders/softmax.comp, which write rows for the CPU.
#ifndef ROWS_PUSH_H
#define ROWS_PUSH_H

#ifndef GL_core_profile
#include <stdint.h>
#define uint uint32_t
#endif

struct rows_push {
    uint src_base; // first texel of the input within binding 0
    uint batch;    // rows
    uint channels; // values of a row
    uint blocks;   // texels that hold them
};

#ifndef GL_core_profile
#undef uint
_Static_assert(sizeof(struct rows_push) <= 128, "push constants are promised 128 bytes");
#endif

#endif
