// Convolution + bias + residual + ReLU for any GPU: implicit GEMM over shared-memory tiles.
//   src  f32 NC4HW4 [in_blocks][n][in_h][in_w]    dst  f32 NC4HW4 [out_blocks][n][out_h][out_w]
//   weights  f32 [out / BN][ky][kx][in_blocks][BN] texels of 4 input channels, bias [out / 4]
//
// A workgroup computes BM pixels x BN output channels; K runs over (tap, input block), BK texels
// at a time. The next step's texels are fetched into registers while the current step is computed.
// Neighbouring threads read neighbouring pixels, so loads and stores are coalesced 16-byte accesses.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

#include "conv_push.h"
#include "family.glsl"

#define BM 64
#define BN 64
#define BK 4 // texels, so 16 input channels

layout(local_size_x = 256) in;
layout(binding = 2, std430) writeonly buffer Dst {
    TEXEL dst[];
};
#ifdef HALF
layout(binding = 2, std430) writeonly buffer DstFloats {
    vec4 dst_floats[]; // with CONV_FLOATS
};
#endif
layout(binding = 3, std430) readonly buffer Residual {
    TEXEL residual[];
};
layout(push_constant) uniform Push {
    conv_push p;
};

shared vec4 tile_a[BK][BM];
shared vec4 tile_b[BK][BN];

void main()
{
    const uint thread = gl_LocalInvocationID.x;
    const uint load_row = thread % BM, load_k = thread / BM; // 256 threads load BK x 64 texels

    // The pixel whose window this thread loads.
    const uint m = min(gl_WorkGroupID.x * BM + load_row, p.out_plane - 1);
    const uint row = m / p.out_width;
    const uint n = row / p.out_height;
    const int left = int((m - row * p.out_width) * p.stride) - int(p.pad);
    const int top = int((row - n * p.out_height) * p.stride) - int(p.pad);
    const uint position = gl_WorkGroupID.z; // of a Winograd product; otherwise 0
    const uint image = p.src_base + position * p.src_step + n * p.in_height * p.in_width;

    const uint steps = p.kernel * p.kernel * p.in_blocks; // of one texel
    const uint panel =
        p.weight_base + position * p.weight_step + gl_WorkGroupID.y * steps * BN + load_row;

    // This thread's place in K, moved on by BK each step without a division.
    uint k = load_k, block = load_k;
    int ky = 0, kx = 0;

    float sum[4][4];
    [[unroll]] for (int r = 0; r < 4; r++)
        [[unroll]] for (int j = 0; j < 4; j++)
            sum[r][j] = 0.0;

    const uint tx = thread % 16, ty = thread / 16;
    for (uint base = 0; base < steps; base += BK) {
        while (block >= p.in_blocks && k < steps) {
            block -= p.in_blocks;
            if (++kx == int(p.kernel)) {
                kx = 0;
                ky++;
            }
        }
        const int y = top + ky, x = left + kx;
        vec4 a = vec4(0.0), b = vec4(0.0);
        if (k < steps) {
            if (uint(y) < p.in_height && uint(x) < p.in_width)
                a = LOAD_SRC(image + block * p.in_plane + uint(y) * p.in_width + uint(x));
            b = LOAD_WEIGHT(panel + k * BN);
        }
        k += BK;
        block += BK;

        barrier(); // the previous step's reads are over
        tile_a[load_k][load_row] = a;
        tile_b[load_k][load_row] = b;
        barrier();

        [[unroll]] for (int q = 0; q < BK; q++) {
            vec4 va[4], vb[4];
            [[unroll]] for (int j = 0; j < 4; j++) {
                va[j] = tile_a[q][tx + 16 * j];
                vb[j] = tile_b[q][ty * 4 + j];
            }
            [[unroll]] for (int r = 0; r < 4; r++)
                [[unroll]] for (int j = 0; j < 4; j++)
                    sum[r][j] += dot(vb[r], va[j]);
        }
    }

    const uint out_block = gl_WorkGroupID.y * (BN / 4) + ty;
    if (out_block >= p.out_blocks)
        return;
    vec4 bias = vec4(0.0);
    if ((p.flags & CONV_BIAS) != 0)
        bias = LOAD_BIAS(p.bias_base + out_block);
    [[unroll]] for (int j = 0; j < 4; j++) {
        const uint pixel = gl_WorkGroupID.x * BM + tx + 16 * j;
        if (pixel < p.out_plane) {
            const uint at = out_block * p.out_plane + pixel;
            vec4 v = vec4(sum[0][j], sum[1][j], sum[2][j], sum[3][j]) + bias;
            if ((p.flags & CONV_RESIDUAL) != 0)
                v += vec4(residual[p.residual_base + at]);
            if ((p.flags & CONV_RELU) != 0)
                v = max(v, vec4(0.0));
#ifdef HALF
            if ((p.flags & CONV_FLOATS) != 0)
                dst_floats[at] = v;
            else
#endif
                dst[position * p.dst_step + at] = PACK(v);
        }
    }
}
