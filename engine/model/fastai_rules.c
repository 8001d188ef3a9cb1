#include "model/fastai_rules.h"

#include <math.h>
#include <string.h>

#include "model/fastai.h"
#include "model/network.h"

static const char *const known_modules[] = {
    "torch.nn.modules.container.Sequential",
    "torch.nn.modules.conv.Conv2d",
    "torch.nn.modules.batchnorm.BatchNorm1d",
    "torch.nn.modules.batchnorm.BatchNorm2d",
    "torch.nn.modules.activation.ReLU",
    "torch.nn.modules.pooling.MaxPool2d",
    "torch.nn.modules.pooling.AdaptiveAvgPool2d",
    "torch.nn.modules.pooling.AdaptiveMaxPool2d",
    "torch.nn.modules.dropout.Dropout",
    "torch.nn.modules.linear.Linear",
    "torch.nn.modules.linear.Identity",
    "torch.nn.modules.flatten.Flatten",
    "torch.nn.parallel.data_parallel.DataParallel",
    "torch.nn.parallel.distributed.DistributedDataParallel",
    "torchvision.models.resnet.ResNet",
    "torchvision.models.resnet.BasicBlock",
    "torchvision.models.resnet.Bottleneck",
    "timm.models.resnet.ResNet",
    "timm.models.resnet.BasicBlock",
    "timm.models.resnet.Bottleneck",
    "timm.layers.adaptive_avgmax_pool.SelectAdaptivePool2d",
    "timm.layers.adaptive_avgmax_pool.FastAdaptiveAvgPool2d",
    "timm.layers.adaptive_avgmax_pool.FastAdaptiveAvgPool",
    "timm.layers.drop.DropPath",
    "timm.models.layers.adaptive_avgmax_pool.SelectAdaptivePool2d",
    "timm.models.layers.adaptive_avgmax_pool.FastAdaptiveAvgPool2d",
    "timm.models.layers.drop.DropPath",
    "fastai.layers.AdaptiveConcatPool2d",
    "fastai.layers.Flatten",
    "fastai.layers.LinBnDrop",
    "fastai.layers.Identity",
    "fastai.vision.learner.TimmBody",
};

#define AVERAGE "AdaptiveAvgPool2d|FastAdaptiveAvgPool2d|FastAdaptiveAvgPool"

static const struct rule {
    enum fastai_role parent;
    const char *name; // '?' is a digit, "#" a number
    const char *classes;
    enum fastai_role role;
} rules[] = {
    {ROLE_RESNET, "conv1", "Conv2d", ROLE_LEAF},
    {ROLE_RESNET, "bn1", "BatchNorm2d", ROLE_LEAF},
    {ROLE_RESNET, "relu", "ReLU", ROLE_LEAF},
    {ROLE_RESNET, "act1", "ReLU", ROLE_LEAF}, // timm
    {ROLE_RESNET, "maxpool", "MaxPool2d", ROLE_LEAF},
    {ROLE_RESNET, "layer?", "Sequential", ROLE_LAYER},
    {ROLE_RESNET, "avgpool", "AdaptiveAvgPool2d", ROLE_LEAF},
    {ROLE_RESNET, "global_pool", "SelectAdaptivePool2d", ROLE_POOL}, // timm
    {ROLE_RESNET, "fc", "Linear|Identity", ROLE_LEAF},
    {ROLE_RESNET, "fc", "Sequential", ROLE_CLASSIFIER},

    {ROLE_LAYER, "#", "BasicBlock|Bottleneck", ROLE_BLOCK},

    {ROLE_BLOCK, "conv?", "Conv2d", ROLE_LEAF},
    {ROLE_BLOCK, "bn?", "BatchNorm2d", ROLE_LEAF},
    {ROLE_BLOCK, "relu", "ReLU", ROLE_LEAF},
    {ROLE_BLOCK, "act?", "ReLU", ROLE_LEAF},
    {ROLE_BLOCK, "downsample", "Sequential", ROLE_SHORTCUT},
    // timm has these for its relatives; what drops something does so in training only.
    {ROLE_BLOCK, "drop_block", "Identity", ROLE_LEAF},
    {ROLE_BLOCK, "drop_path", "Identity|DropPath", ROLE_LEAF},
    {ROLE_BLOCK, "aa", "Identity", ROLE_LEAF},
    {ROLE_BLOCK, "se", "Identity", ROLE_LEAF},

    {ROLE_SHORTCUT, "0", "Conv2d", ROLE_LEAF},
    {ROLE_SHORTCUT, "1", "BatchNorm2d", ROLE_LEAF},

    {ROLE_CLASSIFIER, "#", "Linear|Dropout|Identity", ROLE_LEAF},

    // The average, or nothing in the body of a fastai model.
    {ROLE_POOL, "pool", AVERAGE "|Identity", ROLE_LEAF},
    {ROLE_POOL, "flatten", "Flatten|Identity", ROLE_LEAF},

    {ROLE_PAIR, "0", "Sequential", ROLE_BODY},
    {ROLE_PAIR, "0", "TimmBody", ROLE_TIMM_BODY},
    {ROLE_PAIR, "1", "Sequential", ROLE_HEAD},

    {ROLE_BODY, "0", "Conv2d", ROLE_LEAF},
    {ROLE_BODY, "1", "BatchNorm2d", ROLE_LEAF},
    {ROLE_BODY, "2", "ReLU", ROLE_LEAF},
    {ROLE_BODY, "3", "MaxPool2d", ROLE_LEAF},
    {ROLE_BODY, "4", "Sequential", ROLE_LAYER},
    {ROLE_BODY, "5", "Sequential", ROLE_LAYER},
    {ROLE_BODY, "6", "Sequential", ROLE_LAYER},
    {ROLE_BODY, "7", "Sequential", ROLE_LAYER},

    {ROLE_TIMM_BODY, "model", "ResNet", ROLE_RESNET},

    {ROLE_HEAD, "#", "AdaptiveConcatPool2d", ROLE_CONCAT}, // named again for the message
    {ROLE_HEAD, "#",
     "Linear|BatchNorm1d|ReLU|Dropout|Flatten|Identity|AdaptiveAvgPool2d|AdaptiveConcatPool2d",
     ROLE_LEAF},

    {ROLE_CONCAT, "ap", "AdaptiveAvgPool2d", ROLE_LEAF},
    {ROLE_CONCAT, "mp", "AdaptiveMaxPool2d", ROLE_LEAF},
};

#define RULE_COUNT (sizeof(rules) / sizeof(rules[0]))

// ---- where the network begins

static bool is_class(const struct pickle *pickle, uint32_t module, const char *class)
{
    return strcmp(fastai_class(pickle, module), class) == 0;
}

// How many children there are, Nones aside, and the last of them.
static uint32_t count_children(const struct pickle *pickle, uint32_t module, uint32_t *last)
{
    const struct pickle_list *pairs =
        pickle_pairs(pickle, pickle_attribute(pickle, module, "_modules"));
    uint32_t count = 0;
    for (uint32_t i = 0; pairs && i + 1 < pairs->count; i += 2) {
        if (pickle_node(pickle, pairs->items[i + 1])->kind == PICKLE_NONE)
            continue;
        *last = pairs->items[i + 1];
        ++count;
    }
    return count;
}

static bool is_pair(const struct pickle *pickle, uint32_t module, uint32_t children)
{
    uint32_t modules = pickle_attribute(pickle, module, "_modules");
    uint32_t body = pickle_lookup(pickle, modules, "0"), head = pickle_lookup(pickle, modules, "1");
    return children == 2 && is_class(pickle, head, "Sequential") &&
           (is_class(pickle, body, "Sequential") || is_class(pickle, body, "TimmBody"));
}

enum fastai_role fastai_rules_begin(const struct pickle *pickle, uint32_t root, uint32_t *network)
{
    *network = root;
    for (int level = 0; level < 8; ++level) {
        uint32_t inner = PICKLE_ABSENT;
        if (is_class(pickle, *network, "ResNet"))
            return ROLE_RESNET;
        bool sequential = is_class(pickle, *network, "Sequential");
        if (!sequential && !is_class(pickle, *network, "DataParallel") &&
            !is_class(pickle, *network, "DistributedDataParallel"))
            break;
        uint32_t children = count_children(pickle, *network, &inner);
        if (sequential && is_pair(pickle, *network, children))
            return ROLE_PAIR;
        if (children != 1)
            break;
        *network = inner;
    }
    *network = PICKLE_ABSENT;
    return ROLE_FOREIGN;
}

// ---- children

static bool is_number(const char *name)
{
    size_t digits = strspn(name, "0123456789");
    return digits > 0 && name[digits] == '\0';
}

static bool name_fits(const char *pattern, const char *name)
{
    if (strcmp(pattern, "#") == 0)
        return is_number(name);
    for (; *pattern && *name; ++pattern, ++name) {
        if (*pattern == '?' ? *name < '0' || *name > '9' : *pattern != *name)
            return false;
    }
    return *pattern == *name;
}

static bool class_fits(const char *classes, const char *class)
{
    size_t bytes = strlen(class);
    for (const char *at = classes; at; at = strchr(at, '|')) {
        at += *at == '|';
        if (strncmp(at, class, bytes) == 0 && (at[bytes] == '|' || at[bytes] == '\0'))
            return bytes > 0;
    }
    return false;
}

bool fastai_rules_child(const struct pickle *pickle, enum fastai_role parent, const char *name,
                        uint32_t child, enum fastai_role *role, const char **classes)
{
    const char *class = fastai_class(pickle, child);
    *classes = "";
    for (size_t i = 0; i < RULE_COUNT; ++i) {
        if (rules[i].parent != parent || !name_fits(rules[i].name, name))
            continue;
        *role = rules[i].role;
        *classes = rules[i].classes;
        if (class_fits(rules[i].classes, class))
            return true;
    }
    return false;
}

bool fastai_rules_know(const struct pickle *pickle, uint32_t module)
{
    const struct pickle_object *object = pickle_object(pickle, module);
    const struct pickle_node *class =
        pickle_node(pickle, object ? object->callable : PICKLE_ABSENT);
    if (class->kind != PICKLE_GLOBAL)
        return false;
    size_t module_bytes = strlen(class->global.module);
    for (size_t i = 0; i < sizeof(known_modules) / sizeof(known_modules[0]); ++i) {
        const char *known = known_modules[i];
        if (strncmp(known, class->global.module, module_bytes) == 0 && known[module_bytes] == '.' &&
            strcmp(known + module_bytes + 1, class->global.name) == 0)
            return true;
    }
    return false;
}

// ---- attributes

// A number, or a pair of the same.
static bool read_square(const struct pickle *pickle, uint32_t index, int64_t *value)
{
    int64_t second = 0;
    if (pickle_integer(pickle, index, value))
        return true;
    return pickle_integer(pickle, pickle_item(pickle, index, 0), value) &&
           pickle_integer(pickle, pickle_item(pickle, index, 1), &second) && second == *value;
}

// Whether an attribute of a layer is this number, or a pair of it.
static bool is_square(const struct pickle *pickle, uint32_t module, const char *attribute,
                      int64_t wanted)
{
    int64_t value = 0;
    return read_square(pickle, pickle_attribute(pickle, module, attribute), &value) &&
           value == wanted;
}

static bool is_eps(const struct pickle *pickle, uint32_t module)
{
    const struct pickle_node *eps = pickle_node(pickle, pickle_attribute(pickle, module, "eps"));
    return eps->kind == PICKLE_FLOAT && fabs(eps->real - NETWORK_BN_EPSILON) < 1e-9;
}

static bool is_true(const struct pickle *pickle, uint32_t module, const char *attribute)
{
    const struct pickle_node *node =
        pickle_node(pickle, pickle_attribute(pickle, module, attribute));
    return node->kind == PICKLE_BOOL && node->boolean;
}

static const char *object_to_conv(const struct pickle *pickle, uint32_t module)
{
    uint32_t mode = pickle_attribute(pickle, module, "padding_mode");
    int64_t stride = 0, pad = 0;
    if (!is_square(pickle, module, "dilation", 1))
        return "with dilation";
    if (!is_square(pickle, module, "groups", 1))
        return "with groups";
    if (mode != PICKLE_ABSENT && !pickle_is_text(pickle, mode, "zeros"))
        return "with a padding that is not zeros";
    if (!read_square(pickle, pickle_attribute(pickle, module, "stride"), &stride) || stride < 1 ||
        stride > UINT32_MAX)
        return "that does not step by the same number of pixels both ways";
    if (!read_square(pickle, pickle_attribute(pickle, module, "padding"), &pad) || pad < 0 ||
        pad > UINT32_MAX)
        return "whose padding is not the same number of pixels both ways";
    return NULL;
}

static const char *object_to_pool(const struct pickle *pickle, uint32_t module)
{
    bool usual = is_square(pickle, module, "kernel_size", 3) &&
                 is_square(pickle, module, "stride", 2) &&
                 is_square(pickle, module, "padding", 1) &&
                 is_square(pickle, module, "dilation", 1) && !is_true(pickle, module, "ceil_mode");
    return usual ? NULL : "that is not the usual one (kernel 3, stride 2, padding 1)";
}

const char *fastai_rules_objection(const struct pickle *pickle, uint32_t module)
{
    const char *class = fastai_class(pickle, module);
    if (strncmp(class, "BatchNorm", 9) == 0)
        return is_eps(pickle, module) ? NULL : "with another eps than 1e-5";
    if (strcmp(class, "Conv2d") == 0)
        return object_to_conv(pickle, module);
    if (strcmp(class, "MaxPool2d") == 0)
        return object_to_pool(pickle, module);
    if (strcmp(class, "AdaptiveAvgPool2d") == 0 || strcmp(class, "AdaptiveMaxPool2d") == 0)
        return is_square(pickle, module, "output_size", 1) ? NULL : "that leaves several pixels";
    if (strcmp(class, "SelectAdaptivePool2d") == 0) {
        uint32_t type = pickle_attribute(pickle, module, "pool_type");
        bool average = type == PICKLE_ABSENT || pickle_is_text(pickle, type, "avg") ||
                       pickle_is_text(pickle, type, "fast") || pickle_is_text(pickle, type, "");
        return average ? NULL : "that does not average";
    }
    if (strcmp(class, "TimmBody") == 0) {
        const struct pickle_node *pools =
            pickle_node(pickle, pickle_attribute(pickle, module, "needs_pool"));
        return pools->kind != PICKLE_BOOL || pools->boolean ? NULL : "that pools by itself";
    }
    return NULL;
}

void fastai_rules_conv(const struct pickle *pickle, uint32_t module, uint32_t *stride,
                       uint32_t *pad)
{
    int64_t value = 0;
    read_square(pickle, pickle_attribute(pickle, module, "stride"), &value);
    *stride = (uint32_t)value;
    read_square(pickle, pickle_attribute(pickle, module, "padding"), &value);
    *pad = (uint32_t)value;
}
