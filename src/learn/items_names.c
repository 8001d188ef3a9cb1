// The file that says which photos show the same item.
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "hash_table.h"
#include "learn/items.h"
#include "photo.h"
#include "platform/path.h"
#include "platform/read_file.h"

#define MAX_FILE_BYTES (UINT64_C(256) << 20)

struct names_file {
    const char *path; // for messages
    const struct cubby_log *log;
    struct hash_table photos; // every way of naming a photo, to its index
    struct hash_table groups; // to their numbers
    uint32_t *named;
    char *at; // into the text, NUL-terminated
    size_t line;
    uint32_t group_count;
    uint64_t known, unknown;
    char *first_unknown; // borrowed from the text
};

static struct photo_hash key_of(const char *text)
{
    return photo_hash_bytes(text, strlen(text));
}

static enum cubby_status enter_photo(struct names_file *file, const struct labelled_photo *photo,
                                     uint32_t index)
{
    char *absolute = path_absolute(photo->path);
    enum cubby_status status = absolute ? CUBBY_OK : CUBBY_NO_MEMORY;
    if (!status)
        status = hash_table_add(&file->photos, key_of(absolute), index);
    if (!status)
        status = hash_table_add(&file->photos, key_of(photo->path), index);
    if (!status)
        status = hash_table_add(&file->photos, key_of(photo->relative), index);
    free(absolute);
    return status;
}

static enum cubby_status bad_line(const struct names_file *file, const char *what)
{
    cubby_log(file->log, CUBBY_LOG_ERROR,
              "%s, line %zu: %s; each line should be a photo's path and the name of its group, "
              "with a comma or a tab between them",
              file->path, file->line, what);
    return CUBBY_BAD_DATA;
}

static bool ends_field(char c)
{
    return c == ',' || c == '\t' || c == '\n' || c == '\r' || c == '\0';
}

// Takes a field, unquoted in place, and the separator behind it. NULL: a quote is not closed, or
// something follows it.
static char *take_field(struct names_file *file, char *separator)
{
    char *from = file->at, *to = file->at, *field = file->at;
    if (*from == '"') {
        for (from++; *from && (*from != '"' || from[1] == '"'); from++) {
            from += *from == '"';
            *to++ = *from;
        }
        if (*from++ != '"' || !ends_field(*from))
            return NULL;
    } else {
        while (!ends_field(*from))
            *to++ = *from++;
    }
    *separator = *from;
    file->at = *from ? from + 1 : from;
    if (*separator == '\r' && *file->at == '\n')
        file->at++;
    *to = '\0';
    return field;
}

static bool is_end(char separator)
{
    return separator == '\n' || separator == '\r' || separator == '\0';
}

static enum cubby_status name_photo(struct names_file *file, char *path, const char *group)
{
    uint64_t index, number;
    const char *shown = path;
    while (shown[0] == '.' && path_is_separator(shown[1]))
        shown += 2;
    if (!hash_table_find(&file->photos, key_of(shown), &index)) {
        if (!file->unknown++)
            file->first_unknown = path;
        return CUBBY_OK;
    }
    enum cubby_status status = CUBBY_OK;
    if (!hash_table_find(&file->groups, key_of(group), &number)) {
        number = file->group_count++;
        status = hash_table_add(&file->groups, key_of(group), number);
    }
    if (file->named[index] != UINT32_MAX && file->named[index] != number)
        return bad_line(file, "the photo is in another group already");
    file->named[index] = (uint32_t)number;
    file->known++;
    return status;
}

static enum cubby_status take_line(struct names_file *file)
{
    char separator;
    file->line++;
    char *path = take_field(file, &separator);
    if (!path)
        return bad_line(file, "a quoted field does not end");
    if (is_end(separator))
        return path[0] ? bad_line(file, "there is one field only") : CUBBY_OK;
    char *group = take_field(file, &separator);
    if (!group)
        return bad_line(file, "a quoted field does not end");
    if (!is_end(separator))
        return bad_line(file, "there are more than two fields (quote names with a comma in them)");
    if (!path[0] || !group[0])
        return bad_line(file, "a field is empty");
    if (file->line == 1 && !strcmp(path, "path") && !strcmp(group, "group"))
        return CUBBY_OK;
    return name_photo(file, path, group);
}

static enum cubby_status read_lines(struct names_file *file, char *text, size_t size_bytes)
{
    if (memchr(text, 0, size_bytes)) {
        cubby_log(file->log, CUBBY_LOG_ERROR, "%s is no text file", file->path);
        return CUBBY_BAD_DATA;
    }
    file->at = text;
    if (!strncmp(file->at, "\xef\xbb\xbf", 3))
        file->at += 3;
    while (*file->at) {
        enum cubby_status status = take_line(file);
        if (status)
            return status;
    }
    if (file->unknown)
        cubby_log(file->log, file->known ? CUBBY_LOG_WARNING : CUBBY_LOG_ERROR,
                  "%s names %llu photos that are not there, such as %.200s", file->path,
                  (unsigned long long)file->unknown, file->first_unknown);
    else if (!file->known)
        cubby_log(file->log, CUBBY_LOG_ERROR, "%s names no photos", file->path);
    return file->known ? CUBBY_OK : CUBBY_BAD_DATA;
}

enum cubby_status items_read_names(uint32_t *named, const char *path,
                                   const struct labelled_photo *photos, size_t count,
                                   const struct fs *fs, const struct cubby_log *log)
{
    struct names_file file = {.path = path, .log = log, .named = named};
    uint8_t *bytes = NULL;
    char *text = NULL;
    size_t size_bytes = 0;
    char reason[PHOTO_REASON_BYTES] = "";
    enum cubby_status status =
        read_file(fs, path, MAX_FILE_BYTES, &bytes, &size_bytes, NULL, reason, sizeof(reason));
    if (status)
        cubby_log(log, CUBBY_LOG_ERROR, "the groups file %s cannot be read: %s", path, reason);
    if (!status) {
        text = realloc(bytes, size_bytes + 1);
        status = text ? CUBBY_OK : CUBBY_NO_MEMORY;
        bytes = text ? NULL : bytes;
    }
    for (size_t i = 0; i < count; i++)
        named[i] = UINT32_MAX;
    for (size_t i = 0; i < count && !status; i++)
        status = enter_photo(&file, &photos[i], (uint32_t)i);
    if (!status) {
        text[size_bytes] = '\0';
        status = read_lines(&file, text, size_bytes);
    }
    hash_table_fini(&file.photos);
    hash_table_fini(&file.groups);
    free(bytes);
    free(text);
    return status;
}
