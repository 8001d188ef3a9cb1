// Device buffers, each with its own memory (a net makes a handful, never one per tensor: Vulkan
// promises only 4096 allocations). Private to the engine.
#ifndef ENGINE_VK_BUFFER_H
#define ENGINE_VK_BUFFER_H

#include <stdbool.h>

#include <volk.h>

#include "engine/status.h"

struct cubby_gpu;

enum buffer_kind {
    BUFFER_DEVICE,   // device-local, always on a discrete GPU; written by shaders and buffer_upload
    BUFFER_ARRIVAL,  // the same, but written by the transfer queue
    BUFFER_INPUT,    // written in order by the CPU, read once by a shader: device-local if possible
    BUFFER_STAGING,  // written in order by the CPU and copied from: not device-local if possible
    BUFFER_READBACK, // written by a shader, read by the CPU: cached where possible
};

struct buffer {
    VkBuffer handle;
    VkDeviceMemory memory;
    VkDeviceSize size_bytes;
    void *mapped;  // NULL if the CPU cannot reach it
    bool coherent; // otherwise ranges are flushed or invalidated
    bool device_local;
};

// size_bytes > 0. Zero `buffer` first; destroy accepts any half-built state.
enum cubby_status buffer_create(struct buffer *buffer, struct cubby_gpu *gpu, enum buffer_kind kind,
                                VkDeviceSize size_bytes);
void buffer_destroy(struct buffer *buffer, struct cubby_gpu *gpu);

// Copies bytes into the buffer, through a staging buffer where it is not mapped, and waits.
// offset and bytes are multiples of 4.
enum cubby_status buffer_upload(struct buffer *buffer, struct cubby_gpu *gpu, VkDeviceSize offset,
                                const void *data, VkDeviceSize bytes);
// The other way.
enum cubby_status buffer_download(struct buffer *buffer, struct cubby_gpu *gpu, VkDeviceSize offset,
                                  void *data, VkDeviceSize bytes);
// Makes CPU writes visible to the device / device writes visible to the CPU.
enum cubby_status buffer_flush(struct buffer *buffer, struct cubby_gpu *gpu);
enum cubby_status buffer_invalidate(struct buffer *buffer, struct cubby_gpu *gpu);

// Views all of it as rgba32f texels.
enum cubby_status buffer_view(VkBufferView *view, const struct buffer *buffer,
                              struct cubby_gpu *gpu);

#endif
