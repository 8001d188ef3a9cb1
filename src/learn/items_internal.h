// What finding items shares. Private to src/learn/items*.c.
#ifndef SRC_LEARN_ITEMS_INTERNAL_H
#define SRC_LEARN_ITEMS_INTERNAL_H

#include "learn/items.h"

// Groups that grow together: a forest, each photo pointing towards the first one of its group.
struct grouping {
    const struct items_params *params;
    uint32_t *parent, *size; // owned [count]; sizes are those of roots
    uint32_t *class_counts;  // owned
    uint64_t joined[ITEMS_REASONS], refused;
};

bool grouping_same(struct grouping *grouping, uint32_t a, uint32_t b);
uint32_t grouping_size(struct grouping *grouping, uint32_t photo); // of its group
void grouping_join(struct grouping *grouping, uint32_t a, uint32_t b, enum items_reason reason);
bool grouping_is_named(const struct grouping *grouping, uint32_t photo);

// Joins photos that look the same (items_looks.c).
CUBBY_NODISCARD enum cubby_status items_join_looks(struct grouping *grouping);

#endif
