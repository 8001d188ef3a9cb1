// tar.zst and 7z through libarchive. Restricted pax: plain ustar where that can say it, else with
// the extended headers that every tar of today reads. zstd at its lowest level and 7z without
// compression, because photos are compressed already.
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "platform/utf8_locale.h"
#include "sink/archive_format.h"
#include "sink/archive_name.h"
#include "stream.h"

#define BLOCK_BYTES 65536

struct libarchive_writer {
    struct archive_writer base;
    struct archive *archive; // owned
};

static la_ssize_t on_write(struct archive *archive, void *user, const void *bytes,
                           size_t size_bytes)
{
    struct archive_writer *writer = user;
    if (writer->closed) // libarchive closes, and so writes, when it frees
        return (la_ssize_t)size_bytes;
    int result = archive_put(writer, bytes, size_bytes);
    if (!result)
        return (la_ssize_t)size_bytes;
    archive_set_error(archive, EIO, "%s", fs_error_text(result));
    return -1;
}

// A failure of the output is its code's; all else is told in libarchive's words. What it wrote to
// its own temporary is the target's trouble, too.
static enum cubby_status failed(const struct libarchive_writer *writer,
                                struct archive_failure *failure)
{
    if (writer->base.error) {
        failure->error = writer->base.error;
        return fs_status(writer->base.error);
    }
    const char *text = archive_error_string(writer->archive);
    int code = archive_errno(writer->archive);
    snprintf(failure->text, sizeof(failure->text), "%s", text ? text : "libarchive refused it");
    if (code == ENOMEM)
        return CUBBY_NO_MEMORY;
    if (stream_is_full(code))
        return CUBBY_NO_SPACE;
    return CUBBY_IO;
}

static enum cubby_status no_locale(struct archive_failure *failure)
{
    snprintf(failure->text, sizeof(failure->text),
             "this system has no UTF-8 locale, which tar.zst and 7z need; zip does without");
    return CUBBY_UNSUPPORTED;
}

static bool set_format(struct archive *archive, enum archive_kind kind)
{
    if (kind == ARCHIVE_7Z)
        return archive_write_set_format_7zip(archive) == ARCHIVE_OK &&
               archive_write_set_options(archive, "7zip:compression=store") == ARCHIVE_OK;
    // One thread (its default, said in so many words): more would cut the blocks elsewhere.
    return archive_write_set_format_pax_restricted(archive) == ARCHIVE_OK &&
           archive_write_set_options(archive, "pax:hdrcharset=UTF-8") == ARCHIVE_OK &&
           archive_write_add_filter_zstd(archive) == ARCHIVE_OK &&
           archive_write_set_options(archive, "zstd:compression-level=1") == ARCHIVE_OK &&
           archive_write_set_options(archive, "zstd:threads=0") == ARCHIVE_OK;
}

static void writer_destroy(struct archive_writer *base)
{
    struct libarchive_writer *writer = (struct libarchive_writer *)base;
    base->closed = true;
    // Not archive_write_fail() before it, which would spare closing: then 3.6.2 forgets to free the
    // block that it writes with.
    if (writer->archive)
        archive_write_free(writer->archive);
    free(writer);
}

static enum cubby_status writer_create(struct archive_writer **out, enum archive_kind kind,
                                       const struct archive_output *output,
                                       struct archive_failure *failure)
{
    enum cubby_status status = CUBBY_OK;
    struct utf8_locale locale;
    if (!utf8_locale_begin(&locale))
        return no_locale(failure);
    struct libarchive_writer *writer = calloc(1, sizeof(*writer));
    if (!writer) {
        status = CUBBY_NO_MEMORY;
        goto out;
    }
    writer->base.format = kind == ARCHIVE_7Z ? &archive_7z : &archive_tar_zst;
    writer->base.output = *output;
    writer->archive = archive_write_new();
    if (!writer->archive)
        status = CUBBY_NO_MEMORY;
    else if (!set_format(writer->archive, kind) ||
             archive_write_set_bytes_per_block(writer->archive, BLOCK_BYTES) != ARCHIVE_OK ||
             archive_write_set_bytes_in_last_block(writer->archive, 1) != ARCHIVE_OK ||
             archive_write_open(writer->archive, writer, NULL, on_write, NULL) != ARCHIVE_OK)
        status = failed(writer, failure);
    if (status)
        writer_destroy(&writer->base);
    else
        *out = &writer->base;

out:
    utf8_locale_end(&locale);
    return status;
}

static enum cubby_status write_entry(struct libarchive_writer *writer, struct archive_entry *entry,
                                     const uint8_t *bytes, uint64_t size_bytes,
                                     struct archive_failure *failure)
{
    // A warning, too: it says that the name or time in the archive is not the one that was asked.
    if (archive_write_header(writer->archive, entry) != ARCHIVE_OK)
        return failed(writer, failure);
    uint64_t done = 0;
    while (done < size_bytes) {
        la_ssize_t written =
            archive_write_data(writer->archive, bytes + done, (size_t)(size_bytes - done));
        if (written <= 0) // nothing taken is the only sign that it cuts an entry short
            return failed(writer, failure);
        done += (uint64_t)written;
    }
    return archive_write_finish_entry(writer->archive) == ARCHIVE_OK ? CUBBY_OK
                                                                     : failed(writer, failure);
}

static enum cubby_status writer_add(struct archive_writer *base,
                                    const struct archive_entry_info *info, const void *bytes,
                                    struct archive_failure *failure)
{
    struct libarchive_writer *writer = (struct libarchive_writer *)base;
    if (info->size_bytes > INT64_MAX)
        return CUBBY_TOO_LARGE;
    struct utf8_locale locale;
    if (!utf8_locale_begin(&locale))
        return no_locale(failure);
    enum cubby_status status = CUBBY_NO_MEMORY;
    struct archive_entry *entry = archive_entry_new();
    if (entry && archive_name_set(entry, info->name)) {
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_size(entry, (la_int64_t)info->size_bytes);
        int64_t seconds = info->mtime_ns / 1000000000 - (info->mtime_ns % 1000000000 < 0);
        archive_entry_set_mtime(entry, (time_t)seconds, 0);
        status = write_entry(writer, entry, bytes, info->size_bytes, failure);
    }
    archive_entry_free(entry);
    utf8_locale_end(&locale);
    return status;
}

static enum cubby_status writer_finish(struct archive_writer *base, struct archive_failure *failure)
{
    struct libarchive_writer *writer = (struct libarchive_writer *)base;
    struct utf8_locale locale;
    if (!utf8_locale_begin(&locale))
        return no_locale(failure);
    enum cubby_status status =
        archive_write_close(writer->archive) == ARCHIVE_OK ? CUBBY_OK : failed(writer, failure);
    base->closed = true;
    utf8_locale_end(&locale);
    return status;
}

// ---- sizes

static uint64_t sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

// Header and content in blocks of 512, the extended header's own header, twice the name (path and
// the pax header's name), and what zstd adds to blocks that it cannot make smaller.
static uint64_t tar_entry_bytes(size_t name_bytes, uint64_t size_bytes)
{
    uint64_t bytes = sum(size_bytes, 5 * 512 + 2 * (uint64_t)name_bytes);
    return sum(bytes, bytes / 256);
}

// The name in UTF-16, sizes, time, CRC, attributes and the entry's bits.
static uint64_t sevenzip_entry_bytes(size_t name_bytes, uint64_t size_bytes)
{
    return sum(size_bytes, 64 + 2 * (uint64_t)name_bytes);
}

const struct archive_format archive_tar_zst = {.extension = ".tar.zst",
                                               .max_entries = UINT32_MAX,
                                               .fixed_bytes = 16384,
                                               .entry_bytes = tar_entry_bytes,
                                               .create = writer_create,
                                               .add = writer_add,
                                               .finish = writer_finish,
                                               .destroy = writer_destroy};

// libarchive keeps some 200 bytes for each entry of a 7z until the end.
const struct archive_format archive_7z = {.extension = ".7z",
                                          .max_entries = 1000000,
                                          .fixed_bytes = 256,
                                          .entry_bytes = sevenzip_entry_bytes,
                                          .create = writer_create,
                                          .add = writer_add,
                                          .finish = writer_finish,
                                          .destroy = writer_destroy};
