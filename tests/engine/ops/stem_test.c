#include "engine/harness.h"
#include "graph/executor_internal.h"
#include "ref/ref.h"

#define TOLERANCE 2e-6

static const float mean[] = {0.485f, 0.456f, 0.406f}, std[] = {0.229f, 0.224f, 0.225f};

struct stem_case {
    uint32_t batch, height, width, out, kernel, stride, pad;
    bool relu, floats;
    bool other; // computed as two ops everywhere
};

struct stem_data {
    size_t image_values, weights, outs;
    uint8_t *bytes; // or floats
    size_t input_bytes;
    float *weight, *bias, *expected, *got;
};

// Bytes, and floats that are none: between them, and at both ends.
static void make_input(struct stem_data *data, const struct stem_case *c,
                       struct harness_random *random)
{
    const size_t count = c->batch * data->image_values;
    data->input_bytes = count * (c->floats ? sizeof(float) : 1);
    data->bytes = malloc(data->input_bytes);
    assert_non_null(data->bytes);
    float *floats = (float *)(void *)data->bytes;
    for (size_t i = 0; i < count; i++) {
        if (c->floats)
            floats[i] = (float)(harness_next(random) >> 40) / (float)(1 << 24) * 255.0f;
        else
            data->bytes[i] = (uint8_t)harness_next(random);
    }
}

static void make_expected(const struct cubby_gpu *gpu, struct stem_data *data,
                          const struct stem_case *c)
{
    const struct ref_shape shape = {c->batch, 3, c->height, c->width};
    float *image = malloc(c->batch * data->image_values * sizeof(*image));
    assert_non_null(image);
    if (c->floats)
        ref_normalize_floats(&shape, (const float *)(const void *)data->bytes, mean, std, image);
    else
        ref_normalize(&shape, data->bytes, mean, std, image);
    harness_round(gpu, image, c->batch * data->image_values);
    const struct ref_conv conv = {c->out,       c->kernel,  c->stride, c->pad,
                                  data->weight, data->bias, NULL,      c->relu};
    assert_int_equal(ref_conv(&shape, image, &conv, data->expected), CUBBY_OK);
    free(image);
}

static uint32_t build(struct graph *graph, const struct stem_data *data, const struct stem_case *c)
{
    const uint32_t image = graph_normalize(graph, c->width, c->height, c->floats, mean, std);
    const struct graph_conv_params params = {
        .out_channels = c->out,
        .kernel = c->kernel,
        .stride = c->stride,
        .pad = c->pad,
        .relu = c->relu,
        .residual = GRAPH_NONE,
        .weights = {.weight = data->weight, .bias = data->bias},
    };
    return graph_conv(graph, image, &params);
}

static void run(struct cubby_gpu *gpu, const struct graph *graph, uint32_t output,
                const struct stem_data *data, const struct stem_case *c)
{
    // One image of room to spare: counts below the maximum are what the last batch is.
    const struct executor_params params = {.max_batch = c->batch + 1, .slots = 1};
    struct executor *executor;
    assert_int_equal(executor_create(&executor, gpu, graph, &params), CUBBY_OK);
    const bool one = cubby_gpu_kernels(gpu) == CUBBY_KERNELS_MATRIX && !c->other;
    assert_int_equal(executor->graph.op_count, one ? 1 : 2);
    assert_int_equal(executor->graph.ops[0].kind, one ? GRAPH_STEM : GRAPH_NORMALIZE);
    for (size_t i = 0; i < data->outs; i++)
        data->got[i] = NAN; // an output that no shader writes must show
    assert_int_equal(executor_write_value(executor, output, c->batch, data->got), CUBBY_OK);
    memcpy(executor_input(executor, 0), data->bytes, data->input_bytes);
    assert_int_equal(executor_submit(executor, 0, c->batch), CUBBY_OK);
    assert_int_equal(executor_wait(executor, 0), CUBBY_OK);
    assert_int_equal(executor_read_value(executor, output, c->batch, data->got), CUBBY_OK);
    executor_destroy(&executor);
}

// Halves that cannot hold a result get the nearest one that they can.
static void cut_off(const struct cubby_gpu *gpu, float *values, size_t count)
{
    const bool halves = cubby_gpu_precision(gpu) == CUBBY_PRECISION_FP16;
    for (size_t i = 0; halves && i < count; i++)
        values[i] = fmaxf(fminf(values[i], 65504.0f), -65504.0f);
}

// scale: of the weights
static void check_scaled(struct cubby_gpu *gpu, const struct stem_case *c, uint64_t seed,
                         float scale)
{
    struct harness_random random = {seed};
    struct graph *graph = calloc(1, sizeof(*graph));
    assert_non_null(graph);
    const uint32_t out_h = graph_window(c->height, c->kernel, c->stride, c->pad);
    const uint32_t out_w = graph_window(c->width, c->kernel, c->stride, c->pad);
    struct stem_data data = {
        .image_values = (size_t)3 * c->height * c->width,
        .weights = (size_t)c->out * 3 * c->kernel * c->kernel,
        .outs = (size_t)c->batch * c->out * out_h * out_w,
    };
    make_input(&data, c, &random);
    data.weight = harness_floats(&random, data.weights);
    data.bias = harness_floats(&random, c->out);
    data.expected = harness_floats(&random, data.outs);
    data.got = harness_floats(&random, data.outs);
    for (size_t i = 0; i < data.weights; i++)
        data.weight[i] *= scale;
    harness_round(gpu, data.weight, data.weights);
    make_expected(gpu, &data, c);
    cut_off(gpu, data.expected, data.outs);
    const uint32_t output = build(graph, &data, c);
    run(gpu, graph, output, &data, c);
    const double error = harness_error(data.got, data.expected, data.outs);
    if (!(error < harness_tolerance(gpu, TOLERANCE)))
        fail_msg("%s: seed %llu: n%u %ux%u -> %u, kernel %u stride %u pad %u%s%s: error %g",
                 harness_name(gpu), (unsigned long long)seed, c->batch, c->height, c->width, c->out,
                 c->kernel, c->stride, c->pad, c->relu ? " relu" : "", c->floats ? " floats" : "",
                 error);
    free(data.bytes);
    free(data.weight);
    free(data.bias);
    free(data.expected);
    free(data.got);
    free(graph);
}

static void check(struct cubby_gpu *gpu, const struct stem_case *c, uint64_t seed)
{
    check_scaled(gpu, c, seed, 1);
}

static void for_each_family(void (*run_on)(struct cubby_gpu *gpu))
{
    for (size_t i = 0; i < HARNESS_VARIANTS; i++) {
        struct cubby_gpu *gpu = harness_variant(i);
        if (!gpu)
            continue;
        // A software driver takes minutes for the tiles that a GPU gets.
        if (getenv("CUBBY_ALL_TILES"))
            gpu->info.kind = CUBBY_DEVICE_OTHER;
        run_on(gpu);
        harness_close(&gpu);
    }
}

static void run_known(struct cubby_gpu *gpu)
{
    static const struct stem_case cases[] = {
        {2, 32, 32, 64, 7, 2, 3, true, false, false},  // a ResNet's
        {1, 64, 64, 32, 3, 2, 1, true, false, false},  // a MobileNet's
        {3, 31, 45, 96, 7, 2, 3, false, false, false}, // rows of bytes begin anywhere in a word
        {2, 70, 37, 128, 7, 2, 0, true, false, false}, // no padding
        {2, 33, 70, 16, 5, 2, 2, true, true, false},   // floats
        {1, 1, 1, 1, 7, 2, 3, false, false, false},    // one pixel
        {2, 2, 3, 40, 7, 2, 6, true, false, false},    // windows far larger than the image
        {1, 19, 9, 64, 7, 1, 3, true, false, true},    // stride 1
        {1, 25, 30, 32, 9, 2, 4, true, false, true},   // a window too large
        {1, 9, 8, 32, 3, 2, 3, true, false, true},     // windows of padding alone
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        check(gpu, &cases[i], i);
}

static void stem_known_shapes(void **state)
{
    (void)state;
    for_each_family(run_known);
}

static void run_large(struct cubby_gpu *gpu)
{
    static const struct stem_case cases[] = {
        {2, 19, 21, 40, 7, 2, 3, false, false, false},
        {1, 21, 33, 64, 7, 2, 3, true, false, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        check_scaled(gpu, &cases[i], 50 + i, 60000);
}

static void stem_beyond_halves(void **state)
{
    (void)state;
    for_each_family(run_large);
}

static void run_random(struct cubby_gpu *gpu)
{
    const uint64_t seed = 20261200;
    // Few workgroups, so that each has several tiles.
    gpu->compute_units = 1;
    for (uint64_t i = 0; i < 16; i++) {
        struct harness_random random = {seed + i};
        struct stem_case c = {
            .batch = harness_range(&random, 1, 4),
            .height = harness_range(&random, 7, 60),
            .width = harness_range(&random, 7, 90),
            .out = harness_range(&random, 1, 130),
            .kernel = (uint32_t[]){3, 5, 7}[harness_range(&random, 0, 2)],
            .stride = 2,
            .relu = harness_range(&random, 0, 1),
            .floats = harness_range(&random, 0, 1),
        };
        c.pad = harness_range(&random, 0, c.kernel - 1);
        check(gpu, &c, seed + i);
    }
}

static void stem_random_shapes(void **state)
{
    (void)state;
    for_each_family(run_random);
}

static uint32_t image_and_conv(struct graph *graph, struct graph_conv_params *params)
{
    memset(graph, 0, sizeof(*graph));
    *params = (struct graph_conv_params){
        .out_channels = 8, .kernel = 7, .stride = 2, .pad = 3, .residual = GRAPH_NONE};
    return graph_normalize(graph, 12, 10, false, mean, std);
}

static void merging_keeps_values(void **state)
{
    (void)state;
    struct graph *graph = malloc(sizeof(*graph));
    assert_non_null(graph);
    struct graph_conv_params params;
    uint32_t origin[GRAPH_MAX_OPS] = {0, 1, 2, 3};
    const uint32_t image = image_and_conv(graph, &params);
    const uint32_t first = graph_conv(graph, image, &params);
    params.kernel = 1;
    params.stride = 1;
    params.pad = 0;
    const uint32_t second = graph_conv(graph, first, &params);
    params.residual = first;
    const uint32_t third = graph_conv(graph, second, &params);

    assert_ptr_equal(graph_find_stem(graph), &graph->ops[1]);
    graph_merge_stem(graph, origin);
    assert_int_equal(graph->op_count, 3);
    const struct graph_op *stem = &graph->ops[0];
    assert_int_equal(stem->kind, GRAPH_STEM);
    assert_int_equal(stem->input, GRAPH_NONE);
    assert_int_equal(stem->output, first);
    assert_int_equal(stem->kernel, 7);
    assert_memory_equal(stem->mean, mean, sizeof(mean));
    assert_memory_equal(stem->std, std, sizeof(std));
    static const uint32_t origins[] = {1, 2, 3};
    assert_memory_equal(origin, origins, sizeof(origins));
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(graph->ops[i].weights_op, i);
    assert_int_equal(graph->values[image].channels, 0);
    assert_int_equal(graph->values[first].first, 0);
    assert_int_equal(graph->values[first].last, 2);
    assert_int_equal(graph->values[third].first, 2);
    assert_null(graph_find_stem(graph));
    free(graph);
}

static void finds_only_stems(void **state)
{
    (void)state;
    struct graph *graph = malloc(sizeof(*graph));
    assert_non_null(graph);
    struct graph_conv_params params;
    uint32_t image = image_and_conv(graph, &params);
    assert_null(graph_find_stem(graph)); // nothing reads it
    graph_conv(graph, image, &params);
    graph_conv(graph, image, &params); // two do
    assert_null(graph_find_stem(graph));

    image = image_and_conv(graph, &params);
    graph_max_pool(graph, image, 3, 2, 1);
    assert_null(graph_find_stem(graph));

    image = image_and_conv(graph, &params);
    params.residual = graph_value(graph, 8, 5, 6);
    graph_conv(graph, image, &params);
    assert_null(graph_find_stem(graph));

    image = image_and_conv(graph, &params);
    const uint32_t value = graph_value(graph, 3, 10, 12);
    graph_conv(graph, value, &params); // reads something else
    assert_null(graph_find_stem(graph));
    free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merging_keeps_values), cmocka_unit_test(finds_only_stems),
        cmocka_unit_test(stem_known_shapes),    cmocka_unit_test(stem_beyond_halves),
        cmocka_unit_test(stem_random_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
