// What fp16 costs and gains with the built-in model: the same top class on at least 99.9 % of
// images, half the memory for activations.
#include <ftw.h>

#include "decode/decode.h"
#include "engine/harness.h"
#include "engine/net.h"
#include "graph/executor_internal.h"

#define MODEL MODELS_DIR "/workshop.safetensors"
#define SAMPLES MODELS_DIR "/samples"
#define SIDE 64u // a twelfth of the work of 224, so that there can be many
#define BATCH 8u
#define IMAGE_BYTES ((size_t)SIDE * SIDE * 3)

struct fixture {
    void *data; // owned
    struct cubby_checkpoint *checkpoint;
    struct cubby_model *model;
    uint8_t *pixels; // owned, [count, SIDE, SIDE, 3]
    uint32_t count;
};

// For nftw(), which passes nothing on.
static struct decoder *decoder;
static struct fixture *filling;
static uint32_t wanted;
static struct harness_random draw = {7};

static void *read_file(const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    fseek(file, 0, SEEK_END);
    *bytes = (size_t)ftell(file);
    rewind(file);
    void *data = malloc(*bytes ? *bytes : 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *bytes, file), *bytes);
    fclose(file);
    return data;
}

// Any part of the photo, at any size, sometimes mirrored, darker or brighter.
static void cut(const struct decode_image *image, uint8_t *pixels)
{
    const uint32_t shorter = image->width < image->height ? image->width : image->height;
    const uint32_t step = harness_range(&draw, 1, shorter / SIDE);
    const uint32_t left = harness_range(&draw, 0, image->width - SIDE * step);
    const uint32_t top = harness_range(&draw, 0, image->height - SIDE * step);
    const uint32_t gain = harness_range(&draw, 180, 320), mirrored = harness_range(&draw, 0, 1);
    for (uint32_t y = 0; y < SIDE; y++) {
        for (uint32_t x = 0; x < SIDE; x++, pixels += 3) {
            const uint32_t column = left + (mirrored ? SIDE - 1 - x : x) * step;
            const uint8_t *rgb =
                image->rgb + ((size_t)(top + y * step) * image->width + column) * 3;
            for (int c = 0; c < 3; c++) {
                const uint32_t value = rgb[c] * gain / 256;
                pixels[c] = (uint8_t)(value > 255 ? 255 : value);
            }
        }
    }
}

static int take_photo(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)place;
    size_t bytes;
    char reason[256];
    struct decode_image image;
    if (type != FTW_F || !decode_name_is_photo(path))
        return 0;
    void *data = read_file(path, &bytes);
    if (data && !decode_run(decoder, data, bytes, path, cubby_model_preprocess(filling->model),
                            &image, reason, sizeof(reason)))
        for (int i = 0; i < 4 && filling->count < wanted; i++)
            if (image.width >= SIDE && image.height >= SIDE)
                cut(&image, filling->pixels + filling->count++ * IMAGE_BYTES);
    free(data);
    return filling->count == wanted;
}

static void open_fixture(struct fixture *fixture, uint32_t count)
{
    size_t bytes;
    fixture->data = read_file(MODEL, &bytes);
    if (!fixture->data)
        exit(HARNESS_SKIP);
    const struct cubby_preprocess preprocess = {
        .rule = CUBBY_RESIZE_SHORTER,
        .resize_width = SIDE,
        .resize_height = SIDE,
        .crop_width = SIDE,
        .crop_height = SIDE,
        .mean = {0.485f, 0.456f, 0.406f},
        .std = {0.229f, 0.224f, 0.225f},
    };
    const struct cubby_model_params params = {.preprocess = &preprocess};
    assert_int_equal(
        cubby_checkpoint_open(&fixture->checkpoint, fixture->data, bytes, &harness_logger),
        CUBBY_OK);
    assert_int_equal(
        cubby_model_create(&fixture->model, fixture->checkpoint, &params, &harness_logger),
        CUBBY_OK);
    fixture->pixels = malloc(count * IMAGE_BYTES);
    assert_non_null(fixture->pixels);
    const struct decode_params decode = {0};
    assert_int_equal(decoder_create(&decoder, &decode), CUBBY_OK);
    filling = fixture;
    wanted = count;
    for (uint32_t before = UINT32_MAX; fixture->count < count && fixture->count != before;) {
        before = fixture->count;
        nftw(SAMPLES, take_photo, 16, FTW_PHYS);
    }
    decoder_destroy(&decoder);
    assert_int_equal(fixture->count, count);
}

static void close_fixture(struct fixture *fixture)
{
    cubby_model_destroy(&fixture->model);
    cubby_checkpoint_close(&fixture->checkpoint);
    free(fixture->pixels);
    free(fixture->data);
}

// logits [count, classes]
static void run(const struct fixture *fixture, struct cubby_gpu *gpu, float *logits)
{
    const struct cubby_net_params params = {.max_batch = BATCH, .slots = 1};
    struct cubby_net *net;
    assert_int_equal(cubby_net_create(&net, gpu, fixture->model, &params), CUBBY_OK);
    const uint32_t classes = cubby_net_class_count(net);
    for (uint32_t first = 0; first < fixture->count; first += BATCH) {
        const uint32_t left = fixture->count - first, count = left < BATCH ? left : BATCH;
        struct cubby_net_output output;
        memcpy(cubby_net_input(net, 0), fixture->pixels + first * IMAGE_BYTES, count * IMAGE_BYTES);
        assert_int_equal(cubby_net_submit(net, 0, count), CUBBY_OK);
        assert_int_equal(cubby_net_wait(net, 0, &output), CUBBY_OK);
        memcpy(logits + (size_t)first * classes, output.logits,
               (size_t)count * classes * sizeof(*logits));
    }
    cubby_net_destroy(&net);
}

static uint32_t top_class(const float *logits, uint32_t classes)
{
    uint32_t best = 0;
    for (uint32_t c = 1; c < classes; c++)
        best = logits[c] > logits[best] ? c : best;
    return best;
}

static void answers_agree(void **state)
{
    (void)state;
    const char *more = getenv("CUBBY_PRECISION_IMAGES");
    struct fixture fixture = {0};
    open_fixture(&fixture, more ? (uint32_t)strtoul(more, NULL, 10) : 96);
    const uint32_t classes = cubby_model_class_count(fixture.model);
    const size_t values = (size_t)fixture.count * classes;
    float *exact = malloc(values * sizeof(*exact)), *logits = malloc(values * sizeof(*logits));
    struct cubby_gpu *gpu = harness_gpu(CUBBY_KERNELS_AUTO);
    run(&fixture, gpu, exact);
    harness_close(&gpu);

    for (size_t v = 0; v < HARNESS_VARIANTS; v++) {
        if (harness_variants[v].precision != CUBBY_PRECISION_FP16 || !(gpu = harness_variant(v)))
            continue;
        run(&fixture, gpu, logits);
        uint32_t others = 0;
        for (uint32_t i = 0; i < fixture.count; i++)
            others +=
                top_class(exact + i * classes, classes) != top_class(logits + i * classes, classes);
        const double error = harness_error(logits, exact, values);
        print_message("%s: %u of %u images have another top class, largest difference %.2g of the "
                      "largest logit\n",
                      harness_name(gpu), others, fixture.count, error);
        assert_true(others * 1000 <= fixture.count);
        assert_true(error < 1e-2);
        harness_close(&gpu);
    }
    free(exact);
    free(logits);
    close_fixture(&fixture);
}

static uint64_t arena_bytes(const struct cubby_model *model, enum cubby_kernels kernels,
                            enum cubby_precision precision)
{
    const struct cubby_gpu_params params = {.kernels = kernels, .precision = precision};
    struct cubby_gpu *gpu;
    if (cubby_gpu_create(&gpu, &params, &harness_logger))
        return 0;
    struct graph *graph = malloc(sizeof(*graph));
    assert_int_equal(graph_build(graph, model, &harness_logger), CUBBY_OK);
    const struct executor_params executor_params = {.max_batch = 16, .slots = 1};
    struct executor *executor;
    assert_int_equal(executor_create(&executor, gpu, graph, &executor_params), CUBBY_OK);
    const uint64_t bytes = executor->arena.size_bytes;
    executor_destroy(&executor);
    cubby_gpu_destroy(&gpu);
    free(graph);
    return bytes;
}

static void memory_halves(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    open_fixture(&fixture, 0);
    const uint64_t floats = arena_bytes(fixture.model, CUBBY_KERNELS_TILE, CUBBY_PRECISION_FP32);
    assert_true(floats > 0);
    for (size_t v = 0; v < HARNESS_VARIANTS; v++) {
        if (harness_variants[v].precision != CUBBY_PRECISION_FP16)
            continue;
        const uint64_t halves =
            arena_bytes(fixture.model, harness_variants[v].kernels, CUBBY_PRECISION_FP16);
        if (!halves)
            continue;
        print_message("%s: %llu bytes of activations in fp32, %llu in fp16\n",
                      cubby_kernels_text(harness_variants[v].kernels), (unsigned long long)floats,
                      (unsigned long long)halves);
        // The logits stay floats, and each value begins at a multiple of 256 bytes.
        assert_true(halves <= floats / 2 + 64 * 1024);
    }
    close_fixture(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_agree),
        cmocka_unit_test(memory_halves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
