#include "hash_table.h"

#include <stdlib.h>

#include "hash.h"

#define FIRST_CAPACITY 64u

// The slot that holds `hash`, or the free one where it would go. Never called on a full table.
static struct hash_table_slot *slot_of(struct hash_table_slot *slots, size_t capacity,
                                       struct photo_hash hash)
{
    size_t mask = capacity - 1, i = (size_t)hash.low & mask;
    while (slots[i].taken && !photo_hash_equal(slots[i].hash, hash))
        i = (i + 1) & mask;
    return &slots[i];
}

bool hash_table_find(const struct hash_table *table, struct photo_hash hash, uint64_t *value)
{
    if (table->capacity == 0)
        return false;
    const struct hash_table_slot *slot = slot_of(table->slots, table->capacity, hash);
    if (slot->taken && value)
        *value = slot->value;
    return slot->taken;
}

static enum cubby_status grow(struct hash_table *table)
{
    size_t capacity = table->capacity ? table->capacity * 2 : FIRST_CAPACITY;
    if (capacity < table->capacity)
        return CUBBY_NO_MEMORY;
    struct hash_table_slot *slots = calloc(capacity, sizeof(*slots));
    if (!slots)
        return CUBBY_NO_MEMORY;
    for (size_t i = 0; i < table->capacity; i++)
        if (table->slots[i].taken)
            *slot_of(slots, capacity, table->slots[i].hash) = table->slots[i];
    free(table->slots);
    table->slots = slots;
    table->capacity = capacity;
    return CUBBY_OK;
}

enum cubby_status hash_table_add(struct hash_table *table, struct photo_hash hash, uint64_t value)
{
    // A quarter stays free, so that searches end soon.
    if (table->count + 1 > table->capacity / 4 * 3) {
        enum cubby_status status = grow(table);
        if (status)
            return status;
    }
    struct hash_table_slot *slot = slot_of(table->slots, table->capacity, hash);
    table->count += !slot->taken;
    *slot = (struct hash_table_slot){.hash = hash, .value = value, .taken = true};
    return CUBBY_OK;
}

void hash_table_fini(struct hash_table *table)
{
    free(table->slots);
    *table = (struct hash_table){0};
}
