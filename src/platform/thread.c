#include "platform/thread.h"

#ifdef _WIN32

#include <windows.h>

void thread_yield_to_others(void)
{
    SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_LOWEST);
}

#else

#include <sys/resource.h>

void thread_yield_to_others(void)
{
    // On Linux a nice value belongs to the thread, and 0 is the calling one. Elsewhere it belongs
    // to the process, whose other threads must not slow down.
#ifdef __linux__
    (void)!setpriority(PRIO_PROCESS, 0, 19);
#endif
}

#endif
