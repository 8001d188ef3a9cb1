// A classifier that needs no device, for tests that run the whole program thousands of times:
// photos are red, green, blue or grey by their mean colour, and their features are the mean colours
// of their four quarters. CUBBY_STUB_MODEL=2 is another model; CUBBY_STUB_DELAY_MS is waited for
// before each batch's answer.
#ifndef TESTS_TOOLS_STUB_CLASSIFIER_H
#define TESTS_TOOLS_STUB_CLASSIFIER_H

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "commands/classifying.h"
#include "commands/command.h"

#define STUB_SIDE 16u
#define STUB_BATCH 4u
#define STUB_SLOTS 2u
#define STUB_FEATURES 12u

enum { STUB_GREY = 3, STUB_CLASSES };

struct stub {
    struct classifier base; // first, so that the pointers are the same
    uint8_t pixels[STUB_SLOTS][STUB_BATCH][STUB_SIDE * STUB_SIDE * 3];
    float probabilities[STUB_BATCH * STUB_CLASSES];
    float features[STUB_BATCH * STUB_FEATURES];
    uint32_t counts[STUB_SLOTS];
    unsigned delay_ms, model;
};

static inline uint8_t *stub_input(struct classifier *classifier, uint32_t slot)
{
    return ((struct stub *)classifier)->pixels[slot][0];
}

static inline enum cubby_status stub_submit(struct classifier *classifier, uint32_t slot,
                                            uint32_t count)
{
    ((struct stub *)classifier)->counts[slot] = count;
    return CUBBY_OK;
}

// The clearer a colour stands out, the surer; a photo of no clear colour is a doubtful grey.
static inline void stub_answer(const struct stub *stub, const uint8_t *pixels, float *out)
{
    double sums[3] = {0, 0, 0};
    for (uint32_t i = 0; i < STUB_SIDE * STUB_SIDE * 3; i++)
        sums[i % 3] += pixels[i];
    double total = sums[0] + sums[1] + sums[2] + 1, most = 0;
    unsigned best = 0;
    for (unsigned i = 0; i < 3; i++)
        if (sums[i] / total > most) {
            most = sums[i] / total;
            best = i;
        }
    double p = most < 0.36 ? 0.3 : most;
    if (stub->model == 2)
        best = (best + 1) % 3;
    for (unsigned i = 0; i < STUB_CLASSES; i++)
        out[i] = (float)((1 - p) / (STUB_CLASSES - 1));
    out[most < 0.36 ? STUB_GREY : best] = (float)p;
}

// Each quarter's red, green and blue: top left, top right, bottom left, bottom right.
static inline void stub_features(const uint8_t *pixels, float *out)
{
    memset(out, 0, STUB_FEATURES * sizeof(*out));
    for (uint32_t i = 0; i < STUB_SIDE * STUB_SIDE; i++) {
        uint32_t x = i % STUB_SIDE * 2 / STUB_SIDE, y = i / STUB_SIDE * 2 / STUB_SIDE;
        for (uint32_t k = 0; k < 3; k++)
            out[(y * 2 + x) * 3 + k] +=
                (float)pixels[i * 3 + k] / (STUB_SIDE * STUB_SIDE / 4 * 255);
    }
}

static inline enum cubby_status stub_wait(struct classifier *classifier, uint32_t slot,
                                          struct cubby_net_output *output)
{
    struct stub *stub = (struct stub *)classifier;
    if (stub->delay_ms)
        uv_sleep(stub->delay_ms);
    for (uint32_t i = 0; i < stub->counts[slot]; i++) {
        stub_answer(stub, stub->pixels[slot][i], &stub->probabilities[i * STUB_CLASSES]);
        stub_features(stub->pixels[slot][i], &stub->features[i * STUB_FEATURES]);
    }
    *output = (struct cubby_net_output){.logits = stub->probabilities,
                                        .probabilities = stub->probabilities,
                                        .features = stub->features};
    return CUBBY_OK;
}

static inline enum cubby_status stub_rebuild(struct classifier *classifier)
{
    (void)classifier;
    return CUBBY_OK;
}

static inline void stub_destroy(struct classifier *classifier)
{
    free(classifier);
}

static inline enum cubby_status stub_open(void *user, struct classifying *out)
{
    static const struct classifier_ops ops = {stub_input, stub_submit, stub_wait, stub_rebuild,
                                              stub_destroy};
    static const char *const names[STUB_CLASSES] = {"red", "green", "blue", "grey"};
    static const struct cubby_preprocess preprocess = {.rule = CUBBY_RESIZE_SHORTER,
                                                       .resize_width = STUB_SIDE,
                                                       .crop_width = STUB_SIDE,
                                                       .crop_height = STUB_SIDE};
    (void)user;
    struct stub *stub = calloc(1, sizeof(*stub));
    const char *model = getenv("CUBBY_STUB_MODEL"), *delay = getenv("CUBBY_STUB_DELAY_MS");
    out->class_names = calloc(STUB_CLASSES, sizeof(*out->class_names));
    if (!stub || !out->class_names) {
        free(stub);
        return CUBBY_NO_MEMORY;
    }
    memcpy(out->class_names, names, sizeof(names));
    stub->base = (struct classifier){
        &ops, STUB_BATCH, STUB_SLOTS, STUB_CLASSES, STUB_SIDE * STUB_SIDE * 3, STUB_FEATURES};
    stub->model = model ? (unsigned)strtoul(model, NULL, 10) : 1;
    stub->delay_ms = delay ? (unsigned)strtoul(delay, NULL, 10) : 0;
    out->classifier = &stub->base;
    out->class_count = STUB_CLASSES;
    out->preprocess = &preprocess;
    out->model_name = "stub";
    out->model_hash = (struct photo_hash){.low = stub->model, .high = 1};
    return CUBBY_OK;
}

#endif
