// From the ops of a network to those that a device's kernels have.
#include "graph/graph.h"
#include "winograd_push.h"

static uint32_t tiles_along(uint32_t size)
{
    return (size + WINOGRAD_OUT - 1) / WINOGRAD_OUT;
}

static struct graph_op *append(struct graph *graph, const struct graph_op *op)
{
    if (graph->op_count == GRAPH_MAX_OPS) {
        graph->overflow = true;
        graph->op_count--;
    }
    const uint32_t index = graph->op_count++;
    graph->ops[index] = *op;
    graph->ops[index].weights_op = index;
    return &graph->ops[index];
}

// All positions of all tiles, as many values as an image of this shape has.
static uint32_t add_positions(struct graph *graph, uint32_t channels, const struct graph_value *out)
{
    return graph_value(graph, channels, WINOGRAD_POSITIONS * tiles_along(out->height),
                       tiles_along(out->width));
}

static void append_winograd(struct graph *graph, const struct graph_op *conv)
{
    const struct graph_value out = graph->values[conv->output];
    const uint32_t in_channels = graph->values[conv->input].channels;
    struct graph_op input = *conv, product = *conv, output = *conv;
    input.kind = GRAPH_WINOGRAD_INPUT;
    input.residual = GRAPH_NONE;
    input.output = add_positions(graph, in_channels, &out);
    product.kind = GRAPH_WINOGRAD_PRODUCT;
    product.residual = GRAPH_NONE;
    product.input = input.output;
    product.output = add_positions(graph, out.channels, &out);
    output.kind = GRAPH_WINOGRAD_OUTPUT;
    output.input = product.output;
    append(graph, &input);
    const uint32_t weights = append(graph, &product)->weights_op;
    append(graph, &output)->weights_op = weights;
}

void graph_find_lifetimes(struct graph *graph)
{
    for (uint32_t i = 0; i < graph->value_count; i++)
        graph->values[i].first = graph->values[i].last = 0;
    for (uint32_t i = 0; i < graph->op_count; i++) {
        const struct graph_op *op = &graph->ops[i];
        if (op->output != GRAPH_NONE)
            graph->values[op->output].first = graph->values[op->output].last = i;
        if (op->input != GRAPH_NONE)
            graph->values[op->input].last = i;
        if (op->residual != GRAPH_NONE)
            graph->values[op->residual].last = i;
        if (op->second != GRAPH_NONE)
            graph->values[op->second].last = i;
    }
}

bool graph_winograd_can(const struct graph_op *op)
{
    return op->kind == GRAPH_CONV && op->kernel == WINOGRAD_KERNEL && op->stride == 1;
}

static bool reads(const struct graph_op *op, uint32_t value)
{
    return op->input == value || op->residual == value;
}

// Steps of the kernels that merge are at most so many channels, and do not span two tensors.
#define MERGED_CHANNELS 64u

static bool is_winograd(const struct graph *graph, const struct graph_lower_params *params,
                        const struct graph_op *op)
{
    return params->winograd && params->winograd[op - graph->ops] && graph_winograd_can(op);
}

// The op that computes the residual of `op`, if it is computed together with it: a 1x1 convolution
// whose result nothing else reads. NULL: there is none. Winograd's way has no place for it.
const struct graph_op *graph_shortcut(const struct graph *graph,
                                      const struct graph_lower_params *params,
                                      const struct graph_op *op)
{
    const struct graph_op *shortcut = NULL;
    if (!params->merges_shortcuts || op->kind != GRAPH_CONV || op->residual == GRAPH_NONE ||
        is_winograd(graph, params, op))
        return NULL;
    if (!params->merges_windows && (op->kernel != 1 || op->stride != 1 || op->pad))
        return NULL;
    for (uint32_t i = 0; i < graph->op_count; i++) {
        const struct graph_op *other = &graph->ops[i];
        if (other->output == op->residual)
            shortcut = other;
        else if (other != op && reads(other, op->residual))
            return NULL;
    }
    const bool suits = shortcut && shortcut->kind == GRAPH_CONV && shortcut->kernel == 1 &&
                       !shortcut->pad && !shortcut->relu && shortcut->residual == GRAPH_NONE &&
                       op->input != op->residual &&
                       graph->values[shortcut->input].channels % MERGED_CHANNELS == 0;
    return suits ? shortcut : NULL;
}

// Appends `op`, with its shortcut if it has one.
static void append_merged(struct graph *lowered, const struct graph *graph,
                          const struct graph_lower_params *params, const struct graph_op *op)
{
    const struct graph_op *shortcut = graph_shortcut(graph, params, op);
    struct graph_op *merged = append(lowered, op);
    if (!shortcut)
        return;
    // Nothing writes it any more, so it takes no memory.
    lowered->values[shortcut->output] = (struct graph_value){0};
    merged->residual = GRAPH_NONE;
    merged->second = shortcut->input;
    merged->second_stride = shortcut->stride;
    merged->second_weights = shortcut->weights;
}

bool graph_is_merged(const struct graph *graph, const struct graph_lower_params *params,
                     const struct graph_op *op)
{
    for (uint32_t i = 0; i < graph->op_count; i++)
        if (graph_shortcut(graph, params, &graph->ops[i]) == op)
            return true;
    return false;
}

enum cubby_status graph_lower(struct graph *lowered, const struct graph *graph,
                              const struct graph_lower_params *params, uint32_t *origin)
{
    *lowered = *graph;
    lowered->op_count = 0;
    for (uint32_t i = 0; i < graph->op_count; i++) {
        const struct graph_op *op = &graph->ops[i];
        const uint32_t first = lowered->op_count;
        if (graph_is_merged(graph, params, op))
            continue;
        if (is_winograd(graph, params, op))
            append_winograd(lowered, op);
        else
            append_merged(lowered, graph, params, op);
        for (uint32_t k = first; k < lowered->op_count; k++)
            origin[k] = i;
    }
    graph_find_lifetimes(lowered);
    return lowered->overflow ? CUBBY_UNSUPPORTED : CUBBY_OK;
}
