#include "pipeline/window.h"

#include <assert.h>
#include <stdlib.h>

#define PASSES_AT_ONCE 32u

enum cubby_status window_init(struct window *window, uint32_t size)
{
    *window = (struct window){.size = size};
    window->ring = calloc(size, sizeof(*window->ring));
    if (!window->ring)
        return CUBBY_NO_MEMORY;
    uv_mutex_init(&window->lock);
    uv_cond_init(&window->room);
    uv_cond_init(&window->head);
    window->made = true;
    return CUBBY_OK;
}

static void clear(struct item *item)
{
    photo_free(&item->photo);
    free(item->logits);
    *item = (struct item){0};
}

void window_fini(struct window *window)
{
    for (uint32_t i = 0; window->ring && i < window->size; i++)
        clear(&window->ring[i]);
    if (window->made) {
        uv_cond_destroy(&window->head);
        uv_cond_destroy(&window->room);
        uv_mutex_destroy(&window->lock);
    }
    free(window->ring);
    *window = (struct window){0};
}

bool window_has_room(struct window *window)
{
    uv_mutex_lock(&window->lock);
    bool room = window->entered - window->left < window->size;
    uv_mutex_unlock(&window->lock);
    return room;
}

bool window_wait_room(struct window *window)
{
    uv_mutex_lock(&window->lock);
    uv_cond_signal(&window->head); // about what has passed, too
    window->passed = 0;
    while (window->entered - window->left >= window->size && !window->aborted)
        uv_cond_wait(&window->room, &window->lock);
    bool alive = !window->aborted;
    uv_mutex_unlock(&window->lock);
    return alive;
}

struct item *window_enter(struct window *window, struct photo *photo)
{
    uv_mutex_lock(&window->lock);
    assert(window->entered - window->left < window->size);
    struct item *item = &window->ring[window->entered++ % window->size];
    *item = (struct item){.photo = photo};
    window->passing = false;
    uv_mutex_unlock(&window->lock);
    return item;
}

void window_end(struct window *window)
{
    uv_mutex_lock(&window->lock);
    window->ended = true;
    uv_cond_signal(&window->head);
    uv_mutex_unlock(&window->lock);
}

void window_done(struct window *window, struct item *item)
{
    uv_mutex_lock(&window->lock);
    item->done = true;
    if (item == &window->ring[window->left % window->size])
        uv_cond_signal(&window->head);
    uv_mutex_unlock(&window->lock);
}

void window_pass(struct window *window, struct item *item)
{
    uv_mutex_lock(&window->lock);
    item->done = true;
    window->passing = true;
    if (++window->passed >= PASSES_AT_ONCE) {
        window->passed = 0;
        uv_cond_signal(&window->head);
    }
    uv_mutex_unlock(&window->lock);
}

static enum window_event look(const struct window *window)
{
    if (window->aborted)
        return WINDOW_ABORT;
    if (window->entered == window->left)
        return window->ended ? WINDOW_END : WINDOW_WAIT;
    return window->ring[window->left % window->size].done ? WINDOW_ITEM : WINDOW_WAIT;
}

enum window_event window_next(struct window *window, uint64_t timeout_ns, struct item **item)
{
    *item = NULL;
    uv_mutex_lock(&window->lock);
    enum window_event event = look(window);
    if (event == WINDOW_WAIT && timeout_ns) {
        uv_cond_timedwait(&window->head, &window->lock, timeout_ns);
        event = look(window);
    }
    if (event == WINDOW_ITEM)
        *item = &window->ring[window->left % window->size];
    uv_mutex_unlock(&window->lock);
    return event;
}

void window_leave(struct window *window, struct item *item)
{
    clear(item);
    uv_mutex_lock(&window->lock);
    window->left++;
    // Whoever waits for room waits for some of it: else both would wait for each other's next
    // photo.
    if (window->entered - window->left <= window->size / 2)
        uv_cond_signal(&window->room);
    uv_mutex_unlock(&window->lock);
}

void window_abort(struct window *window)
{
    uv_mutex_lock(&window->lock);
    window->aborted = true;
    uv_cond_broadcast(&window->room);
    uv_cond_broadcast(&window->head);
    uv_mutex_unlock(&window->lock);
}
