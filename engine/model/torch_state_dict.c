#include "model/torch_tensor.h"

#include <stdio.h>
#include <string.h>

#include "model/fastai.h"
#include "model/text.h"

// Keys under which training scripts keep the weights, best first. Averaged weights (EMA) come last:
// they are what `*_ema` says, not what the rest of the file describes.
static const char *const wrappers[] = {
    "state_dict", "model_state_dict", "model_state", "model",          "net",
    "network",    "weights",          "params",      "state_dict_ema", "model_ema",
};

static bool has_text_keys(const struct pickle *pickle, uint32_t index)
{
    const struct pickle_list *pairs = pickle_pairs(pickle, index);
    return pairs && pairs->count > 0 && pickle_node(pickle, pairs->items[0])->kind == PICKLE_STRING;
}

static enum cubby_status refuse(const struct pickle *pickle, uint32_t index,
                                const struct cubby_log *log)
{
    char what[256];
    pickle_describe(pickle, index, what, sizeof(what));
    cubby_log(log, CUBBY_LOG_ERROR,
              "the file holds %s, not the weights of a network (a state dict)", what);
    return CUBBY_UNSUPPORTED;
}

// Goes down through wrappers. The bound ends dicts that contain themselves.
static uint32_t find_state_dict(const struct pickle *pickle, const struct cubby_log *log)
{
    uint32_t node = pickle_root(pickle);
    for (int level = 0; level < 8; ++level) {
        uint32_t inner = PICKLE_ABSENT;
        const size_t count = sizeof(wrappers) / sizeof(wrappers[0]);
        for (size_t i = 0; i < count && inner == PICKLE_ABSENT; ++i) {
            uint32_t value = pickle_lookup(pickle, node, wrappers[i]);
            if (has_text_keys(pickle, value) || fastai_is_module(pickle, value)) {
                cubby_log(log, CUBBY_LOG_DEBUG, "weights are under '%s'", wrappers[i]);
                inner = value;
            }
        }
        if (inner == PICKLE_ABSENT)
            break;
        node = inner;
    }
    return node;
}

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
    uint32_t node = find_state_dict(pickle, log);
    const struct fastai fastai = {checkpoint, pickle, storages, log};
    if (fastai_is_learner(pickle, node))
        return fastai_read_learner(&fastai, node);
    if (fastai_is_module(pickle, node))
        return fastai_read_modules(&fastai, node);
    const struct pickle_list *pairs = pickle_pairs(pickle, node);
    if (!pairs)
        return refuse(pickle, node, log);

    size_t others = 0;
    for (uint32_t i = 0; i + 1 < pairs->count; i += 2) {
        const struct pickle_node *key = pickle_node(pickle, pairs->items[i]);
        if (key->kind != PICKLE_STRING || !torch_is_tensor(pickle, pairs->items[i + 1])) {
            ++others;
            continue;
        }
        enum cubby_status status =
            add_tensor(checkpoint, pickle, key, pairs->items[i + 1], storages, log);
        if (status)
            return status;
    }
    if (checkpoint->tensor_count == 0)
        return refuse(pickle, node, log);
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
