#include "clock.h"

#ifdef _WIN32

#include <windows.h>

double clock_now_s(void)
{
    LARGE_INTEGER ticks, per_second; // neither call fails on any Windows since XP
    QueryPerformanceCounter(&ticks);
    QueryPerformanceFrequency(&per_second);
    return (double)ticks.QuadPart / (double)per_second.QuadPart;
}

#else

#include <time.h>

double clock_now_s(void)
{
    struct timespec time;
    timespec_get(&time, TIME_UTC);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

#endif
