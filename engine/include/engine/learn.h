// Learning a linear head for a network's features: multinomial logistic regression, its strength of
// regularisation by cross-validation, and the calibration of its answers. Memory in, memory out.
//
// The head minimises, over weights W [classes, dims] and biases b [classes],
//
//     sum_i w_i * -log softmax(W x_i + b)[label_i] / sum_i w_i  +  l2 / 2 * |W|^2
//
// where x_i are the features, normalised: less their mean, divided by their deviation, both taken
// over the training samples as they weigh; a feature that does not vary is left out. Biases are not
// penalised. In scikit-learn's terms C = 1 / (l2 * sum_i w_i). The sum is strictly convex in W, so
// there is one answer; L-BFGS (Nocedal and Wright, Numerical Optimization, 2006, algorithms 7.4,
// 7.5, 3.5 and 3.6) finds it without any rate to choose.
//
// The same input gives the same bytes every time, with any `cubby_parallel` or none.
//
// Memory: features are read a few hundred rows at a time and never copied. Beyond them a fit takes
// 4 bytes a sample, a validation in five folds at most 60 and another 8 * classes for each sample
// that judges. What does not grow with the samples: about 400 bytes for each of the classes * dims
// weights where they are few, less where they are many, and 5 MB.
#ifndef ENGINE_LEARN_H
#define ENGINE_LEARN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/log.h"
#include "engine/status.h"

enum {
    CUBBY_LEARN_MAX_WEIGHTS = 1 << 22, // classes * dims at most
    CUBBY_LEARN_MAX_FOLDS = 32,
    CUBBY_LEARN_MAX_STRENGTHS = 64,
};

// What a sample may be used for. A photo is ordinary; its flips and crops are CUBBY_TRAINS, as are
// pictures from elsewhere that must not decide how good the head is; CUBBY_JUDGES is never trained
// on.
enum cubby_role {
    CUBBY_TRAINS_AND_JUDGES = 0,
    CUBBY_TRAINS,
    CUBBY_JUDGES,
};

// All arrays are borrowed, [count] long, and none is changed.
struct cubby_samples {
    // The features of sample `index`: dims floats, either where they lie anyway or in `scratch`
    // (room for dims floats). They must be there until the next call with the same `scratch`. NULL
    // if they cannot be read. With a `cubby_parallel` it is called by several threads.
    const float *(*row)(void *user, uint32_t index, float *scratch);
    void *user;             // borrowed
    const uint32_t *labels; // below `classes`
    const float *weights;   // 0 or more, 0 being as good as absent in training; NULL: all 1
    const uint8_t *roles;   // enum cubby_role; NULL: all CUBBY_TRAINS_AND_JUDGES
    // Samples with the same number show the same item and are never on both sides of a split; any
    // numbers. NULL: each photo is its own group.
    const uint32_t *groups;
    // Samples with the same number are made from the same photo (itself, flips, crops); any
    // numbers, and a photo must not be in two groups. Only looked at where groups are not, which
    // must not tear a photo apart either. NULL: each sample is its own photo.
    const uint32_t *photos;
    uint32_t count, dims, classes;
};

// The row() for features that lie in memory as float [count, dims]: user is the first of them.
struct cubby_float_rows {
    const float *values; // borrowed
    uint32_t dims;
};
const float *cubby_float_row(void *float_rows, uint32_t index, float *scratch);
// The same for IEEE half precision, converted into `scratch`.
struct cubby_half_rows {
    const uint16_t *values; // borrowed
    uint32_t dims;
};
const float *cubby_half_row(void *half_rows, uint32_t index, float *scratch);

// How the caller's threads help. run() calls task(context, i) once for each i below count (at most
// 16), in any order and on any threads, and returns when all have returned. NULL: no threads.
struct cubby_parallel {
    void (*run)(void *user, size_t count, void (*task)(void *context, size_t index), void *context);
    void *user; // borrowed
};

struct cubby_head;

// Zero means default everywhere.
struct cubby_fit_params {
    bool balanced;    // a sample's weight is divided by its class's share: classes count alike
    double tolerance; // largest gradient at the end, relative to the start's; 0: 1e-5
    uint32_t max_iterations; // 0: 1000
    // What is known already, borrowed; NULL: nothing. The penalty is then on the distance from it,
    //     l2 / 2 * (|W - W_prior|^2 + |b - b_prior|^2)
    // of normalised weights, so that what the samples say nothing about stays as it was: a class
    // without samples, and most of all a head that few samples correct. (The mode of a Gaussian
    // prior; Chelba and Acero: Adaptation of Maximum Entropy Capitalizer, EMNLP 2004.)
    const struct cubby_head *prior;
    struct cubby_parallel parallel;
    bool (*stopped)(void *user); // asked now and then; true: return CUBBY_INTERRUPTED; NULL: never
    void *stopped_user;          // borrowed
    const struct cubby_log *log; // borrowed; NULL: no messages
};

// logits = weight x + bias on features as they are: the normalisation is folded in.
struct cubby_head {
    float *weight; // owned, [classes, dims]
    float *bias;   // owned, [classes]
    uint32_t classes, dims;
};

// How a fit ended.
struct cubby_fit_report {
    double loss;     // mean log-loss of the training samples as they weigh, without the penalty
    double gradient; // the largest component, relative to the start's
    uint32_t iterations, evaluations;
    bool converged; // within the tolerance; false also where rounding allowed no further step
};

// Fits a head to all samples whose role is not CUBBY_JUDGES, with l2 > 0.
// On success the caller owns *head, to be freed by cubby_head_fini(); otherwise it is empty.
// `params` and `report` may be NULL.
//   CUBBY_BAD_DATA     fewer than two classes, a class without a training sample (and without a
//                      prior), a prior of another size, a label, role or
//                      weight out of range, a feature that is not a finite number; the log says
//   CUBBY_TOO_LARGE    more than CUBBY_LEARN_MAX_WEIGHTS weights
//   CUBBY_IO           row() gave NULL
//   CUBBY_NO_MEMORY, CUBBY_INTERRUPTED
CUBBY_NODISCARD enum cubby_status cubby_head_fit(struct cubby_head *head,
                                                 const struct cubby_samples *samples, double l2,
                                                 const struct cubby_fit_params *params,
                                                 struct cubby_fit_report *report);

// Divides the head's logits by `temperature`, so that softmax of them is calibrated.
void cubby_head_cool(struct cubby_head *head, double temperature);
// logits: [classes], written. features: [dims].
void cubby_head_apply(const struct cubby_head *head, const float *features, float *logits);
// Frees what the head owns and empties it. Safe on an empty one.
void cubby_head_fini(struct cubby_head *head);

// ---- cross-validation

struct cubby_validation_params {
    struct cubby_fit_params fit; // tolerance is that of the folds' fits here; 0: 1e-3
    uint32_t folds;              // 0: 5; fewer where there are fewer groups
    uint64_t seed;               // of the order among groups of the same size
    const double *strengths;     // l2s to try, from strong to weak; NULL: 10^2, 10^1.5 ... 10^-4
    uint32_t strength_count;
    // By how many standard errors the loss may exceed the least, for a stronger strength to be
    // chosen (the one-standard-error rule: Breiman and others, Classification and Regression Trees,
    // 1984). With a prior a stronger one forgets less, which samples that were chosen because
    // the prior is wrong about them cannot show.
    double slack;
    // Split photo by photo as though groups were not known: what a careless split would claim.
    bool careless;
};

// What the folds said about one strength.
struct cubby_strength {
    double l2;
    double loss;        // mean log-loss of held-out samples at their best temperature
    double loss_error;  // its standard error, each group counting as one observation
    double temperature; // that best temperature
    double accuracy;
};

// The outcome. Samples that judge are listed by index, ascending; logits and labels follow that
// list. Each sample's logits come from a head that saw no sample of its group.
struct cubby_validation {
    double l2;                                                  // the chosen strength
    struct cubby_strength strengths[CUBBY_LEARN_MAX_STRENGTHS]; // those tried, in order
    uint32_t strength_count, chosen;                            // chosen: index into strengths
    uint32_t folds;                                             // really used
    uint32_t groups;       // among the samples that judge; photos if careless
    uint32_t lone_classes; // classes of one group only: no head that judges them has seen them, so
                           // they count as mistakes
    uint32_t count;        // samples that judge
    uint32_t *judged;      // owned, [count]: index of each
    uint32_t *labels;      // owned, [count]
    float *logits;         // owned, [count, classes]
    uint8_t *fold;         // owned, [samples->count]: where a sample is held out; 255: nowhere
};

// Chooses the strength by k-fold cross-validation. Folds keep groups whole, and each class is
// spread over the folds as evenly as whole groups allow: groups, the largest first, each go to the
// fold that has the least of their classes. Samples that only train are left out of the training
// wherever their group is held out, and are never judged. Every fold has its own normalisation.
// Where no group that judges also trains, as with a validation set from elsewhere, there is one
// fold.
//
// The strength with the least mean log-loss at its best temperature wins, the stronger one if two
// are equal. Each strength has its own temperature because the head will be given one too:
// without, a strength would be judged by how loud its answers are. Without `slack` the
// one-standard-error rule is not used: it buys simplicity that a linear head has anyway, and costs
// accuracy. Strengths are tried from strong to weak, each fit starting from the one before; once
// three in a row are worse than the best by more than 2 %, the rest is left out.
//
// Errors as cubby_head_fit(), and CUBBY_BAD_DATA where no split is possible: fewer than two groups
// that judge (none, where no group of them trains), or none to train on in some fold. A class with
// training samples of weight in some folds only is fine.
CUBBY_NODISCARD enum cubby_status cubby_validate(struct cubby_validation *validation,
                                                 const struct cubby_samples *samples,
                                                 const struct cubby_validation_params *params);
void cubby_validation_fini(struct cubby_validation *validation);

// ---- calibration, on held-out logits [count, classes] and labels [count]

// Temperature scaling (Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks,
// 2017): the T for which softmax(logits / T) has the least log-loss, between 0.01 and 100. So that
// answers that are all right do not ask for T = 0, half a mistake is added: each sample counts
// 1 - 1/(2 count + 1) for its label and the rest for the likeliest other class.
// *temperature is 1 for no samples.
//   CUBBY_BAD_DATA  a logit that is not finite, a label out of range
CUBBY_NODISCARD enum cubby_status cubby_temperature_fit(double *temperature, const float *logits,
                                                        const uint32_t *labels, uint32_t count,
                                                        uint32_t classes);

struct cubby_threshold {
    bool reachable;
    double threshold;        // answers with p >= threshold are kept; not reachable: 1
    uint32_t kept, right;    // of the held-out samples at that threshold
    double precision, lower; // right / kept, and its lower confidence bound; 0 if none is kept
};

// The smallest threshold at which the kept answers are right with the target precision (0..1), with
// confidence: the lower bound of Wilson's score interval of right / kept, one-sided at 90 %
// (z = 1.2816), is at least the target. p is the largest of softmax(logits / temperature), as
// float. A target of 0.95 so needs 32 held-out samples if all are right, 0.99 needs 163. Samples
// count as independent: with many photos of few items the bound is too good.
//   CUBBY_BAD_DATA as above; CUBBY_NO_MEMORY
CUBBY_NODISCARD enum cubby_status cubby_threshold_find(struct cubby_threshold *threshold,
                                                       const float *logits, const uint32_t *labels,
                                                       uint32_t count, uint32_t classes,
                                                       double temperature, double target);

#endif
