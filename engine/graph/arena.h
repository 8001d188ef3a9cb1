// One arena for all activations: values whose lifetimes do not overlap share memory.
#ifndef ENGINE_GRAPH_ARENA_H
#define ENGINE_GRAPH_ARENA_H

#include <stdint.h>

struct arena_item {
    uint64_t size;        // in any unit, multiples of the wanted alignment; > 0
    uint32_t first, last; // lifetime, both ends included
    uint64_t offset;      // written by arena_plan()
};

// Places every item so that items alive at the same time never overlap, and returns the arena's
// size. Greedy by size, largest first, each at the lowest free offset (Pisarchyk and Lee,
// "Efficient Memory Management for Deep Neural Net Inference", 2020); no worse than a few percent
// on ResNets. `order` is scratch for count entries.
uint64_t arena_plan(struct arena_item *items, uint32_t count, uint32_t *order);

#endif
