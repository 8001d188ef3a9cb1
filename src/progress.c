#include "progress.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "platform/terminal.h"

#define REDRAW_SECONDS 0.1
#define LINE_SECONDS 60.0
#define RATE_SECONDS 2.0 // between two measurements of the rate

void progress_format_duration(char *text, size_t text_bytes, double seconds)
{
    uint64_t s = seconds > 0 && seconds < 1e12 ? (uint64_t)(seconds + 0.5) : 0;
    if (seconds >= 0 && seconds < 9.95)
        snprintf(text, text_bytes, "%.1f s", seconds);
    else if (s < 60)
        snprintf(text, text_bytes, "%" PRIu64 " s", s);
    else if (s < 3600)
        snprintf(text, text_bytes, "%" PRIu64 " min %02" PRIu64 " s", s / 60, s % 60);
    else if (s < 48 * 3600)
        snprintf(text, text_bytes, "%" PRIu64 " h %02" PRIu64 " min", s / 3600, s / 60 % 60);
    else
        snprintf(text, text_bytes, "%" PRIu64 " days %" PRIu64 " h", s / 86400, s / 3600 % 24);
}

void progress_format_count(char *text, size_t text_bytes, uint64_t count)
{
    char digits[24];
    size_t length = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, count), used = 0;
    for (size_t i = 0; i < length && used + 2 < text_bytes; i++) {
        if (i && (length - i) % 3 == 0)
            text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = '\0';
}

// Appends, cut at the end.
static void append(char *text, size_t text_bytes, const char *format, ...) CUBBY_PRINTF(3, 4);
static void append(char *text, size_t text_bytes, const char *format, ...)
{
    size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + used, text_bytes - used, format, arguments);
    va_end(arguments);
}

void progress_format(char *text, size_t text_bytes, const struct pipeline_stats *stats,
                     const struct progress_count *count, double rate)
{
    char done[32], found[32], left[32];
    progress_format_count(done, sizeof(done), stats->settled);
    progress_format_count(found, sizeof(found), count->found);
    text[0] = '\0';
    if (count->found)
        append(text, text_bytes, "%s of %s%s files", done, found, count->found_final ? "" : "+");
    else
        append(text, text_bytes, "%s files", done);
    if (rate > 0) {
        append(text, text_bytes, rate < 100 ? ", %.1f/s" : ", %.0f/s", rate);
        if (count->found_final && count->found >= stats->settled) {
            progress_format_duration(left, sizeof(left),
                                     (double)(count->found - stats->settled) / rate);
            append(text, text_bytes, ", %s left", left);
        }
        append(text, text_bytes, ", limited by %s", pipeline_stage_text(pipeline_limit(stats)));
    }
    if (count->failed) {
        progress_format_count(left, sizeof(left), count->failed);
        append(text, text_bytes, ", %s failed", left);
    }
}

void progress_init(struct progress *progress, struct messages *messages, bool quiet, bool results)
{
    *progress = (struct progress){.messages = messages,
                                  .terminal = terminal_is(2) && !(results && terminal_is(1)),
                                  .quiet = quiet,
                                  .width = terminal_width(2)};
}

static void measure_rate(struct progress *progress, const struct pipeline_stats *stats)
{
    double passed = stats->seconds - progress->rate_at;
    if (passed < RATE_SECONDS)
        return;
    double now = (double)(stats->settled - progress->rate_settled) / passed;
    // Batches arrive in bursts; half of the old rate keeps the figure readable.
    progress->rate = progress->rate > 0 ? 0.5 * progress->rate + 0.5 * now : now;
    progress->rate_at = stats->seconds;
    progress->rate_settled = stats->settled;
}

void progress_update(struct progress *progress, const struct pipeline_stats *stats,
                     const struct progress_count *count)
{
    measure_rate(progress, stats);
    double every = progress->terminal ? REDRAW_SECONDS : LINE_SECONDS;
    if (progress->quiet || stats->seconds - progress->shown_at < every)
        return;
    progress->shown_at = stats->seconds;
    char text[512];
    progress_format(text, sizeof(text), stats, count, progress->rate);
    if (!progress->terminal) {
        messages_line(progress->messages, "%s", text);
        return;
    }
    // One column stays free: some terminals wrap as soon as the last one is written.
    if (progress->width > 0 && strlen(text) >= (size_t)progress->width)
        text[progress->width - 1] = '\0';
    messages_status(progress->messages, text);
}

void progress_finish(struct progress *progress)
{
    if (progress->terminal && !progress->quiet)
        messages_status(progress->messages, "");
}
