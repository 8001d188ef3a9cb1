// One archive per class, in parts. See sink.h for the protocol; an archive's photos are filed when
// it has its final name.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "groups.h"
#include "platform/path.h"
#include "platform/read_file.h"
#include "sink/archive_part.h"
#include "sink/archive_rows.h"
#include "sink/naming.h"

// Each open archive keeps some 100 KiB of buffers.
#define MAX_FOLDERS 4096u
// What travels with a photo is packed from memory: a RAW or a short film fits, a long one does not.
#define MAX_MEMBER_BYTES (512u << 20)

// What belongs to one class.
struct archive_folder {
    char *name;                // owned
    struct hash_table entries; // names in its archives, of all parts: they may be unpacked together
    struct archive_part *part; // borrowed, being written; NULL: none
    uint32_t parts;            // the highest number so far
};

struct archive_sink {
    struct sink sink;          // first, so that the pointers are the same
    struct sink_params params; // `output` is owned
    struct archive_parts parts;
    struct hash_table by_name;      // folder name, to an index into folders
    struct archive_folder *folders; // owned
    size_t folder_count;
    uint64_t changed, changed_ns; // rows since the last commit, and since when
    bool made;                    // the output folder is there
    enum cubby_status failed;     // once the target failed: nothing more is filed
};

static enum cubby_status settle(void *user, const struct photo *photo)
{
    struct archive_sink *sink = user;
    return sink->params.settled(sink->params.user, photo);
}

static enum cubby_status commit(struct archive_sink *sink)
{
    sink->changed = 0;
    return catalogue_commit(sink->params.catalogue);
}

static enum cubby_status put_photo(struct archive_sink *sink, struct photo *photo)
{
    if (!sink->changed++)
        sink->changed_ns = uv_hrtime();
    photo->run = sink->params.run;
    enum cubby_status status = catalogue_put_photo(sink->params.catalogue, photo);
    return status || sink->changed < SINK_GROUP_PHOTOS ? status : commit(sink);
}

// ---- the archives of a class

// What earlier runs packed for this class: names that are taken, and the last part.
static enum cubby_status load_earlier(struct archive_sink *sink, struct archive_folder *folder)
{
    struct catalogue *catalogue = sink->params.catalogue;
    int64_t after = 0;
    for (;;) {
        struct catalogue_archive archive;
        enum cubby_status status =
            catalogue_next_archive(catalogue, CATALOGUE_ANY, after, &archive);
        after = archive.id;
        bool same = !status && after && !strcmp(archive.folder, folder->name);
        if (same && archive.part > folder->parts)
            folder->parts = archive.part;
        catalogue_archive_fini(&archive);
        if (status || !after)
            return status;
        const struct catalogue_filings which = {CATALOGUE_ANY, CATALOGUE_ANY, after, CATALOGUE_ANY};
        for (int64_t entry = 0; same && !status;) {
            struct filing filing;
            status = catalogue_next_filing(catalogue, &which, entry, false, &filing);
            entry = filing.id;
            char *claimed = entry ? names_claim(&folder->entries, filing.target, true) : strdup("");
            if (!claimed)
                status = CUBBY_NO_MEMORY;
            free(claimed);
            filing_fini(&filing);
            if (!entry)
                break;
        }
        if (status)
            return status;
    }
}

static enum cubby_status open_class(struct archive_sink *sink, const char *name,
                                    struct archive_folder **out)
{
    struct photo_hash key = photo_hash_bytes(name, strlen(name));
    uint64_t index;
    if (hash_table_find(&sink->by_name, key, &index)) {
        *out = &sink->folders[index];
        return CUBBY_OK;
    }
    if (sink->folder_count == MAX_FOLDERS) {
        cubby_log(sink->params.log, CUBBY_LOG_ERROR,
                  "more than %u classes need an archive each: sort into folders instead",
                  MAX_FOLDERS);
        return CUBBY_TOO_LARGE;
    }
    struct archive_folder *folder = &sink->folders[sink->folder_count];
    *folder = (struct archive_folder){.name = strdup(name)};
    enum cubby_status status = folder->name ? load_earlier(sink, folder) : CUBBY_NO_MEMORY;
    if (!status)
        status = hash_table_add(&sink->by_name, key, sink->folder_count);
    if (status) {
        hash_table_fini(&folder->entries);
        free(folder->name);
        return status;
    }
    sink->folder_count++;
    *out = folder;
    return CUBBY_OK;
}

static enum cubby_status begin_part(struct archive_sink *sink, struct archive_folder *folder)
{
    const struct sink_params *params = &sink->params;
    int result = sink->made ? 0 : sink_make_folder(params->fs, params->output, params->sync);
    sink->made = !result;
    size_t bytes = strlen(folder->name) + 32;
    char *name = malloc(bytes);
    enum cubby_status status = CUBBY_OK;
    // The first number that is free on the disk, too.
    for (bool free_name = false; name && !result && !free_name;) {
        folder->parts++;
        const char *extension = archive_extension(params->kind);
        if (folder->parts == 1)
            snprintf(name, bytes, "%s%s", folder->name, extension);
        else
            snprintf(name, bytes, "%s.%03u%s", folder->name, (unsigned)folder->parts, extension);
        char *path = path_join(params->output, name);
        struct fs_stat stat;
        result = path ? params->fs->lstat(params->fs, path, &stat) : UV_ENOMEM;
        free(path);
        free_name = result == UV_ENOENT;
        result = free_name ? 0 : result;
    }
    if (!name)
        status = CUBBY_NO_MEMORY;
    else if (result)
        status = sink_target_failed(params->log, params->output, result);
    else
        status = archive_part_begin(&folder->part, &sink->parts, folder->name, folder->parts, name);
    sink->changed = 0; // beginning has committed
    free(name);
    return status;
}

// The part is complete, or cannot be: either way its photos are settled.
static enum cubby_status end_part(struct archive_sink *sink, struct archive_part *part)
{
    struct catalogue *catalogue = sink->params.catalogue;
    const char *wrong;
    char reason[160], text[PHOTO_REASON_BYTES];
    int64_t archive = part->row.id;
    for (size_t i = 0; i < sink->folder_count; i++)
        if (sink->folders[i].part == part)
            sink->folders[i].part = NULL;
    enum cubby_status status = archive_part_publish(part, &wrong, reason);
    if (!status) {
        status = archive_rows_done(catalogue, archive, settle, sink);
        archive_part_discard(part);
        return status ? status : commit(sink);
    }
    // One that fails takes none of the others with it, unless the disk itself is the trouble.
    snprintf(text, sizeof(text), "its archive %.100s could not be finished: %s", part->row.name,
             wrong ? wrong : cubby_status_text(status));
    bool named = part->named;
    archive_part_discard(part);
    enum cubby_status dropped = named ? archive_rows_doubt(catalogue, archive, text, settle, sink)
                                      : archive_rows_drop(catalogue, archive, text, settle, sink);
    if (!dropped)
        dropped = commit(sink);
    return status == CUBBY_BAD_DATA && !dropped ? CUBBY_IO : status;
}

// ---- entries

// A member on its way into an archive.
struct packed {
    struct filing filing; // owned
    uint8_t *bytes;       // owned
};

static void packed_fini(struct packed *list, uint32_t count)
{
    for (uint32_t i = 0; list && i < count; i++) {
        filing_fini(&list[i].filing);
        free(list[i].bytes);
    }
    free(list);
}

// The photo's bytes again. CUBBY_OK with *bytes NULL: the photo was settled as failed.
static enum cubby_status read_again(struct archive_sink *sink, struct photo *photo)
{
    char reason[128];
    size_t size_bytes;
    enum cubby_status status = read_file(sink->params.fs, photo->path, photo->size_bytes + 1,
                                         &photo->bytes, &size_bytes, NULL, reason, sizeof(reason));
    if (status == CUBBY_NO_MEMORY)
        return status;
    if (status == CUBBY_IO) {
        photo_settle(photo, PHOTO_FAILED, "cannot be read again: %s", reason);
    } else if (status || size_bytes != photo->size_bytes ||
               !photo_hash_equal(photo_hash_bytes(photo->bytes, size_bytes), photo->hash)) {
        photo_settle(photo, PHOTO_FAILED, "changed since it was classified");
        free(photo->bytes);
        photo->bytes = NULL;
    }
    return CUBBY_OK;
}

// Reads what travels with the photo. If it is there but cannot be read, the photo is settled as
// failed: in a finished archive nobody would add it later.
static enum cubby_status read_members(struct archive_sink *sink, struct photo *photo,
                                      struct packed *list, uint32_t *count)
{
    for (uint32_t i = 0; i < photo->member_count; i++) {
        const struct photo_member *member = &photo->members[i];
        struct packed *one = &list[*count];
        char reason[128];
        size_t size_bytes;
        enum cubby_status status =
            read_file(sink->params.fs, member->path, MAX_MEMBER_BYTES, &one->bytes, &size_bytes,
                      NULL, reason, sizeof(reason));
        if (status == CUBBY_NO_MEMORY)
            return status;
        struct fs_stat stat;
        if (status && sink->params.fs->lstat(sink->params.fs, member->path, &stat) == UV_ENOENT) {
            cubby_log(sink->params.log, CUBBY_LOG_WARNING, "\"%s\" is gone", member->path);
            continue;
        }
        if (status) {
            photo_settle(photo, PHOTO_FAILED, "%.100s, which belongs to it, cannot be packed: %s",
                         member->name, reason);
            return CUBBY_OK;
        }
        one->filing = (struct filing){.member = i + 1,
                                      .size_bytes = size_bytes,
                                      .mtime_ns = member->mtime_ns,
                                      .atime_ns = member->atime_ns,
                                      .mode = member->mode,
                                      .hash = photo_hash_bytes(one->bytes, size_bytes),
                                      .source = strdup(member->path)};
        (*count)++;
        if (!one->filing.source)
            return CUBBY_NO_MEMORY;
    }
    return CUBBY_OK;
}

// Names that are free in all parts, ignoring case: the archive may be unpacked where it does not
// count.
static enum cubby_status choose_names(struct archive_folder *folder, const struct photo *photo,
                                      struct packed *list, uint32_t count)
{
    char *wanted = sink_wanted_name(photo, NAMES_ENTRY);
    list[0].filing.target = wanted ? names_claim(&folder->entries, wanted, true) : NULL;
    bool good = list[0].filing.target != NULL;
    for (uint32_t i = 1; good && i < count; i++) {
        const char *name = photo->members[list[i].filing.member - 1].name;
        char *safe = names_component(name, NAMES_ENTRY);
        char *renamed = safe ? groups_rename(safe, wanted, list[0].filing.target) : NULL;
        list[i].filing.target = renamed ? names_claim(&folder->entries, renamed, true) : NULL;
        good = list[i].filing.target != NULL;
        free(renamed);
        free(safe);
    }
    free(wanted);
    return good ? CUBBY_OK : CUBBY_NO_MEMORY;
}

static enum cubby_status choose_part(struct archive_sink *sink, struct archive_folder *folder,
                                     const struct packed *list, uint32_t count)
{
    uint64_t planned = 0;
    for (uint32_t i = 0; i < count; i++)
        planned += archive_entry_bytes(sink->params.kind, list[i].filing.target,
                                       list[i].filing.size_bytes);
    enum cubby_status status = CUBBY_OK;
    if (folder->part && archive_part_is_full(folder->part, planned, count))
        status = end_part(sink, folder->part);
    return status || folder->part ? status : begin_part(sink, folder);
}

static enum cubby_status write_entries(struct archive_sink *sink, struct archive_part *part,
                                       struct photo *photo, struct packed *list, uint32_t count)
{
    photo->archive = part->row.id;
    free(photo->filed_as);
    photo->filed_as = path_join(part->row.name, list[0].filing.target);
    enum cubby_status status = photo->filed_as ? put_photo(sink, photo) : CUBBY_NO_MEMORY;
    if (status)
        photo->archive = 0; // it is not known there: it is settled by itself
    for (uint32_t i = 0; i < count && !status; i++) {
        struct filing *filing = &list[i].filing;
        filing->run = sink->params.run;
        filing->photo = photo->id;
        filing->archive = part->row.id;
        filing->how = FILING_ARCHIVE;
        filing->state = FILING_INTENDED;
        status = catalogue_add_filing(sink->params.catalogue, filing);
        if (!status)
            status = archive_part_add(part, filing->target, filing->size_bytes, filing->mtime_ns,
                                      i ? list[i].bytes : photo->bytes);
    }
    return status;
}

static enum cubby_status pack(struct archive_sink *sink, struct photo *photo, const char *name)
{
    struct archive_folder *folder;
    if (photo->torn) {
        photo_settle(photo, PHOTO_FAILED, "what belongs to it cannot be looked at");
        return CUBBY_OK;
    }
    enum cubby_status status = photo->bytes ? CUBBY_OK : read_again(sink, photo);
    if (status || !photo->bytes)
        return status;
    uint32_t count = 1;
    struct packed *list = calloc(photo->member_count + 1u, sizeof(*list));
    if (!list)
        return CUBBY_NO_MEMORY;
    list[0].filing = (struct filing){.size_bytes = photo->size_bytes,
                                     .mtime_ns = photo->mtime_ns,
                                     .atime_ns = photo->atime_ns,
                                     .mode = photo->mode,
                                     .hash = photo->hash,
                                     .source = strdup(photo->path)};
    status = list[0].filing.source ? open_class(sink, name, &folder) : CUBBY_NO_MEMORY;
    if (!status)
        status = read_members(sink, photo, list, &count);
    bool whole = !status && photo->status != PHOTO_FAILED;
    if (whole)
        status = choose_names(folder, photo, list, count);
    if (whole && !status)
        status = choose_part(sink, folder, list, count);
    if (whole && !status)
        status = write_entries(sink, folder->part, photo, list, count);
    packed_fini(list, photo->member_count + 1u);
    return status;
}

// ---- the sink

static bool is_open(const struct archive_sink *sink, int64_t archive)
{
    for (size_t i = 0; i < sink->parts.count; i++)
        if (sink->parts.list[i]->row.id == archive)
            return true;
    return false;
}

// Content that is packed already; if its archive is not finished, the photo shares its fate.
static enum cubby_status find_duplicate(struct archive_sink *sink, struct photo *photo,
                                        bool *duplicate)
{
    char *path = NULL;
    struct photo *first = NULL;
    enum cubby_status status =
        catalogue_find_content(sink->params.catalogue, photo->hash, photo->size_bytes, &path);
    *duplicate = path && strcmp(path, photo->path) != 0;
    if (!status && *duplicate)
        status = catalogue_find_photo(sink->params.catalogue, path, &first);
    if (*duplicate)
        photo_settle(photo, PHOTO_SKIPPED, "same content as %s", path);
    if (first && is_open(sink, first->archive))
        photo->archive = first->archive;
    photo_free(&first);
    free(path);
    return status;
}

static enum cubby_status archive_file(struct sink *base, struct photo **taken, const char *folder)
{
    struct archive_sink *sink = (struct archive_sink *)base;
    struct photo *photo = *taken;
    *taken = NULL;
    bool duplicate = false, packed = false;
    enum cubby_status status = sink->failed;
    if (!status)
        status = find_duplicate(sink, photo, &duplicate);
    if (!status && duplicate) {
        status = put_photo(sink, photo);
        packed = !status && photo->archive;
    } else if (!status) {
        status = pack(sink, photo, folder);
        packed = !status && photo->archive;
        if (!status && photo->status == PHOTO_FAILED)
            status = put_photo(sink, photo);
    }
    if (status) {
        sink->failed = status;
        if (!photo->archive) // else it is settled with its archive
            photo_settle(photo, PHOTO_FAILED, "could not be filed: %s", cubby_status_text(status));
    }
    enum cubby_status settled = packed || photo->archive ? CUBBY_OK : settle(sink, photo);
    photo_free(&photo);
    return status ? status : settled;
}

static enum cubby_status archive_pass(struct sink *base, struct photo **taken)
{
    struct archive_sink *sink = (struct archive_sink *)base;
    struct photo *photo = *taken;
    *taken = NULL;
    enum cubby_status status =
        photo->recorded || sink->failed ? sink->failed : put_photo(sink, photo);
    enum cubby_status settled = settle(sink, photo);
    photo_free(&photo);
    return status ? status : settled;
}

static enum cubby_status archive_tick(struct sink *base)
{
    struct archive_sink *sink = (struct archive_sink *)base;
    bool due = sink->changed && uv_hrtime() - sink->changed_ns >= SINK_GROUP_NS;
    return due && !sink->failed ? commit(sink) : CUBBY_OK;
}

// The run was stopped: the photos stay decided, their archive is made by the next run.
static enum cubby_status drop_part(struct archive_sink *sink, struct archive_part *part)
{
    int64_t archive = part->row.id;
    archive_part_discard(part);
    return archive_rows_drop(sink->params.catalogue, archive, NULL, settle, sink);
}

static enum cubby_status archive_finish(struct sink *base, bool complete)
{
    struct archive_sink *sink = (struct archive_sink *)base;
    enum cubby_status first = CUBBY_OK;
    complete = complete && !sink->failed;
    for (size_t i = 0; i < sink->folder_count; i++)
        sink->folders[i].part = NULL;
    while (sink->parts.count > 0) {
        enum cubby_status status =
            complete ? end_part(sink, sink->parts.list[0]) : drop_part(sink, sink->parts.list[0]);
        if (!first)
            first = status;
    }
    enum cubby_status committed = catalogue_commit(sink->params.catalogue);
    return first ? first : committed;
}

static void archive_destroy(struct sink *base)
{
    struct archive_sink *sink = (struct archive_sink *)base;
    while (sink->parts.count > 0)
        archive_part_discard(sink->parts.list[0]);
    free(sink->parts.list);
    for (size_t i = 0; i < sink->folder_count; i++) {
        hash_table_fini(&sink->folders[i].entries);
        free(sink->folders[i].name);
    }
    free(sink->folders);
    hash_table_fini(&sink->by_name);
    free((char *)sink->params.output);
    free(sink);
}

static const struct sink_ops archive_ops = {.file = archive_file,
                                            .pass = archive_pass,
                                            .tick = archive_tick,
                                            .finish = archive_finish,
                                            .destroy = archive_destroy};

enum cubby_status sink_archive_create(struct sink **out, const struct sink_params *params)
{
    *out = NULL;
    struct archive_sink *sink = calloc(1, sizeof(*sink));
    if (!sink)
        return CUBBY_NO_MEMORY;
    sink->sink.ops = &archive_ops;
    sink->params = *params;
    char *output = strdup(params->output);
    sink->params.output = output;
    sink->parts.params = &sink->params;
    sink->folders = calloc(MAX_FOLDERS, sizeof(*sink->folders));
    if (!output || !sink->folders) {
        archive_destroy(&sink->sink);
        return CUBBY_NO_MEMORY;
    }
    path_trim(output);
    *out = &sink->sink;
    return CUBBY_OK;
}
