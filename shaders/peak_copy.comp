// As many bytes as the device's memory moves: 16 an invocation and turn, neighbours side by side.
//   src  u32 [words * 4]    dst  u32 [words * 4]
// On an H100 vkCmdCopyBuffer reaches a quarter of this (0.84 of 3 TB/s).
#version 450
#extension GL_GOOGLE_include_directive : require

#include "peak_push.h"

layout(local_size_x = PEAK_THREADS) in;
layout(binding = 0, std430) writeonly buffer Dst {
    uvec4 dst[];
};
layout(binding = 1, std430) readonly buffer Src {
    uvec4 src[];
};
layout(push_constant) uniform Push {
    peak_push p;
};

void main()
{
    const uint step = gl_NumWorkGroups.x * PEAK_THREADS;
    for (uint i = gl_GlobalInvocationID.x; i < p.rounds; i += step)
        dst[i] = src[i];
}
