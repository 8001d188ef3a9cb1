// Host side of shaders/winograd_input.comp and winograd_output.comp, and of the products between.
#include <string.h>

#include "conv_push.h"
#include "ops/launch.h"
#include "winograd_push.h"

#define THREADS 64u // as the shaders' local size

// Below this the transforms cost more than the products save.
#define LEAST_CHANNELS 96u
#define LEAST_SIDE 6u
// Transformed weights are four times as large; those of wide networks would be over what devices
// bind at once (128 MB on Mesa's CPU driver).
#define MOST_WEIGHT_BYTES (UINT64_C(64) << 20)

bool winograd_suits(const struct graph *graph, const struct graph_op *op)
{
    const struct graph_value *in = &graph->values[op->input], *out = &graph->values[op->output];
    if (!graph_winograd_can(op))
        return false;
    const uint64_t weights = (uint64_t)in->channels * out->channels * WINOGRAD_POSITIONS;
    if (weights * sizeof(float) > MOST_WEIGHT_BYTES)
        return false;
    return in->channels >= LEAST_CHANNELS && out->channels >= LEAST_CHANNELS &&
           out->height >= LEAST_SIDE && out->width >= LEAST_SIDE;
}

static uint32_t tiles_along(uint32_t size)
{
    return divide_up(size, WINOGRAD_OUT);
}

// `image` is the value with pixels, whose tiles are those of `out`.
static struct winograd_push shape_of(const struct graph_value *image, const struct graph_value *out,
                                     const struct op_places *places, uint32_t batch)
{
    return (struct winograd_push){
        .src_base = places->src,
        .bias_base = places->bias,
        .residual_base = places->residual,
        .height = image->height,
        .width = image->width,
        .plane = batch * image->height * image->width,
        .tiles_x = tiles_along(out->width),
        .tiles_y = tiles_along(out->height),
        .tiles = batch * tiles_along(out->height) * tiles_along(out->width),
        .blocks = channel_blocks(image->channels),
    };
}

static void launch_tiles(struct op_launch *launch, enum kernel_id kernel,
                         const struct winograd_push *push)
{
    *launch = (struct op_launch){
        .kernel = kernel,
        .push_bytes = sizeof(*push),
        .groups = {divide_up(push->tiles, THREADS), push->blocks, 1},
    };
    memcpy(launch->push, push, sizeof(*push));
}

void winograd_input_launch(struct op_launch *launch, const struct graph *graph,
                           const struct graph_op *op, const struct op_places *places,
                           uint32_t batch)
{
    const struct graph_value *in = &graph->values[op->input];
    // The output is one pixel smaller on each side, and the padding larger.
    const struct graph_value out = {
        .height = graph_window(in->height, op->kernel, op->stride, op->pad),
        .width = graph_window(in->width, op->kernel, op->stride, op->pad),
    };
    struct winograd_push push = shape_of(in, &out, places, batch);
    push.pad = op->pad;
    launch_tiles(launch, KERNEL_WINOGRAD_INPUT, &push);
}

void winograd_output_launch(struct op_launch *launch, const struct graph *graph,
                            const struct graph_op *op, const struct op_places *places,
                            uint32_t batch)
{
    const struct graph_value *out = &graph->values[op->output];
    struct winograd_push push = shape_of(out, out, places, batch);
    push.flags = (op->relu ? CONV_RELU : 0) | (op->residual != GRAPH_NONE ? CONV_RESIDUAL : 0);
    launch_tiles(launch, KERNEL_WINOGRAD_OUTPUT, &push);
}

// G g along one line of each kernel, at the points of shaders/include/winograd.glsl.
static void transform_line(const float *const g[WINOGRAD_KERNEL],
                           float u[WINOGRAD_IN][WINOGRAD_KERNELS])
{
    const float a = 2.0f / 3.0f, b = 3.0f / 2.0f;
    const float scale_a = 1 / (2 * a * a * (a * a - b * b));
    const float scale_b = 1 / (2 * b * b * (b * b - a * a));
    for (int k = 0; k < WINOGRAD_KERNELS; k++) {
        const float even_a = scale_a * (g[0][k] + a * a * g[2][k]), odd_a = scale_a * a * g[1][k];
        const float even_b = scale_b * (g[0][k] + b * b * g[2][k]), odd_b = scale_b * b * g[1][k];
        u[0][k] = g[0][k];
        u[1][k] = even_a + odd_a;
        u[2][k] = even_a - odd_a;
        u[3][k] = even_b + odd_b;
        u[4][k] = even_b - odd_b;
        u[5][k] = g[2][k];
    }
}

void winograd_transform(float kernels[WINOGRAD_TAPS][WINOGRAD_KERNELS],
                        float positions[WINOGRAD_POSITIONS][WINOGRAD_KERNELS])
{
    float columns[WINOGRAD_KERNEL][WINOGRAD_IN][WINOGRAD_KERNELS]; // [x][position]
    for (int x = 0; x < WINOGRAD_KERNEL; x++)
        transform_line((const float *const[]){kernels[x], kernels[3 + x], kernels[6 + x]},
                       columns[x]);
    for (int y = 0; y < WINOGRAD_IN; y++)
        transform_line((const float *const[]){columns[0][y], columns[1][y], columns[2][y]},
                       positions + y * WINOGRAD_IN);
}

// The kernels of four output channels from `o` and four input channels from `i`, side by side.
static void gather(const float *weight, uint32_t out, uint32_t in, uint32_t o, uint32_t i,
                   float kernels[WINOGRAD_TAPS][WINOGRAD_KERNELS])
{
    memset(kernels, 0, WINOGRAD_TAPS * sizeof(*kernels));
    for (uint32_t k = 0; k < WINOGRAD_KERNELS; k++) {
        if (o + k / 4 >= out || i + k % 4 >= in)
            continue;
        const float *source = weight + ((uint64_t)(o + k / 4) * in + i + k % 4) * WINOGRAD_TAPS;
        for (uint32_t tap = 0; tap < WINOGRAD_TAPS; tap++)
            kernels[tap][k] = source[tap];
    }
}

void winograd_pack(uint32_t out, uint32_t in, uint32_t panel_width, const float *weight,
                   float *texels)
{
    const uint32_t blocks = channel_blocks(in), padded = divide_up(out, panel_width) * panel_width;
    for (uint32_t o = 0; o < out; o += 4) {
        float *panel = texels + (uint64_t)(o / panel_width) * blocks * panel_width * 4;
        for (uint32_t block = 0; block < blocks; block++) {
            float kernels[WINOGRAD_TAPS][WINOGRAD_KERNELS];
            float positions[WINOGRAD_POSITIONS][WINOGRAD_KERNELS];
            gather(weight, out, in, o, block * 4, kernels);
            winograd_transform(kernels, positions);
            float *target = panel + ((uint64_t)block * panel_width + o % panel_width) * 4;
            for (uint32_t p = 0; p < WINOGRAD_POSITIONS; p++)
                memcpy(target + (uint64_t)p * padded * blocks * 4, positions[p],
                       sizeof(positions[p]));
        }
    }
}
