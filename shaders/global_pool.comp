// Global average pooling, or fastai's concat pooling (maxima first, then averages).
//   src  [blocks][n][h][w]    dst  [blocks or 2 * blocks][n][1][1]
// One invocation reads one block of one image and writes one texel.
#version 450
#extension GL_GOOGLE_include_directive : require

#include "family.glsl"
#include "pool_push.h"

layout(local_size_x = 64) in; // x: texels of dst
layout(binding = 2, std430) writeonly buffer Dst {
    TEXEL dst[];
};
layout(push_constant) uniform Push {
    pool_push p;
};

void main()
{
    const uint i = gl_GlobalInvocationID.x, batch = p.out_plane;
    if (i >= p.out_blocks * batch)
        return;
#ifdef PIXELS
    const uint out_block = i % p.out_blocks, n = i / p.out_blocks;
#else
    const uint out_block = i / batch, n = i % batch;
#endif
    const bool average = out_block >= p.averages;
    const uint block = average ? out_block - p.averages : out_block;
    const uint pixels = p.in_height * p.in_width, first = n * pixels;
    if (block >= p.in_blocks) { // what pads the output
        dst[i] = PACK(vec4(0.0));
        return;
    }

    vec4 best = LOAD_SRC(p.src_base + AT(block, p.in_blocks, first, p.in_plane)), sum = best;
    for (uint k = 1; k < pixels; k++) {
        const vec4 v = LOAD_SRC(p.src_base + AT(block, p.in_blocks, first + k, p.in_plane));
        best = max(best, v);
        sum += v;
    }
    dst[i] = PACK(average ? sum / float(pixels) : best);
}
