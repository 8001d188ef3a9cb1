// Memory that is freed all at once. For what a model file turns into: thousands of small pieces
// with one lifetime, so that a parser that gives up half-way has one thing to free.
#ifndef ENGINE_MODEL_ARENA_H
#define ENGINE_MODEL_ARENA_H

#include <stddef.h>

struct arena_block;

// All zero is an empty arena.
struct arena {
    struct arena_block *blocks; // owned, newest first
    size_t left_bytes;          // in the newest block
};

// Aligned for any type, not cleared; NULL when memory runs out. Zero bytes are fine.
void *arena_alloc(struct arena *arena, size_t bytes);
// A copy of text with a NUL behind it.
char *arena_copy(struct arena *arena, const void *text, size_t bytes);
void arena_fini(struct arena *arena);

#endif
