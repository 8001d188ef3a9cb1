#include "sink/naming.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "platform/path.h"
#include "platform/process.h"

#define PIECE_BYTES (256u << 10)

static struct photo_hash content_key(const struct photo *photo)
{
    uint64_t parts[3] = {photo->hash.low, photo->hash.high, photo->size_bytes};
    return photo_hash_bytes(parts, sizeof(parts));
}

bool sink_find_content(const struct sink_contents *contents, const struct photo *photo,
                       uint64_t *index)
{
    return hash_table_find(&contents->table, content_key(photo), index);
}

bool sink_is_duplicate(const struct sink_contents *contents, struct photo *photo)
{
    uint64_t index;
    if (!sink_find_content(contents, photo, &index))
        return false;
    photo_settle(photo, PHOTO_SKIPPED, "same content as %s", contents->paths[index]);
    return true;
}

enum cubby_status sink_remember(struct sink_contents *contents, const struct photo *photo)
{
    if (contents->count == contents->capacity) {
        size_t capacity = contents->capacity ? contents->capacity * 2 : 256;
        char **paths = realloc(contents->paths, capacity * sizeof(*paths));
        if (!paths)
            return CUBBY_NO_MEMORY;
        contents->paths = paths;
        contents->capacity = capacity;
    }
    char *path = strdup(photo->path);
    if (!path || hash_table_add(&contents->table, content_key(photo), contents->count)) {
        free(path);
        return CUBBY_NO_MEMORY;
    }
    contents->paths[contents->count++] = path;
    return CUBBY_OK;
}

void sink_contents_fini(struct sink_contents *contents)
{
    for (size_t i = 0; i < contents->count; i++)
        free(contents->paths[i]);
    free(contents->paths);
    hash_table_fini(&contents->table);
    *contents = (struct sink_contents){0};
}

struct photo_hash sink_name_key(const char *folder, const char *wanted)
{
    struct photo_hash parts[2] = {photo_hash_bytes(folder, strlen(folder)),
                                  photo_hash_bytes(wanted, strlen(wanted))};
    return photo_hash_bytes(parts, sizeof(parts));
}

unsigned sink_first_number(const struct sink_numbers *numbers, struct photo_hash key)
{
    uint64_t settled = 0;
    hash_table_find(&numbers->settled, key, &settled);
    return (unsigned)settled + 1;
}

enum cubby_status sink_settle_number(struct sink_numbers *numbers, struct photo_hash key,
                                     unsigned number)
{
    return number == sink_first_number(numbers, key)
               ? hash_table_add(&numbers->settled, key, number)
               : CUBBY_OK;
}

void sink_numbers_fini(struct sink_numbers *numbers)
{
    hash_table_fini(&numbers->settled);
}

char *sink_wanted_name(const struct photo *photo, enum names_kind kind)
{
    const char *slash = strrchr(photo->relative, '/');
    return names_component(slash ? slash + 1 : photo->relative, kind);
}

int sink_read_pieces(const struct fs *fs, const char *path, struct photo_hasher *hasher,
                     int (*take)(void *user, const void *bytes, size_t size_bytes), void *user,
                     uint64_t *size_bytes)
{
    *size_bytes = 0;
    photo_hasher_reset(hasher);
    int file = fs->open(fs, path, FS_READ);
    if (file < 0)
        return file;
    int result = 0;
    uint8_t *piece = malloc(PIECE_BYTES);
    if (!piece)
        result = UV_ENOMEM;
    while (!result) {
        int64_t got = fs->read(fs, file, piece, PIECE_BYTES);
        if (got <= 0) {
            result = (int)got;
            break;
        }
        photo_hasher_add(hasher, piece, (size_t)got);
        *size_bytes += (uint64_t)got;
        if (take)
            result = take(user, piece, (size_t)got);
    }
    free(piece);
    fs->close(fs, file);
    return result;
}

enum sink_place sink_look(const struct fs *fs, const char *path, const struct photo *photo,
                          struct photo_hasher *hasher, int *error)
{
    struct fs_stat stat;
    int result = fs->lstat(fs, path, &stat);
    if (result == UV_ENOENT)
        return SINK_FREE;
    if (result) {
        *error = result;
        return SINK_UNUSABLE;
    }
    if (!stat.is_file || stat.size_bytes != photo->size_bytes)
        return SINK_TAKEN;
    uint64_t size_bytes;
    result = sink_read_pieces(fs, path, hasher, NULL, NULL, &size_bytes);
    if (result) {
        *error = result;
        return SINK_UNREADABLE;
    }
    bool same = size_bytes == photo->size_bytes &&
                photo_hash_equal(photo_hasher_result(hasher), photo->hash);
    return same ? SINK_SAME : SINK_TAKEN;
}

enum cubby_status sink_settle_filed(struct photo *photo, const char *filed_as)
{
    bool unsure = !strncmp(filed_as, NAMES_UNSURE "/", sizeof(NAMES_UNSURE));
    photo_settle(photo, unsure ? PHOTO_UNSURE : PHOTO_FILED, "%s", "");
    free(photo->filed_as);
    photo->filed_as = strdup(filed_as);
    return photo->filed_as ? CUBBY_OK : CUBBY_NO_MEMORY;
}

void sink_settle_same(struct photo *photo, const char *filed_as)
{
    photo_settle(photo, PHOTO_SKIPPED, "already filed as %s", filed_as);
}

enum cubby_status sink_target_failed(const struct cubby_log *log, const char *path, int code)
{
    enum cubby_status status = fs_status(code);
    const char *advice = "";
    if (status == CUBBY_NO_SPACE)
        advice = "; make room and run it again";
    else if (status == CUBBY_BUSY)
        advice = "; run it again once it answers";
    else if (code == UV_EROFS || code == UV_EACCES || code == UV_EPERM)
        advice = "; choose a folder that you may write to with --into";
    else if (code == UV_EIO)
        advice = "; check the disk and its connection";
    cubby_log(log, CUBBY_LOG_ERROR, "\"%s\" cannot be written: %s%s", path, fs_error_text(code),
              advice);
    return status;
}

enum cubby_status sink_unreadable(const struct cubby_log *log, const char *path, int code)
{
    cubby_log(log, CUBBY_LOG_ERROR,
              "\"%s\" cannot be read: %s; nothing was done about it: run it again once it can be",
              path, fs_error_text(code));
    return fs_status(code);
}

bool sink_folders_are_real(const struct fs *fs, const char *output, const char *below)
{
    char *path = path_join(output, below);
    bool real = path != NULL;
    for (size_t end = real ? strlen(path) : 0; real && end > strlen(output);) {
        while (end > 0 && !path_is_separator(path[end - 1]))
            end--;
        while (end > 0 && path_is_separator(path[end - 1]))
            end--;
        path[end] = '\0';
        struct fs_stat stat;
        if (end <= strlen(output))
            break;
        int error = fs->lstat(fs, path, &stat);
        real = error == UV_ENOENT || (!error && stat.is_folder); // what is missing leads nowhere
    }
    free(path);
    return real;
}

int sink_make_folder(const struct fs *fs, const char *path, bool sync)
{
    int result = fs_make_folders(fs, path);
    if (result || !sync)
        return result;
    char *parent = path_parent(path);
    if (!parent)
        return UV_ENOMEM;
    result = fs->sync_folder(fs, parent);
    free(parent);
    // A folder that we may enter but not read cannot be opened for this.
    return result == UV_EACCES ? 0 : result;
}

char *sink_temporary(const char *folder, uint64_t number)
{
    char name[64];
    snprintf(name, sizeof(name), ".cubby-%ld-%" PRIu64 ".tmp", (long)uv_os_getpid(), number);
    return path_join(folder, name);
}

static const char *skip_digits(const char *text)
{
    const char *end = text;
    while (*end >= '0' && *end <= '9')
        end++;
    return end > text ? end : NULL;
}

bool sink_is_temporary(const char *name)
{
    static const char prefix[] = ".cubby-";
    if (strncmp(name, prefix, sizeof(prefix) - 1) != 0)
        return false;
    const char *end = skip_digits(name + sizeof(prefix) - 1);
    end = end && *end == '-' ? skip_digits(end + 1) : NULL;
    return end && !strcmp(end, ".tmp");
}

bool sink_temporary_is_alive(const char *name)
{
    static const char prefix[] = ".cubby-";
    int64_t process = strtoll(name + sizeof(prefix) - 1, NULL, 10);
    return process != process_own() && process_runs(process);
}
