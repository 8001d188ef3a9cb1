#include "labels.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "decode/decode.h"
#include "engine/json.h"
#include "engine/model.h"
#include "platform/path.h"
#include "scan.h"

// Of each class its number and its name.
#define MAX_JSON_VALUES (2 * CUBBY_MAX_CLASSES + 2)

static enum cubby_status add(struct labels *labels, const char *name, size_t length,
                             const struct cubby_log *log)
{
    if (labels->count == CUBBY_MAX_CLASSES) {
        cubby_log(log, CUBBY_LOG_ERROR, "there are more than %u class names", CUBBY_MAX_CLASSES);
        return CUBBY_TOO_LARGE;
    }
    // Grows at powers of two.
    if ((labels->count & (labels->count - 1)) == 0) {
        size_t capacity = labels->count ? labels->count * 2 : 1;
        char **grown = realloc(labels->names, capacity * sizeof(*grown));
        if (!grown)
            return CUBBY_NO_MEMORY;
        labels->names = grown;
    }
    char *copy = malloc(length + 1);
    if (!copy)
        return CUBBY_NO_MEMORY;
    memcpy(copy, name, length);
    copy[length] = '\0';
    labels->names[labels->count++] = copy;
    return CUBBY_OK;
}

static bool is_blank(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!strchr(" \t\r\n", text[i]) || !text[i])
            return false;
    return true;
}

static enum cubby_status parse_lines(struct labels *labels, const char *text, size_t size_bytes,
                                     const struct cubby_log *log)
{
    enum cubby_status status = CUBBY_OK;
    for (size_t at = 0; at < size_bytes && !status;) {
        const char *line = text + at;
        if (is_blank(line, size_bytes - at))
            break;
        const char *end = memchr(line, '\n', size_bytes - at);
        size_t length = end ? (size_t)(end - line) : size_bytes - at;
        at += length + 1;
        if (length && line[length - 1] == '\r')
            length--;
        if (is_blank(line, length) || memchr(line, '\0', length)) {
            cubby_log(log, CUBBY_LOG_ERROR, "line %zu of the labels file is no class name",
                      labels->count + 1);
            return CUBBY_BAD_DATA;
        }
        status = add(labels, line, length, log);
    }
    return status;
}

static enum cubby_status add_json(struct labels *labels, const json_t *name,
                                  const struct cubby_log *log)
{
    return add(labels, json_string_value(name), json_string_length(name), log);
}

static enum cubby_status read_array(struct labels *out, const json_t *array, const char *what,
                                    const struct cubby_log *log)
{
    enum cubby_status status = CUBBY_OK;
    for (size_t i = 0; i < json_array_size(array) && !status; i++) {
        const json_t *name = json_array_get(array, i);
        if (!json_is_string(name)) {
            cubby_log(log, CUBBY_LOG_ERROR, "entry %zu of %s is not a string", i + 1, what);
            return CUBBY_BAD_DATA;
        }
        status = add_json(out, name, log);
    }
    return status;
}

static enum cubby_status read_map(struct labels *out, const json_t *map, const char *what,
                                  const struct cubby_log *log)
{
    enum cubby_status status = CUBBY_OK;
    size_t count = json_object_size(map);
    for (size_t i = 0; i < count && !status; i++) {
        char key[24];
        snprintf(key, sizeof(key), "%zu", i);
        const json_t *name = json_object_get(map, key);
        if (!json_is_string(name)) {
            cubby_log(log, CUBBY_LOG_ERROR,
                      "%s has %zu entries, but no name for class %zu: it must map 0, 1, 2 and so "
                      "on to names",
                      what, count, i);
            return CUBBY_BAD_DATA;
        }
        status = add_json(out, name, log);
    }
    return status;
}

enum cubby_status labels_from_json(struct labels *out, const json_t *value, const char *what,
                                   const struct cubby_log *log)
{
    *out = (struct labels){0};
    enum cubby_status status = CUBBY_BAD_DATA;
    if (json_is_array(value))
        status = read_array(out, value, what, log);
    else if (json_is_object(value))
        status = read_map(out, value, what, log);
    else
        cubby_log(log, CUBBY_LOG_ERROR, "%s is no list of names", what);
    if (status)
        labels_free(out);
    return status;
}

static enum cubby_status parse_json(struct labels *labels, const char *text, size_t size_bytes,
                                    const struct cubby_log *log)
{
    static const char what[] = "the labels file";
    enum cubby_status status =
        cubby_json_check_cost(text, size_bytes, MAX_JSON_VALUES, 2, what, log);
    if (status)
        return status;
    json_error_t error;
    json_t *value = json_loadb(text, size_bytes, JSON_REJECT_DUPLICATES, &error);
    if (!value) {
        cubby_log(log, CUBBY_LOG_ERROR, "%s is damaged JSON: line %d: %s", what, error.line,
                  error.text);
        return CUBBY_BAD_DATA;
    }
    status = labels_from_json(labels, value, what, log);
    json_decref(value);
    return status;
}

enum cubby_status labels_parse(struct labels *out, const char *text, size_t size_bytes,
                               const struct cubby_log *log)
{
    *out = (struct labels){0};
    if (size_bytes >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
        text += 3;
        size_bytes -= 3;
    }
    size_t start = 0;
    while (start < size_bytes && is_blank(text + start, 1))
        start++;
    bool json = start < size_bytes && (text[start] == '[' || text[start] == '{');
    enum cubby_status status =
        json ? parse_json(out, text, size_bytes, log) : parse_lines(out, text, size_bytes, log);
    if (!status && !out->count) {
        cubby_log(log, CUBBY_LOG_ERROR, "the labels file has no names in it");
        status = CUBBY_BAD_DATA;
    }
    if (status)
        labels_free(out);
    return status;
}

// Whether there is a photo in the folder or below it, by its name as fastai goes by.
static enum cubby_status has_photo(const struct fs *fs, const char *folder, bool *found,
                                   const struct cubby_log *log)
{
    const struct scan_params params = {.roots = &folder, .root_count = 1, .fs = fs, .log = log};
    struct scan *scan = NULL;
    enum cubby_status status = scan_create(&scan, &params);
    *found = false;
    while (!status && !*found) {
        struct photo *photo = NULL;
        status = scan_next(scan, &photo);
        if (!photo)
            break;
        *found = decode_name_is_photo(photo->path);
        photo_free(&photo);
    }
    if (!status && !*found && scan_unreadable_folders(scan)) {
        cubby_log(log, CUBBY_LOG_ERROR,
                  "whether %s has photos in it, and so is a class, cannot be seen", folder);
        status = CUBBY_IO;
    }
    scan_destroy(&scan);
    return status;
}

// Adds the name if it is that of a folder with photos.
static enum cubby_status add_folder(struct labels *out, const struct fs *fs, const char *path,
                                    const char *name, const struct cubby_log *log)
{
    struct fs_stat stat;
    char *joined = path_join(path, name);
    if (!joined)
        return CUBBY_NO_MEMORY;
    enum cubby_status status = CUBBY_OK;
    bool hidden = fs->is_hidden(fs, joined), found = false;
    int error = hidden ? 0 : fs->stat(fs, joined, &stat);
    // A link that leads nowhere is no class; anything else might be one that is missed.
    if (error && error != UV_ENOENT) {
        cubby_log(log, CUBBY_LOG_ERROR, "%s cannot be looked at: %s", joined, fs_error_text(error));
        status = CUBBY_IO;
    } else if (!error && !hidden && stat.is_folder) {
        status = has_photo(fs, joined, &found, log);
        if (found)
            status = add(out, name, strlen(name), log);
        else if (!status)
            cubby_log(log, CUBBY_LOG_WARNING, "%s has no photos in it: it is taken for no class",
                      joined);
    }
    free(joined);
    return status;
}

enum cubby_status labels_read_folders(struct labels *out, const struct fs *fs, const char *path,
                                      const struct cubby_log *log)
{
    *out = (struct labels){0};
    struct fs_names names = {0};
    int error = fs->list(fs, path, &names);
    if (error) {
        cubby_log(log, CUBBY_LOG_ERROR, "the folder %s cannot be read: %s", path,
                  fs_error_text(error));
        return fs_status(error);
    }
    // Sorted by bytes, which for UTF-8 is the order of code points.
    enum cubby_status status = CUBBY_OK;
    for (size_t i = 0; i < names.count && !status; i++)
        status = add_folder(out, fs, path, names.names[i], log);
    fs_names_free(&names);
    if (!status && !out->count) {
        cubby_log(log, CUBBY_LOG_ERROR,
                  "the folder %s has no folders with photos in them; name the one that has a "
                  "folder for each class",
                  path);
        status = CUBBY_BAD_DATA;
    }
    if (status)
        labels_free(out);
    return status;
}

void labels_free(struct labels *labels)
{
    for (size_t i = 0; i < labels->count; i++)
        free(labels->names[i]);
    free(labels->names);
    *labels = (struct labels){0};
}
