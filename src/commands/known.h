// What the catalogue knows about photos that a scan finds again: they are not decoded a second
// time.
#ifndef SRC_COMMANDS_KNOWN_H
#define SRC_COMMANDS_KNOWN_H

#include "catalogue/catalogue.h"

struct known_run;

struct known {
    struct catalogue *catalogue; // borrowed; NULL: nothing is known
    int64_t run;                 // the one that sorts
    struct photo_hash model;     // its model
    uint32_t class_count;        // of that
    bool again;                  // what earlier runs decided is decided anew
    struct known_run *runs;      // owned, those that were looked up
    uint32_t run_count;
};

// Puts what is known into a photo that the scan has just found. Afterwards it is
//   settled and `recorded`: nothing is left to do (filed before, no photo, known content),
//   pending with its guesses and hash: decided by the same model, only to be filed,
//   or pending without: to be read and classified.
CUBBY_NODISCARD enum cubby_status known_apply(struct known *known, struct photo *photo);
void known_fini(struct known *known);

#endif
