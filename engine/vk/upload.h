// A slot's input on its way to the device: what the CPU writes, and what the first shader reads.
// They are the same memory where the CPU can write what is near to the device; otherwise a copy,
// which a transfer queue makes while the compute queue has the batch before. Private to the engine.
//
// Between upload_start() and the end of the submission that reads the input, which the caller waits
// for by its fence, the CPU keeps off `host`; after that all is free to be used again.
#ifndef ENGINE_VK_UPLOAD_H
#define ENGINE_VK_UPLOAD_H

#include "engine/gpu.h"
#include "vk/buffer.h"

struct upload {
    enum cubby_upload way; // never AUTO once created
    struct buffer host;    // mapped
    struct buffer device;  // copied and queued: what the shader reads
    // queued: the copy of the first recorded_bytes, recorded again when another number comes up
    VkCommandBuffer commands;
    VkDeviceSize recorded_bytes;
    VkSemaphore arrived; // signalled by the copy; made when first needed
};

// size_bytes > 0. Destroy accepts any half-built state, and one that is all zeros; nothing may be
// in flight. start, record and abandon do nothing to one that is all zeros.
//   CUBBY_NO_MEMORY
enum cubby_status upload_create(struct upload *upload, struct cubby_gpu *gpu,
                                VkDeviceSize size_bytes);
void upload_destroy(struct upload *upload, struct cubby_gpu *gpu);

// What the shader's descriptor names.
VkBuffer upload_source(const struct upload *upload);
VkDeviceSize upload_bytes(const struct upload *upload); // of all memory, host and device

// The copy, if it is one of the compute queue's, in front of the shaders of a batch. The barrier
// that stands before each op orders them.
void upload_record(const struct upload *upload, VkCommandBuffer commands, VkDeviceSize bytes);
// Makes the CPU's writes visible, and starts the copy if it has a queue of its own. Then *arrived
// is what the compute submission must wait for before its shaders, else VK_NULL_HANDLE.
enum cubby_status upload_start(struct upload *upload, struct cubby_gpu *gpu, VkDeviceSize bytes,
                               VkSemaphore *arrived);
// After upload_start(), where the compute submission failed: nothing waits for the copy, so it is
// waited for here, and the semaphore that it leaves signalled is replaced.
//   an error: the device is not to be used any more
enum cubby_status upload_abandon(struct upload *upload, struct cubby_gpu *gpu);

#endif
