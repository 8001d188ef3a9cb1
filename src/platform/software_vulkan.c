#include "platform/software_vulkan.h"

#include <uv.h>

#define VARIABLE "LP_NATIVE_VECTOR_WIDTH"

static bool has_avx512(void)
{
#if (defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__)
    // What LLVM's code for 512 bits uses; asks the operating system for its consent, too.
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
    return false;
#endif
}

bool software_vulkan_can_widen(void)
{
    char text[2];
    size_t size = sizeof(text);
    return uv_os_getenv(VARIABLE, text, &size) == UV_ENOENT && has_avx512();
}

bool software_vulkan_gains(const struct cubby_device_info *infos, size_t count)
{
    bool gains = false;
    for (size_t i = 0; i < count; i++) {
        if (infos[i].kind == CUBBY_DEVICE_CPU && !infos[i].mesa22)
            return false;
        gains |= infos[i].mesa22;
    }
    return gains;
}

void software_vulkan_widen(void)
{
    uv_os_setenv(VARIABLE, "512"); // without it everything still works
}
