#include "sink/recover_archives.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "hash.h"
#include "platform/path.h"
#include "sink/archive_rows.h"
#include "sink/naming.h"

struct archive_paths {
    char *final, *temporary; // owned
};

// Whether the file at `path` is the archive, byte for byte. *error: nobody can tell.
static bool is_archive(const struct sink_recover_params *params, const char *path,
                       const struct catalogue_archive *archive, int *error)
{
    const struct photo whole = {.size_bytes = archive->size_bytes, .hash = archive->hash};
    struct photo_hasher *hasher;
    int found = 0;
    if (photo_hasher_create(&hasher)) {
        *error = UV_ENOMEM;
        return false;
    }
    bool same = sink_look(params->fs, path, &whole, hasher, &found) == SINK_SAME;
    photo_hasher_destroy(&hasher);
    if (found != UV_ENOTDIR)
        *error = found;
    return same;
}

// Somebody else may have written the catalogue: what is removed is called as ours are.
static bool is_sound(const struct catalogue_archive *archive)
{
    return !strchr(archive->name, '/') &&
           (!archive->temporary || sink_is_temporary(archive->temporary));
}

// Whether it has its name; gives it to it, if it was complete and the name is free.
static bool is_published(const struct sink_recover_params *params,
                         const struct catalogue_archive *archive, const struct archive_paths *paths,
                         int *error)
{
    *error = 0;
    if (archive->state != ARCHIVE_PUBLISHING)
        return false;
    bool published = is_archive(params, paths->final, archive, error);
    if (*error)
        return false;
    if (!published && is_archive(params, paths->temporary, archive, error)) {
        *error = params->fs->publish(params->fs, paths->temporary, paths->final);
        published = *error == 0;
        if (*error == UV_EEXIST)
            *error = 0;
    }
    if (published && params->sync)
        *error = params->fs->sync_folder(params->fs, params->output);
    return published;
}

static enum cubby_status recover_archive(const struct sink_recover_params *params,
                                         struct catalogue_archive *archive)
{
    struct archive_paths paths = {
        .final = path_join(params->output, archive->name),
        .temporary =
            path_join(params->output, archive->temporary ? archive->temporary : archive->name)};
    enum cubby_status status = CUBBY_NO_MEMORY;
    if (!paths.final || !paths.temporary)
        goto out;
    if (!is_sound(archive)) {
        cubby_log(params->log, CUBBY_LOG_ERROR,
                  "\"%s\" is no archive that cubby was writing: nothing is done about it; if the "
                  "folder came from somebody else, sort into a new one",
                  archive->name);
        status = CUBBY_BAD_DATA;
        goto out;
    }
    int error;
    bool published = is_published(params, archive, &paths, &error);
    if (!error && archive->temporary) {
        error = params->fs->unlink(params->fs, paths.temporary);
        error = error == UV_ENOENT ? 0 : error;
    }
    if (error) {
        status = sink_target_failed(params->log, paths.final, error);
    } else if (published) {
        archive->state = ARCHIVE_DONE;
        status = catalogue_update_archive(params->catalogue, archive);
        if (!status)
            status = archive_rows_done(params->catalogue, archive->id, NULL, NULL);
    } else {
        status = archive_rows_drop(params->catalogue, archive->id, NULL, NULL, NULL);
    }

out:
    free(paths.final);
    free(paths.temporary);
    return status;
}

enum cubby_status recover_archives(const struct sink_recover_params *params)
{
    int64_t after = 0;
    for (;;) {
        struct catalogue_archive archive;
        enum cubby_status status =
            catalogue_next_archive(params->catalogue, CATALOGUE_ANY, after, &archive);
        if (status || !archive.id)
            return status;
        after = archive.id;
        if (archive.state != ARCHIVE_DONE)
            status = recover_archive(params, &archive);
        catalogue_archive_fini(&archive);
        if (status)
            return status;
    }
}
