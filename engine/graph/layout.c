#include "graph/layout.h"

static bool reads(const struct graph_op *op, uint32_t value)
{
    return op->input == value || op->residual == value || op->second == value;
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

static uint32_t round_up(uint32_t value, uint32_t unit)
{
    return (value + unit - 1) / unit * unit;
}

// The one convolution that reads a value which nothing but normalize writes, if it can take windows
// as rows of 8 pixels of 4 channels, each beginning at a multiple of 16 bytes. NULL: it is another.
static const struct graph_op *image_reader(const struct graph *graph, uint32_t value)
{
    const struct graph_op *reader = NULL;
    if (graph->values[value].channels > LAYOUT_IMAGE_CHANNELS)
        return NULL;
    for (uint32_t i = 0; i < graph->op_count; i++) {
        const struct graph_op *op = &graph->ops[i];
        if (op->output == value && op->kind != GRAPH_NORMALIZE)
            return NULL;
        if (!reads(op, value))
            continue;
        if (reader || op->kind != GRAPH_CONV || op->input != value || op->residual == value ||
            op->second == value || op->kernel > LAYOUT_IMAGE_TAPS || op->stride % 2)
            return NULL;
        reader = op;
    }
    return reader;
}

// A tile kernel's step is 32 channels of one tap; the border spares it the tests at the edges, and
// four channels instead of 32 spare it eight times the work and memory of the largest layer.
static struct value_layout pixels_layout(const struct graph *graph, uint32_t value)
{
    const struct graph_value *v = &graph->values[value];
    struct value_layout layout = {
        .order = LAYOUT_PIXELS,
        .channels = round_up(v->channels, 32),
        .height = v->height,
        .width = v->width,
    };
    const struct graph_op *conv = image_reader(graph, value);
    if (conv) {
        const struct graph_value *out = &graph->values[conv->output];
        const uint32_t rows = (out->height - 1) * conv->stride + conv->kernel;
        const uint32_t columns = (out->width - 1) * conv->stride + LAYOUT_IMAGE_TAPS;
        layout.channels = LAYOUT_IMAGE_CHANNELS;
        layout.top = layout.left = conv->pad;
        layout.height = rows > conv->pad + v->height ? rows : conv->pad + v->height;
        layout.width = round_up(columns > conv->pad + v->width ? columns : conv->pad + v->width, 2);
    }
    return layout;
}

struct value_layout layout_of(const struct cubby_gpu *gpu, const struct graph *graph,
                              uint32_t value)
{
    const struct graph_value *v = &graph->values[value];
    struct value_layout layout = {
        .order = LAYOUT_BLOCKS,
        .channels = round_up(v->channels, 4),
        .height = v->height,
        .width = v->width,
    };
    if (gpu->family == CUBBY_KERNELS_MATRIX)
        layout = pixels_layout(graph, value);
    const bool halves = gpu->precision == CUBBY_PRECISION_FP16 && !stays_float(graph, value);
    layout.element_bytes = halves ? LAYOUT_HALF : LAYOUT_FLOAT;
    layout.spare = gpu->family == CUBBY_KERNELS_MATRIX && gpu->flexible_count > 0;
    return layout;
}

uint64_t layout_bytes(const struct value_layout *layout, uint64_t batch)
{
    return batch * layout->channels * layout->height * layout->width * layout->element_bytes;
}

uint64_t layout_room_bytes(const struct value_layout *layout, uint64_t batch)
{
    if (!layout->spare)
        return layout_bytes(layout, batch);
    const uint64_t pixels = batch * layout->height * layout->width;
    const uint64_t room = (pixels + LAYOUT_SPARE_PIXELS - 1) / LAYOUT_SPARE_PIXELS;
    return room * LAYOUT_SPARE_PIXELS * layout->channels * layout->element_bytes;
}

uint64_t layout_index(const struct value_layout *layout, uint32_t batch, uint32_t image,
                      uint32_t channel, uint32_t y, uint32_t x)
{
    y += layout->top;
    x += layout->left;
    if (layout->order == LAYOUT_PIXELS) {
        const uint64_t row = (uint64_t)image * layout->height + y;
        return (row * layout->width + x) * layout->channels + channel;
    }
    const uint64_t row = ((uint64_t)(channel / 4) * batch + image) * layout->height + y;
    return (row * layout->width + x) * 4 + channel % 4;
}
