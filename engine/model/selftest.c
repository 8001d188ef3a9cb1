#include "engine/selftest.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <xxhash.h>

#include "engine/net.h"
#include "model/model_private.h"
#include "model/text.h"

#define SIDE CUBBY_SELFTEST_SIDE
#define INPUT_BYTES (SIDE * SIDE * 3)
#define HASH_BYTES 33
// Ten times what fp32 devices differ from the reference; a wrong kernel is far off.
#define TOLERANCE 1e-3
#define TOLERANCE_FP16 2e-2 // each of some fifty layers rounds by 5e-4

static void make_input(uint8_t *pixels, char hash[HASH_BYTES])
{
    uint32_t state = 1;
    for (size_t i = 0; i < INPUT_BYTES; ++i) {
        state = state * 1664525u + 1013904223u;
        pixels[i] = (uint8_t)(state >> 24);
    }
    XXH128_hash_t value = XXH3_128bits(pixels, INPUT_BYTES);
    snprintf(hash, HASH_BYTES, "%016" PRIx64 "%016" PRIx64, (uint64_t)value.high64,
             (uint64_t)value.low64);
}

// The same network with the self-test's input, 8 bits a value or float. Borrows everything from
// `model`.
static struct cubby_model *shrink(const struct cubby_model *model, bool floats)
{
    struct cubby_model *small = malloc(sizeof(*small));
    if (!small)
        return NULL;
    *small = *model;
    small->preprocess.crop_width = small->preprocess.crop_height = SIDE;
    // What a network with resamples is fed: here, of as many pixels, so that they change nothing.
    small->preprocess.resamples[0] = (struct cubby_resample){.width = SIDE, .height = SIDE};
    small->preprocess.resample_count = floats;
    return small;
}

static uint32_t logit_count(const struct cubby_model *model)
{
    uint32_t classes = cubby_model_class_count(model);
    return classes < CUBBY_SELFTEST_LOGITS ? classes : CUBBY_SELFTEST_LOGITS;
}

static char *print(const float *logits, uint32_t count, const char *hash)
{
    json_t *array = json_array();
    char *text = NULL;
    for (uint32_t i = 0; i < count; ++i) {
        if (json_array_append_new(array, json_real((double)logits[i]))) {
            json_decref(array);
            return NULL;
        }
    }
    json_t *object =
        json_pack("{s:i, s:s, s:o}", "side", (int)SIDE, "input", hash, "logits", array);
    if (object)
        text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(object);
    return text;
}

enum cubby_status cubby_selftest_make(struct cubby_model *model, const struct cubby_log *log)
{
    if (model->head.count == 0) {
        cubby_log(log, CUBBY_LOG_ERROR, "the model's weights have been dropped already");
        return CUBBY_UNSUPPORTED;
    }
    char hash[HASH_BYTES], *text = NULL;
    enum cubby_status status = CUBBY_NO_MEMORY;
    struct cubby_model *small = shrink(model, false);
    uint8_t *pixels = malloc(INPUT_BYTES);
    float *logits = calloc(cubby_model_class_count(model), sizeof(*logits));
    if (!small || !pixels || !logits)
        goto out;
    make_input(pixels, hash);
    status = cubby_reference_run(small, pixels, 1, logits, NULL, NULL);
    // JSON has no NaN; and a network that overflows on noise may well work on photos.
    for (uint32_t i = 0; i < logit_count(model) && !status; ++i) {
        if (!isfinite(logits[i])) {
            cubby_log(log, CUBBY_LOG_WARNING,
                      "the network's answer to the self-test is beyond float32: the model gets no "
                      "self-test");
            goto out;
        }
    }
    if (!status) {
        text = print(logits, logit_count(model), hash);
        status = text ? CUBBY_OK : CUBBY_NO_MEMORY;
    }

out:
    if (!status) {
        free(model->selftest);
        model->selftest = text;
    }
    free(logits);
    free(pixels);
    free(small);
    return status;
}

// ---- running

static enum cubby_status damaged(const struct cubby_log *log, const char *what)
{
    cubby_log(log, CUBBY_LOG_ERROR, "the model's self-test is damaged: %s; import the model again",
              what);
    return CUBBY_BAD_DATA;
}

// `logits` has room for logit_count().
static enum cubby_status parse(const struct cubby_model *model, const char *hash, float *logits,
                               const struct cubby_log *log)
{
    json_t *object = NULL;
    enum cubby_status status = text_load_json(&object, model->selftest, strlen(model->selftest),
                                              CUBBY_SELFTEST_LOGITS + 16, 2, "the self-test", log);
    if (status)
        return status;
    const json_t *array = json_object_get(object, "logits");
    const char *input = json_string_value(json_object_get(object, "input"));
    if (json_integer_value(json_object_get(object, "side")) != SIDE || !input ||
        strcmp(input, hash) != 0)
        status = damaged(log, "it was made for another input");
    else if (!json_is_array(array) || json_array_size(array) != logit_count(model))
        status = damaged(log, "it has not one logit for each class");
    for (size_t i = 0; i < json_array_size(array) && !status; ++i) {
        const json_t *number = json_array_get(array, i);
        logits[i] = (float)json_number_value(number);
        if (!json_is_number(number) || !isfinite(logits[i]))
            status = damaged(log, "a logit is not a number");
    }
    json_decref(object);
    return status;
}

static struct cubby_selftest_result compare(const float *got, const float *want, uint32_t count,
                                            double tolerance)
{
    double worst = 0, largest = 0;
    for (uint32_t i = 0; i < count; ++i) {
        double difference = fabs((double)got[i] - (double)want[i]);
        // NaN must not get lost in a maximum.
        worst = difference <= worst ? worst : difference;
        largest = fmax(largest, fabs((double)want[i]));
    }
    worst = largest > 0 ? worst / largest : worst;
    return (struct cubby_selftest_result){.agrees = worst <= tolerance, .difference = worst};
}

static void put_input(uint8_t *input, const uint8_t *pixels, bool floats)
{
    if (!floats) {
        memcpy(input, pixels, INPUT_BYTES);
        return;
    }
    for (size_t i = 0; i < INPUT_BYTES; ++i) {
        float value = pixels[i];
        memcpy(input + i * sizeof(value), &value, sizeof(value));
    }
}

static enum cubby_status run_net(const struct cubby_model *small, struct cubby_gpu *gpu,
                                 const uint8_t *pixels, const float *want,
                                 struct cubby_selftest_result *result)
{
    const struct cubby_net_params params = {.max_batch = 1, .slots = 1};
    struct cubby_net *net = NULL;
    struct cubby_net_output output;
    enum cubby_status status = cubby_net_create(&net, gpu, small, &params);
    if (status)
        return status;
    put_input(cubby_net_input(net, 0), pixels, small->preprocess.resample_count > 0);
    status = cubby_net_submit(net, 0, 1);
    if (!status)
        status = cubby_net_wait(net, 0, &output);
    if (!status)
        *result =
            compare(output.logits, want, logit_count(small),
                    cubby_gpu_precision(gpu) == CUBBY_PRECISION_FP16 ? TOLERANCE_FP16 : TOLERANCE);
    cubby_net_destroy(&net);
    return status;
}

enum cubby_status cubby_selftest_run(const struct cubby_model *model, struct cubby_gpu *gpu,
                                     struct cubby_selftest_result *result,
                                     const struct cubby_log *log)
{
    *result = (struct cubby_selftest_result){0};
    if (!model->selftest) {
        cubby_log(log, CUBBY_LOG_ERROR,
                  "the model has no self-test; cubby import MODEL -o NEW gives it one");
        return CUBBY_UNSUPPORTED;
    }
    char hash[HASH_BYTES];
    enum cubby_status status = CUBBY_NO_MEMORY;
    // On the device, the input that this model's photos come in.
    struct cubby_model *small = shrink(model, model->preprocess.resample_count > 0);
    uint8_t *pixels = malloc(INPUT_BYTES);
    float *want = calloc(logit_count(model), sizeof(*want));
    if (small && pixels && want) {
        make_input(pixels, hash);
        status = parse(model, hash, want, log);
    }
    if (!status)
        status = run_net(small, gpu, pixels, want, result);
    free(want);
    free(pixels);
    free(small);
    return status;
}
