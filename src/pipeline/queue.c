#include "pipeline/queue.h"

#include <assert.h>
#include <stdlib.h>

enum cubby_status queue_init(struct queue *queue, uint32_t limit, uint32_t extra)
{
    *queue = (struct queue){.limit = limit, .ring_size = limit + extra};
    queue->ring = calloc(queue->ring_size, sizeof(struct item *));
    if (!queue->ring)
        return CUBBY_NO_MEMORY;
    uv_mutex_init(&queue->lock);
    uv_cond_init(&queue->room);
    uv_cond_init(&queue->filled);
    queue->made = true;
    return CUBBY_OK;
}

void queue_fini(struct queue *queue)
{
    if (queue->made) {
        uv_cond_destroy(&queue->filled);
        uv_cond_destroy(&queue->room);
        uv_mutex_destroy(&queue->lock);
    }
    free(queue->ring);
    *queue = (struct queue){0};
}

bool queue_push(struct queue *queue, struct item *item)
{
    uv_mutex_lock(&queue->lock);
    while (queue->count >= queue->limit && !queue->closed)
        uv_cond_wait(&queue->room, &queue->lock);
    bool taken = !queue->closed;
    if (taken) {
        queue->ring[(queue->first + queue->count) % queue->ring_size] = item;
        queue->count++;
        uv_cond_signal(&queue->filled);
    }
    uv_mutex_unlock(&queue->lock);
    return taken;
}

void queue_return(struct queue *queue, struct item *item)
{
    uv_mutex_lock(&queue->lock);
    assert(queue->count < queue->ring_size);
    queue->first = (queue->first + queue->ring_size - 1) % queue->ring_size;
    queue->ring[queue->first] = item;
    queue->count++;
    uv_cond_signal(&queue->filled);
    uv_mutex_unlock(&queue->lock);
}

struct item *queue_pop(struct queue *queue)
{
    uv_mutex_lock(&queue->lock);
    while (!queue->count && !queue->closed)
        uv_cond_wait(&queue->filled, &queue->lock);
    struct item *item = NULL;
    if (!queue->closed) {
        item = queue->ring[queue->first];
        queue->first = (queue->first + 1) % queue->ring_size;
        queue->count--;
        uv_cond_signal(&queue->room);
    }
    uv_mutex_unlock(&queue->lock);
    return item;
}

void queue_close(struct queue *queue)
{
    uv_mutex_lock(&queue->lock);
    queue->closed = true;
    uv_cond_broadcast(&queue->room);
    uv_cond_broadcast(&queue->filled);
    uv_mutex_unlock(&queue->lock);
}
