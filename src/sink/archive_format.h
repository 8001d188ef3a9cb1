// What archive_writer.c asks of one format. Private to src/sink.
#ifndef SRC_SINK_ARCHIVE_FORMAT_H
#define SRC_SINK_ARCHIVE_FORMAT_H

#include "sink/archive_writer.h"

// A format's writer begins with this, so that the pointers are the same.
struct archive_writer {
    const struct archive_format *format;
    struct archive_output output;
    uint64_t written_bytes; // handed to the output
    int error;              // the first libuv code of a failed write
    bool closed;            // nothing is written any more
};

struct archive_format {
    const char *extension;
    uint64_t max_entries;
    uint64_t fixed_bytes;
    uint64_t (*entry_bytes)(size_t name_bytes, uint64_t size_bytes);
    enum cubby_status (*create)(struct archive_writer **out, enum archive_kind kind,
                                const struct archive_output *output,
                                struct archive_failure *failure);
    enum cubby_status (*add)(struct archive_writer *writer, const struct archive_entry_info *info,
                             const void *bytes, struct archive_failure *failure);
    enum cubby_status (*finish)(struct archive_writer *writer, struct archive_failure *failure);
    void (*destroy)(struct archive_writer *writer); // the writer too
};

extern const struct archive_format archive_zip, archive_tar_zst, archive_7z;

// To the output, counted; remembers the first error. 0 or a libuv code.
int archive_put(struct archive_writer *writer, const void *bytes, size_t size_bytes);

#endif
