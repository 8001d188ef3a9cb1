#include "vk/gpu.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "vk/device.h"
#include "vk/instance.h"

const char *cubby_device_kind_text(enum cubby_device_kind kind)
{
    switch (kind) {
    case CUBBY_DEVICE_DISCRETE:
        return "discrete GPU";
    case CUBBY_DEVICE_INTEGRATED:
        return "integrated GPU";
    case CUBBY_DEVICE_VIRTUAL:
        return "virtual GPU";
    case CUBBY_DEVICE_CPU:
        return "CPU";
    case CUBBY_DEVICE_OTHER:
        break;
    }
    return "other";
}

const char *cubby_kernels_text(enum cubby_kernels kernels)
{
    switch (kernels) {
    case CUBBY_KERNELS_LANE:
        return "lane";
    case CUBBY_KERNELS_TILE:
        return "tile";
    case CUBBY_KERNELS_MATRIX:
        return "matrix";
    case CUBBY_KERNELS_AUTO:
        break;
    }
    return "auto";
}

const char *cubby_precision_text(enum cubby_precision precision)
{
    switch (precision) {
    case CUBBY_PRECISION_FP32:
        return "fp32";
    case CUBBY_PRECISION_FP16:
        return "fp16";
    case CUBBY_PRECISION_AUTO:
        break;
    }
    return "auto";
}

const char *vk_result_text(VkResult result)
{
    switch (result) {
    case VK_SUCCESS:
        return "success";
    case VK_ERROR_OUT_OF_HOST_MEMORY:
        return "out of host memory";
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
        return "out of device memory";
    case VK_ERROR_DEVICE_LOST:
        return "device lost";
    case VK_ERROR_INITIALIZATION_FAILED:
        return "initialization failed";
    case VK_ERROR_MEMORY_MAP_FAILED:
        return "mapping memory failed";
    case VK_ERROR_TOO_MANY_OBJECTS:
        return "too many objects";
    case VK_ERROR_FRAGMENTED_POOL:
    case VK_ERROR_OUT_OF_POOL_MEMORY:
        return "out of pool memory";
    default:
        return "driver error";
    }
}

enum cubby_status gpu_check(const struct cubby_gpu *gpu, VkResult result, const char *what)
{
    if (result >= VK_SUCCESS)
        return CUBBY_OK;
    cubby_log(&gpu->log, CUBBY_LOG_ERROR, "%s: %s failed: %s (Vulkan error %d)", gpu->info.name,
              what, vk_result_text(result), (int)result);
    switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_OUT_OF_POOL_MEMORY:
    case VK_ERROR_FRAGMENTED_POOL:
        return CUBBY_NO_MEMORY;
    case VK_ERROR_DEVICE_LOST:
        return CUBBY_DEVICE_LOST;
    default:
        return CUBBY_INTERNAL;
    }
}

static VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                 VkDebugUtilsMessageTypeFlagsEXT types,
                                                 const VkDebugUtilsMessengerCallbackDataEXT *data,
                                                 void *user)
{
    (void)severity;
    (void)types;
    struct cubby_gpu *gpu = user;
    atomic_fetch_add(&gpu->validation_messages, 1);
    cubby_log(&gpu->log, CUBBY_LOG_WARNING, "validation: %s", data->pMessage);
    return VK_FALSE;
}

enum cubby_status cubby_gpu_list(struct cubby_device_info **infos, size_t *count,
                                 const struct cubby_log *log)
{
    *infos = NULL;
    *count = 0;

    VkInstance instance;
    VkDebugUtilsMessengerEXT messenger;
    const struct instance_params params = {0};
    enum cubby_status status = instance_create(&instance, &messenger, &params, log);
    if (status)
        return status;

    VkPhysicalDevice *devices = NULL;
    uint32_t device_count = 0;
    status = instance_devices(instance, &devices, &device_count, log);
    if (status)
        goto out;
    *infos = calloc(device_count, sizeof(**infos));
    if (!*infos) {
        status = CUBBY_NO_MEMORY;
        goto out;
    }
    for (uint32_t i = 0; i < device_count; i++)
        device_describe(devices[i], &(*infos)[i]);
    *count = device_count;

out:
    free(devices);
    instance_destroy(instance, messenger);
    return status;
}

static bool contains_any_case(const char *text, const char *part)
{
    const size_t length = strlen(part);
    for (; *text; text++) {
        size_t i = 0;
        while (i < length && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i]))
            i++;
        if (i == length)
            return true;
    }
    return false;
}

// Whether `wanted` ("1", "radeon") means this device.
static bool device_matches(const char *wanted, uint32_t index, const struct cubby_device_info *info)
{
    char *end;
    const unsigned long number = strtoul(wanted, &end, 10);
    if (*wanted && !*end)
        return number == index;
    return contains_any_case(info->name, wanted);
}

// Best kind first; among equals the one that the driver lists first.
static enum cubby_status choose_device(struct cubby_gpu *gpu, const char *wanted)
{
    VkPhysicalDevice *devices = NULL;
    uint32_t count = 0;
    enum cubby_status status = instance_devices(gpu->instance, &devices, &count, &gpu->log);
    if (status)
        return status;

    struct cubby_device_info unusable = {0};
    char names[512] = "";
    for (uint32_t i = 0; i < count; i++) {
        struct cubby_device_info info;
        device_describe(devices[i], &info);
        if (strlen(names) + strlen(info.name) + 3 < sizeof(names)) {
            strcat(names, *names ? ", " : "");
            strcat(names, info.name);
        }
        if (wanted && !device_matches(wanted, i, &info))
            continue;
        if (!info.usable) {
            unusable = info;
            continue;
        }
        if (!gpu->physical || info.kind < gpu->info.kind) {
            gpu->physical = devices[i];
            gpu->info = info;
        }
    }
    free(devices);
    if (gpu->physical)
        return CUBBY_OK;
    if (*unusable.name) {
        cubby_log(&gpu->log, CUBBY_LOG_ERROR, "the device %s cannot be used: it lacks %s",
                  unusable.name, unusable.missing);
        return CUBBY_UNSUPPORTED;
    }
    cubby_log(&gpu->log, CUBBY_LOG_ERROR, "no Vulkan device is called \"%s\"; there are: %s",
              wanted ? wanted : "", names);
    return CUBBY_NO_DEVICE;
}

static enum cubby_status refuse(const struct cubby_gpu *gpu, const char *why)
{
    cubby_log(&gpu->log, CUBBY_LOG_ERROR, "the device %s %s", gpu->info.name, why);
    return CUBBY_UNSUPPORTED;
}

static enum cubby_kernels best_family(const struct cubby_gpu *gpu, enum cubby_precision wanted,
                                      bool can_lane)
{
    const bool is_cpu = gpu->info.kind == CUBBY_DEVICE_CPU;
    if (is_cpu && can_lane && wanted != CUBBY_PRECISION_FP16)
        return CUBBY_KERNELS_LANE;
    if (!is_cpu && gpu->matrix.m && wanted != CUBBY_PRECISION_FP32)
        return CUBBY_KERNELS_MATRIX;
    return CUBBY_KERNELS_TILE;
}

// Family and precision, which hang together.
static enum cubby_status choose_kernels(struct cubby_gpu *gpu,
                                        const struct cubby_gpu_params *params)
{
    const bool can_lane = device_can_lane(gpu->physical);
    const enum cubby_kernels family = params->kernels != CUBBY_KERNELS_AUTO
                                          ? params->kernels
                                          : best_family(gpu, params->precision, can_lane);
    gpu->family = family;
    gpu->precision = params->precision;
    if (gpu->precision == CUBBY_PRECISION_AUTO)
        gpu->precision =
            family == CUBBY_KERNELS_MATRIX ? CUBBY_PRECISION_FP16 : CUBBY_PRECISION_FP32;

    const bool halves = gpu->precision == CUBBY_PRECISION_FP16;
    if (family == CUBBY_KERNELS_LANE && !can_lane)
        return refuse(gpu, "cannot run the lane kernels (they are for Vulkan on a CPU): use "
                           "--kernels tile");
    if (family == CUBBY_KERNELS_LANE && halves)
        return refuse(gpu, "can run the lane kernels in fp32 only: leave out --kernels or "
                           "--precision");
    if (family == CUBBY_KERNELS_MATRIX && !gpu->matrix.m)
        return refuse(gpu, "has no matrix units that Vulkan can use (VK_KHR_cooperative_matrix "
                           "with f16 inputs and f32 sums): use --kernels tile");
    if (family == CUBBY_KERNELS_MATRIX && !halves)
        return refuse(gpu, "can run the matrix kernels in fp16 only: leave out --kernels or "
                           "--precision");
    if (halves && !device_has_half_storage(gpu->physical))
        return refuse(gpu, "has no 16-bit storage: use --precision fp32");
    return CUBBY_OK;
}

enum cubby_status cubby_gpu_create(struct cubby_gpu **out, const struct cubby_gpu_params *params,
                                   const struct cubby_log *log)
{
    static const struct cubby_gpu_params defaults = {0};
    *out = NULL;
    if (!params)
        params = &defaults;

    struct cubby_gpu *gpu = calloc(1, sizeof(*gpu));
    if (!gpu)
        return CUBBY_NO_MEMORY;
    if (log)
        gpu->log = *log;
    gpu->upload = params->upload;

    const struct instance_params instance = {params->validation, on_message, gpu};
    enum cubby_status status =
        instance_create(&gpu->instance, &gpu->messenger, &instance, &gpu->log);
    if (status)
        goto fail;
    status = choose_device(gpu, params->device);
    if (status)
        goto fail;
    device_study(gpu);
    status = choose_kernels(gpu, params);
    if (status)
        goto fail;
    status = device_open(gpu);
    if (status)
        goto fail;
    status = kernels_create_layouts(gpu);
    if (status)
        goto fail;

    cubby_log(&gpu->log, CUBBY_LOG_INFO, "device: %s (%s), %s kernels, %s", gpu->info.name,
              cubby_device_kind_text(gpu->info.kind), cubby_kernels_text(gpu->family),
              cubby_precision_text(gpu->precision));
    *out = gpu;
    return CUBBY_OK;

fail:
    cubby_gpu_destroy(&gpu);
    return status;
}

void cubby_gpu_destroy(struct cubby_gpu **gpu_pointer)
{
    struct cubby_gpu *gpu = *gpu_pointer;
    if (!gpu)
        return;
    if (gpu->device) {
        vkDeviceWaitIdle(gpu->device);
        kernels_destroy(gpu);
        vkDestroyCommandPool(gpu->device, gpu->command_pool, NULL);
        vkDestroyCommandPool(gpu->device, gpu->transfer_pool, NULL);
        vkDestroyDevice(gpu->device, NULL);
    }
    instance_destroy(gpu->instance, gpu->messenger);
    free(gpu);
    *gpu_pointer = NULL;
}

const struct cubby_device_info *cubby_gpu_info(const struct cubby_gpu *gpu)
{
    return &gpu->info;
}

enum cubby_kernels cubby_gpu_kernels(const struct cubby_gpu *gpu)
{
    return gpu->family;
}

enum cubby_precision cubby_gpu_precision(const struct cubby_gpu *gpu)
{
    return gpu->precision;
}

uint32_t cubby_gpu_validation_messages(const struct cubby_gpu *gpu)
{
    return atomic_load(&gpu->validation_messages);
}
