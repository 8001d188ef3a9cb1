// What the parts of learning from corrections share. Private to src/commands/correct*.c.
#ifndef SRC_COMMANDS_CORRECT_INTERNAL_H
#define SRC_COMMANDS_CORRECT_INTERNAL_H

#include <jansson.h>

#include "commands/correct_train.h"
#include "learn/features.h"
#include "learn/items.h"
#include "learn/train.h"

// A photo that somebody placed counts once; one that lies where the machine put it says less: that
// nobody objected, perhaps because nobody looked. A fifth is enough to keep what is right, and lets
// one person's word outweigh that of the machine on a handful of photos like it.
#define CORRECT_LEFT_WEIGHT 0.2f
// Of what was left, so many of each class: more would take hours and say the same.
#define CORRECT_MOST_LEFT 100u

// Standard errors of the loss that are given up to stay near the model before. Of photos that were
// corrected, which it got wrong, the best fit would be one that forgets all else: without photos
// that were left nothing speaks against that. On 36 corrected and 48 left renderings, with 0, 1
// and 2 of them 43, 41 and 38 of 55 unseen photos of the corrected kinds were right, and 50, 50 and
// 53 of 60 of the others (58 before); from corrections alone, with 0 and 2, it was 51 and 39 of 55,
// and 14 and 43 of 60.
#define CORRECT_SLACK 1.0
#define CORRECT_SLACK_BLIND 2.0

enum correct_part { CORRECT_PLACED, CORRECT_LEFT, CORRECT_PARTS };

// How many of the held-out photos were answered rightly.
struct correct_score {
    uint64_t photos, before, after;
    bool before_known;
};

struct correct_set {
    struct labelled_photo *photos; // owned, as their paths; placed ones first
    uint32_t *entries;             // owned, of each its index in corrections.list
    size_t counts[CORRECT_PARTS];
    uint64_t passed_over; // that were left, and are more than enough
};

struct correcting_model {
    const struct command *command;
    const struct correct_input *in;
    char *base;     // owned, the model file to begin from
    char **classes; // owned, as each; the base's first, in its order
    uint32_t class_count;
    uint32_t base_classes; // of them
    uint32_t added;        // of them, with photos
    uint32_t *class_of;    // owned: of a class of the corrections, its index
    struct correct_set set;
    struct cubby_head head;  // of the base; empty if it is not linear
    struct cubby_head prior; // the same for all classes
    struct features *features;
    uint64_t *rows;   // owned: CORRECT_PLACED have FEATURES_AUGMENTED, the others one
    bool *failed;     // owned, could not be decoded
    uint32_t *before; // owned: what the model before answers; CORRECTIONS_NO_CLASS: not known
    struct items items;
    struct train_result result;
    struct correct_score scores[CORRECT_PARTS];
    uint64_t seen_before; // held-out photos of items that the model before was made from
};

// ---- correct_set.c: from what to learn

// The base's classes and those that a person added; and the photos with a label.
//   CUBBY_BAD_DATA  nobody placed a photo; the log says so
CUBBY_NODISCARD enum cubby_status correct_set_make(struct correcting_model *m);
void correct_set_fini(struct correcting_model *m);

// ---- correct_say.c: what came of it

CUBBY_NODISCARD enum cubby_status correct_say_plan(const struct correcting_model *m);
CUBBY_NODISCARD enum cubby_status correct_say_result(const struct correcting_model *m);
// What the model says of its making: a new object; NULL: out of memory.
json_t *correct_facts(const struct correcting_model *m);

#endif
