// Paths as the person typed them. Inside, all paths are absolute, because the catalogue outlives
// the folder that a command was started in.
#ifndef SRC_SHOWN_PATHS_H
#define SRC_SHOWN_PATHS_H

#include <stddef.h>

#include "engine/status.h"

struct shown_paths {
    char **typed;    // owned, as is each
    char **absolute; // owned, as is each; what typed[i] means
    size_t count;
};

// CUBBY_NO_MEMORY. Paths with ".." are resolved by the system, since a link may be among them.
CUBBY_NODISCARD enum cubby_status shown_paths_init(struct shown_paths *paths,
                                                   const char *const *typed, size_t count);
void shown_paths_fini(struct shown_paths *paths); // takes a zeroed one
// The path with the first typed folder that holds it in front; others are unchanged. `paths` may be
// NULL. malloc'd; NULL: out of memory.
char *shown_path(const struct shown_paths *paths, const char *path);

#endif
