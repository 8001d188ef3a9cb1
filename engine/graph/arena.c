#include "graph/arena.h"

#include <stdbool.h>
#include <stddef.h>

static void sort_by_size(const struct arena_item *items, uint32_t count, uint32_t *order)
{
    // Insertion sort: a few dozen items, and equal sizes keep their order.
    for (uint32_t i = 0; i < count; i++) {
        uint32_t k = i;
        for (; k > 0 && items[order[k - 1]].size < items[i].size; k--)
            order[k] = order[k - 1];
        order[k] = i;
    }
}

// The first placed item that stands in the way of `item` at its present offset.
static const struct arena_item *find_conflict(const struct arena_item *items, const uint32_t *order,
                                              uint32_t placed, const struct arena_item *item)
{
    for (uint32_t i = 0; i < placed; i++) {
        const struct arena_item *other = &items[order[i]];
        const bool alive_together = other->first <= item->last && item->first <= other->last;
        const bool overlap =
            other->offset < item->offset + item->size && item->offset < other->offset + other->size;
        if (alive_together && overlap)
            return other;
    }
    return NULL;
}

// Stepping past whatever is in the way never skips a free offset, because every offset up to its
// end is blocked by it.
static void place(const struct arena_item *items, const uint32_t *order, uint32_t placed,
                  struct arena_item *item)
{
    const struct arena_item *conflict;
    item->offset = 0;
    while ((conflict = find_conflict(items, order, placed, item)))
        item->offset = conflict->offset + conflict->size;
}

uint64_t arena_plan(struct arena_item *items, uint32_t count, uint32_t *order)
{
    sort_by_size(items, count, order);
    uint64_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct arena_item *item = &items[order[i]];
        place(items, order, i, item);
        if (item->offset + item->size > total)
            total = item->offset + item->size;
    }
    return total;
}
