// transformers' config.json and preprocessor_config.json of a ResNetForImageClassification.
#include "hf_config.h"

#include <math.h>
#include <string.h>

static enum cubby_status check_network(const struct hf_reader *r, const json_t *config)
{
    const char *kind = hf_text(config, "model_type");
    const char *activation = hf_text(config, "hidden_act");
    if (strcmp(kind, "resnet") != 0)
        return hf_refuse(r, HF_CONFIG,
                         "it describes a network of the kind \"%.60s\"; cubby runs ResNets",
                         *kind ? kind : "unknown");
    if (*activation && strcmp(activation, "relu") != 0)
        return hf_refuse(r, HF_CONFIG, "hidden_act is not relu");
    if (json_is_true(json_object_get(config, "downsample_in_bottleneck")))
        return hf_refuse(r, HF_CONFIG,
                         "downsample_in_bottleneck is true (the first version of ResNet), which "
                         "cubby does not know");
    if (json_is_true(json_object_get(config, "downsample_in_first_stage")))
        return hf_refuse(r, HF_CONFIG, "downsample_in_first_stage is true");
    return CUBBY_OK;
}

enum cubby_status hf_read_transformers(struct hf_reader *r, const json_t *config)
{
    static const char *const keys[] = {"id2label", NULL};
    enum cubby_status status = check_network(r, config);
    if (!status)
        status = hf_read_scores(r, config);
    return status ? status : hf_read_labels(r, config, keys);
}

// ---- preprocessor_config.json

// What ConvNextImageProcessor does: microsoft/resnet-50 and its kin were published with it.
static enum cubby_status read_convnext(struct hf_reader *r, uint32_t side, double part)
{
    struct cubby_preprocess *p = &r->out->preprocess;
    if (side >= 384) { // without a crop
        p->rule = CUBBY_RESIZE_SQUISH;
        hf_set_square(p, side, side);
        return CUBBY_OK;
    }
    if (!(part > 0.1 && part <= 1) || side / part > CUBBY_MAX_INPUT_SIDE)
        return hf_refuse(r, HF_PROCESSOR, "crop_pct makes no sense");
    p->rule = CUBBY_RESIZE_SHORTER;
    hf_set_square(p, (uint32_t)(side / part), side);
    return CUBBY_OK;
}

static const char *processor_kind(const json_t *processor)
{
    const char *kind = hf_text(processor, "image_processor_type");
    return *kind ? kind : hf_text(processor, "feature_extractor_type");
}

// {"height": 224, "width": 224}, {"shortest_edge": 224} or 224, and crop_size.
static enum cubby_status read_resize_and_crop(struct hf_reader *r, const json_t *processor)
{
    struct cubby_preprocess *p = &r->out->preprocess;
    const json_t *size = json_object_get(processor, "size");
    const json_t *edge = json_object_get(size, "shortest_edge");
    const json_t *height = json_object_get(size, "height"), *width = json_object_get(size, "width");
    const json_t *crop = json_object_get(processor, "crop_size");
    p->rule = height ? CUBBY_RESIZE_SQUISH : CUBBY_RESIZE_SHORTER;
    bool good =
        height ? hf_read_side(height, &p->resize_height) && hf_read_side(width, &p->resize_width)
               : hf_read_side(edge ? edge : size, &p->resize_width);
    if (!height)
        p->resize_height = p->resize_width;
    if (!good)
        return hf_refuse(r, HF_PROCESSOR, "size is not 1 to 1024 pixels");
    p->crop_width = p->resize_width;
    p->crop_height = p->resize_height;
    bool crops = crop && hf_is_on(processor, "do_center_crop");
    if (!height && !crops)
        return hf_refuse(r, HF_PROCESSOR, "photos are not brought to one size");
    if (!crops)
        return CUBBY_OK;
    const json_t *high = json_object_get(crop, "height"), *wide = json_object_get(crop, "width");
    if (!hf_read_side(high ? high : crop, &p->crop_height) ||
        !hf_read_side(wide ? wide : crop, &p->crop_width))
        return hf_refuse(r, HF_PROCESSOR, "crop_size is not 1 to 1024 pixels");
    return CUBBY_OK;
}

static enum cubby_status read_sizes(struct hf_reader *r, const json_t *processor)
{
    const json_t *size = json_object_get(processor, "size");
    const json_t *edge = json_object_get(size, "shortest_edge");
    const json_t *part = json_object_get(processor, "crop_pct");
    uint32_t side;
    if (!strstr(processor_kind(processor), "ConvNext") && !part)
        return read_resize_and_crop(r, processor);
    if (!hf_read_side(edge ? edge : size, &side))
        return hf_refuse(r, HF_PROCESSOR, "size is not 1 to 1024 pixels");
    return read_convnext(r, side, json_is_number(part) ? json_number_value(part) : 224.0 / 256);
}

// What the processor's class does where the file does not say it. ConvNextFeatureExtractor, which
// came before ConvNextImageProcessor, was another; a ResNet without a class gets the latter.
static void set_defaults(struct cubby_preprocess *p, const char *kind)
{
    bool half = !*kind || strstr(kind, "ConvNextImageProcessor") || strncmp(kind, "ViT", 3) == 0;
    p->filter = half ? CUBBY_FILTER_BILINEAR : CUBBY_FILTER_BICUBIC;
    for (int i = 0; i < 3; i++) {
        p->mean[i] = half ? 0.5f : hf_imagenet_mean[i];
        p->std[i] = half ? 0.5f : hf_imagenet_std[i];
    }
}

// Pillow's number.
static enum cubby_status read_filter(struct hf_reader *r, const json_t *processor)
{
    const json_t *filter = json_object_get(processor, "resample");
    json_int_t number = json_integer_value(filter);
    if (!filter || json_is_null(filter)) {
        r->out->assumed = true;
        return CUBBY_OK;
    }
    if (number != 2 && number != 3)
        return hf_refuse(r, HF_PROCESSOR, "resample is neither 2 (bilinear) nor 3 (bicubic)");
    r->out->preprocess.filter = number == 2 ? CUBBY_FILTER_BILINEAR : CUBBY_FILTER_BICUBIC;
    return CUBBY_OK;
}

// A mean or standard deviation; absent: the default stays.
static bool read_colour(struct hf_reader *r, const json_t *value, float values[3])
{
    if (value && !json_is_null(value))
        return hf_read_three(value, values);
    r->out->assumed = true;
    return true;
}

static enum cubby_status read_values(struct hf_reader *r, const json_t *processor)
{
    struct cubby_preprocess *p = &r->out->preprocess;
    const json_t *scale = json_object_get(processor, "rescale_factor");
    if (!hf_is_on(processor, "do_resize"))
        return hf_refuse(r, HF_PROCESSOR,
                         "do_resize is false, so that photos would not have one size");
    if (!hf_is_on(processor, "do_rescale") ||
        (scale && fabs(json_number_value(scale) * 255 - 1) > 1e-6))
        return hf_refuse(r, HF_PROCESSOR, "pixels are not scaled to 0..1");
    if (!hf_is_on(processor, "do_normalize")) {
        for (int i = 0; i < 3; i++) {
            p->mean[i] = 0;
            p->std[i] = 1;
        }
        return CUBBY_OK;
    }
    if (!read_colour(r, json_object_get(processor, "image_mean"), p->mean) ||
        !read_colour(r, json_object_get(processor, "image_std"), p->std))
        return hf_refuse(r, HF_PROCESSOR, "image_mean and image_std are not three numbers each");
    return CUBBY_OK;
}

enum cubby_status hf_read_processor(struct hf_reader *r, const json_t *processor)
{
    struct cubby_preprocess *p = &r->out->preprocess;
    *p = (struct cubby_preprocess){.centre = CUBBY_CENTRE_DOWN};
    // Without a file: as microsoft/resnet-50 was published.
    set_defaults(p, processor ? processor_kind(processor) : "ConvNextFeatureExtractor");
    r->out->assumed = !processor;
    if (!processor)
        return read_convnext(r, 224, 224.0 / 256);
    enum cubby_status status = read_values(r, processor);
    if (!status)
        status = read_filter(r, processor);
    return status ? status : read_sizes(r, processor);
}
