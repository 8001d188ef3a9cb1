#include "pipeline/batcher.h"

#include <assert.h>
#include <stdlib.h>

enum cubby_status batcher_init(struct batcher *batcher, uint32_t slots, uint32_t max_batch)
{
    *batcher = (struct batcher){.slots = slots, .max_batch = max_batch};
    for (uint32_t i = 0; i < slots; i++) {
        batcher->batches[i].items = calloc(max_batch, sizeof(struct item *));
        if (!batcher->batches[i].items)
            return CUBBY_NO_MEMORY;
    }
    uv_mutex_init(&batcher->lock);
    uv_cond_init(&batcher->space);
    uv_cond_init(&batcher->work);
    batcher->made = true;
    return CUBBY_OK;
}

void batcher_fini(struct batcher *batcher)
{
    for (uint32_t i = 0; i < batcher->slots; i++)
        free(batcher->batches[i].items);
    if (batcher->made) {
        uv_cond_destroy(&batcher->work);
        uv_cond_destroy(&batcher->space);
        uv_mutex_destroy(&batcher->lock);
    }
    *batcher = (struct batcher){0};
}

void batcher_expect(struct batcher *batcher)
{
    uv_mutex_lock(&batcher->lock);
    batcher->expected++;
    uv_mutex_unlock(&batcher->lock);
}

void batcher_forget(struct batcher *batcher)
{
    uv_mutex_lock(&batcher->lock);
    assert(batcher->expected);
    if (!--batcher->expected)
        uv_cond_signal(&batcher->work);
    uv_mutex_unlock(&batcher->lock);
}

void batcher_set_source(struct batcher *batcher, enum batcher_source source)
{
    uv_mutex_lock(&batcher->lock);
    batcher->source = source;
    uv_cond_signal(&batcher->work);
    uv_mutex_unlock(&batcher->lock);
}

void batcher_set_filing(struct batcher *batcher, bool filing)
{
    uv_mutex_lock(&batcher->lock);
    batcher->filing = filing;
    uv_cond_signal(&batcher->work);
    uv_mutex_unlock(&batcher->lock);
}

// The batch that places are given out from, a free one if need be; NULL: none.
static struct batch *filling(struct batcher *batcher)
{
    struct batch *free_batch = NULL;
    for (uint32_t i = 0; i < batcher->slots; i++) {
        if (batcher->batches[i].state == BATCH_FILLING)
            return &batcher->batches[i];
        if (batcher->batches[i].state == BATCH_FREE && !free_batch)
            free_batch = &batcher->batches[i];
    }
    return free_batch;
}

static void close_batch(struct batcher *batcher, struct batch *batch)
{
    batch->state = BATCH_CLOSED;
    batch->closed_at = batcher->closings++;
}

bool batcher_take(struct batcher *batcher, struct item *item, struct place *place)
{
    uv_mutex_lock(&batcher->lock);
    struct batch *batch = NULL;
    while (!batcher->closed && (batcher->paused || !(batch = filling(batcher))))
        uv_cond_wait(&batcher->space, &batcher->lock);
    bool taken = !batcher->closed;
    if (taken) {
        *place = (struct place){(uint32_t)(batch - batcher->batches), batch->count};
        batch->state = BATCH_FILLING;
        batch->items[batch->count++] = item;
        batch->writers++;
        if (batch->count == batcher->max_batch)
            close_batch(batcher, batch);
        assert(batcher->expected);
        batcher->expected--;
    }
    uv_mutex_unlock(&batcher->lock);
    return taken;
}

void batcher_written(struct batcher *batcher, struct place place, bool ok)
{
    uv_mutex_lock(&batcher->lock);
    struct batch *batch = &batcher->batches[place.slot];
    if (!ok)
        batch->items[place.index] = NULL;
    if (!--batch->writers)
        uv_cond_signal(&batcher->work);
    uv_mutex_unlock(&batcher->lock);
}

// No photo can join the batch that is being filled, unless something else happens first.
static bool starved(const struct batcher *batcher)
{
    if (batcher->expected)
        return false;
    return batcher->source == SOURCE_ENDED ||
           (batcher->source == SOURCE_BLOCKED && !batcher->filing);
}

// The oldest batch that can be submitted; NULL: none.
static struct batch *ready(struct batcher *batcher, bool idle)
{
    struct batch *oldest = NULL, *partial = NULL;
    for (uint32_t i = 0; i < batcher->slots; i++) {
        struct batch *batch = &batcher->batches[i];
        if (batch->writers)
            continue;
        if (batch->state == BATCH_FILLING)
            partial = batch;
        if (batch->state == BATCH_CLOSED && (!oldest || batch->closed_at < oldest->closed_at))
            oldest = batch;
    }
    if (!oldest && idle && partial && starved(batcher)) {
        close_batch(batcher, partial);
        oldest = partial;
    }
    return oldest;
}

enum batcher_event batcher_next(struct batcher *batcher, bool idle, uint32_t *slot, uint32_t *count)
{
    uv_mutex_lock(&batcher->lock);
    struct batch *batch = NULL;
    while (!batcher->closed && !(batch = ready(batcher, idle)) && idle)
        uv_cond_wait(&batcher->work, &batcher->lock);
    enum batcher_event event = batcher->closed ? BATCHER_CLOSED : BATCHER_NONE;
    if (batch) {
        batch->state = BATCH_SUBMITTED;
        *slot = (uint32_t)(batch - batcher->batches);
        *count = batch->count;
        event = BATCHER_READY;
    }
    uv_mutex_unlock(&batcher->lock);
    return event;
}

struct item *const *batcher_items(const struct batcher *batcher, uint32_t slot)
{
    return batcher->batches[slot].items;
}

void batcher_release(struct batcher *batcher, uint32_t slot)
{
    uv_mutex_lock(&batcher->lock);
    batcher->batches[slot].state = BATCH_FREE;
    batcher->batches[slot].count = 0;
    uv_cond_broadcast(&batcher->space);
    uv_mutex_unlock(&batcher->lock);
}

static bool being_written(const struct batcher *batcher)
{
    for (uint32_t i = 0; i < batcher->slots; i++)
        if (batcher->batches[i].writers)
            return true;
    return false;
}

uint32_t batcher_evict(struct batcher *batcher, struct item **items)
{
    uint32_t evicted = 0;
    uv_mutex_lock(&batcher->lock);
    batcher->paused = true;
    while (being_written(batcher))
        uv_cond_wait(&batcher->work, &batcher->lock);
    for (uint32_t i = 0; i < batcher->slots; i++) {
        struct batch *batch = &batcher->batches[i];
        for (uint32_t k = 0; k < batch->count; k++)
            if (batch->items[k])
                items[evicted++] = batch->items[k];
        batch->state = BATCH_FREE;
        batch->count = 0;
    }
    batcher->expected += evicted;
    uv_mutex_unlock(&batcher->lock);
    return evicted;
}

void batcher_resume(struct batcher *batcher)
{
    uv_mutex_lock(&batcher->lock);
    batcher->paused = false;
    uv_cond_broadcast(&batcher->space);
    uv_mutex_unlock(&batcher->lock);
}

void batcher_close(struct batcher *batcher)
{
    uv_mutex_lock(&batcher->lock);
    batcher->closed = true;
    uv_cond_broadcast(&batcher->space);
    uv_cond_broadcast(&batcher->work);
    uv_mutex_unlock(&batcher->lock);
}
