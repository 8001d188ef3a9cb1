// The network as the pipeline sees it, so that tests can put anything in its place.
//
// Slots work as in engine/net.h. `input` may be called from any thread; submit, wait and rebuild
// come from one.
#ifndef SRC_PIPELINE_CLASSIFIER_H
#define SRC_PIPELINE_CLASSIFIER_H

#include <stddef.h>
#include <stdint.h>

#include "engine/gpu.h"
#include "engine/net.h"
#include "engine/status.h"

struct classifier;
struct fs;
struct model_file;

struct classifier_ops {
    uint8_t *(*input)(struct classifier *classifier, uint32_t slot);
    enum cubby_status (*submit)(struct classifier *classifier, uint32_t slot, uint32_t count);
    enum cubby_status (*wait)(struct classifier *classifier, uint32_t slot,
                              struct cubby_net_output *output);
    // After CUBBY_DEVICE_LOST: starts anew with empty slots, of the same number and size.
    enum cubby_status (*rebuild)(struct classifier *classifier);
    void (*destroy)(struct classifier *classifier);
};

struct classifier {
    const struct classifier_ops *ops;
    uint32_t max_batch, slots, class_count;
    size_t image_bytes;
    uint32_t feature_count; // 0: it gives none
};

struct net_classifier_params {
    // Borrowed for the classifier's life; its weights may be dropped after the call. Read again
    // from its path when the device was lost.
    const struct model_file *model;
    const struct fs *fs;         // borrowed
    struct cubby_gpu_params gpu; // strings borrowed
    uint32_t max_batch;          // 0: chosen from the device; halved while memory is short
    uint32_t slots;              // 0: 3
    const struct cubby_log *log; // borrowed
};

// The real one: opens the device and puts the model on it. The log says what went wrong.
enum cubby_status net_classifier_create(struct classifier **out,
                                        const struct net_classifier_params *params);
struct cubby_gpu *net_classifier_gpu(const struct classifier *classifier);
struct cubby_net_work net_classifier_work(const struct classifier *classifier);
enum cubby_upload net_classifier_upload(const struct classifier *classifier);

// One that answers at once with equal probabilities: what the other stages do alone.
enum cubby_status null_classifier_create(struct classifier **out, uint32_t max_batch,
                                         uint32_t slots, size_t image_bytes);

void classifier_destroy(struct classifier **classifier);

#endif
