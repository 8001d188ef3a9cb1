// Every layer in plain C: what the shaders are tested against. Tensors are [N, C, H, W] float32,
// sums are kept in double. Private to the engine and its tests.
#ifndef ENGINE_REF_REF_H
#define ENGINE_REF_REF_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/status.h"

struct ref_shape {
    uint32_t batch, channels, height, width;
};

struct ref_conv {
    uint32_t out_channels, kernel, stride, pad;
    const float *weight;   // [out, in, kernel, kernel]
    const float *bias;     // [out]
    const float *residual; // added before ReLU, the output's shape; NULL: none
    bool relu;
};

// dst [N, out, out_h, out_w] with out_h = (h + 2 pad - kernel) / stride + 1.
CUBBY_NODISCARD enum cubby_status ref_conv(const struct ref_shape *shape, const float *src,
                                           const struct ref_conv *conv, float *dst);
// Padding never wins. dst [N, C, out_h, out_w].
void ref_max_pool(const struct ref_shape *shape, const float *src, uint32_t kernel, uint32_t stride,
                  uint32_t pad, float *dst);
// dst [N, C], or with concat [N, 2 C]: maxima first, then averages.
void ref_global_pool(const struct ref_shape *shape, const float *src, bool concat, float *dst);
// bytes [N, H, W, 3] -> dst [N, 3, H, W]: (byte / 255 - mean) / std. shape->channels is 3.
void ref_normalize(const struct ref_shape *shape, const uint8_t *bytes, const float mean[3],
                   const float std[3], float *dst);
// The same of values [N, H, W, 3] from 0 to 255.
void ref_normalize_floats(const struct ref_shape *shape, const float *values, const float mean[3],
                          const float std[3], float *dst);
// Rows of `channels`: exp(x - max) / sum.
void ref_softmax(uint32_t batch, uint32_t channels, const float *src, float *dst);
// Rows of `channels`: 1 / (1 + exp(-x)).
void ref_sigmoid(uint32_t batch, uint32_t channels, const float *src, float *dst);

#endif
