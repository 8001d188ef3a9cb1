// How a pickle is stored, for the machine that builds it and the questions asked about it.
#ifndef ENGINE_MODEL_PICKLE_PRIVATE_H
#define ENGINE_MODEL_PICKLE_PRIVATE_H

#include "model/arena.h"
#include "model/pickle.h"

#define PICKLE_PAGE_NODES 4096u
#define PICKLE_MAX_PAGES (PICKLE_MAX_NODES / PICKLE_PAGE_NODES + 1)

struct pickle {
    struct pickle_node *pages[PICKLE_MAX_PAGES]; // owned; nodes never move
    uint32_t node_count;
    uint32_t root;
    struct arena arena; // elements, names and objects
};

#endif
