// A bounded queue of items between two stages: the fast one waits for the slow one.
#ifndef SRC_PIPELINE_QUEUE_H
#define SRC_PIPELINE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "engine/status.h"

struct item;

struct queue {
    uv_mutex_t lock;
    uv_cond_t room, filled;
    struct item **ring; // owned
    uint32_t ring_size, limit, first, count;
    bool closed, made;
};

// push() waits while `limit` items are queued; queue_return() may add `extra` beyond that.
enum cubby_status queue_init(struct queue *queue, uint32_t limit, uint32_t extra);
void queue_fini(struct queue *queue); // takes a zeroed queue

// False: the queue was closed and the item was not taken.
bool queue_push(struct queue *queue, struct item *item);
// Puts an item back in front, without waiting: it was here before everything else that is queued.
void queue_return(struct queue *queue, struct item *item);
// Waits for an item. NULL: the queue was closed.
struct item *queue_pop(struct queue *queue);
// Wakes everyone; what is still queued stays with its owner, the window.
void queue_close(struct queue *queue);

#endif
