#include "platform/parallel.h"

#include <stdbool.h>
#include <stdlib.h>
#include <uv.h>

struct parallel {
    uv_mutex_t lock;
    uv_cond_t work, done;
    uv_thread_t *threads; // owned
    unsigned count;       // of threads that run
    bool made, ended;
    // The work at hand.
    void (*body)(void *user, size_t index);
    void *user;
    size_t next, total, finished;
};

// Does what is left until nothing is to begin. The lock is held before and after.
static void take_part(struct parallel *p)
{
    while (p->next < p->total) {
        size_t index = p->next++;
        void (*body)(void *user, size_t index) = p->body;
        void *user = p->user;
        uv_mutex_unlock(&p->lock);
        body(user, index);
        uv_mutex_lock(&p->lock);
        if (++p->finished == p->total)
            uv_cond_signal(&p->done);
    }
}

static void thread(void *argument)
{
    struct parallel *p = argument;
    uv_mutex_lock(&p->lock);
    while (!p->ended) {
        take_part(p);
        if (!p->ended)
            uv_cond_wait(&p->work, &p->lock);
    }
    uv_mutex_unlock(&p->lock);
}

enum cubby_status parallel_create(struct parallel **out, unsigned threads)
{
    *out = NULL;
    struct parallel *p = calloc(1, sizeof(*p));
    if (!p)
        return CUBBY_NO_MEMORY;
    p->threads = calloc(threads ? threads : 1, sizeof(*p->threads));
    if (!p->threads || uv_mutex_init(&p->lock)) {
        parallel_destroy(&p);
        return CUBBY_NO_MEMORY;
    }
    bool work = uv_cond_init(&p->work) == 0;
    p->made = work && uv_cond_init(&p->done) == 0;
    if (!p->made) {
        if (work)
            uv_cond_destroy(&p->work);
        uv_mutex_destroy(&p->lock);
        parallel_destroy(&p);
        return CUBBY_NO_MEMORY;
    }
    // The caller works, too.
    while (p->count + 1 < threads && uv_thread_create(&p->threads[p->count], thread, p) == 0)
        p->count++;
    *out = p;
    return CUBBY_OK;
}

void parallel_run(struct parallel *p, size_t count, void (*body)(void *user, size_t index),
                  void *user)
{
    uv_mutex_lock(&p->lock);
    p->body = body;
    p->user = user;
    p->next = p->finished = 0;
    p->total = count;
    if (count > 1)
        uv_cond_broadcast(&p->work);
    take_part(p);
    while (p->finished < p->total)
        uv_cond_wait(&p->done, &p->lock);
    p->next = p->total = 0;
    uv_mutex_unlock(&p->lock);
}

void parallel_destroy(struct parallel **parallel)
{
    struct parallel *p = *parallel;
    if (!p)
        return;
    if (p->made) {
        uv_mutex_lock(&p->lock);
        p->ended = true;
        uv_cond_broadcast(&p->work);
        uv_mutex_unlock(&p->lock);
        for (unsigned i = 0; i < p->count; i++)
            uv_thread_join(&p->threads[i]);
        uv_cond_destroy(&p->work);
        uv_cond_destroy(&p->done);
        uv_mutex_destroy(&p->lock);
    }
    free(p->threads);
    free(p);
    *parallel = NULL;
}
