// Labelled features to a head, and an honest account of how good it is.
//
// The strength of the regularisation is chosen by cross-validation over whole groups; the answers
// for photos that were held out (the head had seen no photo of their group) give the accuracy that
// is reported, the temperature and the threshold. The head itself is then fitted on all photos.
#ifndef SRC_LEARN_TRAIN_H
#define SRC_LEARN_TRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/learn.h"
#include "engine/log.h"
#include "engine/status.h"

#define TRAIN_MOST_CLASSES 8192u

// A photo with the rows of its views.
struct train_photo {
    const uint64_t *rows; // borrowed [views], see features_compute(); the first is the photo itself
    uint32_t views;
    uint32_t label;
    uint32_t group;
    float weight;    // > 0, of the photo with all its views
    bool train_only; // never judged by: accuracy, temperature and threshold come from others
    bool judge_only; // never trained on. If there is any, only such photos are judged by
};

struct train_params {
    const struct train_photo *photos; // borrowed
    size_t count;
    uint32_t class_count, dims;
    // A row's values into out [dims], from any thread: features_read().
    enum cubby_status (*read)(const void *source, uint64_t row, float *out);
    const void *source;
    // A head that knows some of it already, see struct cubby_fit_params; borrowed, NULL: none.
    const struct cubby_head *prior;
    double slack;                    // see struct cubby_validation_params
    bool careless;                   // find out what a random split would claim, too
    double target_precision;         // 0..1; 0: no threshold is chosen
    uint64_t seed;                   // of the folds
    uint32_t threads;                // 0: 1
    bool (*interrupted)(void *user); // NULL, or asked now and then
    void *user;
    const struct cubby_log *log;
};

struct train_accuracy {
    size_t photos, right, groups;
    double accuracy;
    double low, high; // Wilson's 95 % interval, taking each group for one observation
};

struct train_result {
    struct cubby_head head; // owned; its temperature is divided out
    double l2;              // strength of the regularisation
    uint32_t folds;
    double temperature;
    struct train_accuracy honest;
    struct train_accuracy careless; // photos 0 if not wanted
    double ece_before, ece_after;   // calibration error of held-out photos, without and with it
    // With a target precision. `reachable`: some threshold has it, as far as can be told.
    struct cubby_threshold threshold;
    uint32_t lone_classes; // classes of one group: they count as mistakes, nothing else is known
    // Held-out photos, by index, and their logits [held_out_count, classes] without temperature.
    uint32_t *held_out;     // owned
    float *held_out_logits; // owned
    uint32_t held_out_count;
};

// On success the caller owns what is in *out, to be freed by train_result_fini().
//   CUBBY_BAD_DATA     too little to hold any out, or too many classes; the log says
//   CUBBY_INTERRUPTED, CUBBY_NO_MEMORY, CUBBY_IO (a row cannot be read)
CUBBY_NODISCARD enum cubby_status train_run(struct train_result *out,
                                            const struct train_params *params);
void train_result_fini(struct train_result *result); // takes a zeroed one

#endif
