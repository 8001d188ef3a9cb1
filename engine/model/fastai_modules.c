// A tree of pickled nn.Modules as a state dict.
//
// The tensors alone do not tell what a network computes: SigmoidRange or another activation leave
// no trace in them. So every module's class must be one that cubby knows, and the layers of a
// fastai head must come in the order that head.c assumes.
#include "model/fastai.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/network.h"
#include "model/text.h"

// A ResNet in fastai in DataParallel is seven levels deep; ResNet-152 has 600 modules.
#define MAX_DEPTH 32u
#define MAX_MODULES 20000u

struct frame {
    uint32_t module, modules; // its node, and that of its _modules
    uint32_t next;            // position in the pairs of the latter
    size_t prefix_bytes;
};

enum head_step { HEAD_START, HEAD_LINEAR, HEAD_LINEAR_NORM, HEAD_RELU };

struct walk {
    const struct fastai *fastai;
    char prefix[CHECKPOINT_MAX_NAME_BYTES + 1]; // "0.4.0."
    size_t prefix_bytes;
    struct frame frames[MAX_DEPTH];
    uint32_t depth, modules;
    uint32_t head;            // the module that is the head, or PICKLE_ABSENT
    uint32_t head_depth;      // frames below it; 0: not inside
    enum head_step head_step; // what was last seen in it
};

static const char *const known_modules[] = {
    "torch.nn.modules.container.Sequential",
    "torch.nn.modules.conv.Conv2d",
    "torch.nn.modules.batchnorm.BatchNorm1d",
    "torch.nn.modules.batchnorm.BatchNorm2d",
    "torch.nn.modules.activation.ReLU",
    "torch.nn.modules.pooling.MaxPool2d",
    "torch.nn.modules.pooling.AdaptiveAvgPool2d",
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
    "timm.models.layers.adaptive_avgmax_pool.SelectAdaptivePool2d",
    "timm.models.layers.adaptive_avgmax_pool.FastAdaptiveAvgPool2d",
    "fastai.layers.AdaptiveConcatPool2d",
    "fastai.layers.Flatten",
    "fastai.layers.LinBnDrop",
    "fastai.layers.Identity",
    "fastai.vision.learner.TimmBody",
};

bool fastai_is_module(const struct pickle *pickle, uint32_t index)
{
    return pickle_attribute(pickle, index, "_modules") != PICKLE_ABSENT &&
           pickle_attribute(pickle, index, "_parameters") != PICKLE_ABSENT;
}

const char *fastai_class(const struct pickle *pickle, uint32_t index)
{
    const struct pickle_object *object = pickle_object(pickle, index);
    const struct pickle_node *class =
        pickle_node(pickle, object ? object->callable : PICKLE_ABSENT);
    return class->kind == PICKLE_GLOBAL ? class->global.name : "";
}

static enum cubby_status refuse_module(const struct walk *walk, uint32_t module, const char *why)
{
    char what[256];
    pickle_describe(walk->fastai->pickle, module, what, sizeof(what));
    int bytes = walk->prefix_bytes > 0 ? (int)walk->prefix_bytes - 1 : 0; // without the dot
    cubby_log(walk->fastai->log, CUBBY_LOG_ERROR,
              "the model has %s%s%.*s%s; cubby computes the ResNets of torchvision and timm with "
              "their own or fastai's standard heads",
              what, bytes ? " at " : "", bytes > 200 ? 200 : bytes, walk->prefix, why);
    return CUBBY_UNSUPPORTED;
}

static bool is_known(const struct walk *walk, uint32_t module)
{
    const struct pickle *pickle = walk->fastai->pickle;
    const struct pickle_object *object = pickle_object(pickle, module);
    const struct pickle_node *class =
        pickle_node(pickle, object ? object->callable : PICKLE_ABSENT);
    if (class->kind != PICKLE_GLOBAL)
        return false;
    // Only as a part of concat pooling: by itself it would be another pooling.
    if (walk->depth > 0 && strcmp(class->global.name, "AdaptiveMaxPool2d") == 0)
        return strcmp(fastai_class(pickle, walk->frames[walk->depth - 1].module),
                      "AdaptiveConcatPool2d") == 0;
    size_t module_bytes = strlen(class->global.module);
    for (size_t i = 0; i < sizeof(known_modules) / sizeof(known_modules[0]); ++i) {
        const char *known = known_modules[i];
        if (strncmp(known, class->global.module, module_bytes) == 0 && known[module_bytes] == '.' &&
            strcmp(known + module_bytes + 1, class->global.name) == 0)
            return true;
    }
    return false;
}

static bool is_pair_of_ones(const struct pickle *pickle, uint32_t index)
{
    int64_t first = 1, second = 1;
    if (index == PICKLE_ABSENT)
        return true;
    if (pickle_integer(pickle, index, &first))
        return first == 1;
    return pickle_integer(pickle, pickle_item(pickle, index, 0), &first) && first == 1 &&
           pickle_integer(pickle, pickle_item(pickle, index, 1), &second) && second == 1;
}

// What a layer's attributes may say that its tensors do not.
static enum cubby_status check_layer(struct walk *walk, uint32_t module)
{
    const struct pickle *pickle = walk->fastai->pickle;
    const char *class = fastai_class(pickle, module);
    if (strncmp(class, "BatchNorm", 9) == 0) {
        const struct pickle_node *eps =
            pickle_node(pickle, pickle_attribute(pickle, module, "eps"));
        if (eps->kind == PICKLE_FLOAT && !(fabs(eps->real - NETWORK_BN_EPSILON) < 1e-9))
            return refuse_module(walk, module, " with another eps than 1e-5");
    } else if (strcmp(class, "Conv2d") == 0) {
        uint32_t mode = pickle_attribute(pickle, module, "padding_mode");
        if (!is_pair_of_ones(pickle, pickle_attribute(pickle, module, "dilation")))
            return refuse_module(walk, module, " with dilation");
        if (mode != PICKLE_ABSENT && !pickle_is_text(pickle, mode, "zeros"))
            return refuse_module(walk, module, " with a padding that is not zeros");
    } else if (strcmp(class, "SelectAdaptivePool2d") == 0) {
        uint32_t type = pickle_attribute(pickle, module, "pool_type");
        if (type != PICKLE_ABSENT && !pickle_is_text(pickle, type, "avg") &&
            !pickle_is_text(pickle, type, "fast") && !pickle_is_text(pickle, type, ""))
            return refuse_module(walk, module, " that does not average");
    }
    return CUBBY_OK;
}

// Batch norms and linear layers with a ReLU right behind each linear layer but the last.
static enum cubby_status check_head_order(struct walk *walk, uint32_t module)
{
    const char *class = fastai_class(walk->fastai->pickle, module);
    bool open = walk->head_step == HEAD_LINEAR || walk->head_step == HEAD_LINEAR_NORM;
    if (strcmp(class, "Linear") == 0) {
        if (open)
            return refuse_module(walk, module, " without a ReLU between it and the one before");
        walk->head_step = HEAD_LINEAR;
    } else if (strcmp(class, "ReLU") == 0) {
        if (walk->head_step != HEAD_LINEAR)
            return refuse_module(walk, module, " that is not right behind a linear layer");
        walk->head_step = HEAD_RELU;
    } else if (strcmp(class, "BatchNorm1d") == 0 && walk->head_step == HEAD_LINEAR) {
        walk->head_step = HEAD_LINEAR_NORM;
    }
    return CUBBY_OK;
}

static bool push_name(struct walk *walk, const struct pickle_node *key, const char *end)
{
    if (key->kind != PICKLE_STRING ||
        key->text.size_bytes + 2 > sizeof(walk->prefix) - walk->prefix_bytes ||
        !text_is_clean(key->text.data, key->text.size_bytes))
        return false;
    memcpy(walk->prefix + walk->prefix_bytes, key->text.data, key->text.size_bytes);
    size_t bytes = walk->prefix_bytes + key->text.size_bytes;
    strcpy(walk->prefix + bytes, end);
    walk->prefix_bytes = bytes + strlen(end);
    return true;
}

static void pop_name(struct walk *walk, size_t prefix_bytes)
{
    walk->prefix_bytes = prefix_bytes;
    walk->prefix[prefix_bytes] = '\0';
}

static enum cubby_status damaged(const struct walk *walk)
{
    cubby_log(walk->fastai->log, CUBBY_LOG_ERROR,
              "the modules of the model do not form a tree of named layers: the file is damaged");
    return CUBBY_BAD_DATA;
}

// _parameters or _buffers.
static enum cubby_status add_tensors(struct walk *walk, uint32_t dict)
{
    const struct fastai *f = walk->fastai;
    const struct pickle_list *pairs = pickle_pairs(f->pickle, dict);
    enum cubby_status status = CUBBY_OK;
    for (uint32_t i = 0; pairs && i + 1 < pairs->count && !status; i += 2) {
        uint32_t value = pairs->items[i + 1];
        size_t before = walk->prefix_bytes;
        if (pickle_node(f->pickle, value)->kind == PICKLE_NONE)
            continue; // such as the bias of a layer without one
        if (!push_name(walk, pickle_node(f->pickle, pairs->items[i]), ""))
            return damaged(walk);
        struct cubby_tensor tensor = {0};
        if (torch_is_tensor(f->pickle, value))
            status =
                torch_tensor_read(f->pickle, value, walk->prefix, f->storages, &tensor, f->log);
        else
            status = damaged(walk);
        if (!status)
            status = checkpoint_add_tensor(f->checkpoint, &tensor, walk->prefix, walk->prefix_bytes,
                                           f->log);
        pop_name(walk, before);
    }
    return status;
}

static enum cubby_status enter(struct walk *walk, uint32_t module, size_t prefix_bytes)
{
    const struct pickle *pickle = walk->fastai->pickle;
    if (!fastai_is_module(pickle, module) || walk->depth == MAX_DEPTH ||
        ++walk->modules > MAX_MODULES)
        return damaged(walk);
    if (!is_known(walk, module))
        return refuse_module(walk, module, "");
    enum cubby_status status = check_layer(walk, module);
    if (!status && walk->head_depth > 0)
        status = check_head_order(walk, module);
    if (!status)
        status = add_tensors(walk, pickle_attribute(pickle, module, "_parameters"));
    if (!status)
        status = add_tensors(walk, pickle_attribute(pickle, module, "_buffers"));
    if (status)
        return status;
    walk->frames[walk->depth++] =
        (struct frame){.module = module,
                       .modules = pickle_attribute(pickle, module, "_modules"),
                       .prefix_bytes = prefix_bytes};
    if (module == walk->head && walk->head_depth == 0)
        walk->head_depth = walk->depth;
    return CUBBY_OK;
}

// The next module below the innermost frame, or leaves that frame.
static enum cubby_status step(struct walk *walk)
{
    const struct pickle *pickle = walk->fastai->pickle;
    struct frame *frame = &walk->frames[walk->depth - 1];
    const struct pickle_list *pairs = pickle_pairs(pickle, frame->modules);
    if (!pairs || frame->next + 1 >= pairs->count) {
        pop_name(walk, frame->prefix_bytes);
        if (walk->depth-- == walk->head_depth) {
            walk->head_depth = 0;
            walk->head = PICKLE_ABSENT;
        }
        return CUBBY_OK;
    }
    uint32_t key = pairs->items[frame->next], module = pairs->items[frame->next + 1];
    frame->next += 2;
    if (pickle_node(pickle, module)->kind == PICKLE_NONE)
        return CUBBY_OK;
    size_t before = walk->prefix_bytes;
    if (!push_name(walk, pickle_node(pickle, key), "."))
        return damaged(walk);
    return enter(walk, module, before);
}

// The second of the two parts that fastai makes a model of: Sequential(body, head).
static uint32_t find_head(const struct pickle *pickle, uint32_t module)
{
    for (int level = 0; level < 4; ++level) { // out of DataParallel
        uint32_t modules = pickle_attribute(pickle, module, "_modules");
        uint32_t inner = pickle_lookup(pickle, modules, "module");
        if (inner == PICKLE_ABSENT)
            return pickle_lookup(pickle, modules, "1");
        module = inner;
    }
    return PICKLE_ABSENT;
}

enum cubby_status fastai_read_modules(const struct fastai *fastai, uint32_t module)
{
    struct walk walk = {.fastai = fastai};
    uint32_t head = find_head(fastai->pickle, module);
    // Sequential(*resnet.children()) has a batch norm there.
    walk.head =
        strcmp(fastai_class(fastai->pickle, head), "Sequential") == 0 ? head : PICKLE_ABSENT;
    bool has_head = walk.head != PICKLE_ABSENT;
    enum cubby_status status = enter(&walk, module, 0);
    while (!status && walk.depth > 0)
        status = step(&walk);
    if (!status && has_head && walk.head_step == HEAD_RELU) {
        cubby_log(fastai->log, CUBBY_LOG_ERROR,
                  "the model's head ends in a ReLU, not in a linear layer; cubby knows fastai's "
                  "standard heads");
        status = CUBBY_UNSUPPORTED;
    }
    return status;
}
