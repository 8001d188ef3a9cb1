// Host side of shaders/normalize.comp.
#include <string.h>

#include "normalize_push.h"
#include "ops/launch.h"

#define THREADS 64u // as the shader's local size

void normalize_launch(struct op_launch *launch, const struct graph *graph,
                      const struct graph_op *op, uint32_t batch)
{
    const struct normalize_push push = {
        .pixels = batch * graph->input_height * graph->input_width,
        .mean_r = op->mean[0],
        .mean_g = op->mean[1],
        .mean_b = op->mean[2],
        .std_r = op->std[0],
        .std_g = op->std[1],
        .std_b = op->std[2],
    };
    *launch = (struct op_launch){
        .kernel = graph->input_floats ? KERNEL_NORMALIZE_FLOAT : KERNEL_NORMALIZE,
        .push_bytes = sizeof(push),
        .groups = {divide_up(divide_up(push.pixels, NORMALIZE_PIXELS), THREADS), 1, 1},
    };
    memcpy(launch->push, &push, sizeof(push));
}
