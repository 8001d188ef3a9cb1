#include "engine/peak.h"

#include <stdlib.h>

#include "peak.h"
#include "peak_push.h"
#include "vk/buffer.h"
#include "vk/commands.h"
#include "vk/gpu.h"

#define COPY_BYTES ((VkDeviceSize)128 << 20) // beyond any cache
// Enough for the largest GPU to have all its registers in use; a CPU only needs some for each core.
#define GROUPS_GPU 8192u
#define GROUPS_CPU 512u

struct cubby_peak {
    struct cubby_gpu *gpu; // borrowed
    struct buffer from, to;
    VkDescriptorSetLayout set_layout;
    VkPipelineLayout layout;
    VkDescriptorPool pool;
    VkDescriptorSet set;
    VkPipeline pipeline;
};

static enum cubby_status make_layouts(struct cubby_peak *peak)
{
    const struct cubby_gpu *gpu = peak->gpu;
    const VkDescriptorSetLayoutBinding binding = {
        .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
        .descriptorCount = 1,
        .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
    };
    const VkDescriptorSetLayoutCreateInfo set = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = 1,
        .pBindings = &binding,
    };
    enum cubby_status status =
        gpu_check(gpu, vkCreateDescriptorSetLayout(gpu->device, &set, NULL, &peak->set_layout),
                  "making a descriptor layout");
    if (status)
        return status;
    const VkPushConstantRange push = {
        .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        .size = sizeof(struct peak_push),
    };
    const VkPipelineLayoutCreateInfo layout = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &peak->set_layout,
        .pushConstantRangeCount = 1,
        .pPushConstantRanges = &push,
    };
    return gpu_check(gpu, vkCreatePipelineLayout(gpu->device, &layout, NULL, &peak->layout),
                     "making a pipeline layout");
}

static enum cubby_status make_set(struct cubby_peak *peak)
{
    const struct cubby_gpu *gpu = peak->gpu;
    const VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1};
    const VkDescriptorPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = 1,
        .poolSizeCount = 1,
        .pPoolSizes = &size,
    };
    enum cubby_status status =
        gpu_check(gpu, vkCreateDescriptorPool(gpu->device, &pool, NULL, &peak->pool),
                  "making a descriptor pool");
    if (status)
        return status;
    const VkDescriptorSetAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorPool = peak->pool,
        .descriptorSetCount = 1,
        .pSetLayouts = &peak->set_layout,
    };
    status = gpu_check(gpu, vkAllocateDescriptorSets(gpu->device, &info, &peak->set),
                       "making descriptors");
    if (status)
        return status;
    const VkDescriptorBufferInfo range = {peak->to.handle, 0, PEAK_THREADS * sizeof(float)};
    const VkWriteDescriptorSet write = {
        .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
        .dstSet = peak->set,
        .descriptorCount = 1,
        .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
        .pBufferInfo = &range,
    };
    vkUpdateDescriptorSets(gpu->device, 1, &write, 0, NULL);
    return CUBBY_OK;
}

static enum cubby_status make_pipeline(struct cubby_peak *peak)
{
    const struct cubby_gpu *gpu = peak->gpu;
    const VkShaderModuleCreateInfo module_info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = sizeof(peak_spv),
        .pCode = peak_spv,
    };
    VkShaderModule module;
    enum cubby_status status =
        gpu_check(gpu, vkCreateShaderModule(gpu->device, &module_info, NULL, &module), "peak");
    if (status)
        return status;
    const VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage =
            {
                .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                .module = module,
                .pName = "main",
            },
        .layout = peak->layout,
    };
    const VkResult result =
        vkCreateComputePipelines(gpu->device, VK_NULL_HANDLE, 1, &info, NULL, &peak->pipeline);
    vkDestroyShaderModule(gpu->device, module, NULL);
    if (result < VK_SUCCESS)
        peak->pipeline = VK_NULL_HANDLE;
    return gpu_check(gpu, result, "peak");
}

enum cubby_status cubby_peak_create(struct cubby_peak **out, struct cubby_gpu *gpu)
{
    *out = NULL;
    struct cubby_peak *peak = calloc(1, sizeof(*peak));
    if (!peak)
        return CUBBY_NO_MEMORY;
    peak->gpu = gpu;
    enum cubby_status status = buffer_create(&peak->from, gpu, BUFFER_DEVICE, COPY_BYTES);
    if (!status)
        status = buffer_create(&peak->to, gpu, BUFFER_DEVICE, COPY_BYTES);
    if (!status)
        status = make_layouts(peak);
    if (!status)
        status = make_set(peak);
    if (!status)
        status = make_pipeline(peak);
    if (status)
        cubby_peak_destroy(&peak);
    *out = peak;
    return status;
}

void cubby_peak_destroy(struct cubby_peak **out)
{
    struct cubby_peak *peak = *out;
    if (!peak)
        return;
    VkDevice device = peak->gpu->device;
    vkDestroyPipeline(device, peak->pipeline, NULL);
    vkDestroyDescriptorPool(device, peak->pool, NULL);
    vkDestroyPipelineLayout(device, peak->layout, NULL);
    vkDestroyDescriptorSetLayout(device, peak->set_layout, NULL);
    buffer_destroy(&peak->to, peak->gpu);
    buffer_destroy(&peak->from, peak->gpu);
    free(peak);
    *out = NULL;
}

// What there is to record.
struct peak_run {
    const struct cubby_peak *peak;
    uint32_t rounds;
};

static enum cubby_status run(struct cubby_peak *peak, uint32_t rounds,
                             void (*record)(const void *user, VkCommandBuffer commands))
{
    const struct peak_run this_run = {peak, rounds};
    return commands_run(peak->gpu, "measuring the device", record, &this_run);
}

static uint32_t group_count(const struct cubby_peak *peak)
{
    return peak->gpu->info.kind == CUBBY_DEVICE_CPU ? GROUPS_CPU : GROUPS_GPU;
}

static void record_multiply_add(const void *user, VkCommandBuffer commands)
{
    const struct peak_run *this_run = user;
    const struct cubby_peak *peak = this_run->peak;
    // Near 1, where nothing overflows and nothing becomes subnormal.
    const struct peak_push push = {.rounds = this_run->rounds, .factor = 0.75f, .term = 0.25f};
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, peak->pipeline);
    vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, peak->layout, 0, 1,
                            &peak->set, 0, NULL);
    vkCmdPushConstants(commands, peak->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(push), &push);
    vkCmdDispatch(commands, group_count(peak), 1, 1);
}

enum cubby_status cubby_peak_multiply_add(struct cubby_peak *peak, uint32_t rounds,
                                          double *operations)
{
    *operations = 2.0 * PEAK_CHAINS * PEAK_STEPS * PEAK_THREADS * group_count(peak) * rounds;
    return run(peak, rounds, record_multiply_add);
}

static void record_copy(const void *user, VkCommandBuffer commands)
{
    const struct peak_run *this_run = user;
    const struct cubby_peak *peak = this_run->peak;
    const VkBufferCopy region = {.size = COPY_BYTES};
    const VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
    };
    for (uint32_t i = 0; i < this_run->rounds; i++) {
        if (i)
            vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
                                 VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 1, &barrier, 0, NULL, 0, NULL);
        vkCmdCopyBuffer(commands, peak->from.handle, peak->to.handle, 1, &region);
    }
}

enum cubby_status cubby_peak_copy(struct cubby_peak *peak, uint32_t rounds, double *bytes)
{
    *bytes = 2.0 * (double)COPY_BYTES * rounds;
    return run(peak, rounds, record_copy);
}
