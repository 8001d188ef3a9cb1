// Reads an archive back with libarchive, to compare it with what went in.
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "platform/utf8_locale.h"
#include "sink/archive_name.h"
#include "sink/archive_writer.h"

#define BUFFER_BYTES (256u << 10)

// libarchive's way in, through the same table as everything else. Seeking, because only then does
// it read a zip's directory at the end, as other programs do.
struct source {
    const struct fs *fs; // borrowed
    int file;
    uint64_t position, size_bytes;
    uint8_t *buffer; // owned
    int error;       // the first libuv code of a failed read
};

struct reading {
    struct source source;
    struct archive *archive;     // owned
    struct photo_hasher *hasher; // owned
    archive_visit visit;
    void *user;
    char *reason;
    size_t reason_bytes;
};

static la_ssize_t on_read(struct archive *archive, void *user, const void **bytes)
{
    struct source *source = user;
    *bytes = source->buffer;
    int64_t got = source->fs->read_at(source->fs, source->file, source->buffer, BUFFER_BYTES,
                                      source->position);
    if (got < 0) {
        source->error = (int)got;
        archive_set_error(archive, EIO, "%s", fs_error_text((int)got));
        return ARCHIVE_FATAL;
    }
    source->position += (uint64_t)got;
    return (la_ssize_t)got;
}

static la_int64_t on_seek(struct archive *archive, void *user, la_int64_t offset, int whence)
{
    (void)archive;
    struct source *source = user;
    int64_t base = whence == SEEK_SET   ? 0
                   : whence == SEEK_CUR ? (int64_t)source->position
                                        : (int64_t)source->size_bytes;
    if (offset < -base || offset > INT64_MAX - base)
        return ARCHIVE_FATAL;
    source->position = (uint64_t)(base + offset);
    return base + offset;
}

static enum cubby_status failed(struct reading *reading, const char *otherwise)
{
    if (reading->source.error) {
        snprintf(reading->reason, reading->reason_bytes, "%s",
                 fs_error_text(reading->source.error));
        return CUBBY_IO;
    }
    const char *text = archive_error_string(reading->archive);
    snprintf(reading->reason, reading->reason_bytes, "%s", text ? text : otherwise);
    return archive_errno(reading->archive) == ENOMEM ? CUBBY_NO_MEMORY : CUBBY_BAD_DATA;
}

// Reads the current entry to its end; libarchive checks the CRC, where there is one, on the way.
static enum cubby_status read_entry(struct reading *reading, struct archive_entry *entry)
{
    photo_hasher_reset(reading->hasher);
    uint64_t size_bytes = 0;
    const void *piece;
    size_t length;
    la_int64_t offset;
    int result;
    while ((result = archive_read_data_block(reading->archive, &piece, &length, &offset)) ==
           ARCHIVE_OK) {
        photo_hasher_add(reading->hasher, piece, length);
        size_bytes += length;
    }
    if (result != ARCHIVE_EOF)
        return failed(reading, "an entry cannot be read");
    char *name = archive_name_get(entry);
    bool regular = archive_entry_filetype(entry) == AE_IFREG;
    if (!name || !regular ||
        (archive_entry_size_is_set(entry) && (uint64_t)archive_entry_size(entry) != size_bytes)) {
        snprintf(reading->reason, reading->reason_bytes, "an entry is not what its header says");
        free(name);
        return CUBBY_BAD_DATA;
    }
    enum cubby_status status =
        reading->visit(reading->user, name, size_bytes, photo_hasher_result(reading->hasher));
    free(name);
    return status;
}

static enum cubby_status read_entries(struct reading *reading)
{
    struct archive_entry *entry;
    int result;
    while ((result = archive_read_next_header(reading->archive, &entry)) == ARCHIVE_OK) {
        enum cubby_status status = read_entry(reading, entry);
        if (status)
            return status;
    }
    return result == ARCHIVE_EOF ? CUBBY_OK : failed(reading, "it cannot be read");
}

static bool open_archive(struct reading *reading, enum archive_kind kind)
{
    struct archive *archive = reading->archive;
    int result = kind == ARCHIVE_ZIP  ? archive_read_support_format_zip_seekable(archive)
                 : kind == ARCHIVE_7Z ? archive_read_support_format_7zip(archive)
                                      : archive_read_support_format_tar(archive);
    if (result == ARCHIVE_OK && kind == ARCHIVE_TAR_ZST)
        result = archive_read_support_filter_zstd(archive);
    return result == ARCHIVE_OK && archive_read_set_read_callback(archive, on_read) == ARCHIVE_OK &&
           archive_read_set_seek_callback(archive, on_seek) == ARCHIVE_OK &&
           archive_read_set_callback_data(archive, &reading->source) == ARCHIVE_OK &&
           archive_read_open1(archive) == ARCHIVE_OK;
}

static enum cubby_status open_source(struct reading *reading, const char *path)
{
    struct source *source = &reading->source;
    source->file = source->fs->open(source->fs, path, FS_READ);
    struct fs_stat stat;
    int result =
        source->file < 0 ? source->file : source->fs->fstat(source->fs, source->file, &stat);
    if (!result && !stat.is_file)
        result = UV_EINVAL;
    if (result) {
        snprintf(reading->reason, reading->reason_bytes, "%s", fs_error_text(result));
        return CUBBY_IO;
    }
    source->size_bytes = stat.size_bytes;
    return CUBBY_OK;
}

static enum cubby_status hash_whole(struct reading *reading, struct photo_hash *whole,
                                    uint64_t *size_bytes)
{
    struct source *source = &reading->source;
    photo_hasher_reset(reading->hasher);
    for (source->position = 0;;) {
        const void *bytes;
        la_ssize_t got = on_read(reading->archive, source, &bytes);
        if (got < 0)
            return failed(reading, "it cannot be read");
        if (got == 0)
            break;
        photo_hasher_add(reading->hasher, bytes, (size_t)got);
    }
    *whole = photo_hasher_result(reading->hasher);
    *size_bytes = source->position;
    return CUBBY_OK;
}

enum cubby_status archive_read(const struct fs *fs, const char *path, enum archive_kind kind,
                               archive_visit visit, void *user, struct photo_hash *whole,
                               uint64_t *size_bytes, char *reason, size_t reason_bytes)
{
    struct reading reading = {.source = {.fs = fs, .file = -1, .buffer = malloc(BUFFER_BYTES)},
                              .archive = archive_read_new(),
                              .visit = visit,
                              .user = user,
                              .reason = reason,
                              .reason_bytes = reason_bytes};
    if (reason_bytes > 0)
        reason[0] = '\0';
    struct utf8_locale locale;
    bool has_locale = utf8_locale_begin(&locale);
    enum cubby_status status = CUBBY_NO_MEMORY;
    if (!reading.source.buffer || !reading.archive || photo_hasher_create(&reading.hasher))
        goto out;
    if (!has_locale) {
        snprintf(reason, reason_bytes, "this system has no UTF-8 locale");
        status = CUBBY_UNSUPPORTED;
        goto out;
    }
    status = open_source(&reading, path);
    if (status)
        goto out;
    status =
        open_archive(&reading, kind) ? read_entries(&reading) : failed(&reading, "not an archive");
    if (!status && whole)
        status = hash_whole(&reading, whole, size_bytes);

out:
    if (reading.archive)
        archive_read_free(reading.archive);
    if (reading.source.file >= 0)
        fs->close(fs, reading.source.file);
    free(reading.source.buffer);
    photo_hasher_destroy(&reading.hasher);
    utf8_locale_end(&locale);
    return status;
}
