// Host side of shaders/conv_matrix.comp; engine/ops/conv.c calls it for the matrix family. What
// choices with `invocations` mean is engine/ops/conv_flexible.c's. Private to the engine.
#ifndef ENGINE_OPS_CONV_MATRIX_H
#define ENGINE_OPS_CONV_MATRIX_H

#include "ops/launch.h"

// Whether the device has room for any tile.
bool conv_matrix_can(const struct cubby_gpu *gpu);
uint32_t conv_matrix_candidates(const struct cubby_gpu *gpu, const struct graph *graph,
                                const struct graph_op *op, uint32_t batch,
                                struct conv_choice *choices, uint32_t max);
void conv_matrix_launch(struct op_launch *launch, const struct cubby_gpu *gpu,
                        const struct graph *graph, const struct graph_op *op,
                        const struct op_places *places, uint32_t batch);
uint64_t conv_matrix_weight_texels(const struct cubby_gpu *gpu, const struct graph *graph,
                                   const struct graph_op *op);
uint64_t conv_matrix_bias_texels(const struct graph *graph, const struct graph_op *op);
void conv_matrix_pack(const struct cubby_gpu *gpu, const struct graph *graph,
                      const struct graph_op *op, const struct conv_choice *choice,
                      const float *weight, const float *bias, float *texels);
void conv_matrix_pack_second(const struct cubby_gpu *gpu, const struct graph *graph,
                             const struct graph_op *op, const struct conv_choice *choice,
                             const float *weight, const float *bias, float *texels);

#endif
