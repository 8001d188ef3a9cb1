// Host side of shaders/conv_lane.comp and shaders/conv_tile.comp.
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "conv_push.h"
#include "ops/conv_matrix.h"
#include "ops/stem_matrix.h"
#include "winograd_push.h"

// As the shaders' R, J, PANEL and BK.
#define LANE_CHANNELS 32u
#define LANE_PIXELS 4u
#define LANE_PIXELS_MESA22 3u
#define LANE_PIXELS_ROW 3u
#define LANE_PIXELS_SHORT 2u
#define TILE_CHANNELS 64u
#define TILE_STEP 16u // input channels
#define TILE_SIDE 16u // threads along each side of a tile
#define TILE_SMALLEST 64u
#define TILES 3u
#define ROW_CHANNELS 3u

static bool is_product(const struct graph_op *op)
{
    return op->kind == GRAPH_WINOGRAD_PRODUCT;
}

static bool is_row(const struct graph *graph, const struct graph_op *op)
{
    return op->kernel == CONV_ROW_TAPS && graph->values[op->input].channels <= ROW_CHANNELS;
}

// Output channels of a workgroup, whose weights lie together.
static uint32_t panel_width(const struct cubby_gpu *gpu, const struct graph *graph,
                            const struct graph_op *op)
{
    if (gpu->family != CUBBY_KERNELS_LANE)
        return TILE_CHANNELS;
    // Wider invocations load the pixels less often, but must not compute padding instead.
    const uint32_t panels = divide_up(graph->values[op->output].channels, LANE_CHANNELS);
    return is_row(graph, op) || panels % 2 == 0 ? 2 * LANE_CHANNELS : LANE_CHANNELS;
}

// What a convolution of so many pixels uses in the lane family, and the pixels of its workgroups.
struct own_choice {
    enum kernel_id kernel;
    uint32_t pixels;
};

static struct own_choice choose(const struct cubby_gpu *gpu, const struct graph *graph,
                                const struct graph_op *op, uint32_t pixels)
{
    const uint32_t size = gpu->info.subgroup_size;
    const uint32_t most = gpu->info.mesa22 ? LANE_PIXELS_MESA22 : LANE_PIXELS;
    if (is_row(graph, op))
        return (struct own_choice){KERNEL_CONV_ROW, LANE_PIXELS_ROW * size};
    if (panel_width(gpu, graph, op) == LANE_CHANNELS)
        return (struct own_choice){KERNEL_CONV, most * size};
    // Fewer pixels a workgroup pay if the rest of the last workgroup would be empty: they take less
    // time, though not as much less as they are fewer, because of the weights. Only products are so
    // few in usual batches; for others it is one more kernel that the driver takes a second to
    // compile.
    const uint32_t whole = most * size, less = LANE_PIXELS_SHORT * size;
    if (is_product(op) &&
        divide_up(pixels, less) * (LANE_PIXELS_SHORT + 1) < divide_up(pixels, whole) * (most + 1))
        return (struct own_choice){KERNEL_CONV_SHORT, less};
    return (struct own_choice){KERNEL_CONV_WIDE, whole};
}

// Output channels with those that pad the last panel.
static uint32_t padded_channels(const struct cubby_gpu *gpu, const struct graph *graph,
                                const struct graph_op *op)
{
    const uint32_t width = panel_width(gpu, graph, op);
    return divide_up(graph->values[op->output].channels, width) * width;
}

// Texels of one position's weights; of all weights of a convolution that is no product.
static uint64_t position_texels(const struct cubby_gpu *gpu, const struct graph *graph,
                                const struct graph_op *op)
{
    const uint32_t taps = is_product(op) ? 1 : op->kernel * op->kernel;
    return (uint64_t)padded_channels(gpu, graph, op) * taps *
           channel_blocks(graph->values[op->input].channels);
}

static uint64_t second_texels(const struct cubby_gpu *gpu, const struct graph *graph,
                              const struct graph_op *op)
{
    if (op->second == GRAPH_NONE)
        return 0;
    return (uint64_t)padded_channels(gpu, graph, op) *
           channel_blocks(graph->values[op->second].channels);
}

static void set_second(struct conv_push *push, const struct cubby_gpu *gpu,
                       const struct graph *graph, const struct graph_op *op,
                       const struct op_places *places, uint32_t batch)
{
    const struct graph_value *second = &graph->values[op->second];
    push->residual_base = places->second_src;
    push->weight_step = (uint32_t)position_texels(gpu, graph, op);
    push->second_blocks = channel_blocks(second->channels);
    push->second_image = second->height * second->width;
    push->second_plane = batch * push->second_image;
    push->second_width = second->width;
    push->second_stride = op->second_stride;
}

static struct conv_push conv_shape(const struct graph *graph, const struct graph_op *op,
                                   uint32_t batch)
{
    const struct graph_value *in = &graph->values[op->input], *out = &graph->values[op->output];
    return (struct conv_push){
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
        .flags = CONV_BIAS | (op->relu ? CONV_RELU : 0) |
                 (op->residual != GRAPH_NONE ? CONV_RESIDUAL : 0),
        .ascending = LANE_ASCENDING,
    };
}

// A 1x1 convolution of the tiles for each position; the output transform adds the bias.
static struct conv_push product_shape(const struct cubby_gpu *gpu, const struct graph *graph,
                                      const struct graph_op *op, uint32_t batch)
{
    const struct graph_value *in = &graph->values[op->input], *out = &graph->values[op->output];
    const uint32_t tiles = batch * in->height / WINOGRAD_POSITIONS * in->width;
    return (struct conv_push){
        .in_height = 1,
        .in_width = tiles,
        .in_blocks = channel_blocks(in->channels),
        .in_plane = tiles,
        .out_height = 1,
        .out_width = tiles,
        .out_blocks = channel_blocks(out->channels),
        .out_plane = tiles,
        .kernel = 1,
        .stride = 1,
        .src_step = tiles * channel_blocks(in->channels),
        .weight_step = (uint32_t)position_texels(gpu, graph, op),
        .dst_step = tiles * channel_blocks(out->channels),
        .ascending = LANE_ASCENDING,
    };
}

bool conv_choice_equal(const struct conv_choice *a, const struct conv_choice *b)
{
    return a->tile_m == b->tile_m && a->tile_n == b->tile_n && a->tile_k == b->tile_k &&
           a->part_m == b->part_m && a->part_n == b->part_n && a->buffers == b->buffers &&
           a->ahead == b->ahead && a->weights_ahead == b->weights_ahead &&
           a->winograd == b->winograd && a->invocations == b->invocations;
}

void conv_choice_describe(const struct conv_choice *choice, char *text, size_t text_bytes)
{
    if (!choice->tile_m)
        snprintf(text, text_bytes, "%s", choice->winograd ? "Winograd" : "");
    else if (choice->invocations)
        snprintf(text, text_bytes,
                 "%ux%u pixels and channels, one matrix of %u invocations, %u a step",
                 choice->tile_m, choice->tile_n, choice->invocations, choice->tile_k);
    else if (!choice->part_m)
        snprintf(text, text_bytes, "%s%ux%u pixels and channels, %u a step",
                 choice->winograd ? "Winograd, " : "", choice->tile_m, choice->tile_n,
                 choice->tile_k);
    else
        snprintf(text, text_bytes,
                 "%s%ux%u pixels and channels (%ux%u a subgroup), %u a step, %u ahead%s",
                 choice->winograd ? "Winograd, " : "", choice->tile_m, choice->tile_n,
                 choice->part_m, choice->part_n, choice->tile_k, choice->ahead,
                 choice->weights_ahead > choice->ahead ? ", one more of weights" : "");
}

// The tiles of shaders/conv_tile.comp. Rounds of workgroups on all compute units, times what one
// takes: its products, and its loads from memory, of which each costs as much as 32 products.
static uint64_t tile_cost(const struct cubby_gpu *gpu, const struct conv_choice *tile,
                          uint32_t pixels, uint32_t channels)
{
    if (gpu->info.kind == CUBBY_DEVICE_CPU)
        return tile->tile_m * tile->tile_n; // compiling is what takes time there
    const uint64_t groups =
        (uint64_t)divide_up(pixels, tile->tile_m) * divide_up(channels, tile->tile_n);
    const uint64_t rounds = (groups + gpu->compute_units - 1) / gpu->compute_units;
    return rounds * (tile->tile_m * tile->tile_n + 32u * (tile->tile_m + tile->tile_n));
}

static uint32_t tile_candidates(const struct cubby_gpu *gpu, const struct graph *graph,
                                const struct graph_op *op, uint32_t batch,
                                struct conv_choice *choices, uint32_t max)
{
    static const struct conv_choice tiles[] = {
        {.tile_m = 128, .tile_n = 128, .tile_k = TILE_STEP},
        {.tile_m = 128, .tile_n = 64, .tile_k = TILE_STEP},
        {.tile_m = 64, .tile_n = 64, .tile_k = TILE_STEP},
    };
    const struct graph_value *out = &graph->values[op->output];
    const uint32_t pixels = batch * out->height * out->width;
    struct conv_choice sorted[2 * TILES];
    uint32_t count = 0;
    for (uint32_t i = 0; i < TILES; i++) {
        const uint64_t of_this = tile_cost(gpu, &tiles[i], pixels, out->channels);
        uint32_t at = count++;
        for (; at > 0 && tile_cost(gpu, &sorted[at - 1], pixels, out->channels) > of_this; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = tiles[i];
    }
    // Winograd's way only after measuring; its transform takes from halves the digits that it
    // spares floats.
    if (gpu->precision == CUBBY_PRECISION_FP32 && winograd_suits(graph, op)) {
        for (uint32_t i = 0; i < TILES; i++) {
            sorted[count] = sorted[i];
            sorted[count++].winograd = true;
        }
    }
    if (count > max)
        count = max;
    memcpy(choices, sorted, count * sizeof(*choices));
    return count;
}

uint32_t conv_candidates(const struct cubby_gpu *gpu, const struct graph *graph,
                         const struct graph_op *op, uint32_t batch, struct conv_choice *choices,
                         uint32_t max)
{
    if (gpu->family == CUBBY_KERNELS_MATRIX)
        return conv_matrix_candidates(gpu, graph, op, batch, choices, max);
    if (gpu->family == CUBBY_KERNELS_TILE)
        return tile_candidates(gpu, graph, op, batch, choices, max);
    choices[0] = (struct conv_choice){0};
    if (!winograd_suits(graph, op))
        return 1;
    choices[0].winograd = true; // known to be faster on CPU drivers
    if (max > 1)
        choices[1] = (struct conv_choice){0};
    return max > 1 ? 2 : 1;
}

void conv_launch(struct op_launch *launch, const struct cubby_gpu *gpu, const struct graph *graph,
                 const struct graph_op *op, const struct op_places *places, uint32_t batch)
{
    if (gpu->family == CUBBY_KERNELS_MATRIX) {
        conv_matrix_launch(launch, gpu, graph, op, places, batch);
        return;
    }
    struct conv_push push =
        is_product(op) ? product_shape(gpu, graph, op, batch) : conv_shape(graph, op, batch);
    push.src_base = places->src;
    push.weight_base = places->weight;
    push.bias_base = places->bias;
    push.residual_base = places->residual;
    if (places->out->element_bytes == LAYOUT_FLOAT)
        push.flags |= CONV_FLOATS;
    const uint32_t channels = graph->values[op->output].channels;
    const uint32_t groups_z = is_product(op) ? WINOGRAD_POSITIONS : 1;
    if (gpu->family == CUBBY_KERNELS_TILE) {
        const uint32_t tile_m = places->choice->tile_m ? places->choice->tile_m : TILE_SMALLEST;
        const uint32_t tile_n = places->choice->tile_n ? places->choice->tile_n : TILE_SMALLEST;
        *launch = (struct op_launch){
            .kernel = KERNEL_CONV,
            .constants = {tile_m / TILE_SIDE, tile_n / TILE_SIDE},
            .constant_count = 2,
            .push_bytes = sizeof(push),
            .groups = {divide_up(push.out_plane, tile_m), divide_up(channels, tile_n), groups_z},
        };
        memcpy(launch->push, &push, sizeof(push));
        return;
    }
    if (op->second != GRAPH_NONE)
        set_second(&push, gpu, graph, op, places, batch);
    const struct own_choice choice = choose(gpu, graph, op, push.out_plane);
    const uint32_t pixel_groups = divide_up(push.out_plane, choice.pixels);
    const uint32_t width = panel_width(gpu, graph, op), panels = divide_up(channels, width);
    *launch = (struct op_launch){
        .kernel = choice.kernel,
        // RESIDUAL, LOOSE, SECOND
        .constants = {(push.flags & CONV_RESIDUAL) != 0,
                      gpu->info.mesa22 &&
                          (push.out_plane < gpu->info.subgroup_size || channels % width != 0),
                      op->second != GRAPH_NONE},
        .constant_count = 3,
        .push_bytes = sizeof(push),
        .groups = {pixel_groups, panels, groups_z},
    };
    // The smaller of weights and pixels is what the CPU's caches can keep while it is read again.
    if (position_texels(gpu, graph, op) < (uint64_t)push.in_blocks * push.in_plane) {
        push.flags |= CONV_CHANNELS_FIRST;
        launch->groups[0] = panels;
        launch->groups[1] = pixel_groups;
    }
    memcpy(launch->push, &push, sizeof(push));
}

uint64_t conv_weight_texels(const struct cubby_gpu *gpu, const struct graph *graph,
                            const struct graph_op *op)
{
    if (op->kind == GRAPH_STEM)
        return stem_matrix_weight_texels(gpu, graph, op);
    if (gpu->family == CUBBY_KERNELS_MATRIX)
        return conv_matrix_weight_texels(gpu, graph, op);
    return position_texels(gpu, graph, op) * (is_product(op) ? WINOGRAD_POSITIONS : 1) +
           second_texels(gpu, graph, op);
}

uint64_t conv_bias_texels(const struct cubby_gpu *gpu, const struct graph *graph,
                          const struct graph_op *op)
{
    if (op->kind == GRAPH_STEM)
        return stem_matrix_bias_texels(gpu, graph, op);
    if (gpu->family == CUBBY_KERNELS_MATRIX)
        return conv_matrix_bias_texels(graph, op);
    return channel_blocks(graph->values[op->output].channels);
}

// To [panel][tap][block][channel of the panel][channel of the block].
static void pack_direct(uint32_t out, uint32_t in, uint32_t taps, uint32_t width,
                        const float *weight, float *texels)
{
    const uint32_t blocks = channel_blocks(in);
    for (uint32_t o = 0; o < out; o++) {
        float *panel = texels + (uint64_t)(o / width) * taps * blocks * width * 4;
        for (uint32_t i = 0; i < in; i++) {
            const float *source = weight + ((uint64_t)o * in + i) * taps;
            for (uint32_t tap = 0; tap < taps; tap++) {
                const uint64_t texel = ((uint64_t)tap * blocks + i / 4) * width + o % width;
                panel[texel * 4 + i % 4] = source[tap];
            }
        }
    }
}

void conv_pack(const struct cubby_gpu *gpu, const struct graph *graph, const struct graph_op *op,
               const struct conv_choice *choice, const float *weight, const float *bias,
               float *texels)
{
    if (op->kind == GRAPH_STEM) {
        stem_matrix_pack(gpu, graph, op, weight, bias, texels);
        return;
    }
    if (gpu->family == CUBBY_KERNELS_MATRIX) {
        conv_matrix_pack(gpu, graph, op, choice, weight, bias, texels);
        return;
    }
    const uint32_t in = graph->values[op->input].channels;
    const uint32_t out = graph->values[op->output].channels;
    const uint32_t width = panel_width(gpu, graph, op);
    const uint64_t weight_floats = conv_weight_texels(gpu, graph, op) * 4;
    memset(texels, 0, (weight_floats + conv_bias_texels(gpu, graph, op) * 4) * sizeof(*texels));
    if (is_product(op))
        winograd_pack(out, in, width, weight, texels);
    else
        pack_direct(out, in, op->kernel * op->kernel, width, weight, texels);
    memcpy(texels + weight_floats, bias, out * sizeof(*bias));
}

void conv_pack_second(const struct cubby_gpu *gpu, const struct graph *graph,
                      const struct graph_op *op, const struct conv_choice *choice,
                      const float *weight, const float *bias, float *texels)
{
    assert(conv_lowering(gpu).merges_shortcuts);
    if (gpu->family == CUBBY_KERNELS_MATRIX) {
        conv_matrix_pack_second(gpu, graph, op, choice, weight, bias, texels);
        return;
    }
    const uint32_t in = graph->values[op->second].channels;
    const uint32_t out = graph->values[op->output].channels;
    float *sums = texels + conv_weight_texels(gpu, graph, op) * 4;
    pack_direct(out, in, 1, panel_width(gpu, graph, op), weight,
                texels + position_texels(gpu, graph, op) * 4);
    for (uint32_t o = 0; o < out; o++)
        sums[o] += bias[o];
}

uint32_t conv_round_images(const struct cubby_gpu *gpu)
{
    // Tiles of 128 x 128, two of which live on a compute unit, of 7 x 7 pixels and 512 channels.
    const uint32_t tile = 128 * 128, last = 7 * 7 * 512;
    const uint64_t images = (uint64_t)gpu->compute_units * 2 * tile / last;
    return images ? (uint32_t)images : 1;
}

struct graph_lower_params conv_lowering(const struct cubby_gpu *gpu)
{
    const bool is_matrix = gpu->family == CUBBY_KERNELS_MATRIX;
    return (struct graph_lower_params){
        .merges_shortcuts = is_matrix || gpu->family == CUBBY_KERNELS_LANE,
        .merges_windows = is_matrix,
    };
}
