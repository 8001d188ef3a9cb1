#include "model/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Blocks grow: a file of many small pickles has as many arenas.
#define FIRST_BLOCK_BYTES ((size_t)1024)
#define BLOCK_BYTES ((size_t)64 * 1024)
#define ALIGNMENT _Alignof(max_align_t)

struct arena_block {
    struct arena_block *next;
    size_t size_bytes;
    max_align_t data[];
};

static struct arena_block *new_block(size_t bytes)
{
    if (bytes > SIZE_MAX - sizeof(struct arena_block))
        return NULL;
    struct arena_block *block = malloc(sizeof(*block) + bytes);
    if (!block)
        return NULL;
    block->size_bytes = bytes;
    return block;
}

static size_t next_block_bytes(const struct arena *arena)
{
    size_t bytes = arena->blocks ? arena->blocks->size_bytes * 2 : FIRST_BLOCK_BYTES;
    return bytes < BLOCK_BYTES ? bytes : BLOCK_BYTES;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX - ALIGNMENT)
        return NULL;
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

    if (bytes > arena->left_bytes) {
        // A large piece gets a block of its own behind the current one, which stays in use.
        size_t next = next_block_bytes(arena);
        bool large = bytes > BLOCK_BYTES / 4;
        struct arena_block *block = new_block(large || next < bytes ? bytes : next);
        if (!block)
            return NULL;
        if (large && arena->blocks) {
            block->next = arena->blocks->next;
            arena->blocks->next = block;
            return block->data;
        }
        block->next = arena->blocks;
        arena->blocks = block;
        arena->left_bytes = block->size_bytes;
    }
    struct arena_block *block = arena->blocks;
    uint8_t *start = (uint8_t *)block->data + (block->size_bytes - arena->left_bytes);
    arena->left_bytes -= bytes;
    return start;
}

char *arena_copy(struct arena *arena, const void *text, size_t bytes)
{
    if (bytes == SIZE_MAX)
        return NULL;
    char *copy = arena_alloc(arena, bytes + 1);
    if (!copy)
        return NULL;
    if (bytes > 0)
        memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    return copy;
}

void arena_fini(struct arena *arena)
{
    struct arena_block *block = arena->blocks;
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    *arena = (struct arena){0};
}
