// Time for rates and reports.
#ifndef SRC_PLATFORM_CLOCK_H
#define SRC_PLATFORM_CLOCK_H

// Seconds since some fixed moment; never goes back when the clock is set.
double clock_seconds(void);

#endif
