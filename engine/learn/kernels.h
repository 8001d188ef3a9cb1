// The loops in which a fit spends its time, on blocks of rows in single precision. Private.
//
// Rows and weights are padded with zeros: `stride` floats each, a multiple of KERNEL_STRIDE, and
// row and class counts are a multiple of KERNEL_TILE. Arrays of rows, weights and sums are aligned
// to KERNEL_ALIGN bytes. Each sum has a fixed order, the same with and without AVX2, and no
// multiply-add is fused: results are the same bits on every x86-64 machine.
#ifndef ENGINE_LEARN_KERNELS_H
#define ENGINE_LEARN_KERNELS_H

#include <stdint.h>

enum { KERNEL_STRIDE = 16, KERNEL_TILE = 2, KERNEL_ALIGN = 64 };

struct kernels {
    // out[i] = values[i] * factor[i] + offset[i], kept within +-1e15. `values` may lie anywhere.
    void (*normalise)(float *out, const float *values, const float *factor, const float *offset,
                      uint32_t dims);
    // out[r, k] = sum over d of rows[r, d] * weights[k, d]
    void (*products)(float *out, const float *rows, uint32_t row_count, const float *weights,
                     uint32_t classes, uint32_t stride);
    // sums[k, d] += sum over r of errors[r, k] * rows[r, d], the sum over r in single precision
    void (*accumulate)(double *sums, const float *rows, uint32_t row_count, const float *errors,
                       uint32_t classes, uint32_t stride);
};

// The fastest that this machine has.
const struct kernels *kernels_best(void);
// Those that every machine has.
const struct kernels *kernels_plain(void);

#endif
