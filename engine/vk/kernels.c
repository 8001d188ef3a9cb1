#include "vk/kernels.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "vk/gpu.h"

#include "conv_flexible.h"
#include "conv_half.h"
#include "conv_mesa22_lane16.h"
#include "conv_mesa22_lane4.h"
#include "conv_mesa22_lane8.h"
#include "conv_wide_mesa22_lane16.h"
#include "conv_wide_mesa22_lane4.h"
#include "conv_wide_mesa22_lane8.h"
#include "conv_short_mesa22_lane16.h"
#include "conv_short_mesa22_lane4.h"
#include "conv_short_mesa22_lane8.h"
#include "conv_row_mesa22_lane16.h"
#include "conv_row_mesa22_lane4.h"
#include "conv_row_mesa22_lane8.h"
#include "conv_lane16.h"
#include "conv_lane4.h"
#include "conv_lane8.h"
#include "conv_matrix.h"
#include "conv_row_lane16.h"
#include "conv_short_lane16.h"
#include "conv_wide_lane16.h"
#include "conv_row_lane4.h"
#include "conv_short_lane4.h"
#include "conv_wide_lane4.h"
#include "conv_row_lane8.h"
#include "conv_short_lane8.h"
#include "conv_wide_lane8.h"
#include "conv_tile.h"
#include "global_pool_half.h"
#include "global_pool_lane.h"
#include "global_pool_matrix.h"
#include "global_pool_tile.h"
#include "max_pool_3_half.h"
#include "max_pool_3_lane.h"
#include "max_pool_3_matrix.h"
#include "max_pool_3_tile.h"
#include "max_pool_half.h"
#include "max_pool_lane.h"
#include "max_pool_matrix.h"
#include "max_pool_tile.h"
#include "normalize_float_half.h"
#include "normalize_float_lane.h"
#include "normalize_float_matrix.h"
#include "normalize_float_tile.h"
#include "normalize_half.h"
#include "normalize_lane.h"
#include "normalize_matrix.h"
#include "normalize_tile.h"
#include "sigmoid_half.h"
#include "sigmoid_lane.h"
#include "sigmoid_matrix.h"
#include "sigmoid_pixels.h"
#include "sigmoid_tile.h"
#include "softmax_half.h"
#include "softmax_lane.h"
#include "softmax_matrix.h"
#include "softmax_pixels.h"
#include "softmax_tile.h"
#include "stem_matrix.h"
#include "unpack_half.h"
#include "unpack_lane.h"
#include "unpack_matrix.h"
#include "unpack_pixels.h"
#include "unpack_tile.h"
#include "winograd_input_lane.h"
#include "winograd_input_tile.h"
#include "winograd_output_lane.h"
#include "winograd_output_tile.h"

struct spirv {
    const char *name;
    const uint32_t *words;
    size_t bytes;
};

#define SPIRV(name)                                                                                \
    {                                                                                              \
#name, name##_spv, sizeof(name##_spv)                                                      \
    }

static const struct spirv tile_kernels[KERNEL_COUNT] = {
    [KERNEL_NORMALIZE] = SPIRV(normalize_tile),
    [KERNEL_CONV] = SPIRV(conv_tile),
    [KERNEL_WINOGRAD_INPUT] = SPIRV(winograd_input_tile),
    [KERNEL_WINOGRAD_OUTPUT] = SPIRV(winograd_output_tile),
    [KERNEL_MAX_POOL] = SPIRV(max_pool_tile),
    [KERNEL_MAX_POOL_3] = SPIRV(max_pool_3_tile),
    [KERNEL_GLOBAL_POOL] = SPIRV(global_pool_tile),
    [KERNEL_UNPACK] = SPIRV(unpack_tile),
    [KERNEL_SOFTMAX] = SPIRV(softmax_tile),
    [KERNEL_SIGMOID] = SPIRV(sigmoid_tile),
    [KERNEL_NORMALIZE_FLOAT] = SPIRV(normalize_float_tile),
};

// The tile kernels with halves in buffers.
static const struct spirv half_kernels[KERNEL_COUNT] = {
    [KERNEL_NORMALIZE] = SPIRV(normalize_half),
    [KERNEL_CONV] = SPIRV(conv_half),
    [KERNEL_MAX_POOL] = SPIRV(max_pool_half),
    [KERNEL_MAX_POOL_3] = SPIRV(max_pool_3_half),
    [KERNEL_GLOBAL_POOL] = SPIRV(global_pool_half),
    [KERNEL_UNPACK] = SPIRV(unpack_tile),
    [KERNEL_SOFTMAX] = SPIRV(softmax_tile),
    [KERNEL_SIGMOID] = SPIRV(sigmoid_tile),
    [KERNEL_UNPACK_HALF] = SPIRV(unpack_half),
    [KERNEL_SOFTMAX_HALF] = SPIRV(softmax_half),
    [KERNEL_SIGMOID_HALF] = SPIRV(sigmoid_half),
    [KERNEL_NORMALIZE_FLOAT] = SPIRV(normalize_float_half),
};

static const struct spirv matrix_kernels[KERNEL_COUNT] = {
    [KERNEL_NORMALIZE] = SPIRV(normalize_matrix),
    [KERNEL_CONV] = SPIRV(conv_matrix),
    [KERNEL_CONV_FLEXIBLE] = SPIRV(conv_flexible),
    [KERNEL_STEM] = SPIRV(stem_matrix),
    [KERNEL_MAX_POOL] = SPIRV(max_pool_matrix),
    [KERNEL_MAX_POOL_3] = SPIRV(max_pool_3_matrix),
    [KERNEL_GLOBAL_POOL] = SPIRV(global_pool_matrix),
    [KERNEL_UNPACK] = SPIRV(unpack_pixels),
    [KERNEL_SOFTMAX] = SPIRV(softmax_pixels),
    [KERNEL_SIGMOID] = SPIRV(sigmoid_pixels),
    [KERNEL_UNPACK_HALF] = SPIRV(unpack_matrix),
    [KERNEL_SOFTMAX_HALF] = SPIRV(softmax_matrix),
    [KERNEL_SIGMOID_HALF] = SPIRV(sigmoid_matrix),
    [KERNEL_NORMALIZE_FLOAT] = SPIRV(normalize_float_matrix),
};

// One per subgroup size that the convolutions are built for, and per kind of driver.
#define LANE_KERNELS(size, way)                                                                    \
    {                                                                                              \
        [KERNEL_NORMALIZE] = SPIRV(normalize_lane), [KERNEL_CONV] = SPIRV(conv##way##_lane##size), \
        [KERNEL_CONV_WIDE] = SPIRV(conv_wide##way##_lane##size),                                   \
        [KERNEL_CONV_SHORT] = SPIRV(conv_short##way##_lane##size),                                 \
        [KERNEL_CONV_ROW] = SPIRV(conv_row##way##_lane##size),                                     \
        [KERNEL_WINOGRAD_INPUT] = SPIRV(winograd_input_lane),                                      \
        [KERNEL_WINOGRAD_OUTPUT] = SPIRV(winograd_output_lane),                                    \
        [KERNEL_MAX_POOL] = SPIRV(max_pool_lane), [KERNEL_MAX_POOL_3] = SPIRV(max_pool_3_lane),    \
        [KERNEL_GLOBAL_POOL] = SPIRV(global_pool_lane), [KERNEL_UNPACK] = SPIRV(unpack_lane),      \
        [KERNEL_SOFTMAX] = SPIRV(softmax_lane), [KERNEL_SIGMOID] = SPIRV(sigmoid_lane),            \
        [KERNEL_NORMALIZE_FLOAT] = SPIRV(normalize_float_lane),                                    \
    }
static const struct spirv lane4_kernels[2][KERNEL_COUNT] = {LANE_KERNELS(4, ),
                                                            LANE_KERNELS(4, _mesa22)};
static const struct spirv lane8_kernels[2][KERNEL_COUNT] = {LANE_KERNELS(8, ),
                                                            LANE_KERNELS(8, _mesa22)};
static const struct spirv lane16_kernels[2][KERNEL_COUNT] = {LANE_KERNELS(16, ),
                                                             LANE_KERNELS(16, _mesa22)};

static const struct spirv *kernel_spirv(const struct cubby_gpu *gpu, enum kernel_id id)
{
    if (gpu->family == CUBBY_KERNELS_TILE)
        return gpu->precision == CUBBY_PRECISION_FP16 ? &half_kernels[id] : &tile_kernels[id];
    if (gpu->family == CUBBY_KERNELS_MATRIX)
        return &matrix_kernels[id];
    switch (gpu->info.subgroup_size) {
    case 4:
        return &lane4_kernels[gpu->info.mesa22][id];
    case 16:
        return &lane16_kernels[gpu->info.mesa22][id];
    default:
        return &lane8_kernels[gpu->info.mesa22][id];
    }
}

const uint32_t *kernel_words(const struct cubby_gpu *gpu, enum kernel_id id, size_t *size_bytes)
{
    const struct spirv *spirv = kernel_spirv(gpu, id);
    *size_bytes = spirv->bytes;
    return spirv->words;
}

VkDescriptorType kernel_descriptor_type(const struct cubby_gpu *gpu, enum kernel_binding binding)
{
    const bool texels =
        gpu->family == CUBBY_KERNELS_LANE && (binding == BINDING_SRC || binding == BINDING_WEIGHTS);
    return texels ? VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
}

enum cubby_status kernels_create_layouts(struct cubby_gpu *gpu)
{
    VkDescriptorSetLayoutBinding bindings[BINDING_COUNT] = {0};
    for (uint32_t i = 0; i < BINDING_COUNT; i++) {
        bindings[i].binding = i;
        bindings[i].descriptorType = kernel_descriptor_type(gpu, i);
        bindings[i].descriptorCount = 1;
        bindings[i].stageFlags = VK_SHADER_STAGE_COMPUTE_BIT;
    }
    const VkDescriptorSetLayoutCreateInfo set = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = BINDING_COUNT,
        .pBindings = bindings,
    };
    enum cubby_status status =
        gpu_check(gpu, vkCreateDescriptorSetLayout(gpu->device, &set, NULL, &gpu->set_layout),
                  "making a descriptor layout");
    if (status)
        return status;

    const VkPushConstantRange push = {
        .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        .size = KERNEL_PUSH_BYTES,
    };
    const VkPipelineLayoutCreateInfo layout = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &gpu->set_layout,
        .pushConstantRangeCount = 1,
        .pPushConstantRanges = &push,
    };
    status =
        gpu_check(gpu, vkCreatePipelineLayout(gpu->device, &layout, NULL, &gpu->pipeline_layout),
                  "making a pipeline layout");
    if (status)
        return status;
    const VkPipelineCacheCreateInfo cache = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
    };
    return gpu_check(gpu, vkCreatePipelineCache(gpu->device, &cache, NULL, &gpu->pipeline_cache),
                     "making a pipeline cache");
}

static enum cubby_status create_pipeline(const struct cubby_gpu *gpu,
                                         struct kernel_pipeline *pipeline)
{
    const struct spirv *spirv = kernel_spirv(gpu, pipeline->id);
    const VkShaderModuleCreateInfo module_info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = spirv->bytes,
        .pCode = spirv->words,
    };
    VkShaderModule module;
    enum cubby_status status =
        gpu_check(gpu, vkCreateShaderModule(gpu->device, &module_info, NULL, &module), spirv->name);
    if (status)
        return status;

    VkSpecializationMapEntry entries[KERNEL_CONSTANTS];
    for (uint32_t i = 0; i < pipeline->constant_count; i++)
        entries[i] = (VkSpecializationMapEntry){i, i * sizeof(uint32_t), sizeof(uint32_t)};
    const VkSpecializationInfo constants = {
        .mapEntryCount = pipeline->constant_count,
        .pMapEntries = entries,
        .dataSize = pipeline->constant_count * sizeof(uint32_t),
        .pData = pipeline->constants,
    };
    // Matrices are spread over whole subgroups, of the size that the tiles were cut for.
    const VkPipelineShaderStageRequiredSubgroupSizeCreateInfoEXT subgroup = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO_EXT,
        .requiredSubgroupSize = gpu->info.subgroup_size,
    };
    const bool whole = gpu->family == CUBBY_KERNELS_MATRIX && gpu->sets_subgroup_size &&
                       (pipeline->id == KERNEL_CONV || pipeline->id == KERNEL_STEM ||
                        pipeline->id == KERNEL_CONV_FLEXIBLE);
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
                .pSpecializationInfo = pipeline->constant_count ? &constants : NULL,
            },
        .layout = gpu->pipeline_layout,
    };
    const VkResult result = vkCreateComputePipelines(gpu->device, gpu->pipeline_cache, 1, &info,
                                                     NULL, &pipeline->handle);
    vkDestroyShaderModule(gpu->device, module, NULL);
    return gpu_check(gpu, result, spirv->name);
}

enum cubby_status kernel_prepare(struct cubby_gpu *gpu, enum kernel_id id,
                                 const uint32_t *constants, uint32_t constant_count,
                                 VkPipeline *pipeline)
{
    struct kernel_pipeline wanted = {.id = id, .constant_count = constant_count};
    assert(constant_count <= KERNEL_CONSTANTS);
    memcpy(wanted.constants, constants, constant_count * sizeof(*constants));
    for (uint32_t i = 0; i < gpu->pipeline_count; i++) {
        const struct kernel_pipeline *have = &gpu->pipelines[i];
        if (have->id == id && have->constant_count == constant_count &&
            !memcmp(have->constants, wanted.constants, sizeof(wanted.constants))) {
            *pipeline = have->handle;
            return CUBBY_OK;
        }
    }
    // A few dozen in all, so one more at a time.
    struct kernel_pipeline *grown =
        realloc(gpu->pipelines, (gpu->pipeline_count + 1) * sizeof(*grown));
    if (!grown)
        return CUBBY_NO_MEMORY;
    gpu->pipelines = grown;
    const enum cubby_status status = create_pipeline(gpu, &wanted);
    if (!status)
        grown[gpu->pipeline_count++] = wanted;
    *pipeline = wanted.handle;
    return status;
}

void kernels_destroy(struct cubby_gpu *gpu)
{
    for (uint32_t i = 0; i < gpu->pipeline_count; i++)
        vkDestroyPipeline(gpu->device, gpu->pipelines[i].handle, NULL);
    free(gpu->pipelines);
    vkDestroyPipelineCache(gpu->device, gpu->pipeline_cache, NULL);
    vkDestroyPipelineLayout(gpu->device, gpu->pipeline_layout, NULL);
    vkDestroyDescriptorSetLayout(gpu->device, gpu->set_layout, NULL);
}
