// Channel blocks back to plain rows, for the CPU to read.
//   src  f32 NC4HW4 [blocks][n][1][1]    dst  f32 [n][channels]
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
    dst[n * p.channels + channel] = LOAD_SRC(p.src_base + channel / 4 * p.batch + n)[channel % 4];
}
