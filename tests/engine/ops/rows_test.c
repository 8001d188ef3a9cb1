// Normalisation of bytes and floats, unpacking to rows, softmax and sigmoid.
#include "engine/harness.h"
#include "engine/net.h"
#include "ref/ref.h"

// Fills slot 0 of a graph that begins with normalise, and runs it.
static struct executor *run_input(struct cubby_gpu *gpu, const struct graph *graph,
                                  const void *input, uint32_t count)
{
    const struct executor_params params = {.max_batch = count + 1, .slots = 1};
    struct executor *executor;
    assert_int_equal(executor_create(&executor, gpu, graph, &params), CUBBY_OK);
    memcpy(executor_input(executor, 0), input, count * graph_input_bytes(graph));
    assert_int_equal(executor_submit(executor, 0, count), CUBBY_OK);
    assert_int_equal(executor_wait(executor, 0), CUBBY_OK);
    return executor;
}

static void check_normalize(struct cubby_gpu *gpu, uint32_t count, uint32_t height, uint32_t width,
                            bool floats)
{
    const float mean[3] = {0.485f, 0.456f, 0.406f}, std[3] = {0.229f, 0.224f, 0.225f};
    struct harness_random random = {count * 1000 + height * 100 + width};
    const size_t pixels = (size_t)count * height * width;
    uint8_t *bytes = malloc(pixels * 3);
    float *expected = malloc(pixels * 3 * sizeof(*expected)),
          *got = malloc(pixels * 3 * sizeof(*got)), *values = harness_floats(&random, pixels * 3);
    for (size_t i = 0; i < pixels * 3; i++) {
        bytes[i] = (uint8_t)harness_next(&random);
        values[i] = (values[i] + 1.0f) * 127.5f;
    }
    const struct ref_shape shape = {count, 3, height, width};
    if (floats)
        ref_normalize_floats(&shape, values, mean, std, expected);
    else
        ref_normalize(&shape, bytes, mean, std, expected);

    struct graph *graph = calloc(1, sizeof(*graph));
    const uint32_t output = graph_normalize(graph, width, height, floats, mean, std);
    assert_int_equal(graph_input_bytes(graph), (size_t)height * width * (floats ? 12 : 3));
    struct executor *executor = run_input(gpu, graph, floats ? (const void *)values : bytes, count);
    assert_int_equal(executor_read_value(executor, output, count, got), CUBBY_OK);
    const double error = harness_error(got, expected, pixels * 3);
    if (!(error < harness_tolerance(gpu, 1e-6)))
        fail_msg("%s normalize: floats %d n%u %ux%u: error %g", harness_name(gpu), floats, count,
                 height, width, error);
    executor_destroy(&executor);
    free(bytes);
    free(values);
    free(expected);
    free(got);
    free(graph);
}

static void normalize_shapes(void **state)
{
    (void)state;
    for (size_t f = 0; f < HARNESS_VARIANTS; f++) {
        struct cubby_gpu *gpu = harness_variant(f);
        if (!gpu)
            continue;
        for (int floats = 0; floats < 2; floats++) {
            check_normalize(gpu, 1, 1, 1, floats); // a quarter of a group of four pixels
            check_normalize(gpu, 2, 224, 224, floats);
            check_normalize(gpu, 3, 5, 7, floats); // 105 pixels: one left over
            check_normalize(gpu, 1, 33, 2, floats);
        }
        harness_close(&gpu);
    }
}

// Unpack and softmax read the same value; logits as large as a confident network's.
static void check_rows(struct cubby_gpu *gpu, uint32_t count, uint32_t channels, float scale)
{
    struct harness_random random = {count * 100000 + channels};
    const size_t values = (size_t)count * channels;
    float *src = harness_floats(&random, values);
    float *expected = malloc(values * sizeof(*expected));
    for (size_t i = 0; i < values; i++)
        src[i] *= scale;
    ref_softmax(count, channels, src, expected);

    struct graph *graph = calloc(1, sizeof(*graph));
    const uint32_t input = graph_value(graph, channels, 1, 1);
    graph_unpack(graph, input, GRAPH_LOGITS);
    graph_softmax(graph, input);
    const struct executor_params params = {.max_batch = count + 3, .slots = 2};
    struct executor *executor;
    assert_int_equal(executor_create(&executor, gpu, graph, &params), CUBBY_OK);
    assert_null(executor_output(executor, 1, GRAPH_FEATURES));
    assert_int_equal(executor_write_value(executor, input, count, src), CUBBY_OK);
    assert_int_equal(executor_submit(executor, 1, count), CUBBY_OK);
    assert_int_equal(executor_wait(executor, 1), CUBBY_OK);
    const float *logits = executor_output(executor, 1, GRAPH_LOGITS);
    const float *probabilities = executor_output(executor, 1, GRAPH_PROBABILITIES);
    assert_memory_equal(logits, src, values * sizeof(*src));
    const double error = harness_error(probabilities, expected, values);
    if (!(error < 2e-6))
        fail_msg("%s softmax: %u rows of %u: error %g", harness_name(gpu), count, channels, error);
    for (uint32_t n = 0; n < count; n++) {
        double sum = 0;
        for (uint32_t c = 0; c < channels; c++)
            sum += probabilities[(size_t)n * channels + c];
        assert_true(fabs(sum - 1) < 1e-5);
    }
    executor_destroy(&executor);
    free(src);
    free(expected);
    free(graph);
}

static void rows_shapes(void **state)
{
    (void)state;
    for (size_t f = 0; f < HARNESS_VARIANTS; f++) {
        struct cubby_gpu *gpu = harness_variant(f);
        if (!gpu)
            continue;
        check_rows(gpu, 1, 1, 1);
        check_rows(gpu, 8, 10, 20);
        check_rows(gpu, 3, 1000, 50);
        check_rows(gpu, 5, 67, 300); // most probabilities underflow to 0, none may be NaN
        harness_close(&gpu);
    }
}

// Sigmoid of each class by itself: rows do not sum to 1, and the ends neither overflow nor are NaN.
static void check_sigmoid(struct cubby_gpu *gpu, uint32_t count, uint32_t channels, float scale)
{
    struct harness_random random = {count * 100000 + channels};
    const size_t values = (size_t)count * channels;
    float *src = harness_floats(&random, values);
    float *expected = malloc(values * sizeof(*expected));
    for (size_t i = 0; i < values; i++)
        src[i] *= scale;
    ref_sigmoid(count, channels, src, expected);

    struct graph *graph = calloc(1, sizeof(*graph));
    const uint32_t input = graph_value(graph, channels, 1, 1);
    graph_sigmoid(graph, input);
    const struct executor_params params = {.max_batch = count + 1, .slots = 1};
    struct executor *executor;
    assert_int_equal(executor_create(&executor, gpu, graph, &params), CUBBY_OK);
    assert_int_equal(executor_write_value(executor, input, count, src), CUBBY_OK);
    assert_int_equal(executor_submit(executor, 0, count), CUBBY_OK);
    assert_int_equal(executor_wait(executor, 0), CUBBY_OK);
    const double error =
        harness_error(executor_output(executor, 0, GRAPH_PROBABILITIES), expected, values);
    if (!(error < 2e-6))
        fail_msg("%s sigmoid: %u rows of %u: error %g", harness_name(gpu), count, channels, error);
    executor_destroy(&executor);
    free(src);
    free(expected);
    free(graph);
}

static void sigmoid_shapes(void **state)
{
    (void)state;
    for (size_t f = 0; f < HARNESS_VARIANTS; f++) {
        struct cubby_gpu *gpu = harness_variant(f);
        if (!gpu)
            continue;
        check_sigmoid(gpu, 1, 1, 1);
        check_sigmoid(gpu, 8, 10, 20);
        check_sigmoid(gpu, 5, 67, 300);
        harness_close(&gpu);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normalize_shapes),
        cmocka_unit_test(rows_shapes),
        cmocka_unit_test(sigmoid_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
