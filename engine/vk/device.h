// What the chosen physical device has, and opening it. Private to the engine.
#ifndef ENGINE_VK_DEVICE_H
#define ENGINE_VK_DEVICE_H

#include "vk/gpu.h"

// Fills in limits, memory and what matrix kernels need to know, of gpu->physical.
void device_study(struct cubby_gpu *gpu);
// Makes the logical device for gpu->family and gpu->precision, its queue and command pool.
enum cubby_status device_open(struct cubby_gpu *gpu);

#endif
