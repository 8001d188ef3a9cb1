#include "engine/peak.h"

#include <stdlib.h>

#include "peak.h"
#include "peak_copy.h"
#include "peak_matrix.h"
#include "peak_push.h"
#include "vk/buffer.h"
#include "vk/commands.h"
#include "vk/gpu.h"

#define COPY_BYTES ((VkDeviceSize)128 << 20) // beyond any cache
// Enough for the largest GPU to have all its registers in use; a CPU only needs some for each core.
#define GROUPS_GPU 8192u
#define GROUPS_CPU 512u

enum peak_kernel { PEAK_MULTIPLY_ADD, PEAK_COPY, PEAK_MATRIX, PEAK_KERNELS };
enum { BINDING_TO, BINDING_FROM, BINDINGS };
#define MATRIX_SUBGROUPS 4u // of a workgroup: one for each of the parts that compute units have

struct cubby_peak {
    struct cubby_gpu *gpu; // borrowed
    struct buffer from, to;
    VkDescriptorSetLayout set_layout;
    VkPipelineLayout layout;
    VkDescriptorPool pool;
    VkDescriptorSet set;
    VkPipeline pipelines[PEAK_KERNELS]; // those that the device has
};

static enum cubby_status make_layouts(struct cubby_peak *peak)
{
    const struct cubby_gpu *gpu = peak->gpu;
    VkDescriptorSetLayoutBinding bindings[BINDINGS];
    for (uint32_t i = 0; i < BINDINGS; i++)
        bindings[i] = (VkDescriptorSetLayoutBinding){
            .binding = i,
            .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .descriptorCount = 1,
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        };
    const VkDescriptorSetLayoutCreateInfo set = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = BINDINGS,
        .pBindings = bindings,
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
    const VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, BINDINGS};
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
    const VkDescriptorBufferInfo ranges[BINDINGS] = {
        [BINDING_TO] = {peak->to.handle, 0, COPY_BYTES},
        [BINDING_FROM] = {peak->from.handle, 0, COPY_BYTES},
    };
    for (uint32_t i = 0; i < BINDINGS; i++) {
        const VkWriteDescriptorSet write = {
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
            .dstSet = peak->set,
            .dstBinding = i,
            .descriptorCount = 1,
            .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .pBufferInfo = &ranges[i],
        };
        vkUpdateDescriptorSets(gpu->device, 1, &write, 0, NULL);
    }
    return CUBBY_OK;
}

static enum cubby_status make_pipeline(struct cubby_peak *peak, enum peak_kernel kernel)
{
    static const struct {
        const uint32_t *words;
        size_t bytes;
    } kernels[PEAK_KERNELS] = {
        [PEAK_MULTIPLY_ADD] = {peak_spv, sizeof(peak_spv)},
        [PEAK_COPY] = {peak_copy_spv, sizeof(peak_copy_spv)},
        [PEAK_MATRIX] = {peak_matrix_spv, sizeof(peak_matrix_spv)},
    };
    const struct cubby_gpu *gpu = peak->gpu;
    const VkShaderModuleCreateInfo module_info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = kernels[kernel].bytes,
        .pCode = kernels[kernel].words,
    };
    VkShaderModule module;
    enum cubby_status status =
        gpu_check(gpu, vkCreateShaderModule(gpu->device, &module_info, NULL, &module), "peak");
    if (status)
        return status;
    const uint32_t values[] = {MATRIX_SUBGROUPS * gpu->info.subgroup_size, gpu->matrix.m,
                               gpu->matrix.n, gpu->matrix.k};
    VkSpecializationMapEntry entries[4];
    for (uint32_t i = 0; i < 4; i++)
        entries[i] = (VkSpecializationMapEntry){i, i * sizeof(uint32_t), sizeof(uint32_t)};
    const VkSpecializationInfo constants = {4, entries, sizeof(values), values};
    const VkPipelineShaderStageRequiredSubgroupSizeCreateInfoEXT subgroup = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO_EXT,
        .requiredSubgroupSize = gpu->info.subgroup_size,
    };
    const bool is_matrix = kernel == PEAK_MATRIX, whole = is_matrix && gpu->sets_subgroup_size;
    const VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage =
            {
                .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .pNext = whole ? &subgroup : NULL,
                .flags = whole ? VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT_EXT : 0,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                .module = module,
                .pName = "main",
                .pSpecializationInfo = is_matrix ? &constants : NULL,
            },
        .layout = peak->layout,
    };
    const VkResult result = vkCreateComputePipelines(gpu->device, VK_NULL_HANDLE, 1, &info, NULL,
                                                     &peak->pipelines[kernel]);
    vkDestroyShaderModule(gpu->device, module, NULL);
    if (result < VK_SUCCESS)
        peak->pipelines[kernel] = VK_NULL_HANDLE;
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
        status = make_pipeline(peak, PEAK_MULTIPLY_ADD);
    if (!status)
        status = make_pipeline(peak, PEAK_COPY);
    if (!status && gpu->family == CUBBY_KERNELS_MATRIX)
        status = make_pipeline(peak, PEAK_MATRIX);
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
    for (int i = 0; i < PEAK_KERNELS; i++)
        vkDestroyPipeline(device, peak->pipelines[i], NULL);
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

static void record_kernel(const struct cubby_peak *peak, VkCommandBuffer commands,
                          enum peak_kernel kernel, uint32_t rounds)
{
    // Near 1, where nothing overflows and nothing becomes subnormal.
    const struct peak_push push = {.rounds = rounds, .factor = 0.75f, .term = 0.25f};
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, peak->pipelines[kernel]);
    vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, peak->layout, 0, 1,
                            &peak->set, 0, NULL);
    vkCmdPushConstants(commands, peak->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(push), &push);
    vkCmdDispatch(commands, group_count(peak), 1, 1);
}

static void record_multiply_add(const void *user, VkCommandBuffer commands)
{
    const struct peak_run *this_run = user;
    record_kernel(this_run->peak, commands, PEAK_MULTIPLY_ADD, this_run->rounds);
}

static void record_matrices(const void *user, VkCommandBuffer commands)
{
    const struct peak_run *this_run = user;
    record_kernel(this_run->peak, commands, PEAK_MATRIX, this_run->rounds);
}

enum cubby_status cubby_peak_multiply_add(struct cubby_peak *peak, uint32_t rounds,
                                          double *operations)
{
    *operations = 2.0 * PEAK_CHAINS * PEAK_STEPS * PEAK_THREADS * group_count(peak) * rounds;
    return run(peak, rounds, record_multiply_add);
}

enum cubby_status cubby_peak_matrices(struct cubby_peak *peak, uint32_t rounds, double *operations)
{
    if (!peak->pipelines[PEAK_MATRIX])
        return CUBBY_UNSUPPORTED;
    const struct matrix_shape *shape = &peak->gpu->matrix;
    *operations = 2.0 * shape->m * shape->n * shape->k * PEAK_MATRICES * PEAK_MATRICES *
                  MATRIX_SUBGROUPS * group_count(peak) * rounds;
    return run(peak, rounds, record_matrices);
}

// A CPU's driver copies with one thread's memcpy(), and is slower at anything else.
static void record_copies(const void *user, VkCommandBuffer commands)
{
    const struct peak_run *this_run = user;
    const struct cubby_peak *peak = this_run->peak;
    const VkBufferCopy region = {.size = COPY_BYTES};
    const VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT | VK_ACCESS_SHADER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT | VK_ACCESS_SHADER_WRITE_BIT,
    };
    const VkPipelineStageFlags stages =
        VK_PIPELINE_STAGE_TRANSFER_BIT | VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
    for (uint32_t i = 0; i < this_run->rounds; i++) {
        if (i)
            vkCmdPipelineBarrier(commands, stages, stages, 0, 1, &barrier, 0, NULL, 0, NULL);
        if (peak->gpu->info.kind == CUBBY_DEVICE_CPU)
            vkCmdCopyBuffer(commands, peak->from.handle, peak->to.handle, 1, &region);
        else
            record_kernel(peak, commands, PEAK_COPY, COPY_BYTES / 16);
    }
}

enum cubby_status cubby_peak_copy(struct cubby_peak *peak, uint32_t rounds, double *bytes)
{
    *bytes = 2.0 * (double)COPY_BYTES * rounds;
    return run(peak, rounds, record_copies);
}
