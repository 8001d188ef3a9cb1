#include "engine/log.h"

#include <stdarg.h>
#include <stdio.h>

void cubby_log(const struct cubby_log *log, enum cubby_log_level level, const char *format, ...)
{
    if (!log || !log->write)
        return;

    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    log->write(log->user, level, message);
}
