#include "hash.h"

#include <stdlib.h>
#include <xxhash.h>

struct photo_hasher {
    XXH3_state_t *state; // owned; XXH3 wants 64-byte alignment, which its own function gives
};

static struct photo_hash from_xxh(XXH128_hash_t hash)
{
    return (struct photo_hash){.low = hash.low64, .high = hash.high64};
}

struct photo_hash photo_hash_bytes(const void *bytes, size_t size_bytes)
{
    return from_xxh(XXH3_128bits(bytes, size_bytes));
}

bool photo_hash_equal(struct photo_hash a, struct photo_hash b)
{
    return a.low == b.low && a.high == b.high;
}

enum cubby_status photo_hasher_create(struct photo_hasher **out)
{
    *out = NULL;
    struct photo_hasher *hasher = calloc(1, sizeof(*hasher));
    if (!hasher)
        return CUBBY_NO_MEMORY;
    hasher->state = XXH3_createState();
    if (!hasher->state) {
        free(hasher);
        return CUBBY_NO_MEMORY;
    }
    XXH3_128bits_reset(hasher->state);
    *out = hasher;
    return CUBBY_OK;
}

void photo_hasher_reset(struct photo_hasher *hasher)
{
    XXH3_128bits_reset(hasher->state);
}

void photo_hasher_add(struct photo_hasher *hasher, const void *bytes, size_t size_bytes)
{
    XXH3_128bits_update(hasher->state, bytes, size_bytes);
}

struct photo_hash photo_hasher_result(const struct photo_hasher *hasher)
{
    return from_xxh(XXH3_128bits_digest(hasher->state));
}

void photo_hasher_destroy(struct photo_hasher **hasher)
{
    if (!*hasher)
        return;
    XXH3_freeState((*hasher)->state);
    free(*hasher);
    *hasher = NULL;
}
