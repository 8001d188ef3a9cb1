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

// G g along one line, at the points of shaders/include/winograd.glsl.
static void transform_line(const double g[3], double u[WINOGRAD_IN])
{
    const double a = 2.0 / 3.0, b = 3.0 / 2.0;
    const double scale_a = 1 / (2 * a * a * (a * a - b * b));
    const double scale_b = 1 / (2 * b * b * (b * b - a * a));
    const double even_a = scale_a * (g[0] + a * a * g[2]), odd_a = scale_a * a * g[1];
    const double even_b = scale_b * (g[0] + b * b * g[2]), odd_b = scale_b * b * g[1];
    u[0] = g[0];
    u[1] = even_a + odd_a;
    u[2] = even_a - odd_a;
    u[3] = even_b + odd_b;
    u[4] = even_b - odd_b;
    u[5] = g[2];
}

void winograd_transform(const float kernel[WINOGRAD_KERNEL * WINOGRAD_KERNEL],
                        float positions[WINOGRAD_POSITIONS])
{
    double columns[WINOGRAD_KERNEL][WINOGRAD_IN]; // [x][position]
    for (int x = 0; x < WINOGRAD_KERNEL; x++) {
        const double column[] = {kernel[x], kernel[3 + x], kernel[6 + x]};
        transform_line(column, columns[x]);
    }
    for (int y = 0; y < WINOGRAD_IN; y++) {
        const double row[] = {columns[0][y], columns[1][y], columns[2][y]};
        double transformed[WINOGRAD_IN];
        transform_line(row, transformed);
        for (int x = 0; x < WINOGRAD_IN; x++)
            positions[y * WINOGRAD_IN + x] = (float)transformed[x];
    }
}
