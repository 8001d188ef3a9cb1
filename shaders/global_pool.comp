// Global average pooling, or fastai's concat pooling (maxima first, then averages).
//   src  f32 NC4HW4 [blocks][n][h][w]    dst  f32 NC4HW4 [blocks or 2 * blocks][n][1][1]
// One invocation reads one plane of one image.
#version 450
#extension GL_GOOGLE_include_directive : require

#include "family.glsl"
#include "pool_push.h"

layout(local_size_x = 64) in; // x: (block, image)
layout(binding = 2, std430) writeonly buffer Dst {
    TEXEL dst[];
};
layout(push_constant) uniform Push {
    pool_push p;
};

void main()
{
    const uint i = gl_GlobalInvocationID.x;
    const uint count = p.in_blocks * p.out_plane; // out_plane is the batch
    if (i >= count)
        return;
    const uint pixels = p.in_height * p.in_width;
    const uint plane = p.src_base + i * pixels; // block * in_plane + image * pixels

    vec4 best = LOAD_SRC(plane), sum = best;
    for (uint k = 1; k < pixels; k++) {
        const vec4 v = LOAD_SRC(plane + k);
        best = max(best, v);
        sum += v;
    }
    const vec4 average = sum / float(pixels);
    if (p.concat != 0) {
        dst[i] = PACK(best);
        dst[count + i] = PACK(average);
    } else {
        dst[i] = PACK(average);
    }
}
