// How good a classifier's answers are, from probabilities and true classes: added photo by photo,
// in memory that does not grow with them.
//
// Definitions, for count photos with probabilities p [classes] and a true class each:
//   answer        the class with the largest p, the first one if several share it
//   confidence    that p
//   accuracy      right answers / count
//   precision     of a class: its right answers / all photos answered so
//   recall        of a class: its right answers / all photos that truly are of it
//   log-loss      mean of -log p[truth], natural logarithm, p taken as at least 1e-15
//   calibration error   ECE of Guo et al. 2017: 15 bins of equal width, bin m of 0..14 holding
//                 confidences in (m/15, (m+1)/15]; sum over bins of
//                 bin count / count * |bin accuracy - bin mean confidence|
#ifndef ENGINE_METRICS_H
#define ENGINE_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/status.h"

enum { CUBBY_CALIBRATION_BINS = 15 };

struct cubby_interval {
    double low, high;
};

// Wilson's score interval for right / count (Wilson 1927), `z` deviations wide: 1.96 for 95 %.
// Nothing known, 0..1, where count is 0. It takes photos as independent: where many show the same
// item, pass numbers of items.
struct cubby_interval cubby_wilson(uint64_t right, uint64_t count, double z);

// probabilities: [classes], written: softmax(logits / temperature). They may be the same array.
void cubby_softmax(const float *logits, uint32_t classes, double temperature, float *probabilities);
// Index of the largest value, the first of several.
uint32_t cubby_largest(const float *values, uint32_t count);

struct cubby_bin {
    uint64_t count, right;
    double confidence_sum;
    double confidence; // mean in the bin; NaN for none
};

struct cubby_class_metrics {
    uint64_t count;           // photos that truly are of it
    uint64_t answered, right; // photos answered so, and rightly
    double precision, recall; // NaN where there is nothing to divide by
};

struct cubby_metrics {
    uint32_t classes;
    uint64_t count, right;
    uint64_t *confusion;                   // owned, [truth, answer]
    struct cubby_class_metrics *per_class; // owned, [classes]
    struct cubby_bin bins[CUBBY_CALIBRATION_BINS];
    // Set by cubby_metrics_finish(); NaN for no photos, the interval 0..1.
    double accuracy, log_loss, calibration_error;
    struct cubby_interval accuracy_interval; // Wilson, 95 %
    double loss_sum;                         // private
};

// The caller owns *metrics, to be freed by cubby_metrics_fini(). 1 to 8192 classes.
//   CUBBY_NO_MEMORY, CUBBY_TOO_LARGE (number of classes out of range)
CUBBY_NODISCARD enum cubby_status cubby_metrics_init(struct cubby_metrics *metrics,
                                                     uint32_t classes);
// Counts a photo.
//   CUBBY_BAD_DATA  truth is no class, or a p is not within 0..1: nothing is counted
CUBBY_NODISCARD enum cubby_status cubby_metrics_add(struct cubby_metrics *metrics, uint32_t truth,
                                                    const float *probabilities);
// Works out the figures from what was counted so far; more may be added afterwards.
void cubby_metrics_finish(struct cubby_metrics *metrics);
void cubby_metrics_fini(struct cubby_metrics *metrics);

#endif
