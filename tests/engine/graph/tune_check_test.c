// What the tuner takes for the same results, and what not.
#include "engine/harness.h"
#include "graph/tune_check.h"

#define CHANNELS 32u
#define SIDE 5u

static void build(struct graph *graph, const float *weight, const float *bias)
{
    *graph = (struct graph){0};
    const uint32_t input = graph_value(graph, CHANNELS, SIDE, SIDE);
    const struct graph_conv_params params = {
        .out_channels = CHANNELS,
        .kernel = 1,
        .stride = 1,
        .residual = graph_value(graph, CHANNELS, SIDE, SIDE),
        .weights = {.weight = weight, .bias = bias},
    };
    graph_conv(graph, input, &params);
}

static bool is_same(struct tune_check *check, struct cubby_gpu *gpu, const float *weight,
                    const float *bias)
{
    struct graph *graph = malloc(sizeof(*graph));
    struct executor *executor;
    bool same;
    assert_non_null(graph);
    build(graph, weight, bias);
    const struct executor_params params = {.max_batch = 3, .slots = 1};
    assert_int_equal(executor_create(&executor, gpu, graph, &params), CUBBY_OK);
    assert_int_equal(tune_check_run(check, executor, &same), CUBBY_OK);
    executor_destroy(&executor);
    free(graph);
    return same;
}

static void what_is_wrong_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < HARNESS_VARIANTS; i++) {
        struct cubby_gpu *gpu = harness_variant(i);
        if (!gpu)
            continue;
        struct harness_random random = {i};
        float *weight = harness_floats(&random, (size_t)CHANNELS * CHANNELS);
        float *bias = harness_floats(&random, CHANNELS);
        struct graph *graph = malloc(sizeof(*graph));
        assert_non_null(graph);
        build(graph, weight, bias);
        struct tune_check *check = tune_check_create(graph, 3);
        assert_non_null(check);
        assert_true(is_same(check, gpu, weight, bias)); // the first
        assert_true(is_same(check, gpu, weight, bias));

        weight[7 * CHANNELS + 3] += 1e-4f; // rounding
        assert_true(is_same(check, gpu, weight, bias));
        weight[7 * CHANNELS + 3] += 1.0f; // one weight of one channel
        assert_false(is_same(check, gpu, weight, bias));
        weight[7 * CHANNELS + 3] -= 1.0f;
        const float of_31 = bias[31];
        bias[31] = NAN;
        assert_false(is_same(check, gpu, weight, bias));
        bias[31] = of_31;
        assert_true(is_same(check, gpu, weight, bias));

        tune_check_destroy(&check);
        tune_check_destroy(&check);
        free(graph);
        free(weight);
        free(bias);
        harness_close(&gpu);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_wrong_is_found)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
