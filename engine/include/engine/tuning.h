// What was measured on one device: for each shape of convolution the fastest way of computing it,
// and how many images to compute at once. Without it a net takes good defaults.
//
//     cubby_tuning_create(&tuning, gpu, text of an earlier run or NULL)
//     cubby_tune(tuning, gpu, model, ...)       seconds to a minute, once
//     cubby_tuning_write(tuning, &text)         to be kept under cubby_gpu_key()
//     params.tuning = tuning; cubby_net_create(...)
#ifndef ENGINE_TUNING_H
#define ENGINE_TUNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/gpu.h"
#include "engine/model.h"

#define CUBBY_TUNING_MAX_BYTES (256u * 1024u) // of its text

struct cubby_tuning;
// `text` (size_bytes of it, may be NULL) is what cubby_tuning_write() gave for a device with the
// same cubby_gpu_key(). Text that is anything else is as good as none: an old or damaged file costs
// speed, never an answer.
CUBBY_NODISCARD enum cubby_status cubby_tuning_create(struct cubby_tuning **out,
                                                      const struct cubby_gpu *gpu, const char *text,
                                                      size_t size_bytes);
void cubby_tuning_destroy(struct cubby_tuning **tuning);

// Of how many shapes the tuning knows the fastest way.
uint32_t cubby_tuning_count(const struct cubby_tuning *tuning);
// Images to compute at once; 0: not measured.
uint32_t cubby_tuning_batch(const struct cubby_tuning *tuning);

// One shape of convolution has been measured; `done` of `all` so far.
struct cubby_tuning_step {
    uint32_t done, all;
    const char *shape;  // "3x3, 64 -> 64 channels, 56x56"
    const char *choice; // the fastest: "128x64 pixels and channels"; "" if there is only one way
    double first_ms, best_ms; // the default's time and the fastest one's
};

struct cubby_tune_params {
    uint32_t batch; // images at once; 0: measured, too
    // NULL, or called after each shape. False: stop here, what was measured stays.
    bool (*step)(void *user, const struct cubby_tuning_step *step);
    void *user;
};

// Measures every convolution of the model that the tuning does not know yet.
//   CUBBY_INTERRUPTED  step() said so
//   others             as cubby_net_create()
CUBBY_NODISCARD enum cubby_status cubby_tune(struct cubby_tuning *tuning, struct cubby_gpu *gpu,
                                             const struct cubby_model *model,
                                             const struct cubby_tune_params *params);

// All of it as text, malloc'd, the caller frees *text.
CUBBY_NODISCARD enum cubby_status cubby_tuning_write(const struct cubby_tuning *tuning, char **text,
                                                     size_t *size_bytes);

#endif
