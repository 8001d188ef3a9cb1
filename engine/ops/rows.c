// Host side of shaders/unpack.comp and shaders/softmax.comp, which write rows for the CPU.
#include <string.h>

#include "ops/launch.h"
#include "rows_push.h"

#define THREADS 64u // as the shaders' local size

static struct rows_push rows_of(const struct graph *graph, const struct graph_op *op,
                                const struct op_places *places, uint32_t batch)
{
    return (struct rows_push){
        .src_base = places->src,
        .batch = batch,
        .channels = graph->values[op->input].channels,
        .blocks = layout_blocks(places->in),
    };
}

static enum kernel_id kernel_of(enum kernel_id of_floats, const struct op_places *places)
{
    const bool halves = places->in->element_bytes == LAYOUT_HALF;
    return halves ? of_floats + (KERNEL_UNPACK_HALF - KERNEL_UNPACK) : of_floats;
}

// A channel and image an invocation.
static void launch_each(struct op_launch *launch, enum kernel_id kernel, const struct graph *graph,
                        const struct graph_op *op, const struct op_places *places, uint32_t batch)
{
    const struct rows_push push = rows_of(graph, op, places, batch);
    *launch = (struct op_launch){
        .kernel = kernel_of(kernel, places),
        .push_bytes = sizeof(push),
        .groups = {divide_up(push.channels, THREADS), batch, 1},
    };
    memcpy(launch->push, &push, sizeof(push));
}

void unpack_launch(struct op_launch *launch, const struct graph *graph, const struct graph_op *op,
                   const struct op_places *places, uint32_t batch)
{
    launch_each(launch, KERNEL_UNPACK, graph, op, places, batch);
}

void sigmoid_launch(struct op_launch *launch, const struct graph *graph, const struct graph_op *op,
                    const struct op_places *places, uint32_t batch)
{
    launch_each(launch, KERNEL_SIGMOID, graph, op, places, batch);
}

void softmax_launch(struct op_launch *launch, const struct graph *graph, const struct graph_op *op,
                    const struct op_places *places, uint32_t batch)
{
    const struct rows_push push = rows_of(graph, op, places, batch);
    *launch = (struct op_launch){
        .kernel = kernel_of(KERNEL_SOFTMAX, places),
        .push_bytes = sizeof(push),
        .groups = {batch, 1, 1},
    };
    memcpy(launch->push, &push, sizeof(push));
}
