// Copies photos into one folder per class: a temporary in the class's folder, written, compared,
// made durable, then given its name without ever replacing another file. A crash at any moment
// leaves nothing but a hidden temporary under a name that no photo has.
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "platform/path.h"
#include "sink/naming.h"

#define MAX_TEMPORARIES 100u // leftovers of a dead process with our number that are stepped over

struct folder_sink {
    struct sink sink;    // first, so that the pointers are the same
    char *output;        // owned
    const struct fs *fs; // borrowed
    const struct cubby_log *log;
    bool sync;
    struct sink_contents contents;
    struct photo_hasher *hasher; // owned
    struct hash_table made;      // folder names that exist by now
    struct sink_numbers numbers;
    char **folders; // owned, their paths, for finish()
    size_t folder_count;
    uint64_t next_temporary;
};

// Makes output/folder when it is first needed. *path is malloc'd.
static enum cubby_status open_folder(struct folder_sink *sink, const char *folder, char **path)
{
    *path = path_join(sink->output, folder);
    if (!*path)
        return CUBBY_NO_MEMORY;
    struct photo_hash key = photo_hash_bytes(folder, strlen(folder));
    if (hash_table_find(&sink->made, key, NULL))
        return CUBBY_OK;

    int result = 0;
    if (sink->folder_count == 0)
        result = sink_make_folder(sink->fs, sink->output, sink->sync);
    if (!result)
        result = sink_make_folder(sink->fs, *path, sink->sync);
    if (result)
        return sink_target_failed(sink->log, *path, result);
    char **folders = realloc(sink->folders, (sink->folder_count + 1) * sizeof(*folders));
    if (!folders)
        return CUBBY_NO_MEMORY;
    sink->folders = folders;
    sink->folders[sink->folder_count] = strdup(*path);
    if (!sink->folders[sink->folder_count])
        return CUBBY_NO_MEMORY;
    sink->folder_count++;
    return hash_table_add(&sink->made, key, 0);
}

// What a temporary file is written with; tells the source's errors from the target's.
struct copy {
    const struct folder_sink *sink;
    int file;
    int target_error;
};

static int write_piece(void *user, const void *bytes, size_t size_bytes)
{
    struct copy *copy = user;
    const struct fs *fs = copy->sink->fs;
    copy->target_error = fs_write_all(fs, copy->file, bytes, size_bytes);
    return copy->target_error;
}

// Writes the content. The photo is settled as failed when its source is the trouble.
static void write_content(struct copy *copy, struct photo *photo)
{
    if (photo->bytes) {
        write_piece(copy, photo->bytes, (size_t)photo->size_bytes);
        return;
    }
    struct photo_hasher *hasher = copy->sink->hasher;
    uint64_t size_bytes;
    int result =
        sink_read_pieces(copy->sink->fs, photo->path, hasher, write_piece, copy, &size_bytes);
    if (copy->target_error)
        return;
    if (result)
        photo_settle(photo, PHOTO_FAILED, "cannot be read again: %s", fs_error_text(result));
    else if (size_bytes != photo->size_bytes ||
             !photo_hash_equal(photo_hasher_result(hasher), photo->hash))
        photo_settle(photo, PHOTO_FAILED, "changed since it was classified");
}

// Times and permissions as the source has them. Some file systems have no such thing, and a photo
// without its time is better than none; only a disk that fails is an error.
static int set_attributes(const struct fs *fs, int file, const struct photo *photo)
{
    int mode = fs->set_mode(fs, file, photo->mode ? photo->mode & 0777 : 0644);
    int times = fs->set_times(fs, file, photo->atime_ns, photo->mtime_ns);
    if (mode == UV_EIO || times == UV_EIO)
        return UV_EIO;
    return mode == UV_ENOSPC || times == UV_ENOSPC ? UV_ENOSPC : 0;
}

static int create_temporary(struct folder_sink *sink, const char *folder, char **path)
{
    for (unsigned i = 0; i < MAX_TEMPORARIES; i++) {
        *path = sink_temporary(folder, sink->next_temporary++);
        if (!*path)
            return UV_ENOMEM;
        int file = sink->fs->open(sink->fs, *path, FS_CREATE);
        if (file != UV_EEXIST)
            return file;
        free(*path);
        *path = NULL;
    }
    return UV_EEXIST;
}

// Writes a complete, durable temporary. *path is malloc'd; NULL if there is none (the photo was
// settled, or the status says so).
static enum cubby_status write_temporary(struct folder_sink *sink, struct photo *photo,
                                         const char *folder, char **path)
{
    const struct fs *fs = sink->fs;
    char *temporary = NULL;
    *path = NULL;
    int file = create_temporary(sink, folder, &temporary);
    if (file < 0) {
        free(temporary);
        return sink_target_failed(sink->log, folder, file);
    }

    enum photo_status before = photo->status;
    struct copy copy = {.sink = sink, .file = file};
    write_content(&copy, photo);
    int result = copy.target_error;
    bool good = !result && photo->status == before;
    if (good)
        result = set_attributes(fs, file, photo);
    // After a failed fsync the pages count as clean, and a second one would succeed without the
    // data: this temporary is finished.
    if (good && !result && sink->sync)
        result = fs->sync(fs, file);
    int closed = fs->close(fs, file);
    if (good && !result)
        result = closed;

    if (good && !result) {
        *path = temporary;
        return CUBBY_OK;
    }
    fs->unlink(fs, temporary);
    enum cubby_status status = CUBBY_OK;
    if (result)
        status = sink_target_failed(sink->log, folder, result);
    free(temporary);
    return status;
}

// The first name from *number on that is free; SINK_SAME if the content is found on the way.
static enum sink_place find_place(struct folder_sink *sink, const struct photo *photo,
                                  const char *folder, const char *wanted, unsigned *number,
                                  char **target, int *error)
{
    for (; *number <= SINK_MAX_NUMBER; (*number)++) {
        char *name = names_numbered(wanted, *number);
        *target = name ? path_join(folder, name) : NULL;
        free(name);
        if (!*target) {
            *error = UV_ENOMEM;
            return SINK_UNUSABLE;
        }
        enum sink_place place = sink_look(sink->fs, *target, photo, sink->hasher, error);
        if (place != SINK_TAKEN)
            return place;
        free(*target);
        *target = NULL;
    }
    *error = UV_EEXIST;
    return SINK_UNUSABLE;
}

// A name that this file system cannot hold is this photo's trouble alone; all else is everybody's.
static enum cubby_status place_failed(const struct folder_sink *sink, struct photo *photo,
                                      const char *path, int error)
{
    if (error != UV_ENAMETOOLONG && error != UV_EILSEQ && error != UV_EINVAL)
        return sink_target_failed(sink->log, path, error);
    photo_settle(photo, PHOTO_FAILED, "its name cannot be used in the output folder: %s",
                 fs_error_text(error));
    return CUBBY_OK;
}

// Gives the temporary the first free name; what takes a name in the meantime is looked at again.
static enum cubby_status publish(struct folder_sink *sink, struct photo *photo, const char *folder,
                                 const char *wanted)
{
    const struct fs *fs = sink->fs;
    enum cubby_status status = CUBBY_OK;
    char *temporary = NULL, *target = NULL;
    struct photo_hash key = sink_name_key(folder, wanted);
    unsigned number = sink_first_number(&sink->numbers, key);
    int error = 0;
    for (;;) {
        enum sink_place place = find_place(sink, photo, folder, wanted, &number, &target, &error);
        if (place == SINK_UNUSABLE) {
            status = place_failed(sink, photo, folder, error);
            break;
        }
        if (place == SINK_SAME) {
            sink_settle_same(photo, path_below(target, sink->output));
            status = sink_settle_number(&sink->numbers, key, number);
            break;
        }
        if (!temporary) // only now: a photo that is there already costs no write
            status = write_temporary(sink, photo, folder, &temporary);
        if (status || !temporary)
            break;
        error = fs->publish(fs, temporary, target);
        if (error == 0) {
            free(temporary);
            temporary = NULL;
            photo->filed_as = strdup(path_below(target, sink->output));
            status = photo->filed_as ? sink_remember(&sink->contents, photo) : CUBBY_NO_MEMORY;
            if (!status)
                status = sink_settle_number(&sink->numbers, key, number);
            break;
        }
        if (error != UV_EEXIST) {
            status = place_failed(sink, photo, target, error);
            break;
        }
        free(target);
        target = NULL;
    }
    if (temporary)
        fs->unlink(fs, temporary);
    free(temporary);
    free(target);
    return status;
}

static enum cubby_status folder_file(struct sink *base, struct photo *photo, const char *folder)
{
    struct folder_sink *sink = (struct folder_sink *)base;
    if (sink_is_duplicate(&sink->contents, photo))
        return CUBBY_OK;
    char *path = NULL;
    char *wanted = sink_wanted_name(photo, NAMES_FILE);
    enum cubby_status status = wanted ? open_folder(sink, folder, &path) : CUBBY_NO_MEMORY;
    if (!status)
        status = publish(sink, photo, path, wanted);
    // Content that an earlier run filed counts as filed for the photos that follow, too.
    if (!status && photo->status == PHOTO_SKIPPED)
        status = sink_remember(&sink->contents, photo);
    free(wanted);
    free(path);
    return status;
}

static enum cubby_status folder_finish(struct sink *base)
{
    struct folder_sink *sink = (struct folder_sink *)base;
    // Names live in the folder, not in the file: without this a power cut could forget them.
    for (size_t i = 0; sink->sync && i < sink->folder_count; i++) {
        int result = sink->fs->sync_folder(sink->fs, sink->folders[i]);
        if (result)
            return sink_target_failed(sink->log, sink->folders[i], result);
    }
    return CUBBY_OK;
}

static void folder_destroy(struct sink *base)
{
    struct folder_sink *sink = (struct folder_sink *)base;
    for (size_t i = 0; i < sink->folder_count; i++)
        free(sink->folders[i]);
    free(sink->folders);
    hash_table_fini(&sink->made);
    sink_numbers_fini(&sink->numbers);
    sink_contents_fini(&sink->contents);
    photo_hasher_destroy(&sink->hasher);
    free(sink->output);
    free(sink);
}

static const struct sink_ops folder_ops = {
    .file = folder_file, .finish = folder_finish, .destroy = folder_destroy};

enum cubby_status sink_folder_create(struct sink **out, const struct sink_params *params)
{
    *out = NULL;
    struct folder_sink *sink = calloc(1, sizeof(*sink));
    if (!sink)
        return CUBBY_NO_MEMORY;
    sink->sink.ops = &folder_ops;
    sink->fs = params->fs;
    sink->log = params->log;
    sink->sync = params->sync;
    sink->output = strdup(params->output);
    enum cubby_status status = sink->output ? photo_hasher_create(&sink->hasher) : CUBBY_NO_MEMORY;
    if (status) {
        folder_destroy(&sink->sink);
        return status;
    }
    path_trim(sink->output);
    *out = &sink->sink;
    return CUBBY_OK;
}
