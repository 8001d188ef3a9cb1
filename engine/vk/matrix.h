// Matrix units: what of VK_KHR_cooperative_matrix a device offers. Private to the engine.
#ifndef ENGINE_VK_MATRIX_H
#define ENGINE_VK_MATRIX_H

#include <stdbool.h>

#include <volk.h>

// One multiplication: [m, k] halves times [k, n] halves added to [m, n] floats. m is 0 without.
struct matrix_shape {
    uint32_t m, n, k;
};

// The device's best shape for a subgroup, or all zero if it lacks the extension, a shape with f16
// inputs and f32 sums, or one of the features that go with it (16-bit storage and arithmetic, the
// Vulkan memory model).
struct matrix_shape device_matrix_shape(VkInstance instance, VkPhysicalDevice physical);

// The features to enable, chained through pNext; the first is `half_storage`.
struct matrix_features {
    VkPhysicalDevice16BitStorageFeatures half_storage;
    VkPhysicalDeviceShaderFloat16Int8Features half_arithmetic;
    VkPhysicalDeviceVulkanMemoryModelFeatures memory_model;
    // VkPhysicalDeviceCooperativeMatrixFeaturesKHR, which headers before 1.3.255 lack
    struct {
        VkStructureType sType;
        void *pNext;
        VkBool32 cooperativeMatrix;
        VkBool32 cooperativeMatrixRobustBufferAccess;
    } matrix;
};
void matrix_features_init(struct matrix_features *features, void *next);
extern const char matrix_extension[]; // "VK_KHR_cooperative_matrix"

#endif
