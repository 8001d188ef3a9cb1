#include "engine/harness.h"
#include "ref/ref.h"

#define TOLERANCE 1e-6

struct pool_case {
    uint32_t batch, channels, height, width, kernel, stride, pad;
};

static void check_max(struct cubby_gpu *gpu, const struct pool_case *c, uint64_t seed)
{
    struct harness_random random = {seed};
    struct graph *graph = calloc(1, sizeof(*graph));
    const uint32_t out_h = graph_window(c->height, c->kernel, c->stride, c->pad);
    const uint32_t out_w = graph_window(c->width, c->kernel, c->stride, c->pad);
    const size_t count = (size_t)c->batch * c->channels * out_h * out_w;
    float *src = harness_floats(&random, (size_t)c->batch * c->channels * c->height * c->width);
    float *expected = harness_floats(&random, count), *got = harness_floats(&random, count);
    harness_round(gpu, src, (size_t)c->batch * c->channels * c->height * c->width);
    const struct ref_shape shape = {c->batch, c->channels, c->height, c->width};
    ref_max_pool(&shape, src, c->kernel, c->stride, c->pad, expected);

    const uint32_t input = graph_value(graph, c->channels, c->height, c->width);
    const uint32_t output = graph_max_pool(graph, input, c->kernel, c->stride, c->pad);
    const struct executor_params params = {.max_batch = c->batch, .slots = 1};
    harness_run(gpu, graph, &params, c->batch, input, src, GRAPH_NONE, NULL, output, got);
    const double error = harness_error(got, expected, count);
    if (error != 0) // a maximum is one of its inputs: nothing may differ
        fail_msg("%s max pool: seed %llu: n%u %ux%ux%u kernel %u stride %u pad %u: error %g",
                 harness_name(gpu), (unsigned long long)seed, c->batch, c->channels, c->height,
                 c->width, c->kernel, c->stride, c->pad, error);
    free(src);
    free(expected);
    free(got);
    free(graph);
}

static void check_global(struct cubby_gpu *gpu, const struct pool_case *c, bool concat,
                         uint64_t seed)
{
    struct harness_random random = {seed};
    struct graph *graph = calloc(1, sizeof(*graph));
    const size_t count = (size_t)c->batch * c->channels * (concat ? 2 : 1);
    float *src = harness_floats(&random, (size_t)c->batch * c->channels * c->height * c->width);
    float *expected = harness_floats(&random, count), *got = harness_floats(&random, count);
    harness_round(gpu, src, (size_t)c->batch * c->channels * c->height * c->width);
    const struct ref_shape shape = {c->batch, c->channels, c->height, c->width};
    ref_global_pool(&shape, src, concat, expected);

    const uint32_t input = graph_value(graph, c->channels, c->height, c->width);
    const uint32_t output = graph_global_pool(graph, input, concat);
    const struct executor_params params = {.max_batch = c->batch + 2, .slots = 1};
    harness_run(gpu, graph, &params, c->batch, input, src, GRAPH_NONE, NULL, output, got);
    const double error = harness_error(got, expected, count);
    if (!(error < harness_tolerance(gpu, TOLERANCE)))
        fail_msg("%s global pool%s: seed %llu: n%u %ux%ux%u: error %g", harness_name(gpu),
                 concat ? " concat" : "", (unsigned long long)seed, c->batch, c->channels,
                 c->height, c->width, error);
    free(src);
    free(expected);
    free(got);
    free(graph);
}

static void max_pool_shapes(void **state)
{
    (void)state;
    for (size_t f = 0; f < HARNESS_VARIANTS; f++) {
        struct cubby_gpu *gpu = harness_variant(f);
        if (!gpu)
            continue;
        check_max(gpu, &(struct pool_case){2, 64, 112, 112, 3, 2, 1}, 1);
        check_max(gpu, &(struct pool_case){1, 1, 1, 1, 3, 2, 1}, 2);
        for (uint64_t seed = 100; seed < 116; seed++) {
            struct harness_random random = {seed};
            struct pool_case c = {
                .batch = harness_range(&random, 1, 3),
                .channels = harness_range(&random, 1, 33),
                .height = harness_range(&random, 2, 30),
                .width = harness_range(&random, 2, 30),
                .kernel = harness_range(&random, 1, 4),
                .stride = harness_range(&random, 1, 3),
            };
            c.pad = harness_range(&random, 0, c.kernel / 2);
            if (c.kernel <= c.height + 2 * c.pad && c.kernel <= c.width + 2 * c.pad)
                check_max(gpu, &c, seed);
        }
        harness_close(&gpu);
    }
}

static void global_pool_shapes(void **state)
{
    (void)state;
    for (size_t f = 0; f < HARNESS_VARIANTS; f++) {
        struct cubby_gpu *gpu = harness_variant(f);
        if (!gpu)
            continue;
        for (uint64_t seed = 200; seed < 212; seed++) {
            struct harness_random random = {seed};
            // Channels in whole blocks: concat puts the averages right behind the maxima.
            const struct pool_case c = {
                .batch = harness_range(&random, 1, 5),
                .channels = 4 * harness_range(&random, 1, 40),
                .height = harness_range(&random, 1, 9),
                .width = harness_range(&random, 1, 9),
            };
            check_global(gpu, &c, seed % 2, seed);
        }
        harness_close(&gpu);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(max_pool_shapes),
        cmocka_unit_test(global_pool_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
