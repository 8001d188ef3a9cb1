#include "engine/harness.h"

#define SIDE 32u
#define BATCH 3u

// Floats that are normalised and convolved to few channels: in 16 bits the input is the largest of
// all (12 bytes a pixel; 8 and 2 are made of them).
static enum cubby_status create(struct cubby_gpu *gpu, uint32_t range)
{
    static const float mean[] = {0.5f, 0.5f, 0.5f}, std[] = {0.2f, 0.2f, 0.2f};
    static const float weight[4 * 3 * 9], bias[4];
    struct graph *graph = calloc(1, sizeof(*graph));
    assert_non_null(graph);
    const struct graph_conv_params params = {
        .out_channels = 4,
        .kernel = 3,
        .stride = 2,
        .pad = 1,
        .residual = GRAPH_NONE,
        .weights = {.weight = weight, .bias = bias},
    };
    graph_conv(graph, graph_normalize(graph, SIDE, SIDE, true, mean, std), &params);
    const struct executor_params run = {.max_batch = BATCH, .slots = 1};
    struct executor *executor;
    gpu->limits.maxStorageBufferRange = range;
    const enum cubby_status status = executor_create(&executor, gpu, graph, &run);
    executor_destroy(&executor);
    free(graph);
    return status;
}

static void bindings_stay_in_the_device_s_range(void **state)
{
    (void)state;
    const uint32_t input = BATCH * SIDE * SIDE * 12;
    for (size_t i = 0; i < HARNESS_VARIANTS; i++) {
        if (harness_variants[i].kernels != CUBBY_KERNELS_TILE)
            continue;
        struct cubby_gpu *gpu = harness_variant(i);
        if (!gpu)
            continue;
        const bool halves = cubby_gpu_precision(gpu) == CUBBY_PRECISION_FP16;
        assert_int_equal(create(gpu, halves ? input : BATCH * SIDE * SIDE * 16), CUBBY_OK);
        assert_int_equal(create(gpu, input - 1), CUBBY_NO_MEMORY);
        harness_close(&gpu);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bindings_stay_in_the_device_s_range)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
