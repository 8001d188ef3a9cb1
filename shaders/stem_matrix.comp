// Normalisation + a network's first convolution (stride 2) + bias + ReLU on matrix units.
//   words  u8 [n][in_h][in_w][3], packed, or FLOATS: f32, 0..255    dst  f16 NHWC [n][y][x][channels]
//   weights  f16 [channel][ky][tap][4], zeros in what pads    bias  f32 [channels]
// shaders/normalize.comp and shaders/conv_matrix.comp do the same in two steps, with the normalised
// image on its way through memory and each of its pixels loaded by a dozen windows.
//
// A workgroup keeps BN channels' weights in shared memory for as long as it lives, and goes over
// the tiles of all images: SUBGROUPS * ROWS rows of COLUMNS pixels. Of each it normalises the patch
// that their windows see into shared memory, four channels of halves a pixel. Two pixels are then a
// chunk of 16 bytes, and with a stride of 2 the windows of neighbours begin one chunk apart: the
// rows of a matrix that holds K / 4 taps of M windows lie in the patch as they are, a chunk from
// one another, overlapping. So the patch is written once, and nothing is ever copied into columns.
// The eight rows that a matrix load touches at once are side by side, and those of the weights an
// odd number of chunks apart: in different banks, both.
//
// The next tile's words are fetched into registers while the present one is multiplied.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint M = 16;
layout(constant_id = 2) const uint N = 16;
layout(constant_id = 3) const uint K = 16;
layout(constant_id = 4) const uint ROWS = 2; // of output pixels, a subgroup
layout(constant_id = 5) const uint BN = 64;
layout(constant_id = 6) const uint KERNEL = 7;
layout(constant_id = 7) const uint TAP_CHUNKS = 4; // of a row of a window; a multiple of K / 8
layout(constant_id = 8) const bool FLOATS = false;
layout(constant_id = 9) const uint SUBGROUP = 32;

#include "conv_push.h"
#include "matrix.glsl"
#include "stem_push.h"

layout(binding = 1, std430) readonly buffer Weights {
    uvec4 weights[]; // and the bias behind them
};
layout(binding = 2, std430) writeonly buffer Dst {
    uvec4 dst[];
};
layout(binding = 3, std430) readonly buffer Input {
    uint words[];
};
layout(push_constant) uniform Push {
    stem_push p;
};

const uint SUBGROUPS = 4;
const uint THREADS = SUBGROUPS * SUBGROUP;
const uint COLUMNS = 16;
const uint TILE_ROWS = SUBGROUPS * ROWS;
const uint PARTS = COLUMNS / M; // matrices along a row

const uint K_CHUNKS = KERNEL * TAP_CHUNKS;
const uint WEIGHT_ROW = K_CHUNKS | 1;
const uint PATCH_ROWS = (TILE_ROWS - 1) * 2 + KERNEL;
const uint PATCH_ROW = COLUMNS - 1 + TAP_CHUNKS; // chunks
const uint STAGE_N = 32;                         // channels on their way out at a time
const uint STAGE_ROW = STAGE_N / 8 + 1;          // halves
const uint STAGE = M * STAGE_ROW;
const uint STAGE_CHUNKS = M * (STAGE_N / 8);
const uint SHARES = (STAGE_CHUNKS + SUBGROUP - 1) / SUBGROUP; // of them, for each lane

const uint BIAS = BN * WEIGHT_ROW; // behind the weights
const uint PATCH = BIAS + BN / 4;
const uint STAGES = PATCH + PATCH_ROWS * PATCH_ROW;
const uint POOL_SIZE = STAGES + SUBGROUPS * STAGE;
shared uvec4 pool[POOL_SIZE];

// An item is what a thread fetches at a time: two chunks of a row of the patch, four pixels.
const uint ITEMS = (PATCH_ROW + 1) / 2; // of a row
const uint LOADS = (PATCH_ROWS * ITEMS + THREADS - 1) / THREADS;
const uint WORDS = FLOATS ? 12 : 4; // twelve bytes that may begin inside of a word
uint fetched[LOADS][WORDS];
uint patch_y, patch_x, patch_row; // corner, may be above and left of the image; rows of all images

uvec2 packed(vec4 v)
{
    const f16vec4 h = f16vec4(clamp(v, -65504.0, 65504.0)); // to nearest; packHalf2x16 may not
    return uvec2(packFloat2x16(h.xy), packFloat2x16(h.zw));
}

// Which values of the input an item begins with, counted from the first image's first; may wrap.
uint first_value(uint row, uint item)
{
    return ((patch_row + row) * p.in_width + patch_x + item * 4) * 3;
}

void fetch(uint tile)
{
    const uint row_of_tiles = tile / p.tiles_x, n = row_of_tiles / p.tiles_y;
    patch_y = (row_of_tiles - n * p.tiles_y) * TILE_ROWS * 2 - p.pad;
    patch_x = (tile - row_of_tiles * p.tiles_x) * COLUMNS * 2 - p.pad;
    patch_row = n * p.in_height + patch_y;
    [[unroll]] for (uint i = 0; i < LOADS; i++) {
        const uint at = gl_LocalInvocationID.x + i * THREADS, row = at / ITEMS;
        [[unroll]] for (uint w = 0; w < WORDS; w++)
            fetched[i][w] = 0;
        if (at >= PATCH_ROWS * ITEMS || patch_y + row >= p.in_height)
            continue;
        // Pixels left and right of the image are fetched, too, from wherever that is, but not used.
        const uint value = first_value(row, at % ITEMS);
        [[unroll]] for (uint w = 0; w < WORDS; w++) {
            // A word left of the first byte has 30 bits as all others.
            const uint word = FLOATS ? value + w : (value / 4 + w) & 0x3fffffff;
            fetched[i][w] = words[min(word, p.last_word)];
        }
    }
}

uvec2 pixel(vec3 rgb, bool inside)
{
    const vec3 scale = vec3(p.scale_r, p.scale_g, p.scale_b);
    const vec3 offset = vec3(p.offset_r, p.offset_g, p.offset_b);
    return inside ? packed(vec4(fma(rgb, scale, offset), 0.0)) : uvec2(0);
}

// Normalises what was fetched into the patch; zeros are what pads the image.
void share()
{
    [[unroll]] for (uint i = 0; i < LOADS; i++) {
        const uint at = gl_LocalInvocationID.x + i * THREADS, row = at / ITEMS, item = at % ITEMS;
        if (at >= PATCH_ROWS * ITEMS)
            continue;
        const uint x = patch_x + item * 4, shift = first_value(row, item) % 4 * 8;
        const bool in_rows = patch_y + row < p.in_height;
        uint bytes[3]; // of twelve; the second shift of two avoids one by 32, which is undefined
        if (!FLOATS) {
            [[unroll]] for (uint w = 0; w < 3; w++)
                bytes[w] = fetched[i][w] >> shift | fetched[i][w + 1] << 1 << (31 - shift);
        }
        uvec2 pixels[4];
        [[unroll]] for (uint k = 0; k < 4; k++) {
            vec3 rgb;
            [[unroll]] for (uint c = 0; c < 3; c++) {
                const uint v = k * 3 + c;
                if (FLOATS)
                    rgb[c] = uintBitsToFloat(fetched[i][v]);
                else
                    rgb[c] = float(bytes[v / 4] >> v % 4 * 8 & 255);
            }
            pixels[k] = pixel(rgb, in_rows && x + k < p.in_width);
        }
        const uint to = PATCH + row * PATCH_ROW + item * 2;
        pool[to] = uvec4(pixels[0], pixels[1]);
        if (item * 2 + 1 < PATCH_ROW)
            pool[to + 1] = uvec4(pixels[2], pixels[3]);
    }
}

void share_weights(uint group)
{
    for (uint i = gl_LocalInvocationID.x; i < BN * K_CHUNKS; i += THREADS)
        pool[i / K_CHUNKS * WEIGHT_ROW + i % K_CHUNKS] = weights[group * BN * K_CHUNKS + i];
    for (uint i = gl_LocalInvocationID.x; i < BN / 4; i += THREADS)
        pool[BIAS + i] = weights[p.bias_base + group * (BN / 4) + i];
}

// Stores M pixels x STAGE_N channels; `row` counts those of all images.
void store(uint stage, uint row, uint first_x, uint first_chunk)
{
    [[unroll]] for (uint s = 0; s < SHARES; s++) {
        const uint e = gl_LocalInvocationID.x % SUBGROUP + s * SUBGROUP;
        const uint m = e / (STAGE_N / 8), part = e % (STAGE_N / 8);
        const uint x = first_x + m, chunk = first_chunk + part;
        if (e < STAGE_CHUNKS && x < p.out_width && chunk < p.out_chunks)
            dst[(row * p.out_width + x) * p.out_chunks + chunk] =
                pool[stage + m * STAGE_ROW + part];
    }
}

void main()
{
    const uint group = gl_WorkGroupID.x % p.groups, hop = gl_NumWorkGroups.x / p.groups;
    const uint part_row = gl_SubgroupID * ROWS, stage = STAGES + gl_SubgroupID * STAGE;
    const float lowest = (p.flags & CONV_RELU) != 0 ? 0.0 : -65504.0;

    share_weights(group);
    fetch(gl_WorkGroupID.x / p.groups);
    for (uint tile = gl_WorkGroupID.x / p.groups; tile < p.tiles; tile += hop) {
        share();
        barrier();
        if (tile + hop < p.tiles)
            fetch(tile + hop);

        MATRIX_SUM sum[ROWS * PARTS][BN / N];
        [[unroll]] for (uint j = 0; j < BN / N; j++) {
            // Stride 0: every pixel starts from the same row.
            MATRIX_LOAD_ROWS(sum[0][j], pool, BIAS + j * (N / 4), 0);
            [[unroll]] for (uint i = 1; i < ROWS * PARTS; i++)
                sum[i][j] = sum[0][j];
        }
        for (uint ky = 0; ky < KERNEL; ky++) {
            [[unroll]] for (uint k = 0; k < TAP_CHUNKS; k += K / 8) {
                MATRIX_A a[ROWS * PARTS];
                [[unroll]] for (uint i = 0; i < ROWS * PARTS; i++) {
                    const uint row = (part_row + i / PARTS) * 2 + ky;
                    MATRIX_LOAD_ROWS(a[i], pool, PATCH + row * PATCH_ROW + i % PARTS * M + k, 1);
                }
                [[unroll]] for (uint j = 0; j < BN / N; j++) {
                    MATRIX_B b;
                    MATRIX_LOAD_COLUMNS(b, pool, j * N * WEIGHT_ROW + ky * TAP_CHUNKS + k,
                                        WEIGHT_ROW);
                    [[unroll]] for (uint i = 0; i < ROWS * PARTS; i++)
                        sum[i][j] = MATRIX_MULTIPLY_ADD(a[i], b, sum[i][j]);
                }
            }
        }
        barrier(); // the patch may be overwritten

        const uint row_of_tiles = tile / p.tiles_x, n = row_of_tiles / p.tiles_y;
        const uint first_y = (row_of_tiles - n * p.tiles_y) * TILE_ROWS + part_row;
        const uint first_x = (tile - row_of_tiles * p.tiles_x) * COLUMNS;
        [[unroll]] for (uint i = 0; i < ROWS * PARTS; i++) {
            const uint y = first_y + i / PARTS;
            [[unroll]] for (uint c = 0; c < BN; c += STAGE_N) {
                [[unroll]] for (uint j = c / N; j < (c + STAGE_N) / N; j++) {
                    for (uint e = 0; e < sum[i][j].length(); e++)
                        sum[i][j][e] = clamp(sum[i][j][e], lowest, 65504.0);
                    const MATRIX_HALF_SUM halves = MATRIX_HALF_SUM(sum[i][j]);
                    MATRIX_STORE_ROWS(halves, pool, stage + (j - c / N) * (N / 8), STAGE_ROW);
                }
                subgroupBarrier();
                if (y < p.out_height)
                    store(stage, n * p.out_height + y, first_x + i % PARTS * M,
                          (group * BN + c) / 8);
                subgroupBarrier();
            }
        }
    }
}
