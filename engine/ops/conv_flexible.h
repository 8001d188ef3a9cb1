// Host side of shaders/conv_flexible.comp, another way to compute convolutions of the matrix
// family: engine/ops/conv_matrix.c calls it. Private to the engine.
#ifndef ENGINE_OPS_CONV_FLEXIBLE_H
#define ENGINE_OPS_CONV_FLEXIBLE_H

#include "ops/launch.h"

// As conv_candidates(); none where the device cuts up no matrices, or of an image. All have
// `invocations`, which no other way has.
uint32_t conv_flexible_candidates(const struct cubby_gpu *gpu, const struct graph *graph,
                                  const struct graph_op *op, uint32_t batch,
                                  struct conv_choice *choices, uint32_t max);
// Kernel and constants for such a choice; the push constants are those of conv_matrix.comp.
void conv_flexible_set(struct op_launch *launch, const struct cubby_gpu *gpu,
                       const struct graph *graph, const struct graph_op *op,
                       const struct op_places *places);
// Weights as this kernel reads them, into as much room as conv_matrix_pack() has, which is all
// zero.
void conv_flexible_pack(const struct cubby_gpu *gpu, const struct graph *graph,
                        const struct graph_op *op, const float *weight, float *texels);
void conv_flexible_pack_second(const struct cubby_gpu *gpu, const struct graph *graph,
                               const struct graph_op *op, const float *weight, float *texels);

#endif
