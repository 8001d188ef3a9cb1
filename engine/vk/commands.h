// Commands that are recorded, run once and waited for. Private to the engine.
#ifndef ENGINE_VK_COMMANDS_H
#define ENGINE_VK_COMMANDS_H

#include <volk.h>

#include "engine/status.h"

struct cubby_gpu;

// Runs what `record` records, behind all that was submitted before, and waits for it. `what` names
// it in the log if it fails. Not for the hot path: it allocates, and the queue falls idle.
enum cubby_status commands_run(struct cubby_gpu *gpu, const char *what,
                               void (*record)(const void *user, VkCommandBuffer commands),
                               const void *user);

#endif
