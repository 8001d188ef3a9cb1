// What the parts of `cubby sort` share. Private to src/commands/sort*.c.
#ifndef SRC_COMMANDS_SORT_INTERNAL_H
#define SRC_COMMANDS_SORT_INTERNAL_H

#include "commands/classifying.h"
#include "commands/counter.h"
#include "commands/known.h"
#include "commands/output.h"
#include "commands/placed.h"
#include "commands/run_settings.h"
#include "commands/summary.h"
#include "progress.h"
#include "report.h"
#include "scan.h"
#include "shown_paths.h"
#include "sink/sink.h"

struct sort {
    const struct command *command;
    double started;
    char *path;                   // owned, the output folder
    struct output output;         // its lock and catalogue; closed for a dry run
    struct catalogue *source;     // borrowed, whose photos are sorted; NULL: a scan's
    bool existed;                 // the output folder was there before
    struct fs_stat before, above; // times of the output folder and the one above, then
    struct shown_paths shown;
    struct scan *scan;              // NULL when the photos come from a catalogue
    struct classifying classifying; // not opened then
    const char *const *class_names; // borrowed
    char **folders;                 // owned, one per class
    uint32_t class_count;
    double threshold; // from which on a photo is filed
    struct known known;
    struct placed placed;
    struct catalogue_run run;
    bool continued; // the run was interrupted before
    bool changed;   // something was settled that was not so before
    struct sink *sink;
    struct report *report;
    struct summary summary;
    uint64_t settled, failed;
    uint64_t travelling; // files that went with their photo
    uint64_t waiting;    // decided, but their archive was not finished
    struct counter counter;
    struct progress progress;
    bool stop_told;
};

// Decides about a photo that has its guesses, or passes on one that is settled; takes it over.
enum cubby_status sort_settle(struct sort *sort, struct photo **photo);
// Locks the output folder and opens its catalogue. An exit code.
int sort_open_output(struct sort *sort);
// Run, sink and report, once the model and its classes are known. An exit code.
int sort_begin(struct sort *sort, const struct run_settings *settings);
// Ends the run, says how it went, and chooses the exit code.
int sort_finish(struct sort *sort, enum cubby_status status);

// `cubby sort --from-catalogue DIR`, from the opened catalogue of DIR on.
int sort_from_catalogue(struct sort *sort);

#endif
