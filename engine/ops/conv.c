// Host side of shaders/conv_lane.comp and shaders/conv_tile.comp.
#include <string.h>

#include "conv_push.h"
#include "ops/launch.h"

// As the shaders' R, J, BM and BN.
#define LANE_CHANNELS 32u
#define LANE_PIXELS 4u
#define TILE_CHANNELS 64u
#define TILE_PIXELS 64u

static uint32_t panel_width(const struct cubby_gpu *gpu)
{
    return gpu->family == CUBBY_KERNELS_LANE ? LANE_CHANNELS : TILE_CHANNELS;
}

static uint32_t pixels_per_group(const struct cubby_gpu *gpu)
{
    return gpu->family == CUBBY_KERNELS_LANE ? LANE_PIXELS * gpu->info.subgroup_size : TILE_PIXELS;
}

enum kernel_id conv_kernel(const struct cubby_gpu *gpu, const struct graph *graph,
                           const struct graph_op *op)
{
    const bool row = gpu->family == CUBBY_KERNELS_LANE && op->kernel == CONV_ROW_TAPS &&
                     channel_blocks(graph->values[op->input].channels) == 1;
    return row ? KERNEL_CONV_ROW : KERNEL_CONV;
}

void conv_launch(struct op_launch *launch, const struct cubby_gpu *gpu, const struct graph *graph,
                 const struct graph_op *op, const struct op_places *places, uint32_t batch)
{
    const struct graph_value *in = &graph->values[op->input], *out = &graph->values[op->output];
    const struct conv_push push = {
        .src_base = places->src,
        .weight_base = places->weight,
        .bias_base = places->bias,
        .residual_base = places->residual,
        .in_height = in->height,
        .in_width = in->width,
        .in_blocks = channel_blocks(in->channels),
        .in_plane = batch * in->height * in->width,
        .out_height = out->height,
        .out_width = out->width,
        .out_blocks = channel_blocks(out->channels),
        .out_plane = batch * out->height * out->width,
        .kernel = op->kernel,
        .stride = op->stride,
        .pad = op->pad,
        .flags = (op->relu ? CONV_RELU : 0) | (op->residual != GRAPH_NONE ? CONV_RESIDUAL : 0),
    };
    *launch = (struct op_launch){
        .kernel = conv_kernel(gpu, graph, op),
        .push_bytes = sizeof(push),
        .groups = {divide_up(push.out_plane, pixels_per_group(gpu)),
                   divide_up(out->channels, panel_width(gpu)), 1},
    };
    memcpy(launch->push, &push, sizeof(push));
}

uint64_t conv_weight_texels(const struct cubby_gpu *gpu, const struct graph *graph,
                            const struct graph_op *op)
{
    const uint32_t width = panel_width(gpu);
    const uint32_t panels = divide_up(graph->values[op->output].channels, width);
    return (uint64_t)panels * width * op->kernel * op->kernel *
           channel_blocks(graph->values[op->input].channels);
}

uint64_t conv_bias_texels(const struct graph *graph, const struct graph_op *op)
{
    return channel_blocks(graph->values[op->output].channels);
}

void conv_pack(const struct cubby_gpu *gpu, const struct graph *graph, const struct graph_op *op,
               const float *weight, const float *bias, float *texels)
{
    const uint32_t in = graph->values[op->input].channels;
    const uint32_t out = graph->values[op->output].channels;
    const uint32_t blocks = channel_blocks(in), taps = op->kernel * op->kernel;
    const uint32_t width = panel_width(gpu);
    const uint64_t weight_floats = conv_weight_texels(gpu, graph, op) * 4;

    memset(texels, 0, (weight_floats + conv_bias_texels(graph, op) * 4) * sizeof(*texels));
    for (uint32_t o = 0; o < out; o++) {
        // [panel][tap][block][channel of the panel][channel of the block]
        float *panel = texels + (uint64_t)(o / width) * taps * blocks * width * 4;
        for (uint32_t i = 0; i < in; i++) {
            const float *source = weight + ((uint64_t)o * in + i) * taps;
            for (uint32_t tap = 0; tap < taps; tap++) {
                const uint64_t texel = ((uint64_t)tap * blocks + i / 4) * width + o % width;
                panel[texel * 4 + i % 4] = source[tap];
            }
        }
    }
    memcpy(texels + weight_floats, bias, out * sizeof(*bias));
}
