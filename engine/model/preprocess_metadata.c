// cubby.preprocessing: JSON in, struct cubby_preprocess out, and back.
//
//   {"resize":"pad","size":[304,200],"pad":"zeros","crop":[304,200],"centre":"down",
//    "interpolation":"bilinear","mean":[...],"std":[...],"exif":false,"resamples":[
//      {"size":[224,224],"align_corners":true,"crop":{"ratio":[1,1],"scale":1}}]}
//
// pad, centre, resamples and the crop of a resample may be missing: zeros, "even", none, none. They
// are written only where they matter, so that files that never needed them keep their bytes.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/metadata.h"
#include "model/text.h"

#define MAX_VALUES 96u
#define MAX_DEPTH 5u // {"resamples":[{"crop":{"ratio":[
#define MIN_RATIO 0.001f
#define MAX_RATIO 1000.0f

// In the order of the enums.
static const char *const rules[] = {"shorter", "squish", "crop", "pad", NULL};
static const char *const filters[] = {"bilinear", "bicubic", NULL};
static const char *const pads[] = {"zeros", "border", "reflection", NULL};
static const char *const centres[] = {"even", "down", NULL};

// ---- limits

static bool is_side(uint32_t side)
{
    return side >= 1 && side <= CUBBY_MAX_INPUT_SIDE;
}

static enum cubby_status check_resample(const struct cubby_resample *resample,
                                        const struct cubby_log *log)
{
    if (!is_side(resample->width) || !is_side(resample->height)) {
        cubby_log(log, CUBBY_LOG_ERROR,
                  "the preprocessing resamples to %ux%u; sides are 1 to %u pixels", resample->width,
                  resample->height, CUBBY_MAX_INPUT_SIDE);
        return CUBBY_BAD_DATA;
    }
    // Written so that NaN is refused, too.
    if (resample->crop &&
        !(resample->min_ratio >= MIN_RATIO && resample->min_ratio <= resample->max_ratio &&
          resample->max_ratio <= MAX_RATIO && resample->scale > 0 && resample->scale <= 1))
        return metadata_bad(log, "a crop's ratios are not from 0.001 to 1000, the smaller one "
                                 "first, or its scale is not over 0 and at most 1");
    return CUBBY_OK;
}

enum cubby_status preprocess_check(const struct cubby_preprocess *preprocess,
                                   const struct cubby_log *log)
{
    if (!is_side(preprocess->resize_width) ||
        (preprocess->rule != CUBBY_RESIZE_SHORTER && !is_side(preprocess->resize_height)) ||
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
            return metadata_bad(log, "the mean is not finite, or the std is not greater than 0");
    }
    if (preprocess->resample_count > CUBBY_MAX_RESAMPLES)
        return metadata_bad(log, "there are more than 2 resamples");
    enum cubby_status status = CUBBY_OK;
    for (uint32_t i = 0; i < preprocess->resample_count && !status; ++i)
        status = check_resample(&preprocess->resamples[i], log);
    return status;
}

// ---- reading

// The position of the text under `key`; -1 if it is none of the choices.
static int read_choice(const json_t *object, const char *key, const char *const *choices)
{
    const char *text = json_string_value(json_object_get(object, key));
    for (int i = 0; text && choices[i]; ++i) {
        if (strcmp(choices[i], text) == 0)
            return i;
    }
    return -1;
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

static bool read_floats(const json_t *array, float *values, size_t count)
{
    if (!json_is_array(array) || json_array_size(array) != count)
        return false;
    for (size_t i = 0; i < count; ++i) {
        const json_t *number = json_array_get(array, i);
        if (!json_is_number(number))
            return false;
        values[i] = (float)json_number_value(number);
    }
    return true;
}

static bool read_resample(struct cubby_resample *resample, const json_t *object)
{
    const json_t *align = json_object_get(object, "align_corners");
    if (!read_pair(json_object_get(object, "size"), &resample->width, &resample->height) ||
        !json_is_boolean(align))
        return false;
    resample->align_corners = json_is_true(align);
    const json_t *crop = json_object_get(object, "crop");
    if (!crop)
        return json_object_size(object) == 2;

    resample->crop = true;
    float ratios[2];
    const json_t *scale = json_object_get(crop, "scale");
    if (!read_floats(json_object_get(crop, "ratio"), ratios, 2) || !json_is_number(scale))
        return false;
    resample->min_ratio = ratios[0];
    resample->max_ratio = ratios[1];
    resample->scale = (float)json_number_value(scale);
    return json_object_size(crop) == 2 && json_object_size(object) == 3;
}

static enum cubby_status read_resamples(struct cubby_preprocess *preprocess, const json_t *array,
                                        const struct cubby_log *log)
{
    size_t count = json_array_size(array); // 0 for anything else
    if (count < 1 || count > CUBBY_MAX_RESAMPLES)
        return metadata_bad(log, "resamples is not a list of 1 or 2");
    for (size_t i = 0; i < count; ++i) {
        if (!read_resample(&preprocess->resamples[i], json_array_get(array, i)))
            return metadata_bad(log, "a resample is not {\"size\", \"align_corners\"} with sides "
                                     "from 1 to 1024, and perhaps \"crop\"");
    }
    preprocess->resample_count = (uint32_t)count;
    return CUBBY_OK;
}

// The keys that older files lack. *keys counts those that are there.
static enum cubby_status read_newer_keys(struct cubby_preprocess *preprocess, const json_t *object,
                                         size_t *keys, const struct cubby_log *log)
{
    if (json_object_get(object, "pad")) {
        int pad = read_choice(object, "pad", pads);
        if (pad < 0)
            return metadata_bad(log, "pad is neither \"zeros\", \"border\" nor \"reflection\"");
        preprocess->pad = (enum cubby_pad)pad;
        ++*keys;
    }
    if (json_object_get(object, "centre")) {
        int centre = read_choice(object, "centre", centres);
        if (centre < 0)
            return metadata_bad(log, "centre is neither \"even\" nor \"down\"");
        preprocess->centre = (enum cubby_centre)centre;
        ++*keys;
    }
    const json_t *resamples = json_object_get(object, "resamples");
    if (!resamples)
        return CUBBY_OK;
    ++*keys;
    return read_resamples(preprocess, resamples, log);
}

static enum cubby_status read_preprocess(struct cubby_preprocess *preprocess, const json_t *object,
                                         const struct cubby_log *log)
{
    int rule = read_choice(object, "resize", rules);
    if (rule < 0)
        return metadata_bad(log, "resize is neither \"shorter\", \"squish\", \"crop\" nor \"pad\"");
    preprocess->rule = (enum cubby_resize_rule)rule;
    int filter = read_choice(object, "interpolation", filters);
    if (filter < 0)
        return metadata_bad(log, "interpolation is neither \"bilinear\" nor \"bicubic\"");
    preprocess->filter = (enum cubby_filter)filter;

    if (!read_pair(json_object_get(object, "size"), &preprocess->resize_width,
                   &preprocess->resize_height) ||
        !read_pair(json_object_get(object, "crop"), &preprocess->crop_width,
                   &preprocess->crop_height))
        return metadata_bad(log, "size and crop are not pairs of sides from 1 to 1024");
    if (!read_floats(json_object_get(object, "mean"), preprocess->mean, 3) ||
        !read_floats(json_object_get(object, "std"), preprocess->std, 3))
        return metadata_bad(log, "mean and std are not three numbers each");
    const json_t *exif = json_object_get(object, "exif");
    if (!json_is_boolean(exif))
        return metadata_bad(log, "exif is neither true nor false");
    preprocess->exif_orientation = json_is_true(exif);
    size_t keys = 7;
    enum cubby_status status = read_newer_keys(preprocess, object, &keys, log);
    if (status)
        return status;
    // A key of a later cubby could change the scores, so it must not be passed over.
    if (json_object_size(object) != keys)
        return metadata_bad(log,
                            "the preprocessing has keys that this version of cubby does not know");
    return preprocess_check(preprocess, log);
}

enum cubby_status preprocess_parse(struct cubby_preprocess *preprocess, const char *json,
                                   const struct cubby_log *log)
{
    *preprocess = (struct cubby_preprocess){0};
    json_t *object = NULL;
    enum cubby_status status = text_load_json(&object, json, strlen(json), MAX_VALUES, MAX_DEPTH,
                                              "the preprocessing", log);
    if (!status)
        status = read_preprocess(preprocess, object, log);
    json_decref(object);
    return status;
}

// ---- writing

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

static json_t *print_floats(const float *values, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; ++i)
        json_array_append_new(array, print_float(values[i]));
    return array;
}

// NULL when memory runs out: a list with a resample missing would be another preprocessing.
static json_t *print_resamples(const struct cubby_preprocess *preprocess)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < preprocess->resample_count; ++i) {
        const struct cubby_resample *resample = &preprocess->resamples[i];
        json_t *object =
            json_pack("{s:[i, i], s:b}", "size", (int)resample->width, (int)resample->height,
                      "align_corners", (int)resample->align_corners);
        if (resample->crop) {
            const float ratios[2] = {resample->min_ratio, resample->max_ratio};
            json_object_set_new(object, "crop",
                                json_pack("{s:o, s:o}", "ratio", print_floats(ratios, 2), "scale",
                                          print_float(resample->scale)));
        }
        if (resample->crop && !json_object_get(object, "crop")) {
            json_decref(object);
            break;
        }
        json_array_append_new(array, object);
    }
    if (json_array_size(array) == preprocess->resample_count)
        return array;
    json_decref(array);
    return NULL;
}

char *preprocess_print(const struct cubby_preprocess *preprocess)
{
    bool shorter = preprocess->rule == CUBBY_RESIZE_SHORTER;
    // With "shorter" the height says nothing; the pair repeats the width.
    uint32_t height = shorter ? preprocess->resize_width : preprocess->resize_height;
    json_t *object = json_pack(
        "{s:s, s:[i, i], s:[i, i], s:s, s:o, s:o, s:b}", "resize", rules[preprocess->rule], "size",
        (int)preprocess->resize_width, (int)height, "crop", (int)preprocess->crop_width,
        (int)preprocess->crop_height, "interpolation", filters[preprocess->filter], "mean",
        print_floats(preprocess->mean, 3), "std", print_floats(preprocess->std, 3), "exif",
        (int)preprocess->exif_orientation);
    int failed = 0;
    if (preprocess->rule == CUBBY_RESIZE_PAD)
        failed |= json_object_set_new(object, "pad", json_string(pads[preprocess->pad]));
    if (preprocess->centre != CUBBY_CENTRE_EVEN)
        failed |= json_object_set_new(object, "centre", json_string(centres[preprocess->centre]));
    if (preprocess->resample_count)
        failed |= json_object_set_new(object, "resamples", print_resamples(preprocess));
    // Nine digits tell floats apart; seventeen would show the double's tail again.
    char *text =
        object && !failed ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(object);
    return text;
}
