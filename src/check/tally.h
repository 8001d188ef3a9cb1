// Photos with a known class, as they are classified, become the figures of a report.
//
// Nothing is kept of a photo but its content's hash: 32 bytes a place in a table that is 3/8 to 3/4
// full, so 43 to 85 bytes a photo, 128 while it grows; as much again and up to 48 bytes for a
// folder below a class folder. The rest is counted at once.
#ifndef SRC_CHECK_TALLY_H
#define SRC_CHECK_TALLY_H

#include "check/check_report.h"
#include "hash_table.h"
#include "photo.h"

// Photos in one folder below a class folder: of one item.
struct check_item {
    uint64_t photos, right;
};

struct check_tally {
    struct check_report *report; // borrowed
    uint32_t most_mistakes;      // that are named
    bool sigmoid;                // each class by itself (CUBBY_SCORES_SIGMOID)
    struct hash_table contents;  // of the photos counted; the number is their class
    struct hash_table folders;   // below class folders; the number is an index into items
    struct check_item *items;    // owned
    size_t item_count, item_capacity;
    uint64_t alone, alone_right; // photos directly in a class folder: each is an item
    float *probabilities;        // owned [class_count], of the photo at hand
    double sum;                  // of the largest
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
//   path   below the labelled folder, "table/job 12/IMG_1.jpg"; what lies between the class folder
//          and the name is taken for an item
//   added  written; *counted_as, too: the class that this content counts for
//   CUBBY_NO_MEMORY
CUBBY_NODISCARD enum cubby_status check_tally_add(struct check_tally *tally,
                                                  const struct photo *photo, const float *logits,
                                                  uint32_t truth, const char *path,
                                                  enum check_added *added, uint32_t *counted_as);
// Works out what needs all photos: intervals, means, the pairs in order.
CUBBY_NODISCARD enum cubby_status check_tally_finish(struct check_tally *tally);
void check_tally_fini(struct check_tally *tally); // takes a zeroed one

#endif
