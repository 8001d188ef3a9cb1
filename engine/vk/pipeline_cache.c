// What one run compiled, for the next: the driver's own pipeline cache behind a header of ours.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "vk/gpu.h"

#define MAGIC "cubbypc1"
// A cache without pipelines is only its header; Mesa's CPU driver never puts anything behind it.
#define EMPTY_CACHE_BYTES 64u
#define MAX_CACHE_BYTES ((size_t)256 << 20)

struct header {
    char magic[8];
    char key[CUBBY_GPU_KEY_BYTES + 7];
    uint64_t size_bytes, hash; // of what follows: drivers trust what they are given
};

void cubby_gpu_key(const struct cubby_gpu *gpu, char key[CUBBY_GPU_KEY_BYTES])
{
    VkPhysicalDeviceProperties properties;
    vkGetPhysicalDeviceProperties(gpu->physical, &properties);
    XXH3_state_t *state = XXH3_createState();
    key[0] = '\0';
    if (!state)
        return; // no key: nothing is kept
    XXH3_128bits_reset(state);
    const uint32_t numbers[] = {properties.vendorID,      properties.deviceID,
                                properties.driverVersion, properties.apiVersion,
                                (uint32_t)gpu->family,    (uint32_t)gpu->precision,
                                gpu->info.subgroup_size};
    XXH3_128bits_update(state, numbers, sizeof(numbers));
    XXH3_128bits_update(state, properties.pipelineCacheUUID, VK_UUID_SIZE);
    XXH3_128bits_update(state, gpu->info.name, strlen(gpu->info.name));
    for (int i = 0; i < KERNEL_COUNT; i++) {
        size_t size_bytes;
        const uint32_t *words = kernel_words(gpu, i, &size_bytes);
        XXH3_128bits_update(state, words, size_bytes);
    }
    const XXH128_hash_t hash = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    snprintf(key, CUBBY_GPU_KEY_BYTES, "%016llx%016llx", (unsigned long long)hash.high64,
             (unsigned long long)hash.low64);
}

// Whether the bytes are what cubby_gpu_save_pipelines() gave under this key, whole and unchanged.
static bool is_ours(const struct cubby_gpu *gpu, const void *bytes, size_t size_bytes)
{
    struct header header;
    char key[CUBBY_GPU_KEY_BYTES];
    if (size_bytes <= sizeof(header) || size_bytes > MAX_CACHE_BYTES)
        return false;
    memcpy(&header, bytes, sizeof(header));
    cubby_gpu_key(gpu, key);
    return key[0] && !memcmp(header.magic, MAGIC, sizeof(header.magic)) &&
           !memcmp(header.key, key, sizeof(key)) &&
           header.size_bytes == size_bytes - sizeof(header) &&
           header.hash ==
               XXH3_64bits((const uint8_t *)bytes + sizeof(header), (size_t)header.size_bytes);
}

enum cubby_status cubby_gpu_load_pipelines(struct cubby_gpu *gpu, const void *bytes,
                                           size_t size_bytes)
{
    if (!is_ours(gpu, bytes, size_bytes))
        return CUBBY_BAD_DATA;
    const VkPipelineCacheCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
        .initialDataSize = size_bytes - sizeof(struct header),
        .pInitialData = (const uint8_t *)bytes + sizeof(struct header),
    };
    VkPipelineCache loaded;
    const VkResult result = vkCreatePipelineCache(gpu->device, &info, NULL, &loaded);
    if (result == VK_ERROR_OUT_OF_HOST_MEMORY || result == VK_ERROR_OUT_OF_DEVICE_MEMORY)
        return CUBBY_NO_MEMORY;
    if (result != VK_SUCCESS)
        return CUBBY_BAD_DATA; // the driver does not want it: then it compiles
    vkDestroyPipelineCache(gpu->device, gpu->pipeline_cache, NULL);
    gpu->pipeline_cache = loaded;
    return CUBBY_OK;
}

enum cubby_status cubby_gpu_save_pipelines(const struct cubby_gpu *gpu, void **bytes,
                                           size_t *size_bytes)
{
    struct header header = {.magic = MAGIC};
    size_t size = 0;
    *bytes = NULL;
    *size_bytes = 0;
    cubby_gpu_key(gpu, header.key);
    if (!header.key[0] ||
        vkGetPipelineCacheData(gpu->device, gpu->pipeline_cache, &size, NULL) != VK_SUCCESS ||
        size <= EMPTY_CACHE_BYTES || size > MAX_CACHE_BYTES)
        return CUBBY_OK;
    uint8_t *all = malloc(sizeof(header) + size);
    if (!all)
        return CUBBY_NO_MEMORY;
    if (vkGetPipelineCacheData(gpu->device, gpu->pipeline_cache, &size, all + sizeof(header)) !=
        VK_SUCCESS) {
        free(all);
        return CUBBY_OK;
    }
    header.size_bytes = size;
    header.hash = XXH3_64bits(all + sizeof(header), size);
    memcpy(all, &header, sizeof(header));
    *bytes = all;
    *size_bytes = sizeof(header) + size;
    return CUBBY_OK;
}
