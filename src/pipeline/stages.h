// What the stages share. Private to the pipeline.
#ifndef SRC_PIPELINE_STAGES_H
#define SRC_PIPELINE_STAGES_H

#include <stdatomic.h>

#include "pipeline/batcher.h"
#include "pipeline/gate.h"
#include "pipeline/pipeline.h"
#include "pipeline/queue.h"
#include "pipeline/window.h"

struct pipeline {
    struct pipeline_params params; // with defaults filled in
    struct queue queue;            // scan to workers
    struct batcher batcher;        // workers to network
    struct window window;          // everything in flight, to settle()
    uv_mutex_t huge;               // held while one thread has a huge file in memory
    struct gate gate;              // of memory for decoding
    uv_mutex_t failure_lock;
    enum cubby_status failure; // the first one; under failure_lock
    bool locks_made;

    uint64_t started_ns;
    _Atomic uint64_t busy_ns[STAGE_COUNT];
    _Atomic uint64_t first_result_ns; // after started_ns
    _Atomic uint64_t classified, batches, rereads;
    _Atomic uint64_t held_bytes; // of photos in flight, against the budget
    _Atomic bool interrupted;
};

// Thread bodies; `argument` is the struct pipeline.
void scan_thread(void *argument);
void worker_thread(void *argument);
void network_thread(void *argument);

// Reads the whole file and its hash into the photo. False: settled (failed, or not a photo).
bool read_photo(const struct pipeline_params *params, struct photo *photo);

// Ends the run with this status; the first call wins.
void pipeline_fail(struct pipeline *pipeline, enum cubby_status status);
// Adds what has passed since `since` (uv_hrtime) to a stage.
void pipeline_add_busy(struct pipeline *pipeline, enum pipeline_stage stage, uint64_t since);

#endif
