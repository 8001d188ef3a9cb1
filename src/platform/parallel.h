// The same work on many things at once, by threads that wait in between.
#ifndef SRC_PLATFORM_PARALLEL_H
#define SRC_PLATFORM_PARALLEL_H

#include <stddef.h>

#include "engine/status.h"

struct parallel;
// Threads that cannot be started are done without: with none of them the caller does the work.
//   CUBBY_NO_MEMORY
CUBBY_NODISCARD enum cubby_status parallel_create(struct parallel **out, unsigned threads);
// Calls body(user, i) for each i below count, on any thread and in any order, and waits for all.
// One caller at a time. Results are the body's own to keep.
void parallel_run(struct parallel *parallel, size_t count, void (*body)(void *user, size_t index),
                  void *user);
void parallel_destroy(struct parallel **parallel); // takes NULL

#endif
