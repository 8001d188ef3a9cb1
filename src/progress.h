// How far a run is, in words: one line on a terminal, redrawn at most ten times a second; elsewhere
// one line a minute.
#ifndef SRC_PROGRESS_H
#define SRC_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "messages.h"
#include "pipeline/pipeline.h"

struct progress {
    struct messages *messages; // borrowed
    bool terminal;             // redraw one line
    bool quiet;
    int width;             // columns of the terminal
    double shown_at;       // seconds since the start
    double rate_at, rate;  // photos a second, smoothed; when it was last measured
    uint64_t rate_settled; // photos then
};

struct progress_count {
    uint64_t found;   // photos and other files seen so far, at least those settled
    bool found_final; // all have been counted
    uint64_t failed;
};

// `results`: results go to stdout while the run lasts; if that is the same terminal, no line is
// drawn between them.
void progress_init(struct progress *progress, struct messages *messages, bool quiet, bool results);
// Call it often; it decides when to draw.
void progress_update(struct progress *progress, const struct pipeline_stats *stats,
                     const struct progress_count *count);
void progress_finish(struct progress *progress); // takes the line away

// "1,234 of 56,789 photos, 12.3/s, 1 h 02 min left, limited by decoding, 3 failed"
void progress_format(char *text, size_t text_bytes, const struct pipeline_stats *stats,
                     const struct progress_count *count, double rate);
// "0.4 s", "12 s", "3 min 05 s", "1 h 02 min", "2 days 3 h"
void progress_format_duration(char *text, size_t text_bytes, double seconds);
// "1,234,567"
void progress_format_count(char *text, size_t text_bytes, uint64_t count);

#endif
