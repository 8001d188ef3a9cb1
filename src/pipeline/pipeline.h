// Joins the stages: scan, read + decode + resize on N threads, batches on the device, filing.
//
//     next() -> queue -> workers -> batches -> network -> window -> settle()
//
// Every arrow is bounded, so memory does not depend on the number of photos and the slowest stage
// sets the rate. Photos reach settle() in the order in which next() gave them, whatever the timing.
// One bad photo never ends a run and never shifts another's answer.
#ifndef SRC_PIPELINE_PIPELINE_H
#define SRC_PIPELINE_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/image.h"
#include "engine/log.h"
#include "photo.h"
#include "pipeline/classifier.h"
#include "platform/fs.h"

enum pipeline_stage { STAGE_READ, STAGE_DECODE, STAGE_NETWORK, STAGE_FILE, STAGE_COUNT };

struct pipeline_stats {
    double seconds;              // since the start
    double first_result_seconds; // when the first photo had an answer; 0: none yet
    double busy[STAGE_COUNT];    // seconds, summed over a stage's threads
    uint64_t settled;            // photos that reached settle()
    uint64_t classified;         // of those, with an answer
    uint64_t batches;            // submitted
    uint64_t rereads;            // photos whose bytes did not fit the budget
    uint32_t threads;            // that read and decode
};

struct pipeline_params {
    // Where photos come from, in order; *out NULL at the end. Called on a thread of its own, and
    // not again after an error. A photo that is settled, or has its guesses already, passes
    // straight through.
    enum cubby_status (*next)(void *user, struct photo **out);
    // The last stage, called on the thread of pipeline_run(), in order. The photo is settled as
    // failed or skipped, or is PHOTO_PENDING and has photo->top. `logits` is NULL unless
    // keep_logits and classified. Whoever sets *photo to NULL keeps it. An error ends the run.
    enum cubby_status (*settle)(void *user, struct photo **photo, const float *logits);
    // NULL, or called on any thread once a photo is to be decoded: which part of it (photo->view
    // says which view) goes to the network. It is the whole photo until this changes it.
    void (*view)(void *user, const struct photo *photo, struct cubby_view *view);
    // NULL, or called on the same thread about ten times a second. An error ends the run.
    enum cubby_status (*tick)(void *user, const struct pipeline_stats *stats);
    // NULL, or true once the run should end early: what is in flight is finished.
    bool (*interrupted)(void *user);
    void *user;

    struct classifier *classifier;             // borrowed
    const struct cubby_preprocess *preprocess; // borrowed
    const struct fs *fs;
    const struct cubby_log *log;

    uint32_t threads;        // 0: 1
    uint32_t in_flight;      // 0: chosen from threads and batches
    uint64_t max_file_bytes; // 0: no limit
    uint64_t max_pixels;     // 0: the decoder's default
    uint64_t
        budget_bytes; // of file bytes kept for settle(); 0: by the machine's memory, at most 2 GB
    bool keep_bytes;  // settle() wants photo->bytes, as far as the budget goes
    bool keep_logits;
    bool keep_features; // settle() wants photo->features
    bool exact;         // decode at full size
    // The network runs on the same cores. Then a decoder that takes a core from one of the driver's
    // threads makes the others wait for it at the end of each layer, so decoders only take what
    // is left, and as soon as the network runs out of photos they have all cores.
    bool shares_cores;
};

// Runs until all photos have been settled. *stats is written whatever the result.
//   CUBBY_INTERRUPTED  interrupted() said so; all that was in flight has been settled
//   CUBBY_DEVICE_LOST  the device was lost a second time
//   others             what next(), settle() or the classifier returned
CUBBY_NODISCARD enum cubby_status pipeline_run(const struct pipeline_params *params,
                                               struct pipeline_stats *stats);

// Settles what is not worth reading: no photo by its name nor its first bytes, empty, or over
// max_file_bytes (0: no limit). False: settled. Needs the photo's path and size.
bool pipeline_worth_reading(const struct fs *fs, uint64_t max_file_bytes, struct photo *photo);

// The stage that limits the rate: the one that is busy for the largest part of the time.
enum pipeline_stage pipeline_limit(const struct pipeline_stats *stats);
const char *pipeline_stage_text(enum pipeline_stage stage); // "reading", "decoding", ...

#endif
