#include "vk/commands.h"

#include "vk/gpu.h"

enum cubby_status commands_run(struct cubby_gpu *gpu, const char *what,
                               void (*record)(const void *user, VkCommandBuffer commands),
                               const void *user)
{
    VkCommandBuffer commands = VK_NULL_HANDLE;
    const VkCommandBufferAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = gpu->command_pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1,
    };
    enum cubby_status status = gpu_check(
        gpu, vkAllocateCommandBuffers(gpu->device, &info, &commands), "making a command buffer");
    if (status)
        return status;

    const VkCommandBufferBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
    };
    const VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .commandBufferCount = 1,
        .pCommandBuffers = &commands,
    };
    VkResult result = vkBeginCommandBuffer(commands, &begin);
    if (result == VK_SUCCESS) {
        record(user, commands);
        result = vkEndCommandBuffer(commands);
    }
    if (result == VK_SUCCESS)
        result = vkQueueSubmit(gpu->queue, 1, &submit, VK_NULL_HANDLE);
    if (result == VK_SUCCESS)
        result = vkQueueWaitIdle(gpu->queue);
    vkFreeCommandBuffers(gpu->device, gpu->command_pool, 1, &commands);
    return gpu_check(gpu, result, what);
}
