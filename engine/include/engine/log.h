// The engine never prints. It hands each message to this callback, which may be called from any
// thread that calls the engine.
#ifndef ENGINE_LOG_H
#define ENGINE_LOG_H

#include "engine/status.h"

enum cubby_log_level {
    CUBBY_LOG_ERROR,   // why the call that is about to return failed: one sentence, no newline
    CUBBY_LOG_WARNING, // the call goes on, but the user may want to know
    CUBBY_LOG_INFO,    // choices made: device, kernel family, batch
    CUBBY_LOG_DEBUG,
};

struct cubby_log {
    // NULL drops every message.
    void (*write)(void *user, enum cubby_log_level level, const char *message);
    void *user; // borrowed
};

// Formats at most 1 KiB and calls log->write. `log` may be NULL.
void cubby_log(const struct cubby_log *log, enum cubby_log_level level, const char *format, ...)
    CUBBY_PRINTF(3, 4);

#endif
