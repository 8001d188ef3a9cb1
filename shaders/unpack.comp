// Channel blocks back to plain rows, for the CPU to read.
//   src  [blocks][n][1][1]    dst  f32 [n][channels]
// SIGMOID: probabilities of classes that do not exclude each other, 1 / (1 + exp(-x)).
#version 450
#extension GL_GOOGLE_include_directive : require

#include "family.glsl"
#include "rows_push.h"

layout(local_size_x = 64) in; // x: channels, y: images
layout(binding = 2, std430) writeonly buffer Dst {
    float dst[];
};
layout(push_constant) uniform Push {
    rows_push p;
};

void main()
{
    const uint channel = gl_GlobalInvocationID.x, n = gl_WorkGroupID.y;
    if (channel >= p.channels)
        return;
    float value = LOAD_SRC(p.src_base + AT(channel / 4, p.blocks, n, p.batch))[channel % 4];
#ifdef SIGMOID
    const float small = exp(-abs(value)); // never overflows
    value = (value < 0.0 ? small : 1.0) / (1.0 + small);
#endif
    dst[n * p.channels + channel] = value;
}
