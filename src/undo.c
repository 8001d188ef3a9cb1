#include "undo.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "hash.h"
#include "hash_table.h"
#include "platform/names.h"
#include "platform/path.h"
#include "sink/naming.h"

#define BATCH 256u // filings between two commits

struct undo {
    const struct undo_params *params;
    struct undo_counts *counts;
    struct photo_hasher *hasher; // owned, scratch
    struct hash_table seen;      // folders that wait for a sync
    char **folders;              // owned, as is each
    size_t folder_count;
    uint64_t next_temporary;
};

// What became of one file.
struct outcome {
    const char *done;
    char reason[160];
    int error; // a libuv code that ends the undo
};

static struct outcome kept(const char *reason)
{
    struct outcome outcome = {.done = "kept"};
    snprintf(outcome.reason, sizeof(outcome.reason), "%s", reason);
    return outcome;
}

static struct outcome failed(int error)
{
    return (struct outcome){.error = error};
}

// ---- what lies on the disk

static bool has_content(const struct undo *u, const char *path, const struct filing *filing)
{
    const struct photo as_filed = {.size_bytes = filing->size_bytes, .hash = filing->hash};
    int error;
    return sink_look(u->params->fs, path, &as_filed, u->hasher, &error) == SINK_SAME;
}

static bool is_there(const struct undo *u, const char *path, struct fs_stat *stat)
{
    return u->params->fs->lstat(u->params->fs, path, stat) == 0;
}

// Whether two paths lead to one file that has no other name: removing one would lose it.
static bool is_only_name(const struct fs_stat *a, const struct fs_stat *b)
{
    return a->device == b->device && a->inode == b->inode && a->links < 2;
}

// 0 if there is something or nothing at the path; an error if nobody can tell.
static int look(const struct undo *u, const char *path)
{
    struct fs_stat stat;
    int error = u->params->fs->lstat(u->params->fs, path, &stat);
    return error == UV_ENOENT || error == UV_ENOTDIR ? 0 : error;
}

// Whether the original can be had without the copy. A photo that is only left in the output is
// never removed from there.
//   path  the copy, NULL if it is in an archive: a source that leads to the copy is no original
static bool has_original(const struct undo *u, const struct filing *filing, const char *path)
{
    const struct fs *fs = u->params->fs;
    struct fs_stat stat, copy;
    if (fs->stat(fs, filing->source, &stat) || !stat.is_file)
        return false;
    if (path && (fs->lstat(fs, path, &copy) || is_only_name(&stat, &copy)))
        return false;
    if (stat.size_bytes == filing->size_bytes && stat.mtime_ns == filing->mtime_ns)
        return true;
    return has_content(u, filing->source, filing);
}

// The folder of `path` is synced before the next commit.
static int touch_folder_of(struct undo *u, const char *path)
{
    char *folder = path_parent(path);
    if (!folder)
        return UV_ENOMEM;
    struct photo_hash key = photo_hash_bytes(folder, strlen(folder));
    if (!u->params->sync || hash_table_find(&u->seen, key, NULL)) {
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

static void forget_folders(struct undo *u)
{
    for (size_t i = 0; i < u->folder_count; i++)
        free(u->folders[i]);
    u->folder_count = 0;
    hash_table_fini(&u->seen);
    u->seen = (struct hash_table){0};
}

// All that was changed is durable; then the catalogue may forget it.
static enum cubby_status commit(struct undo *u)
{
    for (size_t i = 0; i < u->folder_count; i++) {
        int result = u->params->fs->sync_folder(u->params->fs, u->folders[i]);
        if (result && result != UV_EACCES && result != UV_ENOENT)
            return sink_target_failed(u->params->log, u->folders[i], result);
    }
    forget_folders(u);
    return catalogue_commit(u->params->catalogue);
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
    struct fs_stat stat;
    if (!is_there(u, path, &stat))
        return (struct outcome){.done = "gone"};
    if (!has_content(u, path, filing))
        return kept("it was changed since");
    if (!has_original(u, filing, path))
        return kept("its original is gone or was changed: this may be the only copy");
    return remove_file(u, path);
}

static struct outcome take_back_symlink(struct undo *u, const struct filing *filing,
                                        const char *path)
{
    struct fs_stat stat;
    char *content = NULL;
    if (!is_there(u, path, &stat))
        return (struct outcome){.done = "gone"};
    bool ours = stat.is_symlink && u->params->fs->read_link(u->params->fs, path, &content) == 0 &&
                !strcmp(content, filing->source);
    free(content);
    return ours ? remove_file(u, path) : kept("it is not the link that was made");
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
    *temporary = folder ? sink_temporary(folder, u->next_temporary++) : NULL;
    free(folder);
    if (!*temporary)
        return UV_ENOMEM;
    fs->unlink(fs, *temporary); // of a dead process with our number
    int file = fs->open(fs, *temporary, FS_CREATE);
    if (file < 0)
        return file;
    struct {
        const struct fs *fs;
        int file;
    } to = {fs, file};
    uint64_t size_bytes;
    int error = sink_read_pieces(fs, from, u->hasher, copy_piece, &to, &size_bytes);
    if (!error && (size_bytes != filing->size_bytes ||
                   !photo_hash_equal(photo_hasher_result(u->hasher), filing->hash)))
        error = UV_EIO;
    if (!error) {
        fs->set_mode(fs, file, filing->mode);
        fs->set_times(fs, file, filing->atime_ns, filing->mtime_ns);
        error = u->params->sync ? fs->sync(fs, file) : 0;
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
    if (!error && u->params->sync)
        error = folder ? fs->sync_folder(fs, folder) : UV_ENOMEM;
    free(folder);
    if (!error)
        error = fs->unlink(fs, path);
    return error ? error : touch_folder_of(u, path);
}

static struct outcome put_back(struct undo *u, const struct filing *filing, const char *path)
{
    struct fs_stat stat, original;
    bool target = is_there(u, path, &stat), source = is_there(u, filing->source, &original);
    if (target && source && is_only_name(&stat, &original))
        return kept("its old folder leads to where it is now");
    if (source && has_content(u, filing->source, filing)) {
        // An undo that was killed got this far; or a person copied it back.
        if (target && has_content(u, path, filing)) {
            struct outcome outcome = remove_file(u, path);
            if (!outcome.error)
                outcome.done = "restored";
            return outcome;
        }
        return (struct outcome){.done = "restored"};
    }
    if (!target)
        return kept("it is not there any more");
    if (!has_content(u, path, filing))
        return kept("it was changed since");
    if (source)
        return kept("another file has its old name");
    if (u->params->dry_run)
        return (struct outcome){.done = "restored"};
    int error = rename_back(u, path, filing->source);
    if (error == UV_EXDEV)
        error = move_back_by_copy(u, filing, path);
    if (error == UV_EEXIST)
        return kept("another file has its old name");
    return error ? failed(error) : (struct outcome){.done = "restored"};
}

static struct outcome rename_to_before(struct undo *u, const struct filing *filing,
                                       const char *path)
{
    char *before = path_join(u->params->output, filing->source);
    struct fs_stat stat;
    struct outcome outcome = {.done = "renamed"};
    if (!before)
        return failed(UV_ENOMEM);
    if (!is_there(u, path, &stat))
        outcome = has_content(u, before, filing) ? outcome : kept("it is not there any more");
    else if (!has_content(u, path, filing))
        outcome = kept("it was changed since");
    else if (!u->params->dry_run)
        outcome.error = rename_back(u, path, before);
    if (outcome.error == UV_EEXIST)
        outcome = kept("another file has its old name");
    free(before);
    return outcome;
}

static struct outcome take_back(struct undo *u, const struct filing *filing)
{
    char *path = path_join(u->params->output, filing->target);
    if (!path)
        return failed(UV_ENOMEM);
    struct outcome outcome = {.done = "gone"};
    // What cannot be looked at is not gone: the undo ends, and can be run again.
    int error = look(u, path);
    if (!error && filing->how == FILING_MOVE)
        error = look(u, filing->source);
    if (error) {
        sink_target_failed(u->params->log, path, error);
        free(path);
        return failed(error);
    }
    switch (filing->how) {
    case FILING_COPY:
    case FILING_LINK:
        outcome = take_back_copy(u, filing, path);
        break;
    case FILING_SYMLINK:
        outcome = take_back_symlink(u, filing, path);
        break;
    case FILING_MOVE:
        outcome = put_back(u, filing, path);
        break;
    case FILING_RELOCATE:
        outcome = rename_to_before(u, filing, path);
        break;
    case FILING_ARCHIVE: // with its archive
        break;
    }
    if (outcome.error)
        sink_target_failed(u->params->log, path, outcome.error);
    free(path);
    return outcome;
}

static void count(struct undo *u, const struct outcome *outcome)
{
    u->counts->removed += !strcmp(outcome->done, "removed");
    u->counts->restored += !strcmp(outcome->done, "restored");
    u->counts->renamed += !strcmp(outcome->done, "renamed");
    u->counts->kept += !strcmp(outcome->done, "kept");
}

// ---- the catalogue

// The photo is what an earlier run made of it.
static enum cubby_status restore_photo(struct undo *u, int64_t id, const struct filing *earlier)
{
    struct catalogue *catalogue = u->params->catalogue;
    const struct catalogue_photos any = {CATALOGUE_ANY, CATALOGUE_ANY, CATALOGUE_ANY};
    struct photo *photo = NULL;
    enum cubby_status status = catalogue_next_photo(catalogue, &any, id - 1, &photo);
    if (!status && photo && photo->id == id && !earlier->member) {
        bool unsure = !strncmp(earlier->target, NAMES_UNSURE "/", sizeof(NAMES_UNSURE));
        photo_settle(photo, unsure ? PHOTO_UNSURE : PHOTO_FILED, "%s", "");
        free(photo->filed_as);
        photo->filed_as = strdup(earlier->target);
        photo->run = earlier->run;
        status = photo->filed_as ? catalogue_put_photo(catalogue, photo) : CUBBY_NO_MEMORY;
    }
    photo_free(&photo);
    return status;
}

// The filing that a relocation took its file from is in place again.
static enum cubby_status revive(struct undo *u, const struct filing *filing)
{
    struct catalogue *catalogue = u->params->catalogue;
    const struct catalogue_filings which = {CATALOGUE_ANY, filing->photo, CATALOGUE_ANY,
                                            CATALOGUE_ANY};
    struct filing earlier;
    enum cubby_status status =
        catalogue_next_filing(catalogue, &which, filing->replaces - 1, false, &earlier);
    if (!status && earlier.id == filing->replaces) {
        status = catalogue_set_filing_state(catalogue, earlier.id, FILING_DONE);
        if (!status)
            status = restore_photo(u, filing->photo, &earlier);
    }
    filing_fini(&earlier);
    return status;
}

static enum cubby_status undo_filing(struct undo *u, const struct filing *filing)
{
    struct outcome outcome = take_back(u, filing);
    if (outcome.error)
        return fs_status(outcome.error);
    count(u, &outcome);
    enum cubby_status status = CUBBY_OK;
    if (strcmp(outcome.done, "gone") != 0)
        status = u->params->told(u->params->user, filing, outcome.done, outcome.reason);
    if (u->params->dry_run || status)
        return status;
    if (filing->how == FILING_RELOCATE && strcmp(outcome.done, "kept") != 0)
        status = revive(u, filing);
    return status ? status : catalogue_remove_filing(u->params->catalogue, filing->id);
}

static enum cubby_status undo_filings(struct undo *u, int64_t run)
{
    const struct catalogue_filings which = {run, CATALOGUE_ANY, 0, CATALOGUE_ANY};
    const struct undo_params *params = u->params;
    int64_t before = 0;
    for (unsigned i = 1;; i++) {
        struct filing filing;
        enum cubby_status status =
            catalogue_next_filing(params->catalogue, &which, before, true, &filing);
        if (status || !filing.id)
            return status;
        before = filing.id;
        status = undo_filing(u, &filing);
        filing_fini(&filing);
        if (!status && i % BATCH == 0)
            status = commit(u);
        if (!status && params->interrupted && params->interrupted(params->user)) {
            status = commit(u);
            return status ? status : CUBBY_INTERRUPTED;
        }
        if (status)
            return status;
    }
}

// ---- archives

// Whether the archive is the file that was published. Its photos are all still where they came
// from: sorting never moves photos into archives.
static bool is_our_archive(const struct undo *u, const char *path,
                           const struct catalogue_archive *archive)
{
    const struct filing whole = {.size_bytes = archive->size_bytes, .hash = archive->hash};
    return has_content(u, path, &whole);
}

static enum cubby_status forget_entries(struct undo *u, int64_t archive, bool *originals)
{
    const struct catalogue_filings which = {CATALOGUE_ANY, CATALOGUE_ANY, archive, CATALOGUE_ANY};
    int64_t after = 0;
    for (;;) {
        struct filing filing;
        enum cubby_status status =
            catalogue_next_filing(u->params->catalogue, &which, after, false, &filing);
        if (status || !filing.id)
            return status;
        after = filing.id;
        if (originals)
            *originals = *originals && has_original(u, &filing, NULL);
        else
            status = catalogue_remove_filing(u->params->catalogue, filing.id);
        filing_fini(&filing);
        if (status)
            return status;
    }
}

static enum cubby_status undo_archive(struct undo *u, const struct catalogue_archive *archive)
{
    char *path = path_join(u->params->output, archive->name);
    struct fs_stat stat;
    bool originals = true;
    struct outcome outcome = {.done = "gone"};
    enum cubby_status status = path ? forget_entries(u, archive->id, &originals) : CUBBY_NO_MEMORY;
    if (status) {
        free(path);
        return status;
    }
    if (is_there(u, path, &stat) && !is_our_archive(u, path, archive))
        outcome = kept("it was changed since");
    else if (is_there(u, path, &stat) && !originals)
        outcome = kept("the original of a photo in it is gone or was changed");
    else if (is_there(u, path, &stat))
        outcome = remove_file(u, path);
    if (outcome.error)
        status = sink_target_failed(u->params->log, path, outcome.error);
    free(path);
    if (status)
        return status;
    count(u, &outcome);
    const struct filing as_filing = {.source = (char *)"", .target = archive->name};
    if (strcmp(outcome.done, "gone") != 0)
        status = u->params->told(u->params->user, &as_filing, outcome.done, outcome.reason);
    if (u->params->dry_run || status)
        return status;
    status = forget_entries(u, archive->id, NULL);
    return status ? status : catalogue_remove_archive(u->params->catalogue, archive->id);
}

static enum cubby_status undo_archives(struct undo *u, int64_t run)
{
    int64_t after = 0;
    for (;;) {
        struct catalogue_archive archive;
        enum cubby_status status =
            catalogue_next_archive(u->params->catalogue, run, after, &archive);
        if (status || !archive.id)
            return status;
        after = archive.id;
        status = undo_archive(u, &archive);
        catalogue_archive_fini(&archive);
        if (!status && !u->params->dry_run)
            status = commit(u);
        if (status)
            return status;
    }
}

// ---- the run

// What the run decided about a photo without moving its file: it is the earlier run's again. *found
// false: no other run filed it.
static enum cubby_status give_back(struct undo *u, const struct photo *photo, bool *found)
{
    const struct catalogue_filings which = {CATALOGUE_ANY, photo->id, CATALOGUE_ANY, FILING_DONE};
    int64_t after = 0;
    *found = false;
    while (!*found) {
        struct filing filing;
        enum cubby_status status =
            catalogue_next_filing(u->params->catalogue, &which, after, false, &filing);
        after = filing.id;
        *found = !status && after && !filing.member;
        if (*found)
            status = restore_photo(u, photo->id, &filing);
        filing_fini(&filing);
        if (status || !after)
            return status;
    }
    return CUBBY_OK;
}

// What the run alone knew of is forgotten.
static enum cubby_status forget_photos(struct undo *u, int64_t run)
{
    const struct catalogue_photos which = {run, CATALOGUE_ANY, CATALOGUE_ANY};
    int64_t after = 0;
    for (;;) {
        struct photo *photo = NULL;
        enum cubby_status status =
            catalogue_next_photo(u->params->catalogue, &which, after, &photo);
        if (status || !photo)
            return status;
        after = photo->id;
        bool found;
        status = give_back(u, photo, &found);
        if (!status && !found)
            status = catalogue_remove_photo(u->params->catalogue, photo->id);
        photo_free(&photo);
        if (status)
            return status;
    }
}

enum cubby_status undo_find(struct catalogue_run *run, const struct undo_params *params)
{
    return catalogue_last_run(params->catalogue, run);
}

static enum cubby_status mark(const struct catalogue_run *run, struct undo *u, enum run_state state)
{
    struct catalogue_run marked = *run; // its texts stay the caller's
    marked.state = state;
    marked.clean = state == RUN_UNDONE;
    enum cubby_status status = catalogue_update_run(u->params->catalogue, &marked);
    return status ? status : commit(u);
}

enum cubby_status undo_run(const struct catalogue_run *run, const struct undo_params *params,
                           struct undo_counts *counts, bool *last)
{
    *counts = (struct undo_counts){0};
    *last = false;
    struct undo u = {.params = params, .counts = counts};
    struct catalogue_run earlier = {0};
    enum cubby_status status = photo_hasher_create(&u.hasher);
    if (!status && !params->dry_run)
        status = mark(run, &u, RUN_UNDOING);
    if (!status)
        status = undo_filings(&u, run->id);
    if (!status)
        status = undo_archives(&u, run->id);
    if (!status && !params->dry_run)
        status = forget_photos(&u, run->id);
    if (!status && !params->dry_run)
        status = mark(run, &u, RUN_UNDONE);
    if (!status)
        status = catalogue_last_run(params->catalogue, &earlier);
    *last = !status && !earlier.id;
    catalogue_run_fini(&earlier);
    photo_hasher_destroy(&u.hasher);
    forget_folders(&u);
    free(u.folders);
    return status;
}

// ---- folders

void undo_folders_fini(struct undo_folders *folders)
{
    for (size_t i = 0; i < folders->count; i++)
        catalogue_folder_fini(&folders->list[i]);
    free(folders->list);
    *folders = (struct undo_folders){0};
}

enum cubby_status undo_list_folders(struct undo_folders *out, int64_t run,
                                    const struct undo_params *params)
{
    *out = (struct undo_folders){0};
    int64_t before = 0;
    for (;;) {
        struct catalogue_folder folder;
        enum cubby_status status =
            catalogue_previous_folder(params->catalogue, run, before, &folder);
        if (status || !folder.id)
            return status;
        before = folder.id;
        struct catalogue_folder *list =
            realloc(out->list, (out->count + 1) * sizeof(struct catalogue_folder));
        if (!list) {
            catalogue_folder_fini(&folder);
            return CUBBY_NO_MEMORY;
        }
        out->list = list;
        out->list[out->count++] = folder;
    }
}

void undo_restore_folders(const struct undo_folders *folders, const struct undo_params *params)
{
    const struct fs *fs = params->fs;
    for (size_t i = 0; i < folders->count; i++)
        if (folders->list[i].made) // one that a person put something into stays
            fs->remove_folder(fs, folders->list[i].path);
    // After all that changes them.
    for (size_t i = 0; i < folders->count; i++)
        if (!folders->list[i].made)
            fs->set_path_times(fs, folders->list[i].path, folders->list[i].atime_ns,
                               folders->list[i].mtime_ns);
}
