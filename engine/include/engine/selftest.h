// A model's self-test: a tiny generated input and the logits that the reference network
// (cubby_reference_run) gave for it when the model was made. It proves on any machine that its
// device computes this very network. It says nothing about preprocessing, but that a model with
// resamples is run on floats on the device, as it is on photos; the values are the same.
//
// The input is CUBBY_SELFTEST_SIDE x CUBBY_SELFTEST_SIDE pixels RGB8, rows from the top, its bytes
// in order from this generator:
//
//     state = 1; each byte: state = (state * 1664525 + 1013904223) mod 2^32, the byte is state >>
//     24
//
// 64 pixels are a 12th of the work of 224, so that the plain C reference needs a fraction of a
// second even for large networks, and still leave every layer several pixels (2x2 in the last).
//
// Stored as cubby.selftest:
//     {"side": 64, "input": "XXH3-128 of the input, hexadecimal", "logits": [...]}
// The hash tells a wrong generator from a wrong device. It is XXH3 and not SHA-256 since nothing
// here withstands forgery anyway: who can change the logits can change a hash.
#ifndef ENGINE_SELFTEST_H
#define ENGINE_SELFTEST_H

#include <stdbool.h>

#include "engine/gpu.h"
#include "engine/log.h"
#include "engine/model.h"

#define CUBBY_SELFTEST_SIDE 64u
#define CUBBY_SELFTEST_LOGITS 1024u // at most; of models with more classes, the first ones

// Runs the reference and puts the self-test into the model; cubby_model_write() stores it.
//   CUBBY_UNSUPPORTED  the weights were dropped already
CUBBY_NODISCARD enum cubby_status cubby_selftest_make(struct cubby_model *model,
                                                      const struct cubby_log *log);

struct cubby_selftest_result {
    bool agrees;
    double difference; // largest of a logit, relative to the largest logit
};

// Runs the model's self-test on a device. That it disagrees is no error.
//   CUBBY_BAD_DATA     the stored self-test is damaged
//   CUBBY_UNSUPPORTED  the model has none
CUBBY_NODISCARD enum cubby_status cubby_selftest_run(const struct cubby_model *model,
                                                     struct cubby_gpu *gpu,
                                                     struct cubby_selftest_result *result,
                                                     const struct cubby_log *log);

#endif
