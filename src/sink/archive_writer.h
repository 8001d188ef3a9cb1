// One archive file of a given kind, written front to back. What the archive sink needs of a format;
// zip is our own (zip_writer.c: stored entries with sizes and CRC in their local headers, which
// streaming readers need and libarchive cannot write), tar.zst and 7z are libarchive's.
//
// The same calls give the same bytes, whatever the clock, time zone, locale and user: no owner,
// mode 0644, entries in the order of the calls.
#ifndef SRC_SINK_ARCHIVE_WRITER_H
#define SRC_SINK_ARCHIVE_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "engine/status.h"
#include "hash.h"
#include "platform/fs.h"

enum archive_kind { ARCHIVE_ZIP, ARCHIVE_TAR_ZST, ARCHIVE_7Z };
const char *archive_extension(enum archive_kind kind); // ".zip", ".tar.zst", ".7z"
// Largest number of entries that every reader of that kind takes: 65,535 for zip without Zip64.
uint64_t archive_max_entries(enum archive_kind kind);
// What an entry with this name adds to the file, at most: for deciding where a part ends before
// writing.
uint64_t archive_entry_bytes(enum archive_kind kind, const char *name, uint64_t size_bytes);
// What an archive adds to the sum of its entries, at most.
uint64_t archive_fixed_bytes(enum archive_kind kind);

// libarchive's 7z writer gathers all content in a file of its own, already without a name, in the
// folder that TMPDIR names (/tmp), and copies it to the output in the end: a 7z archive is written
// twice and needs its size twice while it is closed, and each unfinished one has a file open. /tmp
// may be small or in memory: this makes it `folder` (the output). It changes the environment, so
// it has to be called before there are other threads. Does nothing for the other kinds. 0 or a
// libuv code.
int archive_use_folder(enum archive_kind kind, const char *folder);

// Where the bytes go: all of them in order, to the end. 0 or a libuv code, which is then what the
// writer's calls report.
struct archive_output {
    int (*write)(void *user, const void *bytes, size_t size_bytes);
    void *user;
};

struct archive_entry_info {
    const char *name; // valid UTF-8, '/' between parts, no "..", not longer than 65,535 bytes
    uint64_t size_bytes;
    int64_t mtime_ns; // since 1970 UTC; clamped to what the format holds
};

struct archive_writer; // opaque; a table of functions inside

// On failure *out is NULL. `output` is copied. `error` in all calls: a libuv code when the status
// is that of a failed write, else 0; `text` a sentence's end that says what libarchive refused.
struct archive_failure {
    int error;
    char text[160];
};
CUBBY_NODISCARD enum cubby_status archive_writer_create(struct archive_writer **out,
                                                        enum archive_kind kind,
                                                        const struct archive_output *output,
                                                        struct archive_failure *failure);
// One whole entry; info->size_bytes bytes. After a failure only destroy is allowed.
CUBBY_NODISCARD enum cubby_status archive_writer_add(struct archive_writer *writer,
                                                     const struct archive_entry_info *info,
                                                     const void *bytes,
                                                     struct archive_failure *failure);
// Bytes handed to the output so far.
uint64_t archive_writer_size(const struct archive_writer *writer);
// Writes what comes after the entries.
CUBBY_NODISCARD enum cubby_status archive_writer_finish(struct archive_writer *writer,
                                                        struct archive_failure *failure);
// Takes NULL; without finish() nothing more is written.
void archive_writer_destroy(struct archive_writer **writer);

// ---- reading back, with libarchive (another implementation than zip_writer.c)

// Called for each entry in order (but 7z keeps empty entries behind all others) with its name
// (UTF-8), size, hash of the content. A result other than CUBBY_OK ends the reading and is
// returned.
typedef enum cubby_status (*archive_visit)(void *user, const char *name, uint64_t size_bytes,
                                           struct photo_hash hash);
// Reads the whole archive at `path` (zip through its directory at the end, as other programs do).
//   whole   NULL, or the hash of the file's bytes, *size_bytes its size
//   reason  written on failure: why, without full stop
// CUBBY_BAD_DATA: damaged, cut short. CUBBY_IO: cannot be read.
CUBBY_NODISCARD enum cubby_status archive_read(const struct fs *fs, const char *path,
                                               enum archive_kind kind, archive_visit visit,
                                               void *user, struct photo_hash *whole,
                                               uint64_t *size_bytes, char *reason,
                                               size_t reason_bytes);

#endif
