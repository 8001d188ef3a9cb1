// Matrix units: what of VK_KHR_cooperative_matrix and VK_NV_cooperative_matrix2 a device offers.
// Private to the engine.
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

// Sizes of matrices that the driver cuts into what its units take, and brings there as it likes:
// multiples of m, n and k up to `most`, of a product as above whose sums can be halves, too.
struct matrix_flexible {
    uint32_t m, n, k, most;
    uint32_t scope;        // who keeps a matrix together, as Vulkan and SPIR-V number it
    uint32_t invocations;  // of the workgroup, if that does; of a subgroup otherwise
    uint32_t shared_bytes; // of shared memory that the driver leaves to the kernel
};
#define MATRIX_FLEXIBLE 8u

// What there is of a workgroup, for different numbers of invocations; or else of a subgroup. The
// number found is 0 if the device lacks the extension. Only asked of devices that have a
// matrix_shape.
uint32_t device_matrix_flexible(VkInstance instance, VkPhysicalDevice physical,
                                uint32_t subgroup_size,
                                struct matrix_flexible found[MATRIX_FLEXIBLE]);

// VkPhysicalDeviceCooperativeMatrix2FeaturesNV, from headers of 1.3.297 on
struct matrix_flexible_features {
    VkStructureType sType;
    void *pNext;
    VkBool32 workgroup_scope, flexible_dimensions, reductions, conversions, per_element_operations,
        tensor_addressing, block_loads;
};
// The features to enable for matrices of this scope.
void matrix_flexible_features_init(struct matrix_flexible_features *features, uint32_t scope,
                                   void *next);
extern const char matrix_flexible_extension[]; // "VK_NV_cooperative_matrix2"

#endif
