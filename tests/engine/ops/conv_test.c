#include "engine/harness.h"
#include "ops/launch.h"
#include "ref/ref.h"

// fp32 sums of up to a few thousand products, in another order than the reference's.
#define TOLERANCE 2e-6
// Winograd's transforms add and subtract before and after.
#define TOLERANCE_WINOGRAD 4e-6

struct conv_case {
    uint32_t batch, in, height, width, out, kernel, stride, pad;
    bool relu, residual;
};

// choice: how to compute it; NULL: whatever the executor takes.
static void check_as(struct cubby_gpu *gpu, const struct conv_choice *choice,
                     const struct conv_case *c, uint64_t seed)
{
    struct harness_random random = {seed};
    struct graph *graph = calloc(1, sizeof(*graph));
    const uint32_t out_h = graph_window(c->height, c->kernel, c->stride, c->pad);
    const uint32_t out_w = graph_window(c->width, c->kernel, c->stride, c->pad);
    const size_t out_floats = (size_t)c->batch * c->out * out_h * out_w;
    float *src = harness_floats(&random, (size_t)c->batch * c->in * c->height * c->width);
    float *weight = harness_floats(&random, (size_t)c->out * c->in * c->kernel * c->kernel);
    float *bias = harness_floats(&random, c->out);
    float *added = harness_floats(&random, out_floats);
    harness_round(gpu, src, (size_t)c->batch * c->in * c->height * c->width);
    harness_round(gpu, weight, (size_t)c->out * c->in * c->kernel * c->kernel);
    harness_round(gpu, added, out_floats);
    float *expected = harness_floats(&random, out_floats),
          *got = harness_floats(&random, out_floats);

    const struct ref_shape shape = {c->batch, c->in, c->height, c->width};
    const struct ref_conv ref = {
        c->out, c->kernel, c->stride, c->pad, weight, bias, c->residual ? added : NULL, c->relu};
    assert_int_equal(ref_conv(&shape, src, &ref, expected), CUBBY_OK);

    const uint32_t input = graph_value(graph, c->in, c->height, c->width);
    const uint32_t residual = c->residual ? graph_value(graph, c->out, out_h, out_w) : GRAPH_NONE;
    const struct graph_conv_params params = {
        .out_channels = c->out,
        .kernel = c->kernel,
        .stride = c->stride,
        .pad = c->pad,
        .relu = c->relu,
        .residual = residual,
        .weights = {.weight = weight, .bias = bias},
    };
    const uint32_t output = graph_conv(graph, input, &params);
    // One image of room to spare: counts below the maximum are what the last batch is.
    const struct executor_params run = {.max_batch = c->batch + 1, .slots = 1, .choices = choice};
    harness_run(gpu, graph, &run, c->batch, input, src, residual, added, output, got);

    char way[96] = "";
    if (choice)
        conv_choice_describe(choice, way, sizeof(way));
    const bool transformed = choice && choice->winograd;
    const double error = harness_error(got, expected, out_floats);
    if (!(error < harness_tolerance(gpu, transformed ? TOLERANCE_WINOGRAD : TOLERANCE)))
        fail_msg("%s, %s: seed %llu: n%u %ux%ux%u -> %u, kernel %u stride %u pad %u%s%s: error %g",
                 harness_name(gpu), way, (unsigned long long)seed, c->batch, c->in, c->height,
                 c->width, c->out, c->kernel, c->stride, c->pad, c->relu ? " relu" : "",
                 c->residual ? " residual" : "", error);
    free(src);
    free(weight);
    free(bias);
    free(added);
    free(expected);
    free(got);
    free(graph);
}

static void check(struct cubby_gpu *gpu, const struct conv_case *c, uint64_t seed)
{
    check_as(gpu, NULL, c, seed);
    // Both ways, also where the executor would not take them.
    const bool floats = cubby_gpu_precision(gpu) == CUBBY_PRECISION_FP32;
    if (c->kernel == 3 && c->stride == 1 && floats) {
        check_as(gpu, &(struct conv_choice){.winograd = true}, c, seed);
        check_as(gpu, &(struct conv_choice){.winograd = false}, c, seed);
    }
}

static void for_each_family(void (*run)(struct cubby_gpu *gpu))
{
    for (size_t i = 0; i < HARNESS_VARIANTS; i++) {
        struct cubby_gpu *gpu = harness_variant(i);
        if (!gpu)
            continue;
        run(gpu);
        harness_close(&gpu);
    }
}

// The shapes of ResNet with fewer channels and pixels, and the awkward ones.
static void run_known(struct cubby_gpu *gpu)
{
    static const struct conv_case cases[] = {
        {2, 3, 32, 32, 64, 7, 2, 3, true, false},    // stem
        {1, 64, 14, 14, 256, 1, 1, 0, true, true},   // 1x1 with shortcut
        {2, 64, 14, 14, 64, 3, 1, 1, true, false},   // 3x3
        {2, 64, 15, 13, 128, 3, 2, 1, true, false},  // 3x3 stride 2, odd sides
        {1, 64, 14, 14, 128, 1, 2, 0, false, false}, // shortcut with stride
        {3, 128, 1, 1, 10, 1, 1, 0, false, false},   // linear
        {1, 1, 1, 1, 1, 1, 1, 0, false, false},      // smallest
        {1, 5, 3, 2, 7, 3, 1, 1, false, true},       // nothing is a multiple of 4
        {5, 130, 7, 7, 70, 3, 1, 1, true, true},     {1, 2, 4, 4, 33, 5, 3, 2, false, false},
        {1, 4, 2, 2, 4, 7, 2, 3, true, false},      // window larger than the image
        {8, 128, 7, 7, 128, 3, 1, 1, true, true},   // tiles reach past the image; few of them
        {1, 96, 14, 13, 160, 3, 1, 0, false, true}, // no padding, three panels
        {2, 8, 5, 9, 4, 3, 1, 2, true, false},      // more padding than usual
        {1, 128, 3, 1, 128, 1, 1, 0, true, true},   // fewer pixels than any subgroup has lanes
        {1, 1, 3, 3, 64, 7, 2, 3, true, true},      // a stem of such a picture
        {3, 3, 19, 31, 40, 7, 2, 3, true, false},   // and one with few channels
        {1, 64, 17, 1, 64, 1, 1, 0, false, true},   // one pixel more than the most lanes
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        check(gpu, &cases[i], i);
}

static void run_random(struct cubby_gpu *gpu)
{
    const uint64_t seed = 20260000;
    for (uint64_t i = 0; i < 24; i++) {
        struct harness_random random = {seed + i};
        struct conv_case c = {
            .batch = harness_range(&random, 1, 4),
            .in = harness_range(&random, 1, 70),
            .height = harness_range(&random, 1, 20),
            .width = harness_range(&random, 1, 20),
            .out = harness_range(&random, 1, 130),
            .kernel = (uint32_t[]){1, 3, 5, 7}[harness_range(&random, 0, 3)],
            .stride = harness_range(&random, 1, 3),
            .relu = harness_range(&random, 0, 1),
            .residual = harness_range(&random, 0, 1),
        };
        c.pad = harness_range(&random, c.kernel / 2, c.kernel / 2 + 1);
        check(gpu, &c, seed + i);
    }
}

static uint32_t find_candidates(struct cubby_gpu *gpu, const struct conv_case *c,
                                struct conv_choice choices[CONV_MAX_CANDIDATES])
{
    struct graph *graph = calloc(1, sizeof(*graph));
    const struct graph_conv_params params = {.out_channels = c->out,
                                             .kernel = c->kernel,
                                             .stride = c->stride,
                                             .pad = c->pad,
                                             .residual = GRAPH_NONE};
    graph_conv(graph, graph_value(graph, c->in, c->height, c->width), &params);
    const uint32_t count =
        conv_candidates(gpu, graph, &graph->ops[0], c->batch + 1, choices, CONV_MAX_CANDIDATES);
    free(graph);
    assert_true(count >= 1 && count <= CONV_MAX_CANDIDATES);
    return count;
}

// Every way there is, not only the one that would be taken.
static void run_candidates(struct cubby_gpu *gpu)
{
    static const struct conv_case cases[] = {
        {2, 64, 13, 11, 96, 1, 1, 0, true, true},
        {1, 64, 13, 11, 160, 3, 1, 1, true, false},
        {1, 128, 13, 11, 128, 3, 1, 1, true, true},
        {2, 3, 19, 31, 64, 7, 2, 3, true, false},
    };
    // A software driver takes minutes for the large tiles, which it is not offered otherwise.
    if (getenv("CUBBY_ALL_TILES"))
        gpu->info.kind = CUBBY_DEVICE_OTHER;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct conv_choice choices[CONV_MAX_CANDIDATES];
        const uint32_t count = find_candidates(gpu, &cases[i], choices);
        for (uint32_t k = 0; k < count; k++)
            if (!choices[k].invocations) // others: below
                check_as(gpu, &choices[k], &cases[i], 1000 + i);
    }
}

// In tiles that the driver cuts up: edges of all kinds.
static void run_driver_tiles(struct cubby_gpu *gpu)
{
    static const struct conv_case cases[] = {
        {2, 64, 13, 11, 96, 1, 1, 0, true, true},  // a last tile with few pixels
        {3, 96, 9, 7, 40, 1, 1, 0, false, false},  // three steps of 32; channels that only pad
        {1, 33, 5, 5, 70, 1, 1, 0, true, true},    // the same of the input
        {3, 128, 1, 1, 10, 1, 1, 0, false, false}, // linear, less than a tile
        {4, 64, 16, 16, 64, 1, 1, 0, true, false}, // whole tiles
        {1, 64, 9, 11, 64, 3, 1, 1, true, true},   // windows over the edges
        {2, 64, 9, 9, 40, 1, 2, 0, true, false},   // every other pixel
        {1, 32, 8, 5, 64, 1, 1, 1, false, false},  // nothing but bias around it
        {1, 96, 13, 12, 32, 3, 2, 1, true, false}, // ResNet's with stride
        {2, 16, 6, 9, 33, 5, 1, 0, false, true},   // no padding
    };
    struct conv_choice choices[CONV_MAX_CANDIDATES];
    uint32_t tested = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const uint32_t count = find_candidates(gpu, &cases[i], choices);
        assert_int_equal(choices[0].invocations, 0); // without measuring: never
        for (uint32_t k = 0; k < count; k++) {
            if (!choices[k].invocations)
                continue;
            check_as(gpu, &choices[k], &cases[i], 3000 + i);
            tested++;
        }
    }
    if (cubby_gpu_kernels(gpu) != CUBBY_KERNELS_MATRIX)
        assert_int_equal(tested, 0);
    else if (getenv("CUBBY_REQUIRE_DRIVER_TILES"))
        assert_true(tested >= 20);
    else if (!tested)
        print_message("not tested here: tiles that the driver cuts up\n");
}

static void conv_driver_tiles(void **state)
{
    (void)state;
    for_each_family(run_driver_tiles);
}

static void conv_all_candidates(void **state)
{
    (void)state;
    for_each_family(run_candidates);
}

static void conv_known_shapes(void **state)
{
    (void)state;
    for_each_family(run_known);
}

static void run_winograd(struct cubby_gpu *gpu)
{
    const uint64_t seed = 20261126;
    for (uint64_t i = 0; i < 12; i++) {
        struct harness_random random = {seed + i};
        const struct conv_case c = {
            .batch = harness_range(&random, 1, 5),
            .in = harness_range(&random, 1, 200),
            .height = harness_range(&random, 3, 18),
            .width = harness_range(&random, 3, 18),
            .out = harness_range(&random, 1, 140),
            .kernel = 3,
            .stride = 1,
            .pad = harness_range(&random, 0, 2),
            .relu = harness_range(&random, 0, 1),
            .residual = harness_range(&random, 0, 1),
        };
        check(gpu, &c, seed + i);
    }
}

// A residual that is a 1x1 convolution of another value, which some kernels compute together.
struct shortcut_case {
    uint32_t batch, in, height, width, out, kernel, pad; // of the convolution that adds it
    uint32_t from, stride;                               // channels of the other value
};

static void check_shortcut(struct cubby_gpu *gpu, const struct shortcut_case *c, uint64_t seed)
{
    struct harness_random random = {seed};
    struct graph *graph = calloc(1, sizeof(*graph));
    const uint32_t out_h = graph_window(c->height, c->kernel, 1, c->pad);
    const uint32_t out_w = graph_window(c->width, c->kernel, 1, c->pad);
    const uint32_t from_h = (out_h - 1) * c->stride + 1, from_w = out_w * c->stride;
    const size_t ins = (size_t)c->batch * c->in * c->height * c->width;
    const size_t froms = (size_t)c->batch * c->from * from_h * from_w;
    const size_t outs = (size_t)c->batch * c->out * out_h * out_w;
    const size_t weights = (size_t)c->out * c->in * c->kernel * c->kernel;
    float *src = harness_floats(&random, ins), *from = harness_floats(&random, froms);
    float *weight = harness_floats(&random, weights), *bias = harness_floats(&random, c->out);
    float *second = harness_floats(&random, (size_t)c->out * c->from);
    float *second_bias = harness_floats(&random, c->out);
    harness_round(gpu, src, ins);
    harness_round(gpu, from, froms);
    harness_round(gpu, weight, weights);
    harness_round(gpu, second, (size_t)c->out * c->from);
    float *added = harness_floats(&random, outs), *expected = harness_floats(&random, outs);
    float *got = harness_floats(&random, outs);

    const struct ref_shape from_shape = {c->batch, c->from, from_h, from_w};
    const struct ref_conv ref_second = {c->out, 1, c->stride, 0, second, second_bias, NULL, false};
    const struct ref_shape shape = {c->batch, c->in, c->height, c->width};
    const struct ref_conv ref = {c->out, c->kernel, 1, c->pad, weight, bias, added, true};
    assert_int_equal(ref_conv(&from_shape, from, &ref_second, added), CUBBY_OK);
    assert_int_equal(ref_conv(&shape, src, &ref, expected), CUBBY_OK);

    const uint32_t input = graph_value(graph, c->in, c->height, c->width);
    const uint32_t other = graph_value(graph, c->from, from_h, from_w);
    const struct graph_conv_params shortcut = {
        .out_channels = c->out,
        .kernel = 1,
        .stride = c->stride,
        .residual = GRAPH_NONE,
        .weights = {.weight = second, .bias = second_bias},
    };
    const struct graph_conv_params params = {
        .out_channels = c->out,
        .kernel = c->kernel,
        .stride = 1,
        .pad = c->pad,
        .relu = true,
        .residual = graph_conv(graph, other, &shortcut),
        .weights = {.weight = weight, .bias = bias},
    };
    const uint32_t output = graph_conv(graph, input, &params);
    // The way that is taken without measuring, and those whose tiles the driver cuts up.
    struct conv_choice ways[CONV_MAX_CANDIDATES];
    const uint32_t count =
        conv_candidates(gpu, graph, &graph->ops[1], c->batch + 1, ways, CONV_MAX_CANDIDATES);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0 && !ways[i].invocations)
            continue;
        struct conv_choice choices[2] = {ways[i], ways[i]};
        // The shortcut's own, if it is not merged.
        conv_candidates(gpu, graph, &graph->ops[0], c->batch + 1, choices, 1);
        const struct executor_params run = {
            .max_batch = c->batch + 1, .slots = 1, .choices = choices};
        harness_run(gpu, graph, &run, c->batch, input, src, other, from, output, got);
        char way[96];
        conv_choice_describe(&ways[i], way, sizeof(way));
        const double error = harness_error(got, expected, outs);
        if (!(error < harness_tolerance(gpu, TOLERANCE)))
            fail_msg("%s, %s: seed %llu: shortcut of %u channels with stride %u: error %g",
                     harness_name(gpu), way, (unsigned long long)seed, c->from, c->stride, error);
    }
    float *const all[] = {src, from, weight, bias, second, second_bias, added, expected, got};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        free(all[i]);
    free(graph);
}

static void run_shortcuts(struct cubby_gpu *gpu)
{
    static const struct shortcut_case cases[] = {
        {2, 64, 7, 9, 128, 1, 0, 64, 1},  // the first block of ResNet-50
        {3, 64, 5, 4, 256, 1, 0, 128, 2}, // of its other stages
        {2, 128, 7, 7, 64, 3, 1, 64, 2},  // of ResNet-18
        {1, 32, 6, 5, 40, 1, 0, 320, 2},  // more of the other than of its own
        {1, 64, 3, 1, 128, 1, 0, 64, 2},  // fewer pixels than any subgroup has lanes
        {1, 64, 17, 3, 96, 1, 0, 64, 3},  // and some that are left over; odd panels
        {2, 20, 6, 5, 36, 3, 1, 12, 3},   // what is not merged
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        check_shortcut(gpu, &cases[i], 7000 + i);
}

static void conv_shortcuts(void **state)
{
    (void)state;
    for_each_family(run_shortcuts);
}

// Pixels that two workgroups compute must be the same in both, wherever they lie in them: so copies
// of an image get the same bits.
static void check_copies(struct cubby_gpu *gpu, const struct conv_case *c, uint64_t seed)
{
    struct harness_random random = {seed};
    struct graph *graph = calloc(1, sizeof(*graph));
    const uint32_t out_h = graph_window(c->height, c->kernel, c->stride, c->pad);
    const uint32_t out_w = graph_window(c->width, c->kernel, c->stride, c->pad);
    const size_t in = (size_t)c->in * c->height * c->width, out = (size_t)c->out * out_h * out_w;
    float *src = harness_floats(&random, c->batch * in);
    float *added = harness_floats(&random, c->batch * out);
    float *weight = harness_floats(&random, (size_t)c->out * c->in * c->kernel * c->kernel);
    float *bias = harness_floats(&random, c->out), *got = harness_floats(&random, c->batch * out);
    for (uint32_t n = 1; n < c->batch; n++) {
        memcpy(src + n * in, src, in * sizeof(*src));
        memcpy(added + n * out, added, out * sizeof(*added));
    }
    const uint32_t input = graph_value(graph, c->in, c->height, c->width);
    const uint32_t residual = c->residual ? graph_value(graph, c->out, out_h, out_w) : GRAPH_NONE;
    const struct graph_conv_params params = {
        .out_channels = c->out,
        .kernel = c->kernel,
        .stride = c->stride,
        .pad = c->pad,
        .relu = c->relu,
        .residual = residual,
        .weights = {.weight = weight, .bias = bias},
    };
    const uint32_t output = graph_conv(graph, input, &params);
    const struct executor_params run = {.max_batch = c->batch, .slots = 1};
    harness_run(gpu, graph, &run, c->batch, input, src, residual, added, output, got);
    for (uint32_t n = 1; n < c->batch; n++)
        if (memcmp(got, got + n * out, out * sizeof(*got)))
            fail_msg("%s: %ux%ux%u -> %u, kernel %u: image %u differs from its copy",
                     harness_name(gpu), c->in, c->height, c->width, c->out, c->kernel, n);
    float *const all[] = {src, added, weight, bias, got};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        free(all[i]);
    free(graph);
}

static void run_copies(struct cubby_gpu *gpu)
{
    static const struct conv_case cases[] = {
        {7, 64, 5, 5, 128, 1, 1, 0, true, true}, {9, 64, 7, 3, 64, 3, 2, 1, true, false},
        {5, 64, 7, 7, 128, 3, 1, 1, true, true}, // Winograd's way, where it is taken
        {3, 3, 11, 9, 64, 7, 2, 3, true, false}, {5, 36, 5, 3, 96, 1, 1, 0, false, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        check_copies(gpu, &cases[i], 9000 + i);
}

static void conv_copies(void **state)
{
    (void)state;
    for_each_family(run_copies);
}

static void conv_random_shapes(void **state)
{
    (void)state;
    for_each_family(run_random);
}

static void conv_winograd_shapes(void **state)
{
    (void)state;
    for_each_family(run_winograd);
}

// Whether there is Mesa 22's CPU driver: others may crash with vectors of 512 bits.
static bool is_mesa22(void)
{
    struct cubby_device_info *infos = NULL;
    size_t count = 0;
    bool found = false;
    const enum cubby_status status = cubby_gpu_list(&infos, &count, &harness_logger);
    for (size_t i = 0; !status && i < count; i++)
        found |= infos[i].mesa22;
    free(infos);
    return found;
}

int main(void)
{
    if (getenv("CUBBY_ONLY_MESA22") && !is_mesa22())
        return HARNESS_SKIP;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_known_shapes),    cmocka_unit_test(conv_random_shapes),
        cmocka_unit_test(conv_winograd_shapes), cmocka_unit_test(conv_shortcuts),
        cmocka_unit_test(conv_copies),          cmocka_unit_test(conv_all_candidates),
        cmocka_unit_test(conv_driver_tiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
