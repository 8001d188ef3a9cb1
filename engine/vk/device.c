#include "vk/device.h"

#include "ops/conv_matrix.h"
#include "vk/instance.h"

#define MAX_EXTENSIONS 5u

// How many workgroups run side by side at least: a multiprocessor (NVIDIA), a compute unit (AMD).
static uint32_t compute_units(const struct cubby_gpu *gpu)
{
    VkPhysicalDeviceShaderSMBuiltinsPropertiesNV nvidia = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SM_BUILTINS_PROPERTIES_NV,
    };
    VkPhysicalDeviceShaderCorePropertiesAMD amd = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_CORE_PROPERTIES_AMD,
    };
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
    };
    if (device_has_extension(gpu->physical, VK_NV_SHADER_SM_BUILTINS_EXTENSION_NAME))
        properties.pNext = &nvidia;
    else if (device_has_extension(gpu->physical, VK_AMD_SHADER_CORE_PROPERTIES_EXTENSION_NAME))
        properties.pNext = &amd;
    if (properties.pNext)
        vkGetPhysicalDeviceProperties2(gpu->physical, &properties);
    const uint32_t told = nvidia.shaderSMCount
                              ? nvidia.shaderSMCount
                              : amd.shaderEngineCount * amd.shaderArraysPerEngineCount *
                                    amd.computeUnitsPerShaderArray;
    if (told)
        return told;
    // Halfway through what is sold; being wrong by two costs a round of workgroups here and there.
    return gpu->info.kind == CUBBY_DEVICE_DISCRETE ? 32 : 8;
}

static void study_subgroups(struct cubby_gpu *gpu)
{
    gpu->max_workgroup_subgroups = UINT32_MAX;
    if (!device_has_extension(gpu->physical, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME))
        return;
    VkPhysicalDeviceSubgroupSizeControlPropertiesEXT sizes = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES_EXT,
    };
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .pNext = &sizes,
    };
    vkGetPhysicalDeviceProperties2(gpu->physical, &properties);
    VkPhysicalDeviceSubgroupSizeControlFeaturesEXT control = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT,
    };
    VkPhysicalDeviceFeatures2 features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
        .pNext = &control,
    };
    vkGetPhysicalDeviceFeatures2(gpu->physical, &features);
    gpu->max_workgroup_subgroups = sizes.maxComputeWorkgroupSubgroups;
    gpu->sets_subgroup_size = control.subgroupSizeControl && control.computeFullSubgroups &&
                              (sizes.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT) &&
                              gpu->info.subgroup_size >= sizes.minSubgroupSize &&
                              gpu->info.subgroup_size <= sizes.maxSubgroupSize;
}

void device_study(struct cubby_gpu *gpu)
{
    VkPhysicalDeviceProperties properties;
    vkGetPhysicalDeviceProperties(gpu->physical, &properties);
    gpu->limits = properties.limits;
    vkGetPhysicalDeviceMemoryProperties(gpu->physical, &gpu->memory);
    gpu->compute_units = compute_units(gpu);
    study_subgroups(gpu);
    gpu->matrix = device_matrix_shape(gpu->instance, gpu->physical);
    if (gpu->matrix.m && !conv_matrix_can(gpu))
        gpu->matrix = (struct matrix_shape){0};
    if (gpu->matrix.m)
        gpu->flexible_count = device_matrix_flexible(gpu->instance, gpu->physical,
                                                     gpu->info.subgroup_size, gpu->flexible);
}

static VkDeviceQueueCreateInfo one_queue(uint32_t family)
{
    static const float priority = 1.0f;
    return (VkDeviceQueueCreateInfo){
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueFamilyIndex = family,
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
}

enum cubby_status device_open_transfer(struct cubby_gpu *gpu, uint32_t family)
{
    const VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
        .queueFamilyIndex = family,
    };
    gpu->transfer_family = family;
    vkGetDeviceQueue(gpu->device, family, 0, &gpu->transfer_queue);
    return gpu_check(gpu, vkCreateCommandPool(gpu->device, &pool, NULL, &gpu->transfer_pool),
                     "making a command pool");
}

enum cubby_status device_open(struct cubby_gpu *gpu)
{
    gpu->queue_family = device_compute_family(gpu->physical);
    const uint32_t transfer = device_transfer_family(gpu->physical);
    const VkDeviceQueueCreateInfo queues[] = {one_queue(gpu->queue_family), one_queue(transfer)};
    const VkPhysicalDeviceFeatures features = {
        .shaderInt64 = gpu->family == CUBBY_KERNELS_LANE,
    };
    VkPhysicalDeviceSubgroupSizeControlFeaturesEXT subgroups = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT,
        .subgroupSizeControl = VK_TRUE,
        .computeFullSubgroups = VK_TRUE,
    };
    VkPhysicalDevice16BitStorageFeatures half_storage = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES,
        .storageBuffer16BitAccess = VK_TRUE,
    };
    VkPhysicalDeviceShaderSubgroupExtendedTypesFeatures subgroup_types = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SUBGROUP_EXTENDED_TYPES_FEATURES,
        .shaderSubgroupExtendedTypes = VK_TRUE,
    };
    struct matrix_features matrix;
    struct matrix_flexible_features flexible;
    const char *extensions[MAX_EXTENSIONS];
    uint32_t extension_count = 0;
    const void *next = gpu->precision == CUBBY_PRECISION_FP16 ? &half_storage : NULL;
    if (gpu->family == CUBBY_KERNELS_MATRIX) {
        extensions[extension_count++] = matrix_extension;
        void *rest = gpu->sets_subgroup_size ? &subgroups : NULL;
        if (gpu->flexible_count) {
            extensions[extension_count++] = matrix_flexible_extension;
            matrix_flexible_features_init(&flexible, gpu->flexible[0].scope, rest);
            rest = &flexible;
        }
        matrix_features_init(&matrix, rest);
        next = &matrix.half_storage;
        if (gpu->sets_subgroup_size)
            extensions[extension_count++] = VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME;
    }
    if (gpu->family == CUBBY_KERNELS_LANE) {
        extensions[extension_count++] = VK_KHR_SHADER_SUBGROUP_EXTENDED_TYPES_EXTENSION_NAME;
        next = &subgroup_types;
    }
    // Its name is in a beta header; a device that lists it must be given it.
    static const char portability[] = "VK_KHR_portability_subset";
    if (device_has_extension(gpu->physical, portability))
        extensions[extension_count++] = portability;
    const VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .pNext = next,
        .enabledExtensionCount = extension_count,
        .ppEnabledExtensionNames = extensions,
        .pEnabledFeatures = &features,
        .queueCreateInfoCount = transfer == UINT32_MAX ? 1 : 2,
        .pQueueCreateInfos = queues,
    };
    enum cubby_status status =
        gpu_check(gpu, vkCreateDevice(gpu->physical, &info, NULL, &gpu->device), "opening it");
    if (status)
        return status;
    vkGetDeviceQueue(gpu->device, gpu->queue_family, 0, &gpu->queue);

    const VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .queueFamilyIndex = gpu->queue_family,
    };
    status = gpu_check(gpu, vkCreateCommandPool(gpu->device, &pool, NULL, &gpu->command_pool),
                       "making a command pool");
    if (!status && transfer != UINT32_MAX)
        status = device_open_transfer(gpu, transfer);
    return status;
}
