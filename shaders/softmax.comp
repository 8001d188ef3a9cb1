// Probabilities: exp(x - max) / sum, one workgroup an image.
//   src  [blocks][n][1][1]    dst  f32 [n][channels]
#version 450
#extension GL_GOOGLE_include_directive : require

#include "family.glsl"
#include "rows_push.h"

#define THREADS 64
layout(local_size_x = THREADS) in;
layout(binding = 2, std430) writeonly buffer Dst {
    float dst[];
};
layout(push_constant) uniform Push {
    rows_push p;
};

shared float partial[THREADS];

float logit(uint channel)
{
    return LOAD_SRC(p.src_base + AT(channel / 4, p.blocks, gl_WorkGroupID.x, p.batch))[channel % 4];
}

void main()
{
    const uint thread = gl_LocalInvocationID.x;

    float best = uintBitsToFloat(0xff800000u); // -infinity
    for (uint c = thread; c < p.channels; c += THREADS)
        best = max(best, logit(c));
    partial[thread] = best;
    barrier();
    for (uint half_count = THREADS / 2; half_count > 0; half_count /= 2) {
        if (thread < half_count)
            partial[thread] = max(partial[thread], partial[thread + half_count]);
        barrier();
    }
    best = partial[0];
    barrier();

    float sum = 0.0;
    for (uint c = thread; c < p.channels; c += THREADS)
        sum += exp(logit(c) - best);
    partial[thread] = sum;
    barrier();
    for (uint half_count = THREADS / 2; half_count > 0; half_count /= 2) {
        if (thread < half_count)
            partial[thread] += partial[thread + half_count];
        barrier();
    }
    sum = partial[0];

    for (uint c = thread; c < p.channels; c += THREADS)
        dst[gl_WorkGroupID.x * p.channels + c] = exp(logit(c) - best) / sum;
}
