// Runs small graphs on every kernel family under the validation layers. Header only, so that each
// test stays one program.
#ifndef TESTS_ENGINE_HARNESS_H
#define TESTS_ENGINE_HARNESS_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/gpu.h"
#include "graph/executor.h"
#include "half.h"

#define HARNESS_SKIP 77

// Every way to compute: each test goes through all that the device can.
static const struct harness_variant {
    enum cubby_kernels kernels;
    enum cubby_precision precision;
} harness_variants[] = {
    {CUBBY_KERNELS_LANE, CUBBY_PRECISION_FP32},
    {CUBBY_KERNELS_TILE, CUBBY_PRECISION_FP32},
    {CUBBY_KERNELS_TILE, CUBBY_PRECISION_FP16},
    {CUBBY_KERNELS_MATRIX, CUBBY_PRECISION_FP16},
};
#define HARNESS_VARIANTS (sizeof(harness_variants) / sizeof(*harness_variants))

struct harness_random {
    uint64_t state;
};

// splitmix64
static inline uint64_t harness_next(struct harness_random *random)
{
    uint64_t z = (random->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline uint32_t harness_range(struct harness_random *random, uint32_t low, uint32_t high)
{
    return low + (uint32_t)(harness_next(random) % (high - low + 1));
}

static inline float *harness_floats(struct harness_random *random, size_t count)
{
    float *values = malloc((count ? count : 1) * sizeof(*values));
    assert_non_null(values);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(harness_next(random) >> 40) / (float)(1 << 23) - 1.0f;
    return values;
}

static inline void harness_log(void *user, enum cubby_log_level level, const char *message)
{
    (void)user;
    if (level <= CUBBY_LOG_WARNING)
        fprintf(stderr, "%s\n", message);
}

static const struct cubby_log harness_logger = {harness_log, NULL};

// CUBBY_NO_VALIDATION is for machines without the layers: a real GPU with nothing installed.
static inline bool harness_validates(void)
{
    return !getenv("CUBBY_NO_VALIDATION");
}

// Opens a device for one family with validation on. Exits with 77 (skipped) where there is no
// Vulkan device, unless CUBBY_REQUIRE_VULKAN is set, as tools/test does: then that is a failure.
static inline struct cubby_gpu *harness_gpu(enum cubby_kernels kernels)
{
    const struct cubby_gpu_params params = {.kernels = kernels, .validation = harness_validates()};
    struct cubby_gpu *gpu;
    const enum cubby_status status = cubby_gpu_create(&gpu, &params, &harness_logger);
    if (status && !getenv("CUBBY_REQUIRE_VULKAN"))
        exit(HARNESS_SKIP);
    assert_int_equal(status, CUBBY_OK);
    return gpu;
}

// The same with a variant. NULL, and a note, where the device lacks what it needs; but with
// CUBBY_REQUIRE_VULKAN only what a software device may lack, and with CUBBY_REQUIRE_MATRIX, as
// tools/test-matrix has it, not the matrix kernels.
static inline struct cubby_gpu *harness_variant(size_t index)
{
    const struct harness_variant *variant = &harness_variants[index];
    const struct cubby_gpu_params params = {.kernels = variant->kernels,
                                            .precision = variant->precision,
                                            .validation = harness_validates()};
    struct cubby_gpu *gpu;
    const enum cubby_status status = cubby_gpu_create(&gpu, &params, &harness_logger);
    const bool required =
        variant->kernels == CUBBY_KERNELS_MATRIX && getenv("CUBBY_REQUIRE_MATRIX");
    // Lane kernels are for subgroups of at most 16, which a real GPU may not have.
    const bool optional = variant->precision == CUBBY_PRECISION_FP16 || !harness_validates();
    if (status == CUBBY_UNSUPPORTED && optional && !required) {
        print_message("not tested here: %s kernels in %s\n", cubby_kernels_text(variant->kernels),
                      cubby_precision_text(variant->precision));
        return NULL;
    }
    if (status && !getenv("CUBBY_REQUIRE_VULKAN"))
        exit(HARNESS_SKIP);
    assert_int_equal(status, CUBBY_OK);
    return gpu;
}

static inline const char *harness_name(const struct cubby_gpu *gpu)
{
    static char name[32];
    snprintf(name, sizeof(name), "%s %s", cubby_kernels_text(cubby_gpu_kernels(gpu)),
             cubby_precision_text(cubby_gpu_precision(gpu)));
    return name;
}

// Rounds what goes into a device to what it will store, so that the reference starts from the same
// numbers and the tolerance can be tight.
static inline void harness_round(const struct cubby_gpu *gpu, float *values, size_t count)
{
    if (cubby_gpu_precision(gpu) == CUBBY_PRECISION_FP16)
        for (size_t i = 0; i < count; i++)
            values[i] = half_to_float(half_from_float(values[i]));
}

// Of one layer: fp16 rounds the result once, by 2^-11 of itself, whatever its sums were made of.
static inline double harness_tolerance(const struct cubby_gpu *gpu, double of_fp32)
{
    return cubby_gpu_precision(gpu) == CUBBY_PRECISION_FP16 ? 5e-4 : of_fp32;
}

static inline void harness_close(struct cubby_gpu **gpu)
{
    assert_int_equal(cubby_gpu_validation_messages(*gpu), 0);
    cubby_gpu_destroy(gpu);
}

// Runs the graph on `count` images in one slot: value `input` is written, value `output` read back.
static inline void harness_run(struct cubby_gpu *gpu, const struct graph *graph,
                               const struct executor_params *params, uint32_t count, uint32_t input,
                               const float *src, uint32_t residual, const float *added,
                               uint32_t output, float *dst)
{
    assert_false(graph->overflow);
    struct executor *executor;
    assert_int_equal(executor_create(&executor, gpu, graph, params), CUBBY_OK);

    // An output that no shader writes must show, so it starts as NaN.
    const struct graph_value *out = &graph->values[output];
    const size_t out_floats = (size_t)count * out->channels * out->height * out->width;
    for (size_t i = 0; i < out_floats; i++)
        dst[i] = NAN;
    assert_int_equal(executor_write_value(executor, output, count, dst), CUBBY_OK);
    if (input != GRAPH_NONE)
        assert_int_equal(executor_write_value(executor, input, count, src), CUBBY_OK);
    if (residual != GRAPH_NONE)
        assert_int_equal(executor_write_value(executor, residual, count, added), CUBBY_OK);
    assert_int_equal(executor_submit(executor, 0, count), CUBBY_OK);
    assert_int_equal(executor_wait(executor, 0), CUBBY_OK);
    assert_int_equal(executor_read_value(executor, output, count, dst), CUBBY_OK);
    executor_destroy(&executor);
}

// Largest |a - b| relative to the largest |b|; infinite if any a is not finite.
static inline double harness_error(const float *a, const float *b, size_t count)
{
    double largest = 1e-30, worst = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(a[i]))
            return INFINITY;
        largest = fmax(largest, fabs((double)b[i]));
        worst = fmax(worst, fabs((double)a[i] - b[i]));
    }
    return worst / largest;
}

#endif
