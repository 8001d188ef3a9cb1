// What Mesa's software Vulkan should know before it is loaded.
#ifndef SRC_PLATFORM_SOFTWARE_VULKAN_H
#define SRC_PLATFORM_SOFTWARE_VULKAN_H

// Asks Mesa's CPU driver (lavapipe) for vectors of 512 bits where the processor has AVX-512: it
// takes 256 by itself, and the network then runs at two thirds of the speed. It reads the
// environment variable LP_NATIVE_VECTOR_WIDTH when it is loaded, so this comes before any thread
// and any use of Vulkan. Does nothing if the user has set that variable.
void software_vulkan_prepare(void);

#endif
