#include "ops/conv_flexible.h"

#include <assert.h>
#include <string.h>

#define CHUNK 8u // channels of 16 bytes
#define CHUNK_BYTES 16u
#define CPU_LARGEST_TILE (16u * 32) // more takes a software driver minutes to compile

// Pixels, channels, input channels a step; invocations of a workgroup, 0: of a subgroup. An H100
// took more than twice as long as for our own tiles with workgroups of 256, of 128 x 128 and more;
// with 128 it is fastest where memory is the limit, 1x1 convolutions of few channels.
static const struct conv_choice tiles[] = {
    {.tile_m = 64, .tile_n = 64, .tile_k = 64, .invocations = 128},
    {.tile_m = 128, .tile_n = 64, .tile_k = 64, .invocations = 128},
    {.tile_m = 64, .tile_n = 64, .tile_k = 32},
    {.tile_m = 32, .tile_n = 64, .tile_k = 32},
    {.tile_m = 32, .tile_n = 32, .tile_k = 32},
    {.tile_m = 16, .tile_n = 32, .tile_k = 32},
    {.tile_m = 8, .tile_n = 32, .tile_k = 16},
};
#define TILES (sizeof(tiles) / sizeof(*tiles))

// All but an image's, which lies differently; also where it lies like others, so that what holds
// for a convolution measured alone holds for it in its network.
static bool suits(const struct graph *graph, const struct graph_op *op,
                  const struct value_layout *in)
{
    return in->element_bytes == LAYOUT_HALF &&
           graph->values[op->input].channels > LAYOUT_IMAGE_CHANNELS;
}

// Unless pixel after pixel is a row of the matrix as they lie. In a graph as it is, and lowered.
static bool gathers(const struct cubby_gpu *gpu, const struct graph *graph,
                    const struct graph_op *op)
{
    const struct graph_lower_params lowering = conv_lowering(gpu);
    return op->kernel > 1 || op->stride > 1 || op->pad > 0 || op->second != GRAPH_NONE ||
           graph_shortcut(graph, &lowering, op);
}

static const struct matrix_flexible *find_flexible(const struct cubby_gpu *gpu,
                                                   const struct conv_choice *tile)
{
    for (uint32_t i = 0; i < gpu->flexible_count; i++) {
        const struct matrix_flexible *f = &gpu->flexible[i];
        if (f->invocations == tile->invocations && tile->tile_m % f->m == 0 &&
            tile->tile_n % f->n == 0 && tile->tile_k % f->k == 0 && tile->tile_m <= f->most &&
            tile->tile_n <= f->most && tile->tile_k <= f->most)
            return f;
    }
    return NULL;
}

// Whether threads can bring the windows of a step to shared memory.
static bool fits_gathered(const struct conv_choice *tile, const struct matrix_flexible *flexible)
{
    const uint32_t chunks = tile->tile_k / CHUNK;
    return tile->invocations % chunks == 0 && tile->tile_m * chunks % tile->invocations == 0 &&
           tile->tile_m * (chunks + 1) * CHUNK_BYTES <= flexible->shared_bytes;
}

static bool fits(const struct cubby_gpu *gpu, const struct conv_choice *tile, bool gathered,
                 uint32_t in_channels, uint32_t out_channels)
{
    const bool is_cpu = gpu->info.kind == CUBBY_DEVICE_CPU;
    const struct matrix_flexible *flexible = find_flexible(gpu, tile);
    return flexible && in_channels % tile->tile_k == 0 && out_channels % tile->tile_n == 0 &&
           LAYOUT_SPARE_PIXELS % tile->tile_m == 0 &&
           tile->invocations <= gpu->limits.maxComputeWorkGroupInvocations &&
           tile->invocations <= gpu->limits.maxComputeWorkGroupSize[0] &&
           (!gathered || fits_gathered(tile, flexible)) &&
           (!is_cpu || tile->tile_m * tile->tile_n <= CPU_LARGEST_TILE);
}

// Rounds of workgroups on all compute units, times what one of them loads.
static uint64_t cost(const struct cubby_gpu *gpu, const struct conv_choice *tile, uint32_t pixels,
                     uint32_t channels)
{
    const uint64_t groups = (uint64_t)divide_up(pixels, tile->tile_m) * (channels / tile->tile_n);
    const uint64_t rounds = (groups + gpu->compute_units - 1) / gpu->compute_units;
    return rounds * (tile->tile_m + tile->tile_n);
}

uint32_t conv_flexible_candidates(const struct cubby_gpu *gpu, const struct graph *graph,
                                  const struct graph_op *op, uint32_t batch,
                                  struct conv_choice *choices, uint32_t max)
{
    const struct graph_value *value = &graph->values[op->output];
    const struct value_layout in = layout_of(gpu, graph, op->input),
                              out = layout_of(gpu, graph, op->output);
    if (!gpu->flexible_count || !suits(graph, op, &in))
        return 0;
    const bool gathered = gathers(gpu, graph, op);
    const uint32_t pixels = batch * value->height * value->width;
    struct conv_choice sorted[TILES];
    uint32_t count = 0;
    for (uint32_t i = 0; i < TILES; i++) {
        struct conv_choice tile = tiles[i];
        if (!tile.invocations)
            tile.invocations = (uint16_t)gpu->info.subgroup_size;
        if (!fits(gpu, &tile, gathered, in.channels, out.channels))
            continue;
        const uint64_t of_this = cost(gpu, &tile, pixels, out.channels);
        uint32_t at = count++;
        for (; at > 0 && cost(gpu, &sorted[at - 1], pixels, out.channels) > of_this; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = tile;
    }
    if (count > max)
        count = max;
    memcpy(choices, sorted, count * sizeof(*choices));
    return count;
}

void conv_flexible_set(struct op_launch *launch, const struct cubby_gpu *gpu,
                       const struct graph *graph, const struct graph_op *op,
                       const struct op_places *places)
{
    const struct conv_choice *tile = places->choice;
    const struct matrix_flexible *flexible = find_flexible(gpu, tile);
    assert(flexible);
    const uint32_t constants[] = {
        tile->invocations,
        tile->tile_m,
        tile->tile_n,
        tile->tile_k,
        flexible->scope,
        tile->invocations,
        places->in->channels / CHUNK,
        places->out->channels / CHUNK,
        op->kernel,
        op->pad > 0,
        gathers(gpu, graph, op),
        op->residual != GRAPH_NONE,
        op->relu,
        places->out->element_bytes == LAYOUT_FLOAT,
        places->second ? places->second->channels / CHUNK : 0,
    };
    launch->kernel = KERNEL_CONV_FLEXIBLE;
    launch->constant_count = sizeof(constants) / sizeof(*constants);
    memcpy(launch->constants, constants, sizeof(constants));
}

// Of a row of weights: [tap][input channel], and behind them the second tensor's channels.
static uint32_t row_of(const struct cubby_gpu *gpu, const struct graph *graph,
                       const struct graph_op *op, uint32_t *first_second)
{
    *first_second = op->kernel * op->kernel * layout_of(gpu, graph, op->input).channels;
    return *first_second +
           (op->second != GRAPH_NONE ? layout_of(gpu, graph, op->second).channels : 0);
}

// Rows for one output channel after the other: the transposed matrix.
void conv_flexible_pack(const struct cubby_gpu *gpu, const struct graph *graph,
                        const struct graph_op *op, const float *weight, float *texels)
{
    const uint32_t padded = layout_of(gpu, graph, op->input).channels;
    const uint32_t in = graph->values[op->input].channels;
    const uint32_t out = graph->values[op->output].channels, taps = op->kernel * op->kernel;
    uint32_t own;
    const uint64_t row = row_of(gpu, graph, op, &own);
    for (uint32_t o = 0; o < out; o++)
        for (uint32_t i = 0; i < in; i++)
            for (uint32_t tap = 0; tap < taps; tap++)
                texels[o * row + tap * padded + i] = weight[((uint64_t)o * in + i) * taps + tap];
}

void conv_flexible_pack_second(const struct cubby_gpu *gpu, const struct graph *graph,
                               const struct graph_op *op, const float *weight, float *texels)
{
    const uint32_t in = graph->values[op->second].channels;
    const uint32_t out = graph->values[op->output].channels;
    uint32_t own;
    const uint64_t row = row_of(gpu, graph, op, &own);
    for (uint32_t o = 0; o < out; o++)
        memcpy(texels + o * row + own, weight + (uint64_t)o * in, in * sizeof(*weight));
}
