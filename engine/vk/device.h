// What the chosen physical device has, and opening it. Private to the engine.
#ifndef ENGINE_VK_DEVICE_H
#define ENGINE_VK_DEVICE_H

#include "vk/gpu.h"

// Fills in limits, memory and what matrix kernels need to know, of gpu->physical.
void device_study(struct cubby_gpu *gpu);
// Makes the logical device for gpu->family and gpu->precision, its queues and command pools.
enum cubby_status device_open(struct cubby_gpu *gpu);
// Part of device_open() where there is a queue family for nothing but copies: its first queue, and
// a command pool. Tests give it the compute queue's family where the device has no other.
enum cubby_status device_open_transfer(struct cubby_gpu *gpu, uint32_t family);

#endif
