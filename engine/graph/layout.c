#include "graph/layout.h"

static bool reads(const struct graph_op *op, uint32_t value)
{
    return op->input == value || op->residual == value;
}

static bool writes_rows(const struct graph_op *op)
{
    return op->kind == GRAPH_UNPACK || op->kind == GRAPH_SOFTMAX || op->kind == GRAPH_SIGMOID;
}

// What only leaves the device, as rows of fp32, is not rounded on the way: the logits.
static bool stays_float(const struct graph *graph, uint32_t value)
{
    bool leaves = false;
    for (uint32_t i = 0; i < graph->op_count; i++) {
        const struct graph_op *op = &graph->ops[i];
        if (op->output == value && op->kind != GRAPH_CONV)
            return false; // only convolutions write both
        if (!reads(op, value))
            continue;
        if (!writes_rows(op))
            return false;
        leaves = true;
    }
    return leaves;
}

struct value_layout layout_of(const struct cubby_gpu *gpu, const struct graph *graph,
                              uint32_t value)
{
    const struct graph_value *v = &graph->values[value];
    const bool halves = gpu->precision == CUBBY_PRECISION_FP16 && !stays_float(graph, value);
    return (struct value_layout){
        .element_bytes = halves ? LAYOUT_HALF : LAYOUT_FLOAT,
        .channels = (v->channels + 3) / 4 * 4,
        .height = v->height,
        .width = v->width,
    };
}

uint64_t layout_bytes(const struct value_layout *layout, uint64_t batch)
{
    return batch * layout->channels * layout->height * layout->width * layout->element_bytes;
}

uint64_t layout_index(const struct value_layout *layout, uint32_t batch, uint32_t image,
                      uint32_t channel, uint32_t y, uint32_t x)
{
    const uint64_t row = ((uint64_t)(channel / 4) * batch + image) * layout->height + y;
    return (row * layout->width + x) * 4 + channel % 4;
}
