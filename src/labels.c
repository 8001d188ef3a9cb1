#include "labels.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "engine/model.h"
#include "platform/path.h"

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

static enum cubby_status parse_json(struct labels *labels, const char *text, size_t size_bytes,
                                    const struct cubby_log *log)
{
    json_error_t error;
    json_t *array = json_loadb(text, size_bytes, JSON_REJECT_DUPLICATES, &error);
    enum cubby_status status = CUBBY_OK;
    if (!array) {
        cubby_log(log, CUBBY_LOG_ERROR, "the labels file is damaged JSON: line %d: %s", error.line,
                  error.text);
        return CUBBY_BAD_DATA;
    }
    for (size_t i = 0; i < json_array_size(array) && !status; i++) {
        json_t *name = json_array_get(array, i);
        if (json_is_string(name)) {
            status = add(labels, json_string_value(name), json_string_length(name), log);
        } else {
            cubby_log(log, CUBBY_LOG_ERROR, "entry %zu of the labels file is not a string", i + 1);
            status = CUBBY_BAD_DATA;
        }
    }
    json_decref(array);
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
    bool json = start < size_bytes && text[start] == '[';
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

// Adds the name if it is that of a folder.
static enum cubby_status add_folder(struct labels *out, const struct fs *fs, const char *path,
                                    const char *name, const struct cubby_log *log)
{
    struct fs_stat stat;
    char *joined = path_join(path, name);
    if (!joined)
        return CUBBY_NO_MEMORY;
    enum cubby_status status = CUBBY_OK;
    int error = fs->is_hidden(fs, joined) ? 0 : fs->stat(fs, joined, &stat);
    // A link that leads nowhere is no class; anything else might be one that is missed.
    if (error && error != UV_ENOENT) {
        cubby_log(log, CUBBY_LOG_ERROR, "%s cannot be looked at: %s", joined, fs_error_text(error));
        status = CUBBY_IO;
    } else if (!error && !fs->is_hidden(fs, joined) && stat.is_folder) {
        status = add(out, name, strlen(name), log);
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
                  "the folder %s has no folders in it; name the one that has a folder for each "
                  "class",
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
