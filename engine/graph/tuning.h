// What a net takes from a tuning. Private to the engine.
#ifndef ENGINE_GRAPH_TUNING_H
#define ENGINE_GRAPH_TUNING_H

#include "engine/tuning.h"
#include "graph/graph.h"
#include "ops/launch.h"

// What a convolution's speed depends on, besides the device.
struct tuning_shape {
    uint32_t batch, in, height, width, out, kernel, stride, pad;
    bool residual;
    uint32_t second, second_stride; // channels of a shortcut that the kernel computes, too, or 0
};

#define TUNING_MAX_ENTRIES 1024u

struct tuning_entry {
    struct tuning_shape shape;
    struct conv_choice choice;
};

struct cubby_tuning {
    char key[CUBBY_GPU_KEY_BYTES];
    uint32_t batch;
    struct tuning_entry entries[TUNING_MAX_ENTRIES];
    uint32_t count;
};

struct tuning_shape tuning_shape_of(const struct cubby_gpu *gpu, const struct graph *graph,
                                    const struct graph_op *op, uint32_t batch);
bool tuning_same_shape(const struct tuning_shape *a, const struct tuning_shape *b);
// What was measured for this shape, NULL if nothing was.
const struct conv_choice *tuning_find(const struct cubby_tuning *tuning,
                                      const struct tuning_shape *shape);
// Keeps it; beyond TUNING_MAX_ENTRIES nothing is kept.
void tuning_put(struct cubby_tuning *tuning, const struct tuning_shape *shape,
                const struct conv_choice *choice);
// One of conv_candidates() for each convolution of the graph: the measured one if it still is one
// of them, else the first. choices has graph->op_count entries. `tuning` may be NULL.
void tuning_choose(const struct cubby_tuning *tuning, const struct cubby_gpu *gpu,
                   const struct graph *graph, uint32_t batch, struct conv_choice *choices);

#endif
