// Push constants of shaders/peak*.comp.
#ifndef PEAK_PUSH_H
#define PEAK_PUSH_H

#ifndef GL_core_profile
#include <stdint.h>
#define uint uint32_t
#endif

#define PEAK_THREADS 64 // invocations a workgroup
#define PEAK_CHAINS 12  // that do not wait for each other
#define PEAK_STEPS 16   // multiply-adds of each chain in a round

#define PEAK_MATRICES 4 // of each factor that a subgroup multiplies, all with all, in a round

struct peak_push {
    uint rounds; // peak_copy: of 16 bytes each
    float factor, term; // unknown to the compiler
};

#ifndef GL_core_profile
#undef uint
_Static_assert(sizeof(struct peak_push) <= 128, "push constants are promised 128 bytes");
#endif

#endif
