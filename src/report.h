// The account of a run: totals, DIR/.cubby/report.jsonl and report.csv, and the --json lines.
#ifndef SRC_REPORT_H
#define SRC_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "engine/status.h"
#include "photo.h"
#include "platform/fs.h"

struct report_totals {
    uint64_t found, filed, unsure, failed, skipped;
};

struct report_params {
    const char *output;             // folder; NULL: no files (dry run, classify)
    const char *const *class_names; // borrowed
    uint32_t class_count;
    FILE *json; // NULL, or where one JSON object per photo goes (stdout)
    const struct fs *fs;
    const struct cubby_log *log;
};

struct report;
// The files begin with the first photo, so that a run that files nothing leaves nothing.
enum cubby_status report_create(struct report **out, const struct report_params *params);
// Adds one settled photo. Whatever fails, it is counted, and what still works goes on; what failed
// is logged once and returned each time. `class` and `p` are given for filed and unsure photos only
// (for unsure the best guess). Any name gives valid UTF-8. A byte that is not UTF-8 is \udcXX in
// JSON, as Python's surrogateescape has it, so that the name can be had back; CSV knows no escapes
// and has U+FFFD there.
enum cubby_status report_add(struct report *report, const struct photo *photo);
const struct report_totals *report_totals(const struct report *report);
// Writes {"summary": ...} to the JSON stream, closes and publishes the report files (written under
// temporary names; an earlier run's report is replaced).
enum cubby_status report_finish(struct report *report, double seconds);
void report_destroy(struct report **report);

#endif
