// Files photos into one folder per class, in groups: see sink.h for the protocol. A crash at any
// moment leaves hidden temporaries under names that no photo has, and intents that recovery reads.
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "platform/path.h"
#include "sink/group.h"

// Files that are made durable at once: they wait for the disk, not for a CPU.
#define SYNC_THREADS 8u

enum cubby_status folder_sink_note_folder(struct folder_sink *sink, const char *path, bool made)
{
    struct fs_stat stat = {0};
    if (!made && sink->params.fs->stat(sink->params.fs, path, &stat))
        return CUBBY_OK; // it will not be there to get its times back either
    struct catalogue_folder folder = {.run = sink->params.run,
                                      .path = strdup(path),
                                      .made = made,
                                      .mtime_ns = stat.mtime_ns,
                                      .atime_ns = stat.atime_ns};
    if (!folder.path)
        return CUBBY_NO_MEMORY;
    enum cubby_status status = catalogue_add_folder(sink->params.catalogue, &folder);
    catalogue_folder_fini(&folder);
    return status;
}

static enum cubby_status make_folder(struct folder_sink *sink, const char *path,
                                     struct fs_stat *stat)
{
    const struct fs *fs = sink->params.fs;
    // Committed before it is there, so that undo removes what a dead process made. The group comes
    // first: a commit in the middle of one would make rows durable whose files have no intents yet.
    enum cubby_status status = folder_publish_group(sink);
    if (!status)
        status = folder_sink_note_folder(sink, path, true);
    if (!status)
        status = catalogue_commit(sink->params.catalogue);
    if (status)
        return status;
    int result = sink_make_folder(fs, path, sink->params.sync);
    if (!result)
        result = fs->stat(fs, path, stat);
    return result ? sink_target_failed(sink->params.log, path, result) : CUBBY_OK;
}

// Makes output/name when it is first needed. *path is malloc'd.
static enum cubby_status open_folder(struct folder_sink *sink, const char *name, char **path)
{
    const struct fs *fs = sink->params.fs;
    *path = path_join(sink->params.output, name);
    if (!*path)
        return CUBBY_NO_MEMORY;
    struct photo_hash key = photo_hash_bytes(name, strlen(name));
    if (hash_table_find(&sink->made, key, &sink->output_device))
        return CUBBY_OK;
    struct fs_stat stat;
    int result = fs->stat(fs, *path, &stat);
    enum cubby_status status = CUBBY_OK;
    if (result == UV_ENOENT)
        status = make_folder(sink, *path, &stat);
    else if (!result && !stat.is_folder)
        result = UV_ENOTDIR;
    else if (!result)
        status = folder_sink_note_folder(sink, *path, false);
    if (result && result != UV_ENOENT)
        return sink_target_failed(sink->params.log, *path, result);
    if (status)
        return status;
    sink->output_device = stat.device;
    return hash_table_add(&sink->made, key, stat.device);
}

// ---- one photo

static bool is_full(const struct folder_sink *sink)
{
    return sink->count == SINK_GROUP_PHOTOS || sink->files >= SINK_GROUP_PHOTOS;
}

// The group's next place, which becomes the photo's owner.
static struct staged *enter(struct folder_sink *sink, struct photo **photo)
{
    if (!sink->count)
        sink->oldest_ns = uv_hrtime();
    struct staged *staged = &sink->group[sink->count++];
    *staged = (struct staged){.photo = *photo};
    *photo = NULL;
    return staged;
}

static enum cubby_status settle_duplicate(struct folder_sink *sink, struct photo *photo,
                                          bool *duplicate)
{
    char *path = NULL;
    enum cubby_status status =
        catalogue_find_content(sink->params.catalogue, photo->hash, photo->size_bytes, &path);
    *duplicate = path && strcmp(path, photo->path) != 0; // decided anew, it finds itself
    if (*duplicate)
        photo_settle(photo, PHOTO_SKIPPED, "same content as %s", path);
    free(path);
    return status;
}

static enum cubby_status stage(struct folder_sink *sink, struct staged *staged)
{
    struct photo *photo = staged->photo;
    staged->wanted = sink_wanted_name(photo, NAMES_FILE);
    enum cubby_status status = staged->wanted ? CUBBY_OK : CUBBY_NO_MEMORY;
    bool done = false;
    if (!status && photo->id)
        status = folder_stage_again(sink, staged, &done);
    if (!status && !done)
        status = folder_stage(sink, staged);
    free(photo->bytes); // in the temporary by now
    photo->bytes = NULL;
    sink->files += staged->count;
    return status;
}

// Content that this group files must be found by the photos that follow in it, so the row is
// written at once; it is committed together with the intents.
static enum cubby_status announce(struct folder_sink *sink, struct staged *staged)
{
    struct photo *photo = staged->photo;
    if (!staged->count || staged->placings[0].filing.member)
        return CUBBY_OK;
    photo->run = sink->params.run;
    free(photo->filed_as);
    photo->filed_as = strdup(staged->placings[0].filing.target);
    staged->announced = true;
    return photo->filed_as ? catalogue_put_photo(sink->params.catalogue, photo) : CUBBY_NO_MEMORY;
}

// What the group holds is settled as failed; the status is the run's end.
static enum cubby_status give_up(struct folder_sink *sink, enum cubby_status status)
{
    sink->failed = status;
    folder_abandon_group(sink, status);
    return status;
}

static enum cubby_status folder_file(struct sink *base, struct photo **photo, const char *folder)
{
    struct folder_sink *sink = (struct folder_sink *)base;
    char *path = NULL;
    bool duplicate = false;
    enum cubby_status status = sink->failed;
    if (!status)
        status = settle_duplicate(sink, *photo, &duplicate);
    if (!status && !duplicate) // no folder is made for what does not go there
        status = open_folder(sink, folder, &path);
    struct staged *staged = enter(sink, photo);
    staged->folder = path;
    if (!status && !duplicate)
        status = stage(sink, staged);
    if (!status)
        status = announce(sink, staged);
    if (status)
        return give_up(sink, status);
    return is_full(sink) ? folder_publish_group(sink) : CUBBY_OK;
}

static enum cubby_status folder_pass(struct sink *base, struct photo **photo)
{
    struct folder_sink *sink = (struct folder_sink *)base;
    enter(sink, photo);
    if (sink->failed)
        return give_up(sink, sink->failed);
    return is_full(sink) ? folder_publish_group(sink) : CUBBY_OK;
}

static enum cubby_status folder_tick(struct sink *base)
{
    struct folder_sink *sink = (struct folder_sink *)base;
    bool due = sink->count && uv_hrtime() - sink->oldest_ns >= SINK_GROUP_NS;
    return due ? folder_publish_group(sink) : CUBBY_OK;
}

static enum cubby_status folder_finish(struct sink *base, bool complete)
{
    (void)complete; // each group is complete by itself
    struct folder_sink *sink = (struct folder_sink *)base;
    enum cubby_status status = folder_publish_group(sink);
    // After a failure too: what was filed before it is done.
    enum cubby_status committed = catalogue_commit(sink->params.catalogue);
    return status ? status : committed;
}

static void folder_destroy(struct sink *base)
{
    struct folder_sink *sink = (struct folder_sink *)base;
    for (uint32_t i = 0; i < sink->count; i++) {
        struct staged *staged = &sink->group[i];
        folder_drop_placings(sink, staged);
        free(staged->placings);
        free(staged->folder);
        free(staged->wanted);
        photo_free(&staged->photo);
    }
    hash_table_fini(&sink->made);
    hash_table_fini(&sink->noted);
    hash_table_fini(&sink->reserved);
    sink_numbers_fini(&sink->numbers);
    photo_hasher_destroy(&sink->hasher);
    parallel_destroy(&sink->threads);
    free((char *)sink->params.output);
    free(sink);
}

static const struct sink_ops folder_ops = {.file = folder_file,
                                           .pass = folder_pass,
                                           .tick = folder_tick,
                                           .finish = folder_finish,
                                           .destroy = folder_destroy};

enum cubby_status sink_folder_create(struct sink **out, const struct sink_params *params)
{
    *out = NULL;
    struct folder_sink *sink = calloc(1, sizeof(*sink));
    if (!sink)
        return CUBBY_NO_MEMORY;
    sink->sink.ops = &folder_ops;
    sink->params = *params;
    // An original is only removed for a copy that is on the disk, whatever was asked for.
    sink->params.sync = params->sync || params->how == FILING_MOVE;
    char *output = strdup(params->output);
    sink->params.output = output;
    enum cubby_status status = output ? photo_hasher_create(&sink->hasher) : CUBBY_NO_MEMORY;
    if (!status && sink->params.sync)
        status = parallel_create(&sink->threads, SYNC_THREADS);
    if (status) {
        folder_destroy(&sink->sink);
        return status;
    }
    path_trim(output);
    *out = &sink->sink;
    return CUBBY_OK;
}
