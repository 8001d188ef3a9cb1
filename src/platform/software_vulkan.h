// What Mesa's software Vulkan should know before it is loaded.
#ifndef SRC_PLATFORM_SOFTWARE_VULKAN_H
#define SRC_PLATFORM_SOFTWARE_VULKAN_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/gpu.h"

// Mesa's CPU driver (lavapipe) takes vectors of 256 bits by itself, also where the processor has
// AVX-512; with Mesa 22 the network then runs at two thirds of the speed. It reads the environment
// variable LP_NATIVE_VECTOR_WIDTH when it is loaded.

// Whether there is something to ask for: not if the user has set that variable, or if the processor
// lacks AVX-512.
bool software_vulkan_can_widen(void);
// Whether wide vectors are better on these devices: only with Mesa 22's CPU driver, and not if
// there is another one as well, since all read the same variable.
bool software_vulkan_gains(const struct cubby_device_info *infos, size_t count);
// Asks for 512 bits, of drivers that are loaded afterwards.
void software_vulkan_widen(void);

#endif
