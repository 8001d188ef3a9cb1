// Host side of shaders/stem_matrix.comp: an image's bytes or floats, normalised and convolved in
// one op. Private to the engine.
#ifndef ENGINE_OPS_STEM_MATRIX_H
#define ENGINE_OPS_STEM_MATRIX_H

#include "ops/launch.h"

// Whether the device computes this convolution together with the GRAPH_NORMALIZE before it. Only
// asked of convolutions that graph_find_stem() finds.
bool stem_matrix_can(const struct cubby_gpu *gpu, const struct graph *graph,
                     const struct graph_op *conv);
// Of a GRAPH_STEM.
void stem_matrix_launch(struct op_launch *launch, const struct cubby_gpu *gpu,
                        const struct graph *graph, const struct graph_op *op,
                        const struct op_places *places, uint32_t batch);
// As conv_weight_texels(), conv_bias_texels() and conv_pack(), which call these for a GRAPH_STEM.
uint64_t stem_matrix_weight_texels(const struct cubby_gpu *gpu, const struct graph *graph,
                                   const struct graph_op *op);
uint64_t stem_matrix_bias_texels(const struct cubby_gpu *gpu, const struct graph *graph,
                                 const struct graph_op *op);
void stem_matrix_pack(const struct cubby_gpu *gpu, const struct graph *graph,
                      const struct graph_op *op, const float *weight, const float *bias,
                      float *texels);

#endif
