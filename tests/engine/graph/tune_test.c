// The tuner with a clock of the test's own: what it chooses follows from what it is told.
#include <time.h>

#include "engine/harness.h"
#include "engine/model/fixture.h"
#include "engine/tuning.h"
#include "graph/tuning.h"

#define SIDE 64u

// Takes the C library's place: each look moves it on.
static struct {
    long long now_ns, tick_ns;
    uint32_t calls, back_every; // by an hour at each so many calls; 0: never
} test_clock;

int timespec_get(struct timespec *time, int base);
int timespec_get(struct timespec *time, int base)
{
    const bool back = test_clock.back_every && ++test_clock.calls % test_clock.back_every == 0;
    test_clock.now_ns += back ? -3600000000000 : test_clock.tick_ns;
    time->tv_sec = (time_t)(1000000 + test_clock.now_ns / 1000000000);
    time->tv_nsec = (long)(test_clock.now_ns % 1000000000);
    if (time->tv_nsec < 0) {
        time->tv_nsec += 1000000000;
        time->tv_sec--;
    }
    return base;
}

struct tuned {
    struct dict *dict;
    struct file file;
    struct cubby_model *model;
    struct cubby_gpu *gpu;
    struct cubby_tuning *tuning;
    uint32_t steps, most_steps, errors;
    char shape[96]; // of the last step
};

static void count_errors(void *user, enum cubby_log_level level, const char *message)
{
    struct tuned *tuned = user;
    (void)message;
    tuned->errors += level == CUBBY_LOG_ERROR;
}

static void open_tuned(struct tuned *tuned)
{
    static const char *const names[] = {"a", "b"};
    const struct cubby_preprocess preprocess = {
        .rule = CUBBY_RESIZE_SHORTER,
        .resize_width = SIDE,
        .resize_height = SIDE,
        .crop_width = SIDE,
        .crop_height = SIDE,
        .mean = {0.485f, 0.456f, 0.406f},
        .std = {0.229f, 0.224f, 0.225f},
    };
    const enum cubby_scores scores = CUBBY_SCORES_SOFTMAX;
    const struct cubby_model_params params = {.class_names = names,
                                              .class_count = 2,
                                              .preprocess = &preprocess,
                                              .scores = &scores,
                                              .provenance_json = "{}"};
    *tuned = (struct tuned){.dict = dict_create(1), .most_steps = 1};
    const int64_t features = dict_add_resnet(tuned->dict, &resnets[0], 8, 1, "", false);
    dict_add_linear(tuned->dict, "fc", 2, features, true);
    file_open(&tuned->file, tuned->dict, NULL, 0);
    assert_int_equal(
        cubby_model_create(&tuned->model, tuned->file.checkpoint, &params, &harness_logger),
        CUBBY_OK);
    tuned->gpu = harness_gpu(CUBBY_KERNELS_TILE);
    tuned->gpu->log = (struct cubby_log){count_errors, tuned};
    assert_int_equal(cubby_tuning_create(&tuned->tuning, tuned->gpu, NULL, 0), CUBBY_OK);
}

static void close_tuned(struct tuned *tuned)
{
    // The log is given back.
    assert_ptr_equal(tuned->gpu->log.write, count_errors);
    cubby_tuning_destroy(&tuned->tuning);
    harness_close(&tuned->gpu);
    cubby_model_destroy(&tuned->model);
    file_close(&tuned->file);
    dict_destroy(tuned->dict);
}

static bool on_step(void *user, const struct cubby_tuning_step *step)
{
    struct tuned *tuned = user;
    if (!(step->first_ms > 0 && step->best_ms > 0 && step->best_ms <= step->first_ms))
        fail_msg("%s: %g ms, the default %g ms", step->shape, step->best_ms, step->first_ms);
    snprintf(tuned->shape, sizeof(tuned->shape), "%s", step->shape);
    return ++tuned->steps < tuned->most_steps;
}

static enum cubby_status tune(struct tuned *tuned, uint32_t batch)
{
    const struct cubby_tune_params params = {.batch = batch, .step = on_step, .user = tuned};
    return cubby_tune(tuned->tuning, tuned->gpu, tuned->model, &params);
}

// No way of computing takes less than no time.
static void clock_may_be_set_back(void **state)
{
    (void)state;
    struct tuned tuned;
    for (uint32_t every = 5; every < 8; every++) {
        open_tuned(&tuned);
        tuned.most_steps = 3;
        test_clock.tick_ns = 10000000;
        test_clock.back_every = every;
        assert_int_equal(tune(&tuned, 1), CUBBY_INTERRUPTED);
        assert_int_equal(cubby_tuning_count(tuned.tuning), 3);
        test_clock.back_every = 0;
        close_tuned(&tuned);
    }
}

static uint32_t chosen_batch(double batch_s)
{
    struct tuned tuned;
    open_tuned(&tuned);
    test_clock.tick_ns = (long long)(batch_s * 1e9);
    assert_int_equal(tune(&tuned, 0), CUBBY_INTERRUPTED);
    const uint32_t batch = cubby_tuning_batch(tuned.tuning);
    close_tuned(&tuned);
    return batch;
}

// Each batch takes the same time, so the largest is the fastest; of slow ones none is tried behind
// the first.
static void slow_devices_get_small_batches(void **state)
{
    (void)state;
    assert_int_equal(chosen_batch(0.3), 16);
    assert_int_equal(chosen_batch(0.6), 4);
}

// Of a GPU also batches that keep all of its compute units busy to the end are tried.
static void whole_rounds_are_tried(void **state)
{
    (void)state;
    struct tuned tuned;
    open_tuned(&tuned);
    test_clock.tick_ns = 300000000;
    // 60 units, two tiles of 128 x 128 on each, are 78 images' last layers. 128 images do not fit.
    tuned.gpu->info.kind = CUBBY_DEVICE_DISCRETE;
    tuned.gpu->compute_units = 60;
    tuned.gpu->limits.maxStorageBufferRange = 100 * SIDE * SIDE * 16;
    assert_int_equal(tune(&tuned, 0), CUBBY_INTERRUPTED);
    assert_int_equal(cubby_tuning_batch(tuned.tuning), 78);
    assert_int_equal(tuned.errors, 0);
    close_tuned(&tuned);
}

// A batch that does not fit ends the search, and is no error.
static void what_does_not_fit_is_not_reported(void **state)
{
    (void)state;
    struct tuned tuned;
    open_tuned(&tuned);
    test_clock.tick_ns = 100000000;
    // The normalised images of a batch of 4, and no more; no layer's weights are larger.
    tuned.gpu->limits.maxStorageBufferRange = 4 * SIDE * SIDE * 16;
    assert_int_equal(tune(&tuned, 0), CUBBY_INTERRUPTED);
    assert_int_equal(cubby_tuning_batch(tuned.tuning), 4);
    assert_int_equal(tuned.errors, 0);
    // Where none fits, it is one.
    tuned.gpu->limits.maxStorageBufferRange = SIDE * SIDE * 16;
    assert_int_equal(tune(&tuned, 0), CUBBY_NO_MEMORY);
    assert_int_equal(tuned.errors, 1);
    close_tuned(&tuned);
}

// What was measured is not measured again, but what a file says that no device can do, is.
static void only_what_can_be_done_is_known(void **state)
{
    (void)state;
    struct tuned tuned;
    char first[96], second[96];
    open_tuned(&tuned);
    test_clock.tick_ns = 100000000;
    assert_int_equal(tune(&tuned, 1), CUBBY_INTERRUPTED);
    memcpy(first, tuned.shape, sizeof(first));
    assert_int_equal(tune(&tuned, 1), CUBBY_INTERRUPTED);
    memcpy(second, tuned.shape, sizeof(second));
    assert_string_not_equal(first, second);
    assert_int_equal(cubby_tuning_count(tuned.tuning), 2);

    tuned.tuning->entries[0].choice = (struct conv_choice){.tile_m = 17, .tile_n = 4};
    assert_int_equal(tune(&tuned, 1), CUBBY_INTERRUPTED);
    assert_string_equal(tuned.shape, first);
    assert_int_not_equal(tuned.tuning->entries[0].choice.tile_m, 17);
    assert_int_equal(cubby_tuning_count(tuned.tuning), 2);
    close_tuned(&tuned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock_may_be_set_back),
        cmocka_unit_test(slow_devices_get_small_batches),
        cmocka_unit_test(whole_rounds_are_tried),
        cmocka_unit_test(what_does_not_fit_is_not_reported),
        cmocka_unit_test(only_what_can_be_done_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
