// The compute shaders: which SPIR-V serves which family, and their pipelines. Private.
#ifndef ENGINE_VK_KERNELS_H
#define ENGINE_VK_KERNELS_H

#include <stddef.h>

#include <volk.h>

#include "engine/status.h"

struct cubby_gpu;

#define CONV_ROW_TAPS 7u   // the stem of every ResNet
#define MAX_POOL_WINDOW 3u // and the pooling behind it

enum kernel_id {
    KERNEL_NORMALIZE,
    KERNEL_NORMALIZE_FLOAT, // of floats instead of bytes
    KERNEL_CONV,
    KERNEL_CONV_WIDE,  // lane: twice the channels an invocation, for layers that have them
    KERNEL_CONV_SHORT, // lane: the same with fewer pixels, for the last few of a layer
    KERNEL_CONV_ROW,   // lane: one input block and a kernel of CONV_ROW_TAPS, a row of taps a step
    KERNEL_CONV_FLEXIBLE, // matrix: in tiles that the driver cuts up
    KERNEL_STEM,          // matrix: normalisation and the first convolution
    KERNEL_WINOGRAD_INPUT,
    KERNEL_WINOGRAD_OUTPUT,
    KERNEL_MAX_POOL,
    KERNEL_MAX_POOL_3, // window of MAX_POOL_WINDOW, unrolled
    KERNEL_GLOBAL_POOL,
    KERNEL_UNPACK, // of floats, as the next two; behind them the same of halves
    KERNEL_SOFTMAX,
    KERNEL_SIGMOID,
    KERNEL_UNPACK_HALF,
    KERNEL_SOFTMAX_HALF,
    KERNEL_SIGMOID_HALF,
    KERNEL_COUNT,
};

// The four bindings that every kernel of a family has; shaders/include/family.glsl explains them.
enum kernel_binding { BINDING_SRC, BINDING_WEIGHTS, BINDING_DST, BINDING_OTHER, BINDING_COUNT };

#define KERNEL_PUSH_BYTES 128u // what every device promises
#define KERNEL_CONSTANTS 24u   // specialization constants 0..23 are 32-bit words

// A pipeline: a kernel with its specialization constants. Kernels without any have a count of 0.
struct kernel_pipeline {
    enum kernel_id id;
    uint32_t constants[KERNEL_CONSTANTS], constant_count;
    VkPipeline handle;
};

// Descriptor type of a binding for the gpu's family.
VkDescriptorType kernel_descriptor_type(const struct cubby_gpu *gpu, enum kernel_binding binding);
enum cubby_status kernels_create_layouts(struct cubby_gpu *gpu);
// Finds the kernel's pipeline with these constants, or makes it. It belongs to the gpu.
enum cubby_status kernel_prepare(struct cubby_gpu *gpu, enum kernel_id id,
                                 const uint32_t *constants, uint32_t constant_count,
                                 VkPipeline *pipeline);
// SPIR-V of a kernel for the gpu's family and precision; NULL and 0 if it has none.
const uint32_t *kernel_words(const struct cubby_gpu *gpu, enum kernel_id id, size_t *size_bytes);
void kernels_destroy(struct cubby_gpu *gpu); // layouts, pipelines and their cache

#endif
