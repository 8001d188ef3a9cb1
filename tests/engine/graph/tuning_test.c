#include "engine/harness.h"
#include "graph/tuning.h"

static const struct tuning_shape stem = {8, 3, 224, 224, 64, 7, 2, 3, false, 0, 0};
static const struct tuning_shape middle = {8, 256, 14, 14, 256, 3, 1, 1, true, 512, 2};
static const struct conv_choice large = {128, 256, 32, 64, 64, 1, 1, 2, false, 0};
static const struct conv_choice small = {32, 32, 32, 16, 16, 2, 1, 1, true, 256};

static struct cubby_tuning *created(const struct cubby_gpu *gpu, const char *text, size_t bytes)
{
    struct cubby_tuning *tuning;
    assert_int_equal(cubby_tuning_create(&tuning, gpu, text, bytes), CUBBY_OK);
    return tuning;
}

static void written_text_is_read_again(void **state)
{
    struct cubby_gpu *gpu = *state;
    struct cubby_tuning *tuning = created(gpu, NULL, 0);
    assert_int_equal(cubby_tuning_count(tuning), 0);
    assert_null(tuning_find(tuning, &stem));
    tuning->batch = 64;
    tuning_put(tuning, &stem, &large);
    tuning_put(tuning, &middle, &large);
    tuning_put(tuning, &middle, &small); // measured again

    char *text;
    size_t bytes;
    assert_int_equal(cubby_tuning_write(tuning, &text, &bytes), CUBBY_OK);
    struct cubby_tuning *again = created(gpu, text, bytes);
    assert_int_equal(cubby_tuning_batch(again), 64);
    assert_int_equal(cubby_tuning_count(again), 2);
    assert_true(conv_choice_equal(tuning_find(again, &stem), &large));
    assert_true(conv_choice_equal(tuning_find(again, &middle), &small));
    struct tuning_shape other = middle;
    other.batch = 16;
    assert_null(tuning_find(again, &other));
    other = middle;
    other.second = 256;
    assert_null(tuning_find(again, &other));
    cubby_tuning_destroy(&again);

    // Cut anywhere, it is a tuning with less in it.
    for (size_t cut = 0; cut <= bytes; cut++) {
        again = created(gpu, text, cut);
        assert_true(cubby_tuning_count(again) <= 2);
        cubby_tuning_destroy(&again);
    }
    cubby_tuning_destroy(&tuning);
    free(text);
}

static void what_is_not_ours_is_nothing(void **state)
{
    struct cubby_gpu *gpu = *state;
    char key[CUBBY_GPU_KEY_BYTES], text[4096];
    cubby_gpu_key(gpu, key);
    assert_int_equal(strlen(key), CUBBY_GPU_KEY_BYTES - 1);
    const char *line = "conv 3x224x224 to 64 kernel 7 stride 2 pad 3 residual 0 second 0 stride 0 "
                       "batch 8: tile 1 2 "
                       "3 part 4 5 buffers 6 ahead 7 8 winograd 0 invocations 8\n";
    // Another device's.
    snprintf(text, sizeof(text), "cubby tuning 4 %032d\nbatch 9\n%s", 0, line);
    struct cubby_tuning *tuning = created(gpu, text, strlen(text));
    assert_int_equal(cubby_tuning_batch(tuning), 0);
    assert_int_equal(cubby_tuning_count(tuning), 0);
    cubby_tuning_destroy(&tuning);
    // Ours, with nonsense between: numbers too large, a line too long, bytes that are no text.
    char long_line[600];
    memset(long_line, 'x', sizeof(long_line));
    long_line[sizeof(long_line) - 1] = '\0';
    snprintf(text, sizeof(text),
             "cubby tuning 4 %s\nbatch 99999\n%s\nconv conv\n\x01\xff\nconv 1x1x1 to\n%s", key,
             long_line, line);
    tuning = created(gpu, text, strlen(text));
    assert_int_equal(cubby_tuning_batch(tuning), 0);
    assert_int_equal(cubby_tuning_count(tuning), 1);
    cubby_tuning_destroy(&tuning);
}

// A choice that the device does not offer, from a file that somebody wrote, is not taken.
static void only_candidates_are_chosen(void **state)
{
    struct cubby_gpu *gpu = *state;
    static const float weight[64 * 64], bias[64];
    struct graph *graph = calloc(1, sizeof(*graph));
    assert_non_null(graph);
    const struct graph_conv_params params = {
        .out_channels = 64,
        .kernel = 1,
        .stride = 1,
        .residual = GRAPH_NONE,
        .weights = {.weight = weight, .bias = bias},
    };
    graph_conv(graph, graph_value(graph, 64, 8, 8), &params);
    struct conv_choice candidates[CONV_MAX_CANDIDATES], chosen;
    conv_candidates(gpu, graph, &graph->ops[0], 2, candidates, CONV_MAX_CANDIDATES);

    struct cubby_tuning *tuning = created(gpu, NULL, 0);
    const struct tuning_shape shape = tuning_shape_of(gpu, graph, &graph->ops[0], 2);
    tuning_put(tuning, &shape, &(struct conv_choice){9999, 7, 5, 3, 1, 77, 9, 3, true, 5});
    tuning_choose(tuning, gpu, graph, 2, &chosen);
    assert_true(conv_choice_equal(&chosen, &candidates[0]));
    tuning_choose(NULL, gpu, graph, 2, &chosen);
    assert_true(conv_choice_equal(&chosen, &candidates[0]));
    cubby_tuning_destroy(&tuning);
    free(graph);
}

// Bytes of another device, cut or changed ones are ignored, whatever the driver would do with them.
static void foreign_pipelines_are_ignored(void **state)
{
    struct cubby_gpu *gpu = *state;
    uint8_t junk[4096];
    struct harness_random random = {7};
    for (size_t size = 0; size <= sizeof(junk); size += 128) {
        for (size_t i = 0; i < size; i++)
            junk[i] = (uint8_t)harness_next(&random);
        if (size > 8)
            memcpy(junk, "cubbypc1", 8);
        assert_int_equal(cubby_gpu_load_pipelines(gpu, junk, size), CUBBY_BAD_DATA);
    }
    void *bytes;
    size_t size_bytes;
    assert_int_equal(cubby_gpu_save_pipelines(gpu, &bytes, &size_bytes), CUBBY_OK);
    if (bytes) {
        ((uint8_t *)bytes)[size_bytes - 1] ^= 1;
        assert_int_equal(cubby_gpu_load_pipelines(gpu, bytes, size_bytes), CUBBY_BAD_DATA);
        ((uint8_t *)bytes)[size_bytes - 1] ^= 1;
        assert_int_equal(cubby_gpu_load_pipelines(gpu, bytes, size_bytes), CUBBY_OK);
    }
    free(bytes);
}

static int open_gpu(void **state)
{
    *state = harness_gpu(CUBBY_KERNELS_TILE);
    return 0;
}

static int close_gpu(void **state)
{
    struct cubby_gpu *gpu = *state;
    harness_close(&gpu);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_text_is_read_again),
        cmocka_unit_test(what_is_not_ours_is_nothing),
        cmocka_unit_test(only_candidates_are_chosen),
        cmocka_unit_test(foreign_pipelines_are_ignored),
    };
    return cmocka_run_group_tests(tests, open_gpu, close_gpu);
}
