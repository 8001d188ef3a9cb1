// Questions about the nodes of a pickle.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/pickle_private.h"

void pickle_destroy(struct pickle **pickle)
{
    struct pickle *p = *pickle;
    if (!p)
        return;
    for (size_t i = 0; i < PICKLE_MAX_PAGES && p->pages[i]; ++i)
        free(p->pages[i]);
    arena_fini(&p->arena);
    free(p->steps_left);
    free(p);
    *pickle = NULL;
}

uint32_t pickle_root(const struct pickle *pickle)
{
    return pickle->root;
}

uint32_t pickle_node_count(const struct pickle *pickle)
{
    return pickle->node_count;
}

const struct pickle_node *pickle_node(const struct pickle *pickle, uint32_t index)
{
    static const struct pickle_node none = {.kind = PICKLE_NONE};
    if (index == PICKLE_ABSENT)
        return &none;
    return pickle_node_at(pickle, index);
}

// Pays for a question. False: there is no answer to it.
static bool spend(const struct pickle *pickle, uint64_t steps)
{
    uint64_t *left = pickle->steps_left;
    bool enough = *left > steps;
    *left = enough ? *left - steps : 0;
    return enough;
}

bool pickle_is_spent(const struct pickle *pickle)
{
    return *pickle->steps_left == 0;
}

enum cubby_status pickle_refuse_spent(const struct cubby_log *log)
{
    cubby_log(log, CUBBY_LOG_ERROR,
              "the pickle in the file takes more than %u steps to look through: it is damaged, or "
              "made to keep a reader busy",
              PICKLE_MAX_STEPS);
    return CUBBY_TOO_LARGE;
}

bool pickle_is_text(const struct pickle *pickle, uint32_t index, const char *text)
{
    const struct pickle_node *node = pickle_node(pickle, index);
    return node->kind == PICKLE_STRING && node->text.size_bytes == strlen(text) &&
           memcmp(node->text.data, text, node->text.size_bytes) == 0;
}

bool pickle_is_global(const struct pickle *pickle, uint32_t index, const char *module,
                      const char *name)
{
    const struct pickle_node *node = pickle_node(pickle, index);
    return node->kind == PICKLE_GLOBAL && strcmp(node->global.module, module) == 0 &&
           strcmp(node->global.name, name) == 0;
}

bool pickle_is_call(const struct pickle *pickle, uint32_t index, const char *module,
                    const char *name)
{
    const struct pickle_object *object = pickle_object(pickle, index);
    return object && pickle_is_global(pickle, object->callable, module, name);
}

bool pickle_integer(const struct pickle *pickle, uint32_t index, int64_t *value)
{
    const struct pickle_node *node = pickle_node(pickle, index);
    if (node->kind != PICKLE_INT)
        return false;
    *value = node->integer;
    return true;
}

const struct pickle_object *pickle_object(const struct pickle *pickle, uint32_t index)
{
    const struct pickle_node *node = pickle_node(pickle, index);
    return node->kind == PICKLE_OBJECT ? node->object : NULL;
}

const struct pickle_list *pickle_sequence(const struct pickle *pickle, uint32_t index)
{
    const struct pickle_node *node = pickle_node(pickle, index);
    if (node->kind != PICKLE_TUPLE && node->kind != PICKLE_LIST)
        return NULL;
    // Who asks for a list is going to walk through it.
    return spend(pickle, 1 + node->list.count) ? &node->list : NULL;
}

// Unpaid.
static const struct pickle_list *pairs_of(const struct pickle *pickle, uint32_t index)
{
    const struct pickle_node *node = pickle_node(pickle, index);
    if (node->kind == PICKLE_DICT)
        return &node->list;
    if (node->kind == PICKLE_OBJECT &&
        (node->object->pairs.count > 0 ||
         pickle_is_global(pickle, node->object->callable, "collections", "OrderedDict")))
        return &node->object->pairs;
    return NULL;
}

const struct pickle_list *pickle_pairs(const struct pickle *pickle, uint32_t index)
{
    const struct pickle_list *pairs = pairs_of(pickle, index);
    return pairs && spend(pickle, 1 + pairs->count) ? pairs : NULL;
}

uint32_t pickle_lookup(const struct pickle *pickle, uint32_t index, const char *key)
{
    const struct pickle_list *pairs = pairs_of(pickle, index);
    uint32_t found = PICKLE_ABSENT, i = pairs ? pairs->count : 0;
    uint64_t steps = 1;
    // No further than can be paid for.
    for (; i >= 2 && found == PICKLE_ABSENT && steps < *pickle->steps_left; i -= 2, ++steps) {
        if (pickle_is_text(pickle, pairs->items[i - 2], key))
            found = pairs->items[i - 1];
    }
    return spend(pickle, steps) ? found : PICKLE_ABSENT;
}

uint32_t pickle_attribute(const struct pickle *pickle, uint32_t index, const char *key)
{
    const struct pickle_object *object = pickle_object(pickle, index);
    if (!object)
        return PICKLE_ABSENT;
    // Classes with __slots__ have a pair: the dict, or None, and the slots.
    const struct pickle_node *state = pickle_node(pickle, object->state);
    if (state->kind != PICKLE_TUPLE || state->list.count != 2)
        return pickle_lookup(pickle, object->state, key);
    uint32_t slot = pickle_lookup(pickle, state->list.items[1], key);
    return slot != PICKLE_ABSENT ? slot : pickle_lookup(pickle, state->list.items[0], key);
}

uint32_t pickle_item(const struct pickle *pickle, uint32_t index, uint32_t position)
{
    const struct pickle_node *node = pickle_node(pickle, index);
    bool sequence = node->kind == PICKLE_TUPLE || node->kind == PICKLE_LIST;
    return sequence && position < node->list.count && spend(pickle, 1) ? node->list.items[position]
                                                                       : PICKLE_ABSENT;
}

void pickle_describe(const struct pickle *pickle, uint32_t index, char *text, size_t text_bytes)
{
    static const char *const kinds[] = {
        [PICKLE_NONE] = "None",        [PICKLE_BOOL] = "a bool",
        [PICKLE_INT] = "an int",       [PICKLE_BIGINT] = "an int",
        [PICKLE_FLOAT] = "a float",    [PICKLE_STRING] = "a string",
        [PICKLE_BYTES] = "bytes",      [PICKLE_TUPLE] = "a tuple",
        [PICKLE_LIST] = "a list",      [PICKLE_SET] = "a set",
        [PICKLE_DICT] = "a dict",      [PICKLE_GLOBAL] = "a class or function",
        [PICKLE_OBJECT] = "an object", [PICKLE_PERSISTENT] = "a persistent id",
    };
    const struct pickle_node *node = pickle_node(pickle, index);
    if (node->kind == PICKLE_OBJECT) {
        const struct pickle_node *callable = pickle_node(pickle, node->object->callable);
        if (callable->kind == PICKLE_GLOBAL) {
            snprintf(text, text_bytes, "a %.100s.%.100s", callable->global.module,
                     callable->global.name);
            for (char *c = text; *c; ++c) {
                if (*c < 0x20 || *c > 0x7e)
                    *c = '?';
            }
            return;
        }
    }
    snprintf(text, text_bytes, "%s", kinds[node->kind]);
}
