// One archive per class through libarchive, photos stored as they are (a JPEG gains nothing from
// deflate). Written under temporary names, then read back and compared with the photos' hashes
// before an archive gets its final name: libarchive turns a short entry into a sound-looking one.
//
// Entry times: the UTC time that every tool of today reads does not depend on the time zone. The
// old DOS field beside it is local time by definition, so archives made in two time zones differ
// there.
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "platform/path.h"
#include "platform/read_file.h"
#include "sink/naming.h"
#include "sink/zip_check.h"

// Files that are open at once; with more classes the one that rested longest is closed and opened
// again at its end when its turn comes. Systems allow 512 (Windows) or 1024 files a process.
#define MAX_OPEN_FILES 64u
// Each archive keeps some 90 KiB of libarchive's buffers until finish().
#define MAX_ARCHIVES 4096u
#define BLOCK_BYTES 16384
#define ENTRY_MODE 0644 // POSIX permissions of entries; the source's say nothing elsewhere

struct zip_sink;

struct zip_file {
    struct zip_sink *sink;  // borrowed
    char *name;             // owned, "table.zip"
    char *temporary;        // owned, path
    struct archive *writer; // owned; NULL once closed
    int number;             // < 0: resting
    uint64_t last_use;
    int error;                  // the first libuv code of a failed write
    enum cubby_status failed;   // it cannot be finished; the log has said why
    bool dropped;               // being thrown away: nothing is written any more
    struct hash_table entries;  // names in it
    struct zip_entry *contents; // owned, in order
    size_t count, capacity;
};

struct zip_sink {
    struct sink sink;    // first, so that the pointers are the same
    char *output;        // owned
    const struct fs *fs; // borrowed
    const struct cubby_log *log;
    bool sync;
    struct sink_contents contents;
    struct zip_file **homes; // owned; where each of the contents is, in the same order
    size_t home_capacity;
    struct photo_hasher *hasher; // owned
    struct hash_table by_folder; // folder name, to an index into files
    struct hash_table names;     // archive names that this run uses
    struct zip_file **files;     // owned
    size_t count;
    unsigned open_files;
    uint64_t clock, next_temporary;
};

// ---- one archive's file

// Closes the file that rested longest, to stay below the limit.
static int rest_one(struct zip_sink *sink)
{
    struct zip_file *oldest = NULL;
    for (size_t i = 0; i < sink->count; i++) {
        struct zip_file *file = sink->files[i];
        if (file->number >= 0 && (!oldest || file->last_use < oldest->last_use))
            oldest = file;
    }
    if (!oldest)
        return 0;
    int result = sink->fs->close(sink->fs, oldest->number);
    oldest->number = -1;
    sink->open_files--;
    if (result && !oldest->error)
        oldest->error = result;
    return result;
}

static int wake(struct zip_file *file, enum fs_open how)
{
    struct zip_sink *sink = file->sink;
    file->last_use = ++sink->clock;
    if (file->number >= 0)
        return 0;
    if (sink->open_files >= MAX_OPEN_FILES) {
        int result = rest_one(sink);
        if (result)
            return result;
    }
    int number = sink->fs->open(sink->fs, file->temporary, how);
    if (number < 0)
        return number;
    file->number = number;
    sink->open_files++;
    return 0;
}

static int rest(struct zip_file *file)
{
    if (file->number < 0)
        return 0;
    int result = file->sink->fs->close(file->sink->fs, file->number);
    file->number = -1;
    file->sink->open_files--;
    return result;
}

// libarchive's way out to the disk.
static la_ssize_t on_write(struct archive *archive, void *user, const void *bytes,
                           size_t size_bytes)
{
    struct zip_file *file = user;
    if (file->dropped)
        return (la_ssize_t)size_bytes;
    int result = file->error ? file->error : wake(file, FS_APPEND);
    if (!result)
        result = fs_write_all(file->sink->fs, file->number, bytes, size_bytes);
    if (!result)
        return (la_ssize_t)size_bytes;
    file->error = result;
    archive_set_error(archive, EIO, "%s", fs_error_text(result));
    return -1;
}

static enum cubby_status file_failed(struct zip_file *file)
{
    if (file->error)
        return sink_target_failed(file->sink->log, file->temporary, file->error);
    const char *text = file->writer ? archive_error_string(file->writer) : NULL;
    cubby_log(file->sink->log, CUBBY_LOG_ERROR, "the archive \"%s\" cannot be written: %s",
              file->name, text ? text : "libarchive refused it");
    return CUBBY_INTERNAL;
}

// Leaves nothing of an archive that is not published.
static void discard(struct zip_file *file)
{
    file->dropped = true; // libarchive closes, and so writes, when it frees
    if (file->writer)
        archive_write_free(file->writer);
    file->writer = NULL;
    rest(file);
    if (file->temporary)
        file->sink->fs->unlink(file->sink->fs, file->temporary);
    free(file->temporary);
    file->temporary = NULL;
}

static void file_free(struct zip_file *file)
{
    if (!file)
        return;
    discard(file);
    free(file->name);
    hash_table_fini(&file->entries);
    free(file->contents);
    free(file);
}

// The first archive name that neither this run nor an earlier one uses.
static enum cubby_status choose_name(struct zip_sink *sink, const char *folder, char **name)
{
    size_t bytes = strlen(folder) + sizeof(".zip");
    char *wanted = malloc(bytes);
    if (!wanted)
        return CUBBY_NO_MEMORY;
    snprintf(wanted, bytes, "%s.zip", folder);
    enum cubby_status status = CUBBY_OK;
    for (;;) {
        *name = names_claim(&sink->names, wanted, true);
        char *path = *name ? path_join(sink->output, *name) : NULL;
        struct fs_stat stat;
        int result = path ? sink->fs->lstat(sink->fs, path, &stat) : UV_ENOMEM;
        free(path);
        if (result == UV_ENOENT)
            break;
        free(*name);
        *name = NULL;
        if (result) {
            status = sink_target_failed(sink->log, sink->output, result);
            break;
        }
    }
    free(wanted);
    return status;
}

static enum cubby_status create_writer(struct zip_file *file)
{
    file->writer = archive_write_new();
    if (!file->writer)
        return CUBBY_NO_MEMORY;
    struct archive *writer = file->writer;
    // hdrcharset with set_pathname_utf8 is the one pair that writes the right bytes and the UTF-8
    // flag whatever the locale is.
    bool failed = archive_write_set_format_zip(writer) != ARCHIVE_OK ||
                  archive_write_zip_set_compression_store(writer) != ARCHIVE_OK ||
                  archive_write_set_options(writer, "zip:hdrcharset=UTF-8") != ARCHIVE_OK ||
                  archive_write_set_bytes_per_block(writer, BLOCK_BYTES) != ARCHIVE_OK ||
                  archive_write_set_bytes_in_last_block(writer, 1) != ARCHIVE_OK ||
                  archive_write_open(writer, file, NULL, on_write, NULL) != ARCHIVE_OK;
    return failed ? file_failed(file) : CUBBY_OK;
}

static enum cubby_status create_file(struct zip_file *file, const char *folder)
{
    struct zip_sink *sink = file->sink;
    int result = sink->count == 0 ? sink_make_folder(sink->fs, sink->output, sink->sync) : 0;
    if (result)
        return sink_target_failed(sink->log, sink->output, result);
    enum cubby_status status = choose_name(sink, folder, &file->name);
    if (status)
        return status;
    do { // step over what a dead process with our number left
        free(file->temporary);
        file->temporary = sink_temporary(sink->output, sink->next_temporary++);
        result = file->temporary ? wake(file, FS_CREATE) : UV_ENOMEM;
    } while (result == UV_EEXIST && sink->next_temporary < UINT32_MAX);
    if (result) {
        free(file->temporary); // not ours: never remove it
        file->temporary = NULL;
        return sink_target_failed(sink->log, sink->output, result);
    }
    sink->fs->set_mode(sink->fs, file->number, 0644); // as a file that any program makes
    return create_writer(file);
}

// The archive of a folder, begun when it is first needed.
static enum cubby_status open_file(struct zip_sink *sink, const char *folder, struct zip_file **out)
{
    struct photo_hash key = photo_hash_bytes(folder, strlen(folder));
    uint64_t index;
    if (hash_table_find(&sink->by_folder, key, &index)) {
        *out = sink->files[index];
        return CUBBY_OK;
    }
    if (sink->count == MAX_ARCHIVES) {
        cubby_log(sink->log, CUBBY_LOG_ERROR,
                  "more than %u classes need an archive each: sort into folders instead",
                  MAX_ARCHIVES);
        return CUBBY_TOO_LARGE;
    }
    struct zip_file *file = calloc(1, sizeof(*file));
    if (!file)
        return CUBBY_NO_MEMORY;
    file->sink = sink;
    file->number = -1;
    enum cubby_status status = create_file(file, folder);
    if (!status)
        status = hash_table_add(&sink->by_folder, key, sink->count);
    if (status) {
        file_free(file);
        return status;
    }
    sink->files[sink->count++] = file;
    *out = file;
    return CUBBY_OK;
}

// ---- entries

static enum cubby_status remember_entry(struct zip_file *file, const struct photo *photo)
{
    if (file->count == file->capacity) {
        size_t capacity = file->capacity ? file->capacity * 2 : 64;
        struct zip_entry *contents = realloc(file->contents, capacity * sizeof(*contents));
        if (!contents)
            return CUBBY_NO_MEMORY;
        file->contents = contents;
        file->capacity = capacity;
    }
    file->contents[file->count++] =
        (struct zip_entry){.hash = photo->hash, .size_bytes = photo->size_bytes};
    return CUBBY_OK;
}

static void set_time(struct archive_entry *entry, int64_t mtime_ns)
{
    // The UTC field has 32 bits, which libarchive cuts without a word.
    int64_t seconds = mtime_ns / 1000000000;
    if (seconds < 0)
        seconds = 0;
    if (seconds > UINT32_MAX)
        seconds = UINT32_MAX;
    archive_entry_set_mtime(entry, (time_t)seconds, 0);
}

static enum cubby_status write_entry(struct zip_file *file, const struct photo *photo,
                                     const char *name, const uint8_t *bytes)
{
    struct archive_entry *entry = archive_entry_new();
    if (!entry)
        return CUBBY_NO_MEMORY;
    archive_entry_set_pathname_utf8(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, ENTRY_MODE);
    archive_entry_set_size(entry, (la_int64_t)photo->size_bytes);
    set_time(entry, photo->mtime_ns);

    bool good = archive_write_header(file->writer, entry) == ARCHIVE_OK;
    uint64_t done = 0;
    while (good && done < photo->size_bytes) {
        la_ssize_t written =
            archive_write_data(file->writer, bytes + done, (size_t)(photo->size_bytes - done));
        good = written > 0;
        if (good)
            done += (uint64_t)written;
    }
    good = good && archive_write_finish_entry(file->writer) == ARCHIVE_OK;
    archive_entry_free(entry);
    return good ? remember_entry(file, photo) : file_failed(file);
}

// The photo's bytes again. An entry cannot be taken back once begun, so all of it is read and
// compared first. CUBBY_OK with *bytes NULL: the photo was settled as failed.
static enum cubby_status read_again(struct zip_sink *sink, struct photo *photo, uint8_t **bytes)
{
    char reason[128];
    size_t size_bytes;
    enum cubby_status status = read_file(sink->fs, photo->path, photo->size_bytes + 1, bytes,
                                         &size_bytes, NULL, reason, sizeof(reason));
    if (status == CUBBY_NO_MEMORY)
        return status;
    if (status == CUBBY_IO) {
        photo_settle(photo, PHOTO_FAILED, "cannot be read again: %s", reason);
    } else if (status || size_bytes != photo->size_bytes ||
               !photo_hash_equal(photo_hash_bytes(*bytes, size_bytes), photo->hash)) {
        photo_settle(photo, PHOTO_FAILED, "changed since it was classified");
        free(*bytes);
        *bytes = NULL;
    }
    return CUBBY_OK;
}

// Which archive holds the content that is remembered next.
static enum cubby_status remember_home(struct zip_sink *sink, struct zip_file *file)
{
    if (sink->contents.count == sink->home_capacity) {
        size_t capacity = sink->home_capacity ? sink->home_capacity * 2 : 256;
        struct zip_file **homes = realloc(sink->homes, capacity * sizeof(struct zip_file *));
        if (!homes)
            return CUBBY_NO_MEMORY;
        sink->homes = homes;
        sink->home_capacity = capacity;
    }
    sink->homes[sink->contents.count] = file;
    return CUBBY_OK;
}

static enum cubby_status add_entry(struct zip_sink *sink, struct photo *photo, const char *folder,
                                   const uint8_t *bytes)
{
    struct zip_file *file;
    enum cubby_status status = open_file(sink, folder, &file);
    if (status)
        return status;
    char *wanted = sink_wanted_name(photo, NAMES_ENTRY);
    // Ignoring case: the archive may be unpacked where case does not count.
    char *name = wanted ? names_claim(&file->entries, wanted, true) : NULL;
    char *filed_as = name ? path_join(file->name, name) : NULL;
    free(wanted);
    status = filed_as ? remember_home(sink, file) : CUBBY_NO_MEMORY;
    if (status)
        goto fail;
    status = write_entry(file, photo, name, bytes);
    if (!status)
        status = sink_remember(&sink->contents, photo);
    // An entry cannot be taken back: the archive may hold this photo, or a part of it.
    file->failed = status;
    if (status)
        goto fail;
    free(name);
    photo->filed_as = filed_as;
    return CUBBY_OK;

fail:
    free(name);
    free(filed_as);
    return status;
}

static enum cubby_status zip_file(struct sink *base, struct photo *photo, const char *folder)
{
    struct zip_sink *sink = (struct zip_sink *)base;
    if (sink_is_duplicate(&sink->contents, photo))
        return CUBBY_OK;
    if (photo->bytes)
        return add_entry(sink, photo, folder, photo->bytes);
    uint8_t *bytes = NULL;
    enum cubby_status status = read_again(sink, photo, &bytes);
    if (!status && bytes)
        status = add_entry(sink, photo, folder, bytes);
    free(bytes);
    return status;
}

// ---- the end

// Writes the directory at the end of the archive and makes the file durable.
static enum cubby_status close_file(struct zip_file *file)
{
    struct zip_sink *sink = file->sink;
    if (archive_write_close(file->writer) != ARCHIVE_OK)
        return file_failed(file);
    archive_write_free(file->writer);
    file->writer = NULL;
    int result = file->error ? file->error : wake(file, FS_APPEND);
    if (!result && sink->sync)
        result = sink->fs->sync(sink->fs, file->number);
    int closed = rest(file);
    if (!result)
        result = closed;
    return result ? sink_target_failed(sink->log, file->temporary, result) : CUBBY_OK;
}

// Gives the archive its name. If another program took it meanwhile, the next one.
static enum cubby_status publish_file(struct zip_sink *sink, struct zip_file *file,
                                      const char *folder_name)
{
    for (unsigned i = 0; i < SINK_MAX_NUMBER; i++) {
        char *path = path_join(sink->output, file->name);
        if (!path)
            return CUBBY_NO_MEMORY;
        int result = sink->fs->publish(sink->fs, file->temporary, path);
        if (result && result != UV_EEXIST) {
            enum cubby_status status = sink_target_failed(sink->log, path, result);
            free(path);
            return status;
        }
        free(path);
        if (!result) {
            free(file->temporary);
            file->temporary = NULL;
            if (i > 0)
                cubby_log(sink->log, CUBBY_LOG_WARNING,
                          "\"%s\" was taken meanwhile; the archive is called \"%s\"", folder_name,
                          file->name);
            return CUBBY_OK;
        }
        char *next = names_claim(&sink->names, folder_name, true);
        if (!next)
            return CUBBY_NO_MEMORY;
        free(file->name);
        file->name = next;
    }
    return sink_target_failed(sink->log, file->name, UV_EEXIST);
}

static enum cubby_status finish_file(struct zip_sink *sink, struct zip_file *file)
{
    enum cubby_status status = close_file(file);
    if (!status)
        status = zip_check(sink->fs, file->temporary, file->contents, file->count, sink->hasher,
                           sink->log);
    char *first_name = status ? NULL : strdup(file->name);
    if (!status)
        status = first_name ? publish_file(sink, file, first_name) : CUBBY_NO_MEMORY;
    free(first_name);
    return status;
}

static enum cubby_status zip_finish(struct sink *base)
{
    struct zip_sink *sink = (struct zip_sink *)base;
    enum cubby_status first = CUBBY_OK;
    for (size_t i = 0; i < sink->count; i++) {
        struct zip_file *file = sink->files[i];
        if (!file->failed && file->writer)
            file->failed = finish_file(sink, file);
        // At once: what comes next, the report above all, may need the room.
        if (file->failed)
            discard(file);
        if (!first)
            first = file->failed;
    }
    if (sink->sync && sink->count > 0) {
        int result = sink->fs->sync_folder(sink->fs, sink->output);
        if (result && !first)
            first = sink_target_failed(sink->log, sink->output, result);
    }
    return first;
}

static void settle_lost(struct photo *photo, const struct zip_sink *sink, uint64_t index)
{
    const struct zip_file *file = sink->homes[index];
    const char *why = file->error ? fs_error_text(file->error) : cubby_status_text(file->failed);
    if (photo->filed_as)
        photo_settle(photo, PHOTO_FAILED, "its archive %.100s could not be finished: %s",
                     file->name, why);
    else
        photo_settle(photo, PHOTO_FAILED,
                     "its archive %.100s could not be finished: %s (same "
                     "content as %s)",
                     file->name, why, sink->contents.paths[index]);
    free(photo->filed_as);
    photo->filed_as = NULL;
}

// The name under which the archive was published in the end.
static enum cubby_status correct_name(struct photo *photo, const struct zip_file *file)
{
    const char *slash = strchr(photo->filed_as, '/');
    char *filed_as = path_join(file->name, slash + 1);
    if (!filed_as)
        return CUBBY_NO_MEMORY;
    free(photo->filed_as);
    photo->filed_as = filed_as;
    return CUBBY_OK;
}

static enum cubby_status zip_confirm(struct sink *base, struct photo *photo)
{
    const struct zip_sink *sink = (const struct zip_sink *)base;
    uint64_t index;
    if (photo->status == PHOTO_FAILED || !sink_find_content(&sink->contents, photo, &index))
        return CUBBY_OK;
    if (sink->homes[index]->failed)
        settle_lost(photo, sink, index);
    else if (photo->filed_as)
        return correct_name(photo, sink->homes[index]);
    return CUBBY_OK;
}

static void zip_destroy(struct sink *base)
{
    struct zip_sink *sink = (struct zip_sink *)base;
    for (size_t i = 0; sink->files && i < sink->count; i++)
        file_free(sink->files[i]);
    free(sink->files);
    hash_table_fini(&sink->by_folder);
    hash_table_fini(&sink->names);
    sink_contents_fini(&sink->contents);
    free(sink->homes);
    photo_hasher_destroy(&sink->hasher);
    free(sink->output);
    free(sink);
}

static const struct sink_ops zip_ops = {
    .file = zip_file, .finish = zip_finish, .confirm = zip_confirm, .destroy = zip_destroy};

enum cubby_status sink_zip_create(struct sink **out, const struct sink_params *params)
{
    *out = NULL;
    struct zip_sink *sink = calloc(1, sizeof(*sink));
    if (!sink)
        return CUBBY_NO_MEMORY;
    sink->sink.ops = &zip_ops;
    sink->fs = params->fs;
    sink->log = params->log;
    sink->sync = params->sync;
    sink->output = strdup(params->output);
    sink->files = calloc(MAX_ARCHIVES, sizeof(*sink->files));
    enum cubby_status status =
        sink->output && sink->files ? photo_hasher_create(&sink->hasher) : CUBBY_NO_MEMORY;
    if (status) {
        zip_destroy(&sink->sink);
        return status;
    }
    *out = &sink->sink;
    return CUBBY_OK;
}
