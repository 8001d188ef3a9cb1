// Before a group is published: names are chosen and temporaries written, complete but not yet
// durable.
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "groups.h"
#include "platform/path.h"
#include "sink/group.h"

#define MAX_TEMPORARIES 100u // leftovers under our process number that are stepped over

char *folder_sink_path(const struct folder_sink *sink, const char *below)
{
    return path_join(sink->params.output, below);
}

// ---- content

// What a temporary file is written with; tells the source's errors from the target's.
struct copy {
    const struct fs *fs;
    int file;
    int target_error;
};

static int write_piece(void *user, const void *bytes, size_t size_bytes)
{
    struct copy *copy = user;
    copy->target_error = fs_write_all(copy->fs, copy->file, bytes, size_bytes);
    return copy->target_error;
}

// The photo's own content, which must still be what was classified. False: the photo was settled.
static bool write_photo(struct copy *copy, struct photo *photo, struct photo_hasher *hasher)
{
    if (photo->bytes) {
        write_piece(copy, photo->bytes, (size_t)photo->size_bytes);
        return true;
    }
    uint64_t size_bytes;
    int result = sink_read_pieces(copy->fs, photo->path, hasher, write_piece, copy, &size_bytes);
    if (copy->target_error)
        return true;
    if (result)
        photo_settle(photo, PHOTO_FAILED, "cannot be read again: %s", fs_error_text(result));
    else if (size_bytes != photo->size_bytes ||
             !photo_hash_equal(photo_hasher_result(hasher), photo->hash))
        photo_settle(photo, PHOTO_FAILED, "changed since it was classified");
    else
        return true;
    return false;
}

// A member's content, whose hash is found on the way. 0, or why its source cannot be copied.
static int write_member(struct copy *copy, struct filing *filing, struct photo_hasher *hasher)
{
    struct fs_stat before, after;
    uint64_t size_bytes;
    int result = copy->fs->stat(copy->fs, filing->source, &before);
    if (!result)
        result = sink_read_pieces(copy->fs, filing->source, hasher, write_piece, copy, &size_bytes);
    if (!result)
        result = copy->fs->stat(copy->fs, filing->source, &after);
    if (result)
        return result;
    // UV_EAGAIN stands for "changed while it was read".
    if (size_bytes != after.size_bytes || before.mtime_ns != after.mtime_ns)
        return UV_EAGAIN;
    filing->hash = photo_hasher_result(hasher);
    filing->size_bytes = size_bytes;
    return 0;
}

// Times and permissions as the source has them. Some file systems have no such thing, and a photo
// without its time is better than none; only a disk that fails is an error.
static int set_attributes(const struct fs *fs, int file, const struct filing *filing)
{
    int mode = fs->set_mode(fs, file, filing->mode ? filing->mode & 0777 : 0644);
    int origin = fs->copy_origin(fs, file, filing->source);
    int times = fs->set_times(fs, file, filing->atime_ns, filing->mtime_ns);
    if (mode == UV_EIO || origin == UV_EIO || times == UV_EIO)
        return UV_EIO;
    return mode == UV_ENOSPC || origin == UV_ENOSPC || times == UV_ENOSPC ? UV_ENOSPC : 0;
}

// ---- temporaries

// The folder of a placing's target. malloc'd.
static char *target_folder(const struct folder_sink *sink, const struct placing *placing)
{
    char *path = folder_sink_path(sink, placing->filing.target);
    char *folder = path ? path_parent(path) : NULL;
    free(path);
    return folder;
}

static int create_temporary(struct folder_sink *sink, struct placing *placing, const char *folder)
{
    const struct fs *fs = sink->params.fs;
    for (unsigned i = 0; i < MAX_TEMPORARIES; i++) {
        char *path = sink_temporary(folder, sink->next_temporary++);
        if (!path)
            return UV_ENOMEM;
        int file = fs->open(fs, path, FS_CREATE);
        if (file >= 0) {
            placing->filing.temporary = strdup(path_below(path, sink->params.output));
            placing->file = file;
            if (!placing->filing.temporary) {
                fs->close(fs, file);
                placing->file = -1;
                fs->unlink(fs, path);
                file = UV_ENOMEM;
            }
        }
        free(path);
        if (file != UV_EEXIST)
            return file < 0 ? file : 0;
    }
    return UV_EEXIST;
}

void folder_drop_temporary(struct folder_sink *sink, struct placing *placing)
{
    const struct fs *fs = sink->params.fs;
    if (placing->file >= 0)
        fs->close(fs, placing->file);
    placing->file = -1;
    char *path =
        placing->filing.temporary ? folder_sink_path(sink, placing->filing.temporary) : NULL;
    if (path)
        fs->unlink(fs, path);
    free(path);
    free(placing->filing.temporary);
    placing->filing.temporary = NULL;
}

// A member that cannot be copied costs itself only.
static void member_failed(struct folder_sink *sink, const struct filing *filing, int error)
{
    cubby_log(sink->params.log, CUBBY_LOG_WARNING, "\"%s\" stays behind: %s", filing->source,
              error == UV_EAGAIN ? "it changed while it was read" : fs_error_text(error));
}

// The file's identity, by which it is known again after a crash.
static int note_identity(const struct fs *fs, struct placing *placing)
{
    struct fs_stat stat;
    int result = fs->fstat(fs, placing->file, &stat);
    if (!result) {
        placing->filing.device = stat.device;
        placing->filing.inode = stat.inode;
    }
    return result;
}

enum cubby_status folder_write_temporary(struct folder_sink *sink, struct photo *photo,
                                         struct placing *placing, bool *usable)
{
    const struct fs *fs = sink->params.fs;
    *usable = false;
    char *folder = target_folder(sink, placing);
    int result = folder ? create_temporary(sink, placing, folder) : UV_ENOMEM;
    bool good = !result;
    struct copy copy = {.fs = fs, .file = placing->file};
    if (good && placing->filing.member) {
        int source_error = write_member(&copy, &placing->filing, sink->hasher);
        good = !source_error && !copy.target_error;
        if (source_error && !copy.target_error)
            member_failed(sink, &placing->filing, source_error);
    } else if (good) {
        good = write_photo(&copy, photo, sink->hasher);
    }
    if (!result)
        result = copy.target_error;
    if (good && !result)
        result = set_attributes(fs, placing->file, &placing->filing);
    if (good && !result)
        result = note_identity(fs, placing);

    enum cubby_status status = CUBBY_OK;
    if (result)
        status = sink_target_failed(sink->params.log, folder ? folder : "", result);
    *usable = good && !result;
    if (!*usable)
        folder_drop_temporary(sink, placing);
    free(folder);
    return status;
}

// ---- names

static struct photo_hash reservation(const char *path)
{
    return photo_hash_bytes(path, strlen(path));
}

// Whether another file of the group will have this path; the placing's own name is no hindrance.
static bool is_reserved(const struct folder_sink *sink, const struct placing *placing,
                        const char *path)
{
    const char *own = placing->filing.target;
    if (own && !strcmp(own, path_below(path, sink->params.output)))
        return false;
    return hash_table_find(&sink->reserved, reservation(path), NULL);
}

enum sink_place folder_look_for_member(const struct folder_sink *sink,
                                       const struct placing *placing, const char *path, int *error)
{
    struct fs_stat stat;
    if (is_reserved(sink, placing, path))
        return SINK_TAKEN;
    int result = sink->params.fs->lstat(sink->params.fs, path, &stat);
    if (!result)
        return SINK_TAKEN;
    *error = result;
    return result == UV_ENOENT ? SINK_FREE : SINK_UNUSABLE;
}

// The path that the i-th placing would have if the photo were called `name`. malloc'd.
char *folder_placing_path(const struct staged *staged, uint32_t i, const char *name)
{
    uint32_t number = staged->placings[i].filing.member;
    if (!number)
        return path_join(staged->folder, name);
    const struct photo_member *member = &staged->photo->members[number - 1];
    char *safe = names_component(member->name, NAMES_FILE);
    char *renamed = safe ? groups_rename(safe, staged->wanted, name) : NULL;
    char *path = renamed ? path_join(staged->folder, renamed) : NULL;
    free(renamed);
    free(safe);
    return path;
}

// Looks whether `name` is free for the photo and its members; their paths go into `paths`.
static enum sink_place try_name(struct folder_sink *sink, const struct staged *staged,
                                const char *name, char **paths, int *error)
{
    enum sink_place place = SINK_FREE;
    for (uint32_t i = 0; i < staged->count && place == SINK_FREE; i++) {
        paths[i] = folder_placing_path(staged, i, name);
        if (!paths[i]) {
            *error = UV_ENOMEM;
            return SINK_UNUSABLE;
        }
        if (i > 0)
            place = folder_look_for_member(sink, &staged->placings[i], paths[i], error);
        else if (is_reserved(sink, &staged->placings[0], paths[0]))
            place = SINK_TAKEN;
        else
            place = sink_look(sink->params.fs, paths[0], staged->photo, sink->hasher, error);
        if (place == SINK_UNREADABLE) // not proved the same; the next number loses nothing
            place = SINK_TAKEN;
    }
    return place;
}

static void free_paths(char **paths, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        free(paths[i]);
        paths[i] = NULL;
    }
}

// A name that this file system cannot hold is this photo's trouble alone; all else is everybody's.
static enum cubby_status name_failed(const struct folder_sink *sink, struct photo *photo,
                                     const char *folder, int error)
{
    if (error == UV_ENOMEM)
        return CUBBY_NO_MEMORY;
    if (error != UV_ENAMETOOLONG && error != UV_EILSEQ && error != UV_EINVAL)
        return sink_target_failed(sink->params.log, folder, error);
    photo_settle(photo, PHOTO_FAILED, "its name cannot be used in the output folder: %s",
                 fs_error_text(error));
    return CUBBY_OK;
}

enum cubby_status folder_take_name(struct folder_sink *sink, struct placing *placing,
                                   const char *path)
{
    free(placing->filing.target);
    placing->filing.target = strdup(path_below(path, sink->params.output));
    return placing->filing.target ? hash_table_add(&sink->reserved, reservation(path), 0)
                                  : CUBBY_NO_MEMORY;
}

enum cubby_status folder_choose_names(struct folder_sink *sink, struct staged *staged)
{
    struct photo *photo = staged->photo;
    struct photo_hash key = sink_name_key(staged->folder, staged->wanted);
    unsigned number = staged->number ? staged->number : sink_first_number(&sink->numbers, key);
    char **paths = calloc(staged->count, sizeof(*paths));
    if (!paths)
        return CUBBY_NO_MEMORY;
    enum cubby_status status = CUBBY_OK;
    enum sink_place place = SINK_TAKEN;
    int error = UV_EEXIST;
    for (; number <= SINK_MAX_NUMBER; number++) {
        char *name = names_numbered(staged->wanted, number);
        if (!name)
            error = UV_ENOMEM;
        place = name ? try_name(sink, staged, name, paths, &error) : SINK_UNUSABLE;
        free(name);
        if (place != SINK_TAKEN)
            break;
        free_paths(paths, staged->count);
    }
    if (place == SINK_TAKEN || place == SINK_UNUSABLE) {
        status = name_failed(sink, photo, staged->folder, error);
    } else if (place == SINK_SAME) {
        const char *filed_as = path_below(paths[0], sink->params.output);
        sink_settle_same(photo, filed_as);
        free(photo->filed_as);
        photo->filed_as = strdup(filed_as);
        status = photo->filed_as ? CUBBY_OK : CUBBY_NO_MEMORY;
    } else {
        for (uint32_t i = 0; i < staged->count && !status; i++)
            status = folder_take_name(sink, &staged->placings[i], paths[i]);
    }
    if (!status && place != SINK_UNUSABLE && place != SINK_TAKEN)
        status = sink_settle_number(&sink->numbers, key, number);
    staged->number = number;
    free_paths(paths, staged->count);
    free(paths);
    return status;
}

// ---- one photo

enum cubby_status folder_begin_placing(const struct folder_sink *sink, struct staged *staged,
                                       uint32_t member)
{
    const struct photo *photo = staged->photo;
    struct placing *placing = &staged->placings[staged->count];
    *placing = (struct placing){.file = -1};
    struct filing *filing = &placing->filing;
    filing->run = sink->params.run;
    filing->how = sink->params.how;
    filing->member = member;
    if (member) {
        const struct photo_member *m = &photo->members[member - 1];
        filing->source = strdup(m->path);
        filing->size_bytes = m->size_bytes;
        filing->device = m->device;
        filing->inode = m->inode;
        filing->mtime_ns = m->mtime_ns;
        filing->atime_ns = m->atime_ns;
        filing->mode = m->mode;
    } else {
        filing->source = strdup(photo->path);
        filing->size_bytes = photo->size_bytes;
        filing->device = photo->device;
        filing->inode = photo->inode;
        filing->mtime_ns = photo->mtime_ns;
        filing->atime_ns = photo->atime_ns;
        filing->mode = photo->mode;
        filing->hash = photo->hash;
    }
    staged->count++;
    return filing->source ? CUBBY_OK : CUBBY_NO_MEMORY;
}

// Whether a move is a rename, which keeps all there is of a file, but works on one file system
// only. A link to a photo is of no use elsewhere: the photo is copied, and the link stays.
static bool choose_how(const struct folder_sink *sink, struct filing *filing)
{
    const struct fs *fs = sink->params.fs;
    struct fs_stat stat;
    if (filing->how != FILING_MOVE && filing->how != FILING_LINK)
        return false;
    int result = fs->lstat(fs, filing->source, &stat);
    if (!result && stat.is_symlink)
        filing->how = FILING_COPY;
    return filing->how == FILING_MOVE && !result && stat.is_file &&
           stat.device == sink->output_device;
}

void folder_drop_placing(struct staged *staged, uint32_t i)
{
    filing_fini(&staged->placings[i].filing);
    memmove(&staged->placings[i], &staged->placings[i + 1],
            (staged->count - i - 1) * sizeof(struct placing));
    staged->count--;
}

// Hashes of members that are renamed or linked, not copied.
static int hash_member(struct folder_sink *sink, struct filing *filing)
{
    uint64_t size_bytes;
    int result =
        sink_read_pieces(sink->params.fs, filing->source, sink->hasher, NULL, NULL, &size_bytes);
    if (!result && size_bytes != filing->size_bytes)
        result = UV_EAGAIN;
    if (result)
        member_failed(sink, filing, result);
    else
        filing->hash = photo_hasher_result(sink->hasher);
    return result;
}

// What has to lie ready before names can be given. *usable false: this file cannot be filed.
static enum cubby_status prepare(struct folder_sink *sink, struct photo *photo,
                                 struct placing *placing, bool *usable)
{
    struct filing *filing = &placing->filing;
    bool rename = choose_how(sink, filing);
    *usable = true;
    if (filing->how == FILING_RELOCATE)
        return CUBBY_OK;
    if (filing->how == FILING_COPY || (filing->how == FILING_MOVE && !rename))
        return folder_write_temporary(sink, photo, placing, usable);
    if (filing->member)
        *usable = hash_member(sink, filing) == 0;
    return CUBBY_OK;
}

// Readies all placings; a member that cannot be is left out.
enum cubby_status folder_prepare(struct folder_sink *sink, struct staged *staged)
{
    enum cubby_status status = CUBBY_OK;
    for (uint32_t i = 0; i < staged->count && !status;) {
        struct placing *placing = &staged->placings[i];
        bool usable;
        status = prepare(sink, staged->photo, placing, &usable);
        if (status || usable)
            i++;
        else if (!placing->filing.member)
            break; // the photo itself: it was settled
        else if (sink->params.how != FILING_MOVE)
            folder_drop_placing(staged, i);
        else { // what belongs together is not torn apart
            photo_settle(staged->photo, PHOTO_FAILED,
                         "%.150s, which belongs to it, cannot be moved", placing->filing.source);
            break;
        }
    }
    return status;
}

void folder_drop_placings(struct folder_sink *sink, struct staged *staged)
{
    for (uint32_t i = 0; i < staged->count; i++) {
        if (!staged->placings[i].published && !staged->placings[i].left)
            folder_drop_temporary(sink, &staged->placings[i]);
        filing_fini(&staged->placings[i].filing);
    }
    staged->count = 0;
}

enum cubby_status folder_finish_staging(struct folder_sink *sink, struct staged *staged)
{
    enum photo_status before = staged->photo->status;
    enum cubby_status status = folder_choose_names(sink, staged);
    if (!status && staged->photo->status == before)
        status = folder_prepare(sink, staged);
    if (status || staged->photo->status != before)
        folder_drop_placings(sink, staged);
    return status;
}

enum cubby_status folder_stage(struct folder_sink *sink, struct staged *staged)
{
    struct photo *photo = staged->photo;
    if (photo->torn && sink->params.how == FILING_MOVE) {
        photo_settle(photo, PHOTO_FAILED, "what belongs to it cannot be looked at");
        return CUBBY_OK;
    }
    staged->placings = calloc(photo->member_count + 1u, sizeof(*staged->placings));
    if (!staged->placings)
        return CUBBY_NO_MEMORY;
    enum cubby_status status = CUBBY_OK;
    for (uint32_t member = 0; member <= photo->member_count && !status; member++)
        status = folder_begin_placing(sink, staged, member);
    return status ? status : folder_finish_staging(sink, staged);
}
