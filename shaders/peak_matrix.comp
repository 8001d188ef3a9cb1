// As many products of matrices as the device's matrix units can do: registers only, as many
// independent sums as conv_matrix.comp has in its larger tiles.
//   dst  f32 [subgroups of a workgroup][M][N]: so that no compiler can leave the work out
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint M = 16;
layout(constant_id = 2) const uint N = 16;
layout(constant_id = 3) const uint K = 16;

#include "matrix.glsl"
#include "peak_push.h"

layout(binding = 0, std430) writeonly buffer Dst {
    float dst[];
};
layout(push_constant) uniform Push {
    peak_push p;
};

void main()
{
    MATRIX_A a[PEAK_MATRICES];
    MATRIX_B b[PEAK_MATRICES];
    MATRIX_SUM sum[PEAK_MATRICES][PEAK_MATRICES];
    [[unroll]] for (uint i = 0; i < PEAK_MATRICES; i++) {
        a[i] = MATRIX_A(float16_t(p.factor + float(i)));
        b[i] = MATRIX_B(float16_t(p.term));
        [[unroll]] for (uint j = 0; j < PEAK_MATRICES; j++)
            sum[i][j] = MATRIX_SUM(0.0);
    }
    // The sums grow by some ten each round: far from overflowing.
    for (uint round = 0; round < p.rounds; round++) {
        [[unroll]] for (uint i = 0; i < PEAK_MATRICES; i++)
            [[unroll]] for (uint j = 0; j < PEAK_MATRICES; j++)
                sum[i][j] = MATRIX_MULTIPLY_ADD(a[i], b[j], sum[i][j]);
    }
    [[unroll]] for (uint i = 0; i < PEAK_MATRICES; i++) {
        [[unroll]] for (uint j = 0; j < PEAK_MATRICES; j++)
            MATRIX_STORE_ROWS(sum[i][j], dst, gl_SubgroupID * M * N, N);
    }
}
