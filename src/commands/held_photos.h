// Settled photos whose account waits until their archives are finished: what the report needs of
// each, in some 150 bytes, since there may be hundreds of thousands.
#ifndef SRC_COMMANDS_HELD_PHOTOS_H
#define SRC_COMMANDS_HELD_PHOTOS_H

#include <stddef.h>

#include "photo.h"

struct held_photo;

// Zeroed is empty.
struct held_photos {
    struct held_photo **list; // owned, as is each
    size_t count, capacity;
};

void held_photos_fini(struct held_photos *held);
// Keeps path, filed_as, reason, hash, size, status and the first guess.
CUBBY_NODISCARD enum cubby_status held_photos_add(struct held_photos *held,
                                                  const struct photo *photo);
// The photo of that index, as far as it was kept; the caller frees it.
CUBBY_NODISCARD enum cubby_status held_photos_get(const struct held_photos *held, size_t index,
                                                  struct photo **out);

#endif
