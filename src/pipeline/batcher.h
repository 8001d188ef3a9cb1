// Packs decoded photos into the batches (slots) of the network.
//
// A place is given out only when its pixels are ready to be written, so photos that fail never
// hold one, and places carry their item, so an answer cannot reach another photo. A batch goes to
// the network when it is full, or when it cannot grow: no photo that could still join it is on its
// way. That is known by counting, not by waiting: `expected` photos are between scan and batch.
#ifndef SRC_PIPELINE_BATCHER_H
#define SRC_PIPELINE_BATCHER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "engine/net.h"
#include "engine/status.h"

struct item;

enum batch_state { BATCH_FREE, BATCH_FILLING, BATCH_CLOSED, BATCH_SUBMITTED };

struct batch {
    enum batch_state state;
    struct item **items; // owned, max_batch of them; NULL: a place whose photo failed late
    uint32_t count;      // places given out
    uint32_t writers;    // of those, still being written
    uint64_t closed_at;  // order of closing
};

// What the scan is doing, as far as new photos are concerned.
enum batcher_source {
    SOURCE_RUNNING,
    SOURCE_BLOCKED, // the window is full: photos must be filed first
    SOURCE_ENDED,
};

struct batcher {
    uv_mutex_t lock;
    uv_cond_t space; // a place may be free
    uv_cond_t work;  // the network thread may have something to do
    struct batch batches[CUBBY_NET_MAX_SLOTS];
    uint32_t slots, max_batch;
    uint32_t expected;
    enum batcher_source source;
    bool filing; // the filing thread is busy, and will make room in the window
    bool paused, closed, made;
    uint64_t closings;
};

struct place {
    uint32_t slot, index;
};

enum batcher_event {
    BATCHER_READY,  // *slot with *count images waits to be submitted
    BATCHER_NONE,   // nothing now (only when the caller did not want to wait)
    BATCHER_CLOSED, // batcher_close() was called
};

enum cubby_status batcher_init(struct batcher *batcher, uint32_t slots, uint32_t max_batch);
void batcher_fini(struct batcher *batcher);

// The stages before: how many photos may still come.
void batcher_expect(struct batcher *batcher);
void batcher_forget(struct batcher *batcher); // an expected photo was settled without a place
void batcher_set_source(struct batcher *batcher, enum batcher_source source);
void batcher_set_filing(struct batcher *batcher, bool filing);

// Waits for a place for an expected photo. False: closed.
bool batcher_take(struct batcher *batcher, struct item *item, struct place *place);
// The place's pixels are written. ok == false: they are not, ignore the place.
void batcher_written(struct batcher *batcher, struct place place, bool ok);

// The network thread. `idle`: nothing is on the device, so wait for work, and take a batch that is
// not full if it cannot grow.
enum batcher_event batcher_next(struct batcher *batcher, bool idle, uint32_t *slot,
                                uint32_t *count);
struct item *const *batcher_items(const struct batcher *batcher, uint32_t slot);
void batcher_release(struct batcher *batcher, uint32_t slot); // its answers have been taken

// Empties every batch once its writers are done, and gives out no places until batcher_resume().
// The items are expected again. Returns how many were written to items (slots * max_batch fit).
uint32_t batcher_evict(struct batcher *batcher, struct item **items);
void batcher_resume(struct batcher *batcher);
void batcher_close(struct batcher *batcher);

#endif
