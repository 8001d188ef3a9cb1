// The network as a list of kernel launches over values (activation tensors). Built once, for any
// batch; the executor turns it into command buffers. Private to the engine.
#ifndef ENGINE_GRAPH_GRAPH_H
#define ENGINE_GRAPH_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/model.h"
#include "engine/net.h"
#include "engine/status.h"
#include "model/network.h"

#define GRAPH_MAX_VALUES 512u
#define GRAPH_MAX_OPS 512u
#define GRAPH_NONE UINT32_MAX
#define GRAPH_INPUT_CHANNELS 3u

// [channels, height, width] of one image; stored NC4HW4 (see shaders/include/family.glsl).
struct graph_value {
    uint32_t channels, height, width;
    uint32_t first, last; // ops that write it and read it last
};

enum graph_op_kind {
    GRAPH_NORMALIZE, // input bytes or floats -> value
    GRAPH_CONV,      // also linear layers: a 1x1 image
    // What graph_lower() makes of some convolutions; never in a graph before it.
    GRAPH_WINOGRAD_INPUT,   // pixels -> 36 positions of each tile
    GRAPH_WINOGRAD_PRODUCT, // a matrix product for each position
    GRAPH_WINOGRAD_OUTPUT,  // positions -> pixels, + bias + residual + ReLU
    GRAPH_STEM, // what graph_merge_stem() makes of the first two ops: input -> convolution
    GRAPH_MAX_POOL,
    GRAPH_GLOBAL_POOL,
    GRAPH_UNPACK,  // value -> rows of an output
    GRAPH_SOFTMAX, // value -> rows of an output
    GRAPH_SIGMOID, // value -> rows of an output
};

enum graph_output { GRAPH_LOGITS, GRAPH_PROBABILITIES, GRAPH_FEATURES, GRAPH_OUTPUT_COUNT };

// Where a convolution's numbers come from; exactly one of `network` and `weight` is set.
struct graph_weights {
    const struct network_conv *network; // borrowed; batch norm is folded when they are packed
    const float *weight, *bias;         // borrowed, [out, in, kernel, kernel] and [out]
};

struct graph_op {
    enum graph_op_kind kind;
    uint32_t input, output; // values; GRAPH_NONE where the op has none
    uint32_t residual;      // value added before ReLU, GRAPH_NONE without
    uint32_t kernel, stride, pad;
    bool relu;
    bool concat; // global pool: maxima, then averages
    struct graph_weights weights;
    // A 1x1 convolution of another value that is added before ReLU, with its bias: what
    // graph_lower() makes of a residual that is a shortcut with weights. GRAPH_NONE without.
    uint32_t second, second_stride;
    struct graph_weights second_weights;
    uint32_t weights_op;      // whose packed weights it reads: its own index, or a product's
    enum graph_output result; // of unpack, softmax and sigmoid
    float mean[3], std[3];    // of normalize and stem
};

struct graph {
    struct graph_value values[GRAPH_MAX_VALUES];
    uint32_t value_count;
    struct graph_op ops[GRAPH_MAX_OPS];
    uint32_t op_count;
    uint32_t input_width, input_height;           // of the input, 0 without GRAPH_NORMALIZE
    bool input_floats;                            // three floats a pixel; else three bytes
    uint32_t result_channels[GRAPH_OUTPUT_COUNT]; // 0: the graph has no such output
    bool overflow; // more ops or values than fit; graph_build() and graph_lower() tell
};

// Each adds one op and returns the value that it writes. Shapes follow from the input.
uint32_t graph_value(struct graph *graph, uint32_t channels, uint32_t height, uint32_t width);
uint32_t graph_normalize(struct graph *graph, uint32_t width, uint32_t height, bool floats,
                         const float mean[3], const float std[3]);
// Of one image that GRAPH_NORMALIZE reads.
size_t graph_input_bytes(const struct graph *graph);
struct graph_conv_params {
    uint32_t out_channels, kernel, stride, pad;
    bool relu;
    uint32_t residual; // GRAPH_NONE without
    struct graph_weights weights;
};
uint32_t graph_conv(struct graph *graph, uint32_t input, const struct graph_conv_params *params);
uint32_t graph_max_pool(struct graph *graph, uint32_t input, uint32_t kernel, uint32_t stride,
                        uint32_t pad);
uint32_t graph_global_pool(struct graph *graph, uint32_t input, bool concat);
void graph_unpack(struct graph *graph, uint32_t input, enum graph_output result);
void graph_softmax(struct graph *graph, uint32_t input);
void graph_sigmoid(struct graph *graph, uint32_t input);

// The same computation in the ops that a device's kernels have: values keep their index, ops do
// not.
struct graph_lower_params {
    // For each op: whether it becomes a Winograd product. Only read of 3x3 convolutions with stride
    // 1. NULL: none does.
    const bool *winograd; // borrowed
    // Shortcuts with weights are computed together with the convolution that adds them: the same
    // products, but their result is neither written nor read.
    bool merges_shortcuts;
    bool merges_windows; // also into convolutions larger than 1x1 or with a stride
};
//   origin  written: for each op of `lowered`, the op of `graph` that it comes from; GRAPH_MAX_OPS
//           entries
//   CUBBY_UNSUPPORTED  more ops or values than fit
CUBBY_NODISCARD enum cubby_status graph_lower(struct graph *lowered, const struct graph *graph,
                                              const struct graph_lower_params *params,
                                              uint32_t *origin);
// Whether an op can become a Winograd product.
bool graph_winograd_can(const struct graph_op *op);
// Whether graph_lower() leaves the op out because another one computes it, too.
bool graph_is_merged(const struct graph *graph, const struct graph_lower_params *params,
                     const struct graph_op *op);
// The op that computes the residual of this one, if graph_lower() makes one op of both; or NULL.
const struct graph_op *graph_shortcut(const struct graph *graph,
                                      const struct graph_lower_params *params,
                                      const struct graph_op *op);

// Sizes of a convolution or pooling window sliding over `size` with padding; 0 if it does not fit.
uint32_t graph_window(uint32_t size, uint32_t kernel, uint32_t stride, uint32_t pad);

// The convolution that alone reads what GRAPH_NORMALIZE writes, or NULL. Borrowed from the graph.
const struct graph_op *graph_find_stem(const struct graph *graph);
// Makes one GRAPH_STEM of the two in a lowered graph, where graph_find_stem() must find them. The
// value between them is left without channels. `origin` is kept as graph_lower() writes it.
void graph_merge_stem(struct graph *lowered, uint32_t *origin);
// Sets the first and last op of each value.
void graph_find_lifetimes(struct graph *graph);

// Of a graph that is not lowered: Winograd's way does the same with fewer multiplications.
struct cubby_net_work graph_work(const struct graph *graph);
// Values that the ops of a graph read and write, for an image. Of a lowered graph fewer: what
// merged ops hand on in registers is neither. Winograd's positions are not counted.
double graph_traffic(const struct graph *graph);

// The whole classifier: normalise, network, head, outputs. `model` must outlive the graph's use of
// its weights.
//   CUBBY_UNSUPPORTED  the network does not fit, or the input is too small for it
CUBBY_NODISCARD enum cubby_status graph_build(struct graph *graph, const struct cubby_model *model,
                                              const struct cubby_log *log);

#endif
