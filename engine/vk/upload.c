#include "vk/upload.h"

#include <string.h>

#include "vk/gpu.h"

const char *cubby_upload_text(enum cubby_upload upload)
{
    switch (upload) {
    case CUBBY_UPLOAD_MAPPED:
        return "mapped";
    case CUBBY_UPLOAD_COPIED:
        return "copied";
    case CUBBY_UPLOAD_QUEUED:
        return "queued";
    case CUBBY_UPLOAD_AUTO:
        break;
    }
    return "auto";
}

const char *cubby_upload_phrase(enum cubby_upload upload)
{
    switch (upload) {
    case CUBBY_UPLOAD_MAPPED:
        return "written to where the device reads them";
    case CUBBY_UPLOAD_COPIED:
        return "copied to the device at the start of each batch";
    case CUBBY_UPLOAD_QUEUED:
        return "copied to the device while others are computed";
    case CUBBY_UPLOAD_AUTO:
        break;
    }
    return "brought to the device";
}

// `device_local`: the memory that the CPU writes is the device's own.
static enum cubby_upload choose(const struct cubby_gpu *gpu, bool device_local)
{
    const bool shares_memory =
        gpu->info.kind == CUBBY_DEVICE_CPU || gpu->info.kind == CUBBY_DEVICE_INTEGRATED;
    if (gpu->upload == CUBBY_UPLOAD_MAPPED ||
        (gpu->upload == CUBBY_UPLOAD_AUTO && (device_local || shares_memory)))
        return CUBBY_UPLOAD_MAPPED;
    return gpu->transfer_queue && gpu->upload != CUBBY_UPLOAD_COPIED ? CUBBY_UPLOAD_QUEUED
                                                                     : CUBBY_UPLOAD_COPIED;
}

enum cubby_upload cubby_gpu_upload(const struct cubby_gpu *gpu)
{
    const VkMemoryPropertyFlags both =
        VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
    bool device_local = false;
    for (uint32_t i = 0; i < gpu->memory.memoryTypeCount; i++)
        device_local |= (gpu->memory.memoryTypes[i].propertyFlags & both) == both;
    return choose(gpu, device_local);
}

static enum cubby_status create_arrival(struct upload *upload, struct cubby_gpu *gpu)
{
    const bool queued = upload->way == CUBBY_UPLOAD_QUEUED;
    const enum cubby_status status = buffer_create(
        &upload->device, gpu, queued ? BUFFER_ARRIVAL : BUFFER_DEVICE, upload->host.size_bytes);
    if (status || !queued)
        return status;
    const VkCommandBufferAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = gpu->transfer_pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1,
    };
    return gpu_check(gpu, vkAllocateCommandBuffers(gpu->device, &info, &upload->commands),
                     "making a command buffer");
}

enum cubby_status upload_create(struct upload *upload, struct cubby_gpu *gpu,
                                VkDeviceSize size_bytes)
{
    memset(upload, 0, sizeof(*upload));
    const bool may_map = gpu->upload == CUBBY_UPLOAD_AUTO || gpu->upload == CUBBY_UPLOAD_MAPPED;
    // Where the device's memory is out of the CPU's reach or full, BUFFER_INPUT has become memory
    // of the computer, which is as good to copy from.
    enum cubby_status status =
        buffer_create(&upload->host, gpu, may_map ? BUFFER_INPUT : BUFFER_STAGING, size_bytes);
    if (status)
        return status;
    upload->way = choose(gpu, upload->host.device_local);
    if (upload->way != CUBBY_UPLOAD_MAPPED)
        status = create_arrival(upload, gpu);
    if (status)
        upload_destroy(upload, gpu);
    return status;
}

void upload_destroy(struct upload *upload, struct cubby_gpu *gpu)
{
    if (upload->commands)
        vkFreeCommandBuffers(gpu->device, gpu->transfer_pool, 1, &upload->commands);
    vkDestroySemaphore(gpu->device, upload->arrived, NULL);
    buffer_destroy(&upload->device, gpu);
    buffer_destroy(&upload->host, gpu);
    memset(upload, 0, sizeof(*upload));
}

VkBuffer upload_source(const struct upload *upload)
{
    return upload->way == CUBBY_UPLOAD_MAPPED ? upload->host.handle : upload->device.handle;
}

VkDeviceSize upload_bytes(const struct upload *upload)
{
    return upload->host.size_bytes + upload->device.size_bytes;
}

static void copy(const struct upload *upload, VkCommandBuffer commands, VkDeviceSize bytes)
{
    const VkBufferCopy region = {.size = bytes};
    vkCmdCopyBuffer(commands, upload->host.handle, upload->device.handle, 1, &region);
}

void upload_record(const struct upload *upload, VkCommandBuffer commands, VkDeviceSize bytes)
{
    if (upload->way == CUBBY_UPLOAD_COPIED)
        copy(upload, commands, bytes);
}

static enum cubby_status record_alone(struct upload *upload, struct cubby_gpu *gpu,
                                      VkDeviceSize bytes)
{
    if (upload->recorded_bytes == bytes)
        return CUBBY_OK;
    upload->recorded_bytes = 0;
    const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    VkResult result = vkBeginCommandBuffer(upload->commands, &begin); // resets it
    if (result == VK_SUCCESS) {
        copy(upload, upload->commands, bytes);
        result = vkEndCommandBuffer(upload->commands);
    }
    if (result == VK_SUCCESS)
        upload->recorded_bytes = bytes;
    return gpu_check(gpu, result, "recording");
}

static enum cubby_status submit_alone(struct upload *upload, struct cubby_gpu *gpu)
{
    if (!upload->arrived) {
        const VkSemaphoreCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
        const enum cubby_status status =
            gpu_check(gpu, vkCreateSemaphore(gpu->device, &info, NULL, &upload->arrived),
                      "making a semaphore");
        if (status) {
            upload->arrived = VK_NULL_HANDLE;
            return status;
        }
    }
    // The semaphore makes the copy's writes visible to whatever waits for it.
    const VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .commandBufferCount = 1,
        .pCommandBuffers = &upload->commands,
        .signalSemaphoreCount = 1,
        .pSignalSemaphores = &upload->arrived,
    };
    return gpu_check(gpu, vkQueueSubmit(gpu->transfer_queue, 1, &submit, VK_NULL_HANDLE),
                     "starting a copy");
}

enum cubby_status upload_start(struct upload *upload, struct cubby_gpu *gpu, VkDeviceSize bytes,
                               VkSemaphore *arrived)
{
    *arrived = VK_NULL_HANDLE;
    if (!upload->host.mapped)
        return CUBBY_OK;
    enum cubby_status status = buffer_flush(&upload->host, gpu);
    if (status || upload->way != CUBBY_UPLOAD_QUEUED)
        return status;
    status = record_alone(upload, gpu, bytes);
    if (!status)
        status = submit_alone(upload, gpu);
    if (!status)
        *arrived = upload->arrived;
    return status;
}

enum cubby_status upload_abandon(struct upload *upload, struct cubby_gpu *gpu)
{
    if (!upload->arrived)
        return CUBBY_OK;
    const enum cubby_status status =
        gpu_check(gpu, vkQueueWaitIdle(gpu->transfer_queue), "waiting for a copy");
    if (status)
        return status;
    vkDestroySemaphore(gpu->device, upload->arrived, NULL);
    upload->arrived = VK_NULL_HANDLE;
    return CUBBY_OK;
}
