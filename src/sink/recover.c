#include "sink/recover.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "platform/path.h"
#include "scan.h"
#include "sink/naming.h"
#include "sink/recover_archives.h"

struct recovery {
    const struct sink_recover_params *params;
    struct photo_hasher *hasher; // owned, scratch
    uint64_t done, forgotten, swept;
    int64_t forgotten_photo; // the last one: what travels with it is filed with it again
    bool sync;               // folders, for the filing at hand: always for a move
    int unknown;             // libuv code: something about the filing at hand could not be read
};

// ---- what lies on the disk

// What cannot be looked at or read is neither gone nor changed.
static void note_error(struct recovery *r, int error)
{
    if (error && error != UV_ENOENT && error != UV_ENOTDIR)
        r->unknown = error;
}

// Whether the file at `path` has this filing's content. A link is not looked through. False also
// where nobody can tell; then r->unknown is set.
static bool has_content(struct recovery *r, const char *path, const struct filing *filing)
{
    const struct photo as_filed = {.size_bytes = filing->size_bytes, .hash = filing->hash};
    int error = 0;
    enum sink_place place = sink_look(r->params->fs, path, &as_filed, r->hasher, &error);
    note_error(r, error);
    return place == SINK_SAME;
}

static bool is_there(struct recovery *r, const char *path)
{
    struct fs_stat stat;
    int error = path ? r->params->fs->lstat(r->params->fs, path, &stat) : UV_ENOENT;
    note_error(r, error);
    return !error;
}

// Whether two names lead to one file; *links is how many names it has.
static bool is_same_file(struct recovery *r, const char *a, const char *b, uint64_t *links)
{
    struct fs_stat first = {0}, second = {0};
    const struct fs *fs = r->params->fs;
    int error = fs->lstat(fs, a, &first);
    int other = fs->lstat(fs, b, &second);
    note_error(r, error);
    note_error(r, other);
    *links = first.links;
    return !error && !other && first.inode && first.device == second.device &&
           first.inode == second.inode;
}

static int sync_folder_of(const struct recovery *r, const char *path)
{
    char *folder = path_parent(path);
    if (!folder)
        return UV_ENOMEM;
    int result = r->sync ? r->params->fs->sync_folder(r->params->fs, folder) : 0;
    free(folder);
    return result == UV_EACCES ? 0 : result;
}

// Removes a name and makes that durable.
static int remove_name(const struct recovery *r, const char *path)
{
    int result = r->params->fs->unlink(r->params->fs, path);
    return result ? result : sync_folder_of(r, path);
}

// ---- one filing

struct paths {
    char *source, *target, *temporary; // owned; temporary may be NULL
};

static void paths_fini(struct paths *paths)
{
    free(paths->source);
    free(paths->target);
    free(paths->temporary);
}

// Whether a temporary is one: beside its target, and called as ours are. Somebody else may have
// written the catalogue.
static bool is_own_temporary(const struct filing *filing)
{
    const char *slash = strrchr(filing->temporary, '/');
    size_t folder_bytes = slash ? (size_t)(slash - filing->temporary) + 1 : 0;
    return sink_is_temporary(filing->temporary + folder_bytes) &&
           !strncmp(filing->temporary, filing->target, folder_bytes) &&
           !strchr(filing->target + folder_bytes, '/');
}

// Whether nothing of the filing leads out of the output folder.
static bool stays_inside(const struct recovery *r, const struct filing *filing)
{
    const struct sink_recover_params *params = r->params;
    return (!filing->temporary || is_own_temporary(filing)) &&
           sink_folders_are_real(params->fs, params->output, filing->target) &&
           (filing->how != FILING_RELOCATE ||
            sink_folders_are_real(params->fs, params->output, filing->source));
}

static enum cubby_status make_paths(const struct recovery *r, const struct filing *filing,
                                    struct paths *paths)
{
    const char *output = r->params->output;
    bool inside = filing->how == FILING_RELOCATE;
    *paths = (struct paths){0};
    paths->source = inside ? path_join(output, filing->source) : strdup(filing->source);
    paths->target = path_join(output, filing->target);
    if (filing->temporary)
        paths->temporary = path_join(output, filing->temporary);
    bool all = paths->source && paths->target && (!filing->temporary || paths->temporary);
    return all ? CUBBY_OK : CUBBY_NO_MEMORY;
}

static bool is_link_to(struct recovery *r, const char *path, const char *content)
{
    char *read = NULL;
    int error = r->params->fs->read_link(r->params->fs, path, &read);
    if (error != UV_EINVAL) // EINVAL: no link
        note_error(r, error);
    bool same = !error && !strcmp(read, content);
    free(read);
    return same;
}

// Removes the second name of one file: a rename that fell back on a link got half-way. One name
// that two paths lead to, through a folder that is a link, stays.
//   *handled  they are one file
static int remove_second_name(struct recovery *r, const char *name, const char *other,
                              bool *handled)
{
    uint64_t links;
    *handled = is_same_file(r, name, other, &links);
    return *handled && links >= 2 ? remove_name(r, name) : 0;
}

// A copy that has its name takes the place of a moved file's original, which may still be there.
static int finish_move(struct recovery *r, const struct filing *filing, const struct paths *paths)
{
    bool handled;
    if (!is_there(r, paths->source))
        return 0;
    int error = remove_second_name(r, paths->source, paths->target, &handled);
    // Else the same content, or the source is another photo by now, which stays.
    if (!handled && has_content(r, paths->source, filing))
        return remove_name(r, paths->source);
    return error;
}

// Whether a rename inside the output, or one that is a move, is done.
static bool is_renamed(struct recovery *r, const struct filing *filing, const struct paths *paths,
                       int *error)
{
    bool handled;
    *error = remove_second_name(r, paths->source, paths->target, &handled);
    return !*error && !is_there(r, paths->source) && has_content(r, paths->target, filing);
}

// Whether the filing's file got its name; finishes what was left to do then.
static bool is_done(struct recovery *r, const struct filing *filing, const struct paths *paths,
                    int *error)
{
    uint64_t links;
    *error = 0;
    if (filing->how == FILING_LINK)
        return is_same_file(r, paths->source, paths->target, &links);
    if (filing->how == FILING_SYMLINK)
        return is_link_to(r, paths->target, paths->source);
    if (filing->how == FILING_RELOCATE)
        return is_renamed(r, filing, paths, error);
    // Where a source is to be removed nothing but the content counts. A rename that was not done
    // leaves the source where it is; what has the target's name then is somebody else's.
    bool in_place = has_content(r, paths->target, filing);
    if (in_place && filing->how == FILING_MOVE && !filing->temporary &&
        is_there(r, paths->source) && !is_same_file(r, paths->source, paths->target, &links))
        return false;
    // The temporary is still there under its own name: what lies at the target is not ours.
    if (in_place && paths->temporary && is_there(r, paths->temporary) &&
        !is_same_file(r, paths->temporary, paths->target, &links))
        return false;
    if (in_place)
        *error = sync_folder_of(r, paths->target);
    if (in_place && !*error && filing->how == FILING_MOVE)
        *error = finish_move(r, filing, paths);
    return in_place;
}

// Decided, but not filed: without an answer of the network as if it had never been seen.
static enum cubby_status photo_is_undecided(const struct recovery *r, const struct filing *filing)
{
    struct photo *photo = NULL;
    enum cubby_status status = catalogue_get_photo(r->params->catalogue, filing->photo, &photo);
    if (!status && photo) {
        free(photo->filed_as);
        photo->filed_as = NULL;
        photo_settle(photo, PHOTO_PENDING, "%s", "");
        status = catalogue_put_photo(r->params->catalogue, photo);
    }
    photo_free(&photo);
    return status;
}

// A run that failed may have given the photo up after its file had got its name.
static enum cubby_status photo_is_filed(const struct recovery *r, const struct filing *filing)
{
    struct photo *photo = NULL;
    enum cubby_status status =
        filing->member ? CUBBY_OK
                       : catalogue_get_photo(r->params->catalogue, filing->photo, &photo);
    if (!status && photo && photo->status == PHOTO_PENDING) {
        status = sink_settle_filed(photo, filing->target);
        if (!status)
            status = catalogue_put_photo(r->params->catalogue, photo);
    }
    photo_free(&photo);
    return status;
}

// Whether the photo itself is in place, whatever became of what belongs to it.
static enum cubby_status is_filed(const struct recovery *r, int64_t photo, bool *result)
{
    const struct catalogue_filings which = {CATALOGUE_ANY, photo, CATALOGUE_ANY, FILING_DONE};
    int64_t after = 0;
    *result = false;
    for (;;) {
        struct filing filing;
        enum cubby_status status =
            catalogue_next_filing(r->params->catalogue, &which, after, false, &filing);
        after = filing.id;
        *result = !status && after && !filing.member;
        filing_fini(&filing);
        if (status || !after || *result)
            return status;
    }
}

static enum cubby_status forget(struct recovery *r, const struct filing *filing,
                                const struct paths *paths)
{
    int error = 0;
    if (paths->temporary && is_there(r, paths->temporary))
        error = remove_name(r, paths->temporary);
    if (error)
        return sink_target_failed(r->params->log, paths->temporary, error);
    r->forgotten++;
    bool filed = false;
    enum cubby_status status = filing->member ? is_filed(r, filing->photo, &filed) : CUBBY_OK;
    if (!status && !filed) {
        r->forgotten_photo = filing->photo;
        status = photo_is_undecided(r, filing);
    }
    return status ? status : catalogue_remove_filing(r->params->catalogue, filing->id);
}

static enum cubby_status accept_filing(struct recovery *r, const struct filing *filing,
                                       const struct paths *paths)
{
    struct catalogue *catalogue = r->params->catalogue;
    if (paths->temporary && is_there(r, paths->temporary)) {
        int error = remove_name(r, paths->temporary);
        if (error)
            return sink_target_failed(r->params->log, paths->temporary, error);
    }
    r->done++;
    enum cubby_status status = catalogue_set_filing_state(catalogue, filing->id, FILING_DONE);
    if (!status)
        status = photo_is_filed(r, filing);
    if (!status && filing->replaces)
        status = catalogue_set_filing_state(catalogue, filing->replaces, FILING_REPLACED);
    return status;
}

// Does what was intended, if all for it lies ready: temporaries are complete and durable before an
// intent is written. For a move this is needed, not a nicety: a sidecar whose photo has left
// already would never be found again.
static bool complete(struct recovery *r, const struct filing *filing, const struct paths *paths,
                     int *error)
{
    const struct fs *fs = r->params->fs;
    const char *from = paths->temporary ? paths->temporary : paths->source;
    *error = 0;
    if (filing->photo == r->forgotten_photo || is_there(r, paths->target) ||
        !has_content(r, from, filing))
        return false;
    if (filing->how == FILING_LINK)
        *error = fs->link(fs, from, paths->target);
    else if (filing->how == FILING_SYMLINK)
        *error = fs->symlink(fs, from, paths->target);
    else
        *error = fs->publish(fs, from, paths->target);
    if (*error) {
        // Perhaps there is another way to file it; but a network may do what it says has failed.
        if (fs_status(*error) == CUBBY_IO && is_there(r, from))
            *error = 0;
        return false;
    }
    *error = sync_folder_of(r, paths->target);
    if (!*error && (filing->how == FILING_RELOCATE || filing->how == FILING_MOVE))
        *error = sync_folder_of(r, paths->source);
    if (!*error && filing->how == FILING_MOVE && paths->temporary)
        *error = finish_move(r, filing, paths);
    return true;
}

// Finds out what became of a filing, and makes the best of it.
static enum cubby_status resolve(struct recovery *r, const struct filing *filing,
                                 const struct paths *paths)
{
    // All three are looked at first: nothing is done where one cannot be.
    is_there(r, paths->target);
    is_there(r, paths->source);
    is_there(r, paths->temporary);
    int error = 0;
    bool done = !r->unknown && is_done(r, filing, paths, &error);
    if (!done && !error && !r->unknown)
        done = complete(r, filing, paths, &error);
    if (error)
        return sink_target_failed(r->params->log, paths->target, error);
    if (r->unknown) // its intent must not be forgotten
        return sink_unreadable(r->params->log, paths->target, r->unknown);
    return done ? accept_filing(r, filing, paths) : forget(r, filing, paths);
}

static enum cubby_status recover_filing(struct recovery *r, const struct filing *filing)
{
    struct paths paths;
    if (!stays_inside(r, filing)) {
        cubby_log(r->params->log, CUBBY_LOG_ERROR,
                  "\"%s\" leads out of the output folder %s, through a link or by its name: "
                  "nothing is done about it; if the folder came from somebody else, sort into a "
                  "new one",
                  filing->target, r->params->output);
        return CUBBY_BAD_DATA;
    }
    r->unknown = 0;
    r->sync = r->params->sync || filing->how == FILING_MOVE;
    enum cubby_status status = make_paths(r, filing, &paths);
    if (!status)
        status = resolve(r, filing, &paths);
    paths_fini(&paths);
    return status;
}

static enum cubby_status recover_filings(struct recovery *r)
{
    const struct catalogue_filings intended = {
        .run = CATALOGUE_ANY, .photo = CATALOGUE_ANY, .archive = 0, .state = FILING_INTENDED};
    int64_t after = 0;
    for (;;) {
        struct filing filing;
        enum cubby_status status =
            catalogue_next_filing(r->params->catalogue, &intended, after, false, &filing);
        if (status || !filing.id)
            return status;
        after = filing.id;
        status = recover_filing(r, &filing);
        filing_fini(&filing);
        if (status)
            return status;
    }
}

// ---- temporaries that nothing refers to

static enum cubby_status sweep_folder(struct recovery *r, const char *folder, bool below)
{
    const struct fs *fs = r->params->fs;
    struct fs_names names;
    int result = fs->list(fs, folder, &names);
    if (result)
        return result == UV_ENOMEM ? CUBBY_NO_MEMORY : CUBBY_OK;
    enum cubby_status status = CUBBY_OK;
    bool removed = false;
    for (size_t i = 0; i < names.count && !status; i++) {
        char *path = path_join(folder, names.names[i]);
        struct fs_stat stat;
        if (!path) {
            status = CUBBY_NO_MEMORY;
        } else if (sink_is_temporary(names.names[i])) {
            if (fs->lstat(fs, path, &stat) == 0 && stat.is_file)
                removed = fs->unlink(fs, path) == 0 || removed;
            r->swept += removed;
        } else if (below && strcmp(names.names[i], CATALOGUE_FOLDER) != 0 &&
                   fs->lstat(fs, path, &stat) == 0 && stat.is_folder &&
                   !scan_is_output(fs, path)) { // another run may be at work there
            status = sweep_folder(r, path, false);
        }
        free(path);
    }
    fs_names_free(&names);
    if (removed && r->params->sync)
        fs->sync_folder(fs, folder); // a temporary that comes back is swept the next time
    return status;
}

// What a report that was not finished left.
static void sweep_reports(const struct sink_recover_params *params)
{
    static const char *const names[] = {CATALOGUE_FOLDER "/report.jsonl.tmp",
                                        CATALOGUE_FOLDER "/report.csv.tmp"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char *path = path_join(params->output, names[i]);
        if (path)
            params->fs->unlink(params->fs, path);
        free(path);
    }
}

enum cubby_status sink_recover(const struct sink_recover_params *params)
{
    struct recovery r = {.params = params};
    enum cubby_status status = photo_hasher_create(&r.hasher);
    if (!status)
        status = recover_filings(&r);
    if (!status)
        status = recover_archives(params);
    if (!status && params->sweep)
        status = sweep_folder(&r, params->output, true);
    if (!status && params->sweep)
        sweep_reports(params);
    if (!status)
        status = catalogue_commit(params->catalogue);
    photo_hasher_destroy(&r.hasher);
    if (!status && r.done + r.forgotten + r.swept)
        cubby_log(params->log, CUBBY_LOG_INFO,
                  "an earlier run ended in the middle: %llu photos that it was filing are in "
                  "place, %llu are filed again, %llu temporary files were removed",
                  (unsigned long long)r.done, (unsigned long long)r.forgotten,
                  (unsigned long long)r.swept);
    return status;
}
