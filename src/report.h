// What became of each photo, for people and scripts.
#ifndef SRC_REPORT_H
#define SRC_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "catalogue/catalogue.h"
#include "engine/status.h"
#include "photo.h"
#include "platform/fs.h"
#include "shown_paths.h"

struct report_totals {
    uint64_t found, filed, unsure, failed, skipped;
};

struct report_params {
    FILE *json;                      // NULL, or where one JSON object per photo goes (stdout)
    const struct shown_paths *shown; // borrowed; how paths are written; NULL: as they are
    const struct cubby_log *log;     // borrowed
};

// The account of one run: totals, and the --json lines. Any name gives valid UTF-8: a byte that is
// not UTF-8 is \udcXX in JSON, as Python's surrogateescape has it, so that the name can be had
// back.
struct report;
enum cubby_status report_create(struct report **out, const struct report_params *params);
// Adds one settled photo. Whatever fails, it is counted; what failed is logged once and returned
// each time. `class` and `p` are given for filed and unsure photos only (for unsure the best
// guess).
enum cubby_status report_add(struct report *report, const struct photo *photo);
const struct report_totals *report_totals(const struct report *report);
// Writes {"summary": ...} to the JSON stream.
enum cubby_status report_finish(struct report *report, double seconds);
void report_destroy(struct report **report);

// The account of an output folder: DIR/.cubby/report.jsonl and report.csv, one line for each photo
// in the catalogue, in the order in which they were found, written under temporary names; an
// earlier report is replaced. CSV knows no escapes: bytes that are not UTF-8 are U+FFFD there.
CUBBY_NODISCARD enum cubby_status report_write(struct catalogue *catalogue, const char *output,
                                               const struct shown_paths *shown, const struct fs *fs,
                                               const struct cubby_log *log);

#endif
