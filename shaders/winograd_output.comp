// Last step of a Winograd convolution: 36 positions of each tile to 4x4 pixels, + bias + residual
// + ReLU.
//   src  f32 [36][blocks][tiles] texels    dst  f32 NC4HW4 [blocks][n][height][width]
// One invocation transforms four channels of one tile.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

#include "conv_push.h"
#include "family.glsl"
#include "winograd.glsl"
#include "winograd_push.h"

layout(local_size_x = 64) in; // x: tiles, y: channel blocks
layout(binding = 2, std430) writeonly buffer Dst {
    TEXEL dst[];
};
#ifndef LANE
layout(binding = 3, std430) readonly buffer Residual {
    vec4 residual_values[];
};
#endif
layout(push_constant) uniform Push {
    winograd_push p;
};

void main()
{
    const uint tile = gl_GlobalInvocationID.x, block = gl_WorkGroupID.y;
    if (tile >= p.tiles)
        return;
    const uint row = tile / p.tiles_x;
    const uint n = row / p.tiles_y;
    const uint left = (tile - row * p.tiles_x) * WINOGRAD_OUT;
    const uint top = (row - n * p.tiles_y) * WINOGRAD_OUT;

    vec4 half_way[WINOGRAD_OUT][WINOGRAD_IN]; // [row of the output][position]
    [[unroll]] for (int x = 0; x < WINOGRAD_IN; x++) {
        vec4 column[WINOGRAD_IN], transformed[WINOGRAD_OUT];
        [[unroll]] for (int y = 0; y < WINOGRAD_IN; y++) {
            const uint position = y * WINOGRAD_IN + x;
            column[y] = LOAD_SRC(p.src_base + (position * p.blocks + block) * p.tiles + tile);
        }
        winograd_output_line(column, transformed);
        [[unroll]] for (int y = 0; y < WINOGRAD_OUT; y++)
            half_way[y][x] = transformed[y];
    }
    const vec4 bias = LOAD_BIAS(p.bias_base + block);
    const bool relu = (p.flags & CONV_RELU) != 0, add = (p.flags & CONV_RESIDUAL) != 0;
    [[unroll]] for (int y = 0; y < WINOGRAD_OUT; y++) {
        vec4 transformed[WINOGRAD_OUT];
        winograd_output_line(half_way[y], transformed);
        [[unroll]] for (int x = 0; x < WINOGRAD_OUT; x++) {
            if (top + y < p.height && left + x < p.width) {
                const uint at = block * p.plane + (n * p.height + top + y) * p.width + left + x;
                vec4 v = transformed[x] + bias;
                if (add)
                    v += LOAD_RESIDUAL(p.residual_base + at);
                if (relu)
                    v = max(v, vec4(0.0));
                dst[at] = PACK(v);
            }
        }
    }
}
