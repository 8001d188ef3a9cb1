// Decides where each photo would go, as sink/folder.c would, and writes nothing.
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "platform/path.h"
#include "sink/naming.h"

// As the file systems that these systems usually have.
#if defined(_WIN32) || defined(__APPLE__)
#define IGNORE_CASE true
#else
#define IGNORE_CASE false
#endif

struct dry_run_sink {
    struct sink sink;    // first, so that the pointers are the same
    char *output;        // owned
    const struct fs *fs; // borrowed
    const struct cubby_log *log;
    struct sink_params params;
    struct sink_contents contents;
    struct photo_hasher *hasher; // owned
    struct hash_table planned;   // paths that photos of this run would have
    struct sink_numbers numbers;
};

// Whether a photo of this run would have this path already; enters it if not.
static enum cubby_status plan(struct dry_run_sink *sink, const char *path, bool *taken)
{
    char *folded = IGNORE_CASE ? names_fold(path) : strdup(path);
    if (!folded)
        return CUBBY_NO_MEMORY;
    struct photo_hash key = photo_hash_bytes(folded, strlen(folded));
    free(folded);
    *taken = hash_table_find(&sink->planned, key, NULL);
    return *taken ? CUBBY_OK : hash_table_add(&sink->planned, key, 0);
}

// Tries one name. *done: the photo has its place, or is there already.
static enum cubby_status try_name(struct dry_run_sink *sink, struct photo *photo,
                                  const char *filed_as, bool *done)
{
    char *path = path_join(sink->output, filed_as);
    if (!path)
        return CUBBY_NO_MEMORY;
    int error = 0;
    enum cubby_status status = CUBBY_OK;
    enum sink_place place = sink_look(sink->fs, path, photo, sink->hasher, &error);
    // The folder, or a part of the way to it, may not exist yet or never could.
    if (place == SINK_UNUSABLE) {
        status = sink_target_failed(sink->log, path, error);
    } else if (place == SINK_SAME) {
        sink_settle_same(photo, filed_as);
        *done = true;
    } else if (place == SINK_FREE) {
        bool taken;
        status = plan(sink, path, &taken);
        if (!status && !taken) {
            photo->filed_as = strdup(filed_as);
            *done = true;
            status = photo->filed_as ? CUBBY_OK : CUBBY_NO_MEMORY;
        }
    }
    free(path);
    return status;
}

static enum cubby_status plan_photo(struct dry_run_sink *sink, struct photo *photo,
                                    const char *folder)
{
    if (sink_is_duplicate(&sink->contents, photo))
        return CUBBY_OK;
    char *wanted = sink_wanted_name(photo, NAMES_FILE);
    enum cubby_status status = wanted ? CUBBY_OK : CUBBY_NO_MEMORY;
    bool done = false;
    struct photo_hash key = wanted ? sink_name_key(folder, wanted) : (struct photo_hash){0};
    unsigned number = sink_first_number(&sink->numbers, key);
    for (; !status && !done; number += !done) {
        char *name = names_numbered(wanted, number);
        char *filed_as = name ? path_join(folder, name) : NULL;
        if (number > SINK_MAX_NUMBER)
            status = sink_target_failed(sink->log, wanted, UV_EEXIST);
        else
            status = filed_as ? try_name(sink, photo, filed_as, &done) : CUBBY_NO_MEMORY;
        free(filed_as);
        free(name);
    }
    if (!status)
        status = sink_settle_number(&sink->numbers, key, number);
    if (!status)
        status = sink_remember(&sink->contents, photo);
    free(wanted);
    return status;
}

static enum cubby_status settle(struct dry_run_sink *sink, struct photo **photo)
{
    enum cubby_status status = sink->params.settled(sink->params.user, *photo);
    photo_free(photo);
    return status;
}

static enum cubby_status dry_run_file(struct sink *base, struct photo **photo, const char *folder)
{
    struct dry_run_sink *sink = (struct dry_run_sink *)base;
    enum cubby_status status = plan_photo(sink, *photo, folder);
    if (status)
        photo_settle(*photo, PHOTO_FAILED, "could not be filed: %s", cubby_status_text(status));
    enum cubby_status settled = settle(sink, photo);
    return status ? status : settled;
}

static enum cubby_status dry_run_pass(struct sink *base, struct photo **photo)
{
    return settle((struct dry_run_sink *)base, photo);
}

static enum cubby_status dry_run_finish(struct sink *base, bool complete)
{
    (void)base, (void)complete;
    return CUBBY_OK;
}

static void dry_run_destroy(struct sink *base)
{
    struct dry_run_sink *sink = (struct dry_run_sink *)base;
    sink_contents_fini(&sink->contents);
    hash_table_fini(&sink->planned);
    sink_numbers_fini(&sink->numbers);
    photo_hasher_destroy(&sink->hasher);
    free(sink->output);
    free(sink);
}

static const struct sink_ops dry_run_ops = {.file = dry_run_file,
                                            .pass = dry_run_pass,
                                            .finish = dry_run_finish,
                                            .destroy = dry_run_destroy};

enum cubby_status sink_dry_run_create(struct sink **out, const struct sink_params *params)
{
    *out = NULL;
    struct dry_run_sink *sink = calloc(1, sizeof(*sink));
    if (!sink)
        return CUBBY_NO_MEMORY;
    sink->sink.ops = &dry_run_ops;
    sink->fs = params->fs;
    sink->log = params->log;
    sink->params = *params;
    sink->output = strdup(params->output);
    enum cubby_status status = sink->output ? photo_hasher_create(&sink->hasher) : CUBBY_NO_MEMORY;
    if (status) {
        dry_run_destroy(&sink->sink);
        return status;
    }
    *out = &sink->sink;
    return CUBBY_OK;
}
