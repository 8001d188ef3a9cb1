// Proves that an output folder is what its catalogue says, and that the catalogue knows every photo
// of the folders that were sorted. What a person moved inside the output is found by its content.
// Changes nothing.
#ifndef SRC_VERIFY_H
#define SRC_VERIFY_H

#include "catalogue/catalogue.h"

struct verify_counts {
    uint64_t found;    // photos and what belongs to them, in the sorted folders
    uint64_t checked;  // files and archives in the output that were looked for
    uint64_t compared; // of those, read and compared
    uint64_t damaged;  // missing, changed or unknown: what is proved to be wrong
    uint64_t notes;    // worth knowing, but nothing is wrong with the copies
    uint64_t failed;   // of those, photos that could not be sorted: they are only where they were
};

enum verify_kind {
    VERIFY_DAMAGE,
    VERIFY_NOTE,
};

struct verify_params {
    const char *output; // folder, absolute
    struct catalogue *catalogue;
    const struct fs *fs;
    const struct cubby_log *log;
    double percent;   // of filed files and archives that are read and compared; chosen by their
                      // number in the catalogue, so that the same ones are chosen each time
    unsigned threads; // that read
    // Called for each finding: a path (absolute), and a sentence's end.
    enum cubby_status (*told)(void *user, enum verify_kind kind, const char *path,
                              const char *what);
    void *user;
    bool (*interrupted)(void *user); // NULL, or true once it should end
};

//   CUBBY_BAD_DATA  the catalogue itself is damaged
CUBBY_NODISCARD enum cubby_status verify_run(const struct verify_params *params,
                                             struct verify_counts *counts);

#endif
