// Convolution + bias + residual + ReLU for Vulkan on a CPU: lanes are output pixels.
//   src  f32 NC4HW4 [in_blocks][n][in_h][in_w]    dst  f32 NC4HW4 [out_blocks][n][out_h][out_w]
//   weights  f32 [out / R][ky][kx][in_blocks][R] texels of 4 input channels, bias [out / 4] texels
//
// One subgroup is one workgroup. Each invocation computes J pixels (SG apart) x R output channels
// in registers. Every lane loads the weights of ONE output channel; the others take them by a
// shuffle from a constant lane, which the driver turns into one or two instructions. All loads of
// a step are issued before its arithmetic. Lanes whose tap falls into the padding keep reading the
// zero texel 0 with step 0, so the inner loop has no condition.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require

#define LANE
#include "conv_push.h"
#include "family.glsl"

// Set by the build: R output channels and J pixels an invocation. All registers are taken at
// J = 4: with 5 pixels the loaded ones no longer stay in them, and the rate halves.
#ifdef ROW
#define CHANNELS 3 // of the one input block
#else
#define CHANNELS 4
#endif

layout(local_size_x = SG) in; // SG: the device's subgroup size, set by the build
layout(binding = 2, std430) writeonly buffer Dst {
    TEXEL dst[];
};
layout(push_constant) uniform Push {
    conv_push p;
};

void main()
{
    const int lane = int(gl_SubgroupInvocationID);
    // Workgroups run in the order of x first: what x counts is read again, what y counts stays.
    const bool swapped = (p.flags & CONV_CHANNELS_FIRST) != 0;
    const int pixels = int(swapped ? gl_WorkGroupID.y : gl_WorkGroupID.x);
    const int panel = int(swapped ? gl_WorkGroupID.x : gl_WorkGroupID.y);
    const int first_pixel = pixels * SG * J + lane;
    const int first_channel = panel * R;
    const int position = int(gl_WorkGroupID.z); // of a Winograd product; otherwise 0
    const int in_width = int(p.in_width), in_height = int(p.in_height);
    const int in_blocks = int(p.in_blocks), kernel = int(p.kernel);

    float sum[R][J];
    [[unroll]] for (int r = 0; r < R; r++)
        [[unroll]] for (int j = 0; j < J; j++)
            sum[r][j] = 0.0;

    int image[J], top[J], left[J]; // base of the pixel's image, its window's corner
    [[unroll]] for (int j = 0; j < J; j++) {
        const int m = min(first_pixel + j * SG, int(p.out_plane) - 1);
        const int row = m / int(p.out_width);
        const int n = row / int(p.out_height);
        left[j] = (m - row * int(p.out_width)) * int(p.stride) - int(p.pad);
        top[j] = (row - n * int(p.out_height)) * int(p.stride) - int(p.pad);
        image[j] = int(p.src_base + position * p.src_step) + n * in_height * in_width;
    }

    int weight = int(p.weight_base + position * p.weight_step) +
                 panel * kernel * kernel * in_blocks * R + lane;
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
            [[dont_unroll]] for (int block = 0; block < in_blocks; block++)
#endif
            {
                vec4 a[J], w[R / SG];
                [[unroll]] for (int j = 0; j < J; j++) {
                    a[j] = LOAD_SRC(at[j]);
                    at[j] += advance[j];
                }
                [[unroll]] for (int g = 0; g < R / SG; g++)
                    w[g] = LOAD_WEIGHT(weight + g * SG);
                weight += R;
                [[unroll]] for (int g = 0; g < R / SG; g++) {
                    [[unroll]] for (int r = 0; r < SG; r++) {
                        float t[J];
                        [[unroll]] for (int q = 0; q < CHANNELS; q++) {
                            const float b = subgroupShuffle(w[g][q], r);
                            [[unroll]] for (int j = 0; j < J; j++)
                                t[j] = q == 0 ? b * a[j][q] : fma(b, a[j][q], t[j]);
                        }
                        [[unroll]] for (int j = 0; j < J; j++)
                            sum[g * SG + r][j] += t[j];
                    }
                }
            }
        }
    }

    const bool relu = (p.flags & CONV_RELU) != 0, add = (p.flags & CONV_RESIDUAL) != 0;
    const bool biased = (p.flags & CONV_BIAS) != 0;
    const int out_plane = int(p.out_plane), out_blocks = int(p.out_blocks);
    [[unroll]] for (int r = 0; r < R; r += 4) {
        const int block = first_channel / 4 + r / 4;
        if (block < out_blocks) {
            vec4 bias = vec4(0.0);
            if (biased)
                bias = LOAD_BIAS(int(p.bias_base) + block);
            [[unroll]] for (int j = 0; j < J; j++) {
                const int m = first_pixel + j * SG;
                if (m < out_plane) {
                    vec4 v = vec4(sum[r][j], sum[r + 1][j], sum[r + 2][j], sum[r + 3][j]) + bias;
                    if (add)
                        v += LOAD_SRC(int(p.residual_base) + block * out_plane + m);
                    if (relu)
                        v = max(v, vec4(0.0));
                    dst[int(position * p.dst_step) + block * out_plane + m] = PACK(v);
                }
            }
        }
    }
}
