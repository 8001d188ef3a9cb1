// The second half of filing: what was staged becomes durable, gets its names, and is reported.
//
// On the way each file is in one of these states, which recovery can tell apart: a temporary that
// the catalogue may know (removed, the photo is filed again); a final name with the intent in the
// catalogue (done). A source is removed only when its copy is durable under its final name.
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "platform/path.h"
#include "sink/group.h"

// What a group goes through, gathered over its photos.
struct publication {
    struct folder_sink *sink;
    struct placing **open; // owned; the placings whose temporaries are open
    size_t open_count;
    struct hash_table seen; // folders whose names changed
    char **folders;         // owned, as is each
    size_t folder_count;
};

static void publication_fini(struct publication *p)
{
    for (size_t i = 0; i < p->folder_count; i++)
        free(p->folders[i]);
    free(p->folders);
    free(p->open);
    hash_table_fini(&p->seen);
}

// The folder that holds `path` is to be synced.
static enum cubby_status touch_folder_of(struct publication *p, const char *path)
{
    char *folder = path_parent(path);
    if (!folder)
        return CUBBY_NO_MEMORY;
    struct photo_hash key = photo_hash_bytes(folder, strlen(folder));
    if (hash_table_find(&p->seen, key, NULL)) {
        free(folder);
        return CUBBY_OK;
    }
    char **folders = realloc(p->folders, (p->folder_count + 1) * sizeof(*folders));
    if (folders)
        p->folders = folders;
    if (!folders || hash_table_add(&p->seen, key, 0)) {
        free(folder);
        return CUBBY_NO_MEMORY;
    }
    p->folders[p->folder_count++] = folder;
    return CUBBY_OK;
}

static enum cubby_status withdraw(struct folder_sink *sink, struct staged *staged);

// ---- temporaries become durable

static void sync_one(void *user, size_t index)
{
    struct publication *p = user;
    struct placing *placing = p->open[index];
    const struct fs *fs = p->sink->params.fs;
    placing->error = p->sink->params.sync ? fs->sync(fs, placing->file) : 0;
    int closed = fs->close(fs, placing->file);
    placing->file = -1;
    if (!placing->error)
        placing->error = closed;
}

// After a failed fsync the pages count as clean, and a second one would succeed without the data:
// that temporary is thrown away, and the photo copied once more.
static enum cubby_status copy_again(struct publication *p, struct staged *staged,
                                    struct placing *placing, bool *usable)
{
    struct folder_sink *sink = p->sink;
    cubby_log(sink->params.log, CUBBY_LOG_WARNING, "\"%s\" is copied again: %s",
              placing->filing.source, fs_error_text(placing->error));
    folder_drop_temporary(sink, placing);
    enum cubby_status status = folder_write_temporary(sink, staged->photo, placing, usable);
    if (status || !*usable)
        return status;
    struct publication again = {.sink = sink, .open = &placing};
    sync_one(&again, 0);
    return placing->error
               ? sink_target_failed(sink->params.log, placing->filing.target, placing->error)
               : CUBBY_OK;
}

static enum cubby_status sync_temporaries(struct publication *p)
{
    struct folder_sink *sink = p->sink;
    p->open = calloc(sink->files + 1, sizeof(struct placing *));
    if (!p->open)
        return CUBBY_NO_MEMORY;
    for (uint32_t i = 0; i < sink->count; i++)
        for (uint32_t k = 0; k < sink->group[i].count; k++)
            if (sink->group[i].placings[k].file >= 0)
                p->open[p->open_count++] = &sink->group[i].placings[k];
    // Side by side: the file system then writes its journal once for many.
    if (sink->threads)
        parallel_run(sink->threads, p->open_count, sync_one, p);
    for (size_t i = 0; !sink->threads && i < p->open_count; i++)
        sync_one(p, i);

    enum cubby_status status = CUBBY_OK;
    for (uint32_t i = 0; i < sink->count && !status; i++) {
        struct staged *staged = &sink->group[i];
        for (uint32_t k = 0; k < staged->count && !status; k++) {
            bool usable = true;
            if (staged->placings[k].error)
                status = copy_again(p, staged, &staged->placings[k], &usable);
            if (status)
                break; // the run ends here, whatever became of this file
            if (!usable && k == 0)
                status = withdraw(sink, staged);
            else if (!usable)
                folder_drop_placing(staged, k--);
        }
    }
    return status;
}

// ---- the catalogue knows

// The source's folder is about to lose a name: undo gives it its times back.
static enum cubby_status note_source_folder(struct folder_sink *sink, const struct filing *filing)
{
    if (filing->how != FILING_MOVE)
        return CUBBY_OK;
    char *path = path_parent(filing->source);
    if (!path)
        return CUBBY_NO_MEMORY;
    enum cubby_status status = CUBBY_OK;
    struct photo_hash key = photo_hash_bytes(path, strlen(path));
    if (!hash_table_find(&sink->noted, key, NULL)) {
        status = folder_sink_note_folder(sink, path, false);
        if (!status)
            status = hash_table_add(&sink->noted, key, 0);
    }
    free(path);
    return status;
}

static enum cubby_status put_photo(struct folder_sink *sink, struct staged *staged)
{
    struct photo *photo = staged->photo;
    if (photo->recorded)
        return CUBBY_OK;
    photo->run = sink->params.run;
    if (staged->count && !staged->placings[0].filing.member) {
        free(photo->filed_as);
        photo->filed_as = strdup(staged->placings[0].filing.target);
        if (!photo->filed_as)
            return CUBBY_NO_MEMORY;
    }
    return catalogue_put_photo(sink->params.catalogue, photo);
}

static enum cubby_status record(struct folder_sink *sink, struct staged *staged)
{
    enum cubby_status status = staged->announced ? CUBBY_OK : put_photo(sink, staged);
    for (uint32_t k = 0; k < staged->count && !status; k++) {
        struct filing *filing = &staged->placings[k].filing;
        filing->photo = staged->photo->id;
        filing->state = FILING_INTENDED;
        status = note_source_folder(sink, filing);
        if (!status)
            status = catalogue_add_filing(sink->params.catalogue, filing);
    }
    return status;
}

static enum cubby_status record_all(struct folder_sink *sink)
{
    enum cubby_status status = CUBBY_OK;
    for (uint32_t i = 0; i < sink->count && !status; i++)
        status = record(sink, &sink->group[i]);
    // Only what was staged needs to be durable before it goes on; all else can wait for the next.
    return status || !sink->files ? status : catalogue_commit(sink->params.catalogue);
}

// A placing's row after it changed: as a new one, since rows are not edited.
static enum cubby_status record_again(struct folder_sink *sink, struct filing *filing)
{
    enum cubby_status status = catalogue_remove_filing(sink->params.catalogue, filing->id);
    if (!status)
        status = catalogue_add_filing(sink->params.catalogue, filing);
    return status ? status : catalogue_commit(sink->params.catalogue);
}

// ---- names

// The photo is not filed after all: its rows say so, and the account.
static enum cubby_status withdraw(struct folder_sink *sink, struct staged *staged)
{
    enum cubby_status status = CUBBY_OK;
    for (uint32_t k = 0; k < staged->count && !status; k++)
        if (staged->placings[k].filing.id)
            status = catalogue_remove_filing(sink->params.catalogue, staged->placings[k].filing.id);
    folder_drop_placings(sink, staged);
    if (staged->photo->status == PHOTO_FAILED) {
        free(staged->photo->filed_as);
        staged->photo->filed_as = NULL;
    }
    return status ? status : catalogue_put_photo(sink->params.catalogue, staged->photo);
}

// Somebody took the name in the meantime.
static enum cubby_status rename_staged(struct folder_sink *sink, struct staged *staged, uint32_t k)
{
    enum cubby_status status;
    if (k > 0) {
        char *base = path_base(staged->photo->filed_as ? staged->photo->filed_as : "");
        status = base ? folder_name_member(sink, staged, k, base) : CUBBY_NO_MEMORY;
        free(base);
        return status ? status : record_again(sink, &staged->placings[k].filing);
    }
    enum photo_status before = staged->photo->status;
    status = folder_choose_names(sink, staged);
    if (status || staged->photo->status != before) // the same content lies there by now
        return status ? status : withdraw(sink, staged);
    status = put_photo(sink, staged);
    for (uint32_t i = 0; i < staged->count && !status; i++)
        status = record_again(sink, &staged->placings[i].filing);
    return status;
}

// Renaming does not work here; copying may.
static enum cubby_status copy_instead(struct publication *p, struct staged *staged,
                                      struct placing *placing, bool *usable)
{
    enum cubby_status status = folder_write_temporary(p->sink, staged->photo, placing, usable);
    if (status || !*usable)
        return status;
    struct publication one = {.sink = p->sink, .open = &placing};
    sync_one(&one, 0);
    if (placing->error)
        return sink_target_failed(p->sink->params.log, placing->filing.target, placing->error);
    return record_again(p->sink, &placing->filing);
}

static enum cubby_status link_failed(const struct folder_sink *sink, const struct filing *filing,
                                     int error)
{
    cubby_log(
        sink->params.log, CUBBY_LOG_ERROR,
        "\"%s\" cannot be linked into %s: %s; sort into a folder on the same disk, or without "
        "%s",
        filing->source, sink->params.output, fs_error_text(error),
        filing->how == FILING_LINK ? "--link" : "--symlink");
    return fs_status(error);
}

// One photo's own trouble.
static enum cubby_status name_refused(struct folder_sink *sink, struct staged *staged, uint32_t k,
                                      int error)
{
    struct placing *placing = &staged->placings[k];
    const char *why = error == UV_EAGAIN ? "changed since it was classified" : fs_error_text(error);
    if (k == 0 && !placing->filing.member) {
        if (error == UV_EAGAIN)
            photo_settle(staged->photo, PHOTO_FAILED, "%s", why);
        else
            photo_settle(staged->photo, PHOTO_FAILED, "could not be filed: %s", why);
        return withdraw(sink, staged);
    }
    cubby_log(sink->params.log, CUBBY_LOG_WARNING, "\"%s\" stays behind: %s",
              placing->filing.source, why);
    enum cubby_status status = catalogue_remove_filing(sink->params.catalogue, placing->filing.id);
    folder_drop_temporary(sink, placing);
    folder_drop_placing(staged, k);
    return status;
}

static bool concerns_one_name(int error)
{
    return error == UV_EAGAIN || error == UV_ENOENT || error == UV_ENAMETOOLONG ||
           error == UV_EILSEQ || error == UV_EINVAL || error == UV_EMLINK || error == UV_EISDIR;
}

// Publishes the k-th placing. *next is what to look at then: the same again, or the one after it.
static enum cubby_status publish_placing(struct publication *p, struct staged *staged, uint32_t k,
                                         uint32_t *next)
{
    struct folder_sink *sink = p->sink;
    struct placing *placing = &staged->placings[k];
    struct filing *filing = &placing->filing;
    bool by_rename = filing->how == FILING_MOVE && !filing->temporary;
    bool by_link = filing->how == FILING_LINK || filing->how == FILING_SYMLINK;
    *next = k;
    int error = folder_uses_source(filing) ? folder_look_at_source(sink, filing, true) : 0;
    // A source that cannot be looked at costs its photo only; but what belongs to a photo that was
    // moved must follow it, so then the run ends, and the next one tries again.
    if (error && (k == 0 || error == UV_EAGAIN || filing->how != FILING_MOVE))
        return name_refused(sink, staged, k, error);
    char *target = folder_sink_path(sink, filing->target);
    if (!error)
        error = target ? folder_give_name(sink, filing, target) : UV_ENOMEM;
    enum cubby_status status = CUBBY_OK;
    if (!error) {
        placing->published = true;
        *next = k + 1;
        status = touch_folder_of(p, target);
        if (!status && (by_rename || filing->how == FILING_RELOCATE)) {
            char *from =
                by_rename ? strdup(filing->source) : folder_sink_path(sink, filing->source);
            status = from ? touch_folder_of(p, from) : CUBBY_NO_MEMORY;
            free(from);
        }
    } else if (error == UV_EEXIST) {
        status = rename_staged(sink, staged, k);
    } else if (by_rename && (error == UV_EXDEV || error == UV_EACCES || error == UV_EPERM)) {
        bool usable;
        status = copy_instead(p, staged, placing, &usable);
        if (!status && !usable)
            status = name_refused(sink, staged, k, UV_EAGAIN);
    } else if (concerns_one_name(error) && !folder_may_have_name(sink, filing)) {
        status = name_refused(sink, staged, k, error);
    } else {
        status = by_link ? link_failed(sink, filing, error)
                         : sink_target_failed(sink->params.log, target ? target : "", error);
    }
    free(target);
    return status;
}

static enum cubby_status publish_all(struct publication *p)
{
    enum cubby_status status = CUBBY_OK;
    for (uint32_t i = 0; i < p->sink->count && !status; i++) {
        struct staged *staged = &p->sink->group[i];
        for (uint32_t k = 0; k < staged->count && !status;)
            status = publish_placing(p, staged, k, &k);
    }
    return status;
}

static enum cubby_status sync_folders(struct publication *p)
{
    const struct folder_sink *sink = p->sink;
    for (size_t i = 0; sink->params.sync && i < p->folder_count; i++) {
        int result = sink->params.fs->sync_folder(sink->params.fs, p->folders[i]);
        if (result == UV_EACCES) // one that we may write to but not read
            result = 0;
        if (result)
            return sink_target_failed(sink->params.log, p->folders[i], result);
    }
    for (size_t i = 0; i < p->folder_count; i++)
        free(p->folders[i]);
    p->folder_count = 0;
    hash_table_fini(&p->seen);
    p->seen = (struct hash_table){0};
    return CUBBY_OK;
}

// ---- moves that were copies

// The copy is in place and durable: read back and compared, it takes the original's place.
static enum cubby_status remove_source(struct publication *p, struct placing *placing)
{
    struct folder_sink *sink = p->sink;
    struct filing *filing = &placing->filing;
    char *target = folder_sink_path(sink, filing->target);
    if (!target)
        return CUBBY_NO_MEMORY;
    const struct photo as_filed = {.size_bytes = filing->size_bytes, .hash = filing->hash};
    int error = 0;
    enum sink_place place = sink_look(sink->params.fs, target, &as_filed, sink->hasher, &error);
    if (place != SINK_SAME) {
        cubby_log(sink->params.log, CUBBY_LOG_ERROR,
                  "the copy \"%s\" differs from its original when it is read back; the original "
                  "stays: check the disk",
                  target);
        free(target);
        return CUBBY_IO;
    }
    free(target);
    error = folder_look_at_source(sink, filing, false);
    if (!error)
        error = sink->params.fs->unlink(sink->params.fs, filing->source);
    if (!error)
        return touch_folder_of(p, filing->source);
    cubby_log(sink->params.log, CUBBY_LOG_WARNING,
              "\"%s\" was copied, but the original stays where it is: %s", filing->source,
              error == UV_EAGAIN ? "it changed meanwhile" : fs_error_text(error));
    filing->how = FILING_COPY;
    return record_again(sink, filing);
}

static enum cubby_status finish_moves(struct publication *p)
{
    enum cubby_status status = CUBBY_OK;
    for (uint32_t i = 0; i < p->sink->count && !status; i++) {
        struct staged *staged = &p->sink->group[i];
        for (uint32_t k = 0; k < staged->count && !status; k++) {
            struct placing *placing = &staged->placings[k];
            if (placing->published && placing->filing.how == FILING_MOVE &&
                placing->filing.temporary)
                status = remove_source(p, placing);
        }
    }
    return status ? status : sync_folders(p);
}

// ---- the end of a group

static enum cubby_status note_done(struct folder_sink *sink, const struct staged *staged)
{
    enum cubby_status status = CUBBY_OK;
    for (uint32_t k = 0; k < staged->count && !status; k++) {
        const struct placing *placing = &staged->placings[k];
        const struct filing *filing = &placing->filing;
        if (!placing->published)
            continue;
        status = catalogue_set_filing_state(sink->params.catalogue, filing->id, FILING_DONE);
        if (!status && filing->replaces)
            status = catalogue_set_filing_state(sink->params.catalogue, filing->replaces,
                                                FILING_REPLACED);
        if (!status && filing->member) {
            struct photo_member *member = &staged->photo->members[filing->member - 1];
            free(member->filed_as);
            member->filed_as = strdup(filing->target);
            status = member->filed_as ? CUBBY_OK : CUBBY_NO_MEMORY;
        }
    }
    return status;
}

// Whether all that a photo consists of is in place, or nothing was to be put there.
static bool is_in_place(const struct staged *staged)
{
    for (uint32_t k = 0; k < staged->count; k++)
        if (!staged->placings[k].published)
            return false;
    return true;
}

// The run ends: what has no name yet is left decided in the catalogue, for the next run. What
// cannot be written there any more, recovery finds out.
static void abandon(struct folder_sink *sink, struct staged *staged, enum cubby_status status)
{
    struct photo *photo = staged->photo;
    bool was_decided = photo->status == PHOTO_FILED || photo->status == PHOTO_UNSURE;
    bool begun = staged->count && staged->placings[0].published;
    for (uint32_t k = 0; k < staged->count; k++) {
        struct placing *placing = &staged->placings[k];
        // What belongs to a photo that has its name already follows it when the folder is next
        // opened: the intent says where to.
        placing->left =
            placing->filing.id && (begun || folder_may_have_name(sink, &placing->filing));
        if (placing->published || placing->left)
            continue;
        folder_drop_temporary(sink, placing);
        if (placing->filing.id &&
            catalogue_remove_filing(sink->params.catalogue, placing->filing.id))
            break;
    }
    if (!was_decided)
        return;
    free(photo->filed_as);
    photo->filed_as = NULL;
    photo->status = PHOTO_PENDING;
    photo->run = sink->params.run;
    // One that has its name is filed, as its row says, even if this run cannot vouch for it.
    if (!begun && catalogue_put_photo(sink->params.catalogue, photo))
        cubby_log(sink->params.log, CUBBY_LOG_DEBUG, "\"%s\" is left to recovery", photo->path);
    photo_settle(photo, PHOTO_FAILED, "could not be filed: %s", cubby_status_text(status));
}

static enum cubby_status settle_group(struct folder_sink *sink)
{
    enum cubby_status first = CUBBY_OK;
    for (uint32_t i = 0; i < sink->count; i++) {
        struct staged *staged = &sink->group[i];
        enum cubby_status status = sink->params.settled(sink->params.user, staged->photo);
        if (!first)
            first = status;
        folder_drop_placings(sink, staged);
        free(staged->placings);
        free(staged->folder);
        free(staged->wanted);
        photo_free(&staged->photo);
    }
    sink->count = 0;
    sink->files = 0;
    hash_table_fini(&sink->reserved);
    sink->reserved = (struct hash_table){0};
    return first;
}

void folder_abandon_group(struct folder_sink *sink, enum cubby_status status)
{
    for (uint32_t i = 0; i < sink->count; i++)
        abandon(sink, &sink->group[i], status);
    if (settle_group(sink))
        cubby_log(sink->params.log, CUBBY_LOG_DEBUG, "the account could not be kept either");
}

enum cubby_status folder_publish_group(struct folder_sink *sink)
{
    if (!sink->count)
        return CUBBY_OK;
    struct publication p = {.sink = sink};
    bool durable = false;
    enum cubby_status status = sync_temporaries(&p);
    if (!status)
        status = record_all(sink);
    if (!status) {
        status = publish_all(&p);
        // What has its name already is finished even if the others cannot be.
        enum cubby_status synced = sync_folders(&p);
        if (!synced)
            synced = finish_moves(&p);
        durable = !synced;
        if (!status)
            status = synced;
    }
    for (uint32_t i = 0; i < sink->count; i++) {
        struct staged *staged = &sink->group[i];
        enum cubby_status noted = durable ? note_done(sink, staged) : CUBBY_OK;
        if (!status)
            status = noted;
        if (status && !(durable && !noted && is_in_place(staged)))
            abandon(sink, staged, status);
    }
    if (status)
        sink->failed = status;
    publication_fini(&p);
    enum cubby_status settled = settle_group(sink);
    return status ? status : settled;
}
