// `cubby FOLDER`: a folder where the command should be, as when it is dragged onto cubby.exe, means
// `cubby sort FOLDER`. A model file that is dragged along is the model to use.
#ifndef SRC_COMMANDS_DROPPED_H
#define SRC_COMMANDS_DROPPED_H

#include <stdbool.h>

#include "engine/log.h"
#include "platform/fs.h"

struct dropped {
    const char **argv; // owned, NULL: the arguments are a command, or nothing that can be sorted
    int argc;
    char *into; // owned, in argv; NULL: beside the folder
};

// Looks whether the arguments are names of things that exist, at least one of them a folder, and
// makes the command line of it. A drive or network share has nothing beside it: what is on it is
// sorted into a folder in the user's Pictures.
// CUBBY_UNSUPPORTED: there is a model file that only an import can use; the log says so.
CUBBY_NODISCARD enum cubby_status dropped_init(struct dropped *dropped, int argc,
                                               const char *const *argv, const struct fs *fs,
                                               const struct cubby_log *log);
void dropped_fini(struct dropped *dropped);

#endif
