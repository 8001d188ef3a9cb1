// Host side of shaders/normalize.comp.
#include <string.h>

#include "normalize_push.h"
#include "ops/launch.h"

#define THREADS 64u // as the shader's local size

void normalize_launch(struct op_launch *launch, const struct graph *graph,
                      const struct graph_op *op, const struct op_places *places, uint32_t batch)
{
    const struct value_layout *out = places->out;
    const struct normalize_push push = {
        .pixels = batch * graph->input_height * graph->input_width,
        .mean_r = op->mean[0],
        .mean_g = op->mean[1],
        .mean_b = op->mean[2],
        .std_r = op->std[0],
        .std_g = op->std[1],
        .std_b = op->std[2],
        .height = graph->input_height,
        .width = graph->input_width,
        .stored_pixels = batch * out->height * out->width,
        .stored_height = out->height,
        .stored_width = out->width,
        .top = out->top,
        .left = out->left,
        .blocks = layout_blocks(out),
    };
    const uint32_t pixels = out->order == LAYOUT_PIXELS ? push.stored_pixels : push.pixels;
    *launch = (struct op_launch){
        .kernel = graph->input_floats ? KERNEL_NORMALIZE_FLOAT : KERNEL_NORMALIZE,
        .push_bytes = sizeof(push),
        .groups = {divide_up(divide_up(pixels, NORMALIZE_PIXELS), THREADS), 1, 1},
    };
    memcpy(launch->push, &push, sizeof(push));
}
