#include "sink/archive_writer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "platform/names.h"
#include "sink/archive_format.h"

#define MAX_NAME_BYTES 65535u

static const struct archive_format *format_of(enum archive_kind kind)
{
    switch (kind) {
    case ARCHIVE_ZIP:
        return &archive_zip;
    case ARCHIVE_TAR_ZST:
        return &archive_tar_zst;
    case ARCHIVE_7Z:
        return &archive_7z;
    }
    assert(!"an archive kind");
    return &archive_zip;
}

const char *archive_extension(enum archive_kind kind)
{
    return format_of(kind)->extension;
}

uint64_t archive_max_entries(enum archive_kind kind)
{
    return format_of(kind)->max_entries;
}

uint64_t archive_entry_bytes(enum archive_kind kind, const char *name, uint64_t size_bytes)
{
    return format_of(kind)->entry_bytes(strlen(name), size_bytes);
}

uint64_t archive_fixed_bytes(enum archive_kind kind)
{
    return format_of(kind)->fixed_bytes;
}

int archive_use_folder(enum archive_kind kind, const char *folder)
{
    if (kind != ARCHIVE_7Z)
        return 0;
#ifdef _WIN32
    return uv_os_setenv("TMP", folder); // what GetTempPath() looks at first
#else
    return uv_os_setenv("TMPDIR", folder);
#endif
}

int archive_put(struct archive_writer *writer, const void *bytes, size_t size_bytes)
{
    if (!writer->error && size_bytes > 0)
        writer->error = writer->output.write(writer->output.user, bytes, size_bytes);
    if (!writer->error)
        writer->written_bytes += size_bytes;
    return writer->error;
}

enum cubby_status archive_writer_create(struct archive_writer **out, enum archive_kind kind,
                                        const struct archive_output *output,
                                        struct archive_failure *failure)
{
    *out = NULL;
    *failure = (struct archive_failure){0};
    return format_of(kind)->create(out, kind, output, failure);
}

// A name that some reader would take for another file's, or for one outside.
static bool name_is_safe(const char *name)
{
    size_t part = 0;
    for (const char *at = name;; at++) {
        if (*at == '/' || *at == '\0') {
            bool dots = part > 0 && part <= 2 && strspn(at - part, ".") >= part;
            if (part == 0 || dots)
                return false;
            part = 0;
            if (*at == '\0')
                return true;
            continue;
        }
        size_t length = names_utf8_length(at);
        if (length == 0)
            return false;
        part += length;
        at += length - 1;
    }
}

enum cubby_status archive_writer_add(struct archive_writer *writer,
                                     const struct archive_entry_info *info, const void *bytes,
                                     struct archive_failure *failure)
{
    *failure = (struct archive_failure){0};
    if (strlen(info->name) > MAX_NAME_BYTES || !name_is_safe(info->name)) {
        snprintf(failure->text, sizeof(failure->text), "the entry's name cannot be used");
        return CUBBY_BAD_DATA;
    }
    return writer->format->add(writer, info, bytes, failure);
}

uint64_t archive_writer_size(const struct archive_writer *writer)
{
    return writer->written_bytes;
}

enum cubby_status archive_writer_finish(struct archive_writer *writer,
                                        struct archive_failure *failure)
{
    *failure = (struct archive_failure){0};
    return writer->format->finish(writer, failure);
}

void archive_writer_destroy(struct archive_writer **writer)
{
    if (*writer)
        (*writer)->format->destroy(*writer);
    *writer = NULL;
}
