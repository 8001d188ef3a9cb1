// The opened device as the rest of the engine sees it. Private to the engine.
#ifndef ENGINE_VK_GPU_H
#define ENGINE_VK_GPU_H

#include <stdatomic.h>

#include <volk.h>

#include "engine/gpu.h"
#include "vk/kernels.h"
#include "vk/matrix.h"

struct cubby_gpu {
    struct cubby_log log;
    struct cubby_device_info info;
    enum cubby_kernels family;      // never AUTO
    enum cubby_precision precision; // never AUTO
    enum cubby_upload upload;       // as it was asked for
    atomic_uint validation_messages;

    struct matrix_shape matrix;                       // matrix family
    struct matrix_flexible flexible[MATRIX_FLEXIBLE]; // likewise
    uint32_t flexible_count;
    bool sets_subgroup_size; // pipelines may ask for info.subgroup_size and whole subgroups
    uint32_t max_workgroup_subgroups;
    uint32_t compute_units; // what a workgroup occupies one of; a guess where the driver is silent

    VkInstance instance;
    VkDebugUtilsMessengerEXT messenger;
    VkPhysicalDevice physical;
    VkPhysicalDeviceLimits limits;
    VkPhysicalDeviceMemoryProperties memory;
    VkDevice device;
    VkQueue queue;
    uint32_t queue_family;
    VkCommandPool command_pool;
    VkQueue transfer_queue; // for nothing but copies; VK_NULL_HANDLE where there is none
    uint32_t transfer_family;
    VkCommandPool transfer_pool; // of command buffers that are recorded again

    VkDescriptorSetLayout set_layout; // the family's four bindings, the same for each kernel
    VkPipelineLayout pipeline_layout;
    VkPipelineCache pipeline_cache;
    struct kernel_pipeline *pipelines; // owned, made on first use
    uint32_t pipeline_count;
};

// Turns a Vulkan result into a status and logs `what` with the result's name if it is an error.
enum cubby_status gpu_check(const struct cubby_gpu *gpu, VkResult result, const char *what);
const char *vk_result_text(VkResult result);

#endif
