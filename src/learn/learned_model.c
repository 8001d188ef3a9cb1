#include "learn/learned_model.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "hash.h"
#include "model_file.h"
#include "platform/path.h"

// Enough to compare, and the same text wherever the last bit of a sum differs.
static json_t *rounded(double value)
{
    return json_real(round(value * 1e6) / 1e6);
}

static json_t *accuracy_figures(const struct train_accuracy *accuracy)
{
    return json_pack("{s:o, s:o, s:o, s:I, s:I, s:I}", "value", rounded(accuracy->accuracy), "low",
                     rounded(accuracy->low), "high", rounded(accuracy->high), "photos",
                     (json_int_t)accuracy->photos, "right", (json_int_t)accuracy->right, "groups",
                     (json_int_t)accuracy->groups);
}

json_t *learned_figures(const struct train_result *result, double target_precision)
{
    json_t *object =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:I}", "accuracy", accuracy_figures(&result->honest),
                  "temperature", rounded(result->temperature), "calibration_error_before",
                  rounded(result->ece_before), "calibration_error", rounded(result->ece_after),
                  "l2", json_real(result->l2), "folds", (json_int_t)result->folds);
    if (object && result->careless.photos)
        json_object_set_new(object, "careless_accuracy", accuracy_figures(&result->careless));
    if (object && target_precision > 0)
        json_object_set_new(object, "target_precision", json_real(target_precision));
    if (object && result->threshold.reachable) {
        json_object_set_new(object, "threshold", json_real(result->threshold.threshold));
        json_object_set_new(object, "precision", rounded(result->threshold.precision));
        json_object_set_new(object, "kept", json_integer(result->threshold.kept));
    }
    return object;
}

// Where the network comes from.
static json_t *base_of(const struct model_file *base)
{
    json_t *own = json_loads(cubby_model_provenance(base->model), 0, NULL);
    json_t *earlier = json_object_get(own, "learned") ? json_object_get(own, "base") : NULL;
    if (json_is_object(earlier)) {
        json_incref(earlier);
        json_decref(own);
        return earlier;
    }
    char hash[40];
    snprintf(hash, sizeof(hash), "%016" PRIx64 "%016" PRIx64, base->hash.high, base->hash.low);
    char *name = path_base(base->path);
    json_t *text = name ? json_string(name) : NULL; // NULL also where it is not UTF-8
    json_t *object = json_pack("{s:s, s:o}", "xxh3_128", hash, "provenance",
                               json_is_object(own) ? json_incref(own) : json_object());
    if (object && text)
        json_object_set(object, "file", text);
    json_decref(text);
    json_decref(own);
    free(name);
    return object;
}

static char *provenance_of(const struct learned_model *model, const struct model_file *base)
{
    json_t *from = base_of(base);
    json_t *object = json_pack("{s:o*, s:O}", "base", from, "learned", model->facts);
    char *text =
        object ? json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(object);
    return text;
}

static enum cubby_status write_head(void **data, size_t *size_bytes,
                                    const struct learned_model *model,
                                    const struct model_file *base, const struct cubby_log *log)
{
    const struct train_result *result = model->result;
    char *provenance = provenance_of(model, base);
    if (!provenance)
        return CUBBY_NO_MEMORY;
    const struct cubby_new_head head = {
        .weight = result->head.weight,
        .bias = result->head.bias,
        .class_names = model->classes,
        .class_count = model->class_count,
        .threshold = result->threshold.reachable ? result->threshold.threshold : -1,
        .temperature = result->temperature,
        .provenance_json = provenance};
    enum cubby_status status = cubby_model_write_head(base->model, &head, data, size_bytes, log);
    free(provenance);
    return status;
}

enum cubby_status learned_model_write(void **data, size_t *size_bytes,
                                      const struct learned_model *model, const struct fs *fs,
                                      const struct cubby_log *log)
{
    *data = NULL;
    struct model_file base;
    enum cubby_status status = model_file_open(&base, model->base, fs, log);
    if (status)
        return status;
    if (!photo_hash_equal(base.hash, model->base_hash)) {
        cubby_log(log, CUBBY_LOG_ERROR, "the model %s changed meanwhile", model->base);
        status = CUBBY_BAD_DATA;
    }
    if (!status)
        status = write_head(data, size_bytes, model, &base, log);
    model_file_close(&base); // before as much memory is taken again
    return status ? status : model_file_add_selftest(data, size_bytes, log);
}
