#include "model/metadata.h"

#include <stdlib.h>
#include <string.h>

#include "model/text.h"

#define MAX_PROVENANCE_VALUES 100000u
#define MAX_PROVENANCE_DEPTH 32u

enum cubby_status metadata_bad(const struct cubby_log *log, const char *what)
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
        status = metadata_bad(log, "cubby.classes is not a list");
        goto out;
    }
    status = begin_classes(classes, json_array_size(array), log);
    for (size_t i = 0; i < json_array_size(array) && !status; ++i) {
        const char *name = json_string_value(json_array_get(array, i));
        status = name ? add_class(classes, name, log)
                      : metadata_bad(log, "cubby.classes holds something else than names");
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
        status = metadata_bad(log, "the provenance is not a JSON object");
    json_decref(object);
    return status;
}
