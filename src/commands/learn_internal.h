// What the parts of `cubby learn` share. Private to src/commands/learn*.c.
#ifndef SRC_COMMANDS_LEARN_INTERNAL_H
#define SRC_COMMANDS_LEARN_INTERNAL_H

#include <jansson.h>

#include "commands/command.h"
#include "learn/features.h"
#include "learn/items.h"
#include "learn/labelled.h"
#include "learn/train.h"

// Photos of one folder, with the rows of their features.
struct learn_set {
    struct labelled labelled;
    uint32_t views;
    uint64_t *rows;  // owned [labelled.count * views]
    uint64_t failed; // photos that could not be decoded
};

struct learn {
    const struct command *command;
    struct features *features;
    struct learn_set train, valid; // valid: of --valid-from; empty without
    struct labelled_photo *all;    // owned, borrows their strings: those of train, then of valid
    size_t count;
    uint32_t *named;     // owned [count]; NULL: no --groups
    uint64_t same_valid; // photos that only judge, since both folders have them
    struct items items;  // of all
    struct train_result result;
    double started;
};

// What went wrong with photos, in both folders.
uint64_t learn_failures(const struct learn *learn);

// Warns of classes of which little can be known.
CUBBY_NODISCARD enum cubby_status learn_warn(const struct learn *learn);
// The figures on standard output, as text or JSON (--json).
//   model  that was written; NULL: none
CUBBY_NODISCARD enum cubby_status learn_report(const struct learn *learn, const char *model);
// The facts that the model keeps: a new JSON object, owned by the caller. NULL: out of memory.
json_t *learn_facts(const struct learn *learn);

#endif
