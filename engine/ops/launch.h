// What one op asks of the device: a kernel, its push constants, how many workgroups. The host side
// of each kernel fills it in; the executor records it. Private to the engine.
#ifndef ENGINE_OPS_LAUNCH_H
#define ENGINE_OPS_LAUNCH_H

#include <stdint.h>

#include "graph/graph.h"
#include "graph/layout.h"
#include "vk/gpu.h"

struct op_launch {
    enum kernel_id kernel;
    uint32_t constants[KERNEL_CONSTANTS], constant_count;
    uint32_t push_bytes;
    uint8_t push[KERNEL_PUSH_BYTES];
    uint32_t groups[3];
};

// One way to run a convolution. A tile of 0: the only one that its kernel knows, or its smallest.
struct conv_choice {
    uint16_t tile_m, tile_n; // pixels and output channels of a workgroup
    uint16_t tile_k;         // input channels of a step
    uint16_t part_m, part_n; // pixels and output channels of a subgroup
    uint16_t buffers;        // tiles in shared memory at a time
    uint16_t ahead;          // steps whose loads are under way
    uint16_t weights_ahead;  // as ahead, of the weights' loads
    bool winograd;           // as products of transformed tiles; only of 3x3 with stride 1
    uint16_t invocations;    // of a workgroup whose tile the driver cuts up; 0: the kernel does
};

#define CONV_MAX_CANDIDATES 40u

bool conv_choice_equal(const struct conv_choice *a, const struct conv_choice *b);
// "128x64 pixels and channels (64x32 a subgroup), 32 a step, 1 ahead", or "" for the only way.
void conv_choice_describe(const struct conv_choice *choice, char *text, size_t text_bytes);

// First texels of an op's tensors as its shader counts them: from the start of the whole buffer in
// the lane family, from the start of the bound range in the others.
struct op_places {
    uint32_t src, residual, second_src, weight, bias;
    const struct value_layout *in, *out, *second; // borrowed; NULL where the op has none
    const struct conv_choice *choice;             // borrowed, of a convolution
};

// What shaders/include/lane.glsl looks digits up in.
#define LANE_ASCENDING                                                                             \
    {                                                                                              \
        0, 1, 2, 3, 4, 5, 6, 7                                                                     \
    }

#define NORMALIZE_PIXELS 4u // pixels an invocation converts; shaders/normalize.comp

static inline uint32_t channel_blocks(uint32_t channels)
{
    return (channels + 3) / 4;
}

static inline uint32_t divide_up(uint32_t value, uint32_t by)
{
    return value / by + (value % by != 0);
}

// Workgroups that number themselves gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x, since
// a device may take no more than 65535 in a row; the last row can have some too many.
static inline void spread_groups(struct op_launch *launch, uint32_t count)
{
    const uint32_t rows = divide_up(count, 65535);
    launch->groups[0] = divide_up(count, rows);
    launch->groups[1] = rows;
    launch->groups[2] = 1;
}

void normalize_launch(struct op_launch *launch, const struct graph *graph,
                      const struct graph_op *op, const struct op_places *places, uint32_t batch);
void conv_launch(struct op_launch *launch, const struct cubby_gpu *gpu, const struct graph *graph,
                 const struct graph_op *op, const struct op_places *places, uint32_t batch);
void winograd_input_launch(struct op_launch *launch, const struct graph *graph,
                           const struct graph_op *op, const struct op_places *places,
                           uint32_t batch);
void winograd_output_launch(struct op_launch *launch, const struct graph *graph,
                            const struct graph_op *op, const struct op_places *places,
                            uint32_t batch);
void max_pool_launch(struct op_launch *launch, const struct graph *graph, const struct graph_op *op,
                     const struct op_places *places, uint32_t batch);
void global_pool_launch(struct op_launch *launch, const struct graph *graph,
                        const struct graph_op *op, const struct op_places *places, uint32_t batch);
void unpack_launch(struct op_launch *launch, const struct graph *graph, const struct graph_op *op,
                   const struct op_places *places, uint32_t batch);
void softmax_launch(struct op_launch *launch, const struct graph *graph, const struct graph_op *op,
                    const struct op_places *places, uint32_t batch);
void sigmoid_launch(struct op_launch *launch, const struct graph *graph, const struct graph_op *op,
                    const struct op_places *places, uint32_t batch);

// Whether a convolution can be computed Winograd's way and is large enough for that to pay.
bool winograd_suits(const struct graph *graph, const struct graph_op *op);
// G g G^T of WINOGRAD_KERNELS kernels at a time: taps and positions are counted rows first.
#define WINOGRAD_KERNELS 16
#define WINOGRAD_TAPS 9
void winograd_transform(float kernels[WINOGRAD_TAPS][WINOGRAD_KERNELS],
                        float positions[36][WINOGRAD_KERNELS]);
// weight [out, in, 3, 3] to [36][panel][block of input channels][channel of the panel] texels of
// four input channels. Texels of whole channels that only pad are left as they are.
void winograd_pack(uint32_t out, uint32_t in, uint32_t panel_width, const float *weight,
                   float *texels);

// Below, "convolution" also means the products of a Winograd convolution, whose weights are
// transformed when they are packed, and what is packed of a stem (ops/stem_matrix.h).
// The ways to run a convolution of `batch` images on this device, at most `max`, and their number,
// 1 or more. The first is the one to take without having measured.
uint32_t conv_candidates(const struct cubby_gpu *gpu, const struct graph *graph,
                         const struct graph_op *op, uint32_t batch, struct conv_choice *choices,
                         uint32_t max);
// Packed weights of a convolution, in texels of 4 floats, and its bias.
uint64_t conv_weight_texels(const struct cubby_gpu *gpu, const struct graph *graph,
                            const struct graph_op *op);
uint64_t conv_bias_texels(const struct cubby_gpu *gpu, const struct graph *graph,
                          const struct graph_op *op);
// weight [out, in, kernel, kernel] and bias [out] into panels of the family's width; channels that
// only pad are zero. `texels` has room for both, weights first. How they lie depends on `choice`,
// how many they are does not.
void conv_pack(const struct cubby_gpu *gpu, const struct graph *graph, const struct graph_op *op,
               const struct conv_choice *choice, const float *weight, const float *bias,
               float *texels);
// The same for what is computed together with it (op->second): weight [out, channels of second].
// Behind conv_pack().
void conv_pack_second(const struct cubby_gpu *gpu, const struct graph *graph,
                      const struct graph_op *op, const struct conv_choice *choice,
                      const float *weight, const float *bias, float *texels);
// Images, 1 or more, of which the last layers of a ResNet-50 occupy all compute units once: these
// have the fewest pixels, and a few images more begin a round that leaves most units idle.
uint32_t conv_round_images(const struct cubby_gpu *gpu);
// What of a network the device's convolutions compute together. No Winograd products.
struct graph_lower_params conv_lowering(const struct cubby_gpu *gpu);

#endif
