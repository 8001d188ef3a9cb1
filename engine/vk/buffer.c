#include "vk/buffer.h"

#include <string.h>

#include "vk/commands.h"
#include "vk/gpu.h"

#define STAGING_BYTES ((VkDeviceSize)8 << 20)
#define TEXEL_BYTES 16u

struct wishes {
    VkMemoryPropertyFlags need, want, avoid;
};

static int bits_of(uint32_t flags)
{
    int count = 0;
    for (; flags; flags &= flags - 1)
        count++;
    return count;
}

// Index of the memory type with all that is needed for which most of the other wishes come true;
// the driver lists its faster ones first.
static uint32_t memory_type(const struct cubby_gpu *gpu, uint32_t allowed,
                            const struct wishes *wishes)
{
    uint32_t found = UINT32_MAX;
    int best = -1;
    for (uint32_t i = 0; i < gpu->memory.memoryTypeCount; i++) {
        const VkMemoryPropertyFlags flags = gpu->memory.memoryTypes[i].propertyFlags;
        if (!(allowed >> i & 1) || (flags & wishes->need) != wishes->need)
            continue;
        const int come_true = bits_of(flags & wishes->want) + bits_of(~flags & wishes->avoid);
        if (come_true > best) {
            best = come_true;
            found = i;
        }
    }
    return found;
}

// Allocates from the best type whose heap has room: the small window of device memory that a CPU
// can write may be full while ordinary memory would do.
static VkResult allocate_from_best(struct buffer *buffer, const struct cubby_gpu *gpu,
                                   const VkMemoryRequirements *requirements,
                                   const struct wishes *wishes, uint32_t *type)
{
    VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    uint32_t allowed = requirements->memoryTypeBits;
    while (result == VK_ERROR_OUT_OF_DEVICE_MEMORY &&
           (*type = memory_type(gpu, allowed, wishes)) != UINT32_MAX) {
        const VkMemoryAllocateInfo info = {
            .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
            .allocationSize = requirements->size,
            .memoryTypeIndex = *type,
        };
        result = vkAllocateMemory(gpu->device, &info, NULL, &buffer->memory);
        if (result < VK_SUCCESS)
            buffer->memory = VK_NULL_HANDLE;
        allowed &= ~(1u << *type);
    }
    return result;
}

static enum cubby_status allocate(struct buffer *buffer, struct cubby_gpu *gpu,
                                  enum buffer_kind kind)
{
    static const struct wishes wishes_of[] = {
        [BUFFER_DEVICE] = {0, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0},
        [BUFFER_ARRIVAL] = {0, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0},
        // Device-local memory that the CPU can write saves the copy over the bus.
        [BUFFER_INPUT] = {VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT,
                          VK_MEMORY_PROPERTY_HOST_COHERENT_BIT |
                              VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
                          0},
        [BUFFER_STAGING] = {VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT,
                            VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
                            VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT},
        [BUFFER_READBACK] = {VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT,
                             VK_MEMORY_PROPERTY_HOST_CACHED_BIT, 0},
    };

    VkMemoryRequirements requirements;
    vkGetBufferMemoryRequirements(gpu->device, buffer->handle, &requirements);
    struct wishes wishes = wishes_of[kind];
    // Behind a bus kernels would be many times slower; a smaller batch in the card's own memory is
    // what to do when that is short. Integrated GPUs have no other memory than the computer's.
    if ((kind == BUFFER_DEVICE || kind == BUFFER_ARRIVAL) &&
        gpu->info.kind == CUBBY_DEVICE_DISCRETE)
        wishes.need |= VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
    uint32_t type = 0;
    enum cubby_status status = gpu_check(
        gpu, allocate_from_best(buffer, gpu, &requirements, &wishes, &type), "allocating memory");
    if (status)
        return status;
    status = gpu_check(gpu, vkBindBufferMemory(gpu->device, buffer->handle, buffer->memory, 0),
                       "binding memory");
    if (status)
        return status;

    const VkMemoryPropertyFlags flags = gpu->memory.memoryTypes[type].propertyFlags;
    buffer->coherent = (flags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT) != 0;
    buffer->device_local = (flags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT) != 0;
    if (flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT)
        status = gpu_check(
            gpu, vkMapMemory(gpu->device, buffer->memory, 0, VK_WHOLE_SIZE, 0, &buffer->mapped),
            "mapping memory");
    return status;
}

enum cubby_status buffer_create(struct buffer *buffer, struct cubby_gpu *gpu, enum buffer_kind kind,
                                VkDeviceSize size_bytes)
{
    memset(buffer, 0, sizeof(*buffer));
    buffer->size_bytes = size_bytes;
    VkBufferUsageFlags usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                               VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
    if (kind == BUFFER_DEVICE && gpu->family == CUBBY_KERNELS_LANE)
        usage |= VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT;
    VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = size_bytes,
        .usage = usage,
    };
    // Handing a buffer from family to family would take a barrier on either side of each copy, and
    // saves nothing: there is no layout or compression that a buffer could lose by being shared.
    const uint32_t families[] = {gpu->queue_family, gpu->transfer_family};
    if (kind == BUFFER_ARRIVAL && families[0] != families[1]) {
        info.sharingMode = VK_SHARING_MODE_CONCURRENT;
        info.queueFamilyIndexCount = 2;
        info.pQueueFamilyIndices = families;
    }
    enum cubby_status status = gpu_check(
        gpu, vkCreateBuffer(gpu->device, &info, NULL, &buffer->handle), "making a buffer");
    if (!status)
        status = allocate(buffer, gpu, kind);
    if (status)
        buffer_destroy(buffer, gpu);
    return status;
}

void buffer_destroy(struct buffer *buffer, struct cubby_gpu *gpu)
{
    vkDestroyBuffer(gpu->device, buffer->handle, NULL);
    vkFreeMemory(gpu->device, buffer->memory, NULL); // unmaps too
    memset(buffer, 0, sizeof(*buffer));
}

struct copy {
    VkBuffer from, to;
    VkBufferCopy region;
};

static void record_copy(const void *user, VkCommandBuffer commands)
{
    const struct copy *copy = user;
    // Whatever ran before on this queue is done with the memory, and its writes can be read.
    const VkMemoryBarrier before = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
    };
    const VkMemoryBarrier after = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_HOST_READ_BIT,
    };
    vkCmdPipelineBarrier(commands,
                         VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                         VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 1, &before, 0, NULL, 0, NULL);
    vkCmdCopyBuffer(commands, copy->from, copy->to, 1, &copy->region);
    vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
                         VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_HOST_BIT, 0, 1,
                         &after, 0, NULL, 0, NULL);
}

// Moves `bytes` between `data` and an unmapped buffer, a staging buffer at a time.
static enum cubby_status transfer(struct buffer *buffer, struct cubby_gpu *gpu, VkDeviceSize offset,
                                  uint8_t *data, VkDeviceSize bytes, bool upload)
{
    struct buffer staging = {0};
    enum cubby_status status =
        buffer_create(&staging, gpu, upload ? BUFFER_STAGING : BUFFER_READBACK,
                      bytes < STAGING_BYTES ? bytes : STAGING_BYTES);
    for (VkDeviceSize done = 0; !status && done < bytes; done += STAGING_BYTES) {
        const VkDeviceSize part = bytes - done < STAGING_BYTES ? bytes - done : STAGING_BYTES;
        if (upload) {
            memcpy(staging.mapped, data + done, part);
            status = buffer_flush(&staging, gpu);
        }
        const struct copy copy = {
            .from = upload ? staging.handle : buffer->handle,
            .to = upload ? buffer->handle : staging.handle,
            .region = {.srcOffset = upload ? 0 : offset + done,
                       .dstOffset = upload ? offset + done : 0,
                       .size = part},
        };
        if (!status)
            status = commands_run(gpu, "copying a buffer", record_copy, &copy);
        if (!status && !upload) {
            status = buffer_invalidate(&staging, gpu);
            memcpy(data + done, staging.mapped, part);
        }
    }
    buffer_destroy(&staging, gpu);
    return status;
}

enum cubby_status buffer_upload(struct buffer *buffer, struct cubby_gpu *gpu, VkDeviceSize offset,
                                const void *data, VkDeviceSize bytes)
{
    if (!buffer->mapped || !buffer->coherent)
        return transfer(buffer, gpu, offset, (uint8_t *)data, bytes, true);
    memcpy((uint8_t *)buffer->mapped + offset, data, bytes);
    return CUBBY_OK;
}

enum cubby_status buffer_download(struct buffer *buffer, struct cubby_gpu *gpu, VkDeviceSize offset,
                                  void *data, VkDeviceSize bytes)
{
    return transfer(buffer, gpu, offset, data, bytes, false);
}

static VkMappedMemoryRange whole(const struct buffer *buffer)
{
    return (VkMappedMemoryRange){
        .sType = VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE,
        .memory = buffer->memory,
        .size = VK_WHOLE_SIZE,
    };
}

enum cubby_status buffer_flush(struct buffer *buffer, struct cubby_gpu *gpu)
{
    if (buffer->coherent)
        return CUBBY_OK;
    const VkMappedMemoryRange range = whole(buffer);
    return gpu_check(gpu, vkFlushMappedMemoryRanges(gpu->device, 1, &range), "flushing memory");
}

enum cubby_status buffer_invalidate(struct buffer *buffer, struct cubby_gpu *gpu)
{
    if (buffer->coherent)
        return CUBBY_OK;
    const VkMappedMemoryRange range = whole(buffer);
    return gpu_check(gpu, vkInvalidateMappedMemoryRanges(gpu->device, 1, &range),
                     "reading memory back");
}

enum cubby_status buffer_view(VkBufferView *view, const struct buffer *buffer,
                              struct cubby_gpu *gpu)
{
    if (buffer->size_bytes / TEXEL_BYTES > gpu->limits.maxTexelBufferElements) {
        cubby_log(&gpu->log, CUBBY_LOG_ERROR,
                  "%s: a buffer of %llu MB is larger than the device can view: use a smaller batch",
                  gpu->info.name, (unsigned long long)(buffer->size_bytes >> 20));
        return CUBBY_NO_MEMORY;
    }
    const VkBufferViewCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
        .buffer = buffer->handle,
        .format = VK_FORMAT_R32G32B32A32_SFLOAT,
        .range = VK_WHOLE_SIZE,
    };
    return gpu_check(gpu, vkCreateBufferView(gpu->device, &info, NULL, view), "viewing a buffer");
}
