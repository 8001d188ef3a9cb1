// Vulkan instance, the list of its devices, and what each can do. Private to the engine.
#ifndef ENGINE_VK_INSTANCE_H
#define ENGINE_VK_INSTANCE_H

#include <volk.h>

#include "engine/gpu.h"

struct instance_params {
    bool validation;
    PFN_vkDebugUtilsMessengerCallbackEXT on_message; // with validation
    void *user;
};

// Loads the Vulkan loader and makes an instance; *messenger is VK_NULL_HANDLE without validation.
//   CUBBY_NO_DEVICE    no loader, or no driver
//   CUBBY_UNSUPPORTED  validation was asked for and is not installed
enum cubby_status instance_create(VkInstance *instance, VkDebugUtilsMessengerEXT *messenger,
                                  const struct instance_params *params,
                                  const struct cubby_log *log);
void instance_destroy(VkInstance instance, VkDebugUtilsMessengerEXT messenger);

// All physical devices, malloc'd, the caller frees *devices.
enum cubby_status instance_devices(VkInstance instance, VkPhysicalDevice **devices, uint32_t *count,
                                   const struct cubby_log *log);
void device_describe(VkPhysicalDevice physical, struct cubby_device_info *info);
// Index of a queue family with compute, UINT32_MAX if there is none.
uint32_t device_compute_family(VkPhysicalDevice physical);
// Of one for nothing but copies: the engines that do them while others compute.
uint32_t device_transfer_family(VkPhysicalDevice physical);
bool device_has_extension(VkPhysicalDevice physical, const char *name);
// Whether the lane family can run: a subgroup size it is built for, and shuffles.
bool device_can_lane(VkPhysicalDevice physical);
// Whether shaders can read and write 16-bit floats in buffers.
bool device_has_half_storage(VkPhysicalDevice physical);

#endif
