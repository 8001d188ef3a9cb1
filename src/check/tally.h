// Photos with a known class, as they are classified, become the figures of a report.
//
// What is kept of each is what tells which photos show one item, a record of 80 bytes and its path,
// and its content's hash in a table, 43 to 85 bytes a photo. The rest is counted at once.
#ifndef SRC_CHECK_TALLY_H
#define SRC_CHECK_TALLY_H

#include "check/check_report.h"
#include "hash_table.h"
#include "learn/labelled.h"
#include "photo.h"

struct check_tally {
    struct check_report *report;   // borrowed
    uint32_t most_mistakes;        // that are named
    bool sigmoid;                  // each class by itself (CUBBY_SCORES_SIGMOID)
    struct hash_table contents;    // of the photos counted; the number is their class
    struct labelled_photo *photos; // owned, those counted, for learn/items.h
    size_t count, capacity;
    float *probabilities; // owned [class_count], of the photo at hand
    double sum;           // of the largest
};

enum check_added {
    CHECK_COUNTED,
    CHECK_COPY,          // the content was counted already: once is enough
    CHECK_CONTRADICTION, // the same, but as another class
};

// `report` has class_names, class_count and threshold; most_mistakes is CHECK_MAX_MISTAKES at most.
// Call check_tally_fini() whatever the result.
//   CUBBY_TOO_LARGE  too many classes, see cubby_metrics_init()
CUBBY_NODISCARD enum cubby_status check_tally_init(struct check_tally *tally,
                                                   struct check_report *report, bool sigmoid,
                                                   uint32_t most_mistakes);
// Counts a classified photo whose class is `truth`.
//   logits  of all classes, as the pipeline gives them; NULL: only the most probable are known, as
//           photo->top, and the log-loss is too large where the truth is not among them
//   path   below the labelled folder, "table/job 12/IMG_1.jpg"
//   added  written; *counted_as, too: the class that this content counts for
//   CUBBY_NO_MEMORY
CUBBY_NODISCARD enum cubby_status check_tally_add(struct check_tally *tally,
                                                  const struct photo *photo, const float *logits,
                                                  uint32_t truth, const char *path,
                                                  enum check_added *added, uint32_t *counted_as);
// Works out what needs all photos: items, intervals, means, the pairs in order.
CUBBY_NODISCARD enum cubby_status check_tally_finish(struct check_tally *tally);
void check_tally_fini(struct check_tally *tally); // takes a zeroed one

#endif
