#include "ops/conv_matrix.h"

#include <assert.h>
#include <string.h>

#include "conv_matrix_push.h"
#include "conv_push.h"
#include "ops/conv_flexible.h"

#define CHUNK 8u // channels of 16 bytes
#define CHUNK_BYTES 16u
#define PAD 1u // chunks behind each row of a shared tile
#define LARGEST_TILE 256u
#define CPU_LARGEST_PART (16 * 32)
#define MAX_KERNEL 16u // bits that the shader has for each side of a window

// Pixels, channels, input channels a step; what a subgroup computes; buffers in shared memory (of
// 48 KB, what most devices have), steps ahead, of weights, too; and the TFLOP/s that an H100
// reached in a 3x3 convolution of 256 channels, 14 x 14, which is what the choice without measuring
// goes by: measured before K ran over taps first, and for weights further ahead raised by 3 to 10
// %, which is about what they gained since. What a subgroup computes matters most: 64 x 64 read
// half as much from shared memory for each product as 32 x 32, but need 230 registers, and a device
// with fewer is better off with less.
struct tile {
    struct conv_choice choice;
    uint32_t rate;
};
#define TILE(m, n, k, of_m, of_n, in_memory, under_way, of_weights, tflops)                        \
    {                                                                                              \
        {.tile_m = (m),                                                                            \
         .tile_n = (n),                                                                            \
         .tile_k = (k),                                                                            \
         .part_m = (of_m),                                                                         \
         .part_n = (of_n),                                                                         \
         .buffers = (in_memory),                                                                   \
         .ahead = (under_way),                                                                     \
         .weights_ahead = (of_weights)},                                                           \
            (tflops)                                                                               \
    }
static const struct tile tiles[] = {
    TILE(128, 256, 32, 64, 64, 1, 1, 1, 205), TILE(128, 256, 32, 64, 64, 1, 1, 2, 215),
    TILE(128, 256, 32, 64, 64, 1, 2, 2, 207), TILE(256, 128, 32, 64, 64, 1, 1, 1, 200),
    TILE(256, 128, 32, 64, 64, 1, 1, 2, 210), TILE(128, 128, 32, 64, 64, 1, 1, 1, 217),
    TILE(128, 128, 32, 64, 64, 1, 1, 2, 235), TILE(128, 128, 64, 32, 64, 1, 2, 2, 205),
    TILE(128, 128, 32, 32, 64, 2, 1, 1, 159), TILE(256, 64, 64, 64, 32, 1, 1, 1, 187),
    TILE(256, 64, 64, 64, 32, 1, 1, 2, 205),  TILE(128, 64, 64, 32, 32, 1, 2, 2, 150),
    TILE(128, 64, 32, 32, 32, 2, 1, 1, 120),  TILE(64, 128, 32, 32, 32, 2, 1, 1, 120),
    TILE(64, 64, 64, 32, 32, 1, 1, 1, 145),   TILE(64, 64, 64, 32, 32, 1, 1, 2, 150),
    TILE(64, 64, 32, 32, 32, 2, 1, 1, 110),   TILE(64, 32, 32, 16, 32, 2, 1, 1, 60),
    TILE(32, 64, 32, 16, 32, 2, 1, 2, 60),    TILE(32, 32, 32, 16, 16, 2, 1, 1, 40),
    TILE(32, 32, 32, 16, 32, 1, 2, 2, 40),
};
#define TILES (sizeof(tiles) / sizeof(*tiles))

static bool is_image(const struct value_layout *in)
{
    return in->channels == LAYOUT_IMAGE_CHANNELS;
}

// Of one tap; an image's tap is a whole row of the window.
static uint32_t tap_channels(const struct value_layout *in)
{
    return is_image(in) ? LAYOUT_IMAGE_TAPS * LAYOUT_IMAGE_CHANNELS : in->channels;
}

static uint32_t tap_count(const struct value_layout *in, const struct graph_op *op)
{
    return is_image(in) ? op->kernel : op->kernel * op->kernel;
}

static uint32_t subgroups_of(const struct conv_choice *tile)
{
    return tile->tile_m / tile->part_m * (tile->tile_n / tile->part_n);
}

static uint32_t shared_bytes(const struct cubby_gpu *gpu, const struct conv_choice *tile)
{
    const uint32_t row = tile->tile_k / CHUNK + PAD;
    const uint32_t loaded = tile->buffers * (tile->tile_m + tile->tile_n) * row;
    const uint32_t staged = subgroups_of(tile) * gpu->matrix.m * (tile->part_n / 4 + 1);
    return (loaded > staged ? loaded : staged) * CHUNK_BYTES;
}

static bool fits(const struct cubby_gpu *gpu, const struct conv_choice *tile, uint32_t channels)
{
    const uint32_t threads = subgroups_of(tile) * gpu->info.subgroup_size;
    const uint32_t step_chunks = tile->tile_k / CHUNK;
    // A software driver unrolls its emulated matrices: minutes of compiling for the larger ones.
    if (gpu->info.kind == CUBBY_DEVICE_CPU && tile->part_m * tile->part_n > CPU_LARGEST_PART)
        return false;
    return tile->part_m % gpu->matrix.m == 0 && tile->part_n % gpu->matrix.n == 0 &&
           tile->tile_k % gpu->matrix.k == 0 && channels % tile->tile_k == 0 &&
           tile->tile_m * step_chunks % threads == 0 && tile->tile_n * step_chunks % threads == 0 &&
           threads <= gpu->limits.maxComputeWorkGroupInvocations &&
           threads <= gpu->limits.maxComputeWorkGroupSize[0] &&
           subgroups_of(tile) <= gpu->max_workgroup_subgroups &&
           shared_bytes(gpu, tile) <= gpu->limits.maxComputeSharedMemorySize;
}

// Rounds of workgroups on all compute units, times what one takes.
static double cost(const struct cubby_gpu *gpu, const struct tile *tile, uint32_t pixels,
                   uint32_t channels, bool has_taps)
{
    const double products = (double)tile->choice.tile_m * tile->choice.tile_n;
    if (gpu->info.kind == CUBBY_DEVICE_CPU)
        return tile->choice.part_m * tile->choice.part_n; // compiling is what takes time there
    const uint64_t groups =
        (uint64_t)divide_up(pixels, tile->choice.tile_m) * divide_up(channels, tile->choice.tile_n);
    const uint64_t rounds = (groups + gpu->compute_units - 1) / gpu->compute_units;
    // Where pixels do not come from a near cache, their loads are what a step waits for.
    const bool waits = !has_taps && tile->choice.weights_ahead > tile->choice.ahead;
    return (double)rounds * products / (waits ? tile->rate * 0.9 : tile->rate);
}

uint32_t conv_matrix_candidates(const struct cubby_gpu *gpu, const struct graph *graph,
                                const struct graph_op *op, uint32_t batch,
                                struct conv_choice *choices, uint32_t max)
{
    const struct value_layout in = layout_of(gpu, graph, op->input);
    const struct graph_value *out = &graph->values[op->output];
    const uint32_t pixels = batch * out->height * out->width;
    struct conv_choice sorted[TILES];
    double costs[TILES];
    uint32_t count = 0;
    for (uint32_t i = 0; i < TILES; i++) {
        if (!fits(gpu, &tiles[i].choice, tap_channels(&in)))
            continue;
        const double of_this = cost(gpu, &tiles[i], pixels, out->channels, op->kernel > 1);
        uint32_t at = count++;
        for (; at > 0 && costs[at - 1] > of_this; at--) {
            costs[at] = costs[at - 1];
            sorted[at] = sorted[at - 1];
        }
        costs[at] = of_this;
        sorted[at] = tiles[i].choice;
    }
    if (count > max)
        count = max;
    memcpy(choices, sorted, count * sizeof(*choices));
    // Behind the others: none of them is taken that was not measured.
    return count + conv_flexible_candidates(gpu, graph, op, batch, choices + count, max - count);
}

bool conv_matrix_can(const struct cubby_gpu *gpu)
{
    for (uint32_t i = 0; i < TILES; i++)
        if (fits(gpu, &tiles[i].choice, 32))
            return true;
    return false;
}

// As the layout of the output has it.
static uint32_t weight_channels(const struct graph *graph, const struct graph_op *op)
{
    return divide_up(graph->values[op->output].channels, 32) * 32;
}

static void set_addresses(struct conv_matrix_push *push, const struct graph_op *op,
                          const struct value_layout *in)
{
    // Chunks of a pixel; of an image half a chunk, which an even stride makes whole.
    const uint32_t row_pitch = in->width * in->channels / CHUNK;
    const uint32_t corner = op->pad * row_pitch + op->pad * in->channels / CHUNK;
    push->tap_chunks = tap_channels(in) / CHUNK;
    push->image_pitch = in->height * row_pitch;
    push->y_step = op->stride * row_pitch;
    push->x_step = op->stride * in->channels / CHUNK;
    push->origin = is_image(in) ? 0 : 0u - corner;
    push->row_jump = row_pitch - push->tap_chunks * (is_image(in) ? 1 : op->kernel);
}

static void set_second(struct conv_matrix_push *push, const struct graph_op *op,
                       const struct value_layout *second)
{
    const uint32_t pixel = second->channels / CHUNK;
    push->second_chunks = pixel;
    push->second_pitch = second->height * second->width * pixel;
    push->second_y_step = op->second_stride * second->width * pixel;
    push->second_x_step = op->second_stride * pixel;
}

static void set_constants(struct op_launch *launch, const struct cubby_gpu *gpu,
                          const struct graph_op *op, const struct op_places *places)
{
    const struct value_layout *in = places->in;
    const struct conv_choice *tile = places->choice;
    const uint32_t constants[] = {
        subgroups_of(tile) * gpu->info.subgroup_size,
        gpu->matrix.m,
        gpu->matrix.n,
        gpu->matrix.k,
        tile->tile_m,
        tile->tile_n,
        tile->tile_k,
        tile->part_m,
        tile->part_n,
        PAD,
        tile->buffers,
        op->kernel,
        is_image(in) ? 1 : op->kernel,
        !is_image(in) && op->pad > 0,
        gpu->info.subgroup_size,
        tile->ahead,
        op->residual != GRAPH_NONE,
        op->second != GRAPH_NONE,
        places->out->element_bytes == LAYOUT_FLOAT,
        tile->weights_ahead,
    };
    launch->constant_count = sizeof(constants) / sizeof(*constants);
    memcpy(launch->constants, constants, sizeof(constants));
}

void conv_matrix_launch(struct op_launch *launch, const struct cubby_gpu *gpu,
                        const struct graph *graph, const struct graph_op *op,
                        const struct op_places *places, uint32_t batch)
{
    const struct graph_value *in = &graph->values[op->input], *out = &graph->values[op->output];
    const struct conv_choice *tile = places->choice;
    assert(op->kernel <= MAX_KERNEL);
    struct conv_matrix_push push = {
        .tiles_n = divide_up(out->channels, tile->tile_n),
        .pixels = batch * out->height * out->width,
        .out_height = out->height,
        .out_width = out->width,
        .out_chunks = places->out->channels / CHUNK,
        .in_height = in->height,
        .in_width = in->width,
        .stride = op->stride,
        .pad = op->pad,
        .weight_channels = weight_channels(graph, op),
        .bias_base = places->bias * 4,
        .flags = op->relu ? CONV_RELU : 0,
    };
    push.tiles = divide_up(push.pixels, tile->tile_m) * push.tiles_n;
    set_addresses(&push, op, places->in);
    if (places->second)
        set_second(&push, op, places->second);
    *launch = (struct op_launch){.kernel = KERNEL_CONV, .push_bytes = sizeof(push)};
    if (tile->invocations)
        conv_flexible_set(launch, gpu, graph, op, places);
    else
        set_constants(launch, gpu, op, places);
    spread_groups(launch, push.tiles);
    memcpy(launch->push, &push, sizeof(push));
}

// Weights of the convolution proper.
static uint64_t own_weights(const struct cubby_gpu *gpu, const struct graph *graph,
                            const struct graph_op *op)
{
    const struct value_layout in = layout_of(gpu, graph, op->input);
    return (uint64_t)weight_channels(graph, op) * tap_count(&in, op) * tap_channels(&in);
}

uint64_t conv_matrix_weight_texels(const struct cubby_gpu *gpu, const struct graph *graph,
                                   const struct graph_op *op)
{
    uint64_t weights = own_weights(gpu, graph, op);
    if (op->second != GRAPH_NONE)
        weights +=
            (uint64_t)weight_channels(graph, op) * layout_of(gpu, graph, op->second).channels;
    return weights / 4;
}

uint64_t conv_matrix_bias_texels(const struct graph *graph, const struct graph_op *op)
{
    // A tile's sums start from the bias of all its channels, also those that are not stored.
    return divide_up(graph->values[op->output].channels, LARGEST_TILE) * LARGEST_TILE / 4;
}

// [tap][chunk][output channel][channel of the chunk]
static void pack_weights(const struct cubby_gpu *gpu, const struct graph *graph,
                         const struct graph_op *op, const float *weight, float *texels)
{
    const struct value_layout layout = layout_of(gpu, graph, op->input);
    const uint32_t in = graph->values[op->input].channels;
    const uint32_t out = graph->values[op->output].channels;
    const uint32_t width = weight_channels(graph, op), taps = op->kernel * op->kernel;
    for (uint32_t o = 0; o < out; o++) {
        for (uint32_t i = 0; i < in; i++) {
            for (uint32_t tap = 0; tap < taps; tap++) {
                // Where along K: an image's taps of one row lie in one, as its pixels do.
                const uint32_t k = is_image(&layout)
                                       ? tap / op->kernel * tap_channels(&layout) +
                                             tap % op->kernel * LAYOUT_IMAGE_CHANNELS + i
                                       : tap * layout.channels + i;
                texels[((uint64_t)(k / CHUNK) * width + o) * CHUNK + k % CHUNK] =
                    weight[((uint64_t)o * in + i) * taps + tap];
            }
        }
    }
}

void conv_matrix_pack(const struct cubby_gpu *gpu, const struct graph *graph,
                      const struct graph_op *op, const struct conv_choice *choice,
                      const float *weight, const float *bias, float *texels)
{
    const uint64_t weights = conv_matrix_weight_texels(gpu, graph, op) * 4;
    memset(texels, 0, (weights + conv_matrix_bias_texels(graph, op) * 4) * sizeof(*texels));
    if (choice->invocations)
        conv_flexible_pack(gpu, graph, op, weight, texels);
    else
        pack_weights(gpu, graph, op, weight, texels);
    memcpy(texels + weights, bias, graph->values[op->output].channels * sizeof(*bias));
}

// Behind those of conv_matrix_pack(), as one more tap; the biases add up.
void conv_matrix_pack_second(const struct cubby_gpu *gpu, const struct graph *graph,
                             const struct graph_op *op, const struct conv_choice *choice,
                             const float *weight, const float *bias, float *texels)
{
    const uint32_t in = graph->values[op->second].channels;
    const uint32_t out = graph->values[op->output].channels;
    const uint32_t width = weight_channels(graph, op);
    float *second = texels + own_weights(gpu, graph, op);
    float *sums = texels + conv_matrix_weight_texels(gpu, graph, op) * 4;
    for (uint32_t o = 0; o < out; o++)
        sums[o] += bias[o];
    if (choice->invocations) {
        conv_flexible_pack_second(gpu, graph, op, weight, texels);
        return;
    }
    for (uint32_t o = 0; o < out; o++)
        for (uint32_t i = 0; i < in; i++)
            second[((uint64_t)(i / CHUNK) * width + o) * CHUNK + i % CHUNK] =
                weight[(uint64_t)o * in + i];
}
