#include "graph/executor.h"

#include <stdlib.h>
#include <string.h>

#include "engine/net.h"
#include "graph/arena.h"
#include "graph/executor_internal.h"
#include "half.h"
#include "ops/stem_matrix.h"

static enum cubby_status refuse(const struct executor *executor, const char *what)
{
    cubby_log(&executor->gpu->log, CUBBY_LOG_ERROR,
              "%s: %s at %u images a batch: use a smaller batch", executor->gpu->info.name, what,
              executor->max_batch);
    return CUBBY_NO_MEMORY;
}

static uint64_t round_up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

static enum cubby_status plan_arena(struct executor *executor)
{
    const struct graph *graph = &executor->graph;
    struct arena_item items[GRAPH_MAX_VALUES];
    uint32_t order[GRAPH_MAX_VALUES];
    for (uint32_t i = 0; i < graph->value_count; i++) {
        const struct graph_value *value = &graph->values[i];
        const uint64_t bytes = layout_room_bytes(&executor->layouts[i], executor->max_batch);
        if (bytes > executor->gpu->limits.maxStorageBufferRange)
            return refuse(executor, "an activation tensor is larger than the device can bind");
        items[i] = (struct arena_item){
            .size = round_up(bytes, ALIGN_TEXELS * TEXEL_BYTES) / TEXEL_BYTES,
            .first = value->first,
            .last = value->last,
        };
    }
    // The first texels stay zero for ever: what the lane kernels read as padding.
    executor->arena_texels = ALIGN_TEXELS + arena_plan(items, graph->value_count, order);
    if (executor->arena_texels > UINT32_MAX)
        return refuse(executor, "the activations are larger than 64 GB");
    for (uint32_t i = 0; i < graph->value_count; i++)
        executor->value_texel[i] = (uint32_t)(ALIGN_TEXELS + items[i].offset);
    return CUBBY_OK;
}

static enum cubby_status create_arena(struct executor *executor)
{
    static const uint8_t zeros[ALIGN_TEXELS * TEXEL_BYTES];
    enum cubby_status status = plan_arena(executor);
    if (!status)
        status = buffer_create(&executor->arena, executor->gpu, BUFFER_DEVICE,
                               executor->arena_texels * TEXEL_BYTES);
    if (!status)
        status = buffer_upload(&executor->arena, executor->gpu, 0, zeros, sizeof(zeros));
    return status;
}

static bool has_weights(const struct graph_op *op)
{
    return op->kind == GRAPH_CONV || op->kind == GRAPH_WINOGRAD_PRODUCT || op->kind == GRAPH_STEM;
}

static bool has_half_weights(const struct executor *executor)
{
    return executor->gpu->precision == CUBBY_PRECISION_FP16;
}

// Texels of the buffer that an op's packed weights take; conv_weight_texels() counts fours of
// values.
static uint64_t weight_texels(const struct executor *executor, const struct graph_op *op)
{
    const uint64_t fours = conv_weight_texels(executor->gpu, &executor->graph, op);
    return has_half_weights(executor) ? (fours + 1) / 2 : fours;
}

// Finds each convolution's place in the weight buffer.
static enum cubby_status plan_weights(struct executor *executor)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < executor->graph.op_count; i++) {
        const struct graph_op *op = &executor->graph.ops[i];
        if (!has_weights(op))
            continue;
        struct op_weights *weights = &executor->weights_of[i];
        const uint64_t texels = weight_texels(executor, op);
        const uint64_t all = texels + conv_bias_texels(executor->gpu, &executor->graph, op);
        weights->first_texel = (uint32_t)total;
        weights->bias_texel = (uint32_t)(total + texels);
        weights->texels = (uint32_t)all;
        total += round_up(all, ALIGN_TEXELS);
        if (total > UINT32_MAX)
            return refuse(executor, "the weights are larger than 64 GB");
        if (all * TEXEL_BYTES > executor->gpu->limits.maxStorageBufferRange)
            return refuse(executor, "a layer's weights are larger than the device can bind");
    }
    executor->weight_texels = total ? total : ALIGN_TEXELS;
    return CUBBY_OK;
}

// Copies packed floats, weights first, to where the device wants them: halves if it computes with
// those, and the bias always in floats.
static void store_weights(const struct executor *executor, const struct op_weights *place,
                          const float *packed, uint64_t weights, uint64_t biases, uint8_t *stored)
{
    if (has_half_weights(executor)) {
        uint16_t *halves = (uint16_t *)(void *)stored;
        for (uint64_t i = 0; i < weights; i++)
            halves[i] = half_from_float(packed[i]);
    } else {
        memcpy(stored, packed, weights * sizeof(*packed));
    }
    memcpy(stored + (uint64_t)(place->bias_texel - place->first_texel) * TEXEL_BYTES,
           packed + weights, biases * sizeof(*packed));
}

// A convolution's numbers as they are, or with the batch norm that follows folded in.
//   *folded  owned by the caller, NULL if there was nothing to fold; weight and bias may lie in it
static enum cubby_status fold(const struct graph_weights *weights, uint64_t weight_count,
                              uint64_t bias_count, float **folded, const float **weight,
                              const float **bias)
{
    *folded = NULL;
    *weight = weights->weight;
    *bias = weights->bias;
    if (!weights->network)
        return CUBBY_OK;
    *folded = malloc((weight_count + bias_count) * sizeof(**folded));
    if (!*folded)
        return CUBBY_NO_MEMORY;
    *weight = *folded;
    *bias = *folded + weight_count;
    return network_conv_fold(weights->network, *folded, *folded + weight_count);
}

static enum cubby_status pack(const struct executor *executor, uint32_t index, float *packed)
{
    const struct graph *graph = &executor->graph;
    const struct graph_op *op = &graph->ops[index];
    const uint64_t out = graph->values[op->output].channels;
    const uint64_t in =
        op->kind == GRAPH_STEM ? GRAPH_INPUT_CHANNELS : graph->values[op->input].channels;
    const float *weight, *bias;
    float *folded;
    enum cubby_status status =
        fold(&op->weights, out * in * op->kernel * op->kernel, out, &folded, &weight, &bias);
    if (!status)
        conv_pack(executor->gpu, graph, op, &executor->choices[index], weight, bias, packed);
    free(folded);
    if (status || op->second == GRAPH_NONE)
        return status;
    status = fold(&op->second_weights, out * graph->values[op->second].channels, out, &folded,
                  &weight, &bias);
    if (!status)
        conv_pack_second(executor->gpu, graph, op, &executor->choices[index], weight, bias, packed);
    free(folded);
    return status;
}

// Packs and uploads one convolution.
static enum cubby_status upload_conv(struct executor *executor, uint32_t index)
{
    const struct graph *graph = &executor->graph;
    const struct graph_op *op = &graph->ops[index];
    const struct op_weights *place = &executor->weights_of[index];
    const uint64_t weights = conv_weight_texels(executor->gpu, graph, op) * 4;
    const uint64_t biases = conv_bias_texels(executor->gpu, graph, op) * 4;
    const VkDeviceSize bytes = (VkDeviceSize)place->texels * TEXEL_BYTES;
    enum cubby_status status = CUBBY_NO_MEMORY;

    float *packed = malloc((weights + biases) * sizeof(*packed));
    uint8_t *stored = calloc(1, bytes);
    if (!packed || !stored)
        goto out;
    status = pack(executor, index, packed);
    if (status)
        goto out;
    store_weights(executor, place, packed, weights, biases, stored);
    status = buffer_upload(&executor->weights, executor->gpu,
                           (VkDeviceSize)place->first_texel * TEXEL_BYTES, stored, bytes);
out:
    free(packed);
    free(stored);
    return status;
}

static enum cubby_status create_weights(struct executor *executor)
{
    enum cubby_status status = plan_weights(executor);
    if (!status)
        status = buffer_create(&executor->weights, executor->gpu, BUFFER_DEVICE,
                               executor->weight_texels * TEXEL_BYTES);
    for (uint32_t i = 0; !status && i < executor->graph.op_count; i++)
        if (has_weights(&executor->graph.ops[i]))
            status = upload_conv(executor, i);
    return status;
}

static enum cubby_status create_views(struct executor *executor)
{
    if (executor->gpu->family != CUBBY_KERNELS_LANE)
        return CUBBY_OK;
    enum cubby_status status = buffer_view(&executor->arena_view, &executor->arena, executor->gpu);
    if (!status)
        status = buffer_view(&executor->weights_view, &executor->weights, executor->gpu);
    return status;
}

uint64_t executor_input_bytes(const struct executor *executor, uint32_t count)
{
    // The shader reads groups of four pixels, so the last may reach past the image's bytes.
    return round_up(count * (uint64_t)graph_input_bytes(&executor->graph), NORMALIZE_PIXELS * 3);
}

static enum cubby_status create_slot(struct executor *executor, struct executor_slot *slot)
{
    const struct graph *graph = &executor->graph;
    struct cubby_gpu *gpu = executor->gpu;
    enum cubby_status status = CUBBY_OK;

    if (graph->input_width) {
        const uint64_t bytes = executor_input_bytes(executor, executor->max_batch);
        // Floats are more than what a kernel with halves makes of them.
        if (bytes > gpu->limits.maxStorageBufferRange)
            return refuse(executor, "the input is larger than the device can bind");
        status = upload_create(&slot->input, gpu, bytes);
        if (status)
            return status;
    }
    uint64_t bytes = 0;
    for (int i = 0; i < GRAPH_OUTPUT_COUNT; i++) {
        slot->output_offset[i] = bytes;
        bytes += round_up((uint64_t)executor->max_batch * graph->result_channels[i] * sizeof(float),
                          ALIGN_TEXELS * TEXEL_BYTES);
    }
    if (bytes)
        status = buffer_create(&slot->output, gpu, BUFFER_READBACK, bytes);
    if (status)
        return status;
    slot->commands = calloc(executor->max_batch + 1, sizeof(*slot->commands));
    if (!slot->commands)
        return CUBBY_NO_MEMORY;
    const VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    return gpu_check(gpu, vkCreateFence(gpu->device, &fence, NULL, &slot->fence), "making a fence");
}

// Takes the choices made for the ops of `graph` over to those that it is lowered to.
static enum cubby_status lower(struct executor *executor, const struct graph *graph,
                               const struct executor_params *params)
{
    struct conv_choice choices[GRAPH_MAX_OPS] = {0};
    bool winograd[GRAPH_MAX_OPS] = {false};
    uint32_t origin[GRAPH_MAX_OPS];
    for (uint32_t i = 0; i < graph->op_count; i++) {
        const struct graph_op *op = &graph->ops[i];
        if (op->kind == GRAPH_CONV && params->choices)
            choices[i] = params->choices[i];
        else if (op->kind == GRAPH_CONV)
            conv_candidates(executor->gpu, graph, op, params->max_batch, &choices[i], 1);
        winograd[i] = choices[i].winograd;
    }
    struct graph_lower_params lowering = conv_lowering(executor->gpu);
    lowering.winograd = winograd;
    const enum cubby_status status = graph_lower(&executor->graph, graph, &lowering, origin);
    const struct graph_op *stem = graph_find_stem(&executor->graph);
    if (!status && stem && stem_matrix_can(executor->gpu, &executor->graph, stem))
        graph_merge_stem(&executor->graph, origin);
    for (uint32_t i = 0; i < executor->graph.op_count; i++)
        executor->choices[i] = choices[origin[i]];
    return status;
}

enum cubby_status executor_create(struct executor **out, struct cubby_gpu *gpu,
                                  const struct graph *graph, const struct executor_params *params)
{
    *out = NULL;
    struct executor *executor = calloc(1, sizeof(*executor));
    if (!executor)
        return CUBBY_NO_MEMORY;
    executor->gpu = gpu;
    executor->max_batch = params->max_batch;
    executor->slot_count = params->slots;

    enum cubby_status status = lower(executor, graph, params);
    for (uint32_t i = 0; i < executor->graph.value_count; i++)
        executor->layouts[i] = layout_of(gpu, &executor->graph, i);
    if (!status)
        status = create_arena(executor);
    if (!status)
        status = create_weights(executor);
    if (!status)
        status = create_views(executor);
    for (uint32_t i = 0; !status && i < executor->slot_count; i++)
        status = create_slot(executor, &executor->slots[i]);
    if (!status)
        status = executor_create_descriptors(executor);
    for (uint32_t i = 0; !status && i < executor->slot_count; i++)
        status = executor_record(executor, i, executor->max_batch);
    if (status)
        executor_destroy(&executor);
    *out = executor;
    return status;
}

static void destroy_slot(struct executor *executor, struct executor_slot *slot)
{
    struct cubby_gpu *gpu = executor->gpu;
    for (uint32_t i = 0; slot->commands && i <= executor->max_batch; i++)
        if (slot->commands[i])
            vkFreeCommandBuffers(gpu->device, gpu->command_pool, 1, &slot->commands[i]);
    free(slot->commands);
    vkDestroyFence(gpu->device, slot->fence, NULL);
    upload_destroy(&slot->input, gpu);
    buffer_destroy(&slot->output, gpu);
}

void executor_destroy(struct executor **executor_pointer)
{
    struct executor *executor = *executor_pointer;
    if (!executor)
        return;
    struct cubby_gpu *gpu = executor->gpu;
    vkDeviceWaitIdle(gpu->device);
    for (uint32_t i = 0; i < executor->slot_count; i++)
        destroy_slot(executor, &executor->slots[i]);
    vkDestroyDescriptorPool(gpu->device, executor->descriptor_pool, NULL);
    vkDestroyBufferView(gpu->device, executor->arena_view, NULL);
    vkDestroyBufferView(gpu->device, executor->weights_view, NULL);
    buffer_destroy(&executor->arena, gpu);
    buffer_destroy(&executor->weights, gpu);
    free(executor);
    *executor_pointer = NULL;
}

uint8_t *executor_input(struct executor *executor, uint32_t slot)
{
    return executor->slots[slot].input.host.mapped;
}

enum cubby_upload executor_upload(const struct executor *executor)
{
    // Memory that the CPU can write may be full after the first slots.
    return executor->slots[executor->slot_count - 1].input.way;
}

const float *executor_output(const struct executor *executor, uint32_t slot,
                             enum graph_output output)
{
    if (!executor->graph.result_channels[output])
        return NULL;
    const struct executor_slot *s = &executor->slots[slot];
    return (const float *)(const void *)((const uint8_t *)s->output.mapped +
                                         s->output_offset[output]);
}

enum cubby_status executor_submit(struct executor *executor, uint32_t index, uint32_t count)
{
    struct cubby_gpu *gpu = executor->gpu;
    struct executor_slot *slot = &executor->slots[index];
    enum cubby_status status = CUBBY_OK;
    if (!slot->commands[count])
        status = executor_record(executor, index, count);
    VkSemaphore arrived = VK_NULL_HANDLE;
    if (!status)
        status = upload_start(&slot->input, gpu, executor_input_bytes(executor, count), &arrived);
    if (status)
        return status;

    const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
    const VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .waitSemaphoreCount = arrived ? 1 : 0,
        .pWaitSemaphores = &arrived,
        .pWaitDstStageMask = &stage,
        .commandBufferCount = 1,
        .pCommandBuffers = &slot->commands[count],
    };
    status = gpu_check(gpu, vkQueueSubmit(gpu->queue, 1, &submit, slot->fence), "starting a batch");
    if (status && upload_abandon(&slot->input, gpu))
        status = CUBBY_DEVICE_LOST;
    return status;
}

enum cubby_status executor_wait(struct executor *executor, uint32_t index)
{
    struct cubby_gpu *gpu = executor->gpu;
    struct executor_slot *slot = &executor->slots[index];
    enum cubby_status status = gpu_check(
        gpu, vkWaitForFences(gpu->device, 1, &slot->fence, VK_TRUE, UINT64_MAX), "a batch");
    if (!status)
        status = gpu_check(gpu, vkResetFences(gpu->device, 1, &slot->fence), "resetting a fence");
    if (!status && slot->output.mapped)
        status = buffer_invalidate(&slot->output, gpu);
    return status;
}

uint64_t executor_device_bytes(const struct executor *executor)
{
    uint64_t bytes = executor->arena.size_bytes + executor->weights.size_bytes;
    for (uint32_t i = 0; i < executor->slot_count; i++)
        bytes += upload_bytes(&executor->slots[i].input) + executor->slots[i].output.size_bytes;
    return bytes;
}

const struct graph *executor_graph(const struct executor *executor)
{
    return &executor->graph;
}
