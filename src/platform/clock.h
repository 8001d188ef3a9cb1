// Time for rates and reports.
#ifndef SRC_PLATFORM_CLOCK_H
#define SRC_PLATFORM_CLOCK_H

#include <stdint.h>

// Seconds since some fixed moment; never goes back when the clock is set.
double clock_seconds(void);
// Nanoseconds since 1970 UTC, as the system's clock is set: for dates, never for durations.
int64_t clock_wall_ns(void);

#endif
