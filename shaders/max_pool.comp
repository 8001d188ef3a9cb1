// Max pooling; padding never wins. One invocation writes one output texel.
// WINDOW: the window's size, known to the build so that all loads are issued together; the pooling
// of every ResNet. Otherwise p.kernel is.
//   src  [blocks][n][in_h][in_w]    dst  [blocks][n][out_h][out_w]
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

#include "family.glsl"
#include "pool_push.h"

layout(local_size_x = 64) in; // x: output pixels, y: blocks; PIXELS: texels of dst, in a row
layout(binding = 2, std430) writeonly buffer Dst {
    TEXEL dst[];
};
layout(push_constant) uniform Push {
    pool_push p;
};

void main()
{
#ifdef PIXELS
    const uint group = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    const uint texel = group * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    const uint block = texel % p.in_blocks, m = texel / p.in_blocks;
#else
    const uint block = gl_WorkGroupID.y, m = gl_GlobalInvocationID.x;
#endif
    if (m >= p.out_plane)
        return;
    const uint row = m / p.out_width;
    const uint n = row / p.out_height;
    const int left = int((m - row * p.out_width) * p.stride) - int(p.pad);
    const int top = int((row - n * p.out_height) * p.stride) - int(p.pad);
    const uint image = n * p.in_height * p.in_width;

    vec4 best = vec4(uintBitsToFloat(0xff800000u)); // -infinity
    // A clamped position repeats a pixel of the window as long as pad < kernel, and repeating one
    // cannot change the maximum.
#ifdef WINDOW
    int rows[WINDOW], columns[WINDOW];
    [[unroll]] for (int k = 0; k < WINDOW; k++) {
        rows[k] = clamp(top + k, 0, int(p.in_height) - 1) * int(p.in_width);
        columns[k] = clamp(left + k, 0, int(p.in_width) - 1);
    }
    [[unroll]] for (int ky = 0; ky < WINDOW; ky++) {
        [[unroll]] for (int kx = 0; kx < WINDOW; kx++) {
            const uint at = image + uint(rows[ky] + columns[kx]);
            best = max(best, LOAD_SRC(p.src_base + AT(block, p.in_blocks, at, p.in_plane)));
        }
    }
#else
    for (int ky = 0; ky < int(p.kernel); ky++) {
        const int y = clamp(top + ky, 0, int(p.in_height) - 1);
        for (int kx = 0; kx < int(p.kernel); kx++) {
            const int x = clamp(left + kx, 0, int(p.in_width) - 1);
            const uint at = image + uint(y) * p.in_width + uint(x);
            best = max(best, LOAD_SRC(p.src_base + AT(block, p.in_blocks, at, p.in_plane)));
        }
    }
#endif
    dst[AT(block, p.in_blocks, m, p.out_plane)] = PACK(best);
}
