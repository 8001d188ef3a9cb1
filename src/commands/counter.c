#include "commands/counter.h"

static void count(void *argument)
{
    struct counter *counter = argument;
    struct photo *photo = NULL;
    while (!atomic_load(&counter->stop)) {
        if (scan_next(counter->scan, &photo))
            return;
        if (!photo) {
            atomic_store(&counter->final, true);
            return;
        }
        photo_free(&photo);
        atomic_fetch_add(&counter->found, 1);
    }
}

void counter_start(struct counter *counter, const struct scan_params *params)
{
    struct scan_params silent = *params;
    silent.log = NULL; // the real scan says it
    if (scan_create(&counter->scan, &silent))
        return;
    counter->started = uv_thread_create(&counter->thread, count, counter) == 0;
}

void counter_stop(struct counter *counter)
{
    atomic_store(&counter->stop, true);
    if (counter->started)
        uv_thread_join(&counter->thread);
    counter->started = false;
    scan_destroy(&counter->scan);
}
