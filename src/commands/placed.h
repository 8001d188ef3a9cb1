// Photos that a person has placed, as `cubby correct` noted: a sort leaves them there, or puts them
// there, whatever the model says.
#ifndef SRC_COMMANDS_PLACED_H
#define SRC_COMMANDS_PLACED_H

#include "catalogue/catalogue.h"

struct placed {
    // Borrowed; the first that knows a photo counts; NULL: none.
    struct catalogue *catalogues[2];
    const char *const *class_names; // borrowed, of the model that sorts
    char *const *folders;           // borrowed, of each class
    uint32_t class_count;
};

// Settles a decided photo (its hash is known) as a person has placed it, if one has.
//   folder  written: the name of the folder to file it under, malloc'd; NULL: nobody placed it
CUBBY_NODISCARD enum cubby_status placed_apply(const struct placed *placed, struct photo *photo,
                                               char **folder);

#endif
