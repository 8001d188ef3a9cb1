// From the recognised network to the list of launches. Source of the shapes: torchvision's
// resnet.py; He et al., "Deep Residual Learning for Image Recognition", 2015, with the stride in
// the 3x3 convolution (v1.5).
#include "graph/graph.h"

static uint32_t add_conv(struct graph *graph, uint32_t input, const struct network_conv *conv,
                         bool relu, uint32_t residual)
{
    const struct graph_conv_params params = {
        .out_channels = conv->out_channels,
        .kernel = conv->kernel,
        .stride = conv->stride,
        .pad = conv->pad,
        .relu = relu,
        .residual = residual,
        .weights = {.network = conv},
    };
    return graph_conv(graph, input, &params);
}

static uint32_t add_block(struct graph *graph, uint32_t input, const struct network_block *block)
{
    uint32_t x = input;
    for (uint32_t i = 0; i + 1 < block->conv_count; i++)
        x = add_conv(graph, x, &block->conv[i], true, GRAPH_NONE);
    uint32_t shortcut = input;
    if (block->downsample.weight)
        shortcut = add_conv(graph, input, &block->downsample, false, GRAPH_NONE);
    return add_conv(graph, x, &block->conv[block->conv_count - 1], true, shortcut);
}

static uint32_t add_linear(struct graph *graph, uint32_t input, const struct network_linear *linear)
{
    const struct graph_conv_params params = {
        .out_channels = linear->out,
        .kernel = 1,
        .stride = 1,
        .relu = linear->relu,
        .residual = GRAPH_NONE,
        .weights = {.weight = linear->weight, .bias = linear->bias},
    };
    return graph_conv(graph, input, &params);
}

// Every value must have pixels, or the input is too small for the network's strides.
static bool has_empty_value(const struct graph *graph)
{
    for (uint32_t i = 0; i < graph->value_count; i++)
        if (!graph->values[i].channels || !graph->values[i].height || !graph->values[i].width)
            return true;
    return false;
}

enum cubby_status graph_build(struct graph *graph, const struct cubby_model *model,
                              const struct cubby_log *log)
{
    const struct network *network = model_network(model);
    const struct cubby_preprocess *preprocess = cubby_model_preprocess(model);
    *graph = (struct graph){0};

    uint32_t width, height;
    cubby_preprocess_input(preprocess, &width, &height);
    uint32_t x = graph_normalize(graph, width, height, preprocess->resample_count > 0,
                                 preprocess->mean, preprocess->std);
    x = add_conv(graph, x, &network->stem, true, GRAPH_NONE);
    x = graph_max_pool(graph, x, 3, 2, 1);
    for (uint32_t i = 0; i < network->block_count; i++)
        x = add_block(graph, x, &network->blocks[i]);
    x = graph_global_pool(graph, x, network->pool == CUBBY_POOL_MAX_AVERAGE);
    graph_unpack(graph, x, GRAPH_FEATURES);
    for (uint32_t i = 0; i < network->head_count; i++)
        x = add_linear(graph, x, &network->head[i]);
    graph_unpack(graph, x, GRAPH_LOGITS);
    if (cubby_model_scores(model) == CUBBY_SCORES_SIGMOID)
        graph_sigmoid(graph, x);
    else
        graph_softmax(graph, x);

    if (graph->overflow || has_empty_value(graph)) {
        cubby_log(log, CUBBY_LOG_ERROR, "the network does not fit an input of %ux%u pixels", width,
                  height);
        return CUBBY_UNSUPPORTED;
    }
    return CUBBY_OK;
}
