#include "platform/memory.h"

#include <stddef.h>
#include <uv.h>

uint64_t memory_resident_bytes(void)
{
    size_t bytes;
    return uv_resident_set_memory(&bytes) ? 0 : bytes;
}

uint64_t memory_peak_bytes(void)
{
    uv_rusage_t usage;
    if (uv_getrusage(&usage))
        return 0;
#ifdef __APPLE__
    return usage.ru_maxrss; // bytes there, KiB everywhere else
#else
    return usage.ru_maxrss * 1024;
#endif
}

uint64_t memory_available_bytes(void)
{
    uint64_t machine = uv_get_total_memory();
    uint64_t allowed = uv_get_constrained_memory(); // 0: none, or unknown
    return allowed > 0 && allowed < machine ? allowed : machine;
}

unsigned memory_cpu_count(void)
{
    return uv_available_parallelism();
}
