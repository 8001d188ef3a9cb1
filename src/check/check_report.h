// How good a model is on photos whose classes are known: what `cubby check` found out, and the
// three forms in which it says so.
#ifndef SRC_CHECK_CHECK_REPORT_H
#define SRC_CHECK_CHECK_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check/thumbnail.h"
#include "engine/metrics.h"
#include "photo.h"
#include "text.h"

#define CHECK_MAX_MISTAKES 60u
#define CHECK_MAX_NAMED 100u // failed photos, and folders of no class, that are named; all count

// Photos of class `truth` that the model says are `predicted`.
struct check_pair {
    uint32_t truth, predicted;
    uint64_t photos;
};

struct check_mistake {
    char *path; // owned, below the folder
    uint32_t truth, predicted;
    float p;                    // of `predicted`
    struct photo_hash hash;     // of the file
    struct thumbnail thumbnail; // of it; zeroed: none
};

// A photo or folder that the figures leave out.
struct check_left_out {
    char *name;     // owned
    char *reason;   // owned; NULL for folders
    uint64_t files; // in a folder
};

// Every file found is in exactly one of: metrics.count, failed, not_photos, copies, outside.
struct check_report {
    const char *model, *folder;     // borrowed, as the person named them
    const char *const *class_names; // borrowed
    uint32_t class_count;

    uint64_t found, failed, not_photos;
    uint64_t copies;  // of photos that were checked: the same content counts once
    uint64_t outside; // in folders that are no class of the model, or in none
    uint64_t unreadable_folders;

    struct cubby_metrics metrics;   // owned; its count is the photos that were checked
    uint64_t items;                 // see learn/items.h; 0: each photo is one, as far as is known
    struct cubby_interval interval; // of the accuracy, 95 %; counts items if there are
    double mean_p;                  // of the most probable class
    double threshold;               // of --threshold or the model
    uint64_t above, above_right;    // photos whose most probable class reaches it, and right ones
    struct check_pair *pairs;       // owned; those with photos, by truth, then predicted
    size_t pair_count;
    struct check_mistake mistakes[CHECK_MAX_MISTAKES]; // the most confident first
    uint32_t mistake_count;                            // that are named here
    struct check_left_out failures[CHECK_MAX_NAMED];   // the first
    uint32_t failure_count;                            // that are named here, as the next
    struct check_left_out outsiders[CHECK_MAX_NAMED];  // folders; "" stands for no folder
    uint32_t outsider_count;
};

void check_report_fini(struct check_report *report); // takes a zeroed one

// The class that most photos of `truth` are wrongly taken for (the lower index of equal ones); NULL
// if none is.
const struct check_pair *check_report_worst(const struct check_report *report, uint32_t truth);
double check_ratio(uint64_t part, uint64_t whole); // NaN for 0 of 0

// For people, at most 80 columns wide as far as names allow.
void check_report_text(struct text *out, const struct check_report *report);
// One JSON object on one line. Its keys stay; shares are 0..1 with six digits, null for 0 of 0.
//   model, folder          as they were named
//   files                  found, checked, failed, copies, outside, not_photos: found is the sum
//                          of the others
//   unreadable_folders     how many; what is in them is not in `files`
//   accuracy, right        share and number of the photos checked
//   accuracy_interval      [low, high], 95 %
//   items                  what that interval counts instead of photos; 0: photos
//   mean_p                 mean probability of the most probable class
//   calibration_error      expected, over the 15 bins of `calibration`
//   log_loss               see engine/metrics.h
//   threshold, above, above_right, above_share, above_accuracy
//                          photos whose most probable class reaches the threshold
//   classes                [{class, photos, predicted, right, recall, precision}], the model's
//   order confusion              [{class, predicted, photos}], without zeros, in that order
//   calibration            [{up_to, photos, right, mean_p}]
//   mistakes               [{path, class, predicted, p}], most confident first, as many as --top
//   failures               [{path, reason}], the first CHECK_MAX_NAMED
//   outside                [{folder, files}], the first CHECK_MAX_NAMED; "" is `folder` itself
void check_report_json(struct text *out, const struct check_report *report);
// A whole HTML file that needs no other. Names are escaped; the thumbnails are data: URIs.
void check_report_html(struct text *out, const struct check_report *report);

#endif
