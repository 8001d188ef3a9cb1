#include "vk/matrix.h"

#include <stdlib.h>
#include <string.h>

#include "vk/instance.h"

// Debian 12's headers and volk are older than the extensions (June 2023, October 2024); these are
// their numbers.
#define STRUCTURE_FEATURES ((VkStructureType)1000506000)
#define STRUCTURE_PROPERTIES ((VkStructureType)1000506001)
#define STRUCTURE_FLEXIBLE_FEATURES ((VkStructureType)1000593000)
#define STRUCTURE_FLEXIBLE_SIZES ((VkStructureType)1000593001)
#define STRUCTURE_FLEXIBLE_PROPERTIES ((VkStructureType)1000593002)
enum component { COMPONENT_FLOAT16 = 0, COMPONENT_FLOAT32 = 1 };
enum { SCOPE_WORKGROUP = 2, SCOPE_SUBGROUP = 3 };

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

struct flexible_sizes { // VkCooperativeMatrixFlexibleDimensionsPropertiesNV
    VkStructureType sType;
    void *pNext;
    uint32_t m, n, k;
    uint32_t a_type, b_type, c_type, result_type;
    VkBool32 saturating;
    uint32_t scope;
    uint32_t invocations; // if that is a workgroup
};
typedef VkResult(VKAPI_PTR *get_flexible_sizes)(VkPhysicalDevice, uint32_t *,
                                                struct flexible_sizes *);

struct flexible_properties { // VkPhysicalDeviceCooperativeMatrix2PropertiesNV
    VkStructureType sType;
    void *pNext;
    uint32_t workgroup_most_invocations, most, workgroup_reserved_shared_memory;
};

const char matrix_extension[] = "VK_KHR_cooperative_matrix";
const char matrix_flexible_extension[] = "VK_NV_cooperative_matrix2";

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
static bool is_usable(const struct shape_properties *p, enum component sums)
{
    return p->a_type == COMPONENT_FLOAT16 && p->b_type == COMPONENT_FLOAT16 && p->c_type == sums &&
           p->result_type == sums && p->scope == SCOPE_SUBGROUP && !p->saturating &&
           is_power_of_two(p->m) && p->m <= 16 && is_power_of_two(p->n) && p->n >= 8 &&
           p->n <= 16 && is_power_of_two(p->k) && p->k >= 8 && p->k <= 16;
}

// Sums of floats are turned into halves before they are stored: there must be such a matrix.
static bool has_half_sums(const struct shape_properties *shapes, uint32_t count,
                          const struct shape_properties *floats)
{
    for (uint32_t i = 0; i < count; i++)
        if (is_usable(&shapes[i], COMPONENT_FLOAT16) && shapes[i].m == floats->m &&
            shapes[i].n == floats->n)
            return true;
    return false;
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
        if (is_usable(p, COMPONENT_FLOAT32) && p->m * p->n * p->k > best.m * best.n * best.k &&
            has_half_sums(shapes, count, p))
            best = (struct matrix_shape){p->m, p->n, p->k};
    }
    free(shapes);
    return best;
}

void matrix_flexible_features_init(struct matrix_flexible_features *features, uint32_t scope,
                                   void *next)
{
    *features = (struct matrix_flexible_features){
        .sType = STRUCTURE_FLEXIBLE_FEATURES,
        .pNext = next,
        .flexible_dimensions = VK_TRUE,
        .workgroup_scope = scope == SCOPE_WORKGROUP,
    };
}

// Which scope's matrices to take: a workgroup's spare the kernel shared memory and barriers. 0:
// none.
static uint32_t flexible_scope(VkPhysicalDevice physical)
{
    struct matrix_flexible_features features;
    matrix_flexible_features_init(&features, SCOPE_SUBGROUP, NULL);
    VkPhysicalDeviceFeatures2 query = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
        .pNext = &features,
    };
    if (!device_has_extension(physical, matrix_flexible_extension))
        return 0;
    vkGetPhysicalDeviceFeatures2(physical, &query);
    if (!features.flexible_dimensions)
        return 0;
    return features.workgroup_scope ? SCOPE_WORKGROUP : SCOPE_SUBGROUP;
}

// *shared_bytes: what is left of shared memory.
static struct flexible_properties flexible_limits(VkPhysicalDevice physical, uint32_t scope,
                                                  uint32_t *shared_bytes)
{
    struct flexible_properties limits = {.sType = STRUCTURE_FLEXIBLE_PROPERTIES};
    VkPhysicalDeviceProperties2 query = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .pNext = &limits,
    };
    vkGetPhysicalDeviceProperties2(physical, &query);
    const uint32_t all = query.properties.limits.maxComputeSharedMemorySize;
    const uint32_t kept = scope == SCOPE_WORKGROUP ? limits.workgroup_reserved_shared_memory : 0;
    *shared_bytes = kept < all ? all - kept : 0;
    return limits;
}

// All that the device lists, calloc'd; NULL if that is nothing.
static struct flexible_sizes *list_flexible(VkInstance instance, VkPhysicalDevice physical,
                                            uint32_t *count)
{
    const get_flexible_sizes get = (get_flexible_sizes)vkGetInstanceProcAddr(
        instance, "vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV");
    *count = 0;
    if (!get || get(physical, count, NULL) < VK_SUCCESS || !*count)
        return NULL;
    struct flexible_sizes *sizes = calloc(*count, sizeof(*sizes));
    if (!sizes)
        return NULL;
    for (uint32_t i = 0; i < *count; i++)
        sizes[i].sType = STRUCTURE_FLEXIBLE_SIZES;
    if (get(physical, count, sizes) < VK_SUCCESS)
        *count = 0;
    return sizes;
}

// Of halves, with these sums.
static bool is_flexible(const struct flexible_sizes *s, uint32_t scope, enum component sums)
{
    return s->a_type == COMPONENT_FLOAT16 && s->b_type == COMPONENT_FLOAT16 && s->c_type == sums &&
           s->result_type == sums && s->scope == scope && !s->saturating && is_power_of_two(s->m) &&
           is_power_of_two(s->n) && is_power_of_two(s->k);
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

uint32_t device_matrix_flexible(VkInstance instance, VkPhysicalDevice physical,
                                uint32_t subgroup_size,
                                struct matrix_flexible found[MATRIX_FLEXIBLE])
{
    const uint32_t scope = flexible_scope(physical);
    if (!scope)
        return 0;
    uint32_t listed, count = 0, shared_bytes;
    const struct flexible_properties limits = flexible_limits(physical, scope, &shared_bytes);
    struct flexible_sizes *sizes = list_flexible(instance, physical, &listed);
    for (uint32_t i = 0; i < listed; i++) {
        const struct flexible_sizes *floats = &sizes[i];
        if (!is_flexible(floats, scope, COMPONENT_FLOAT32))
            continue;
        if (scope == SCOPE_WORKGROUP && floats->invocations > limits.workgroup_most_invocations)
            continue;
        // What is stored are halves: a matrix of such sums must come in the same sizes.
        for (uint32_t k = 0; k < listed && count < MATRIX_FLEXIBLE; k++) {
            const struct flexible_sizes *halves = &sizes[k];
            if (!is_flexible(halves, scope, COMPONENT_FLOAT16) ||
                halves->invocations != floats->invocations)
                continue;
            found[count++] = (struct matrix_flexible){
                .m = larger(floats->m, halves->m),
                .n = larger(floats->n, halves->n),
                .k = floats->k,
                .most = limits.most,
                .scope = scope,
                .shared_bytes = shared_bytes,
                .invocations = scope == SCOPE_WORKGROUP ? floats->invocations : subgroup_size,
            };
            break;
        }
    }
    free(sizes);
    return count;
}
