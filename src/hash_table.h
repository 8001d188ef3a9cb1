// A set of 128-bit hashes, each with a number. What counts hundreds of thousands of photos or names
// costs 32 to 64 bytes each this way, however long the names are.
#ifndef SRC_HASH_TABLE_H
#define SRC_HASH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/status.h"
#include "photo.h"

struct hash_table_slot {
    struct photo_hash hash;
    uint64_t value;
    bool taken;
};

// Zeroed is empty.
struct hash_table {
    struct hash_table_slot *slots; // owned
    size_t capacity, count;        // capacity is a power of two or 0
};

// Whether `hash` is there; if so and value is not NULL, *value is its number.
bool hash_table_find(const struct hash_table *table, struct photo_hash hash, uint64_t *value);
// Adds a hash, or gives the one that is there another number. CUBBY_NO_MEMORY: nothing changed.
CUBBY_NODISCARD enum cubby_status hash_table_add(struct hash_table *table, struct photo_hash hash,
                                                 uint64_t value);
void hash_table_fini(struct hash_table *table);

#endif
