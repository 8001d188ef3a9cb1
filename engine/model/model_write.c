#include <stdio.h>
#include <stdlib.h>

#include "model/model_private.h"
#include "model/safetensors.h"

#define MAX_NAME 96u
// Six tensors a convolution: at most four convolutions a block, and the stem.
#define MAX_TENSORS ((4 * NETWORK_MAX_BLOCKS + 1) * 6 + HEAD_MAX_MODULES * 5)

// Tensors under torchvision's names.
struct listing {
    struct cubby_tensor tensors[MAX_TENSORS];
    char names[MAX_TENSORS][MAX_NAME];
    size_t count;
    bool counters; // num_batches_tracked too, which PyTorch wants when it loads strictly
};

// num_batches_tracked: only training counts.
static const uint8_t zero[8];
static const struct cubby_tensor counter = {
    .dtype = CUBBY_I64, .data = zero, .available_bytes = sizeof(zero)};

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
    if (conv->weight && listing->counters)
        list(listing, &counter, norm, "num_batches_tracked");
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

static void list_head(struct listing *listing, const struct head *head)
{
    for (uint32_t i = 0; i < head->count; ++i) {
        const struct head_module *module = &head->modules[i];
        char name[MAX_NAME / 2] = "fc";
        if (head->fastai)
            snprintf(name, sizeof(name), "head.%u", module->position);
        list(listing, module->weight, name, "weight");
        list(listing, module->bias, name, "bias");
        list(listing, module->mean, name, "running_mean");
        list(listing, module->var, name, "running_var");
        if (module->mean && listing->counters)
            list(listing, &counter, name, "num_batches_tracked");
    }
}

// A linear layer as it is in memory.
static void list_linear(struct listing *listing, const struct network_linear *linear,
                        const char *name)
{
    const struct cubby_tensor weight = {
        .dtype = CUBBY_F32,
        .rank = 2,
        .shape = {linear->out, linear->in},
        .strides = {linear->in, 1},
        .data = (const uint8_t *)linear->weight,
        .available_bytes = sizeof(float) * linear->out * linear->in,
    };
    const struct cubby_tensor bias = {
        .dtype = CUBBY_F32,
        .rank = 1,
        .shape = {linear->out},
        .strides = {1},
        .data = (const uint8_t *)linear->bias,
        .available_bytes = sizeof(float) * linear->out,
    };
    list(listing, &weight, name, "weight");
    list(listing, &bias, name, "bias");
}

static void list_body(struct listing *listing, const struct cubby_model *model)
{
    const struct network *network = &model->network;
    list_conv(listing, &network->stem, "conv1", "bn1");
    uint32_t block = 0;
    for (uint32_t layer = 0; layer < 4; ++layer) {
        for (uint32_t i = 0; i < network->layers[layer]; ++i)
            list_block(listing, &network->blocks[block++], layer + 1, i);
    }
}

static enum cubby_status write_listing(const struct cubby_model *model, struct listing *listing,
                                       const char *head, void **data, size_t *size_bytes,
                                       const struct cubby_log *log)
{
    enum cubby_status status = CUBBY_NO_MEMORY;
    char *classes = class_names_print(&model->classes);
    char *preprocess = preprocess_print(&model->preprocess);
    if (classes && preprocess) {
        char threshold[32], temperature[32];
        struct safetensors_text texts[11] = {
            {"format", "pt"}, // what the Hugging Face libraries look for
            {"cubby.version", MODEL_VERSION},
            {"cubby.network", model->network_name},
            {"cubby.head", head},
            {"cubby.classes", classes},
            {"cubby.preprocessing", preprocess},
            {"cubby.provenance", model->provenance},
        };
        size_t count = 7;
        if (model->scores == CUBBY_SCORES_SIGMOID)
            texts[count++] = (struct safetensors_text){"cubby.scores", MODEL_SIGMOID};
        // 17 digits give the same number again.
        snprintf(threshold, sizeof(threshold), "%.17g", model->threshold);
        snprintf(temperature, sizeof(temperature), "%.17g", model->temperature);
        if (model->threshold >= 0)
            texts[count++] = (struct safetensors_text){"cubby.threshold", threshold};
        if (model->temperature > 0)
            texts[count++] = (struct safetensors_text){"cubby.temperature", temperature};
        if (model->selftest)
            texts[count++] = (struct safetensors_text){"cubby.selftest", model->selftest};
        status = safetensors_write(data, size_bytes, listing->tensors, listing->count, texts, count,
                                   log);
    }
    free(classes);
    free(preprocess);
    return status;
}

static struct listing *listing_create(const struct cubby_model *model, const struct cubby_log *log,
                                      enum cubby_status *status)
{
    *status = CUBBY_INTERNAL;
    if (model->head.count == 0) {
        cubby_log(log, CUBBY_LOG_ERROR, "the model's weights have been dropped already");
        return NULL;
    }
    struct listing *listing = calloc(1, sizeof(*listing));
    *status = listing ? CUBBY_OK : CUBBY_NO_MEMORY;
    return listing;
}

enum cubby_status cubby_model_write(const struct cubby_model *model, void **data,
                                    size_t *size_bytes, const struct cubby_log *log)
{
    *data = NULL;
    *size_bytes = 0;
    enum cubby_status status;
    struct listing *listing = listing_create(model, log, &status);
    if (!listing)
        return status;
    list_body(listing, model);
    list_head(listing, &model->head);
    status = write_listing(model, listing, cubby_model_head(model), data, size_bytes, log);
    free(listing);
    return status;
}

// The model with what it says about itself exchanged; owns its class names only.
static enum cubby_status describe_new_head(struct cubby_model *changed,
                                           const struct cubby_model *model,
                                           const struct cubby_new_head *head,
                                           const struct cubby_log *log)
{
    *changed = *model;
    changed->selftest = NULL;
    changed->scores = CUBBY_SCORES_SOFTMAX;
    changed->threshold = head->threshold;
    changed->temperature = head->temperature;
    if (head->provenance_json) {
        enum cubby_status status = provenance_check(head->provenance_json, log);
        if (status)
            return status;
        changed->provenance = (char *)head->provenance_json;
    }
    return class_names_copy(&changed->classes, head->class_names, head->class_count, log);
}

enum cubby_status cubby_model_write_head(const struct cubby_model *model,
                                         const struct cubby_new_head *head, void **data,
                                         size_t *size_bytes, const struct cubby_log *log)
{
    *data = NULL;
    *size_bytes = 0;
    struct cubby_model changed;
    enum cubby_status status;
    struct listing *listing = listing_create(model, log, &status);
    if (listing)
        status = describe_new_head(&changed, model, head, log);
    if (!status) {
        const struct network_linear linear = {.weight = (float *)head->weight,
                                              .bias = (float *)head->bias,
                                              .in = model->feature_count,
                                              .out = head->class_count};
        bool concat = model->network.pool == CUBBY_POOL_MAX_AVERAGE;
        list_body(listing, model);
        // Behind pooling and flattening, which are 0 and 1.
        list_linear(listing, &linear, concat ? "head.2" : "fc");
        status = write_listing(&changed, listing, concat ? "fastai" : "fc", data, size_bytes, log);
        class_names_fini(&changed.classes);
    }
    free(listing);
    return status;
}

enum cubby_status cubby_model_export(const struct cubby_model *model, void **data,
                                     size_t *size_bytes, enum cubby_exported_head *head,
                                     const struct cubby_log *log)
{
    *data = NULL;
    *size_bytes = 0;
    enum cubby_status status;
    struct listing *listing = listing_create(model, log, &status);
    if (!listing)
        return status;
    const struct network *network = &model->network;
    bool single = network->head_count == 1 && network->pool == CUBBY_POOL_AVERAGE;
    bool as_is = !model->head.fastai && model->head.modules[0].bias;
    *head = as_is ? CUBBY_EXPORTED_FC : single ? CUBBY_EXPORTED_FOLDED : CUBBY_EXPORTED_SEQUENCE;
    listing->counters = true;
    list_body(listing, model);
    if (*head == CUBBY_EXPORTED_FOLDED)
        // The one linear layer of the head with everything folded into it.
        list_linear(listing, &network->head[0], "fc");
    else
        list_head(listing, &model->head);
    status = write_listing(model, listing, *head == CUBBY_EXPORTED_SEQUENCE ? "fastai" : "fc", data,
                           size_bytes, log);
    free(listing);
    return status;
}
