// How a Learner opens photos: the first pipeline of its dataset leads from an item to a picture.
//
// Usually that is PILImage.create alone, behind something that finds the file (get_x). It is kept
// as a bound method, getattr(PILImage, 'create'), inside a Transform: as init_enc by fastcore, in
// encodes._f by fasttransform. cloudpickle writes the method as MethodType(function, PILImage).
#include "model/fastai.h"

#include <stdio.h>
#include <string.h>

#define MAX_STEPS 64u

enum step {
    STEP_NOTHING, // noop
    STEP_OPEN,    // PILImage.create: what cubby does
    STEP_OTHER,
};

static bool is_fastai_class(const struct pickle *pickle, uint32_t index, const char *name)
{
    const struct pickle_node *node = pickle_node(pickle, index);
    return node->kind == PICKLE_GLOBAL && strncmp(node->global.module, "fastai.", 7) == 0 &&
           strcmp(node->global.name, name) == 0;
}

static bool is_getattr(const struct pickle *pickle, const struct pickle_object *call)
{
    return pickle_is_global(pickle, call->callable, "builtins", "getattr") ||
           pickle_is_global(pickle, call->callable, "__builtin__", "getattr");
}

// cloudpickle's _make_function(CodeType(..., 'create', ...), ...), whatever the code's layout.
static bool is_function_create(const struct pickle *pickle, uint32_t function)
{
    const struct pickle_object *make = pickle_object(pickle, function);
    const struct pickle_object *code =
        make ? pickle_object(pickle, pickle_item(pickle, make->arguments, 0)) : NULL;
    const struct pickle_list *list = code ? pickle_sequence(pickle, code->arguments) : NULL;
    for (uint32_t i = 0; list && i < list->count && i < MAX_STEPS; ++i) {
        if (pickle_is_text(pickle, list->items[i], "create"))
            return true;
    }
    return false;
}

// The class whose create() the node is; otherwise PICKLE_ABSENT.
static uint32_t class_of_create(const struct pickle *pickle, uint32_t function)
{
    const struct pickle_object *call = pickle_object(pickle, function);
    if (!call)
        return PICKLE_ABSENT;
    uint32_t first = pickle_item(pickle, call->arguments, 0);
    uint32_t second = pickle_item(pickle, call->arguments, 1);
    if (is_getattr(pickle, call))
        return pickle_is_text(pickle, second, "create") ? first : PICKLE_ABSENT;
    const struct pickle_object *type = pickle_object(pickle, call->callable);
    bool method =
        type && pickle_is_text(pickle, pickle_item(pickle, type->arguments, 0), "MethodType");
    return method && is_function_create(pickle, first) ? second : PICKLE_ABSENT;
}

// What a step computes: the function that a plain Transform was made of, or the step itself.
static uint32_t function_of(const struct pickle *pickle, uint32_t step)
{
    uint32_t function = pickle_attribute(pickle, step, "init_enc");
    if (function == PICKLE_ABSENT)
        function = pickle_attribute(pickle, pickle_attribute(pickle, step, "encodes"), "_f");
    bool made_of_it = strcmp(fastai_class(pickle, step), "Transform") == 0;
    return made_of_it && function != PICKLE_ABSENT ? function : step;
}

void fastai_name_step(const struct pickle *pickle, uint32_t step, char name[FASTAI_STEP_BYTES])
{
    uint32_t function = function_of(pickle, step), class = class_of_create(pickle, function);
    const struct pickle_node *of_class = pickle_node(pickle, class);
    const struct pickle_node *node = pickle_node(pickle, function);
    const struct pickle_node *own = pickle_node(pickle, pickle_attribute(pickle, step, "_name"));
    if (of_class->kind == PICKLE_GLOBAL)
        snprintf(name, FASTAI_STEP_BYTES, "%s.create", of_class->global.name);
    else if (node->kind == PICKLE_GLOBAL)
        snprintf(name, FASTAI_STEP_BYTES, "%s", node->global.name);
    else if (own->kind == PICKLE_STRING)
        snprintf(name, FASTAI_STEP_BYTES, "%.*s",
                 (int)(own->text.size_bytes < FASTAI_STEP_BYTES ? own->text.size_bytes
                                                                : FASTAI_STEP_BYTES - 1),
                 own->text.data);
    else
        snprintf(name, FASTAI_STEP_BYTES, "%s", fastai_class(pickle, step));
    for (char *c = name; *c; ++c)
        *c = *c < 0x20 || *c > 0x7e ? '?' : *c;
    if (!name[0])
        snprintf(name, FASTAI_STEP_BYTES, "(unnamed)");
}

static enum step find_step(const struct pickle *pickle, uint32_t step)
{
    uint32_t function = function_of(pickle, step);
    if (is_fastai_class(pickle, class_of_create(pickle, function), "PILImage"))
        return STEP_OPEN;
    const struct pickle_node *node = pickle_node(pickle, function);
    bool nothing = node->kind == PICKLE_GLOBAL && strcmp(node->global.name, "noop") == 0 &&
                   (strncmp(node->global.module, "fastai.", 7) == 0 ||
                    strncmp(node->global.module, "fastcore.", 9) == 0);
    return nothing ? STEP_NOTHING : STEP_OTHER;
}

// Where PILImage.create stands; `count` if nowhere.
static uint32_t find_open(const struct pickle *pickle, const struct pickle_list *steps,
                          uint32_t count)
{
    for (uint32_t i = 0; i < count; ++i) {
        if (find_step(pickle, steps->items[i]) == STEP_OPEN)
            return i;
    }
    return count;
}

// Both, since the person may give another preprocessing and so get past the obstacle.
static enum cubby_status refuse_step(const struct fastai *f, const char *does, const char *name)
{
    enum cubby_status status =
        checkpoint_set_obstacle(f->checkpoint, "the Learner %s with %s", does, name);
    return status ? status
                  : checkpoint_add_note(f->checkpoint,
                                        "the Learner %s with %s; cubby opens them as fastai's "
                                        "PILImage.create does, in colour and as they are stored",
                                        does, name);
}

// The last step that does something opens the photo.
static enum cubby_status refuse_opening(const struct fastai *f, const struct pickle_list *steps,
                                        uint32_t count)
{
    char name[FASTAI_STEP_BYTES] = "something that the file does not name";
    while (count && find_step(f->pickle, steps->items[count - 1]) == STEP_NOTHING)
        --count;
    if (count)
        fastai_name_step(f->pickle, steps->items[count - 1], name);
    return refuse_step(f, "opens photos", name);
}

// What comes before opening finds the file, as get_x does; what comes after changes the photo.
static enum cubby_status take_others(const struct fastai *f, const struct pickle_list *steps,
                                     uint32_t count, uint32_t open)
{
    enum cubby_status status = CUBBY_OK;
    for (uint32_t i = 0; i < count && !status; ++i) {
        char name[FASTAI_STEP_BYTES];
        if (find_step(f->pickle, steps->items[i]) != STEP_OTHER)
            continue;
        fastai_name_step(f->pickle, steps->items[i], name);
        status = i > open ? refuse_step(f, "changes photos after opening them", name)
                          : checkpoint_add_note(f->checkpoint,
                                                "the Learner found a photo's file with %s, which "
                                                "plays no part",
                                                name);
    }
    return status;
}

enum cubby_status fastai_read_inputs(const struct fastai *f, uint32_t loader)
{
    const struct pickle *pickle = f->pickle;
    uint32_t dataset = pickle_attribute(pickle, loader, "dataset");
    const struct pickle_list *lists = fastai_list(pickle, pickle_attribute(pickle, dataset, "tls"));
    const struct pickle_list *steps = NULL;
    if (lists && lists->count)
        steps = fastai_steps(pickle, pickle_attribute(pickle, lists->items[0], "tfms"));
    uint32_t count = steps ? steps->count : 0;
    if (count > MAX_STEPS) {
        cubby_log(f->log, CUBBY_LOG_ERROR,
                  "the fastai Learner takes %u steps to open a photo, the limit is %u", count,
                  MAX_STEPS);
        return CUBBY_TOO_LARGE;
    }
    uint32_t open = find_open(pickle, steps, count);
    return open == count ? refuse_opening(f, steps, count) : take_others(f, steps, count, open);
}
