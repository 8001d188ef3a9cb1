// The matrix kernel in itself: every pairing of buffers and loads ahead with every number of steps,
// windows of more taps than a word has bits, results that halves cannot hold, and logits. What of
// its tiles a device would be offered does not matter here; conv_test.c goes through those.
#include "engine/harness.h"
#include "ops/launch.h"
#include "ref/ref.h"

#define TOLERANCE_FLOATS 2e-5 // matrix units may cut sums off instead of rounding them
#define LARGEST_HALF 65504.0f

struct conv_case {
    uint32_t batch, in, height, width, out, kernel, stride, pad;
    bool relu, residual;
    uint32_t second; // channels of a value that adds a 1x1 convolution, with the same pixels; or 0
    bool logits;     // fp32 results
    float scale;     // of the weights; 0: 1
};

// Those that tiles come with.
static const uint16_t pairings[][3] = {
    // buffers, ahead, weights_ahead
    {1, 1, 1}, {1, 1, 2}, {1, 2, 2}, {2, 1, 1}, {2, 1, 2},
};
#define PAIRINGS (sizeof(pairings) / sizeof(*pairings))

// The smallest tile of four subgroups, or of two where these have many invocations: a software
// driver takes seconds to compile larger ones.
static struct conv_choice choice_of(const struct cubby_gpu *gpu, size_t pairing)
{
    return (struct conv_choice){
        .tile_m = 32,
        .tile_n = 32,
        .tile_k = 32,
        .part_m = 16,
        .part_n = gpu->info.subgroup_size > 32 ? 32 : 16,
        .buffers = pairings[pairing][0],
        .ahead = pairings[pairing][1],
        .weights_ahead = pairings[pairing][2],
    };
}

struct conv_data {
    size_t ins, others, weights, seconds, outs;
    float *src, *other, *weight, *second, *bias, *added, *expected, *got;
};

static float *rounded(const struct cubby_gpu *gpu, struct harness_random *random, size_t count,
                      float scale)
{
    float *values = harness_floats(random, count);
    for (size_t i = 0; i < count; i++)
        values[i] *= scale;
    harness_round(gpu, values, count);
    return values;
}

static void make_data(const struct cubby_gpu *gpu, struct conv_data *data,
                      const struct conv_case *c, uint64_t seed)
{
    struct harness_random random = {seed};
    const uint32_t out_h = graph_window(c->height, c->kernel, c->stride, c->pad);
    const uint32_t out_w = graph_window(c->width, c->kernel, c->stride, c->pad);
    const size_t pixels = (size_t)c->batch * out_h * out_w;
    const float scale = c->scale > 0 ? c->scale : 1;
    *data = (struct conv_data){
        .ins = (size_t)c->batch * c->in * c->height * c->width,
        .others = pixels * (c->second ? c->second : c->out),
        .weights = (size_t)c->out * c->in * c->kernel * c->kernel,
        .seconds = (size_t)c->out * c->second,
        .outs = pixels * c->out,
    };
    data->src = rounded(gpu, &random, data->ins, 1);
    data->other = rounded(gpu, &random, data->others, 1);
    data->weight = rounded(gpu, &random, data->weights, scale);
    data->second = rounded(gpu, &random, data->seconds, scale);
    data->bias = harness_floats(&random, c->out);
    data->added = harness_floats(&random, data->outs);
    data->expected = harness_floats(&random, data->outs);
    data->got = harness_floats(&random, data->outs);
}

static void free_data(struct conv_data *data)
{
    float *const all[] = {data->src,  data->other, data->weight,   data->second,
                          data->bias, data->added, data->expected, data->got};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        free(all[i]);
}

static void make_expected(struct conv_data *data, const struct conv_case *c)
{
    const uint32_t out_h = graph_window(c->height, c->kernel, c->stride, c->pad);
    const uint32_t out_w = graph_window(c->width, c->kernel, c->stride, c->pad);
    const struct ref_shape shape = {c->batch, c->in, c->height, c->width};
    const struct ref_shape second_shape = {c->batch, c->second, out_h, out_w};
    const struct ref_conv second = {c->out, 1, 1, 0, data->second, data->bias, NULL, false};
    const float *added = c->residual ? data->other : NULL;
    if (c->second) {
        assert_int_equal(ref_conv(&second_shape, data->other, &second, data->added), CUBBY_OK);
        added = data->added;
    }
    const struct ref_conv conv = {c->out,       c->kernel,  c->stride, c->pad,
                                  data->weight, data->bias, added,     c->relu};
    assert_int_equal(ref_conv(&shape, data->src, &conv, data->expected), CUBBY_OK);
    for (size_t i = 0; !c->logits && i < data->outs; i++)
        data->expected[i] = fmaxf(fminf(data->expected[i], LARGEST_HALF), -LARGEST_HALF);
}

// *other: the value that is added, or that the shortcut reads.
static uint32_t build(struct graph *graph, const struct conv_data *data, const struct conv_case *c,
                      uint32_t *input, uint32_t *other)
{
    const uint32_t out_h = graph_window(c->height, c->kernel, c->stride, c->pad);
    const uint32_t out_w = graph_window(c->width, c->kernel, c->stride, c->pad);
    const struct graph_conv_params shortcut = {
        .out_channels = c->out,
        .kernel = 1,
        .stride = 1,
        .residual = GRAPH_NONE,
        .weights = {.weight = data->second, .bias = data->bias},
    };
    struct graph_conv_params params = {
        .out_channels = c->out,
        .kernel = c->kernel,
        .stride = c->stride,
        .pad = c->pad,
        .relu = c->relu,
        .residual = GRAPH_NONE,
        .weights = {.weight = data->weight, .bias = data->bias},
    };
    *input = graph_value(graph, c->in, c->height, c->width);
    *other = GRAPH_NONE;
    if (c->second || c->residual)
        params.residual = *other = graph_value(graph, c->second ? c->second : c->out, out_h, out_w);
    if (c->second)
        params.residual = graph_conv(graph, *other, &shortcut);
    const uint32_t output = graph_conv(graph, *input, &params);
    if (c->logits)
        graph_unpack(graph, output, GRAPH_LOGITS);
    return output;
}

static void check_as(struct cubby_gpu *gpu, size_t pairing, const struct conv_case *c,
                     uint64_t seed)
{
    struct conv_data data;
    struct graph *graph = calloc(1, sizeof(*graph));
    assert_non_null(graph);
    make_data(gpu, &data, c, seed);
    make_expected(&data, c);
    uint32_t input, other;
    const uint32_t output = build(graph, &data, c, &input, &other);
    // The shortcut's own is not looked at: it is merged.
    const struct conv_choice choices[2] = {choice_of(gpu, pairing), choice_of(gpu, pairing)};
    // One image of room to spare: counts below the maximum are what the last batch is.
    const struct executor_params run = {.max_batch = c->batch + 1, .slots = 1, .choices = choices};
    harness_run(gpu, graph, &run, c->batch, input, data.src, other, data.other, output, data.got);
    const double error = harness_error(data.got, data.expected, data.outs);
    if (!(error < (c->logits ? TOLERANCE_FLOATS : harness_tolerance(gpu, 0)))) {
        char way[96];
        conv_choice_describe(&choices[0], way, sizeof(way));
        fail_msg("%s, %u buffers: seed %llu: n%u %ux%ux%u -> %u, kernel %u stride %u pad %u, "
                 "second %u%s%s%s: error %g",
                 way, choices[0].buffers, (unsigned long long)seed, c->batch, c->in, c->height,
                 c->width, c->out, c->kernel, c->stride, c->pad, c->second, c->relu ? " relu" : "",
                 c->residual ? " residual" : "", c->logits ? " logits" : "", error);
    }
    free_data(&data);
    free(graph);
}

static void check_cases(const struct conv_case *cases, size_t count, uint64_t seed, bool all)
{
    struct cubby_gpu *gpu = harness_variant(HARNESS_VARIANTS - 1);
    if (!gpu)
        return;
    assert_int_equal(cubby_gpu_kernels(gpu), CUBBY_KERNELS_MATRIX);
    for (size_t i = 0; i < count; i++)
        for (size_t pairing = 0; pairing < PAIRINGS; pairing++)
            if (all || pairing == i % PAIRINGS)
                check_as(gpu, pairing, &cases[i], seed + i);
    harness_close(&gpu);
}
// In every pairing, or each in another one.
#define CHECK_ALL(cases, seed) check_cases(cases, sizeof(cases) / sizeof(*(cases)), seed, true)
#define CHECK_EACH(cases, seed) check_cases(cases, sizeof(cases) / sizeof(*(cases)), seed, false)

// Fewer steps than are ahead, as many, and odd and even numbers of more.
static void every_number_of_steps(void **state)
{
    (void)state;
    static const struct conv_case cases[] = {
        {1, 32, 5, 7, 40, 1, 1, 0, true, true, 0, false, 0},    // 1
        {2, 64, 5, 7, 40, 1, 1, 0, false, true, 0, false, 0},   // 2
        {3, 96, 3, 11, 24, 1, 1, 0, true, true, 0, false, 0},   // 3
        {1, 128, 9, 5, 96, 1, 1, 0, true, false, 0, false, 0},  // 4
        {2, 150, 6, 5, 72, 1, 1, 0, false, false, 0, false, 0}, // 5
    };
    CHECK_ALL(cases, 100);
}

// The second tensor's steps, from whichever set they begin.
static void second_tensors(void **state)
{
    (void)state;
    static const struct conv_case cases[] = {
        {2, 32, 5, 7, 40, 1, 1, 0, true, false, 64, false, 0},
        {1, 64, 6, 7, 64, 1, 1, 0, true, false, 64, false, 0},
        {1, 96, 7, 5, 36, 1, 1, 0, false, false, 128, false, 0},
    };
    static const struct conv_case windows[] = {
        {2, 32, 6, 5, 40, 3, 1, 1, true, false, 64, false, 0},
        {1, 64, 5, 5, 33, 7, 1, 3, true, false, 64, false, 0},
    };
    CHECK_ALL(cases, 200);
    CHECK_EACH(windows, 250);
}

// Up to 32 taps have a bit each, more do not; channels in several steps come behind all taps.
static void many_taps(void **state)
{
    (void)state;
    static const struct conv_case cases[] = {
        {1, 64, 7, 9, 32, 3, 2, 1, true, false, 0, false, 0},
        {2, 70, 6, 5, 40, 5, 1, 2, false, true, 0, false, 0},
        {1, 64, 9, 8, 33, 6, 2, 3, true, false, 0, false, 0},
        {2, 64, 7, 6, 32, 7, 1, 3, false, true, 0, false, 0},
        {1, 40, 12, 11, 20, 7, 3, 0, true, false, 0, false, 0}, // no edges
        {1, 33, 4, 3, 32, 16, 1, 8, false, false, 0, false, 0}, // the largest
    };
    CHECK_EACH(cases, 300);
}

// Fewer channels than a chunk, or than a tile, and fewer pixels.
static void residuals_of_few_channels(void **state)
{
    (void)state;
    static const struct conv_case cases[] = {
        {1, 3, 1, 1, 1, 1, 1, 0, false, true, 0, false, 0},
        {1, 5, 3, 2, 7, 3, 1, 1, true, true, 0, false, 0},
        {2, 3, 9, 7, 3, 7, 2, 3, true, true, 0, false, 0}, // an image's
    };
    CHECK_EACH(cases, 400);
}

// Halves that cannot hold a result get the nearest one that they can, not infinity.
static void results_beyond_halves(void **state)
{
    (void)state;
    static const struct conv_case cases[] = {
        {2, 64, 5, 7, 40, 1, 1, 0, false, true, 0, false, 30000},
        {2, 64, 5, 7, 40, 1, 1, 0, true, false, 0, false, 30000},
        {1, 3, 11, 9, 32, 7, 2, 3, false, false, 0, false, 60000},
    };
    CHECK_EACH(cases, 500);
}

// Logits are as large and as fine as fp32.
static void logits(void **state)
{
    (void)state;
    static const struct conv_case cases[] = {
        {3, 128, 1, 1, 10, 1, 1, 0, false, false, 0, true, 0},
        {5, 96, 1, 1, 70, 1, 1, 0, false, true, 0, true, 0},
        {40, 64, 1, 1, 33, 1, 1, 0, true, true, 0, true, 30000},
        {3, 32, 1, 1, 40, 1, 1, 0, false, false, 64, true, 30000},
    };
    CHECK_EACH(cases, 600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_of_steps),
        cmocka_unit_test(second_tensors),
        cmocka_unit_test(many_taps),
        cmocka_unit_test(residuals_of_few_channels),
        cmocka_unit_test(results_beyond_halves),
        cmocka_unit_test(logits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
