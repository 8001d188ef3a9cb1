// Convolution + bias + residual + ReLU on matrix units: implicit GEMM, halves in, sums in floats.
//   src  f16 NHWC [n][in_h][in_w][channels]    dst  f16 or f32 NHWC [n][out_h][out_w][channels]
//   weights  f16 [ky][kx][channels / 8][weight_channels][8]    bias  f32 [channels]
//   other  f16 NHWC: a tensor like dst that is added (RESIDUAL), or one that goes through a 1x1
//          convolution first (SECOND), whose weights follow the others: K goes on in it
//
// A workgroup computes BM pixels x BN output channels, each of its subgroups WM x WN of them in
// M x N matrices that stay in registers. K runs over (channels, ky, kx), BK channels of one tap a
// step (conv_windows.glsl says why). Every load and store is 16 bytes: eight halves, a chunk.
//
// The next steps' chunks are fetched into registers while the present one is multiplied, and wait
// there, not in shared memory: Vulkan has no asynchronous copy into it, and 48 KB (the usual limit)
// are better spent on large tiles. BUFFERS = 2 saves one of the two barriers of a step; AHEAD = 2
// gives memory the time of two steps to answer, for more registers, WEIGHTS_AHEAD = 2 only for the
// weights: the pixels of most taps come from a cache that is near.
//
// Why these tiles: a step of BM x BN x BK reads (BM + BN) * BK halves and multiplies BM * BN * BK
// pairs, 64 for each half read at 128 x 128; between L2 and a compute unit's matrix rate that
// is enough on all GPUs, while 64 x 64 halves it. Inside, a subgroup's 32 x 64 part reads
// (32 + 64) * K halves of shared memory for 32 * 64 * K products. Rows of the shared tiles are PAD
// chunks longer than BK: with one, the eight rows that a matrix load touches at once lie in
// different banks, and stay aligned to 16 bytes. Small tiles are for the layers that would not
// give every compute unit a large one.
//
// The sums start from bias and residual, which is fetched together with the first step: at the end
// its loads would be waited for. Rounding happens once, to nearest, at the only store; shared memory
// makes whole chunks of the matrices' pieces, on their way in and out.
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
layout(constant_id = 15) const uint AHEAD = 1; // steps whose loads are under way: 1 or 2
layout(constant_id = 16) const bool RESIDUAL = false;
layout(constant_id = 17) const bool SECOND = false; // `other` is a second tensor to multiply
layout(constant_id = 18) const bool FLOATS = false; // dst is f32
layout(constant_id = 19) const uint WEIGHTS_AHEAD = 1; // as AHEAD, of the weights' loads

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
const uint SETS = AHEAD > WEIGHTS_AHEAD ? AHEAD : WEIGHTS_AHEAD;
const uint STAGE_ROW = WN / (FLOATS ? 4 : 8) + 1; // of M rows that a subgroup reads or stores
const uint STAGE = M * STAGE_ROW;
const uint STAGE_CHUNKS = M * (WN / 8);
const uint SHARES = (STAGE_CHUNKS + SUBGROUP - 1) / SUBGROUP; // of them, for each lane
const uint STAGES_M = WM / M;                                 // one after the other
const uint STAGES_SIZE = SUBGROUPS * STAGE;
const uint TILES_SIZE = BUFFERS * TILES;

// The residual, then the tiles, BM rows of src and BN rows of weights; in the end the results.
shared uvec4 pool[TILES_SIZE > STAGES_SIZE ? TILES_SIZE : STAGES_SIZE];

#include "conv_windows.glsl"

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

void store_floats(uint from, uint at)
{
    const float lowest = (p.flags & CONV_RELU) != 0 ? 0.0 : -3.402823466e38;
    dst_floats[at * 2] = max(uintBitsToFloat(pool[from]), vec4(lowest));
    dst_floats[at * 2 + 1] = max(uintBitsToFloat(pool[from + 1]), vec4(lowest));
}

uvec4 held[STAGES_M][SHARES];

// Starts the loads of all of the residual, while no other registers are needed yet.
void fetch_residual(uint first_m, uint first_chunk)
{
    [[unroll]] for (uint i = 0; i < STAGES_M; i++) {
        [[unroll]] for (uint s = 0; s < SHARES; s++) {
            uint row, chunk, at;
            held[i][s] = uvec4(0);
            if (place(s, first_m + i * M, first_chunk, row, chunk, at))
                held[i][s] = other[at];
        }
    }
}

// Puts M rows of it where the subgroup's stage is.
void share_residual(uint i, uint stage)
{
    [[unroll]] for (uint s = 0; s < SHARES; s++) {
        uint row, chunk, at;
        place(s, 0, 0, row, chunk, at);
        if (row < M)
            pool[stage + row * STAGE_ROW + chunk] = held[i][s];
    }
}

uint weight[B_LOADS]; // what this thread loads
uvec4 next_a[AHEAD][A_LOADS], next_b[WEIGHTS_AHEAD][B_LOADS];

void find_rows(uint first_m, uint first_n)
{
    const uint thread = gl_LocalInvocationID.x;
    find_windows(first_m);
    [[unroll]] for (uint i = 0; i < B_LOADS; i++) {
        const uint at = thread + i * THREADS;
        weight[i] = at / BN * p.weight_channels + min(first_n + at % BN, p.weight_channels - 1);
    }
}

// Starts the loads of one step's pixels, and moves on to the one behind it.
void fetch_pixels(uint set, uint first_m)
{
    if (SECOND && in_second) {
        [[unroll]] for (uint i = 0; i < A_LOADS; i++)
            next_a[set][i] = other[from[i] + offset];
    } else {
        [[unroll]] for (uint i = 0; i < A_LOADS; i++) {
            next_a[set][i] = uvec4(0);
            if (!EDGES || sees(inside[i]))
                next_a[set][i] = src[from[i] + offset];
        }
    }
    next_step(first_m);
}

void fetch_weights(uint set, uint step)
{
    const uint chunk = weight_chunk(step);
    [[unroll]] for (uint i = 0; i < B_LOADS; i++)
        next_b[set][i] = weights[weight[i] + chunk * p.weight_channels];
}

// Puts what was fetched into the tiles at `tiles`.
void share(uint pixel_set, uint weight_set, uint tiles)
{
    const uint thread = gl_LocalInvocationID.x;
    [[unroll]] for (uint i = 0; i < A_LOADS; i++) {
        const uint row = thread / CHUNKS + i * (THREADS / CHUNKS);
        pool[tiles + row * ROW + thread % CHUNKS] = next_a[pixel_set][i];
    }
    [[unroll]] for (uint i = 0; i < B_LOADS; i++) {
        const uint at = thread + i * THREADS;
        pool[tiles + (BM + at % BN) * ROW + at / BN] = next_b[weight_set][i];
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
    [[unroll]] for (uint set = 0; set < SETS; set++) {
        if (set < AHEAD && set < steps)
            fetch_pixels(set, first_m);
        if (set < WEIGHTS_AHEAD && set < steps)
            fetch_weights(set, set);
    }
    if (RESIDUAL)
        fetch_residual(first_m + part_m, first_chunk);

    const uint stage = gl_SubgroupID * STAGE;
    MATRIX_SUM sum[WM / M][WN / N];
    [[unroll]] for (uint j = 0; j < WN / N; j++) {
        // Stride 0: every pixel starts from the same row.
        MATRIX_LOAD_ROWS(sum[0][j], bias, p.bias_base + first_n + part_n + j * N, 0);
        [[unroll]] for (uint i = 1; i < WM / M; i++)
            sum[i][j] = sum[0][j];
    }
    if (RESIDUAL) {
        [[unroll]] for (uint i = 0; i < STAGES_M; i++) {
            share_residual(i, stage);
            subgroupBarrier();
            [[unroll]] for (uint j = 0; j < WN / N; j++) {
                MATRIX_HALF_SUM residual;
                MATRIX_LOAD_ROWS(residual, pool, stage + j * (N / 8), STAGE_ROW);
                sum[i][j] += MATRIX_SUM(residual);
            }
            subgroupBarrier();
        }
        barrier(); // the stages become tiles
    }

    for (uint first = 0; first < steps; first += SETS) {
        [[unroll]] for (uint set = 0; set < SETS; set++) {
            const uint step = first + set;
            if (step >= steps)
                break;
            const uint tiles = BUFFERS == 2 ? step % 2 * TILES : 0;
            const uint a_at = tiles + part_m * ROW, b_at = tiles + (BM + part_n) * ROW;
            share(set % AHEAD, set % WEIGHTS_AHEAD, tiles);
            barrier();
            if (step + AHEAD < steps)
                fetch_pixels(set % AHEAD, first_m);
            if (step + WEIGHTS_AHEAD < steps)
                fetch_weights(set % WEIGHTS_AHEAD, step + WEIGHTS_AHEAD);
            [[unroll]] for (uint k = 0; k < BK / K; k++) {
                MATRIX_A a[WM / M];
                [[unroll]] for (uint i = 0; i < WM / M; i++)
                    MATRIX_LOAD_ROWS(a[i], pool, a_at + i * M * ROW + k * (K / 8), ROW);
                [[unroll]] for (uint j = 0; j < WN / N; j++) {
                    MATRIX_B b;
                    MATRIX_LOAD_COLUMNS(b, pool, b_at + j * N * ROW + k * (K / 8), ROW);
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

    const float lowest = (p.flags & CONV_RELU) != 0 ? 0.0 : -65504.0;
    [[unroll]] for (uint i = 0; i < STAGES_M; i++) {
        [[unroll]] for (uint j = 0; j < WN / N; j++) {
            if (FLOATS) {
                MATRIX_STORE_ROWS(sum[i][j], pool, stage + j * (N / 4), STAGE_ROW);
            } else {
                for (uint e = 0; e < sum[i][j].length(); e++)
                    sum[i][j][e] = clamp(sum[i][j][e], lowest, 65504.0);
                const MATRIX_HALF_SUM halves = MATRIX_HALF_SUM(sum[i][j]);
                MATRIX_STORE_ROWS(halves, pool, stage + j * (N / 8), STAGE_ROW);
            }
        }
        subgroupBarrier();
        [[unroll]] for (uint s = 0; s < SHARES; s++) {
            uint row, chunk, at;
            if (!place(s, first_m + part_m + i * M, first_chunk, row, chunk, at))
                continue;
            if (FLOATS)
                store_floats(stage + row * STAGE_ROW + chunk * 2, at);
            else
                dst[at] = pool[stage + row * STAGE_ROW + chunk];
        }
        subgroupBarrier();
    }
}
