// Convolution + bias + residual + ReLU for any GPU: implicit GEMM over shared-memory tiles.
//   src  NC4HW4 [in_blocks][n][in_h][in_w]    dst  NC4HW4 [out_blocks][n][out_h][out_w]
//   weights  [out / PANEL][ky][kx][in_blocks][PANEL] texels of 4 input channels, bias [out / 4]
//
// 256 threads, 16 x 16 of them, each with TM pixels x TN output channels in registers, compute
// BM x BN; K runs over (tap, input block), BK texels at a time. The next step's texels are fetched
// into registers while the current step is computed. Neighbouring threads read neighbouring pixels,
// so loads and stores are coalesced accesses of a texel each.
//
// Why these tiles: a thread reads TM + TN texels of shared memory for 4 * TM * TN multiplications,
// 16 for each texel at 8 x 8 and 8 at 4 x 4. Shared memory gives a compute unit a quarter of a texel
// for each multiplication it could make in that time, so 4 x 4 is at the edge and 8 x 8 leaves room;
// its 64 sums and 9 texels need about 120 registers, which still lets two workgroups share a unit.
// 16 KB of tiles are what every device promises.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

#include "conv_push.h"
#include "family.glsl"

layout(constant_id = 0) const uint TM = 4; // 4 or 8
layout(constant_id = 1) const uint TN = 4; // 4 or 8
#define THREADS 256
#define BK 4     // texels, so 16 input channels
#define PANEL 64 // output channels whose weights lie together

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

const uint BM = 16 * TM, BN = 16 * TN;
const uint A_LOADS = BK * BM / THREADS, A_STEP = THREADS / BM; // texels of a thread, BM or BN apart
const uint B_LOADS = BK * BN / THREADS, B_STEP = THREADS / BN;

shared vec4 tile_a[BK * BM];
shared vec4 tile_b[BK * BN];

// Where a thread's texels of src are in K: moved on by BK each step without a division.
uint k_of[A_LOADS], block_of[A_LOADS];
int ky_of[A_LOADS], kx_of[A_LOADS];
vec4 next_a[A_LOADS], next_b[B_LOADS];

void fetch(int top, int left, uint image, uint weight, uint base, uint steps)
{
    const uint thread = gl_LocalInvocationID.x;
    [[unroll]] for (uint i = 0; i < A_LOADS; i++) {
        while (block_of[i] >= p.in_blocks && k_of[i] < steps) {
            block_of[i] -= p.in_blocks;
            if (++kx_of[i] == int(p.kernel)) {
                kx_of[i] = 0;
                ky_of[i]++;
            }
        }
        const int y = top + ky_of[i], x = left + kx_of[i];
        next_a[i] = vec4(0.0);
        if (k_of[i] < steps && uint(y) < p.in_height && uint(x) < p.in_width)
            next_a[i] =
                LOAD_SRC(image + block_of[i] * p.in_plane + uint(y) * p.in_width + uint(x));
        k_of[i] += BK;
        block_of[i] += BK;
    }
    [[unroll]] for (uint i = 0; i < B_LOADS; i++) {
        const uint k = base + thread / BN + i * B_STEP;
        next_b[i] = vec4(0.0);
        if (k < steps)
            next_b[i] = LOAD_WEIGHT(weight + k * PANEL);
    }
}

void main()
{
    const uint thread = gl_LocalInvocationID.x;

    // The pixel whose window this thread loads, and the output channel whose weights.
    const uint m = min(gl_WorkGroupID.x * BM + thread % BM, p.out_plane - 1);
    const uint row = m / p.out_width;
    const uint n = row / p.out_height;
    const int left = int((m - row * p.out_width) * p.stride) - int(p.pad);
    const int top = int((row - n * p.out_height) * p.stride) - int(p.pad);
    const uint position = gl_WorkGroupID.z; // of a Winograd product; otherwise 0
    const uint image = p.src_base + position * p.src_step + n * p.in_height * p.in_width;
    const uint steps = p.kernel * p.kernel * p.in_blocks; // of one texel
    const uint channel = gl_WorkGroupID.y * BN + thread % BN;
    const uint panel = min(channel / PANEL, (p.out_blocks - 1) / (PANEL / 4));
    const uint weight = p.weight_base + position * p.weight_step + panel * steps * PANEL +
                        channel % PANEL;

    [[unroll]] for (uint i = 0; i < A_LOADS; i++) {
        k_of[i] = block_of[i] = thread / BM + i * A_STEP;
        ky_of[i] = kx_of[i] = 0;
    }
    float sum[TN][TM];
    [[unroll]] for (uint r = 0; r < TN; r++)
        [[unroll]] for (uint j = 0; j < TM; j++)
            sum[r][j] = 0.0;

    const uint tx = thread % 16, ty = thread / 16;
    fetch(top, left, image, weight, 0, steps);
    for (uint base = 0; base < steps; base += BK) {
        barrier(); // the previous step's reads are over
        [[unroll]] for (uint i = 0; i < A_LOADS; i++)
            tile_a[thread + i * THREADS] = next_a[i];
        [[unroll]] for (uint i = 0; i < B_LOADS; i++)
            tile_b[thread + i * THREADS] = next_b[i];
        barrier();
        if (base + BK < steps)
            fetch(top, left, image, weight, base + BK, steps);

        [[unroll]] for (uint q = 0; q < BK; q++) {
            vec4 a[TM];
            [[unroll]] for (uint j = 0; j < TM; j++)
                a[j] = tile_a[q * BM + tx + 16 * j];
            [[unroll]] for (uint r = 0; r < TN; r++) {
                const vec4 b = tile_b[q * BN + r / 4 * PANEL + ty * 4 + r % 4];
                [[unroll]] for (uint j = 0; j < TM; j++) {
                    float s = fma(b.x, a[j].x, sum[r][j]);
                    s = fma(b.y, a[j].y, s);
                    s = fma(b.z, a[j].z, s);
                    sum[r][j] = fma(b.w, a[j].w, s);
                }
            }
        }
    }

    [[unroll]] for (uint h = 0; h < TN / 4; h++) {
        const uint out_block = gl_WorkGroupID.y * (BN / 4) + h * (PANEL / 4) + ty;
        if (out_block >= p.out_blocks)
            break;
        vec4 bias = vec4(0.0);
        if ((p.flags & CONV_BIAS) != 0)
            bias = LOAD_BIAS(p.bias_base + out_block);
        [[unroll]] for (uint j = 0; j < TM; j++) {
            const uint pixel = gl_WorkGroupID.x * BM + tx + 16 * j;
            if (pixel < p.out_plane) {
                const uint at = out_block * p.out_plane + pixel;
                vec4 v = vec4(sum[h * 4][j], sum[h * 4 + 1][j], sum[h * 4 + 2][j],
                              sum[h * 4 + 3][j]) +
                         bias;
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
}
