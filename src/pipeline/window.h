// The photos in flight, in scan order: they leave in the order in which they came, however long
// each one took. Its size is what bounds the memory of a run.
#ifndef SRC_PIPELINE_WINDOW_H
#define SRC_PIPELINE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "engine/status.h"
#include "photo.h"

// A photo between scan and filing. Lives in the window; one stage at a time holds it.
struct item {
    struct photo *photo;   // owned by the window; NULL once settle() has kept it
    float *logits;         // owned by the window, class_count floats; NULL: not wanted
    uint64_t budget_bytes; // of photo->bytes, counted against the budget
    bool hashed;           // photo->hash is that of an earlier read, which must not differ
    bool done;             // settled or classified: ready to leave
};

struct window {
    uv_mutex_t lock;
    uv_cond_t room, head;
    struct item *ring; // owned
    uint32_t size;
    uint64_t entered, left;
    uint32_t passed; // since the last stage was told
    bool passing;    // the last one that entered did
    bool ended, aborted, made;
};

enum window_event {
    WINDOW_ITEM,  // the next in order is done
    WINDOW_END,   // all have left and no more will come
    WINDOW_ABORT, // window_abort() was called
    WINDOW_WAIT,  // not yet
};

enum cubby_status window_init(struct window *window, uint32_t size);
void window_fini(struct window *window); // frees the photos that are still inside

// True when `enter` would not wait.
bool window_has_room(struct window *window);
// Waits for room. False: aborted.
bool window_wait_room(struct window *window);
// Takes the photo in as the last in order; there must be room (one thread enters).
struct item *window_enter(struct window *window, struct photo *photo);
void window_end(struct window *window); // nothing more will enter
void window_done(struct window *window, struct item *item);
// The same for a photo that was done when it entered: the last stage is told about every few of
// them, and when the window is full or ended, since telling costs more than the photo.
void window_pass(struct window *window, struct item *item);

// Looks at the next in order, waiting at most timeout_ns (0: not at all).
enum window_event window_next(struct window *window, uint64_t timeout_ns, struct item **item);
// The item of window_next() has been dealt with: frees its photo and makes room.
void window_leave(struct window *window, struct item *item);
void window_abort(struct window *window);

#endif
