// A tree of pickled nn.Modules as a state dict.
//
// The tensors alone do not tell what a network computes: SigmoidRange or another activation leave
// no trace in them. So every module's class must be one that cubby knows, in a place where cubby
// computes it (fastai_rules.h), and the layers of a fastai head must come in the order that head.c
// assumes.
#include "model/fastai.h"

#include <stdio.h>
#include <string.h>

#include "model/fastai_rules.h"
#include "model/text.h"

// A ResNet in fastai in DataParallel is seven levels deep; ResNet-152 has 600 modules.
#define MAX_DEPTH 32u
#define MAX_MODULES 20000u

struct frame {
    enum fastai_role role;
    const struct pickle_list *children; // pairs; NULL: none
    uint32_t next;                      // position in them
    size_t prefix_bytes;
};

enum head_step { HEAD_START, HEAD_POOL, HEAD_LINEAR, HEAD_LINEAR_NORM, HEAD_RELU };

struct walk {
    const struct fastai *fastai;
    char prefix[CHECKPOINT_MAX_NAME_BYTES + 1]; // "0.4.0."
    size_t prefix_bytes;
    struct frame frames[MAX_DEPTH];
    uint32_t depth, modules;
    uint32_t network; // where the roles begin, or PICKLE_ABSENT
    enum fastai_role network_role;
    enum head_step head_step; // what was last seen in fastai's head
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
              "the model has %s%s%.*s%s%s; cubby computes the ResNets of torchvision and timm with "
              "their own or fastai's standard heads",
              what, bytes ? " at " : "", bytes > 200 ? 200 : bytes, walk->prefix, why[0] ? " " : "",
              why);
    return CUBBY_UNSUPPORTED;
}

// First the pooling, then batch norms and linear layers with a ReLU right behind each linear layer
// but the last.
static enum cubby_status check_head_order(struct walk *walk, uint32_t module)
{
    const char *class = fastai_class(walk->fastai->pickle, module);
    bool open = walk->head_step == HEAD_LINEAR || walk->head_step == HEAD_LINEAR_NORM;
    bool pools = strncmp(class, "Adaptive", 8) == 0;
    if (pools != (walk->head_step == HEAD_START) && strcmp(class, "Identity") != 0 &&
        strcmp(class, "Dropout") != 0 && (pools || strcmp(class, "Flatten") != 0))
        return refuse_module(walk, module,
                             pools ? "behind the layer that pools" : "before anything pools");
    if (pools) {
        walk->head_step = HEAD_POOL;
    } else if (strcmp(class, "Linear") == 0) {
        if (open)
            return refuse_module(walk, module, "without a ReLU between it and the one before");
        walk->head_step = HEAD_LINEAR;
    } else if (strcmp(class, "ReLU") == 0) {
        if (walk->head_step != HEAD_LINEAR)
            return refuse_module(walk, module, "that is not right behind a linear layer");
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

// ---- the tree

// "A|B" as "where there should be A or B".
static void print_classes(char *text, size_t text_bytes, const char *classes)
{
    snprintf(text, text_bytes, "where there should be %s", classes[0] ? "" : "nothing");
    for (; *classes; ++classes) {
        const char one[2] = {*classes, '\0'};
        size_t used = strlen(text);
        snprintf(text + used, text_bytes - used, "%s", *classes == '|' ? " or " : one);
    }
}

// `name` is that of the child in its parent; the root has none.
static enum cubby_status find_role(struct walk *walk, uint32_t module, enum fastai_role parent,
                                   const char *name, enum fastai_role *role)
{
    char why[256];
    const char *classes = "";
    *role = parent;
    if (parent == ROLE_FOREIGN)
        return CUBBY_OK;
    if (parent == ROLE_WRAPPER) {
        *role = module == walk->network ? walk->network_role : ROLE_WRAPPER;
        return CUBBY_OK;
    }
    if (fastai_rules_child(walk->fastai->pickle, parent, name, module, role, &classes))
        return CUBBY_OK;
    print_classes(why, sizeof(why), classes);
    return refuse_module(walk, module, why);
}

// What Conv2d's weight does not tell: network.c compares it with what it computes.
static enum cubby_status add_conv(struct walk *walk, uint32_t module, size_t first_tensor)
{
    const struct fastai *f = walk->fastai;
    uint32_t stride = 0, pad = 0;
    if (strcmp(fastai_class(f->pickle, module), "Conv2d") != 0)
        return CUBBY_OK;
    fastai_rules_conv(f->pickle, module, &stride, &pad);
    enum cubby_status status = CUBBY_OK;
    for (size_t i = first_tensor; i < f->checkpoint->tensor_count && !status; ++i)
        status = checkpoint_add_conv(f->checkpoint, i, stride, pad);
    return status;
}

static enum cubby_status add_module(struct walk *walk, uint32_t module)
{
    const struct pickle *pickle = walk->fastai->pickle;
    size_t first_tensor = walk->fastai->checkpoint->tensor_count;
    enum cubby_status status = add_tensors(walk, pickle_attribute(pickle, module, "_parameters"));
    if (!status)
        status = add_tensors(walk, pickle_attribute(pickle, module, "_buffers"));
    return status ? status : add_conv(walk, module, first_tensor);
}

static enum cubby_status enter(struct walk *walk, uint32_t module, size_t prefix_bytes,
                               enum fastai_role parent, const char *name)
{
    const struct pickle *pickle = walk->fastai->pickle;
    enum fastai_role role = parent;
    if (!fastai_is_module(pickle, module) || walk->depth == MAX_DEPTH ||
        ++walk->modules > MAX_MODULES)
        return damaged(walk);
    if (!fastai_rules_know(pickle, module))
        return refuse_module(walk, module, "");
    enum cubby_status status = find_role(walk, module, parent, name, &role);
    if (status)
        return status;
    const char *objection = fastai_rules_objection(pickle, module);
    if (objection)
        return refuse_module(walk, module, objection);
    if (parent == ROLE_HEAD)
        status = check_head_order(walk, module);
    if (!status)
        status = add_module(walk, module);
    if (status)
        return status;
    walk->frames[walk->depth++] = (struct frame){
        .role = role,
        .children = pickle_pairs(pickle, pickle_attribute(pickle, module, "_modules")),
        .prefix_bytes = prefix_bytes};
    return CUBBY_OK;
}

// The next module below the innermost frame, or leaves that frame.
static enum cubby_status step(struct walk *walk)
{
    const struct pickle *pickle = walk->fastai->pickle;
    struct frame *frame = &walk->frames[walk->depth - 1];
    const struct pickle_list *pairs = frame->children;
    if (!pairs || frame->next + 1 >= pairs->count) {
        pop_name(walk, frame->prefix_bytes);
        --walk->depth;
        return CUBBY_OK;
    }
    uint32_t key = pairs->items[frame->next], module = pairs->items[frame->next + 1];
    frame->next += 2;
    if (pickle_node(pickle, module)->kind == PICKLE_NONE)
        return CUBBY_OK;
    size_t before = walk->prefix_bytes;
    char name[32] = ""; // longer ones have no place anywhere
    if (!push_name(walk, pickle_node(pickle, key), "."))
        return damaged(walk);
    if (walk->prefix_bytes - before <= sizeof(name))
        memcpy(name, walk->prefix + before, walk->prefix_bytes - before - 1);
    return enter(walk, module, before, frame->role, name);
}

enum cubby_status fastai_read_modules(const struct fastai *fastai, uint32_t module)
{
    struct walk walk = {.fastai = fastai};
    walk.network_role = fastai_rules_begin(fastai->pickle, module, &walk.network);
    bool foreign = walk.network_role == ROLE_FOREIGN;
    enum cubby_status status = enter(&walk, module, 0, foreign ? ROLE_FOREIGN : ROLE_WRAPPER, "");
    while (!status && walk.depth > 0)
        status = step(&walk);
    if (!status && walk.head_step == HEAD_RELU) {
        cubby_log(fastai->log, CUBBY_LOG_ERROR,
                  "the model's head ends in a ReLU, not in a linear layer; cubby knows fastai's "
                  "standard heads");
        status = CUBBY_UNSUPPORTED;
    }
    if (!status && foreign) {
        char what[256];
        pickle_describe(fastai->pickle, module, what, sizeof(what));
        status = checkpoint_set_foreign(fastai->checkpoint,
                                        "the model is %s that is not put together like a ResNet of "
                                        "torchvision or timm, nor like one of fastai's",
                                        what);
    }
    if (!status)
        fastai->checkpoint->has_modules = true;
    return status;
}
