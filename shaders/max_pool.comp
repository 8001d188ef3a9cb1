// Max pooling; padding never wins. One invocation writes one output texel.
// WINDOW: the window's size, known to the build so that all loads are issued together; the pooling
// of every ResNet. Otherwise p.kernel is.
//   src  f32 NC4HW4 [blocks][n][in_h][in_w]    dst  f32 NC4HW4 [blocks][n][out_h][out_w]
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

#include "family.glsl"
#include "pool_push.h"

layout(local_size_x = 64) in; // x: output pixels, y: channel blocks
layout(binding = 2, std430) writeonly buffer Dst {
    TEXEL dst[];
};
layout(push_constant) uniform Push {
    pool_push p;
};

void main()
{
    const uint m = gl_GlobalInvocationID.x;
    if (m >= p.out_plane)
        return;
    const uint row = m / p.out_width;
    const uint n = row / p.out_height;
    const int left = int((m - row * p.out_width) * p.stride) - int(p.pad);
    const int top = int((row - n * p.out_height) * p.stride) - int(p.pad);
    const uint plane =
        p.src_base + gl_WorkGroupID.y * p.in_plane + n * p.in_height * p.in_width;

    vec4 best = vec4(uintBitsToFloat(0xff800000u)); // -infinity
    // A clamped position repeats a pixel of the window as long as pad < kernel, and repeating one
    // cannot change the maximum.
#ifdef WINDOW
    int rows[WINDOW], columns[WINDOW];
    [[unroll]] for (int k = 0; k < WINDOW; k++) {
        rows[k] = clamp(top + k, 0, int(p.in_height) - 1) * int(p.in_width);
        columns[k] = clamp(left + k, 0, int(p.in_width) - 1);
    }
    [[unroll]] for (int ky = 0; ky < WINDOW; ky++)
        [[unroll]] for (int kx = 0; kx < WINDOW; kx++)
            best = max(best, LOAD_SRC(plane + uint(rows[ky] + columns[kx])));
#else
    for (int ky = 0; ky < int(p.kernel); ky++) {
        const int y = clamp(top + ky, 0, int(p.in_height) - 1);
        for (int kx = 0; kx < int(p.kernel); kx++) {
            const int x = clamp(left + kx, 0, int(p.in_width) - 1);
            best = max(best, LOAD_SRC(plane + uint(y) * p.in_width + uint(x)));
        }
    }
#endif
    dst[gl_WorkGroupID.y * p.out_plane + m] = PACK(best);
}
