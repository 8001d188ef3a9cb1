#include "vk/matrix.h"

#include <stdlib.h>
#include <string.h>

#include "vk/instance.h"

// Debian 12's headers and volk are older than the extension (June 2023); these are its numbers.
#define STRUCTURE_FEATURES ((VkStructureType)1000506000)
#define STRUCTURE_PROPERTIES ((VkStructureType)1000506001)
enum component { COMPONENT_FLOAT16 = 0, COMPONENT_FLOAT32 = 1 };
enum { SCOPE_SUBGROUP = 3 };

struct shape_properties { // VkCooperativeMatrixPropertiesKHR
    VkStructureType sType;
    void *pNext;
    uint32_t m, n, k;
    uint32_t a_type, b_type, c_type, result_type;
    VkBool32 saturating;
    uint32_t scope;
};
typedef VkResult(VKAPI_PTR *get_properties)(VkPhysicalDevice, uint32_t *,
                                            struct shape_properties *);

const char matrix_extension[] = "VK_KHR_cooperative_matrix";

void matrix_features_init(struct matrix_features *features, void *next)
{
    memset(features, 0, sizeof(*features));
    features->half_storage = (VkPhysicalDevice16BitStorageFeatures){
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES,
        .pNext = &features->half_arithmetic,
        .storageBuffer16BitAccess = VK_TRUE,
    };
    features->half_arithmetic = (VkPhysicalDeviceShaderFloat16Int8Features){
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES,
        .pNext = &features->memory_model,
        .shaderFloat16 = VK_TRUE,
    };
    features->memory_model = (VkPhysicalDeviceVulkanMemoryModelFeatures){
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES,
        .pNext = &features->matrix,
        .vulkanMemoryModel = VK_TRUE,
    };
    features->matrix.sType = STRUCTURE_FEATURES;
    features->matrix.pNext = next;
    features->matrix.cooperativeMatrix = VK_TRUE;
}

static bool has_features(VkPhysicalDevice physical)
{
    struct matrix_features features;
    matrix_features_init(&features, NULL);
    VkPhysicalDeviceFeatures2 query = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
        .pNext = &features.half_storage,
    };
    vkGetPhysicalDeviceFeatures2(physical, &query);
    return features.half_storage.storageBuffer16BitAccess &&
           features.half_arithmetic.shaderFloat16 && features.memory_model.vulkanMemoryModel &&
           features.matrix.cooperativeMatrix;
}

static bool is_power_of_two(uint32_t value)
{
    return value && !(value & (value - 1));
}

// The kernels cut tiles of 16 and more into such shapes.
static bool is_usable(const struct shape_properties *p)
{
    return p->a_type == COMPONENT_FLOAT16 && p->b_type == COMPONENT_FLOAT16 &&
           p->c_type == COMPONENT_FLOAT32 && p->result_type == COMPONENT_FLOAT32 &&
           p->scope == SCOPE_SUBGROUP && !p->saturating && is_power_of_two(p->m) && p->m <= 16 &&
           is_power_of_two(p->n) && p->n >= 8 && p->n <= 16 && is_power_of_two(p->k) && p->k >= 8 &&
           p->k <= 16;
}

struct matrix_shape device_matrix_shape(VkInstance instance, VkPhysicalDevice physical)
{
    struct matrix_shape best = {0};
    VkPhysicalDeviceProperties properties;
    vkGetPhysicalDeviceProperties(physical, &properties);
    if (properties.apiVersion < VK_API_VERSION_1_2 ||
        !device_has_extension(physical, matrix_extension) || !has_features(physical))
        return best;

    const get_properties get = (get_properties)vkGetInstanceProcAddr(
        instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
    uint32_t count = 0;
    if (!get || get(physical, &count, NULL) < VK_SUCCESS || !count)
        return best;
    struct shape_properties *shapes = calloc(count, sizeof(*shapes));
    if (!shapes)
        return best;
    for (uint32_t i = 0; i < count; i++)
        shapes[i].sType = STRUCTURE_PROPERTIES;
    if (get(physical, &count, shapes) < VK_SUCCESS)
        count = 0;
    // The largest does the most for each load; NVIDIA's 16x8x8 reaches two thirds of its 16x16x16.
    for (uint32_t i = 0; i < count; i++) {
        const struct shape_properties *p = &shapes[i];
        if (is_usable(p) && p->m * p->n * p->k > best.m * best.n * best.k)
            best = (struct matrix_shape){p->m, p->n, p->k};
    }
    free(shapes);
    return best;
}
