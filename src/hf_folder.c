#include "hf_folder.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "platform/path.h"
#include "platform/read_file.h"

// A config with 21,841 classes has 1.6 MB; jansson spends up to 60 times what it reads.
#define MAX_CONFIG_BYTES (4u << 20)
#define MAX_CLASSES 100000u

struct reader {
    struct hf_folder *out;
    const char *path;
    const struct fs *fs;
    const struct cubby_log *log;
    json_t *config;    // owned
    json_t *processor; // owned; NULL: there is none
};

static const float imagenet_mean[3] = {0.485f, 0.456f, 0.406f};
static const float imagenet_std[3] = {0.229f, 0.224f, 0.225f};

static bool is_there(const struct fs *fs, const char *path, const char *name)
{
    struct fs_stat stat;
    char *file = path_join(path, name);
    bool there = file && fs->stat(fs, file, &stat) == 0 && stat.is_file;
    free(file);
    return there;
}

bool hf_folder_is(const struct fs *fs, const char *path)
{
    return is_there(fs, path, "config.json");
}

static enum cubby_status refuse(const struct reader *r, const char *file, const char *why)
{
    cubby_log(r->log, CUBBY_LOG_ERROR, "%s in %s: %s", file, r->path, why);
    return CUBBY_UNSUPPORTED;
}

static enum cubby_status load(const struct reader *r, const char *name, json_t **out)
{
    char reason[128];
    uint8_t *bytes = NULL;
    size_t size_bytes;
    *out = NULL;
    char *path = path_join(r->path, name);
    if (!path)
        return CUBBY_NO_MEMORY;
    enum cubby_status status =
        read_file(r->fs, path, MAX_CONFIG_BYTES, &bytes, &size_bytes, NULL, reason, sizeof(reason));
    if (status) {
        cubby_log(r->log, CUBBY_LOG_ERROR, "%s cannot be read: %s", path, reason);
    } else {
        *out = json_loadb((const char *)bytes, size_bytes, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(*out)) {
            cubby_log(r->log, CUBBY_LOG_ERROR, "%s is damaged: it is no JSON object", path);
            status = CUBBY_BAD_DATA;
        }
    }
    free(bytes);
    free(path);
    return status;
}

// ---- values

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static bool read_side(const json_t *value, uint32_t *side)
{
    json_int_t number = json_is_integer(value) ? json_integer_value(value) : 0;
    *side = (uint32_t)number;
    return number >= 1 && number <= CUBBY_MAX_INPUT_SIDE;
}

static bool read_three(const json_t *array, float values[3])
{
    if (json_array_size(array) != 3)
        return false;
    for (size_t i = 0; i < 3; i++) {
        const json_t *value = json_array_get(array, i);
        values[i] = (float)json_number_value(value);
        if (!json_is_number(value) || !isfinite(values[i]))
            return false;
    }
    return true;
}

// Absent means true, as in the library.
static bool is_on(const json_t *object, const char *key)
{
    return !json_is_false(json_object_get(object, key));
}

static void set_square(struct cubby_preprocess *p, uint32_t resize, uint32_t crop)
{
    p->resize_width = p->resize_height = resize;
    p->crop_width = p->crop_height = crop;
}

// ---- class names

static enum cubby_status take_name(struct hf_folder *out, size_t index, const json_t *name)
{
    out->classes[index] = strdup(json_string_value(name));
    out->class_count++;
    return out->classes[index] ? CUBBY_OK : CUBBY_NO_MEMORY;
}

// {"0": "cat", "1": "dog"}, in any order, without gaps.
static enum cubby_status read_id2label(struct reader *r, const json_t *map)
{
    size_t count = json_object_size(map);
    if (!count)
        return CUBBY_OK;
    if (count > MAX_CLASSES)
        return refuse(r, "config.json", "id2label has too many classes");
    r->out->classes = calloc(count, sizeof(char *));
    if (!r->out->classes)
        return CUBBY_NO_MEMORY;
    enum cubby_status status = CUBBY_OK;
    for (size_t i = 0; i < count && !status; i++) {
        char key[24];
        snprintf(key, sizeof(key), "%zu", i);
        const json_t *name = json_object_get(map, key);
        if (!json_is_string(name)) {
            cubby_log(r->log, CUBBY_LOG_ERROR,
                      "config.json in %s: id2label has %zu classes, but no name for class %zu",
                      r->path, count, i);
            return CUBBY_BAD_DATA;
        }
        status = take_name(r->out, i, name);
    }
    return status;
}

static enum cubby_status read_label_names(struct reader *r, const json_t *names)
{
    size_t count = json_array_size(names);
    if (!count)
        return CUBBY_OK;
    if (count > MAX_CLASSES)
        return refuse(r, "config.json", "label_names has too many classes");
    r->out->classes = calloc(count, sizeof(char *));
    if (!r->out->classes)
        return CUBBY_NO_MEMORY;
    enum cubby_status status = CUBBY_OK;
    for (size_t i = 0; i < count && !status; i++) {
        const json_t *name = json_array_get(names, i);
        if (!json_is_string(name))
            return refuse(r, "config.json", "label_names holds something else than names");
        status = take_name(r->out, i, name);
    }
    return status;
}

// ---- timm

static enum cubby_status read_timm(struct reader *r)
{
    const json_t *config = json_object_get(r->config, "pretrained_cfg");
    struct cubby_preprocess *p = &r->out->preprocess;
    const json_t *size = json_object_get(config, "input_size");
    const char *filter = text_of(config, "interpolation");
    const char *crop_mode = text_of(config, "crop_mode");
    const json_t *part = json_object_get(config, "crop_pct");
    uint32_t side = 224;
    double crop = json_is_number(part) ? json_number_value(part) : 0.875;
    if (size && (json_array_size(size) != 3 || !read_side(json_array_get(size, 1), &side) ||
                 json_integer_value(json_array_get(size, 2)) != (json_int_t)side))
        return refuse(r, "config.json", "input_size is not three numbers of a square picture");
    if (!(crop > 0.1 && crop <= 1) || floor(side / crop) > CUBBY_MAX_INPUT_SIDE)
        return refuse(r, "config.json", "crop_pct makes no sense");
    if (*crop_mode && strcmp(crop_mode, "center") != 0)
        return refuse(r, "config.json", "cubby knows the crop_mode center only");
    if (*filter && strcmp(filter, "bilinear") != 0 && strcmp(filter, "bicubic") != 0)
        return refuse(r, "config.json", "the interpolation is neither bilinear nor bicubic");
    *p = (struct cubby_preprocess){.rule = CUBBY_RESIZE_SHORTER, .centre = CUBBY_CENTRE_EVEN};
    p->filter = strcmp(filter, "bilinear") ? CUBBY_FILTER_BICUBIC : CUBBY_FILTER_BILINEAR;
    set_square(p, (uint32_t)floor(side / crop), side);
    memcpy(p->mean, imagenet_mean, sizeof(p->mean));
    memcpy(p->std, imagenet_std, sizeof(p->std));
    const json_t *mean = json_object_get(config, "mean"), *std = json_object_get(config, "std");
    if ((mean && !read_three(mean, p->mean)) || (std && !read_three(std, p->std)))
        return refuse(r, "config.json", "mean and std are not three numbers each");
    r->out->assumed = !json_is_object(config);
    const json_t *names = json_object_get(r->config, "label_names");
    return read_label_names(r, names ? names : json_object_get(config, "label_names"));
}

// ---- transformers

static enum cubby_status check_network(const struct reader *r)
{
    const char *kind = text_of(r->config, "model_type");
    const char *activation = text_of(r->config, "hidden_act");
    if (strcmp(kind, "resnet") != 0) {
        cubby_log(r->log, CUBBY_LOG_ERROR,
                  "config.json in %s describes a network of the kind \"%.60s\"; cubby runs ResNets",
                  r->path, *kind ? kind : "unknown");
        return CUBBY_UNSUPPORTED;
    }
    if (*activation && strcmp(activation, "relu") != 0)
        return refuse(r, "config.json", "hidden_act is not relu");
    if (json_is_true(json_object_get(r->config, "downsample_in_bottleneck")))
        return refuse(r, "config.json",
                      "downsample_in_bottleneck is true (the first version of ResNet), which cubby "
                      "does not know");
    if (json_is_true(json_object_get(r->config, "downsample_in_first_stage")))
        return refuse(r, "config.json", "downsample_in_first_stage is true");
    return CUBBY_OK;
}

// What ConvNextImageProcessor does: microsoft/resnet-50 and its kin were published with it.
static enum cubby_status read_convnext(struct reader *r, uint32_t side, double part)
{
    struct cubby_preprocess *p = &r->out->preprocess;
    if (side >= 384) { // without a crop
        p->rule = CUBBY_RESIZE_SQUISH;
        set_square(p, side, side);
        return CUBBY_OK;
    }
    if (!(part > 0.1 && part <= 1) || side / part > CUBBY_MAX_INPUT_SIDE)
        return refuse(r, "preprocessor_config.json", "crop_pct makes no sense");
    p->rule = CUBBY_RESIZE_SHORTER;
    set_square(p, (uint32_t)(side / part), side);
    return CUBBY_OK;
}

// "size": 224, {"shortest_edge": 224} or {"height": 224, "width": 224}.
static enum cubby_status read_sizes(struct reader *r)
{
    static const char name[] = "preprocessor_config.json";
    struct cubby_preprocess *p = &r->out->preprocess;
    const json_t *config = r->processor, *size = json_object_get(config, "size");
    const json_t *edge = json_object_get(size, "shortest_edge");
    const json_t *part = json_object_get(config, "crop_pct");
    const char *kind = text_of(config, "image_processor_type");
    if (!*kind)
        kind = text_of(config, "feature_extractor_type");
    uint32_t side;
    if (strstr(kind, "ConvNext") || part) {
        if (!read_side(edge ? edge : size, &side))
            return refuse(r, name, "size is not 1 to 1024 pixels");
        return read_convnext(r, side, json_is_number(part) ? json_number_value(part) : 224.0 / 256);
    }
    const json_t *height = json_object_get(size, "height"), *width = json_object_get(size, "width");
    const json_t *crop = json_object_get(config, "crop_size");
    p->rule = height ? CUBBY_RESIZE_SQUISH : CUBBY_RESIZE_SHORTER;
    bool good = height ? read_side(height, &p->resize_height) && read_side(width, &p->resize_width)
                       : read_side(edge ? edge : size, &p->resize_width);
    if (!height)
        p->resize_height = p->resize_width;
    if (!good)
        return refuse(r, name, "size is not 1 to 1024 pixels");
    p->crop_width = p->resize_width;
    p->crop_height = p->resize_height;
    bool crops = crop && is_on(config, "do_center_crop");
    if (!height && !crops)
        return refuse(r, name, "photos are not brought to one size");
    if (!crops)
        return CUBBY_OK;
    const json_t *high = json_object_get(crop, "height"), *wide = json_object_get(crop, "width");
    if (!read_side(high ? high : crop, &p->crop_height) ||
        !read_side(wide ? wide : crop, &p->crop_width))
        return refuse(r, name, "crop_size is not 1 to 1024 pixels");
    return CUBBY_OK;
}

static enum cubby_status read_values(struct reader *r)
{
    static const char name[] = "preprocessor_config.json";
    struct cubby_preprocess *p = &r->out->preprocess;
    const json_t *config = r->processor, *filter = json_object_get(config, "resample");
    const json_t *scale = json_object_get(config, "rescale_factor");
    if (!is_on(config, "do_resize"))
        return refuse(r, name, "do_resize is false, so that photos would not have one size");
    if (!is_on(config, "do_rescale") || (scale && fabs(json_number_value(scale) * 255 - 1) > 1e-6))
        return refuse(r, name, "pixels are not scaled to 0..1");
    if (filter && json_integer_value(filter) != 2 && json_integer_value(filter) != 3)
        return refuse(r, name, "resample is neither 2 (bilinear) nor 3 (bicubic)");
    p->filter = json_integer_value(filter) == 2 ? CUBBY_FILTER_BILINEAR : CUBBY_FILTER_BICUBIC;
    if (!is_on(config, "do_normalize")) {
        for (int i = 0; i < 3; i++) {
            p->mean[i] = 0;
            p->std[i] = 1;
        }
        return CUBBY_OK;
    }
    const json_t *mean = json_object_get(config, "image_mean");
    const json_t *std = json_object_get(config, "image_std");
    if ((mean && !read_three(mean, p->mean)) || (std && !read_three(std, p->std)))
        return refuse(r, name, "image_mean and image_std are not three numbers each");
    return CUBBY_OK;
}

static enum cubby_status read_transformers(struct reader *r)
{
    struct cubby_preprocess *p = &r->out->preprocess;
    *p = (struct cubby_preprocess){.filter = CUBBY_FILTER_BICUBIC, .centre = CUBBY_CENTRE_DOWN};
    memcpy(p->mean, imagenet_mean, sizeof(p->mean));
    memcpy(p->std, imagenet_std, sizeof(p->std));
    enum cubby_status status = check_network(r);
    r->out->assumed = !r->processor;
    if (!status && r->processor)
        status = read_values(r);
    if (!status)
        status = r->processor ? read_sizes(r) : read_convnext(r, 224, 224.0 / 256);
    return status ? status : read_id2label(r, json_object_get(r->config, "id2label"));
}

// ---- the folder

static enum cubby_status find_weights(struct reader *r)
{
    static const char *const names[] = {"model.safetensors", "pytorch_model.bin"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (!is_there(r->fs, r->path, names[i]))
            continue;
        r->out->weights = path_join(r->path, names[i]);
        return r->out->weights ? CUBBY_OK : CUBBY_NO_MEMORY;
    }
    cubby_log(r->log, CUBBY_LOG_ERROR,
              "%s has a config.json, but neither model.safetensors nor pytorch_model.bin: download "
              "one of them into it",
              r->path);
    return CUBBY_IO;
}

enum cubby_status hf_folder_read(struct hf_folder *out, const char *path, const struct fs *fs,
                                 const struct cubby_log *log)
{
    *out = (struct hf_folder){0};
    struct reader r = {.out = out, .path = path, .fs = fs, .log = log};
    enum cubby_status status = load(&r, "config.json", &r.config);
    if (!status && is_there(fs, path, "preprocessor_config.json"))
        status = load(&r, "preprocessor_config.json", &r.processor);
    bool timm = json_object_get(r.config, "architecture") != NULL;
    if (!status)
        status = timm ? read_timm(&r) : read_transformers(&r);
    if (!status)
        status = find_weights(&r);
    json_decref(r.config);
    json_decref(r.processor);
    if (status)
        hf_folder_free(out);
    return status;
}

void hf_folder_free(struct hf_folder *folder)
{
    for (size_t i = 0; i < folder->class_count; i++)
        free(folder->classes[i]);
    free(folder->classes);
    free(folder->weights);
    *folder = (struct hf_folder){0};
}
