#include "graph/graph.h"

static double value_count(const struct graph *graph, uint32_t value)
{
    if (value == GRAPH_NONE)
        return 0;
    const struct graph_value *v = &graph->values[value];
    return (double)v->channels * v->height * v->width;
}

double graph_traffic(const struct graph *graph)
{
    double values = 0;
    for (uint32_t i = 0; i < graph->op_count; i++) {
        const struct graph_op *op = &graph->ops[i];
        // Positions are only a way of computing.
        if (op->kind != GRAPH_WINOGRAD_PRODUCT && op->kind != GRAPH_WINOGRAD_OUTPUT)
            values += value_count(graph, op->input);
        if (op->kind != GRAPH_WINOGRAD_PRODUCT && op->kind != GRAPH_WINOGRAD_INPUT)
            values += value_count(graph, op->output);
        values += value_count(graph, op->residual) + value_count(graph, op->second);
    }
    return values;
}

struct cubby_net_work graph_work(const struct graph *graph)
{
    struct cubby_net_work work = {.values = graph_traffic(graph)};
    for (uint32_t i = 0; i < graph->op_count; i++) {
        const struct graph_op *op = &graph->ops[i];
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
