#include "graph/graph.h"

#include <string.h>

uint32_t graph_window(uint32_t size, uint32_t kernel, uint32_t stride, uint32_t pad)
{
    const uint64_t padded = (uint64_t)size + 2u * (uint64_t)pad;
    return padded < kernel ? 0 : (uint32_t)((padded - kernel) / stride + 1);
}

uint32_t graph_value(struct graph *graph, uint32_t channels, uint32_t height, uint32_t width)
{
    if (graph->value_count == GRAPH_MAX_VALUES) {
        graph->overflow = true;
        return 0;
    }
    // Written before the first op and read by none, until an op says otherwise.
    graph->values[graph->value_count] = (struct graph_value){channels, height, width, 0, 0};
    return graph->value_count++;
}

static struct graph_op *add_op(struct graph *graph, enum graph_op_kind kind, uint32_t input)
{
    if (graph->op_count == GRAPH_MAX_OPS) {
        graph->overflow = true;
        graph->op_count--; // the caller still gets an op to fill; graph_build() refuses the graph
    }
    const uint32_t index = graph->op_count++;
    struct graph_op *op = &graph->ops[index];
    memset(op, 0, sizeof(*op));
    op->kind = kind;
    op->input = input;
    op->output = op->residual = op->second = GRAPH_NONE;
    op->weights_op = index;
    if (input != GRAPH_NONE)
        graph->values[input].last = index;
    return op;
}

static uint32_t set_output(struct graph *graph, struct graph_op *op, uint32_t channels,
                           uint32_t height, uint32_t width)
{
    op->output = graph_value(graph, channels, height, width);
    struct graph_value *value = &graph->values[op->output];
    value->first = value->last = (uint32_t)(op - graph->ops);
    return op->output;
}

size_t graph_input_bytes(const struct graph *graph)
{
    const size_t values = (size_t)graph->input_width * graph->input_height * 3;
    return graph->input_floats ? values * sizeof(float) : values;
}

uint32_t graph_normalize(struct graph *graph, uint32_t width, uint32_t height, bool floats,
                         const float mean[3], const float std[3])
{
    struct graph_op *op = add_op(graph, GRAPH_NORMALIZE, GRAPH_NONE);
    memcpy(op->mean, mean, sizeof(op->mean));
    memcpy(op->std, std, sizeof(op->std));
    graph->input_width = width;
    graph->input_height = height;
    graph->input_floats = floats;
    return set_output(graph, op, 3, height, width);
}

uint32_t graph_conv(struct graph *graph, uint32_t input, const struct graph_conv_params *params)
{
    struct graph_op *op = add_op(graph, GRAPH_CONV, input);
    op->kernel = params->kernel;
    op->stride = params->stride;
    op->pad = params->pad;
    op->relu = params->relu;
    op->weights = params->weights;
    op->residual = params->residual;
    if (op->residual != GRAPH_NONE)
        graph->values[op->residual].last = (uint32_t)(op - graph->ops);
    const struct graph_value *in = &graph->values[input];
    return set_output(graph, op, params->out_channels,
                      graph_window(in->height, op->kernel, op->stride, op->pad),
                      graph_window(in->width, op->kernel, op->stride, op->pad));
}

uint32_t graph_max_pool(struct graph *graph, uint32_t input, uint32_t kernel, uint32_t stride,
                        uint32_t pad)
{
    struct graph_op *op = add_op(graph, GRAPH_MAX_POOL, input);
    op->kernel = kernel;
    op->stride = stride;
    op->pad = pad;
    const struct graph_value *in = &graph->values[input];
    return set_output(graph, op, in->channels, graph_window(in->height, kernel, stride, pad),
                      graph_window(in->width, kernel, stride, pad));
}

uint32_t graph_global_pool(struct graph *graph, uint32_t input, bool concat)
{
    struct graph_op *op = add_op(graph, GRAPH_GLOBAL_POOL, input);
    op->concat = concat;
    const uint32_t channels = graph->values[input].channels;
    return set_output(graph, op, concat ? 2 * channels : channels, 1, 1);
}

void graph_unpack(struct graph *graph, uint32_t input, enum graph_output result)
{
    struct graph_op *op = add_op(graph, GRAPH_UNPACK, input);
    op->result = result;
    graph->result_channels[result] = graph->values[input].channels;
}

static void add_probabilities(struct graph *graph, enum graph_op_kind kind, uint32_t input)
{
    struct graph_op *op = add_op(graph, kind, input);
    op->result = GRAPH_PROBABILITIES;
    graph->result_channels[GRAPH_PROBABILITIES] = graph->values[input].channels;
}

void graph_softmax(struct graph *graph, uint32_t input)
{
    add_probabilities(graph, GRAPH_SOFTMAX, input);
}

void graph_sigmoid(struct graph *graph, uint32_t input)
{
    add_probabilities(graph, GRAPH_SIGMOID, input);
}
