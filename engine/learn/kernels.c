#include "learn/kernels.h"

#include <stddef.h>

// Eight floats, which a compiler splits where the machine's vectors are shorter.
typedef float lanes __attribute__((vector_size(32), aligned(32)));
typedef double wide_lanes __attribute__((vector_size(64), aligned(32)));
typedef float quad __attribute__((vector_size(16)));
typedef float loose_quad __attribute__((vector_size(16), aligned(4)));
typedef int32_t mask __attribute__((vector_size(16)));
typedef double wide_quad __attribute__((vector_size(32), aligned(32)));
#define LANES 8u
#define INLINE static inline __attribute__((always_inline))

#define LARGEST 1e15f

// Inlined into each variant below, and compiled there for what that variant may use.
INLINE void normalise(float *out, const float *values, const float *factor, const float *offset,
                      uint32_t dims)
{
    const quad low = {-LARGEST, -LARGEST, -LARGEST, -LARGEST}, high = -low;
    uint32_t i = 0;
    for (; i + 4 <= dims; i += 4) {
        quad value = *(const loose_quad *)(values + i) * *(const loose_quad *)(factor + i) +
                     *(const loose_quad *)(offset + i);
        // C has no vector form of ?:, but masks do the same.
        const mask above = value > low;
        value = (quad)((above & (mask)value) | (~above & (mask)low));
        const mask below = value < high;
        *(quad *)(out + i) = (quad)((below & (mask)value) | (~below & (mask)high));
    }
    for (; i < dims; i++) {
        const float value = values[i] * factor[i] + offset[i];
        out[i] = value > LARGEST ? LARGEST : value > -LARGEST ? value : -LARGEST;
    }
}

INLINE float sum_of(const lanes *sum)
{
    const lanes s = *sum;
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

// Tiles of 2 rows x 2 classes, with two sums each: what stays in sixteen short registers.
INLINE void products(float *out, const float *rows, uint32_t row_count, const float *weights,
                     uint32_t classes, uint32_t stride)
{
    for (uint32_t r = 0; r < row_count; r += KERNEL_TILE)
        for (uint32_t k = 0; k < classes; k += KERNEL_TILE) {
            const lanes *x0 = (const lanes *)(rows + (size_t)r * stride);
            const lanes *x1 = x0 + stride / LANES;
            const lanes *w0 = (const lanes *)(weights + (size_t)k * stride);
            const lanes *w1 = w0 + stride / LANES;
            lanes s00 = {0}, s01 = {0}, s10 = {0}, s11 = {0};
            for (uint32_t i = 0; i < stride / LANES; i++) {
                s00 += x0[i] * w0[i];
                s01 += x0[i] * w1[i];
                s10 += x1[i] * w0[i];
                s11 += x1[i] * w1[i];
            }
            float *to = out + (size_t)r * classes + k;
            to[0] = sum_of(&s00);
            to[1] = sum_of(&s01);
            to[classes] = sum_of(&s10);
            to[classes + 1] = sum_of(&s11);
        }
}

// Tiles of 2 classes x 2 vectors of dims, over all rows. Each dim has its own sum, so that the
// vectors may have any length: `count` floats in `vector`, as many doubles in `wide`. GCC keeps
// vectors longer than the machine's in memory, ten times slower here, so each variant takes its
// own.
#define ACCUMULATE(name, vector, wide, count)                                                      \
    INLINE void name(double *sums, const float *rows, uint32_t row_count, const float *errors,     \
                     uint32_t classes, uint32_t stride)                                            \
    {                                                                                              \
        for (uint32_t d = 0; d < stride; d += 2 * count)                                           \
            for (uint32_t k = 0; k < classes; k += KERNEL_TILE) {                                  \
                vector s00 = {0}, s01 = {0}, s10 = {0}, s11 = {0};                                 \
                for (uint32_t r = 0; r < row_count; r++) {                                         \
                    const vector *x = (const vector *)(rows + (size_t)r * stride + d);             \
                    const float *e = errors + (size_t)r * classes + k;                             \
                    s00 += x[0] * e[0];                                                            \
                    s01 += x[1] * e[0];                                                            \
                    s10 += x[0] * e[1];                                                            \
                    s11 += x[1] * e[1];                                                            \
                }                                                                                  \
                wide *to0 = (wide *)(sums + (size_t)k * stride + d);                               \
                wide *to1 = (wide *)(sums + (size_t)(k + 1) * stride + d);                         \
                to0[0] += __builtin_convertvector(s00, wide);                                      \
                to0[1] += __builtin_convertvector(s01, wide);                                      \
                to1[0] += __builtin_convertvector(s10, wide);                                      \
                to1[1] += __builtin_convertvector(s11, wide);                                      \
            }                                                                                      \
    }

ACCUMULATE(accumulate_4, quad, wide_quad, 4u)

#define VARIANT(name, attributes, accumulate)                                                      \
    attributes static void normalise_##name(float *out, const float *values, const float *factor,  \
                                            const float *offset, uint32_t dims)                    \
    {                                                                                              \
        normalise(out, values, factor, offset, dims);                                              \
    }                                                                                              \
    attributes static void products_##name(float *out, const float *rows, uint32_t row_count,      \
                                           const float *weights, uint32_t classes,                 \
                                           uint32_t stride)                                        \
    {                                                                                              \
        products(out, rows, row_count, weights, classes, stride);                                  \
    }                                                                                              \
    attributes static void accumulate_##name(double *sums, const float *rows, uint32_t row_count,  \
                                             const float *errors, uint32_t classes,                \
                                             uint32_t stride)                                      \
    {                                                                                              \
        accumulate(sums, rows, row_count, errors, classes, stride);                                \
    }                                                                                              \
    static const struct kernels name = {normalise_##name, products_##name, accumulate_##name};

VARIANT(plain, , accumulate_4)

// Windows is left out: its stack is aligned to 16 bytes, and GCC spills 32-byte vectors there as if
// it were aligned to 32 (GCC bug 54412).
#if defined(__x86_64__) && !defined(_WIN32)
ACCUMULATE(accumulate_8, lanes, wide_lanes, 8u)
VARIANT(avx2, __attribute__((target("avx2"))), accumulate_8)
#define HAS_AVX2
#endif

const struct kernels *kernels_plain(void)
{
    return &plain;
}

const struct kernels *kernels_best(void)
{
#ifdef HAS_AVX2
    if (__builtin_cpu_supports("avx2"))
        return &avx2;
#endif
    return &plain;
}
