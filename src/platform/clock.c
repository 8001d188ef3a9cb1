#include "platform/clock.h"

#include <uv.h>

double clock_seconds(void)
{
    return (double)uv_hrtime() * 1e-9;
}

int64_t clock_wall_ns(void)
{
    uv_timeval64_t now;
    if (uv_gettimeofday(&now))
        return 0;
    return now.tv_sec * 1000000000 + now.tv_usec * (int64_t)1000;
}
