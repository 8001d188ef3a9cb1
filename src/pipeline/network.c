#include "pipeline/stages.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/decide.h"

// The slots on the device, oldest first.
struct flight {
    uint32_t slot[CUBBY_NET_MAX_SLOTS], count[CUBBY_NET_MAX_SLOTS];
    uint32_t slots;
    uint64_t busy_since; // when the first of them was submitted
};

static void keep_logits(struct item *item, const float *logits, uint32_t class_count)
{
    item->logits = malloc(class_count * sizeof(float));
    if (item->logits)
        memcpy(item->logits, logits, class_count * sizeof(float));
    else
        photo_settle(item->photo, PHOTO_FAILED, "out of memory");
}

static void keep_features(struct photo *photo, const float *features, uint32_t feature_count)
{
    free(photo->features);
    photo->features = malloc(feature_count * sizeof(float));
    if (photo->features)
        memcpy(photo->features, features, feature_count * sizeof(float));
    else
        photo_settle(photo, PHOTO_FAILED, "out of memory");
}

static void deliver(struct pipeline *pipeline, uint32_t slot, uint32_t count,
                    const struct cubby_net_output *output)
{
    uint32_t classes = pipeline->params.classifier->class_count;
    uint32_t features = pipeline->params.classifier->feature_count;
    struct item *const *items = batcher_items(&pipeline->batcher, slot);
    for (uint32_t i = 0; i < count; i++) {
        struct item *item = items[i];
        if (!item)
            continue;
        decide_top(item->photo, output->probabilities + (size_t)i * classes, classes);
        if (pipeline->params.keep_logits)
            keep_logits(item, output->logits + (size_t)i * classes, classes);
        if (pipeline->params.keep_features && features)
            keep_features(item->photo, output->features + (size_t)i * features, features);
        atomic_fetch_add(&pipeline->classified, 1);
        window_done(&pipeline->window, item);
    }
    uint64_t none = 0;
    atomic_compare_exchange_strong(&pipeline->first_result_ns, &none,
                                   uv_hrtime() - pipeline->started_ns);
}

static enum cubby_status submit(struct pipeline *pipeline, struct flight *flight, uint32_t slot,
                                uint32_t count)
{
    struct classifier *classifier = pipeline->params.classifier;
    if (!flight->slots)
        flight->busy_since = uv_hrtime();
    enum cubby_status status = classifier->ops->submit(classifier, slot, count);
    if (status)
        return status;
    flight->slot[flight->slots] = slot;
    flight->count[flight->slots++] = count;
    atomic_fetch_add(&pipeline->batches, 1);
    return CUBBY_OK;
}

static enum cubby_status land(struct pipeline *pipeline, struct flight *flight)
{
    struct classifier *classifier = pipeline->params.classifier;
    struct cubby_net_output output;
    uint32_t slot = flight->slot[0], count = flight->count[0];
    enum cubby_status status = classifier->ops->wait(classifier, slot, &output);
    pipeline_add_busy(pipeline, STAGE_NETWORK, flight->busy_since);
    flight->busy_since = uv_hrtime();
    if (status)
        return status;
    flight->slots--;
    memmove(flight->slot, flight->slot + 1, flight->slots * sizeof(flight->slot[0]));
    memmove(flight->count, flight->count + 1, flight->slots * sizeof(flight->count[0]));
    deliver(pipeline, slot, count, &output);
    batcher_release(&pipeline->batcher, slot);
    return CUBBY_OK;
}

// The device is gone and the pixels with it: every photo in a batch is decoded again.
static enum cubby_status recover(struct pipeline *pipeline, struct flight *flight)
{
    struct classifier *classifier = pipeline->params.classifier;
    struct item **lost = calloc((size_t)classifier->slots * classifier->max_batch, sizeof(*lost));
    if (!lost)
        return CUBBY_NO_MEMORY;
    uint32_t count = batcher_evict(&pipeline->batcher, lost);
    flight->slots = 0;
    cubby_log(pipeline->params.log, CUBBY_LOG_WARNING,
              "the device stopped working; starting it again and classifying %u photos again",
              (unsigned)count);
    enum cubby_status status = classifier->ops->rebuild(classifier);
    // Last one first, because each is put in front.
    for (uint32_t i = count; i-- > 0 && !status;)
        queue_return(&pipeline->queue, lost[i]);
    if (!status)
        batcher_resume(&pipeline->batcher);
    free(lost);
    return status;
}

static enum cubby_status step(struct pipeline *pipeline, struct flight *flight, bool *closed)
{
    uint32_t slot, count;
    enum batcher_event event = batcher_next(&pipeline->batcher, flight->slots == 0, &slot, &count);
    if (event == BATCHER_READY)
        return submit(pipeline, flight, slot, count);
    *closed = event == BATCHER_CLOSED;
    return flight->slots ? land(pipeline, flight) : CUBBY_OK;
}

void network_thread(void *argument)
{
    struct pipeline *pipeline = argument;
    struct flight flight = {.slots = 0};
    bool closed = false, recovered = false;
    while (!closed || flight.slots) {
        enum cubby_status status = step(pipeline, &flight, &closed);
        if (status == CUBBY_DEVICE_LOST && !recovered && !closed) {
            recovered = true;
            status = recover(pipeline, &flight);
        } else if (status == CUBBY_DEVICE_LOST) {
            cubby_log(pipeline->params.log, CUBBY_LOG_ERROR,
                      "the device stopped working a second time; run the same command again to "
                      "continue, perhaps with another --device");
        }
        if (status) {
            pipeline_fail(pipeline, status);
            return;
        }
    }
}
