// That all ways to compute a convolution come to the same: a driver may be wrong about one of them,
// and what is wrong can be fast. Private to the engine.
#ifndef ENGINE_GRAPH_TUNE_CHECK_H
#define ENGINE_GRAPH_TUNE_CHECK_H

#include "graph/executor.h"

struct tune_check; // owned by the caller of create

// For a graph of convolutions that all read the same values, made-up images of a batch's beginning;
// NULL: out of memory.
struct tune_check *tune_check_create(const struct graph *graph, uint32_t batch);
// Runs the graph, for whose kind the check was made. *same: whether the last convolution gives what
// it gave the first time, which is true then, but for rounding.
CUBBY_NODISCARD enum cubby_status tune_check_run(struct tune_check *check,
                                                 struct executor *executor, bool *same);
void tune_check_destroy(struct tune_check **check);

#endif
