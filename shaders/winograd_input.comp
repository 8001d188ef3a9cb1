// First step of a Winograd convolution: 6x6 pixels of each tile to 36 positions.
//   src  f32 NC4HW4 [blocks][n][height][width]    dst  f32 [36][blocks][tiles] texels
// Tiles are 4 pixels apart. One invocation transforms four channels of one tile.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

#include "family.glsl"
#include "winograd.glsl"
#include "winograd_push.h"

layout(local_size_x = 64) in; // x: tiles, y: channel blocks
layout(binding = 2, std430) writeonly buffer Dst {
    TEXEL dst[];
};
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
    const int left = int(tile - row * p.tiles_x) * WINOGRAD_OUT - int(p.pad);
    const int top = int(row - n * p.tiles_y) * WINOGRAD_OUT - int(p.pad);
    const int image = int(p.src_base + block * p.plane + n * p.height * p.width);

    vec4 half_way[WINOGRAD_IN][WINOGRAD_IN]; // [position of the column][x]
    [[unroll]] for (int x = 0; x < WINOGRAD_IN; x++) {
        vec4 column[WINOGRAD_IN], transformed[WINOGRAD_IN];
        [[unroll]] for (int y = 0; y < WINOGRAD_IN; y++) {
            const bool inside = uint(top + y) < p.height && uint(left + x) < p.width;
            const int at = image + (top + y) * int(p.width) + left + x;
            column[y] = LOAD_SRC_OR_ZERO(inside, at);
        }
        winograd_input_line(column, transformed);
        [[unroll]] for (int y = 0; y < WINOGRAD_IN; y++)
            half_way[y][x] = transformed[y];
    }
    [[unroll]] for (int y = 0; y < WINOGRAD_IN; y++) {
        vec4 transformed[WINOGRAD_IN];
        winograd_input_line(half_way[y], transformed);
        [[unroll]] for (int x = 0; x < WINOGRAD_IN; x++)
            dst[((y * WINOGRAD_IN + x) * p.blocks + block) * p.tiles + tile] = PACK(transformed[x]);
    }
}
