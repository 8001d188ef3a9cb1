// Where in a pickle the weights of a network are.
#include "model/torch_tensor.h"

#include <stdio.h>
#include <string.h>

#include "model/fastai.h"
#include "model/text.h"

// Dicts in dicts, as training scripts nest them: two at most have been seen.
#define MAX_LEVELS 4
#define KEYS_SHOWN 8u

// Keys under which training scripts keep the weights, best first.
static const char *const wrappers[] = {
    "state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights", "params",
};

// Weights averaged over the training: not what the rest of the file describes.
static const char *const averaged[] = {
    "state_dict_ema", "model_ema", "ema_state_dict", "model_ema_state_dict", "ema_model", "ema",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct search {
    const struct pickle *pickle;
    struct cubby_checkpoint *checkpoint;
    const struct cubby_log *log;
};

static bool is_text(const struct pickle *pickle, uint32_t index)
{
    return pickle_node(pickle, index)->kind == PICKLE_STRING;
}

static bool holds_tensors(const struct pickle *pickle, uint32_t index)
{
    const struct pickle_list *pairs = pickle_pairs(pickle, index);
    for (uint32_t i = 0; pairs && i + 1 < pairs->count; i += 2) {
        if (is_text(pickle, pairs->items[i]) && torch_is_tensor(pickle, pairs->items[i + 1]))
            return true;
    }
    return false;
}

static bool is_weights(const struct pickle *pickle, uint32_t index)
{
    return holds_tensors(pickle, index) || fastai_is_module(pickle, index) ||
           fastai_is_learner(pickle, index);
}

// Whether weights are found at `index`, or below it under the keys that scripts use.
static bool leads_to_weights(const struct pickle *pickle, uint32_t index, int levels)
{
    if (is_weights(pickle, index))
        return true;
    for (size_t i = 0; i < COUNT(wrappers) && levels > 0; ++i) {
        uint32_t value = pickle_lookup(pickle, index, wrappers[i]);
        if (value != PICKLE_ABSENT && leads_to_weights(pickle, value, levels - 1))
            return true;
    }
    return false;
}

static uint32_t find_key(const struct pickle *pickle, uint32_t index, const char *const *keys,
                         size_t count, const char **found)
{
    for (size_t i = 0; i < count; ++i) {
        uint32_t value = pickle_lookup(pickle, index, keys[i]);
        if (value != PICKLE_ABSENT && leads_to_weights(pickle, value, MAX_LEVELS)) {
            *found = keys[i];
            return value;
        }
    }
    return PICKLE_ABSENT;
}

// How many values are weights, whatever their keys say, and the last of them.
static uint32_t count_weights(const struct pickle *pickle, uint32_t index, uint32_t *last)
{
    const struct pickle_list *pairs = pickle_pairs(pickle, index);
    uint32_t count = 0;
    for (uint32_t i = 0; pairs && i + 1 < pairs->count; i += 2) {
        uint32_t value = pairs->items[i + 1];
        if (!is_text(pickle, pairs->items[i]) || !leads_to_weights(pickle, value, MAX_LEVELS))
            continue;
        *last = value;
        ++count;
    }
    return count;
}

// ---- messages

// "'epoch' (an int), 'net_state' (a dict)"
static void print_keys(const struct pickle *pickle, const struct pickle_list *pairs, char *text,
                       size_t text_bytes)
{
    text[0] = '\0';
    for (uint32_t i = 0; i + 1 < pairs->count; i += 2) {
        const struct pickle_node *key = pickle_node(pickle, pairs->items[i]);
        size_t used = strlen(text), bytes = key->text.size_bytes;
        char what[220];
        bool shown =
            key->kind == PICKLE_STRING && bytes <= 60 && text_is_clean(key->text.data, bytes);
        if (i / 2 == KEYS_SHOWN || text_bytes - used < 300) {
            snprintf(text + used, text_bytes - used, " and more");
            return;
        }
        pickle_describe(pickle, pairs->items[i + 1], what, sizeof(what));
        snprintf(text + used, text_bytes - used, "%s'%.*s' (%s)", used ? ", " : "",
                 shown ? (int)bytes : 1, shown ? key->text.data : "?", what);
    }
}

static enum cubby_status refuse(const struct search *search, uint32_t index)
{
    char what[800];
    const struct pickle_list *pairs = pickle_pairs(search->pickle, index);
    if (pairs && pairs->count > 0) {
        uint32_t last = PICKLE_ABSENT;
        print_keys(search->pickle, pairs, what, sizeof(what));
        if (count_weights(search->pickle, index, &last) > 1) {
            cubby_log(search->log, CUBBY_LOG_ERROR,
                      "the file holds the weights of several networks in a dict with %s; choose "
                      "one with --weights-prefix and its key and a dot",
                      what);
            return CUBBY_UNSUPPORTED;
        }
        cubby_log(search->log, CUBBY_LOG_ERROR,
                  "the file holds a dict with %s, but no weights of a network (a state dict)",
                  what);
        return CUBBY_UNSUPPORTED;
    }
    pickle_describe(search->pickle, index, what, sizeof(what));
    cubby_log(search->log, CUBBY_LOG_ERROR,
              "the file holds %s, not the weights of a network (a state dict)",
              pairs ? "an empty dict" : what);
    return CUBBY_UNSUPPORTED;
}

static enum cubby_status note_averaged(const struct search *search, uint32_t index,
                                       const char *chosen)
{
    const char *other = "";
    if (find_key(search->pickle, index, averaged, COUNT(averaged), &other) == PICKLE_ABSENT)
        return CUBBY_OK;
    return checkpoint_add_note(search->checkpoint,
                               "the file also has averaged weights (EMA) under '%s'; those under "
                               "'%s' were read, --weights-prefix %s. reads the others",
                               other, chosen, other);
}

// ---- the way down

// Follows the keys that the wanted prefix begins with, and takes them off it.
static uint32_t follow_prefix(const struct search *search, uint32_t index)
{
    const struct pickle *pickle = search->pickle;
    const char **prefix = &search->checkpoint->prefix;
    for (int level = 0; level < MAX_LEVELS && *prefix && (*prefix)[0]; ++level) {
        const struct pickle_list *pairs = pickle_pairs(pickle, index);
        uint32_t before = index;
        for (uint32_t i = 0; pairs && i + 1 < pairs->count && index == before; i += 2) {
            const struct pickle_node *key = pickle_node(pickle, pairs->items[i]);
            size_t bytes = key->text.size_bytes;
            if (key->kind != PICKLE_STRING || strlen(*prefix) <= bytes || (*prefix)[bytes] != '.' ||
                memcmp(*prefix, key->text.data, bytes) != 0 ||
                !(pickle_pairs(pickle, pairs->items[i + 1]) ||
                  is_weights(pickle, pairs->items[i + 1])))
                continue;
            index = pairs->items[i + 1];
            *prefix += bytes + 1;
        }
        if (index == before)
            break;
    }
    return index;
}

static enum cubby_status find_weights(const struct search *search, uint32_t *index)
{
    const struct pickle *pickle = search->pickle;
    *index = follow_prefix(search, pickle_root(pickle));
    // The bound ends dicts that contain themselves.
    for (int level = 0; level < MAX_LEVELS; ++level) {
        const char *key = "a key of its own";
        uint32_t inner = find_key(pickle, *index, wrappers, COUNT(wrappers), &key);
        if (inner != PICKLE_ABSENT) {
            enum cubby_status status = note_averaged(search, *index, key);
            if (status)
                return status;
        } else if (is_weights(pickle, *index)) {
            return CUBBY_OK;
        } else {
            inner = find_key(pickle, *index, averaged, COUNT(averaged), &key);
        }
        if (inner == PICKLE_ABSENT && count_weights(pickle, *index, &inner) != 1)
            return CUBBY_OK;
        cubby_log(search->log, CUBBY_LOG_DEBUG, "weights are under %s", key);
        *index = follow_prefix(search, inner);
    }
    return CUBBY_OK;
}

// ---- tensors

static enum cubby_status add_tensor(struct cubby_checkpoint *checkpoint,
                                    const struct pickle *pickle, const struct pickle_node *key,
                                    uint32_t value, const struct torch_storages *storages,
                                    const struct cubby_log *log)
{
    char name[256];
    size_t bytes = key->text.size_bytes < 200 ? key->text.size_bytes : 200;
    bool clean = text_is_clean(key->text.data, key->text.size_bytes);
    snprintf(name, sizeof(name), "%.*s", clean ? (int)bytes : 1, clean ? key->text.data : "?");
    struct cubby_tensor tensor = {0};
    enum cubby_status status = torch_tensor_read(pickle, value, name, storages, &tensor, log);
    if (status)
        return status;
    return checkpoint_add_tensor(checkpoint, &tensor, key->text.data, key->text.size_bytes, log);
}

static enum cubby_status read_root(struct cubby_checkpoint *checkpoint, const struct pickle *pickle,
                                   const struct torch_storages *storages,
                                   const struct cubby_log *log)
{
    const struct search search = {pickle, checkpoint, log};
    uint32_t node = PICKLE_ABSENT;
    enum cubby_status status = find_weights(&search, &node);
    if (status)
        return status;
    const struct fastai fastai = {checkpoint, pickle, storages, log};
    if (fastai_is_learner(pickle, node))
        return fastai_read_learner(&fastai, node);
    if (fastai_is_module(pickle, node))
        return fastai_read_modules(&fastai, node);
    const struct pickle_list *pairs = pickle_pairs(pickle, node);
    if (!pairs)
        return refuse(&search, node);

    size_t others = 0;
    for (uint32_t i = 0; i + 1 < pairs->count; i += 2) {
        const struct pickle_node *key = pickle_node(pickle, pairs->items[i]);
        if (key->kind != PICKLE_STRING || !torch_is_tensor(pickle, pairs->items[i + 1])) {
            ++others;
            continue;
        }
        status = add_tensor(checkpoint, pickle, key, pairs->items[i + 1], storages, log);
        if (status)
            return status;
    }
    if (checkpoint->tensor_count == 0)
        return refuse(&search, node);
    if (others > 0)
        cubby_log(log, CUBBY_LOG_DEBUG, "%zu entries of the state dict are not tensors", others);
    return CUBBY_OK;
}

// ---- what is found in a pickle that was asked too much is not told

struct gate {
    const struct pickle *pickle;
    const struct cubby_log *log;
};

static void write_unless_spent(void *user, enum cubby_log_level level, const char *message)
{
    const struct gate *gate = user;
    if (!pickle_is_spent(gate->pickle))
        cubby_log(gate->log, level, "%s", message);
}

enum cubby_status torch_state_dict_read(struct cubby_checkpoint *checkpoint,
                                        const struct pickle *pickle,
                                        const struct torch_storages *storages,
                                        const struct cubby_log *log)
{
    struct gate gate = {pickle, log};
    const struct cubby_log gated = {write_unless_spent, &gate};
    enum cubby_status status = read_root(checkpoint, pickle, storages, &gated);
    return pickle_is_spent(pickle) ? pickle_refuse_spent(log) : status;
}
