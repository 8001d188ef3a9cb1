// Where a filed file went that is not in its place: a person may have moved it. Private to
// src/verify*.c.
#ifndef SRC_VERIFY_MOVED_H
#define SRC_VERIFY_MOVED_H

#include "hash_table.h"
#include "moved.h"
#include "verify.h"

// Zeroed: nothing was looked for yet.
struct verify_moved {
    bool looked;
    struct moved moved;
    struct hash_table files; // of filings and photos, to moved.files
};

// The whole output is searched when the first file is asked for.
//   filing  0: the copy of `photo` that lay there already
//   place   written: where its content is, below the output, borrowed; NULL: nowhere else
CUBBY_NODISCARD enum cubby_status verify_find_moved(struct verify_moved *moved,
                                                    const struct verify_params *params,
                                                    int64_t filing, int64_t photo,
                                                    const char **place);
void verify_moved_fini(struct verify_moved *moved);

#endif
