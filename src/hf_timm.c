// timm's config.json: the architecture's name, and pretrained_cfg with the preprocessing.
#include "hf_config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// Names of plain ResNets, which timm keeps with these words around "resnet50". Others may have the
// same tensors and compute something else (resnetaa50, resnetblur50), so that only the name tells.
static bool read_architecture(const char *architecture, char *network, size_t network_bytes)
{
    static const char *const around[][2] = {
        {"", ""}, {"tv_", ""}, {"ssl_", ""}, {"swsl_", ""}, {"gluon_", "_v1b"}};
    static const char *const plain[] = {"resnet18",        "resnet34",  "resnet50",
                                        "resnet101",       "resnet152", "wide_resnet50_2",
                                        "wide_resnet101_2"};
    int bytes = (int)strcspn(architecture, "."); // behind it comes a tag, as in resnet50.a1_in1k
    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
        for (size_t k = 0; k < sizeof(around) / sizeof(*around); k++) {
            char name[64];
            snprintf(name, sizeof(name), "%s%s%s", around[k][0], plain[i], around[k][1]);
            if (strlen(name) != (size_t)bytes || strncmp(name, architecture, (size_t)bytes) != 0)
                continue;
            snprintf(network, network_bytes, "%s", plain[i]);
            return true;
        }
    }
    return false;
}

// Average pooling is what a plain ResNet does; null and absent mean the architecture's own.
static enum cubby_status check_pool(const struct hf_reader *r, const json_t *config)
{
    static const char *const average[] = {"avg", "fast", "fastavg"};
    const json_t *pool = json_object_get(config, "global_pool");
    bool good = !pool || json_is_null(pool);
    for (size_t i = 0; i < sizeof(average) / sizeof(*average) && json_is_string(pool); i++)
        good |= strcmp(json_string_value(pool), average[i]) == 0;
    if (good)
        return CUBBY_OK;
    return hf_refuse(r, HF_CONFIG, "global_pool is %.40s; cubby knows average pooling only",
                     json_is_string(pool) ? json_string_value(pool) : "no text");
}

static enum cubby_status check_network(struct hf_reader *r, const json_t *config,
                                       const json_t *pretrained)
{
    const char *architecture = hf_text(config, "architecture");
    if (!read_architecture(architecture, r->out->network, sizeof(r->out->network)))
        return hf_refuse(r, HF_CONFIG,
                         "the architecture is %.60s; cubby runs plain ResNets (resnet18, resnet34, "
                         "resnet50, resnet101, resnet152 and their wide variants)",
                         *architecture ? architecture : "no text");
    enum cubby_status status = check_pool(r, config);
    if (!status)
        status = check_pool(r, pretrained);
    if (status)
        return status;
    // Such as output_stride, which changes what the layers compute and not their tensors.
    const char *key =
        json_object_iter_key(json_object_iter((json_t *)json_object_get(config, "model_args")));
    if (key)
        return hf_refuse(r, HF_CONFIG,
                         "model_args changes the network (%.60s), which cubby does not know", key);
    return CUBBY_OK;
}

static enum cubby_status read_preprocess(struct hf_reader *r, const json_t *config)
{
    struct cubby_preprocess *p = &r->out->preprocess;
    const json_t *size = json_object_get(config, "input_size");
    const json_t *part = json_object_get(config, "crop_pct");
    const char *filter = hf_text(config, "interpolation");
    const char *crop_mode = hf_text(config, "crop_mode");
    uint32_t side = 224;
    double crop = json_is_number(part) ? json_number_value(part) : 0.875;
    if (size && (json_array_size(size) != 3 || !hf_read_side(json_array_get(size, 1), &side) ||
                 json_integer_value(json_array_get(size, 2)) != (json_int_t)side))
        return hf_refuse(r, HF_CONFIG, "input_size is not three numbers of a square picture");
    if (!(crop > 0.1 && crop <= 1) || floor(side / crop) > CUBBY_MAX_INPUT_SIDE)
        return hf_refuse(r, HF_CONFIG, "crop_pct makes no sense");
    if (*crop_mode && strcmp(crop_mode, "center") != 0)
        return hf_refuse(r, HF_CONFIG, "cubby knows the crop_mode center only");
    if (*filter && strcmp(filter, "bilinear") != 0 && strcmp(filter, "bicubic") != 0)
        return hf_refuse(r, HF_CONFIG, "the interpolation is neither bilinear nor bicubic");
    *p = (struct cubby_preprocess){.rule = CUBBY_RESIZE_SHORTER, .centre = CUBBY_CENTRE_EVEN};
    p->filter = strcmp(filter, "bilinear") ? CUBBY_FILTER_BICUBIC : CUBBY_FILTER_BILINEAR;
    hf_set_square(p, (uint32_t)floor(side / crop), side);
    memcpy(p->mean, hf_imagenet_mean, sizeof(p->mean));
    memcpy(p->std, hf_imagenet_std, sizeof(p->std));
    const json_t *mean = json_object_get(config, "mean"), *std = json_object_get(config, "std");
    if ((mean && !hf_read_three(mean, p->mean)) || (std && !hf_read_three(std, p->std)))
        return hf_refuse(r, HF_CONFIG, "mean and std are not three numbers each");
    r->out->assumed = !size;
    return CUBBY_OK;
}

enum cubby_status hf_read_timm(struct hf_reader *r, const json_t *config)
{
    // "labels" is the older name; transformers' wrapper of timm models writes id2label.
    static const char *const label_keys[] = {"label_names", "labels", NULL};
    static const char *const own_keys[] = {"label_names", "labels", "id2label", NULL};
    const json_t *pretrained = json_object_get(config, "pretrained_cfg");
    if (!json_is_object(pretrained))
        pretrained = config; // before timm 0.9 there was one level
    enum cubby_status status = check_network(r, config, pretrained);
    if (!status)
        status = read_preprocess(r, pretrained);
    if (!status)
        status = hf_read_scores(r, config);
    if (!status)
        status = hf_read_labels(r, pretrained, label_keys);
    return status ? status : hf_read_labels(r, config, own_keys); // wins, as in timm
}
