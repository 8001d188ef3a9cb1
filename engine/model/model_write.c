#include <stdio.h>
#include <stdlib.h>

#include "model/model_private.h"
#include "model/safetensors.h"

#define MAX_NAME 96u
// Five tensors a convolution: at most four convolutions a block, and the stem.
#define MAX_TENSORS ((4 * NETWORK_MAX_BLOCKS + 1) * 5 + HEAD_MAX_MODULES * 4)

// Tensors under torchvision's names.
struct listing {
    struct cubby_tensor tensors[MAX_TENSORS];
    char names[MAX_TENSORS][MAX_NAME];
    size_t count;
};

static void list(struct listing *listing, const struct cubby_tensor *tensor, const char *base,
                 const char *part)
{
    if (!tensor)
        return;
    char *name = listing->names[listing->count];
    snprintf(name, MAX_NAME, "%s.%s", base, part);
    listing->tensors[listing->count] = *tensor;
    listing->tensors[listing->count++].name = name;
}

static void list_conv(struct listing *listing, const struct network_conv *conv, const char *name,
                      const char *norm)
{
    list(listing, conv->weight, name, "weight");
    list(listing, conv->bn_weight, norm, "weight");
    list(listing, conv->bn_bias, norm, "bias");
    list(listing, conv->bn_mean, norm, "running_mean");
    list(listing, conv->bn_var, norm, "running_var");
}

static void list_block(struct listing *listing, const struct network_block *block, uint32_t layer,
                       uint32_t index)
{
    char name[MAX_NAME / 2], norm[MAX_NAME / 2];
    for (uint32_t i = 0; i < block->conv_count; ++i) {
        snprintf(name, sizeof(name), "layer%u.%u.conv%u", layer, index, i + 1);
        snprintf(norm, sizeof(norm), "layer%u.%u.bn%u", layer, index, i + 1);
        list_conv(listing, &block->conv[i], name, norm);
    }
    snprintf(name, sizeof(name), "layer%u.%u.downsample.0", layer, index);
    snprintf(norm, sizeof(norm), "layer%u.%u.downsample.1", layer, index);
    list_conv(listing, &block->downsample, name, norm);
}

static void list_model(struct listing *listing, const struct cubby_model *model)
{
    const struct network *network = &model->network;
    list_conv(listing, &network->stem, "conv1", "bn1");
    uint32_t block = 0;
    for (uint32_t layer = 0; layer < 4; ++layer) {
        for (uint32_t i = 0; i < network->layers[layer]; ++i)
            list_block(listing, &network->blocks[block++], layer + 1, i);
    }
    for (uint32_t i = 0; i < model->head.count; ++i) {
        const struct head_module *module = &model->head.modules[i];
        char name[MAX_NAME / 2] = "fc";
        if (model->head.fastai)
            snprintf(name, sizeof(name), "head.%u", module->position);
        list(listing, module->weight, name, "weight");
        list(listing, module->bias, name, "bias");
        list(listing, module->mean, name, "running_mean");
        list(listing, module->var, name, "running_var");
    }
}

enum cubby_status cubby_model_write(const struct cubby_model *model, void **data,
                                    size_t *size_bytes, const struct cubby_log *log)
{
    *data = NULL;
    *size_bytes = 0;
    if (model->head.count == 0) {
        cubby_log(log, CUBBY_LOG_ERROR, "the model's weights have been dropped already");
        return CUBBY_INTERNAL;
    }

    enum cubby_status status = CUBBY_NO_MEMORY;
    char *classes = class_names_print(&model->classes);
    char *preprocess = preprocess_print(&model->preprocess);
    struct listing *listing = calloc(1, sizeof(*listing));
    if (classes && preprocess && listing) {
        list_model(listing, model);
        const struct safetensors_text texts[] = {
            {"format", "pt"}, // what the Hugging Face libraries look for
            {"cubby.version", MODEL_VERSION},
            {"cubby.network", model->network_name},
            {"cubby.head", cubby_model_head(model)},
            {"cubby.classes", classes},
            {"cubby.preprocessing", preprocess},
            {"cubby.provenance", model->provenance},
        };
        status = safetensors_write(data, size_bytes, listing->tensors, listing->count, texts,
                                   sizeof(texts) / sizeof(texts[0]), log);
    }
    free(classes);
    free(preprocess);
    free(listing);
    return status;
}
