// What Mesa's software Vulkan should know before it is loaded.
#ifndef SRC_PLATFORM_SOFTWARE_VULKAN_H
#define SRC_PLATFORM_SOFTWARE_VULKAN_H

#include <stdbool.h>

// Asks Mesa's CPU driver (lavapipe) for vectors of 512 bits where the processor has AVX-512: it
// takes 256 by itself, and with Mesa 22 the network then runs at two thirds of the speed. It reads
// the environment variable LP_NATIVE_VECTOR_WIDTH when it is loaded, so this comes before any
// thread and any use of Vulkan. False, and nothing done, if the user has set that variable or the
// processor lacks AVX-512.
bool software_vulkan_widen(void);
// Takes that back, for drivers that are worse off with it: for a driver that is loaded afterwards.
void software_vulkan_narrow(void);

#endif
