#include "model/network_names.h"

#include <stdio.h>
#include <string.h>

#include "model/container.h"

// {body}{stem}                                        {body}{stem_norm}
// {body}{layer}{N}{block}{N}{conv}{N}{conv_end}       {body}{layer}{N}{block}{N}{norm}{N}{norm_end}
// {body}{layer}{N}{block}{N}{shortcut}                {body}{layer}{N}{block}{N}{shortcut_norm}
struct network_dialect {
    const char *inside; // the body's prefix must end in this; what is before it is the outer one
    const char *stem, *stem_norm;
    const char *layer, *block;
    const char *conv, *conv_end, *norm, *norm_end;
    const char *shortcut, *shortcut_norm;
    uint32_t first_layer, first_conv;
    const char *linear;  // behind the outer prefix
    const char *modules; // behind the outer prefix; NULL: `linear` instead
    const char *advice;
};

#define TORCHVISION_BLOCK                                                                          \
    .block = ".", .conv = ".conv", .conv_end = "", .norm = ".bn", .norm_end = "",                  \
    .shortcut = ".downsample.0", .shortcut_norm = ".downsample.1", .first_conv = 1, .advice = ""

#define TORCHVISION                                                                                \
    .stem = "conv1", .stem_norm = "bn1", .layer = "layer", .first_layer = 1, TORCHVISION_BLOCK

#define HUGGING_FACE                                                                               \
    .stem = "embedder.embedder.convolution", .stem_norm = "embedder.embedder.normalization",       \
    .layer = "encoder.stages.", .block = ".layers.", .conv = ".layer.",                            \
    .conv_end = ".convolution", .norm = ".layer.", .norm_end = ".normalization",                   \
    .shortcut = ".shortcut.convolution", .shortcut_norm = ".shortcut.normalization",               \
    .linear = "classifier.1",                                                                      \
    .advice = "; in transformers, save a ResNetForImageClassification, not a ResNetModel"

// The first that fits is taken, so the longer `inside` comes first.
static const struct network_dialect dialects[] = {
    {.inside = "0.model.", .linear = "fc", .modules = "1.", TORCHVISION}, // fastai over timm
    {.inside = "", .linear = "fc", TORCHVISION},
    {.inside = "0.",
     .stem = "0",
     .stem_norm = "1",
     .layer = "",
     .first_layer = 4,
     .linear = "fc",
     .modules = "1.",
     TORCHVISION_BLOCK}, // fastai over torchvision
    {.inside = "resnet.", HUGGING_FACE},
    {.inside = "", HUGGING_FACE},
};

static void name_conv(const struct network_dialect *d, const char *body, uint32_t layer,
                      uint32_t block, uint32_t conv, struct network_conv_names *out)
{
    layer += d->first_layer;
    conv += d->first_conv;
    snprintf(out->conv, sizeof(out->conv), "%s%s%u%s%u%s%u%s", body, d->layer, layer, d->block,
             block, d->conv, conv, d->conv_end);
    snprintf(out->norm, sizeof(out->norm), "%s%s%u%s%u%s%u%s", body, d->layer, layer, d->block,
             block, d->norm, conv, d->norm_end);
}

void network_names_conv(const struct network_names *names, uint32_t layer, uint32_t block,
                        uint32_t conv, struct network_conv_names *out)
{
    name_conv(names->dialect, names->body, layer, block, conv, out);
}

void network_names_stem(const struct network_names *names, struct network_conv_names *out)
{
    const struct network_dialect *d = names->dialect;
    snprintf(out->conv, sizeof(out->conv), "%s%s", names->body, d->stem);
    snprintf(out->norm, sizeof(out->norm), "%s%s", names->body, d->stem_norm);
}

void network_names_shortcut(const struct network_names *names, uint32_t layer, uint32_t block,
                            struct network_conv_names *out)
{
    const struct network_dialect *d = names->dialect;
    layer += d->first_layer;
    snprintf(out->conv, sizeof(out->conv), "%s%s%u%s%u%s", names->body, d->layer, layer, d->block,
             block, d->shortcut);
    snprintf(out->norm, sizeof(out->norm), "%s%s%u%s%u%s", names->body, d->layer, layer, d->block,
             block, d->shortcut_norm);
}

const char *network_names_advice(const struct network_names *names)
{
    return names->dialect->advice;
}

// ---- which names the file uses

// Whether `name` is PREFIX + `end` with a prefix that is empty or ends in a dot.
static bool has_ending(const char *name, const char *end, size_t *prefix_bytes)
{
    size_t name_bytes = strlen(name), end_bytes = strlen(end);
    if (name_bytes < end_bytes || strcmp(name + name_bytes - end_bytes, end) != 0)
        return false;
    *prefix_bytes = name_bytes - end_bytes;
    return *prefix_bytes <= NETWORK_MAX_PREFIX &&
           (*prefix_bytes == 0 || name[*prefix_bytes - 1] == '.');
}

static bool try_dialect(struct network_names *names, const struct network_dialect *dialect,
                        const char *name)
{
    struct network_conv_names first;
    char weight[NETWORK_MAX_NAME + 8];
    size_t body = 0, outer = 0;
    name_conv(dialect, "", 0, 0, 0, &first);
    snprintf(weight, sizeof(weight), "%s.weight", first.conv);
    if (!has_ending(name, weight, &body))
        return false;
    snprintf(names->body, sizeof(names->body), "%.*s", (int)body, name);
    if (!has_ending(names->body, dialect->inside, &outer))
        return false;
    names->dialect = dialect;
    snprintf(names->outer, sizeof(names->outer), "%.*s", (int)outer, name);
    snprintf(names->linear, sizeof(names->linear), "%s%s", names->outer, dialect->linear);
    if (dialect->modules)
        snprintf(names->modules, sizeof(names->modules), "%s%s", names->outer, dialect->modules);
    return true;
}

// fastai's head as cubby writes it, beside torchvision's names.
static void find_own_head(struct network_names *names, const struct cubby_checkpoint *checkpoint)
{
    char prefix[sizeof(names->modules)];
    snprintf(prefix, sizeof(prefix), "%shead.", names->body);
    for (size_t i = 0; i < checkpoint->tensor_count && !names->modules[0]; ++i) {
        if (strncmp(checkpoint->tensors[i].name, prefix, strlen(prefix)) == 0)
            memcpy(names->modules, prefix, sizeof(prefix));
    }
    names->own = names->modules[0] != '\0';
}

bool network_names_nested_linear(const struct network_names *names,
                                 const struct cubby_checkpoint *checkpoint,
                                 char layer[NETWORK_MAX_NAME])
{
    size_t prefix = strlen(names->linear), found = 0;
    layer[0] = '\0';
    for (size_t i = 0; i < checkpoint->tensor_count; ++i) {
        const char *name = checkpoint->tensors[i].name;
        if (strncmp(name, names->linear, prefix) != 0 || name[prefix] != '.')
            continue;
        size_t digits = strspn(name + prefix + 1, "0123456789");
        const char *part = name + prefix + 1 + digits;
        bool weight = strcmp(part, ".weight") == 0;
        size_t bytes = prefix + 1 + digits;
        if (digits == 0 || digits > 4 || (!weight && strcmp(part, ".bias") != 0) ||
            (layer[0] && (strncmp(layer, name, bytes) != 0 || layer[bytes])))
            return false;
        snprintf(layer, NETWORK_MAX_NAME, "%.*s", (int)bytes, name);
        found += weight;
    }
    return found == 1;
}

bool network_names_find(struct network_names *names, const struct cubby_checkpoint *checkpoint)
{
    *names = (struct network_names){0};
    for (size_t i = 0; i < checkpoint->tensor_count && !names->dialect; ++i) {
        for (size_t k = 0; k < sizeof(dialects) / sizeof(dialects[0]) && !names->dialect; ++k)
            try_dialect(names, &dialects[k], checkpoint->tensors[i].name);
    }
    if (!names->dialect)
        return false;
    if (!names->modules[0])
        find_own_head(names, checkpoint);
    return true;
}

bool network_names_second(const struct network_names *names,
                          const struct cubby_checkpoint *checkpoint, struct network_names *second)
{
    for (size_t i = 0; i < checkpoint->tensor_count; ++i) {
        *second = (struct network_names){0};
        for (size_t k = 0; k < sizeof(dialects) / sizeof(dialects[0]) && !second->dialect; ++k)
            try_dialect(second, &dialects[k], checkpoint->tensors[i].name);
        if (second->dialect && strcmp(second->body, names->body) != 0)
            return true;
    }
    return false;
}

static bool is_one_of(const char *name, const char *const *list)
{
    for (; *list; ++list) {
        if (strcmp(name, *list) == 0)
            return true;
    }
    return false;
}

bool network_names_is_bystander(const struct network_names *names,
                                const struct cubby_tensor *tensor)
{
    // Not pos_weight: it tells of a loss that goes with sigmoid scores.
    static const char *const losses[] = {"criterion.weight", "loss.weight", "loss_fn.weight",
                                         "loss_func.weight", NULL};
    // What a layer has. One that stands beside the network may well take what the network gives.
    static const char *const layer_parts[] = {"weight",       "bias",        "pos_weight",
                                              "running_mean", "running_var", NULL};
    // Only a wrapper keeps other things, and it puts a prefix before the network.
    if (!names->outer[0] || strncmp(tensor->name, names->outer, strlen(names->outer)) == 0)
        return false;
    // A loss with a matrix gives the classes itself, from what the network calls its classes.
    if (is_one_of(tensor->name, losses))
        return tensor->rank <= 1;
    const char *dot = strrchr(tensor->name, '.'), *part = dot ? dot + 1 : tensor->name;
    if (is_one_of(part, layer_parts))
        return false;
    // Counters and sums of metrics; of matrices, those that count.
    return tensor->rank <= 1 || tensor->dtype == CUBBY_I64 || tensor->dtype == CUBBY_OTHER ||
           strcmp(part, "confmat") == 0;
}
