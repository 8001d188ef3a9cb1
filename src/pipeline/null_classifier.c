#include "pipeline/classifier.h"

#include <stdlib.h>

struct null_classifier {
    struct classifier base;
    uint8_t *pixels;      // owned, all slots
    float *probabilities; // owned, max_batch ones: there is one class
};

static uint8_t *null_input(struct classifier *classifier, uint32_t slot)
{
    struct null_classifier *null = (struct null_classifier *)classifier;
    return null->pixels + (size_t)slot * classifier->max_batch * classifier->image_bytes;
}

static enum cubby_status null_submit(struct classifier *classifier, uint32_t slot, uint32_t count)
{
    (void)classifier, (void)slot, (void)count;
    return CUBBY_OK;
}

static enum cubby_status null_wait(struct classifier *classifier, uint32_t slot,
                                   struct cubby_net_output *output)
{
    (void)slot;
    struct null_classifier *null = (struct null_classifier *)classifier;
    *output = (struct cubby_net_output){.logits = null->probabilities,
                                        .probabilities = null->probabilities};
    return CUBBY_OK;
}

static enum cubby_status null_rebuild(struct classifier *classifier)
{
    (void)classifier;
    return CUBBY_OK;
}

static void null_destroy(struct classifier *classifier)
{
    struct null_classifier *null = (struct null_classifier *)classifier;
    free(null->pixels);
    free(null->probabilities);
    free(null);
}

enum cubby_status null_classifier_create(struct classifier **out, uint32_t max_batch,
                                         uint32_t slots, size_t image_bytes)
{
    static const struct classifier_ops ops = {null_input, null_submit, null_wait, null_rebuild,
                                              null_destroy};
    *out = NULL;
    struct null_classifier *null = calloc(1, sizeof(*null));
    if (!null)
        return CUBBY_NO_MEMORY;
    null->base = (struct classifier){&ops, max_batch, slots, 1, image_bytes, 0};
    struct classifier *classifier = &null->base;
    null->pixels = calloc((size_t)slots * max_batch, image_bytes);
    null->probabilities = calloc(max_batch, sizeof(float));
    if (!null->pixels || !null->probabilities) {
        classifier_destroy(&classifier);
        return CUBBY_NO_MEMORY;
    }
    for (uint32_t i = 0; i < max_batch; i++)
        null->probabilities[i] = 1.0f;
    *out = classifier;
    return CUBBY_OK;
}

void classifier_destroy(struct classifier **classifier)
{
    if (*classifier)
        (*classifier)->ops->destroy(*classifier);
    *classifier = NULL;
}
