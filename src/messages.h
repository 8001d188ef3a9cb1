// Everything that cubby says on stderr: errors, warnings, notes, and the one progress line that is
// redrawn. Any thread may speak. A log file gets all of it, with the time of each line.
#ifndef SRC_MESSAGES_H
#define SRC_MESSAGES_H

#include <stdbool.h>

#include "engine/log.h"
#include "engine/status.h"
#include "platform/fs.h"

struct messages_params {
    bool verbose;         // INFO too
    bool quiet;           // errors only
    const char *log_file; // NULL: none; appended to, DEBUG included
    const struct fs *fs;
};

struct messages;
// CUBBY_IO: the log file cannot be written; *out still works, and has been told so.
enum cubby_status messages_create(struct messages **out, const struct messages_params *params);
void messages_destroy(struct messages **messages);

// What engine and product log to. Lives as long as the messages.
const struct cubby_log *messages_log(const struct messages *messages);
// Whether an error was logged: then the failing call has been explained.
bool messages_had_error(struct messages *messages);
// A line of its own, such as the summary; not shown if quiet.
void messages_line(struct messages *messages, const char *format, ...) CUBBY_PRINTF(2, 3);
// Draws the progress line in place of the last one; "" takes it away. Terminals only: the caller
// knows.
void messages_status(struct messages *messages, const char *text);

#endif
