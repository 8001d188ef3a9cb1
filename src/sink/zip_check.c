#include "sink/zip_check.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#define BUFFER_BYTES (256u << 10)

// libarchive's way in, through the same table as everything else. Seeking, because only then does
// it read the directory at the end, as other programs do.
struct source {
    const struct fs *fs; // borrowed
    int file;
    uint64_t position, size_bytes;
    uint8_t *buffer; // owned
};

static la_ssize_t on_read(struct archive *archive, void *user, const void **bytes)
{
    struct source *source = user;
    *bytes = source->buffer;
    int64_t got = source->fs->read_at(source->fs, source->file, source->buffer, BUFFER_BYTES,
                                      source->position);
    if (got < 0) {
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

// Reads the current entry to its end. libarchive checks the CRC on the way.
static bool same_content(struct archive *reader, const struct zip_entry *entry,
                         struct photo_hasher *hasher)
{
    photo_hasher_reset(hasher);
    uint64_t size_bytes = 0;
    const void *piece;
    size_t length;
    la_int64_t offset;
    int result;
    while ((result = archive_read_data_block(reader, &piece, &length, &offset)) == ARCHIVE_OK) {
        photo_hasher_add(hasher, piece, length);
        size_bytes += length;
    }
    return result == ARCHIVE_EOF && size_bytes == entry->size_bytes &&
           photo_hash_equal(photo_hasher_result(hasher), entry->hash);
}

// NULL if all is well, else what is wrong.
static const char *compare(struct archive *reader, const struct zip_entry *entries, size_t count,
                           struct photo_hasher *hasher)
{
    struct archive_entry *entry;
    size_t found = 0;
    int result;
    // A warning only says that the name has no form in the C locale.
    while ((result = archive_read_next_header(reader, &entry)) == ARCHIVE_OK ||
           result == ARCHIVE_WARN) {
        if (found == count)
            return "it holds more than was put in";
        if (!same_content(reader, &entries[found++], hasher))
            return "a photo in it differs from its source";
    }
    if (result != ARCHIVE_EOF) {
        const char *text = archive_error_string(reader);
        return text ? text : "it cannot be read back";
    }
    return found == count ? NULL : "it holds less than was put in";
}

static bool open_reader(struct archive *reader, struct source *source)
{
    return archive_read_support_format_zip_seekable(reader) == ARCHIVE_OK &&
           archive_read_set_read_callback(reader, on_read) == ARCHIVE_OK &&
           archive_read_set_seek_callback(reader, on_seek) == ARCHIVE_OK &&
           archive_read_set_callback_data(reader, source) == ARCHIVE_OK &&
           archive_read_open1(reader) == ARCHIVE_OK;
}

enum cubby_status zip_check(const struct fs *fs, const char *path, const struct zip_entry *entries,
                            size_t count, struct photo_hasher *hasher, const struct cubby_log *log)
{
    enum cubby_status status = CUBBY_OK;
    struct source source = {.fs = fs, .file = -1, .buffer = malloc(BUFFER_BYTES)};
    struct archive *reader = archive_read_new();
    const char *wrong = NULL;
    if (!source.buffer || !reader) {
        status = CUBBY_NO_MEMORY;
        goto out;
    }
    source.file = fs->open(fs, path, FS_READ);
    struct fs_stat stat;
    int result = source.file < 0 ? source.file : fs->fstat(fs, source.file, &stat);
    if (result) {
        wrong = fs_error_text(result);
        goto out;
    }
    source.size_bytes = stat.size_bytes;
    if (open_reader(reader, &source))
        wrong = compare(reader, entries, count, hasher);
    else
        wrong = archive_error_string(reader) ? archive_error_string(reader) : "not an archive";

out:
    if (wrong) {
        cubby_log(
            log, CUBBY_LOG_ERROR,
            "the archive \"%s\" was read back and is not right: %s; the photos are untouched: "
            "check the disk and sort again",
            path, wrong);
        status = CUBBY_IO;
    }
    if (reader)
        archive_read_free(reader); // after `wrong`, which may lie in it
    if (source.file >= 0)
        fs->close(fs, source.file);
    free(source.buffer);
    return status;
}
