// The whole network through the reference layers, one image at a time. It walks the same graph as
// the devices do, so what it proves is the kernels, the packing and the memory plan.
#include <stdlib.h>
#include <string.h>

#include "engine/net.h"
#include "graph/graph.h"
#include "ref/ref.h"

struct reference {
    struct graph graph;
    float *values[GRAPH_MAX_VALUES]; // owned, [C, H, W]
    float *rows[GRAPH_OUTPUT_COUNT]; // borrowed: where this image's outputs go, or NULL
    const uint8_t *pixels;           // borrowed: this image
};

static struct ref_shape shape_of(const struct graph_value *value)
{
    return (struct ref_shape){1, value->channels, value->height, value->width};
}

static size_t elements(const struct graph_value *value)
{
    return (size_t)value->channels * value->height * value->width;
}

static enum cubby_status run_conv(struct reference *reference, const struct graph_op *op)
{
    const struct graph_value *in = &reference->graph.values[op->input];
    const struct graph_value *out = &reference->graph.values[op->output];
    const struct ref_shape shape = shape_of(in);
    struct ref_conv conv = {
        .out_channels = out->channels,
        .kernel = op->kernel,
        .stride = op->stride,
        .pad = op->pad,
        .weight = op->weights.weight,
        .bias = op->weights.bias,
        .residual = op->residual != GRAPH_NONE ? reference->values[op->residual] : NULL,
        .relu = op->relu,
    };
    float *folded = NULL;
    enum cubby_status status = CUBBY_OK;
    if (op->weights.network) {
        const size_t count = (size_t)out->channels * in->channels * op->kernel * op->kernel;
        folded = malloc((count + out->channels) * sizeof(*folded));
        if (!folded)
            return CUBBY_NO_MEMORY;
        status = network_conv_fold(op->weights.network, folded, folded + count);
        conv.weight = folded;
        conv.bias = folded + count;
    }
    if (!status)
        status =
            ref_conv(&shape, reference->values[op->input], &conv, reference->values[op->output]);
    free(folded);
    return status;
}

static enum cubby_status run_op(struct reference *reference, uint32_t index)
{
    const struct graph_op *op = &reference->graph.ops[index];
    const float *src = op->input != GRAPH_NONE ? reference->values[op->input] : NULL;
    float *dst = op->output != GRAPH_NONE ? reference->values[op->output] : NULL;
    const struct ref_shape in = op->input != GRAPH_NONE
                                    ? shape_of(&reference->graph.values[op->input])
                                    : shape_of(&reference->graph.values[op->output]);
    switch (op->kind) {
    case GRAPH_NORMALIZE:
        if (reference->graph.input_floats)
            ref_normalize_floats(&in, (const float *)(const void *)reference->pixels, op->mean,
                                 op->std, dst);
        else
            ref_normalize(&in, reference->pixels, op->mean, op->std, dst);
        return CUBBY_OK;
    case GRAPH_CONV:
        return run_conv(reference, op);
    case GRAPH_MAX_POOL:
        ref_max_pool(&in, src, op->kernel, op->stride, op->pad, dst);
        return CUBBY_OK;
    case GRAPH_GLOBAL_POOL:
        ref_global_pool(&in, src, op->concat, dst);
        return CUBBY_OK;
    case GRAPH_UNPACK:
        if (reference->rows[op->result])
            memcpy(reference->rows[op->result], src, in.channels * sizeof(*src));
        return CUBBY_OK;
    case GRAPH_SOFTMAX:
        if (reference->rows[op->result])
            ref_softmax(1, in.channels, src, reference->rows[op->result]);
        return CUBBY_OK;
    case GRAPH_SIGMOID:
        if (reference->rows[op->result])
            ref_sigmoid(1, in.channels, src, reference->rows[op->result]);
        return CUBBY_OK;
    case GRAPH_WINOGRAD_INPUT: // only in lowered graphs, which are for devices
    case GRAPH_WINOGRAD_PRODUCT:
    case GRAPH_WINOGRAD_OUTPUT:
    case GRAPH_STEM:
        break;
    }
    return CUBBY_INTERNAL;
}

// Runs one image, allocating each value when it is written and freeing it after its last reader.
static enum cubby_status run_image(struct reference *reference)
{
    const struct graph *graph = &reference->graph;
    enum cubby_status status = CUBBY_OK;
    for (uint32_t i = 0; !status && i < graph->op_count; i++) {
        const uint32_t output = graph->ops[i].output;
        if (output != GRAPH_NONE) {
            reference->values[output] =
                malloc(elements(&graph->values[output]) * sizeof(**reference->values));
            if (!reference->values[output])
                return CUBBY_NO_MEMORY;
        }
        status = run_op(reference, i);
        for (uint32_t v = 0; v < graph->value_count; v++) {
            if (graph->values[v].last == i) {
                free(reference->values[v]);
                reference->values[v] = NULL;
            }
        }
    }
    return status;
}

enum cubby_status cubby_reference_run(const struct cubby_model *model, const uint8_t *pixels,
                                      uint32_t count, float *logits, float *probabilities,
                                      float *features)
{
    struct reference *reference = calloc(1, sizeof(*reference));
    if (!reference)
        return CUBBY_NO_MEMORY;
    enum cubby_status status = graph_build(&reference->graph, model, NULL);
    float *outputs[GRAPH_OUTPUT_COUNT] = {
        [GRAPH_LOGITS] = logits,
        [GRAPH_PROBABILITIES] = probabilities,
        [GRAPH_FEATURES] = features,
    };
    const size_t image_bytes = graph_input_bytes(&reference->graph);
    for (uint32_t n = 0; !status && n < count; n++) {
        reference->pixels = pixels + n * image_bytes;
        for (int i = 0; i < GRAPH_OUTPUT_COUNT; i++)
            reference->rows[i] =
                outputs[i] ? outputs[i] + (size_t)n * reference->graph.result_channels[i] : NULL;
        status = run_image(reference);
    }
    for (uint32_t v = 0; v < GRAPH_MAX_VALUES; v++)
        free(reference->values[v]);
    free(reference);
    return status;
}
