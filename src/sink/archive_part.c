#include "sink/archive_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "platform/path.h"
#include "sink/archive_rows.h"
#include "sink/naming.h"

#define MAX_OPEN_FILES 64u

// ---- the file

// Closes the file that rested longest, to stay below the limit.
static int rest_one(struct archive_parts *parts)
{
    struct archive_part *oldest = NULL;
    for (size_t i = 0; i < parts->count; i++) {
        struct archive_part *part = parts->list[i];
        if (part->file >= 0 && (!oldest || part->last_use < oldest->last_use))
            oldest = part;
    }
    if (!oldest)
        return 0;
    int result = parts->params->fs->close(parts->params->fs, oldest->file);
    oldest->file = -1;
    parts->open_files--;
    if (result && !oldest->error)
        oldest->error = result;
    return result;
}

static int wake(struct archive_part *part, enum fs_open how)
{
    struct archive_parts *parts = part->parts;
    part->last_use = ++parts->clock;
    if (part->file >= 0)
        return 0;
    if (parts->open_files >= MAX_OPEN_FILES) {
        int result = rest_one(parts);
        if (result)
            return result;
    }
    int file = parts->params->fs->open(parts->params->fs, part->temporary, how);
    if (file < 0)
        return file;
    part->file = file;
    parts->open_files++;
    return 0;
}

static int rest(struct archive_part *part)
{
    if (part->file < 0)
        return 0;
    int result = part->parts->params->fs->close(part->parts->params->fs, part->file);
    part->file = -1;
    part->parts->open_files--;
    return result;
}

static int on_write(void *user, const void *bytes, size_t size_bytes)
{
    struct archive_part *part = user;
    int result = part->error ? part->error : wake(part, FS_APPEND);
    if (!result)
        result = fs_write_all(part->parts->params->fs, part->file, bytes, size_bytes);
    if (result)
        part->error = result;
    return result;
}

static enum cubby_status writer_failed(const struct archive_part *part, enum cubby_status status,
                                       const struct archive_failure *failure)
{
    const struct sink_params *params = part->parts->params;
    if (failure->error)
        return sink_target_failed(params->log, part->temporary, failure->error);
    cubby_log(params->log, CUBBY_LOG_ERROR, "the archive \"%s\" cannot be written: %s",
              part->row.name, failure->text[0] ? failure->text : cubby_status_text(status));
    return status;
}

// ---- its life

void archive_part_discard(struct archive_part *part)
{
    struct archive_parts *parts = part->parts;
    archive_writer_destroy(&part->writer);
    rest(part);
    if (part->temporary)
        parts->params->fs->unlink(parts->params->fs, part->temporary);
    for (size_t i = 0; i < parts->count; i++) {
        if (parts->list[i] != part)
            continue;
        memmove(&parts->list[i], &parts->list[i + 1],
                (parts->count - i - 1) * sizeof(struct archive_part *));
        parts->count--;
        break;
    }
    catalogue_archive_fini(&part->row);
    free(part->temporary);
    free(part->final);
    free(part);
}

static enum cubby_status record(struct archive_part *part)
{
    struct catalogue *catalogue = part->parts->params->catalogue;
    enum cubby_status status = catalogue_add_archive(catalogue, &part->row);
    // Before there is a file: what a dead process leaves is known.
    return status ? status : catalogue_commit(catalogue);
}

static int create(struct archive_part *part)
{
    const struct fs *fs = part->parts->params->fs;
    int result = wake(part, FS_CREATE);
    if (result == UV_EEXIST) { // of a dead process with our number
        fs->unlink(fs, part->temporary);
        result = wake(part, FS_CREATE);
    }
    if (!result)
        fs->set_mode(fs, part->file, 0644); // as a file that any program makes
    return result;
}

enum cubby_status archive_part_begin(struct archive_part **out, struct archive_parts *parts,
                                     const char *folder, uint32_t number, const char *name)
{
    const struct sink_params *params = parts->params;
    struct archive_part **list = realloc(parts->list, (parts->count + 1) * sizeof(*list));
    struct archive_part *part = list ? calloc(1, sizeof(*part)) : NULL;
    *out = NULL;
    if (list)
        parts->list = list;
    if (!part)
        return CUBBY_NO_MEMORY;
    part->parts = parts;
    part->file = -1;
    part->planned_bytes = archive_fixed_bytes(params->kind);
    part->temporary = sink_temporary(params->output, parts->next_temporary++);
    part->final = path_join(params->output, name);
    part->row = (struct catalogue_archive){.run = params->run,
                                           .state = ARCHIVE_WRITING,
                                           .folder = strdup(folder),
                                           .name = strdup(name),
                                           .part = number};
    if (part->temporary)
        part->row.temporary = strdup(path_below(part->temporary, params->output));
    bool good = part->final && part->row.folder && part->row.name && part->row.temporary;
    enum cubby_status status = good ? record(part) : CUBBY_NO_MEMORY;
    int result = status ? 0 : create(part);
    if (result)
        status = sink_target_failed(params->log, params->output, result);
    const struct archive_output output = {on_write, part};
    struct archive_failure failure;
    if (!status) {
        status = archive_writer_create(&part->writer, params->kind, &output, &failure);
        if (status)
            status = writer_failed(part, status, &failure);
    }
    if (status) {
        archive_part_discard(part);
        return status;
    }
    parts->list[parts->count++] = part;
    *out = part;
    return CUBBY_OK;
}

enum cubby_status archive_part_add(struct archive_part *part, const char *name, uint64_t size_bytes,
                                   int64_t mtime_ns, const void *bytes)
{
    struct archive_failure failure;
    const struct archive_entry_info info = {name, size_bytes, mtime_ns};
    enum cubby_status status = archive_writer_add(part->writer, &info, bytes, &failure);
    part->planned_bytes += archive_entry_bytes(part->parts->params->kind, name, size_bytes);
    part->entries++;
    return status ? writer_failed(part, status, &failure) : CUBBY_OK;
}

bool archive_part_is_full(const struct archive_part *part, uint64_t planned_bytes, uint64_t entries)
{
    const struct sink_params *params = part->parts->params;
    if (!part->entries) // at least one entry, however large
        return false;
    bool large = params->part_bytes && (planned_bytes > params->part_bytes ||
                                        part->planned_bytes > params->part_bytes - planned_bytes);
    return large || part->entries + entries > archive_max_entries(params->kind);
}

static enum cubby_status complete(struct archive_part *part)
{
    const struct sink_params *params = part->parts->params;
    struct archive_failure failure;
    enum cubby_status status = archive_writer_finish(part->writer, &failure);
    if (status)
        return writer_failed(part, status, &failure);
    archive_writer_destroy(&part->writer);
    int result = part->error ? part->error : wake(part, FS_APPEND);
    if (!result && params->sync)
        result = params->fs->sync(params->fs, part->file);
    int closed = rest(part);
    if (!result)
        result = closed;
    return result ? sink_target_failed(params->log, part->temporary, result) : CUBBY_OK;
}

static enum cubby_status update(struct archive_part *part, enum archive_state state)
{
    struct catalogue *catalogue = part->parts->params->catalogue;
    part->row.state = state;
    return catalogue_update_archive(catalogue, &part->row);
}

// "table.zip" -> "table (2).zip": another program took the name that was free before.
static enum cubby_status choose_next_name(struct archive_part *part)
{
    const struct sink_params *params = part->parts->params;
    for (unsigned number = 2; number < SINK_MAX_NUMBER; number++) {
        char *name = names_numbered(part->row.name, number);
        char *path = name ? path_join(params->output, name) : NULL;
        struct fs_stat stat;
        int result = path ? params->fs->lstat(params->fs, path, &stat) : UV_ENOMEM;
        if (result == UV_ENOENT) {
            cubby_log(params->log, CUBBY_LOG_WARNING,
                      "\"%s\" was taken meanwhile; the archive is called \"%s\"", part->row.name,
                      name);
            free(part->row.name);
            free(part->final);
            part->row.name = name;
            part->final = path;
            return archive_rows_rename(params->catalogue, part->row.id, name);
        }
        free(name);
        free(path);
        if (result)
            return sink_target_failed(params->log, params->output, result);
    }
    return sink_target_failed(params->log, params->output, UV_EEXIST);
}

static enum cubby_status give_name(struct archive_part *part)
{
    const struct sink_params *params = part->parts->params;
    for (;;) {
        enum cubby_status status = update(part, ARCHIVE_PUBLISHING);
        if (!status)
            status = catalogue_commit(params->catalogue);
        if (status)
            return status;
        int result = params->fs->publish(params->fs, part->temporary, part->final);
        part->named = !result;
        if (!result && params->sync)
            result = params->fs->sync_folder(params->fs, params->output);
        if (!result)
            return CUBBY_OK;
        status = result == UV_EEXIST && !part->named
                     ? choose_next_name(part)
                     : sink_target_failed(params->log, part->final, result);
        if (status)
            return status;
    }
}

enum cubby_status archive_part_publish(struct archive_part *part, const char **wrong,
                                       char reason[160])
{
    const struct sink_params *params = part->parts->params;
    *wrong = NULL;
    enum cubby_status status = complete(part);
    if (!status)
        status = archive_rows_compare(params->catalogue, part->row.id, params->kind, params->fs,
                                      part->temporary, &part->row.hash, &part->row.size_bytes,
                                      wrong, reason);
    if (!status && *wrong) {
        cubby_log(params->log, CUBBY_LOG_ERROR,
                  "the archive \"%s\" was read back and is not right: %s; the photos are "
                  "untouched: check the disk and sort again",
                  part->row.name, *wrong);
        return CUBBY_BAD_DATA;
    }
    if (!status)
        status = give_name(part);
    if (status)
        return status;
    free(part->temporary);
    part->temporary = NULL;
    return update(part, ARCHIVE_DONE);
}
