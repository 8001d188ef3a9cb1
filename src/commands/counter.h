// Counts the files of a scan ahead of it, on a thread of its own, so that progress can say how much
// is left.
#ifndef SRC_COMMANDS_COUNTER_H
#define SRC_COMMANDS_COUNTER_H

#include <stdatomic.h>
#include <uv.h>

#include "scan.h"

struct counter {
    struct scan *scan; // owned
    uv_thread_t thread;
    bool started;
    _Atomic bool stop, final;
    _Atomic uint64_t found;
};

// Counting is a nicety: if it cannot start, nothing is counted.
void counter_start(struct counter *counter, const struct scan_params *params);
void counter_stop(struct counter *counter); // takes a zeroed one

#endif
