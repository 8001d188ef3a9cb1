// Convolution + bias + residual + ReLU for Vulkan on a CPU: lanes are output pixels.
//   src  f32 NC4HW4 [in_blocks][n][in_h][in_w]    dst  f32 NC4HW4 [out_blocks][n][out_h][out_w]
//   weights  f32 [out / R][ky][kx][in_blocks][R] texels of 4 input channels, bias [out / 4] texels
//   SECOND: another src, [second_blocks][n][height][width], and its weights behind the others
//
// One subgroup is one workgroup, which computes J chunks of SG pixels x R output channels in
// registers. Every lane loads one pixel of each chunk and the weights of one output channel of each
// SG. All loads of a step are issued before its arithmetic. Lanes whose tap falls into the padding
// keep reading the zero texel 0 with step 0, so the inner loop has no condition.
//
// How other pixels meet other channels depends on the driver. sum[g * 4 + low][high][j] of lane l is
//   usually  of pixel l and channel 4 * high + low of group g, whose weights all lanes take by a
//            shuffle from the one lane that has them,
//   MESA22   of pixel l ^ 4 * high and channel l ^ low: Mesa 22's CPU driver needs two instructions
//            for the other shuffle, so here pixels move by quads of lanes and weights within a quad,
//            which is a fifth of the instructions. What is whose is sorted out when it is stored.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require

#define LANE
#include "conv_push.h"
#include "family.glsl"

// Set by the build: R output channels and J pixels an invocation. With MESA22 J = 4 is no faster
// than 3 and takes half as long again to compile; with 5 the rate falls everywhere.
#ifdef ROW
#define CHANNELS 3 // of the one input block
#else
#define CHANNELS 4
#endif
#define GROUPS (R / SG)
#define QUADS (SG / 4)

layout(local_size_x = SG) in; // SG: the device's subgroup size, set by the build
layout(constant_id = 0) const bool RESIDUAL = false;
layout(constant_id = 2) const bool SECOND = false; // a shortcut with weights is added
#ifdef MESA22
// There may be fewer pixels than SG, or channels that are no multiple of R.
layout(constant_id = 1) const bool LOOSE = false;
#endif
layout(binding = 2, std430) writeonly buffer Dst {
    TEXEL dst[];
};
layout(push_constant) uniform Push {
    conv_push p;
};

#ifdef MESA22
#include "lane.glsl"

int pixel_of(int lane, int high)
{
    return lane ^ 4 * high;
}

// The quad of channels, of a group.
int quad_of(int lane, int high)
{
    return lane / 4;
}

vec4 move_pixel(vec4 a, int high)
{
    return subgroupShuffle(a, gl_SubgroupInvocationID ^ 4 * high);
}

float move_weight(float w, int high, int low)
{
    return subgroupShuffle(w, gl_SubgroupInvocationID ^ low);
}

// From channels 0 .. 3 to channels lane ^ 0 .. 3, and back.
vec4 within_quad(vec4 v)
{
    v = (gl_SubgroupInvocationID & 1) != 0 ? v.yxwz : v;
    return (gl_SubgroupInvocationID & 2) != 0 ? v.zwxy : v;
}
#else
#define LOOSE true
#define aligned(x) int(x)
#define pixel_of(lane, high) (lane)
#define quad_of(lane, high) (high)
#define move_pixel(a, high) (a)
#define move_weight(w, high, low) subgroupShuffle(w, 4 * (high) + (low))
#define within_quad(v) (v)
#endif

void main()
{
    const int lane = int(gl_SubgroupInvocationID);
    // Workgroups run in the order of x first: what x counts is read again, what y counts stays.
    const bool swapped = (p.flags & CONV_CHANNELS_FIRST) != 0;
    const int pixels = int(swapped ? gl_WorkGroupID.y : gl_WorkGroupID.x);
    const int panel = aligned(swapped ? gl_WorkGroupID.x : gl_WorkGroupID.y);
    const int position = int(gl_WorkGroupID.z); // of a Winograd product; otherwise 0
    const int in_width = int(p.in_width), in_height = int(p.in_height);
    const int in_blocks = int(p.in_blocks), kernel = int(p.kernel);
    const int out_plane = int(p.out_plane), out_blocks = int(p.out_blocks);
    const int residual_base = int(p.residual_base), bias_base = int(p.bias_base);
    const int second_base = int(p.residual_base), second_plane = int(p.second_plane);
    const int all_blocks = in_blocks + (SECOND ? int(p.second_blocks) : 0);
    const bool relu = (p.flags & CONV_RELU) != 0, biased = (p.flags & CONV_BIAS) != 0;

    // First pixel of each chunk; the last one of all lies over the one before rather than beyond
    // the end, where that is possible.
    int chunk[J];
    int image[J], top[J], left[J]; // base of the pixel's image, its window's corner
    int second_at[J];
    [[unroll]] for (int j = 0; j < J; j++) {
        chunk[j] = (pixels * J + j) * SG;
        if (!LOOSE)
            chunk[j] = min(chunk[j], out_plane - SG);
        const int m = min(chunk[j] + lane, out_plane - 1);
        const int row = m / int(p.out_width);
        const int n = row / int(p.out_height);
        left[j] = (m - row * int(p.out_width)) * int(p.stride) - int(p.pad);
        top[j] = (row - n * int(p.out_height)) * int(p.stride) - int(p.pad);
        image[j] = int(p.src_base + position * p.src_step) + n * in_height * in_width;
        second_at[j] = second_base + n * int(p.second_image) +
                       (top[j] * int(p.second_width) + left[j]) * int(p.second_stride);
    }

    // The sums begin with the bias and what is to be added: so many loads at once do not wait for
    // each other.
    float sum[GROUPS * 4][QUADS][J];
    [[unroll]] for (int g = 0; g < GROUPS; g++) {
        [[unroll]] for (int h = 0; h < QUADS; h++) {
            int block = panel * (R / 4) + g * QUADS + quad_of(lane, h);
            if (LOOSE) // nothing is stored from beyond the end, but no read may go there either
                block = min(block, out_blocks - 1);
            vec4 bias = vec4(0.0);
            if (biased)
                bias = LOAD_BIAS(bias_base + block);
            [[unroll]] for (int j = 0; j < J; j++) {
                vec4 v = bias;
                if (RESIDUAL) {
                    int m = chunk[j] + pixel_of(lane, h);
                    if (LOOSE)
                        m = min(m, out_plane - 1);
                    v += LOAD_SRC(residual_base + block * out_plane + m);
                }
                v = within_quad(v);
                [[unroll]] for (int low = 0; low < 4; low++)
                    sum[g * 4 + low][h][j] = v[low];
            }
        }
    }

    int weight = int(p.weight_base + position * p.weight_step) +
                 panel * kernel * kernel * in_blocks * R + lane;
    const int second_weight =
        int(p.weight_base + p.weight_step) + panel * int(p.second_blocks) * R + lane;
    [[dont_unroll]] for (int ky = 0; ky < kernel; ky++) {
#ifdef ROW // one input block: a whole row of taps is one step, unrolled
        [[unroll]] for (int kx = 0; kx < ROW; kx++) {
#else
        [[dont_unroll]] for (int kx = 0; kx < kernel; kx++) {
#endif
            int at[J], advance[J];
            [[unroll]] for (int j = 0; j < J; j++) {
                const int y = top[j] + ky, x = left[j] + kx;
                const bool inside = uint(y) < p.in_height && uint(x) < p.in_width;
                at[j] = inside ? image[j] + y * in_width + x : 0;
                advance[j] = inside ? int(p.in_plane) : 0;
            }
#ifndef ROW
            [[dont_unroll]] for (int block = 0; block < all_blocks; block++)
#endif
            {
                vec4 a[J], w[GROUPS];
#ifndef ROW
                if (SECOND) { // selected in each step, so that the step's code is there once
                    const bool begins = block == in_blocks;
                    weight = begins ? second_weight : weight;
                    [[unroll]] for (int j = 0; j < J; j++) {
                        at[j] = begins ? second_at[j] : at[j];
                        advance[j] = begins ? second_plane : advance[j];
                    }
                }
#endif
                [[unroll]] for (int j = 0; j < J; j++) {
                    a[j] = LOAD_SRC(at[j]);
                    at[j] += advance[j];
                }
                [[unroll]] for (int g = 0; g < GROUPS; g++)
                    w[g] = LOAD_WEIGHT(weight + g * SG);
                weight += R;
                [[unroll]] for (int h = 0; h < QUADS; h++) {
                    vec4 b[J];
                    [[unroll]] for (int j = 0; j < J; j++)
                        b[j] = move_pixel(a[j], h);
                    [[unroll]] for (int r = 0; r < GROUPS * 4; r++) {
                        float t[J];
                        [[unroll]] for (int q = 0; q < CHANNELS; q++) {
                            const float c = move_weight(w[r / 4][q], h, r % 4);
                            [[unroll]] for (int j = 0; j < J; j++)
                                t[j] = q == 0 ? c * b[j][q] : fma(c, b[j][q], t[j]);
                        }
                        [[unroll]] for (int j = 0; j < J; j++)
                            sum[r][h][j] += t[j];
                    }
                }
            }
        }
    }

    const int base = position * int(p.dst_step);
#ifdef MESA22
    const int same_base = same(position) * int(p.dst_step) + same(panel) * (R / 4) * out_plane;
    int same_chunk[J];
    [[unroll]] for (int j = 0; j < J; j++)
        same_chunk[j] = same_base + min((same(pixels) * J + j) * SG, out_plane - SG);
#endif
    [[unroll]] for (int g = 0; g < GROUPS; g++) {
        [[unroll]] for (int h = 0; h < QUADS; h++) {
            const int block = panel * (R / 4) + g * QUADS + quad_of(lane, h);
            [[unroll]] for (int j = 0; j < J; j++) {
                vec4 v = vec4(sum[g * 4][h][j], sum[g * 4 + 1][h][j], sum[g * 4 + 2][h][j],
                              sum[g * 4 + 3][h][j]);
                v = within_quad(v);
                if (relu)
                    v = max(v, vec4(0.0));
                const int m = chunk[j] + pixel_of(lane, h);
                const TEXEL packed = PACK(v);
                if (LOOSE) {
                    if (block < out_blocks && m < out_plane)
                        dst[base + block * out_plane + m] = packed;
                }
#ifdef MESA22
                else {
                    [[unroll]] for (int l = 0; l < SG; l++)
                        dst[same_chunk[j] + (g * QUADS + quad_of(l, h)) * out_plane +
                            pixel_of(l, h)] = subgroupShuffle(packed, l);
                }
#endif
            }
        }
    }
}
