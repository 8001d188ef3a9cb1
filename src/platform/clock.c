#include "platform/clock.h"

#include <uv.h>

double clock_seconds(void)
{
    return (double)uv_hrtime() * 1e-9;
}
