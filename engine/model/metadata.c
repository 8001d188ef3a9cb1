#include "model/metadata.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/text.h"

#define MAX_PREPROCESS_VALUES 64u
#define MAX_PROVENANCE_VALUES 100000u
#define MAX_PROVENANCE_DEPTH 32u

static enum cubby_status bad(const struct cubby_log *log, const char *what)
{
    cubby_log(log, CUBBY_LOG_ERROR, "the model's metadata is damaged: %s", what);
    return CUBBY_BAD_DATA;
}

// ---- classes

static int compare_texts(const void *a, const void *b)
{
    const char *const *first = a, *const *second = b;
    return strcmp(*first, *second);
}

static enum cubby_status check_unique(const struct class_names *classes,
                                      const struct cubby_log *log)
{
    const char **sorted = malloc(sizeof(*sorted) * classes->count);
    if (!sorted)
        return CUBBY_NO_MEMORY;
    memcpy(sorted, classes->names, sizeof(*sorted) * classes->count);
    qsort(sorted, classes->count, sizeof(*sorted), compare_texts);
    enum cubby_status status = CUBBY_OK;
    for (uint32_t i = 1; i < classes->count && !status; ++i) {
        if (strcmp(sorted[i - 1], sorted[i]) == 0) {
            cubby_log(log, CUBBY_LOG_ERROR, "two classes are named %.200s", sorted[i]);
            status = CUBBY_BAD_DATA;
        }
    }
    free(sorted);
    return status;
}

static enum cubby_status add_class(struct class_names *classes, const char *name,
                                   const struct cubby_log *log)
{
    size_t bytes = strlen(name);
    if (bytes == 0 || bytes > CUBBY_MAX_CLASS_NAME_BYTES || !text_is_clean(name, bytes)) {
        cubby_log(log, CUBBY_LOG_ERROR,
                  "the name of class %u is empty, longer than %u bytes, not valid UTF-8 or holds "
                  "control characters",
                  classes->count + 1, CUBBY_MAX_CLASS_NAME_BYTES);
        return CUBBY_BAD_DATA;
    }
    char *copy = malloc(bytes + 1);
    if (!copy)
        return CUBBY_NO_MEMORY;
    memcpy(copy, name, bytes + 1);
    classes->names[classes->count++] = copy;
    return CUBBY_OK;
}

static enum cubby_status begin_classes(struct class_names *classes, size_t count,
                                       const struct cubby_log *log)
{
    *classes = (struct class_names){0};
    if (count == 0 || count > CUBBY_MAX_CLASSES) {
        cubby_log(log, CUBBY_LOG_ERROR, "there are %zu classes; a model has 1 to %u", count,
                  CUBBY_MAX_CLASSES);
        return CUBBY_BAD_DATA;
    }
    classes->names = calloc(count, sizeof(*classes->names));
    return classes->names ? CUBBY_OK : CUBBY_NO_MEMORY;
}

enum cubby_status class_names_copy(struct class_names *classes, const char *const *names,
                                   size_t count, const struct cubby_log *log)
{
    enum cubby_status status = begin_classes(classes, count, log);
    for (size_t i = 0; i < count && !status; ++i)
        status = add_class(classes, names[i], log);
    if (!status)
        status = check_unique(classes, log);
    if (status)
        class_names_fini(classes);
    return status;
}

enum cubby_status class_names_parse(struct class_names *classes, const char *json,
                                    const struct cubby_log *log)
{
    *classes = (struct class_names){0};
    json_t *array = NULL;
    enum cubby_status status = text_load_json(&array, json, strlen(json), CUBBY_MAX_CLASSES + 2, 1,
                                              "the list of classes", log);
    if (status)
        return status;
    if (!json_is_array(array)) {
        status = bad(log, "cubby.classes is not a list");
        goto out;
    }
    status = begin_classes(classes, json_array_size(array), log);
    for (size_t i = 0; i < json_array_size(array) && !status; ++i) {
        const char *name = json_string_value(json_array_get(array, i));
        status = name ? add_class(classes, name, log)
                      : bad(log, "cubby.classes holds something else than names");
    }
    if (!status)
        status = check_unique(classes, log);

out:
    if (status)
        class_names_fini(classes);
    json_decref(array);
    return status;
}

void class_names_fini(struct class_names *classes)
{
    for (uint32_t i = 0; i < classes->count; ++i)
        free(classes->names[i]);
    free(classes->names);
    *classes = (struct class_names){0};
}

char *class_names_print(const struct class_names *classes)
{
    json_t *array = json_array();
    char *text = NULL;
    for (uint32_t i = 0; i < classes->count; ++i) {
        if (json_array_append_new(array, json_string(classes->names[i])))
            goto out;
    }
    text = json_dumps(array, JSON_COMPACT);

out:
    json_decref(array);
    return text;
}

// ---- preprocessing

static bool is_side(uint32_t side)
{
    return side >= 1 && side <= CUBBY_MAX_INPUT_SIDE;
}

enum cubby_status preprocess_check(const struct cubby_preprocess *preprocess,
                                   const struct cubby_log *log)
{
    if (!is_side(preprocess->resize_width) ||
        (preprocess->rule == CUBBY_RESIZE_SQUISH && !is_side(preprocess->resize_height)) ||
        !is_side(preprocess->crop_width) || !is_side(preprocess->crop_height)) {
        cubby_log(log, CUBBY_LOG_ERROR,
                  "the preprocessing resizes to %ux%u and crops to %ux%u; sides are 1 to %u pixels",
                  preprocess->resize_width, preprocess->resize_height, preprocess->crop_width,
                  preprocess->crop_height, CUBBY_MAX_INPUT_SIDE);
        return CUBBY_BAD_DATA;
    }
    for (int i = 0; i < 3; ++i) {
        // 1/std must stay a number as well.
        if (!isfinite(preprocess->mean[i]) || !isfinite(preprocess->std[i]) ||
            preprocess->std[i] <= 0 || !isfinite(1 / preprocess->std[i]))
            return bad(log, "the mean is not finite, or the std is not greater than 0");
    }
    return CUBBY_OK;
}

static bool read_pair(const json_t *pair, uint32_t *width, uint32_t *height)
{
    uint32_t *sides[2] = {width, height};
    if (!json_is_array(pair) || json_array_size(pair) != 2)
        return false;
    for (size_t i = 0; i < 2; ++i) {
        const json_t *side = json_array_get(pair, i);
        json_int_t value = json_integer_value(side); // 0 for anything else
        if (value < 1 || value > CUBBY_MAX_INPUT_SIDE)
            return false;
        *sides[i] = (uint32_t)value;
    }
    return true;
}

static bool read_triple(const json_t *triple, float *values)
{
    if (!json_is_array(triple) || json_array_size(triple) != 3)
        return false;
    for (size_t i = 0; i < 3; ++i) {
        const json_t *number = json_array_get(triple, i);
        if (!json_is_number(number))
            return false;
        values[i] = (float)json_number_value(number);
    }
    return true;
}

static enum cubby_status read_preprocess(struct cubby_preprocess *preprocess, json_t *object,
                                         const struct cubby_log *log)
{
    const char *resize = json_string_value(json_object_get(object, "resize"));
    if (resize && strcmp(resize, "shorter") == 0)
        preprocess->rule = CUBBY_RESIZE_SHORTER;
    else if (resize && strcmp(resize, "squish") == 0)
        preprocess->rule = CUBBY_RESIZE_SQUISH;
    else
        return bad(log, "resize is neither \"shorter\" nor \"squish\"");

    const char *filter = json_string_value(json_object_get(object, "interpolation"));
    if (filter && strcmp(filter, "bilinear") == 0)
        preprocess->filter = CUBBY_FILTER_BILINEAR;
    else if (filter && strcmp(filter, "bicubic") == 0)
        preprocess->filter = CUBBY_FILTER_BICUBIC;
    else
        return bad(log, "interpolation is neither \"bilinear\" nor \"bicubic\"");

    if (!read_pair(json_object_get(object, "size"), &preprocess->resize_width,
                   &preprocess->resize_height) ||
        !read_pair(json_object_get(object, "crop"), &preprocess->crop_width,
                   &preprocess->crop_height))
        return bad(log, "size and crop are not pairs of sides from 1 to 1024");
    if (!read_triple(json_object_get(object, "mean"), preprocess->mean) ||
        !read_triple(json_object_get(object, "std"), preprocess->std))
        return bad(log, "mean and std are not three numbers each");
    const json_t *exif = json_object_get(object, "exif");
    if (!json_is_boolean(exif))
        return bad(log, "exif is neither true nor false");
    preprocess->exif_orientation = json_is_true(exif);
    // A key of a later cubby could change the scores, so it must not be passed over.
    if (json_object_size(object) != 7)
        return bad(log, "the preprocessing has keys that this version of cubby does not know");
    return preprocess_check(preprocess, log);
}

enum cubby_status preprocess_parse(struct cubby_preprocess *preprocess, const char *json,
                                   const struct cubby_log *log)
{
    *preprocess = (struct cubby_preprocess){0};
    json_t *object = NULL;
    enum cubby_status status = text_load_json(&object, json, strlen(json), MAX_PREPROCESS_VALUES, 2,
                                              "the preprocessing", log);
    if (!status)
        status = read_preprocess(preprocess, object, log);
    json_decref(object);
    return status;
}

// The double with the fewest decimal digits that is this float: 0.485, not 0.48500001430511475.
static json_t *print_float(float value)
{
    double shortest = value;
    for (int digits = 1; digits <= 9; ++digits) {
        char text[40];
        snprintf(text, sizeof(text), "%.*g", digits, (double)value);
        shortest = strtod(text, NULL);
        if ((float)shortest == value)
            break;
    }
    return json_real(shortest);
}

char *preprocess_print(const struct cubby_preprocess *preprocess)
{
    json_t *mean = json_array(), *std = json_array();
    for (int i = 0; i < 3; ++i) {
        json_array_append_new(mean, print_float(preprocess->mean[i]));
        json_array_append_new(std, print_float(preprocess->std[i]));
    }
    bool squish = preprocess->rule == CUBBY_RESIZE_SQUISH;
    // With "shorter" the height says nothing; the pair repeats the width.
    uint32_t height = squish ? preprocess->resize_height : preprocess->resize_width;
    json_t *object = json_pack("{s:s, s:[i, i], s:[i, i], s:s, s:o, s:o, s:b}", "resize",
                               squish ? "squish" : "shorter", "size", (int)preprocess->resize_width,
                               (int)height, "crop", (int)preprocess->crop_width,
                               (int)preprocess->crop_height, "interpolation",
                               preprocess->filter == CUBBY_FILTER_BICUBIC ? "bicubic" : "bilinear",
                               "mean", mean, "std", std, "exif", (int)preprocess->exif_orientation);
    // Nine digits tell floats apart; seventeen would show the double's tail again.
    char *text = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(object);
    return text;
}

void cubby_preprocess_describe(const struct cubby_preprocess *preprocess, char *text,
                               size_t text_bytes)
{
    const char *filter = preprocess->filter == CUBBY_FILTER_BICUBIC ? "bicubic" : "bilinear";
    char resize[64];
    if (preprocess->rule == CUBBY_RESIZE_SQUISH)
        snprintf(resize, sizeof(resize), "squished to %ux%u", preprocess->resize_width,
                 preprocess->resize_height);
    else
        snprintf(resize, sizeof(resize), "shorter side to %u", preprocess->resize_width);
    const float *mean = preprocess->mean, *std = preprocess->std;
    snprintf(text, text_bytes,
             "%s (%s), centre crop %ux%u, mean %g %g %g, std %g %g %g, EXIF orientation %s", resize,
             filter, preprocess->crop_width, preprocess->crop_height, (double)mean[0],
             (double)mean[1], (double)mean[2], (double)std[0], (double)std[1], (double)std[2],
             preprocess->exif_orientation ? "applied" : "ignored");
}

// ---- provenance

enum cubby_status provenance_check(const char *json, const struct cubby_log *log)
{
    size_t bytes = strlen(json);
    if (bytes > METADATA_MAX_PROVENANCE_BYTES) {
        cubby_log(log, CUBBY_LOG_ERROR, "the provenance has %zu bytes, the limit is %zu", bytes,
                  METADATA_MAX_PROVENANCE_BYTES);
        return CUBBY_TOO_LARGE;
    }
    json_t *object = NULL;
    enum cubby_status status = text_load_json(&object, json, bytes, MAX_PROVENANCE_VALUES,
                                              MAX_PROVENANCE_DEPTH, "the provenance", log);
    if (!status && !json_is_object(object))
        status = bad(log, "the provenance is not a JSON object");
    json_decref(object);
    return status;
}
