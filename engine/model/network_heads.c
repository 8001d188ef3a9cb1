// The layers behind the pooled features, found by their names.
#include <stdlib.h>
#include <string.h>

#include "model/recogniser.h"

static int compare_modules(const void *a, const void *b)
{
    const struct head_module *first = a, *second = b;
    return (first->position > second->position) - (first->position < second->position);
}

// The module that this head tensor belongs to; NULL when its name is not N.part, or N is too large.
static struct head_module *head_module(struct recogniser *r, const char *rest, const char **part)
{
    uint32_t position = 0;
    size_t digits = 0;
    for (; rest[digits] >= '0' && rest[digits] <= '9' && digits < 4; ++digits)
        position = position * 10 + (uint32_t)(rest[digits] - '0');
    if (digits == 0 || rest[digits] != '.' || (digits > 1 && rest[0] == '0'))
        return NULL;
    *part = rest + digits + 1;
    for (uint32_t i = 0; i < r->head.count; ++i) {
        if (r->head.modules[i].position == position)
            return &r->head.modules[i];
    }
    if (r->head.count == HEAD_MAX_MODULES)
        return NULL;
    struct head_module *module = &r->head.modules[r->head.count++];
    *module = (struct head_module){.position = position};
    return module;
}

static enum cubby_status take_head_tensor(struct recogniser *r, const struct cubby_tensor *tensor,
                                          const char *rest)
{
    const char *part = "";
    struct head_module *module = head_module(r, rest, &part);
    const struct cubby_tensor **place = NULL;
    if (module && strcmp(part, "num_batches_tracked") == 0) {
        r->used[recogniser_index(r, tensor)] = true;
        return CUBBY_OK;
    }
    if (module && strcmp(part, "weight") == 0)
        place = &module->weight;
    else if (module && strcmp(part, "bias") == 0)
        place = &module->bias;
    else if (module && strcmp(part, "running_mean") == 0)
        place = &module->mean;
    else if (module && strcmp(part, "running_var") == 0)
        place = &module->var;
    if (!place || tensor->rank > 2)
        return recogniser_refuse(
            r, CUBBY_UNSUPPORTED,
            "tensor %.200s does not belong to a head of fastai; cubby knows its standard "
            "heads of batch norms and linear layers, not custom ones",
            tensor->name);
    *place = tensor;
    return recogniser_accept(r, tensor, place == &module->var);
}

// Whether create_head() puts a layer at `position` behind `before` (NULL: behind pooling and
// flattening, which are 0 and 1). A ReLU follows each linear layer but the last, a dropout may
// precede any; neither has tensors, so that their places are all that tells them.
static bool position_fits(const struct head_module *before, const struct head_module *module,
                          bool last)
{
    uint32_t gap = module->position - (before ? before->position : 1);
    bool linear = module->mean == NULL;
    if (before && !before->mean)
        return linear ? gap == 2 || gap == 3 : gap == 2 || (gap == 1 && last);
    if (before)
        return linear && gap <= 2;
    return gap == 1 || (linear && gap == 2);
}

static enum cubby_status check_positions(const struct recogniser *r)
{
    // Where the modules themselves were read, the classes of all of them are known.
    if (r->checkpoint->has_modules || r->names.own)
        return CUBBY_OK;
    for (uint32_t i = 0; i < r->head.count; ++i) {
        const struct head_module *m = &r->head.modules[i];
        if (!position_fits(i ? m - 1 : NULL, m, i + 1 == r->head.count))
            return recogniser_refuse(
                r, CUBBY_UNSUPPORTED,
                "the layer %.200s%u of the head lies where fastai's create_head() has none: the "
                "head is another, and what it computes is not in the file; learn.export() tells it",
                r->names.modules, m->position);
    }
    return CUBBY_OK;
}

static enum cubby_status check_modules(const struct recogniser *r)
{
    for (uint32_t i = 0; i < r->head.count; ++i) {
        const struct head_module *m = &r->head.modules[i];
        bool linear = m->weight && m->weight->rank == 2 && !m->mean && !m->var;
        bool norm = m->weight && m->weight->rank == 1 && m->bias && m->mean && m->var;
        if (!linear && !norm)
            return recogniser_refuse(
                r, CUBBY_UNSUPPORTED,
                "the layer %.200s%u of the head is neither a whole linear layer nor a "
                "whole batch norm; cubby knows fastai's standard heads only",
                r->names.modules, m->position);
    }
    if (r->head.count == 0)
        return recogniser_refuse(
            r, CUBBY_UNSUPPORTED,
            "the file has no head (no tensor %.200sN.weight): it gives features, not "
            "classes",
            r->names.modules);
    return CUBBY_OK;
}

static enum cubby_status take_fastai_head(struct recogniser *r)
{
    size_t prefix = strlen(r->names.modules);
    r->head.fastai = true;
    for (size_t i = 0; i < r->checkpoint->tensor_count; ++i) {
        const struct cubby_tensor *tensor = &r->checkpoint->tensors[i];
        if (strncmp(tensor->name, r->names.modules, prefix) != 0)
            continue;
        enum cubby_status status = take_head_tensor(r, tensor, tensor->name + prefix);
        if (status)
            return status;
    }
    qsort(r->head.modules, r->head.count, sizeof(r->head.modules[0]), compare_modules);
    enum cubby_status status = check_modules(r);
    return status ? status : check_positions(r);
}

// Layers in place of the linear one; NULL: there are none.
static const char *find_others(const struct recogniser *r)
{
    size_t prefix = strlen(r->names.linear);
    for (size_t i = 0; i < r->checkpoint->tensor_count; ++i) {
        const char *name = r->checkpoint->tensors[i].name;
        if (strncmp(name, r->names.linear, prefix) == 0 && name[prefix] == '.')
            return name;
    }
    return NULL;
}

static enum cubby_status refuse_others(const struct recogniser *r, const char *name)
{
    const char *what = "the classes come from more than a linear layer, and what lies between its "
                       "parts is not in the file";
    if (strstr(name, "_orig") || strstr(name, "_mask"))
        what = "the network was pruned; torch.nn.utils.prune.remove() makes its weights plain";
    else if (strstr(name, "_packed_params") || strstr(name, "scale") || strstr(name, "zero_point"))
        what = "the network was quantized; save it before it is";
    return recogniser_refuse(r, CUBBY_UNSUPPORTED,
                             "the file has no tensor %.200s.weight, but %.200s: %s",
                             r->names.linear, name, what);
}

static enum cubby_status take_linear(struct recogniser *r)
{
    struct head_module *fc = &r->head.modules[0];
    char layer[NETWORK_MAX_NAME];
    bool nested = !recogniser_find(r, "%s.weight", r->names.linear) &&
                  network_names_nested_linear(&r->names, r->checkpoint, layer);
    const char *name = nested ? layer : r->names.linear;
    fc->weight = recogniser_find(r, "%s.weight", name);
    fc->bias = recogniser_find(r, "%s.bias", name);
    if (!fc->weight && find_others(r))
        return refuse_others(r, find_others(r));
    if (!fc->weight)
        return recogniser_refuse(
            r, CUBBY_UNSUPPORTED,
            "the file has no tensor %.200s.weight: it is a ResNet without a layer that "
            "gives classes%s",
            r->names.linear, network_names_advice(&r->names));
    r->head.count = 1;
    if (fc->weight->rank != 2) {
        const int64_t shape[] = {fc->weight->rank ? fc->weight->shape[0] : 0,
                                 r->network->stem.out_channels};
        return recogniser_wrong_shape(r, fc->weight, shape, 2);
    }
    enum cubby_status status = recogniser_accept(r, fc->weight, false);
    if (!status && fc->bias)
        status = recogniser_accept(r, fc->bias, false);
    return status;
}

enum cubby_status recogniser_take_head(struct recogniser *r)
{
    const struct network_block *last = &r->network->blocks[r->network->block_count - 1];
    enum cubby_status status = r->names.modules[0] ? take_fastai_head(r) : take_linear(r);
    if (status)
        return status;
    return head_fold(&r->head, last->conv[last->conv_count - 1].out_channels, r->network, r->log);
}
