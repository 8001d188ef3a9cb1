// Convolution + bias + residual + ReLU on matrix units: implicit GEMM, halves in, sums in floats.
//   src  f16 NHWC [n][in_h][in_w][channels]    dst  f16 or f32 NHWC [n][out_h][out_w][channels]
//   weights  f16 [ky][kx][channels / 8][weight_channels][8]    bias  f32 [channels]
//   other  f16 NHWC: a tensor like dst that is added (RESIDUAL), or one that goes through a 1x1
//          convolution first (SECOND), whose weights follow the others: K goes on in it
//
// A workgroup computes BM pixels x BN output channels, each of its subgroups WM x WN of them in
// M x N matrices that stay in registers. K runs over (ky, kx, channels), BK of one tap a step: in
// NHWC these lie side by side, so a step adds one number to every address, and only the step that
// changes taps looks at the window again. Every load and store is 16 bytes: eight halves, a chunk.
//
// The next steps' chunks are fetched into registers while the present one is multiplied, and wait
// there, not in shared memory: Vulkan has no asynchronous copy into it, and 48 KB (the usual limit)
// are better spent on large tiles. BUFFERS = 2 saves one of the two barriers of a step; AHEAD = 2
// gives memory the time of two steps to answer, for more registers. So does the last step with the
// residual, without which each of its loads would be waited for.
//
// Why these tiles: a step of BM x BN x BK reads (BM + BN) * BK halves and multiplies BM * BN * BK
// pairs, 64 for each half read at 128 x 128; between L2 and a compute unit's matrix rate that
// is enough on all GPUs, while 64 x 64 halves it. Inside, a subgroup's 32 x 64 part reads
// (32 + 64) * K halves of shared memory for 32 * 64 * K products. Rows of the shared tiles are PAD
// chunks longer than BK: with one, the eight rows that a matrix load touches at once lie in
// different banks, and stay aligned to 16 bytes. Small tiles are for the layers that would not
// give every compute unit a large one.
//
// Rounding happens once, at the only store: bias is what the sums start from, residual and ReLU are
// applied to floats on their way through shared memory, which also makes the stores contiguous.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint M = 16;
layout(constant_id = 2) const uint N = 16;
layout(constant_id = 3) const uint K = 16;
layout(constant_id = 4) const uint BM = 128;
layout(constant_id = 5) const uint BN = 128;
layout(constant_id = 6) const uint BK = 32;
layout(constant_id = 7) const uint WM = 32;
layout(constant_id = 8) const uint WN = 64;
layout(constant_id = 9) const uint PAD = 1;
layout(constant_id = 10) const uint BUFFERS = 1;
layout(constant_id = 11) const uint KERNEL_H = 1;
layout(constant_id = 12) const uint KERNEL_W = 1;
layout(constant_id = 13) const bool EDGES = false; // windows may reach over the image's edges
layout(constant_id = 14) const uint SUBGROUP = 32;
layout(constant_id = 15) const uint AHEAD = 1; // steps whose loads are under way
layout(constant_id = 16) const bool RESIDUAL = false;
layout(constant_id = 17) const bool SECOND = false; // `other` is a second tensor to multiply

#include "conv_matrix_push.h"
#include "conv_push.h"
#include "matrix.glsl"

layout(binding = 0, std430) readonly buffer Src {
    uvec4 src[];
};
layout(binding = 1, std430) readonly buffer Weights {
    uvec4 weights[];
};
layout(binding = 1, std430) readonly buffer Bias {
    float bias[];
};
layout(binding = 2, std430) writeonly buffer Dst {
    uvec4 dst[];
};
layout(binding = 2, std430) writeonly buffer DstFloats {
    vec4 dst_floats[];
};
layout(binding = 3, std430) readonly buffer Other {
    uvec4 other[];
};
layout(push_constant) uniform Push {
    conv_matrix_push p;
};

const uint PARTS_M = BM / WM; // subgroups along the pixels
const uint SUBGROUPS = PARTS_M * (BN / WN);
const uint THREADS = SUBGROUPS * SUBGROUP;
const uint CHUNKS = BK / 8; // of a row of a shared tile
const uint ROW = CHUNKS + PAD;
const uint TILES = (BM + BN) * ROW;
const uint A_LOADS = BM * CHUNKS / THREADS; // of each thread, a step
const uint B_LOADS = BN * CHUNKS / THREADS;
const uint STAGE_ROW = WN / 4 + 1; // floats on their way out: M rows a subgroup, four a uvec4
const uint STAGE = M * STAGE_ROW;
const uint STAGE_CHUNKS = M * (WN / 8);
const uint SHARES = (STAGE_CHUNKS + SUBGROUP - 1) / SUBGROUP; // of them, for each lane
const uint STAGES_M = WM / M;                                 // one after the other
const uint HELD = STAGES_M < 2 ? STAGES_M : 2;                // whose residuals are under way
const uint TILES_SIZE = BUFFERS * TILES, STAGES_SIZE = SUBGROUPS * STAGE;

// First the tiles, BM rows of src and BN rows of weights; in the end the results.
shared uvec4 pool[TILES_SIZE > STAGES_SIZE ? TILES_SIZE : STAGES_SIZE];

vec4 halves(uint xy, uint zw)
{
    return vec4(unpackHalf2x16(xy), unpackHalf2x16(zw));
}

uvec2 packed(vec4 v)
{
    const f16vec4 h = f16vec4(clamp(v, -65504.0, 65504.0)); // to nearest; packHalf2x16 may not
    return uvec2(packFloat2x16(h.xy), packFloat2x16(h.zw));
}

// Adds the residual, applies ReLU and stores eight channels of one pixel.
void finish(vec4 low, vec4 high, uvec4 r, uint at)
{
    if (RESIDUAL) {
        low += halves(r.x, r.y);
        high += halves(r.z, r.w);
    }
    if ((p.flags & CONV_RELU) != 0) {
        low = max(low, vec4(0.0));
        high = max(high, vec4(0.0));
    }
    if ((p.flags & CONV_FLOATS) != 0) {
        dst_floats[at * 2] = low;
        dst_floats[at * 2 + 1] = high;
    } else {
        dst[at] = uvec4(packed(low), packed(high));
    }
}

// Where in dst a lane's share of a stage goes; false: nowhere.
bool place(uint share, uint stage_m, uint first_chunk, out uint row, out uint chunk, out uint at)
{
    const uint e = gl_LocalInvocationID.x % SUBGROUP + share * SUBGROUP;
    row = e / (WN / 8);
    chunk = e % (WN / 8);
    const uint m = stage_m + row, c = first_chunk + chunk;
    at = m * p.out_chunks + c;
    return e < STAGE_CHUNKS && m < p.pixels && c < p.out_chunks;
}

uvec4 held[HELD][SHARES];

void fetch_residual(uint into, uint stage_m, uint first_chunk)
{
    [[unroll]] for (uint s = 0; s < SHARES; s++) {
        uint row, chunk, at;
        held[into][s] = uvec4(0);
        if (place(s, stage_m, first_chunk, row, chunk, at))
            held[into][s] = other[at];
    }
}

#include "conv_windows.glsl"

uint weight[B_LOADS]; // what this thread loads
uvec4 next_a[AHEAD][A_LOADS], next_b[AHEAD][B_LOADS];

void find_rows(uint first_m, uint first_n)
{
    const uint thread = gl_LocalInvocationID.x;
    find_windows(first_m);
    [[unroll]] for (uint i = 0; i < B_LOADS; i++) {
        const uint at = thread + i * THREADS;
        weight[i] = at / BN * p.weight_channels + min(first_n + at % BN, p.weight_channels - 1);
    }
}

// Starts the loads of one step, and moves on to the one behind it.
void fetch(uint set, uint first_m)
{
    if (SECOND && in_second) {
        [[unroll]] for (uint i = 0; i < A_LOADS; i++)
            next_a[set][i] = other[from[i] + offset];
    } else {
        [[unroll]] for (uint i = 0; i < A_LOADS; i++) {
            next_a[set][i] = uvec4(0);
            if (!EDGES || (inside[i] >> ky & inside[i] >> (16 + kx) & 1) != 0)
                next_a[set][i] = src[from[i] + offset];
        }
    }
    [[unroll]] for (uint i = 0; i < B_LOADS; i++) {
        next_b[set][i] = weights[weight[i]];
        weight[i] += CHUNKS * p.weight_channels;
    }
    next_step(first_m);
}

// Puts what was fetched into the tiles at `tiles`.
void share(uint set, uint tiles)
{
    const uint thread = gl_LocalInvocationID.x;
    [[unroll]] for (uint i = 0; i < A_LOADS; i++) {
        const uint row = thread / CHUNKS + i * (THREADS / CHUNKS);
        pool[tiles + row * ROW + thread % CHUNKS] = next_a[set][i];
    }
    [[unroll]] for (uint i = 0; i < B_LOADS; i++) {
        const uint at = thread + i * THREADS;
        pool[tiles + (BM + at % BN) * ROW + at / BN] = next_b[set][i];
    }
}

void main()
{
    const uint tile = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    if (tile >= p.tiles)
        return;
    // Neighbours share the pixels, which then come from the cache; all weights fit there anyway.
    const uint first_m = tile / p.tiles_n * BM, first_n = tile % p.tiles_n * BN;
    const uint part_m = gl_SubgroupID % PARTS_M * WM, part_n = gl_SubgroupID / PARTS_M * WN;
    const uint first_chunk = (first_n + part_n) / 8;

    const uint steps = KERNEL_H * KERNEL_W * (p.tap_chunks / CHUNKS) +
                       (SECOND ? p.second_chunks / CHUNKS : 0);
    find_rows(first_m, first_n);
    [[unroll]] for (uint set = 0; set < AHEAD; set++)
        if (set < steps)
            fetch(set, first_m);

    MATRIX_SUM sum[WM / M][WN / N];
    [[unroll]] for (uint j = 0; j < WN / N; j++) {
        // Stride 0: every pixel starts from the same row.
        MATRIX_LOAD_ROWS(sum[0][j], bias, p.bias_base + first_n + part_n + j * N, 0);
        [[unroll]] for (uint i = 1; i < WM / M; i++)
            sum[i][j] = sum[0][j];
    }

    for (uint first = 0; first < steps; first += AHEAD) {
        [[unroll]] for (uint set = 0; set < AHEAD; set++) {
            const uint step = first + set;
            if (step >= steps)
                break;
            const uint tiles = BUFFERS == 2 ? step % 2 * TILES : 0;
            share(set, tiles);
            barrier();
            if (step + AHEAD < steps)
                fetch(set, first_m);
            if (RESIDUAL && step + 1 == steps) {
                [[unroll]] for (uint i = 0; i < HELD; i++)
                    fetch_residual(i, first_m + part_m + i * M, first_chunk);
            }
            [[unroll]] for (uint k = 0; k < BK / K; k++) {
                MATRIX_A a[WM / M];
                [[unroll]] for (uint i = 0; i < WM / M; i++)
                    MATRIX_LOAD_ROWS(a[i], pool, tiles + (part_m + i * M) * ROW + k * (K / 8), ROW);
                [[unroll]] for (uint j = 0; j < WN / N; j++) {
                    MATRIX_B b;
                    MATRIX_LOAD_COLUMNS(b, pool, tiles + (BM + part_n + j * N) * ROW + k * (K / 8),
                                        ROW);
                    [[unroll]] for (uint i = 0; i < WM / M; i++)
                        sum[i][j] = MATRIX_MULTIPLY_ADD(a[i], b, sum[i][j]);
                }
            }
            if (BUFFERS == 1)
                barrier();
        }
    }
    if (BUFFERS == 2)
        barrier(); // the tiles become stages

    const uint stage = gl_SubgroupID * STAGE;
    [[unroll]] for (uint i = 0; i < STAGES_M; i++) {
        const uint stage_m = first_m + part_m + i * M;
        [[unroll]] for (uint j = 0; j < WN / N; j++)
            MATRIX_STORE_ROWS(sum[i][j], pool, stage + j * (N / 4), STAGE_ROW);
        subgroupBarrier();
        [[unroll]] for (uint s = 0; s < SHARES; s++) {
            uint row, chunk, at;
            if (place(s, stage_m, first_chunk, row, chunk, at)) {
                const uint from = stage + row * STAGE_ROW + chunk * 2;
                finish(uintBitsToFloat(pool[from]), uintBitsToFloat(pool[from + 1]),
                       held[i % HELD][s], at);
            }
        }
        if (RESIDUAL && i + HELD < STAGES_M)
            fetch_residual(i % HELD, stage_m + HELD * M, first_chunk);
        subgroupBarrier();
    }
}
