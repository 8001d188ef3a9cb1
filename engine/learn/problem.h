// One fit as a function to minimise: which samples train, what they weigh, how their features are
// normalised, and the penalised mean log-loss of engine/learn.h with its gradient. Private.
//
// Parameters are doubles: weights [classes, dims] for normalised features, then biases [classes].
#ifndef ENGINE_LEARN_PROBLEM_H
#define ENGINE_LEARN_PROBLEM_H

#include <stddef.h>

#include "engine/learn.h"
#include "learn/kernels.h"

enum {
    // Rows that are normalised, multiplied and forgotten together: 256 KB at 2048 dims.
    BLOCK_ROWS = 32,
    // Parts that run side by side, each with its own sums. Their number depends on the problem
    // alone,
    // not on the threads, and they are added up in order: that keeps the result the same.
    MAX_SLOTS = 16,
};

struct slot {
    float *row;         // owned, [dims]: for row()
    float *rows;        // owned, [BLOCK_ROWS, stride]
    float *logits;      // owned, [BLOCK_ROWS, padded classes]; errors afterwards
    double *sums;       // owned, [padded classes, stride]
    double *class_sums; // owned, [classes]
    double loss;
    enum cubby_status status;
    uint32_t bad_row; // with CUBBY_BAD_DATA: the sample that has a value that is not finite
};

// Memory and threads that one problem after the other uses.
struct workspace {
    const struct cubby_samples *samples; // borrowed
    struct cubby_parallel parallel;
    const struct cubby_log *log; // borrowed, may be NULL
    const struct kernels *kernels;
    uint32_t stride, padded_classes;
    float *weights; // owned, [padded classes, stride]
    struct slot slots[MAX_SLOTS];
    uint32_t slot_count;
};

struct problem {
    struct workspace *workspace; // borrowed
    uint32_t *rows;              // owned, [row_count]: samples that train
    uint32_t row_count;
    double *class_factors; // owned, [classes]: what their weights are multiplied by; 0: not there
    uint32_t active;       // classes with a factor above 0
    double total_weight;
    float *factor, *offset; // owned, [dims]: normalised = value * factor + offset
    double l2;
    const struct cubby_head *prior; // borrowed; NULL: the penalty is on the distance from zero
    double *center;                 // owned with a prior: its parameters for normalised features
    float *fixed;                   // owned with a prior, [dims]: values of what does not vary
};

// Looks at all samples: labels, roles and weights within range, every feature finite. On success
// the workspace belongs to the caller; it is to be passed to workspace_fini() in any case.
CUBBY_NODISCARD enum cubby_status workspace_init(struct workspace *workspace,
                                                 const struct cubby_samples *samples,
                                                 const struct cubby_fit_params *params);
// Runs task(context, i) for every slot i, and gives the first slot's error, logged.
CUBBY_NODISCARD enum cubby_status workspace_run(struct workspace *workspace,
                                                void (*task)(void *context, size_t index),
                                                void *context);
void workspace_fini(struct workspace *workspace);
// Number of parameters.
size_t workspace_size(const struct workspace *workspace);

// Training on the samples that train, have a weight, and are not in fold `left_out` of `fold`
// [samples->count]; fold may be NULL. To be passed to problem_fini() in any case.
//   CUBBY_BAD_DATA  none is left, or the prior is of another size
CUBBY_NODISCARD enum cubby_status problem_init(struct problem *problem, struct workspace *workspace,
                                               const struct cubby_fit_params *params,
                                               const uint8_t *fold, uint8_t left_out);
void problem_fini(struct problem *problem);

// The prior, or weights of zero and biases that give each class its share: the start of a fit.
void problem_start(const struct problem *problem, double *parameters);
// value: with the penalty. Classes that are not there have no part in the softmax and no gradient.
CUBBY_NODISCARD enum cubby_status problem_evaluate(struct problem *problem,
                                                   const double *parameters, double *value,
                                                   double *gradient);
double problem_penalty(const struct problem *problem, const double *parameters);
// logits[positions[i]] [classes], written, for each i below count: those of sample rows[i]. A class
// that is not there gets what half a photo of it would have told: log(0.5 / row_count) below the
// sum of the others.
CUBBY_NODISCARD enum cubby_status problem_predict(struct problem *problem, const double *parameters,
                                                  const uint32_t *rows, const uint32_t *positions,
                                                  uint32_t count, float *logits);

#endif
