// How long a device takes for an executor's work, when it is awake. Private to the engine.
#ifndef ENGINE_GRAPH_TUNE_TIME_H
#define ENGINE_GRAPH_TUNE_TIME_H

#include "graph/executor.h"

// Seconds of the fastest of a few submissions, after some that warm the device up, more of them if
// it had nothing to do for long; negative: it failed. Rough if it is far from `to_beat` (0:
// nothing).
double tune_time(struct executor *executor, uint32_t batch, double idle_s, double to_beat,
                 enum cubby_status *status);

#endif
