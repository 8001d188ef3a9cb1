#include "ops/stem_matrix.h"

#include <string.h>

#include "conv_push.h"
#include "stem_push.h"

#define CHUNK 8u // halves of 16 bytes
#define CHUNK_BYTES 16u
#define PIXEL_CHANNELS 4u // as stored in shared memory

// As in the shader.
#define SUBGROUPS 4u
#define COLUMNS 16u
#define STAGE_CHANNELS 32u
#define MAX_KERNEL 8u

// Workgroups that live on a compute unit at a time, by their shared memory and registers, where
// there is enough of both; the rest would wait for them to end, and they end with the last tile.
#define WORKGROUPS_OF_UNIT 4u

struct stem_shape {
    uint32_t rows;       // of pixels, a subgroup
    uint32_t channels;   // a workgroup
    uint32_t tap_chunks; // of a row of the window
};

static uint32_t row_of_weights(const struct graph_op *op, const struct stem_shape *shape)
{
    return (op->kernel * shape->tap_chunks) | 1;
}

static uint32_t shared_bytes(const struct cubby_gpu *gpu, const struct graph_op *op,
                             const struct stem_shape *shape)
{
    const uint32_t weights = shape->channels * row_of_weights(op, shape);
    const uint32_t bias = shape->channels / 4;
    const uint32_t patch_rows = (SUBGROUPS * shape->rows - 1) * 2 + op->kernel;
    const uint32_t patch = patch_rows * (COLUMNS - 1 + shape->tap_chunks);
    const uint32_t stages = SUBGROUPS * gpu->matrix.m * (STAGE_CHANNELS / CHUNK + 1);
    return (weights + bias + patch + stages) * CHUNK_BYTES;
}

static struct stem_shape shape_of(const struct cubby_gpu *gpu, const struct graph *graph,
                                  const struct graph_op *op)
{
    // A matrix takes whole chunks, a chunk two pixels.
    const uint32_t unit = gpu->matrix.k / CHUNK;
    struct stem_shape shape = {
        .rows = 2,
        .channels = 64,
        .tap_chunks = divide_up(divide_up(op->kernel, CHUNK / PIXEL_CHANNELS), unit) * unit,
    };
    // A software driver unrolls its emulated matrices: minutes of compiling for larger tiles.
    if (gpu->info.kind == CUBBY_DEVICE_CPU)
        shape.rows = 1;
    if (gpu->info.kind == CUBBY_DEVICE_CPU ||
        graph->values[op->output].channels <= STAGE_CHANNELS ||
        shared_bytes(gpu, op, &shape) > gpu->limits.maxComputeSharedMemorySize)
        shape.channels = STAGE_CHANNELS;
    return shape;
}

bool stem_matrix_can(const struct cubby_gpu *gpu, const struct graph *graph,
                     const struct graph_op *conv)
{
    if (gpu->family != CUBBY_KERNELS_MATRIX || conv->stride != 2 || conv->kernel > MAX_KERNEL ||
        conv->pad >= conv->kernel || conv->residual != GRAPH_NONE)
        return false;
    // Logits are not rounded to halves, and this kernel knows nothing else.
    if (layout_of(gpu, graph, conv->output).element_bytes != LAYOUT_HALF)
        return false;
    const struct stem_shape shape = shape_of(gpu, graph, conv);
    const uint32_t threads = SUBGROUPS * gpu->info.subgroup_size;
    return COLUMNS % gpu->matrix.m == 0 && STAGE_CHANNELS % gpu->matrix.n == 0 &&
           gpu->matrix.k % CHUNK == 0 && threads <= gpu->limits.maxComputeWorkGroupInvocations &&
           threads <= gpu->limits.maxComputeWorkGroupSize[0] &&
           SUBGROUPS <= gpu->max_workgroup_subgroups &&
           shared_bytes(gpu, conv, &shape) <= gpu->limits.maxComputeSharedMemorySize;
}

static uint32_t channel_groups(const struct graph *graph, const struct graph_op *op,
                               const struct stem_shape *shape)
{
    return divide_up(graph->values[op->output].channels, shape->channels);
}

static void set_normalisation(struct stem_push *push, const struct graph_op *op)
{
    float scale[3], offset[3];
    for (int c = 0; c < 3; c++) {
        scale[c] = (float)(1 / (255 * (double)op->std[c]));
        offset[c] = (float)(-(double)op->mean[c] / (double)op->std[c]);
    }
    push->scale_r = scale[0];
    push->scale_g = scale[1];
    push->scale_b = scale[2];
    push->offset_r = offset[0];
    push->offset_g = offset[1];
    push->offset_b = offset[2];
}

void stem_matrix_launch(struct op_launch *launch, const struct cubby_gpu *gpu,
                        const struct graph *graph, const struct graph_op *op,
                        const struct op_places *places, uint32_t batch)
{
    const struct graph_value *out = &graph->values[op->output];
    const struct stem_shape shape = shape_of(gpu, graph, op);
    const uint32_t input_bytes = (uint32_t)(batch * graph_input_bytes(graph));
    struct stem_push push = {
        .tiles_x = divide_up(out->width, COLUMNS),
        .tiles_y = divide_up(out->height, SUBGROUPS * shape.rows),
        .groups = channel_groups(graph, op, &shape),
        .in_height = graph->input_height,
        .in_width = graph->input_width,
        .out_height = out->height,
        .out_width = out->width,
        .out_chunks = places->out->channels / CHUNK,
        .pad = op->pad,
        .last_word = divide_up(input_bytes, sizeof(uint32_t)) - 1,
        .bias_base = places->bias,
        .flags = op->relu ? CONV_RELU : 0,
    };
    push.tiles = batch * push.tiles_y * push.tiles_x;
    set_normalisation(&push, op);
    const uint32_t constants[] = {
        SUBGROUPS * gpu->info.subgroup_size,
        gpu->matrix.m,
        gpu->matrix.n,
        gpu->matrix.k,
        shape.rows,
        shape.channels,
        op->kernel,
        shape.tap_chunks,
        graph->input_floats,
        gpu->info.subgroup_size,
    };
    const uint32_t room = divide_up(gpu->compute_units * WORKGROUPS_OF_UNIT, push.groups);
    *launch = (struct op_launch){
        .kernel = KERNEL_STEM,
        .constant_count = sizeof(constants) / sizeof(*constants),
        .push_bytes = sizeof(push),
        .groups = {(room < push.tiles ? room : push.tiles) * push.groups, 1, 1},
    };
    memcpy(launch->constants, constants, sizeof(constants));
    memcpy(launch->push, &push, sizeof(push));
}

uint64_t stem_matrix_weight_texels(const struct cubby_gpu *gpu, const struct graph *graph,
                                   const struct graph_op *op)
{
    const struct stem_shape shape = shape_of(gpu, graph, op);
    return (uint64_t)channel_groups(graph, op, &shape) * shape.channels * op->kernel *
           shape.tap_chunks * CHUNK / 4;
}

uint64_t stem_matrix_bias_texels(const struct cubby_gpu *gpu, const struct graph *graph,
                                 const struct graph_op *op)
{
    const struct stem_shape shape = shape_of(gpu, graph, op);
    return channel_groups(graph, op, &shape) * shape.channels / 4;
}

// [output channel][ky][kx][channel of the pixel], rows of taps rounded up to matrices
void stem_matrix_pack(const struct cubby_gpu *gpu, const struct graph *graph,
                      const struct graph_op *op, const float *weight, const float *bias,
                      float *texels)
{
    const struct stem_shape shape = shape_of(gpu, graph, op);
    const uint32_t out = graph->values[op->output].channels, kernel = op->kernel;
    const uint32_t row = shape.tap_chunks * CHUNK;
    const uint64_t weights = stem_matrix_weight_texels(gpu, graph, op) * 4;
    const uint64_t biases = stem_matrix_bias_texels(gpu, graph, op) * 4;

    memset(texels, 0, (weights + biases) * sizeof(*texels));
    for (uint32_t o = 0; o < out; o++)
        for (uint32_t i = 0; i < GRAPH_INPUT_CHANNELS; i++)
            for (uint32_t y = 0; y < kernel; y++)
                for (uint32_t x = 0; x < kernel; x++, weight++)
                    texels[((uint64_t)o * kernel + y) * row + x * PIXEL_CHANNELS + i] = *weight;
    memcpy(texels + weights, bias, out * sizeof(*bias));
}
