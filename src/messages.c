#include "messages.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "platform/terminal.h"
#include "text.h"

#define LINE_BYTES 8192

struct messages {
    struct cubby_log log; // its user is this
    struct messages_params params;
    uv_mutex_t lock;
    int file;         // the log file, or < 0
    bool file_failed; // told once
    bool had_error;
    char status[1024]; // the progress line that is on the screen
    struct text line;  // the message at hand, fit for a terminal; under the lock
};

// The text without what could drive a terminal or forge a line: names come from anywhere.
static const char *printable(struct messages *messages, const char *text)
{
    messages->line.length = 0;
    text_add_printable(&messages->line, text);
    text_add(&messages->line, "", 1);
    return messages->line.failed ? "(out of memory)" : messages->line.bytes;
}

// To the log file, under the lock.
static void record(struct messages *messages, const char *level, const char *text)
{
    if (messages->file < 0 || messages->file_failed)
        return;
    char line[LINE_BYTES + 64];
    time_t now = time(NULL);
    struct tm *utc = gmtime(&now);
    size_t used = utc ? strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%SZ ", utc) : 0;
    int more = snprintf(line + used, sizeof(line) - used, "%s%s\n", level, text);
    if (more < 0)
        return;
    size_t bytes = used + (size_t)more;
    int error = fs_write_all(messages->params.fs, messages->file, line,
                             bytes < sizeof(line) ? bytes : sizeof(line) - 1);
    if (error) {
        messages->file_failed = true;
        fprintf(stderr, "cubby: warning: the log file cannot be written: %s\n",
                fs_error_text(error));
    }
}

// A line on stderr that leaves the progress line below it, under the lock.
static void print_line(struct messages *messages, const char *prefix, const char *text)
{
    const char *wipe = messages->status[0] ? terminal_wipe() : "";
    fprintf(stderr, "%s%s%s\n%s", wipe, prefix, text, messages->status);
    fflush(stderr);
}

static void write_message(void *user, enum cubby_log_level level, const char *message)
{
    static const char *const names[] = {"error: ", "warning: ", "", ""};
    struct messages *messages = user;
    bool shown = level == CUBBY_LOG_ERROR ||
                 (level == CUBBY_LOG_WARNING && !messages->params.quiet) ||
                 (level == CUBBY_LOG_INFO && messages->params.verbose);
    char prefix[32];
    snprintf(prefix, sizeof(prefix), "cubby: %s", names[level]);
    uv_mutex_lock(&messages->lock);
    if (level == CUBBY_LOG_ERROR)
        messages->had_error = true;
    message = printable(messages, message);
    if (shown)
        print_line(messages, prefix, message);
    record(messages, names[level], message);
    uv_mutex_unlock(&messages->lock);
}

static enum cubby_status open_log_file(struct messages *messages)
{
    const struct messages_params *params = &messages->params;
    messages->file = params->fs->open(params->fs, params->log_file, FS_APPEND);
    if (messages->file == UV_ENOENT)
        messages->file = params->fs->open(params->fs, params->log_file, FS_CREATE);
    if (messages->file >= 0)
        return CUBBY_OK;
    cubby_log(&messages->log, CUBBY_LOG_ERROR, "the log file %s cannot be written: %s",
              params->log_file, fs_error_text(messages->file));
    return CUBBY_IO;
}

enum cubby_status messages_create(struct messages **out, const struct messages_params *params)
{
    *out = NULL;
    struct messages *messages = calloc(1, sizeof(*messages));
    if (!messages || uv_mutex_init(&messages->lock)) {
        free(messages);
        return CUBBY_NO_MEMORY;
    }
    messages->log = (struct cubby_log){write_message, messages};
    messages->params = *params;
    messages->file = -1;
    *out = messages;
    return params->log_file ? open_log_file(messages) : CUBBY_OK;
}

void messages_destroy(struct messages **messages)
{
    struct messages *m = *messages;
    if (!m)
        return;
    messages_status(m, "");
    if (m->file >= 0)
        m->params.fs->close(m->params.fs, m->file);
    uv_mutex_destroy(&m->lock);
    text_free(&m->line);
    free(m);
    *messages = NULL;
}

const struct cubby_log *messages_log(const struct messages *messages)
{
    return &messages->log;
}

bool messages_had_error(struct messages *messages)
{
    uv_mutex_lock(&messages->lock);
    bool had = messages->had_error;
    uv_mutex_unlock(&messages->lock);
    return had;
}

void messages_line(struct messages *messages, const char *format, ...)
{
    char text[LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    uv_mutex_lock(&messages->lock);
    const char *line = printable(messages, text);
    if (!messages->params.quiet)
        print_line(messages, "", line);
    record(messages, "", line);
    uv_mutex_unlock(&messages->lock);
}

void messages_status(struct messages *messages, const char *text)
{
    uv_mutex_lock(&messages->lock);
    if (text[0] || messages->status[0]) {
        fprintf(stderr, "%s%s", terminal_wipe(), text);
        fflush(stderr);
    }
    snprintf(messages->status, sizeof(messages->status), "%s", text);
    uv_mutex_unlock(&messages->lock);
}
