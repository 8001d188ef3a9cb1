#include "hf_config.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const float hf_imagenet_mean[3] = {0.485f, 0.456f, 0.406f};
const float hf_imagenet_std[3] = {0.229f, 0.224f, 0.225f};

enum cubby_status hf_refuse(const struct hf_reader *r, const char *file, const char *format, ...)
{
    char why[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof(why), format, arguments);
    va_end(arguments);
    cubby_log(r->log, CUBBY_LOG_ERROR, "%s in %s: %s", file, r->path, why);
    return CUBBY_UNSUPPORTED;
}

const char *hf_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

bool hf_read_side(const json_t *value, uint32_t *side)
{
    json_int_t number = json_is_integer(value) ? json_integer_value(value) : 0;
    *side = (uint32_t)number;
    return number >= 1 && number <= CUBBY_MAX_INPUT_SIDE;
}

bool hf_read_three(const json_t *array, float values[3])
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

bool hf_is_on(const json_t *object, const char *key)
{
    return !json_is_false(json_object_get(object, key));
}

void hf_set_square(struct cubby_preprocess *preprocess, uint32_t resize, uint32_t crop)
{
    preprocess->resize_width = preprocess->resize_height = resize;
    preprocess->crop_width = preprocess->crop_height = crop;
}

enum cubby_status hf_read_labels(struct hf_reader *r, const json_t *object, const char *const *keys)
{
    for (; *keys; keys++) {
        const json_t *value = json_object_get(object, *keys);
        if (!json_array_size(value) && !json_object_size(value))
            continue;
        char what[64];
        snprintf(what, sizeof(what), "%s in " HF_CONFIG, *keys);
        labels_free(&r->out->labels);
        return labels_from_json(&r->out->labels, value, what, r->log);
    }
    return CUBBY_OK;
}

enum cubby_status hf_read_scores(struct hf_reader *r, const json_t *config)
{
    const char *problem = hf_text(config, "problem_type");
    if (!*problem)
        return CUBBY_OK;
    r->out->scores_said = true;
    if (strcmp(problem, "multi_label_classification") == 0)
        r->out->scores = CUBBY_SCORES_SIGMOID;
    else if (strcmp(problem, "single_label_classification") != 0)
        return hf_refuse(r, HF_CONFIG, "problem_type is %.60s; cubby runs classifiers", problem);
    return CUBBY_OK;
}
