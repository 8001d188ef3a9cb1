// What the process uses and what the machine has.
#ifndef SRC_PLATFORM_MEMORY_H
#define SRC_PLATFORM_MEMORY_H

#include <stdint.h>

uint64_t memory_resident_bytes(void); // 0 if unknown, as the next
uint64_t memory_peak_bytes(void);
// Bytes this process may use: the machine's memory or a container's smaller limit.
uint64_t memory_available_bytes(void);
// CPUs this process may use (affinity respected); at least 1.
unsigned memory_cpu_count(void);

#endif
