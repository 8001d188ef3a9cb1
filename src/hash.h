// The content hash of photos: XXH3, 128 bit, whose result its author keeps stable.
#ifndef SRC_HASH_H
#define SRC_HASH_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/status.h"
#include "photo.h"

struct photo_hash photo_hash_bytes(const void *bytes, size_t size_bytes);
bool photo_hash_equal(struct photo_hash a, struct photo_hash b);

// The same hash for content that comes in pieces.
struct photo_hasher;
CUBBY_NODISCARD enum cubby_status photo_hasher_create(struct photo_hasher **out);
void photo_hasher_reset(struct photo_hasher *hasher);
void photo_hasher_add(struct photo_hasher *hasher, const void *bytes, size_t size_bytes);
struct photo_hash photo_hasher_result(const struct photo_hasher *hasher);
void photo_hasher_destroy(struct photo_hasher **hasher);

#endif
