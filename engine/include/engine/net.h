// A model on a device: pixels in, probabilities, logits and features out.
//
// Work travels in slots. Fill cubby_net_input(net, slot), submit, and wait for the same slot later;
// other slots can be filled meanwhile, so that the device never waits for the CPU:
//
//     submit(0), submit(1), wait(0), refill 0, submit(0), wait(1), ...
#ifndef ENGINE_NET_H
#define ENGINE_NET_H

#include <stddef.h>
#include <stdint.h>

#include "engine/gpu.h"
#include "engine/model.h"

#define CUBBY_NET_MAX_BATCH 512u
#define CUBBY_NET_MAX_SLOTS 4u

struct cubby_tuning;
struct cubby_net_params {
    uint32_t max_batch; // images per submission; 0: the tuning's, or chosen from the device
    uint32_t slots;     // 0 means 3
    const struct cubby_tuning *tuning; // borrowed, only during create; NULL: defaults
};

struct cubby_net_output {
    const float *logits;        // [count, classes], borrowed until the slot is submitted again
    const float *probabilities; // [count, classes], softmax or sigmoid as cubby_model_scores() says
    const float *features;      // [count, features], the pooled vector
};

struct cubby_net;
// Uploads the weights and builds the pipelines; may take seconds. Borrows `gpu`; `model` is read
// only during the call.
//   CUBBY_NO_MEMORY    host or device memory ran out: try a smaller max_batch
//   CUBBY_TOO_LARGE    max_batch or slots over the limits above
//   CUBBY_UNSUPPORTED  the model's input is too small for its network
//   CUBBY_DEVICE_LOST, CUBBY_INTERNAL  the driver failed; the log says at what
CUBBY_NODISCARD enum cubby_status cubby_net_create(struct cubby_net **out, struct cubby_gpu *gpu,
                                                   const struct cubby_model *model,
                                                   const struct cubby_net_params *params);
void cubby_net_destroy(struct cubby_net **net); // waits for work in flight

uint32_t cubby_net_max_batch(const struct cubby_net *net);
uint32_t cubby_net_slots(const struct cubby_net *net);
uint32_t cubby_net_class_count(const struct cubby_net *net);
uint32_t cubby_net_feature_count(const struct cubby_net *net);
enum cubby_upload cubby_net_upload(const struct cubby_net *net); // never AUTO
size_t cubby_net_image_bytes(const struct cubby_net *net);       // cubby_preprocess_output_bytes()
uint64_t cubby_net_device_bytes(const struct cubby_net *net);    // weights, activations, staging

// What the network has to do: what its speed can be compared with the device's limits by.
struct cubby_net_work {
    // By its definition, for an image, a multiply-add being two: 8.17e9 for ResNet-50 at 224 x 224.
    double flops;
    // That this device's kernels have to read and write, for an image. Layers that they compute as
    // one hand theirs on in registers: 25.2 million of ResNet-50's 28.6 with matrix kernels.
    double values;
    double weights; // read once for each batch
};
struct cubby_net_work cubby_net_work(const struct cubby_net *net);

// Where the slot's images go: max_batch * image_bytes, images back to back, as
// cubby_preprocess_run() writes them (bytes, or floats after resampling). It may be device memory
// or memory that is not cached: write it in order, do not read it. Several threads may write
// different images. Must not be touched between submit and wait.
uint8_t *cubby_net_input(struct cubby_net *net, uint32_t slot);

// Starts the network on the first `count` (1..max_batch) images of the slot. Returns at once.
// submit and wait: one calling thread at a time.
//   CUBBY_DEVICE_LOST  net and gpu are unusable, destroy both
CUBBY_NODISCARD enum cubby_status cubby_net_submit(struct cubby_net *net, uint32_t slot,
                                                   uint32_t count);
// Waits for the slot's submission.
CUBBY_NODISCARD enum cubby_status cubby_net_wait(struct cubby_net *net, uint32_t slot,
                                                 struct cubby_net_output *output);

// The same network in plain C on the CPU, straightforward and slow (seconds an image): what every
// device is checked against. `pixels` as in cubby_net_input(), aligned for floats if they are
// floats. Arrays as in cubby_net_output, owned by the caller; any may be NULL.
CUBBY_NODISCARD enum cubby_status cubby_reference_run(const struct cubby_model *model,
                                                      const uint8_t *pixels, uint32_t count,
                                                      float *logits, float *probabilities,
                                                      float *features);

#endif
