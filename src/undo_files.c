#include "undo_files.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "platform/names.h"
#include "platform/path.h"
#include "platform/process.h"
#include "sink/naming.h"

static struct outcome kept(const char *reason)
{
    struct outcome outcome = {.done = "kept"};
    snprintf(outcome.reason, sizeof(outcome.reason), "%s", reason);
    return outcome;
}

// Kept today: when a disk is there again, or a name free, it can still be taken back.
static struct outcome kept_for_now(const char *reason)
{
    struct outcome outcome = kept(reason);
    outcome.later = true;
    return outcome;
}

static struct outcome failed(int error)
{
    return (struct outcome){.error = error};
}

// ---- what lies on the disk

// False also where nobody can tell; then u->unknown is set.
static bool has_content(struct undo *u, const char *path, const struct filing *filing)
{
    const struct photo as_filed = {.size_bytes = filing->size_bytes, .hash = filing->hash};
    int error = 0;
    enum sink_place place = sink_look(u->params->fs, path, &as_filed, u->hasher, &error);
    if (place == SINK_UNREADABLE || (place == SINK_UNUSABLE && error != UV_ENOTDIR))
        u->unknown = error;
    return place == SINK_SAME;
}

static bool is_there(struct undo *u, const char *path, struct fs_stat *stat)
{
    int error = u->params->fs->lstat(u->params->fs, path, stat);
    if (error && error != UV_ENOENT && error != UV_ENOTDIR)
        u->unknown = error;
    return !error;
}

// Whether two paths lead to one file that has no other name: removing one would lose it.
static bool is_only_name(const struct fs_stat *a, const struct fs_stat *b)
{
    return a->device == b->device && a->inode == b->inode && a->links < 2;
}

// A photo that is only left in the output is never removed from there.
//   path  the copy, NULL if it is in an archive: a source that leads to the copy is no original
static bool has_original(struct undo *u, const struct filing *filing, const char *path)
{
    const struct fs *fs = u->params->fs;
    struct fs_stat stat, copy;
    if (fs->stat(fs, filing->source, &stat) || !stat.is_file)
        return false;
    if (path && (fs->lstat(fs, path, &copy) || is_only_name(&stat, &copy)))
        return false;
    // Its size and time say nothing about a disk that goes bad.
    uint64_t size_bytes;
    return stat.size_bytes == filing->size_bytes &&
           sink_read_pieces(fs, filing->source, u->hasher, NULL, NULL, &size_bytes) == 0 &&
           size_bytes == filing->size_bytes &&
           photo_hash_equal(photo_hasher_result(u->hasher), filing->hash);
}

bool undo_has_original(struct undo *u, const struct filing *filing)
{
    return has_original(u, filing, NULL);
}

// ---- folders whose names changed

// The folder of `path` is synced before the next commit.
static int touch_folder_of(struct undo *u, const char *path)
{
    char *folder = path_parent(path);
    if (!folder)
        return UV_ENOMEM;
    struct photo_hash key = photo_hash_bytes(folder, strlen(folder));
    if (!u->params->sync || u->params->dry_run || hash_table_find(&u->seen, key, NULL)) {
        free(folder);
        return 0;
    }
    char **folders = realloc(u->folders, (u->folder_count + 1) * sizeof(*folders));
    if (folders)
        u->folders = folders;
    if (!folders || hash_table_add(&u->seen, key, 0)) {
        free(folder);
        return UV_ENOMEM;
    }
    u->folders[u->folder_count++] = folder;
    return 0;
}

void undo_forget_folders(struct undo *u)
{
    for (size_t i = 0; i < u->folder_count; i++)
        free(u->folders[i]);
    u->folder_count = 0;
    hash_table_fini(&u->seen);
    u->seen = (struct hash_table){0};
}

enum cubby_status undo_sync_folders(struct undo *u)
{
    for (size_t i = 0; i < u->folder_count; i++) {
        int result = u->params->fs->sync_folder(u->params->fs, u->folders[i]);
        if (result && result != UV_EACCES && result != UV_ENOENT)
            return sink_target_failed(u->params->log, u->folders[i], result);
    }
    undo_forget_folders(u);
    return CUBBY_OK;
}

// What an undo that was killed has changed already may not be durable yet.
static struct outcome done_before(struct undo *u, const char *done, const char *path,
                                  const char *other)
{
    int error = touch_folder_of(u, path);
    if (!error && other)
        error = touch_folder_of(u, other);
    return error ? failed(error) : (struct outcome){.done = done};
}

// ---- one file

static struct outcome remove_file(struct undo *u, const char *path)
{
    if (u->params->dry_run)
        return (struct outcome){.done = "removed"};
    int error = u->params->fs->unlink(u->params->fs, path);
    if (!error)
        error = touch_folder_of(u, path);
    return error ? failed(error) : (struct outcome){.done = "removed"};
}

static struct outcome take_back_copy(struct undo *u, const struct filing *filing, const char *path)
{
    if (!has_content(u, path, filing))
        return kept("it was changed since");
    if (!has_original(u, filing, path))
        return kept_for_now("its original is gone or was changed: this may be the only copy");
    return remove_file(u, path);
}

static struct outcome take_back_symlink(struct undo *u, const struct filing *filing,
                                        const char *path, const struct fs_stat *stat)
{
    char *content = NULL;
    int error = stat->is_symlink ? u->params->fs->read_link(u->params->fs, path, &content) : 0;
    if (error)
        u->unknown = error;
    bool ours = content && !strcmp(content, filing->source);
    free(content);
    return ours ? remove_file(u, path) : kept("it is not the link that was made");
}

static bool is_empty(const struct fs *fs, const char *folder)
{
    struct fs_names names;
    if (fs->list(fs, folder, &names))
        return false;
    bool empty = names.count == 0;
    fs_names_free(&names);
    return empty;
}

// Whether the folder that a moved file came from is the one it was. A mount point without its disk
// is a folder, too: an empty one, and on another file system than the disk was. Files that were
// put there would vanish behind the disk when it comes back.
static bool is_old_place(const struct undo *u, const struct filing *filing,
                         const struct fs_stat *stat)
{
    const struct fs *fs = u->params->fs;
    const char *root = NULL;
    for (uint32_t i = 0; i < u->run->root_count; i++)
        if (path_is_inside(filing->source, u->run->roots[i]))
            root = u->run->roots[i];
    struct fs_stat top = {0}, folder;
    char *parent = path_parent(filing->source);
    if (root && !strcmp(root, filing->source)) // a file was named
        root = parent;
    bool there = parent && fs->stat(fs, parent, &folder) == 0 && folder.is_folder;
    bool known = root ? fs->stat(fs, root, &top) == 0 && top.is_folder : there;
    if (there && !root)
        top = folder;
    // A move that was a rename stayed on one file system; one that was a copy did not.
    bool same = known && (top.device == stat->device) == !filing->temporary;
    // Folders that a person removed are made again; moves themselves leave all folders.
    bool good = same && (there || !is_empty(fs, root));
    free(parent);
    return good;
}

// Renames, making the folder again if it is gone. UV_EEXIST: the name is taken.
static int rename_back(struct undo *u, const char *from, const char *to)
{
    const struct fs *fs = u->params->fs;
    char *folder = path_parent(to);
    int error = folder ? fs_make_folders(fs, folder) : UV_ENOMEM;
    free(folder);
    if (!error)
        error = fs->publish(fs, from, to);
    if (!error)
        error = touch_folder_of(u, from);
    return error ? error : touch_folder_of(u, to);
}

// Temporaries that a killed undo left in a folder of the user's, once for each folder.
static int sweep(struct undo *u, const char *folder)
{
    const struct fs *fs = u->params->fs;
    struct photo_hash key = photo_hash_bytes(folder, strlen(folder));
    struct fs_names names;
    if (hash_table_find(&u->swept, key, NULL))
        return 0;
    if (hash_table_add(&u->swept, key, 0))
        return UV_ENOMEM;
    if (fs->list(fs, folder, &names))
        return 0; // writing there will tell
    for (size_t i = 0; i < names.count; i++) {
        if (!sink_is_temporary(names.names[i]) || sink_temporary_is_alive(names.names[i]))
            continue;
        char *path = path_join(folder, names.names[i]);
        struct fs_stat stat;
        if (path && fs->lstat(fs, path, &stat) == 0 && stat.is_file)
            fs->unlink(fs, path);
        free(path);
    }
    fs_names_free(&names);
    return 0;
}

static int copy_piece(void *user, const void *bytes, size_t size_bytes)
{
    const struct {
        const struct fs *fs;
        int file;
    } *to = user;
    return fs_write_all(to->fs, to->file, bytes, size_bytes);
}

// Copies to a temporary beside the original's place, durably. *temporary is malloc'd.
static int copy_back(struct undo *u, const struct filing *filing, const char *from,
                     char **temporary)
{
    const struct fs *fs = u->params->fs;
    char *folder = path_parent(filing->source);
    int error = folder ? sweep(u, folder) : UV_ENOMEM;
    *temporary = error ? NULL : sink_temporary(folder, u->next_temporary++);
    free(folder);
    if (!*temporary)
        return UV_ENOMEM;
    int file = fs->open(fs, *temporary, FS_CREATE);
    if (file < 0)
        return file;
    struct {
        const struct fs *fs;
        int file;
    } to = {fs, file};
    uint64_t size_bytes;
    error = sink_read_pieces(fs, from, u->hasher, copy_piece, &to, &size_bytes);
    if (!error && (size_bytes != filing->size_bytes ||
                   !photo_hash_equal(photo_hasher_result(u->hasher), filing->hash)))
        error = UV_EIO;
    if (!error) {
        fs->set_mode(fs, file, filing->mode);
        fs->copy_origin(fs, file, from);
        fs->set_times(fs, file, filing->atime_ns, filing->mtime_ns);
        error = fs->sync(fs, file); // whatever --no-fsync says: the other copy goes
    }
    int closed = fs->close(fs, file);
    if (!error)
        error = closed;
    if (error)
        fs->unlink(fs, *temporary);
    return error;
}

// Across file systems: the original is in its place and durable before the copy goes.
static int move_back_by_copy(struct undo *u, const struct filing *filing, const char *path)
{
    const struct fs *fs = u->params->fs;
    char *temporary = NULL;
    int error = copy_back(u, filing, path, &temporary);
    if (!error) {
        error = fs->publish(fs, temporary, filing->source);
        if (error)
            fs->unlink(fs, temporary);
    }
    free(temporary);
    char *folder = path_parent(filing->source);
    if (!error)
        error = folder ? fs->sync_folder(fs, folder) : UV_ENOMEM;
    if (error == UV_EACCES) // a folder that we may write to, but not read
        error = 0;
    free(folder);
    if (!error)
        error = fs->unlink(fs, path);
    return error ? error : touch_folder_of(u, path);
}

// The original's place holds its content again: an undo that was killed got this far, or a person
// copied it back.
static struct outcome is_back(struct undo *u, const struct filing *filing, const char *path,
                              bool target)
{
    if (!target || !has_content(u, path, filing))
        return done_before(u, "restored", filing->source, path);
    struct outcome outcome = remove_file(u, path);
    if (!outcome.error)
        outcome.done = "restored";
    return outcome;
}

static struct outcome put_back(struct undo *u, const struct filing *filing, const char *path,
                               bool target, const struct fs_stat *stat)
{
    struct fs_stat original;
    bool source = is_there(u, filing->source, &original);
    if (target && source && is_only_name(stat, &original))
        return kept_for_now("its old folder leads to where it is now");
    if (source && has_content(u, filing->source, filing))
        return is_back(u, filing, path, target);
    if (!target)
        return kept_for_now("it is not there any more (what was moved inside the folder, "
                            "cubby correct finds)");
    if (!has_content(u, path, filing))
        return kept_for_now("it was changed since");
    if (source || u->unknown) // unknown: settle() says so
        return kept_for_now("another file has its old name");
    // Else a folder that came from somebody else could put its files anywhere.
    if (!u->trusted)
        return kept_for_now("it was moved on another computer or by another user (--trust puts it "
                            "back all the same)");
    if (!is_old_place(u, filing, stat))
        return kept_for_now("the folder it came from is not there: perhaps its disk is away");
    if (u->params->dry_run)
        return (struct outcome){.done = "restored"};
    int error = rename_back(u, path, filing->source);
    if (error == UV_EXDEV)
        error = move_back_by_copy(u, filing, path);
    if (error == UV_EEXIST)
        return kept_for_now("another file has its old name");
    return error ? failed(error) : (struct outcome){.done = "restored"};
}

static struct outcome rename_to_before(struct undo *u, const struct filing *filing,
                                       const char *path, bool target)
{
    char *before = path_join(u->params->output, filing->source);
    struct outcome outcome = {.done = "renamed"};
    if (!before)
        return failed(UV_ENOMEM);
    if (!target)
        outcome = has_content(u, before, filing) ? done_before(u, "renamed", before, path)
                                                 : kept_for_now("it is not there any more");
    else if (!has_content(u, path, filing))
        outcome = kept_for_now("it was changed since");
    else if (!sink_folders_are_real(u->params->fs, u->params->output, filing->source))
        outcome = kept_for_now("a folder on the way to its old place is a link");
    else if (!u->params->dry_run)
        outcome.error = rename_back(u, path, before);
    if (outcome.error == UV_EEXIST)
        outcome = kept_for_now("another file has its old name");
    free(before);
    return outcome;
}

static struct outcome take_back(struct undo *u, const struct filing *filing, const char *path)
{
    struct fs_stat stat;
    bool target = is_there(u, path, &stat);
    if (target && !sink_folders_are_real(u->params->fs, u->params->output, filing->target))
        return kept_for_now("a folder on the way to it is a link");
    if (filing->how == FILING_MOVE)
        return put_back(u, filing, path, target, &stat);
    if (filing->how == FILING_RELOCATE)
        return rename_to_before(u, filing, path, target);
    if (!target || filing->how == FILING_ARCHIVE) // those go with their archive
        return done_before(u, "gone", path, NULL);
    return filing->how == FILING_SYMLINK ? take_back_symlink(u, filing, path, &stat)
                                         : take_back_copy(u, filing, path);
}

// What cannot be looked at is neither gone nor changed, and what could not be done may work another
// time: it is kept for now. Only what concerns all files ends the undo.
static struct outcome settle(const struct undo *u, const char *path, struct outcome outcome)
{
    int error = outcome.error ? outcome.error : u->unknown;
    if (!error)
        return outcome;
    enum cubby_status status = fs_status(error);
    if (status == CUBBY_NO_SPACE || status == CUBBY_NO_MEMORY || status == CUBBY_BUSY) {
        sink_target_failed(u->params->log, path, error);
        return failed(error);
    }
    char reason[160];
    snprintf(reason, sizeof(reason), "it or its old place cannot be used now: %s",
             fs_error_text(error));
    return kept_for_now(reason);
}

struct outcome undo_file(struct undo *u, const struct filing *filing)
{
    char *path = path_join(u->params->output, filing->target);
    if (!path)
        return failed(UV_ENOMEM);
    u->unknown = 0;
    struct outcome outcome = settle(u, path, take_back(u, filing, path));
    free(path);
    return outcome;
}

struct outcome undo_archive_file(struct undo *u, const struct catalogue_archive *archive,
                                 bool originals)
{
    const struct filing whole = {.size_bytes = archive->size_bytes, .hash = archive->hash};
    char *path = path_join(u->params->output, archive->name);
    struct fs_stat stat;
    struct outcome outcome;
    if (!path)
        return failed(UV_ENOMEM);
    u->unknown = 0;
    if (!is_there(u, path, &stat))
        outcome = done_before(u, "gone", path, NULL);
    else if (!sink_folders_are_real(u->params->fs, u->params->output, archive->name))
        outcome = kept_for_now("a folder on the way to it is a link");
    else if (!has_content(u, path, &whole))
        outcome = kept("it was changed since");
    else if (!originals)
        outcome = kept_for_now("the original of a photo in it is gone or was changed");
    else
        outcome = remove_file(u, path);
    outcome = settle(u, path, outcome);
    free(path);
    return outcome;
}
