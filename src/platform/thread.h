// What libuv's threads lack.
#ifndef SRC_PLATFORM_THREAD_H
#define SRC_PLATFORM_THREAD_H

// The calling thread gives way to every other from now on: it runs where a core would be idle.
// For work that shares its cores with a software Vulkan driver. Failing is harmless.
void thread_yield_to_others(void);

#endif
