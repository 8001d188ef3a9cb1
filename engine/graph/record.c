// Descriptors and command buffers of an executor.
#include "graph/executor_internal.h"
#include "ops/stem_matrix.h"

static VkDescriptorBufferInfo value_range(const struct executor *executor, uint32_t value)
{
    return (VkDescriptorBufferInfo){
        .buffer = executor->arena.handle,
        .offset = (VkDeviceSize)executor->value_texel[value] * TEXEL_BYTES,
        .range = layout_room_bytes(&executor->layouts[value], executor->max_batch),
    };
}

static VkDescriptorBufferInfo weight_range(const struct executor *executor, uint32_t op)
{
    const struct op_weights *weights = &executor->weights_of[executor->graph.ops[op].weights_op];
    return (VkDescriptorBufferInfo){
        .buffer = executor->weights.handle,
        .offset = (VkDeviceSize)weights->first_texel * TEXEL_BYTES,
        .range = (VkDeviceSize)(weights->texels ? weights->texels : ALIGN_TEXELS) * TEXEL_BYTES,
    };
}

static VkDescriptorBufferInfo output_range(const struct executor *executor,
                                           const struct executor_slot *slot,
                                           enum graph_output output)
{
    return (VkDescriptorBufferInfo){
        .buffer = slot->output.handle,
        .offset = slot->output_offset[output],
        .range = (VkDeviceSize)executor->max_batch * executor->graph.result_channels[output] *
                 sizeof(float),
    };
}

// What each binding of an op sees. Bindings that a kernel does not use still get something valid.
static void op_ranges(const struct executor *executor, const struct executor_slot *slot,
                      uint32_t index, VkDescriptorBufferInfo ranges[BINDING_COUNT])
{
    const struct graph_op *op = &executor->graph.ops[index];
    ranges[BINDING_DST] = op->output != GRAPH_NONE ? value_range(executor, op->output)
                                                   : output_range(executor, slot, op->result);
    ranges[BINDING_SRC] =
        op->input != GRAPH_NONE ? value_range(executor, op->input) : ranges[BINDING_DST];
    ranges[BINDING_WEIGHTS] = weight_range(executor, index);
    if (op->kind == GRAPH_NORMALIZE || op->kind == GRAPH_STEM)
        ranges[BINDING_OTHER] =
            (VkDescriptorBufferInfo){upload_source(&slot->input), 0, VK_WHOLE_SIZE};
    else if (op->residual != GRAPH_NONE)
        ranges[BINDING_OTHER] = value_range(executor, op->residual);
    else if (op->second != GRAPH_NONE)
        ranges[BINDING_OTHER] = value_range(executor, op->second);
    else
        ranges[BINDING_OTHER] = ranges[BINDING_SRC];
}

static void write_set(const struct executor *executor, const struct executor_slot *slot,
                      uint32_t index)
{
    const struct cubby_gpu *gpu = executor->gpu;
    VkDescriptorBufferInfo ranges[BINDING_COUNT];
    op_ranges(executor, slot, index, ranges);
    const VkBufferView views[] = {
        [BINDING_SRC] = executor->arena_view,
        [BINDING_WEIGHTS] = executor->weights_view,
    };
    VkWriteDescriptorSet writes[BINDING_COUNT];
    for (uint32_t i = 0; i < BINDING_COUNT; i++) {
        writes[i] = (VkWriteDescriptorSet){
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
            .dstSet = slot->sets[index],
            .dstBinding = i,
            .descriptorCount = 1,
            .descriptorType = kernel_descriptor_type(gpu, i),
        };
        if (writes[i].descriptorType == VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER)
            writes[i].pTexelBufferView = &views[i];
        else
            writes[i].pBufferInfo = &ranges[i];
    }
    vkUpdateDescriptorSets(gpu->device, BINDING_COUNT, writes, 0, NULL);
}

enum cubby_status executor_create_descriptors(struct executor *executor)
{
    const struct cubby_gpu *gpu = executor->gpu;
    const uint32_t ops = executor->graph.op_count, sets = ops * executor->slot_count;
    const VkDescriptorPoolSize sizes[] = {
        {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, sets * BINDING_COUNT},
        {VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER, sets * BINDING_COUNT},
    };
    const VkDescriptorPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = sets,
        .poolSizeCount = 2,
        .pPoolSizes = sizes,
    };
    enum cubby_status status =
        gpu_check(gpu, vkCreateDescriptorPool(gpu->device, &pool, NULL, &executor->descriptor_pool),
                  "making a descriptor pool");
    VkDescriptorSetLayout layouts[GRAPH_MAX_OPS];
    for (uint32_t i = 0; i < ops; i++)
        layouts[i] = gpu->set_layout;
    for (uint32_t s = 0; !status && s < executor->slot_count; s++) {
        const VkDescriptorSetAllocateInfo info = {
            .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
            .descriptorPool = executor->descriptor_pool,
            .descriptorSetCount = ops,
            .pSetLayouts = layouts,
        };
        status =
            gpu_check(gpu, vkAllocateDescriptorSets(gpu->device, &info, executor->slots[s].sets),
                      "making descriptors");
        for (uint32_t i = 0; !status && i < ops; i++)
            write_set(executor, &executor->slots[s], i);
    }
    return status;
}

static void op_launch_of(const struct executor *executor, uint32_t index, uint32_t count,
                         struct op_launch *launch)
{
    const struct graph *graph = &executor->graph;
    const struct graph_op *op = &graph->ops[index];
    struct op_places places = {
        .in = op->input != GRAPH_NONE ? &executor->layouts[op->input] : NULL,
        .out = op->output != GRAPH_NONE ? &executor->layouts[op->output] : NULL,
        .second = op->second != GRAPH_NONE ? &executor->layouts[op->second] : NULL,
        .choice = &executor->choices[index],
    };
    const struct op_weights *weights = &executor->weights_of[op->weights_op];
    places.bias = weights->bias_texel - weights->first_texel; // tile: within the bound range
    if (executor->gpu->family == CUBBY_KERNELS_LANE) {
        if (op->input != GRAPH_NONE)
            places.src = executor->value_texel[op->input];
        if (op->residual != GRAPH_NONE)
            places.residual = executor->value_texel[op->residual];
        if (op->second != GRAPH_NONE)
            places.second_src = executor->value_texel[op->second];
        places.weight = weights->first_texel;
        places.bias = weights->bias_texel;
    }
    switch (op->kind) {
    case GRAPH_NORMALIZE:
        normalize_launch(launch, graph, op, &places, count);
        break;
    case GRAPH_STEM:
        stem_matrix_launch(launch, executor->gpu, graph, op, &places, count);
        break;
    case GRAPH_WINOGRAD_INPUT:
        winograd_input_launch(launch, graph, op, &places, count);
        break;
    case GRAPH_WINOGRAD_OUTPUT:
        winograd_output_launch(launch, graph, op, &places, count);
        break;
    case GRAPH_CONV:
    case GRAPH_WINOGRAD_PRODUCT:
        conv_launch(launch, executor->gpu, graph, op, &places, count);
        break;
    case GRAPH_MAX_POOL:
        max_pool_launch(launch, graph, op, &places, count);
        break;
    case GRAPH_GLOBAL_POOL:
        global_pool_launch(launch, graph, op, &places, count);
        break;
    case GRAPH_UNPACK:
        unpack_launch(launch, graph, op, &places, count);
        break;
    case GRAPH_SOFTMAX:
        softmax_launch(launch, graph, op, &places, count);
        break;
    case GRAPH_SIGMOID:
        sigmoid_launch(launch, graph, op, &places, count);
        break;
    }
}

static void memory_barrier(VkCommandBuffer commands, VkPipelineStageFlags from, VkAccessFlags made,
                           VkPipelineStageFlags to, VkAccessFlags needed)
{
    const VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = made,
        .dstAccessMask = needed,
    };
    vkCmdPipelineBarrier(commands, from, to, 0, 1, &barrier, 0, NULL, 0, NULL);
}

enum cubby_status executor_record_op(const struct executor *executor, uint32_t slot,
                                     VkCommandBuffer commands, uint32_t index, uint32_t count)
{
    struct cubby_gpu *gpu = executor->gpu;
    struct op_launch launch;
    const VkPipelineStageFlags compute = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
    op_launch_of(executor, index, count, &launch);
    VkPipeline pipeline = VK_NULL_HANDLE;
    const enum cubby_status status =
        kernel_prepare(gpu, launch.kernel, launch.constants, launch.constant_count, &pipeline);
    if (status)
        return status;
    for (int i = 0; i < 3; i++) {
        if (launch.groups[i] > gpu->limits.maxComputeWorkGroupCount[i]) {
            cubby_log(&gpu->log, CUBBY_LOG_ERROR,
                      "%s: %u workgroups at %u images a batch, the device can start %u: use a "
                      "smaller batch",
                      gpu->info.name, launch.groups[i], count,
                      gpu->limits.maxComputeWorkGroupCount[i]);
            return CUBBY_NO_MEMORY;
        }
    }
    // Each op reads what the one before wrote, and may write where an earlier one read. The
    // first barrier orders this batch behind the previous one, which used the same arena.
    memory_barrier(commands, compute | VK_PIPELINE_STAGE_TRANSFER_BIT,
                   VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT, compute,
                   VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT);
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, gpu->pipeline_layout, 0, 1,
                            &executor->slots[slot].sets[index], 0, NULL);
    vkCmdPushConstants(commands, gpu->pipeline_layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                       launch.push_bytes, launch.push);
    vkCmdDispatch(commands, launch.groups[0], launch.groups[1], launch.groups[2]);
    return CUBBY_OK;
}

enum cubby_status executor_record(struct executor *executor, uint32_t index, uint32_t count)
{
    struct cubby_gpu *gpu = executor->gpu;
    struct executor_slot *slot = &executor->slots[index];
    VkCommandBuffer commands = VK_NULL_HANDLE;
    const VkCommandBufferAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = gpu->command_pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1,
    };
    enum cubby_status status = gpu_check(
        gpu, vkAllocateCommandBuffers(gpu->device, &info, &commands), "making a command buffer");
    if (status)
        return status;

    const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    status = gpu_check(gpu, vkBeginCommandBuffer(commands, &begin), "recording");
    if (!status)
        upload_record(&slot->input, commands, executor_input_bytes(executor, count));
    for (uint32_t i = 0; !status && i < executor->graph.op_count; i++)
        status = executor_record_op(executor, index, commands, i, count);
    if (!status) {
        memory_barrier(commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_WRITE_BIT,
                       VK_PIPELINE_STAGE_HOST_BIT, VK_ACCESS_HOST_READ_BIT);
        status = gpu_check(gpu, vkEndCommandBuffer(commands), "recording");
    }
    if (status)
        vkFreeCommandBuffers(gpu->device, gpu->command_pool, 1, &commands);
    else
        slot->commands[count] = commands;
    return status;
}
