// The memory of the machine that runs a pickle: the program's bytes, the nodes it makes, its stack,
// marks and memo. pickle.c has the instructions. Private to the two.
//
// Functions that can fail return false (or NULL) with machine->status set and the reason logged.
#ifndef ENGINE_MODEL_PICKLE_MACHINE_H
#define ENGINE_MODEL_PICKLE_MACHINE_H

#include "model/pickle_private.h"

struct machine_array {
    uint32_t *items; // owned
    uint32_t count, capacity;
};

struct machine {
    struct pickle *pickle;
    const uint8_t *begin, *at, *end;
    struct machine_array stack; // nodes
    struct machine_array marks; // heights of the stack
    struct machine_array memo;  // nodes, PICKLE_ABSENT where nothing was put
    uint32_t references;
    bool stopped;
    enum cubby_status status; // first failure
    const struct cubby_log *log;
};

bool machine_fail(struct machine *m, enum cubby_status status, const char *format, ...)
    CUBBY_PRINTF(3, 4);
bool machine_bad(struct machine *m, const char *what);

// The next bytes of the program.
bool machine_take(struct machine *m, size_t count, const uint8_t **bytes);
// An unsigned little-endian operand of 1, 2, 4 or 8 bytes.
bool machine_number(struct machine *m, size_t width, uint64_t *value);

// Memory that lives as long as the pickle.
void *machine_alloc(struct machine *m, size_t bytes);
// A new node of `kind`, zeroed, on top of the stack.
struct pickle_node *machine_push_node(struct machine *m, enum pickle_kind kind);
struct pickle_node *machine_node(struct machine *m, uint32_t index);

bool machine_push(struct machine *m, uint32_t node);
// Whether there are `count` entries above the topmost mark; nothing below it may be touched.
bool machine_need(struct machine *m, uint32_t count);
// Both want machine_need() before.
uint32_t machine_pop(struct machine *m);
uint32_t machine_top(const struct machine *m);

bool machine_push_mark(struct machine *m);
// Takes the topmost mark and all above it: *count entries, valid until the next push.
bool machine_pop_mark(struct machine *m, const uint32_t **items, uint32_t *count);

bool machine_put(struct machine *m, uint64_t index);
bool machine_get(struct machine *m, uint64_t index);

bool machine_append(struct machine *m, struct pickle_list *list, const uint32_t *items,
                    uint32_t count);

#endif
