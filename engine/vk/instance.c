#define VOLK_IMPLEMENTATION
#include "vk/instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What a person without a driver can do.
#ifdef _WIN32
#define ADVICE                                                                                     \
    "install the newest graphics driver of NVIDIA, AMD or Intel for this computer; without a "     \
    "graphics card, the Vulkan Runtime (vulkan.lunarg.com) and Mesa's lavapipe, and set "          \
    "VK_DRIVER_FILES to the path of its lvp_icd.x86_64.json"
#else
#define ADVICE                                                                                     \
    "install the graphics driver, or Mesa's software driver (Debian, Ubuntu: "                     \
    "mesa-vulkan-drivers)"
#endif
#define VALIDATION_LAYER "VK_LAYER_KHRONOS_validation"

static bool has_layer(const char *name)
{
    uint32_t count = 0;
    if (vkEnumerateInstanceLayerProperties(&count, NULL) != VK_SUCCESS || !count)
        return false;
    VkLayerProperties *layers = calloc(count, sizeof(*layers));
    if (!layers)
        return false;
    bool found = false;
    if (vkEnumerateInstanceLayerProperties(&count, layers) >= VK_SUCCESS)
        for (uint32_t i = 0; i < count; i++)
            found |= !strcmp(layers[i].layerName, name);
    free(layers);
    return found;
}

static bool has_instance_extension(const char *name)
{
    uint32_t count = 0;
    if (vkEnumerateInstanceExtensionProperties(NULL, &count, NULL) != VK_SUCCESS || !count)
        return false;
    VkExtensionProperties *extensions = calloc(count, sizeof(*extensions));
    bool found = false;
    if (extensions &&
        vkEnumerateInstanceExtensionProperties(NULL, &count, extensions) >= VK_SUCCESS)
        for (uint32_t i = 0; i < count; i++)
            found |= !strcmp(extensions[i].extensionName, name);
    free(extensions);
    return found;
}

static VkResult create(VkInstance *instance, const struct instance_params *params)
{
    const VkApplicationInfo application = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
        .pApplicationName = "cubby",
        .pEngineName = "cubby",
        .apiVersion = VK_API_VERSION_1_2, // what the host code may use where a device has it
    };
    static const char *const layers[] = {VALIDATION_LAYER};
    const char *extensions[2];
    uint32_t extension_count = 0;
    if (params->validation)
        extensions[extension_count++] = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
    // Drivers over another API (MoltenVK) are only listed to programs that ask for them.
    const bool portability = has_instance_extension(VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME);
    if (portability)
        extensions[extension_count++] = VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME;
    static const VkValidationFeatureEnableEXT enables[] = {
        VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT,
    };
    const VkValidationFeaturesEXT features = {
        .sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
        .enabledValidationFeatureCount = 1,
        .pEnabledValidationFeatures = enables,
    };
    const VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .pNext = params->validation ? &features : NULL,
        .flags = portability ? VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR : 0,
        .pApplicationInfo = &application,
        .enabledLayerCount = params->validation ? 1 : 0,
        .ppEnabledLayerNames = layers,
        .enabledExtensionCount = extension_count,
        .ppEnabledExtensionNames = extensions,
    };
    return vkCreateInstance(&info, NULL, instance);
}

static VkResult create_messenger(VkInstance instance, VkDebugUtilsMessengerEXT *messenger,
                                 const struct instance_params *params)
{
    const VkDebugUtilsMessengerCreateInfoEXT info = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                           VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT |
                       VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT,
        .pfnUserCallback = params->on_message,
        .pUserData = params->user,
    };
    return vkCreateDebugUtilsMessengerEXT(instance, &info, NULL, messenger);
}

enum cubby_status instance_create(VkInstance *instance, VkDebugUtilsMessengerEXT *messenger,
                                  const struct instance_params *params, const struct cubby_log *log)
{
    *instance = VK_NULL_HANDLE;
    *messenger = VK_NULL_HANDLE;

    // volk keeps the loader's entry points in globals of its own; loading twice is harmless.
    if (volkInitialize() != VK_SUCCESS) {
        cubby_log(log, CUBBY_LOG_ERROR,
                  "there is no Vulkan on this machine (no Vulkan loader): " ADVICE);
        return CUBBY_NO_DEVICE;
    }
    if (volkGetInstanceVersion() < VK_API_VERSION_1_1) {
        cubby_log(log, CUBBY_LOG_ERROR, "the Vulkan loader is older than Vulkan 1.1: update it");
        return CUBBY_NO_DEVICE;
    }
    if (params->validation && !has_layer(VALIDATION_LAYER)) {
        cubby_log(log, CUBBY_LOG_ERROR,
                  "the Vulkan validation layer is not installed (vulkan-validationlayers)");
        return CUBBY_UNSUPPORTED;
    }

    const VkResult result = create(instance, params);
    if (result != VK_SUCCESS) {
        *instance = VK_NULL_HANDLE;
        cubby_log(log, CUBBY_LOG_ERROR,
                  "no Vulkan driver works on this machine (error %d): " ADVICE, (int)result);
        return result == VK_ERROR_OUT_OF_HOST_MEMORY ? CUBBY_NO_MEMORY : CUBBY_NO_DEVICE;
    }
    volkLoadInstance(*instance);
    if (params->validation && create_messenger(*instance, messenger, params) != VK_SUCCESS) {
        cubby_log(log, CUBBY_LOG_ERROR, "the Vulkan validation layer does not report messages");
        instance_destroy(*instance, VK_NULL_HANDLE);
        *instance = VK_NULL_HANDLE;
        return CUBBY_UNSUPPORTED;
    }
    return CUBBY_OK;
}

void instance_destroy(VkInstance instance, VkDebugUtilsMessengerEXT messenger)
{
    if (messenger)
        vkDestroyDebugUtilsMessengerEXT(instance, messenger, NULL);
    if (instance)
        vkDestroyInstance(instance, NULL);
}

enum cubby_status instance_devices(VkInstance instance, VkPhysicalDevice **devices, uint32_t *count,
                                   const struct cubby_log *log)
{
    *devices = NULL;
    *count = 0;
    VkResult result = vkEnumeratePhysicalDevices(instance, count, NULL);
    if (result != VK_SUCCESS || !*count) {
        cubby_log(log, CUBBY_LOG_ERROR, "no Vulkan device was found: " ADVICE);
        *count = 0;
        return CUBBY_NO_DEVICE;
    }
    *devices = calloc(*count, sizeof(**devices));
    if (!*devices)
        return CUBBY_NO_MEMORY;
    result = vkEnumeratePhysicalDevices(instance, count, *devices);
    if (result < VK_SUCCESS) {
        free(*devices);
        *devices = NULL;
        *count = 0;
        cubby_log(log, CUBBY_LOG_ERROR, "listing the Vulkan devices failed (error %d)",
                  (int)result);
        return CUBBY_NO_DEVICE;
    }
    return CUBBY_OK;
}

// The first queue family that can do `needed` and nothing but `allowed`, UINT32_MAX if there is
// none.
static uint32_t queue_family(VkPhysicalDevice physical, VkQueueFlags needed, VkQueueFlags allowed)
{
    uint32_t count = 0;
    vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, NULL);
    VkQueueFamilyProperties families[64];
    if (count > 64)
        count = 64;
    vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families);
    for (uint32_t i = 0; i < count; i++)
        if (families[i].queueCount && (families[i].queueFlags & needed) &&
            !(families[i].queueFlags & ~allowed))
            return i;
    return UINT32_MAX;
}

uint32_t device_compute_family(VkPhysicalDevice physical)
{
    return queue_family(physical, VK_QUEUE_COMPUTE_BIT, ~(VkQueueFlags)0);
}

uint32_t device_transfer_family(VkPhysicalDevice physical)
{
    // Families of video engines and the like say that they can copy, too.
    return queue_family(physical, VK_QUEUE_TRANSFER_BIT,
                        VK_QUEUE_TRANSFER_BIT | VK_QUEUE_SPARSE_BINDING_BIT |
                            VK_QUEUE_PROTECTED_BIT);
}

static VkPhysicalDeviceSubgroupProperties subgroup_of(VkPhysicalDevice physical)
{
    VkPhysicalDeviceSubgroupProperties subgroup = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES,
    };
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .pNext = &subgroup,
    };
    vkGetPhysicalDeviceProperties2(physical, &properties);
    return subgroup;
}

bool device_has_extension(VkPhysicalDevice physical, const char *name)
{
    uint32_t count = 0;
    if (vkEnumerateDeviceExtensionProperties(physical, NULL, &count, NULL) != VK_SUCCESS || !count)
        return false;
    VkExtensionProperties *extensions = calloc(count, sizeof(*extensions));
    bool found = false;
    if (extensions &&
        vkEnumerateDeviceExtensionProperties(physical, NULL, &count, extensions) >= VK_SUCCESS)
        for (uint32_t i = 0; i < count; i++)
            found |= !strcmp(extensions[i].extensionName, name);
    free(extensions);
    return found;
}

static bool shuffles_64_bits(VkPhysicalDevice physical)
{
    if (!device_has_extension(physical, VK_KHR_SHADER_SUBGROUP_EXTENDED_TYPES_EXTENSION_NAME))
        return false;
    VkPhysicalDeviceShaderSubgroupExtendedTypesFeatures types = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SUBGROUP_EXTENDED_TYPES_FEATURES,
    };
    VkPhysicalDeviceFeatures2 features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
        .pNext = &types,
    };
    vkGetPhysicalDeviceFeatures2(physical, &features);
    return types.shaderSubgroupExtendedTypes && features.features.shaderInt64;
}

bool device_can_lane(VkPhysicalDevice physical)
{
    VkPhysicalDeviceProperties properties;
    vkGetPhysicalDeviceProperties(physical, &properties);
    if (properties.apiVersion < VK_API_VERSION_1_1)
        return false;
    const VkPhysicalDeviceSubgroupProperties subgroup = subgroup_of(physical);
    const VkSubgroupFeatureFlags need = VK_SUBGROUP_FEATURE_BASIC_BIT |
                                        VK_SUBGROUP_FEATURE_BALLOT_BIT |
                                        VK_SUBGROUP_FEATURE_SHUFFLE_BIT;
    // A view over 1 GiB of activations is what a usual batch needs; GPUs may stop at 65536 texels.
    return shuffles_64_bits(physical) &&
           (subgroup.subgroupSize == 4 || subgroup.subgroupSize == 8 ||
            subgroup.subgroupSize == 16) &&
           (subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) &&
           (subgroup.supportedOperations & need) == need &&
           properties.limits.maxTexelBufferElements >= 1u << 26;
}

bool device_has_half_storage(VkPhysicalDevice physical)
{
    VkPhysicalDevice16BitStorageFeatures storage = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES,
    };
    VkPhysicalDeviceFeatures2 features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
        .pNext = &storage,
    };
    vkGetPhysicalDeviceFeatures2(physical, &features);
    return storage.storageBuffer16BitAccess;
}

static enum cubby_device_kind kind_of(VkPhysicalDeviceType type)
{
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
        return CUBBY_DEVICE_DISCRETE;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
        return CUBBY_DEVICE_INTEGRATED;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
        return CUBBY_DEVICE_VIRTUAL;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
        return CUBBY_DEVICE_CPU;
    default:
        return CUBBY_DEVICE_OTHER;
    }
}

// What the tile family needs beyond Vulkan 1.1's promises; lane needs less.
static const char *missing_of(VkPhysicalDevice physical, const VkPhysicalDeviceProperties *p)
{
    if (p->apiVersion < VK_API_VERSION_1_1)
        return "Vulkan 1.1";
    if (device_compute_family(physical) == UINT32_MAX)
        return "a compute queue";
    if (p->limits.maxComputeWorkGroupInvocations < 256 ||
        p->limits.maxComputeWorkGroupSize[0] < 256)
        return "workgroups of 256 invocations";
    return NULL;
}

static void describe_driver(VkPhysicalDevice physical, struct cubby_device_info *info)
{
    // Core in 1.2; before that the extension VK_KHR_driver_properties fills the same struct, and a
    // device with neither leaves it zero.
    VkPhysicalDeviceDriverProperties driver = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
    };
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .pNext = &driver,
    };
    if (info->api_version >= VK_API_VERSION_1_2)
        vkGetPhysicalDeviceProperties2(physical, &properties);
    snprintf(info->driver, sizeof(info->driver), "%s%s%s", driver.driverName,
             driver.driverInfo[0] ? " " : "", driver.driverInfo);
    info->mesa22 = driver.driverID == VK_DRIVER_ID_MESA_LLVMPIPE &&
                   !strncmp(driver.driverInfo, "Mesa 22.", strlen("Mesa 22."));
}

void device_describe(VkPhysicalDevice physical, struct cubby_device_info *info)
{
    memset(info, 0, sizeof(*info));
    VkPhysicalDeviceProperties properties;
    vkGetPhysicalDeviceProperties(physical, &properties);
    snprintf(info->name, sizeof(info->name), "%s", properties.deviceName);
    info->kind = kind_of(properties.deviceType);
    info->api_version = properties.apiVersion;
    describe_driver(physical, info);
    if (properties.apiVersion >= VK_API_VERSION_1_1)
        info->subgroup_size = subgroup_of(physical).subgroupSize;

    VkPhysicalDeviceMemoryProperties memory;
    vkGetPhysicalDeviceMemoryProperties(physical, &memory);
    for (uint32_t i = 0; i < memory.memoryHeapCount; i++)
        if ((memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) &&
            memory.memoryHeaps[i].size > info->memory_bytes)
            info->memory_bytes = memory.memoryHeaps[i].size;

    const char *missing = missing_of(physical, &properties);
    info->usable = !missing;
    snprintf(info->missing, sizeof(info->missing), "%s", missing ? missing : "");
}
