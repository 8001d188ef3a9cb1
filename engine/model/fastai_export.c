// The export of a fastai Learner: its parts put together.
#include <stdio.h>
#include <string.h>

#include "model/fastai.h"

bool fastai_is_learner(const struct pickle *pickle, uint32_t index)
{
    return pickle_is_call(pickle, index, "fastai.learner", "Learner");
}

const struct pickle_list *fastai_list(const struct pickle *pickle, uint32_t index)
{
    // L around L, CategoryMap around L: a few levels at most, and the bound ends a cycle.
    for (int level = 0; level < 8; ++level) {
        const struct pickle_list *list = pickle_sequence(pickle, index);
        if (list)
            return list;
        index = pickle_attribute(pickle, index, "items");
        if (index == PICKLE_ABSENT)
            return NULL;
    }
    return NULL;
}

const struct pickle_list *fastai_steps(const struct pickle *pickle, uint32_t pipeline)
{
    return fastai_list(pickle, pickle_attribute(pickle, pipeline, "fs"));
}

// The loader of validation photos, or the only one.
static uint32_t find_loader(const struct pickle *pickle, uint32_t learner)
{
    uint32_t loaders = pickle_attribute(pickle, learner, "dls");
    const struct pickle_list *list =
        fastai_list(pickle, pickle_attribute(pickle, loaders, "loaders"));
    if (!list || list->count == 0)
        return PICKLE_ABSENT;
    return list->items[list->count > 1 ? 1 : 0];
}

enum loss { LOSS_UNKNOWN, LOSS_SOFTMAX, LOSS_SIGMOID, LOSS_REGRESSION };

// By the class's (or function's) name alone: the modules have moved between versions.
static enum loss find_loss(const struct pickle *pickle, uint32_t index, const char **name)
{
    static const struct {
        const char *name;
        enum loss loss;
    } known[] = {
        {"CrossEntropyLossFlat", LOSS_SOFTMAX},
        {"CrossEntropyLoss", LOSS_SOFTMAX},
        {"cross_entropy", LOSS_SOFTMAX},
        {"FocalLossFlat", LOSS_SOFTMAX},
        {"FocalLoss", LOSS_SOFTMAX},
        {"LabelSmoothingCrossEntropy", LOSS_SOFTMAX},
        {"LabelSmoothingCrossEntropyFlat", LOSS_SOFTMAX},
        {"BCEWithLogitsLossFlat", LOSS_SIGMOID},
        {"BCEWithLogitsLoss", LOSS_SIGMOID},
        {"binary_cross_entropy_with_logits", LOSS_SIGMOID},
        {"MSELossFlat", LOSS_REGRESSION},
        {"MSELoss", LOSS_REGRESSION},
        {"mse_loss", LOSS_REGRESSION},
        {"L1LossFlat", LOSS_REGRESSION},
        {"L1Loss", LOSS_REGRESSION},
        {"l1_loss", LOSS_REGRESSION},
        {"SmoothL1Loss", LOSS_REGRESSION},
    };
    const struct pickle_node *node = pickle_node(pickle, index);
    *name = node->kind == PICKLE_GLOBAL ? node->global.name : fastai_class(pickle, index);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); ++i) {
        if (strcmp(known[i].name, *name) == 0)
            return known[i].loss;
    }
    return LOSS_UNKNOWN;
}

static enum cubby_status refuse(const struct fastai *f, const char *what)
{
    cubby_log(f->log, CUBBY_LOG_ERROR, "the fastai Learner %s; cubby runs classifiers", what);
    return CUBBY_UNSUPPORTED;
}

static enum cubby_status read_scores(const struct fastai *f, uint32_t learner, bool multiple)
{
    const char *name = "";
    char printable[64];
    enum loss loss = find_loss(f->pickle, pickle_attribute(f->pickle, learner, "loss_func"), &name);
    if (loss == LOSS_REGRESSION)
        return refuse(f, "was trained for regression (its loss is a distance between numbers)");
    enum cubby_status status = CUBBY_OK;
    if (loss == LOSS_UNKNOWN) {
        snprintf(printable, sizeof(printable), "%s", name);
        for (char *c = printable; *c; ++c)
            *c = *c < 0x20 || *c > 0x7e ? '?' : *c;
        status = checkpoint_add_note(
            f->checkpoint, "cubby does not know the loss %s: scores are %s, as targets are %s",
            printable[0] ? printable : "of this Learner", multiple ? "sigmoid" : "softmax",
            multiple ? "several classes a photo" : "one class a photo");
    }
    bool sigmoid = loss == LOSS_SIGMOID || (loss == LOSS_UNKNOWN && multiple);
    if (!status)
        status = checkpoint_add_text(f->checkpoint, "cubby.scores", strlen("cubby.scores"),
                                     sigmoid ? "sigmoid" : "softmax", 7);
    return status;
}

enum cubby_status fastai_read_learner(const struct fastai *f, uint32_t learner)
{
    uint32_t model = pickle_attribute(f->pickle, learner, "model");
    uint32_t loader = find_loader(f->pickle, learner);
    if (!fastai_is_module(f->pickle, model) || !pickle_object(f->pickle, loader)) {
        cubby_log(f->log, CUBBY_LOG_ERROR,
                  "the fastai Learner has no model or no data loaders: export it with "
                  "learn.export()");
        return CUBBY_UNSUPPORTED;
    }
    bool multiple = false;
    enum cubby_status status = fastai_read_modules(f, model);
    if (!status)
        status = fastai_read_classes(f, loader, &multiple);
    if (!status)
        status = read_scores(f, learner, multiple);
    if (!status)
        status = fastai_read_inputs(f, loader);
    if (!status)
        status = fastai_read_transforms(f, loader);
    return status;
}
