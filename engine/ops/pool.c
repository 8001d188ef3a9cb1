// Host side of shaders/max_pool.comp and shaders/global_pool.comp.
#include <string.h>

#include "ops/launch.h"
#include "pool_push.h"

#define THREADS 64u // as the shaders' local size

static struct pool_push pool_shape(const struct graph *graph, const struct graph_op *op,
                                   const struct op_places *places, uint32_t batch)
{
    const struct graph_value *in = &graph->values[op->input], *out = &graph->values[op->output];
    return (struct pool_push){
        .src_base = places->src,
        .in_height = in->height,
        .in_width = in->width,
        .in_blocks = layout_blocks(places->in),
        .in_plane = batch * in->height * in->width,
        .out_height = out->height,
        .out_width = out->width,
        .out_plane = batch * out->height * out->width,
        .kernel = op->kernel,
        .stride = op->stride,
        .pad = op->pad,
        .out_blocks = layout_blocks(places->out),
        .averages = op->concat ? channel_blocks(in->channels) : 0,
    };
}

void max_pool_launch(struct op_launch *launch, const struct graph *graph, const struct graph_op *op,
                     const struct op_places *places, uint32_t batch)
{
    const struct pool_push push = pool_shape(graph, op, places, batch);
    *launch = (struct op_launch){
        .kernel = op->kernel == MAX_POOL_WINDOW ? KERNEL_MAX_POOL_3 : KERNEL_MAX_POOL,
        .push_bytes = sizeof(push),
        .groups = {divide_up(push.out_plane, THREADS), push.in_blocks, 1},
    };
    if (places->out->order == LAYOUT_PIXELS)
        spread_groups(launch, divide_up(push.out_plane * push.out_blocks, THREADS));
    memcpy(launch->push, &push, sizeof(push));
}

void global_pool_launch(struct op_launch *launch, const struct graph *graph,
                        const struct graph_op *op, const struct op_places *places, uint32_t batch)
{
    const struct pool_push push = pool_shape(graph, op, places, batch);
    *launch = (struct op_launch){
        .kernel = KERNEL_GLOBAL_POOL,
        .push_bytes = sizeof(push),
        .groups = {divide_up(push.out_blocks * push.out_plane, THREADS), 1, 1},
    };
    memcpy(launch->push, &push, sizeof(push));
}
