// Convolution + bias + residual + ReLU where the driver cuts a workgroup's whole tile up for its
// matrix units (VK_NV_cooperative_matrix2): implicit GEMM, halves in, sums in floats.
//   src  f16 NHWC [n][in_h][in_w][channels]    dst  f16 or f32 NHWC [n][out_h][out_w][channels]
//   weights  f16 [output channel][ky][kx][channel]    bias  f32 [output channel]
//   other  f16 NHWC: a tensor like dst that is added (RESIDUAL), or one that goes through a 1x1
//          convolution first (SECOND_CHUNKS), whose weights lie behind the others of each row
//
// shaders/conv_matrix.comp cuts its tile into the shapes that VK_KHR_cooperative_matrix lists, and
// brings each step to them through shared memory, in registers and behind barriers that it has to
// arrange itself. Here a matrix is a whole step of a whole tile, M x K and K x N, and how it gets
// from memory to the matrix units is the driver's affair: it may know of copies and shared
// layouts that Vulkan has no words for. Which of the two is faster is measured (cubby tune).
//
// Weights are rows of one matrix, and so are the pixels of a 1x1 convolution with stride 1. Other
// windows are GATHERed: brought to shared memory row by row, one step ahead, where the driver finds
// a matrix again. (The extension's tensor layouts would spare that, but no compiler of Debian 12
// knows them and no software driver has them.)
//
// SCOPE is who keeps a matrix together: the workgroup, or, on devices that only cut up matrices of
// a subgroup, this one, which then is all there is of the workgroup.
//
// A tile may reach past the last pixel, up to where engine/graph/layout.c pads: rows have nothing
// to do with one another, so what is read there only goes back there.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

// NVIDIA's compiler (580.159) goes by the number, not the constant: 1, as it is without, ends it with a
// division by zero, and others than the constant's value give wrong sums.
layout(local_size_x = 128, local_size_x_id = 0) in;
layout(constant_id = 1) const uint M = 128; // pixels
layout(constant_id = 2) const uint N = 128; // output channels
layout(constant_id = 3) const uint K = 32;  // input channels a step
layout(constant_id = 4) const uint SCOPE = 2;
layout(constant_id = 5) const uint THREADS = 256;  // local_size_x
layout(constant_id = 6) const uint IN_CHUNKS = 8;  // of a pixel; constants, so that the driver
layout(constant_id = 7) const uint OUT_CHUNKS = 8; // knows strides and where its loop ends
layout(constant_id = 8) const uint KERNEL = 1;
layout(constant_id = 9) const bool EDGES = false; // windows may reach over the image's edges
layout(constant_id = 10) const bool GATHER = false;
layout(constant_id = 11) const bool RESIDUAL = false;
layout(constant_id = 12) const bool RELU = false;
layout(constant_id = 13) const bool FLOATS = false;     // dst is f32
layout(constant_id = 14) const uint SECOND_CHUNKS = 0; // of a pixel of `other` to multiply; GATHER

#define MATRIX_SCOPE SCOPE
#include "conv_matrix_push.h"
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
layout(binding = 3, std430) readonly buffer Other {
    uvec4 other[];
};
layout(push_constant) uniform Push {
    conv_matrix_push p;
};

const uint CHUNKS = K / 8; // of a row of a step
const uint WEIGHT_ROW = KERNEL * KERNEL * IN_CHUNKS + SECOND_CHUNKS;
const uint STEPS = WEIGHT_ROW / CHUNKS;
const uint ROW = CHUNKS + 1; // so that eight rows lie in different banks of shared memory
const uint A_LOADS = GATHER ? M * CHUNKS / THREADS : 1;
const uint KERNEL_H = KERNEL, KERNEL_W = KERNEL;
const bool SECOND = SECOND_CHUNKS > 0;
const uint SHARED_SIZE = M * ROW;

shared uvec4 step_of_windows[GATHER ? SHARED_SIZE : 1];

#include "conv_windows.glsl"

uvec4 next[A_LOADS];

// Starts the loads of one step, and moves on to the one behind it.
void fetch(uint first_m)
{
    if (SECOND && in_second) {
        [[unroll]] for (uint i = 0; i < A_LOADS; i++)
            next[i] = other[from[i] + offset];
    } else {
        [[unroll]] for (uint i = 0; i < A_LOADS; i++) {
            next[i] = uvec4(0);
            if (!EDGES || sees(inside[i]))
                next[i] = src[from[i] + offset];
        }
    }
    next_step(first_m);
}

void share()
{
    const uint thread = gl_LocalInvocationID.x;
    [[unroll]] for (uint i = 0; i < A_LOADS; i++) {
        const uint row = thread / CHUNKS + i * (THREADS / CHUNKS);
        step_of_windows[row * ROW + thread % CHUNKS] = next[i];
    }
}

void main()
{
    const uint tile = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    if (tile >= p.tiles)
        return;
    // Neighbours share the pixels, which then come from the cache; all weights fit there anyway.
    const uint first_m = tile / p.tiles_n * M, first_n = tile % p.tiles_n * N;
    const uint to = first_m * OUT_CHUNKS + first_n / 8;

    if (GATHER) {
        find_windows(first_m);
        fetch(first_m);
    }
    MATRIX_SUM sum;
    MATRIX_LOAD_ROWS(sum, bias, p.bias_base + first_n, 0); // stride 0: the same for every pixel
    if (RESIDUAL) {
        // First, not last: now its loads are under way together with those of the first step.
        MATRIX_HALF_SUM residual;
        MATRIX_LOAD_ROWS(residual, other, to, OUT_CHUNKS);
        sum += MATRIX_SUM(residual);
    }
    for (uint step = 0; step < STEPS; step++) {
        MATRIX_A a;
        MATRIX_B b;
        if (GATHER) {
            share();
            barrier();
            if (step + 1 < STEPS)
                fetch(first_m);
            MATRIX_LOAD_ROWS(a, step_of_windows, 0, ROW);
        } else {
            MATRIX_LOAD_ROWS(a, src, first_m * IN_CHUNKS + step * CHUNKS, IN_CHUNKS);
        }
        MATRIX_LOAD_COLUMNS(b, weights, first_n * WEIGHT_ROW + weight_chunk(step), WEIGHT_ROW);
        sum = MATRIX_MULTIPLY_ADD(a, b, sum);
        if (GATHER)
            barrier();
    }
    if (RELU)
        for (uint i = 0; i < sum.length(); i++)
            sum[i] = max(sum[i], 0.0);
    if (FLOATS) {
        MATRIX_STORE_ROWS(sum, dst, to * 2, OUT_CHUNKS * 2);
    } else {
        for (uint i = 0; i < sum.length(); i++)
            sum[i] = clamp(sum[i], -65504.0, 65504.0);
        const MATRIX_HALF_SUM halves = MATRIX_HALF_SUM(sum);
        MATRIX_STORE_ROWS(halves, dst, to, OUT_CHUNKS);
    }
}
