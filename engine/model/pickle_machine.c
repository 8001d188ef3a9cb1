#include "model/pickle_machine.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool machine_fail(struct machine *m, enum cubby_status status, const char *format, ...)
{
    char what[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    if (status != CUBBY_NO_MEMORY)
        cubby_log(m->log, CUBBY_LOG_ERROR, "the pickle in the file cannot be read: %s (byte %zu)",
                  what, (size_t)(m->at - m->begin));
    m->status = status;
    return false;
}

bool machine_bad(struct machine *m, const char *what)
{
    return machine_fail(m, CUBBY_BAD_DATA, "%s", what);
}

// ---- bytes of the program

bool machine_take(struct machine *m, size_t count, const uint8_t **bytes)
{
    if (count > (size_t)(m->end - m->at))
        return machine_bad(m, "it is cut short");
    *bytes = m->at;
    m->at += count;
    return true;
}

bool machine_number(struct machine *m, size_t width, uint64_t *value)
{
    const uint8_t *bytes = NULL;
    if (!machine_take(m, width, &bytes))
        return false;
    *value = 0;
    for (size_t i = 0; i < width; ++i)
        *value |= (uint64_t)bytes[i] << 8 * i;
    return true;
}

// ---- nodes, stack, marks, memo

static bool push_value(struct machine *m, struct machine_array *array, uint32_t value)
{
    if (array->count == array->capacity) {
        uint32_t capacity = array->capacity ? array->capacity * 2 : 256;
        uint32_t *items = realloc(array->items, capacity * sizeof(*items));
        if (!items)
            return machine_fail(m, CUBBY_NO_MEMORY, "out of memory");
        array->items = items;
        array->capacity = capacity;
    }
    array->items[array->count++] = value;
    return true;
}

bool machine_push(struct machine *m, uint32_t node)
{
    if (m->stack.count >= PICKLE_MAX_STACK)
        return machine_fail(m, CUBBY_TOO_LARGE, "its stack exceeds %u entries", PICKLE_MAX_STACK);
    return push_value(m, &m->stack, node);
}

// Counts memory against the limit.
static bool afford(struct machine *m, size_t bytes)
{
    if (bytes > PICKLE_MAX_MEMORY - m->pickle->memory_bytes)
        return machine_fail(m, CUBBY_TOO_LARGE, "it unfolds to more than %zu bytes",
                            PICKLE_MAX_MEMORY);
    m->pickle->memory_bytes += bytes;
    return true;
}

void *machine_alloc(struct machine *m, size_t bytes)
{
    // As the arena rounds them: most lists have one element.
    const size_t grain = _Alignof(max_align_t);
    if (!afford(m, (bytes + grain - 1) / grain * grain))
        return NULL;
    void *memory = arena_alloc(&m->pickle->arena, bytes);
    if (!memory)
        machine_fail(m, CUBBY_NO_MEMORY, "out of memory");
    return memory;
}

struct pickle_node *machine_push_node(struct machine *m, enum pickle_kind kind)
{
    struct pickle *p = m->pickle;
    if (p->node_count >= PICKLE_MAX_NODES) {
        machine_fail(m, CUBBY_TOO_LARGE, "it has more than %u values", PICKLE_MAX_NODES);
        return NULL;
    }
    struct pickle_place place = pickle_place_of(p->node_count);
    struct pickle_node **page = &p->pages[place.page];
    if (!*page)
        *page = calloc(place.end - place.first, sizeof(**page));
    if (!*page) {
        machine_fail(m, CUBBY_NO_MEMORY, "out of memory");
        return NULL;
    }
    // The page itself costs nothing before it is written to.
    if (!afford(m, sizeof(**page)) || !machine_push(m, p->node_count))
        return NULL;
    struct pickle_node *node = &(*page)[p->node_count++ - place.first];
    node->kind = kind;
    return node;
}

struct pickle_node *machine_node(struct machine *m, uint32_t index)
{
    return pickle_node_at(m->pickle, index);
}

// Entries above the topmost mark; nothing below it may be touched.
static uint32_t depth(const struct machine *m)
{
    uint32_t floor = m->marks.count ? m->marks.items[m->marks.count - 1] : 0;
    return m->stack.count - floor;
}

bool machine_need(struct machine *m, uint32_t count)
{
    return depth(m) >= count || machine_bad(m, "an instruction finds too little on the stack");
}

uint32_t machine_pop(struct machine *m)
{
    return m->stack.items[--m->stack.count];
}

uint32_t machine_top(const struct machine *m)
{
    return m->stack.items[m->stack.count - 1];
}

bool machine_push_mark(struct machine *m)
{
    if (m->marks.count >= PICKLE_MAX_STACK)
        return machine_fail(m, CUBBY_TOO_LARGE, "it has more than %u marks", PICKLE_MAX_STACK);
    return push_value(m, &m->marks, m->stack.count);
}

bool machine_pop_mark(struct machine *m, const uint32_t **items, uint32_t *count)
{
    if (m->marks.count == 0)
        return machine_bad(m, "an instruction finds no mark on the stack");
    *count = depth(m);
    m->stack.count -= *count;
    --m->marks.count;
    *items = *count ? m->stack.items + m->stack.count : NULL;
    return true;
}

bool machine_put(struct machine *m, uint64_t index)
{
    if (!machine_need(m, 1))
        return false;
    // Python numbers them from 0 or 1; a table larger than the number of values has no use.
    if (index > m->pickle->node_count)
        return machine_bad(m, "a memo index is out of range");
    while (m->memo.count <= index) {
        if (!push_value(m, &m->memo, PICKLE_ABSENT))
            return false;
    }
    m->memo.items[index] = machine_top(m);
    return true;
}

bool machine_get(struct machine *m, uint64_t index)
{
    if (index >= m->memo.count || m->memo.items[index] == PICKLE_ABSENT)
        return machine_bad(m, "it recalls a value that it never stored");
    return machine_push(m, m->memo.items[index]);
}

bool machine_append(struct machine *m, struct pickle_list *list, const uint32_t *items,
                    uint32_t count)
{
    if (count > PICKLE_MAX_REFERENCES - m->references)
        return machine_fail(m, CUBBY_TOO_LARGE, "its containers have more than %u elements",
                            PICKLE_MAX_REFERENCES);
    m->references += count;
    if (count > list->capacity - list->count) {
        uint32_t capacity = list->count + count;
        if (list->capacity > 0 && capacity < 2 * list->capacity)
            capacity = 2 * list->capacity;
        uint32_t *grown = machine_alloc(m, capacity * sizeof(*grown));
        if (!grown)
            return false;
        if (list->count > 0)
            memcpy(grown, list->items, list->count * sizeof(*grown));
        list->items = grown;
        list->capacity = capacity;
    }
    if (count > 0)
        memcpy(list->items + list->count, items, count * sizeof(*items));
    list->count += count;
    return true;
}
