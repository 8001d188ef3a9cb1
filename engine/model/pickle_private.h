// How a pickle is stored, for the machine that builds it and the questions asked about it.
#ifndef ENGINE_MODEL_PICKLE_PRIVATE_H
#define ENGINE_MODEL_PICKLE_PRIVATE_H

#include "model/arena.h"
#include "model/pickle.h"

// Nodes never move. Each page makes the room eight times what it was, so that a file of hundreds of
// thousands of small pickles (torch_tar.c) does not pay for the room of large ones.
#define PICKLE_FIRST_PAGE_NODES 64u
#define PICKLE_PAGE_GROWTH 8u
#define PICKLE_MAX_PAGES 7u
_Static_assert(PICKLE_FIRST_PAGE_NODES << (3 * (PICKLE_MAX_PAGES - 1)) >= PICKLE_MAX_NODES,
               "all nodes have a page");

struct pickle {
    struct pickle_node *pages[PICKLE_MAX_PAGES]; // owned
    uint32_t node_count;
    uint32_t root;
    struct arena arena;  // elements, names and objects
    size_t memory_bytes; // of the nodes made and the arena's pieces, at most PICKLE_MAX_MEMORY
    // Owned, one number: asking changes nothing in a pickle but what may still be asked.
    uint64_t *steps_left;
};

struct pickle_place {
    uint32_t page;
    uint32_t first, end; // the nodes of the page
};

static inline struct pickle_place pickle_place_of(uint32_t index)
{
    struct pickle_place place = {0, 0, PICKLE_FIRST_PAGE_NODES};
    while (index >= place.end)
        place = (struct pickle_place){place.page + 1, place.end, place.end * PICKLE_PAGE_GROWTH};
    return place;
}

static inline struct pickle_node *pickle_node_at(const struct pickle *pickle, uint32_t index)
{
    struct pickle_place place = pickle_place_of(index);
    return &pickle->pages[place.page][index - place.first];
}

#endif
