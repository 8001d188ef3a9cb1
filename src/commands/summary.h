// The end of a sort in plain words.
#ifndef SRC_COMMANDS_SUMMARY_H
#define SRC_COMMANDS_SUMMARY_H

#include "messages.h"
#include "report.h"

#define SUMMARY_FAILURES 10u // named on the screen; the report has them all

// The first photos that failed.
struct summary {
    char *failures[SUMMARY_FAILURES]; // owned, "path: reason"
    uint32_t failure_count;
    uint64_t *per_class; // owned, photos filed under each class by the model
    uint64_t placed;     // by a person
};

enum cubby_status summary_init(struct summary *summary, uint32_t class_count);
void summary_fini(struct summary *summary);
// `shown` may be NULL: paths as they are.
void summary_add(struct summary *summary, const struct photo *photo,
                 const struct shown_paths *shown);

struct summary_facts {
    const struct report_totals *totals;
    const char *const *class_names;
    uint32_t class_count;
    const char *output; // where to look
    uint64_t unreadable_folders;
    uint64_t travelling; // files that went with their photo
    uint64_t waiting;    // classified, but in archives that were not finished
    double seconds;
    bool dry_run;
    bool stopped; // not all photos were seen
};
void summary_print(const struct summary *summary, struct messages *messages,
                   const struct summary_facts *facts);

#endif
