#include "platform/software_vulkan.h"

#include <stdbool.h>
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

bool software_vulkan_widen(void)
{
    char text[2];
    size_t size = sizeof(text);
    return uv_os_getenv(VARIABLE, text, &size) == UV_ENOENT && has_avx512() &&
           !uv_os_setenv(VARIABLE, "512"); // without it everything still works
}

void software_vulkan_narrow(void)
{
    uv_os_unsetenv(VARIABLE);
}
