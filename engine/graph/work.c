#include "graph/graph.h"

static double value_count(const struct graph *graph, uint32_t value)
{
    if (value == GRAPH_NONE)
        return 0;
    const struct graph_value *v = &graph->values[value];
    return (double)v->channels * v->height * v->width;
}

struct cubby_net_work graph_work(const struct graph *graph)
{
    struct cubby_net_work work = {0};
    for (uint32_t i = 0; i < graph->op_count; i++) {
        const struct graph_op *op = &graph->ops[i];
        work.values += value_count(graph, op->input) + value_count(graph, op->output) +
                       value_count(graph, op->residual);
        if (op->kind != GRAPH_CONV)
            continue;
        const struct graph_value *out = &graph->values[op->output];
        const double weights =
            (double)graph->values[op->input].channels * op->kernel * op->kernel * out->channels;
        work.weights += weights;
        work.flops += 2 * weights * out->height * out->width;
    }
    return work;
}
