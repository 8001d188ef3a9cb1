// What executor.c, record.c, value.c and profile.c share.
#ifndef ENGINE_GRAPH_EXECUTOR_INTERNAL_H
#define ENGINE_GRAPH_EXECUTOR_INTERNAL_H

#include "engine/net.h"
#include "graph/executor.h"
#include "graph/layout.h"
#include "ops/launch.h"
#include "vk/buffer.h"
#include "vk/upload.h"

#define TEXEL_BYTES 16u  // what places in the buffers are counted in, whatever a value's elements
#define ALIGN_TEXELS 16u // 256 bytes: the largest minStorageBufferOffsetAlignment there may be

struct op_weights {
    uint32_t first_texel, bias_texel, texels; // in the weight buffer; texels counts both
};

struct executor_slot {
    struct upload input;  // images; nothing without GRAPH_NORMALIZE
    struct buffer output; // rows of each output
    uint64_t output_offset[GRAPH_OUTPUT_COUNT];
    VkDescriptorSet sets[GRAPH_MAX_OPS];
    VkCommandBuffer *commands; // owned, [max_batch + 1], recorded when a count first comes up
    VkFence fence;
};

struct executor {
    struct cubby_gpu *gpu; // borrowed
    struct graph graph;
    uint32_t max_batch, slot_count;
    struct buffer arena, weights;
    uint64_t arena_texels, weight_texels;
    VkBufferView arena_view, weights_view;  // lane family
    uint32_t value_texel[GRAPH_MAX_VALUES]; // first texel of each value in the arena
    struct value_layout layouts[GRAPH_MAX_VALUES];
    struct op_weights weights_of[GRAPH_MAX_OPS];
    struct conv_choice choices[GRAPH_MAX_OPS];
    VkDescriptorPool descriptor_pool;
    struct executor_slot slots[CUBBY_NET_MAX_SLOTS];
};

// What a batch's images take, and what a shader reads of the last one's neighbourhood.
uint64_t executor_input_bytes(const struct executor *executor, uint32_t count);

// record.c
enum cubby_status executor_create_descriptors(struct executor *executor);
// Adds one op, behind a barrier that lets it see what was written before.
enum cubby_status executor_record_op(const struct executor *executor, uint32_t slot,
                                     VkCommandBuffer commands, uint32_t op, uint32_t count);
// Records slots[slot].commands[count].
enum cubby_status executor_record(struct executor *executor, uint32_t slot, uint32_t count);

#endif
