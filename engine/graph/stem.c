// A network's first two ops, which some devices compute as one.
#include <string.h>

#include "graph/graph.h"

// The op that reads the value, if there is only one and it reads nothing else. NULL otherwise.
static const struct graph_op *only_reader(const struct graph *graph, uint32_t value)
{
    const struct graph_op *reader = NULL;
    for (uint32_t i = 0; i < graph->op_count; i++) {
        const struct graph_op *op = &graph->ops[i];
        if (op->input != value && op->residual != value && op->second != value)
            continue;
        if (reader || op->residual != GRAPH_NONE || op->second != GRAPH_NONE)
            return NULL;
        reader = op;
    }
    return reader;
}

const struct graph_op *graph_find_stem(const struct graph *graph)
{
    for (uint32_t i = 0; i < graph->op_count; i++) {
        if (graph->ops[i].kind != GRAPH_NORMALIZE)
            continue;
        const struct graph_op *reader = only_reader(graph, graph->ops[i].output);
        return reader && reader->kind == GRAPH_CONV ? reader : NULL;
    }
    return NULL;
}

static void remove_op(struct graph *graph, uint32_t index, uint32_t *origin)
{
    graph->op_count--;
    for (uint32_t i = index; i < graph->op_count; i++) {
        graph->ops[i] = graph->ops[i + 1];
        origin[i] = origin[i + 1];
    }
    for (uint32_t i = 0; i < graph->op_count; i++)
        if (graph->ops[i].weights_op > index)
            graph->ops[i].weights_op--;
}

void graph_merge_stem(struct graph *lowered, uint32_t *origin)
{
    struct graph_op *conv = &lowered->ops[graph_find_stem(lowered) - lowered->ops];
    const uint32_t image = conv->input;
    uint32_t normalize = 0;
    while (lowered->ops[normalize].output != image)
        normalize++;
    conv->kind = GRAPH_STEM;
    conv->input = GRAPH_NONE;
    memcpy(conv->mean, lowered->ops[normalize].mean, sizeof(conv->mean));
    memcpy(conv->std, lowered->ops[normalize].std, sizeof(conv->std));
    // Nothing writes it any more, so it takes no memory.
    lowered->values[image] = (struct graph_value){0};
    remove_op(lowered, normalize, origin);
    graph_find_lifetimes(lowered);
}
