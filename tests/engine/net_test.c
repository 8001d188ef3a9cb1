// Whole networks on every kernel family against the reference, with made-up weights; the
// comparison with PyTorch is tests/python/network_test.py.
#include "engine/harness.h"
#include "engine/model/fixture.h"
#include "engine/net.h"
#include "graph/tuning.h"

#define CLASSES 7u
#define SIDE 64u
#define IMAGES 5u

struct network_fixture {
    struct dict *dict;
    struct file file;
    struct cubby_model *model;
    uint8_t *pixels; // IMAGES
    float logits[IMAGES * CLASSES], probabilities[IMAGES * CLASSES];
    float *features;
};

// `resampled`: float input, and classes that do not exclude each other.
static void open_network(struct network_fixture *fixture, const struct shape_of *shape, bool fastai,
                         bool resampled)
{
    static const char *const names[CLASSES] = {"a", "b", "c", "d", "e", "f", "g"};
    const enum cubby_scores scores = resampled ? CUBBY_SCORES_SIGMOID : CUBBY_SCORES_SOFTMAX;
    const struct cubby_preprocess preprocess = {
        .rule = CUBBY_RESIZE_SHORTER,
        .resize_width = SIDE,
        .resize_height = SIDE,
        .crop_width = resampled ? SIDE + 9 : SIDE,
        .crop_height = SIDE - 10, // not square
        .resamples = {{.width = SIDE, .height = SIDE - 10, .align_corners = true}},
        .resample_count = resampled,
        .mean = {0.485f, 0.456f, 0.406f},
        .std = {0.229f, 0.224f, 0.225f},
    };
    const struct cubby_model_params params = {.class_names = names,
                                              .class_count = CLASSES,
                                              .preprocess = &preprocess,
                                              .scores = &scores,
                                              .provenance_json = "{}"};
    fixture->dict = dict_create(shape->depth);
    const int64_t features =
        dict_add_resnet(fixture->dict, shape, 8, 1, fastai ? "0." : "", fastai);
    if (fastai) {
        dict_add_norm(fixture->dict, "1.2", 2 * features);
        dict_add_linear(fixture->dict, "1.4", 24, 2 * features, false);
        dict_add_norm(fixture->dict, "1.6", 24);
        dict_add_linear(fixture->dict, "1.8", CLASSES, 24, false);
    } else {
        dict_add_linear(fixture->dict, "fc", CLASSES, features, true);
    }
    file_open(&fixture->file, fixture->dict, NULL, 0);
    assert_int_equal(
        cubby_model_create(&fixture->model, fixture->file.checkpoint, &params, &harness_logger),
        CUBBY_OK);

    struct harness_random random = {shape->depth};
    const size_t count = (size_t)IMAGES * SIDE * (SIDE - 10) * 3;
    assert_int_equal(IMAGES * cubby_preprocess_output_bytes(&preprocess),
                     resampled ? count * sizeof(float) : count);
    fixture->pixels = malloc(resampled ? count * sizeof(float) : count);
    for (size_t i = 0; i < count; i++) {
        const float value = (float)(harness_next(&random) % 25500) / 100.0f;
        if (resampled)
            memcpy(fixture->pixels + i * sizeof(value), &value, sizeof(value));
        else
            fixture->pixels[i] = (uint8_t)value;
    }
    const uint32_t feature_count = cubby_model_feature_count(fixture->model);
    fixture->features = malloc(IMAGES * feature_count * sizeof(float));
    assert_int_equal(cubby_reference_run(fixture->model, fixture->pixels, IMAGES, fixture->logits,
                                         fixture->probabilities, fixture->features),
                     CUBBY_OK);
}

static void close_network(struct network_fixture *fixture)
{
    cubby_model_destroy(&fixture->model);
    file_close(&fixture->file);
    dict_destroy(fixture->dict);
    free(fixture->pixels);
    free(fixture->features);
}

// `rounding`: of each layer's results.
static void assert_rows(const struct network_fixture *fixture, const struct cubby_net_output *out,
                        double rounding, uint32_t first, uint32_t count, const char *what)
{
    const uint32_t features = cubby_model_feature_count(fixture->model);
    const double logits =
        harness_error(out->logits, fixture->logits + first * CLASSES, count * CLASSES);
    const double vector =
        harness_error(out->features, fixture->features + first * features, count * features);
    const double probabilities = harness_error(
        out->probabilities, fixture->probabilities + first * CLASSES, count * CLASSES);
    if (!(logits < rounding && vector < rounding && probabilities < 50 * rounding))
        fail_msg("%s: images %u..%u: logits %g, features %g, probabilities %g", what, first,
                 first + count - 1, logits, vector, probabilities);
}

// Batches of 2, 2 and 1 in two slots, so that slots are reused and the last batch is short.
static void check_family(const struct network_fixture *fixture, struct cubby_gpu *gpu,
                         const struct cubby_tuning *tuning, const char *what)
{
    const double rounding = cubby_gpu_precision(gpu) == CUBBY_PRECISION_FP16 ? 5e-3 : 2e-5;
    const struct cubby_net_params params = {.max_batch = 2, .slots = 2, .tuning = tuning};
    struct cubby_net *net;
    assert_int_equal(cubby_net_create(&net, gpu, fixture->model, &params), CUBBY_OK);
    assert_int_equal(cubby_net_class_count(net), CLASSES);
    assert_true(cubby_net_device_bytes(net) > 0);
    const size_t image = cubby_net_image_bytes(net);

    memcpy(cubby_net_input(net, 0), fixture->pixels, 2 * image);
    assert_int_equal(cubby_net_submit(net, 0, 2), CUBBY_OK);
    memcpy(cubby_net_input(net, 1), fixture->pixels + 2 * image, 2 * image);
    assert_int_equal(cubby_net_submit(net, 1, 2), CUBBY_OK);

    struct cubby_net_output output;
    assert_int_equal(cubby_net_wait(net, 0, &output), CUBBY_OK);
    assert_rows(fixture, &output, rounding, 0, 2, what);
    memcpy(cubby_net_input(net, 0), fixture->pixels + 4 * image, image);
    assert_int_equal(cubby_net_submit(net, 0, 1), CUBBY_OK);
    assert_int_equal(cubby_net_wait(net, 1, &output), CUBBY_OK);
    assert_rows(fixture, &output, rounding, 2, 2, what);
    assert_int_equal(cubby_net_wait(net, 0, &output), CUBBY_OK);
    assert_rows(fixture, &output, rounding, 4, 1, what);
    cubby_net_destroy(&net);
    harness_close(&gpu);
}

// Made-up weights let activations grow from block to block, past what 16 bits can hold; a trained
// network's stay small.
static bool fits_halves(const struct network_fixture *fixture)
{
    const uint32_t features = cubby_model_feature_count(fixture->model);
    float largest = 0;
    for (uint32_t i = 0; i < IMAGES * features; i++)
        largest = fmaxf(largest, fabsf(fixture->features[i]));
    return largest < 30000;
}

static void check_network(uint32_t index, bool fastai, bool resampled)
{
    struct network_fixture fixture = {0};
    char what[64];
    open_network(&fixture, &resnets[index], fastai, resampled);
    for (size_t f = 0; f < HARNESS_VARIANTS; f++) {
        struct cubby_gpu *gpu = harness_variant(f);
        if (!gpu)
            continue;
        if (cubby_gpu_precision(gpu) == CUBBY_PRECISION_FP16 && !fits_halves(&fixture)) {
            harness_close(&gpu);
            continue;
        }
        snprintf(what, sizeof(what), "resnet%u %s%s, %s", resnets[index].depth,
                 fastai ? "fastai head" : "fc", resampled ? ", floats" : "", harness_name(gpu));
        check_family(&fixture, gpu, NULL, what);
    }
    close_network(&fixture);
}

static void net_basic_blocks(void **state)
{
    (void)state;
    check_network(0, false, false);
    check_network(1, true, false);
    check_network(0, true, true);
}

static void net_bottlenecks(void **state)
{
    (void)state;
    check_network(2, false, false);
    check_network(2, true, false);
    check_network(4, false, false);
}

// A tuning that takes tiles which the driver cuts up, wherever that can be done.
static struct cubby_tuning *prefer_driver_tiles(struct cubby_gpu *gpu,
                                                const struct cubby_model *model, uint32_t *count)
{
    struct cubby_tuning *tuning;
    struct graph *graph = malloc(sizeof(*graph));
    assert_int_equal(cubby_tuning_create(&tuning, gpu, NULL, 0), CUBBY_OK);
    assert_int_equal(graph_build(graph, model, &harness_logger), CUBBY_OK);
    *count = 0;
    for (uint32_t i = 0; i < graph->op_count; i++) {
        const struct graph_op *op = &graph->ops[i];
        struct conv_choice choices[CONV_MAX_CANDIDATES];
        const uint32_t ways = op->kind == GRAPH_CONV
                                  ? conv_candidates(gpu, graph, op, 2, choices, CONV_MAX_CANDIDATES)
                                  : 0;
        if (!ways || !choices[ways - 1].invocations)
            continue;
        const struct tuning_shape shape = tuning_shape_of(gpu, graph, op, 2);
        tuning_put(tuning, &shape, &choices[ways - 1]);
        ++*count;
    }
    free(graph);
    return tuning;
}

static void net_driver_tiles(void **state)
{
    (void)state;
    struct network_fixture fixture = {0};
    uint32_t count = 0;
    open_network(&fixture, &resnets[2], false, false);
    for (size_t f = 0; f < HARNESS_VARIANTS; f++) {
        struct cubby_gpu *gpu = harness_variant(f);
        if (!gpu)
            continue;
        if (cubby_gpu_kernels(gpu) != CUBBY_KERNELS_MATRIX) {
            harness_close(&gpu);
            continue;
        }
        struct cubby_tuning *tuning = prefer_driver_tiles(gpu, fixture.model, &count);
        check_family(&fixture, gpu, tuning, "resnet50 in tiles that the driver cuts up");
        cubby_tuning_destroy(&tuning);
    }
    if (getenv("CUBBY_REQUIRE_DRIVER_TILES"))
        assert_int_equal(count, 53 - 1 + 1); // all but the first, and fc
    close_network(&fixture);
}

static void net_destroy_with_work_in_flight(void **state)
{
    (void)state;
    struct network_fixture fixture = {0};
    open_network(&fixture, &resnets[0], false, false);
    struct cubby_gpu *gpu = harness_gpu(CUBBY_KERNELS_AUTO);
    struct cubby_net *net;
    assert_int_equal(cubby_net_create(&net, gpu, fixture.model, NULL), CUBBY_OK);
    assert_int_equal(cubby_net_slots(net), 3);
    memset(cubby_net_input(net, 2), 128, cubby_net_image_bytes(net));
    assert_int_equal(cubby_net_submit(net, 2, 1), CUBBY_OK);
    cubby_net_destroy(&net);
    assert_null(net);
    harness_close(&gpu);
    close_network(&fixture);
}

static void net_limits(void **state)
{
    (void)state;
    struct network_fixture fixture = {0};
    open_network(&fixture, &resnets[0], false, false);
    struct cubby_gpu *gpu = harness_gpu(CUBBY_KERNELS_AUTO);
    struct cubby_net *net;
    struct cubby_net_params params = {.max_batch = CUBBY_NET_MAX_BATCH + 1};
    assert_int_equal(cubby_net_create(&net, gpu, fixture.model, &params), CUBBY_TOO_LARGE);
    assert_null(net);
    params = (struct cubby_net_params){.slots = CUBBY_NET_MAX_SLOTS + 1};
    assert_int_equal(cubby_net_create(&net, gpu, fixture.model, &params), CUBBY_TOO_LARGE);
    harness_close(&gpu);
    close_network(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(net_basic_blocks), cmocka_unit_test(net_bottlenecks),
        cmocka_unit_test(net_driver_tiles), cmocka_unit_test(net_destroy_with_work_in_flight),
        cmocka_unit_test(net_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
