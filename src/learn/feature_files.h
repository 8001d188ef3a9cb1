// The files of the feature cache. Private to src/learn/feature_*.c.
//
// features/KEY-TIME-PROCESS.rows: a header, then rows of one size, each with its checksum, in this
// machine's byte order. A file is written by one process, from its beginning to its end, and never
// changed: others may read it at any time.
#ifndef SRC_LEARN_FEATURE_FILES_H
#define SRC_LEARN_FEATURE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/log.h"
#include "photo.h"
#include "platform/fs.h"

#define FEATURE_FILES_ENDING ".rows"
#define FEATURE_FILES_MARK UINT64_C(0x3173776f72627563) // "cubrows1" where bytes go up

struct feature_header {
    uint64_t mark;
    uint64_t key_low, key_high;
    uint32_t dims, row_bytes;
    uint64_t zero[3];
    uint64_t checksum; // of all before
};
_Static_assert(sizeof(struct feature_header) == 64, "as it is in files");

// Followed by 16-bit floats [dims], to be multiplied by 2^exponent, and zeros up to 8 bytes.
struct feature_row {
    uint64_t low, high; // the photo's content hash
    uint32_t view;
    int32_t exponent;
    char captured[20];
    uint32_t zero;
    uint64_t checksum; // of the whole row with 0 here
};
_Static_assert(sizeof(struct feature_row) == 56, "as it is in files");

#define FEATURE_ROW_BYTES(dims) (sizeof(struct feature_row) + (((size_t)(dims)*2 + 7) & ~(size_t)7))

uint64_t feature_row_checksum(const uint8_t *record, size_t record_bytes);

struct feature_files_params {
    const char *folder; // borrowed
    struct photo_hash key;
    uint32_t dims;
    const struct fs *fs;
    const struct cubby_log *log;
};

struct feature_file {
    char *path; // owned
    int number; // open for reading; < 0: closed
};

struct feature_files {
    struct feature_files_params params;
    struct feature_file *list; // owned
    uint32_t count;
};

struct feature_writer {
    bool begun;
    int number; // open for writing; < 0: closed
    uint32_t file, rows;
};

// "features" in the user's cache folder; malloc'd, NULL: there is none.
char *feature_files_folder(void);

void feature_files_init(struct feature_files *files, const struct feature_files_params *params);
// Opens the key's files, checks every row and calls `found` for each sound one. What cannot be read
// or is damaged is only a note in the log.
//   CUBBY_NO_MEMORY, or what found() returned
CUBBY_NODISCARD enum cubby_status
feature_files_open(struct feature_files *files,
                   enum cubby_status (*found)(void *user, const struct feature_row *row,
                                              uint32_t file, uint32_t index),
                   void *user);
void feature_files_fini(struct feature_files *files); // closes them

// The first `bytes` of a row. 0 or a libuv error. Any thread.
int feature_files_read(const struct feature_files *files, uint32_t file, uint32_t index, void *out,
                       size_t bytes);
// Deletes files first..end-1.
void feature_files_remove(struct feature_files *files, uint32_t first, uint32_t end);

// Appends a row to the writer's file, which is made with the first one (a zeroed writer) and can be
// read from then on. 0 or a libuv error.
int feature_writer_add(struct feature_writer *writer, struct feature_files *files,
                       const uint8_t *record, uint32_t *file, uint32_t *index);
void feature_writer_close(struct feature_writer *writer, const struct feature_files *files);

// Deletes files of any key, those that were not used for the longest time first, until all others
// have limit_bytes or less; with 0 all of them.
//   removed  NULL, or how many
// 0, or a libuv error: of a file that is still there.
int feature_files_limit(const struct fs *fs, const char *folder, uint64_t limit_bytes,
                        size_t *removed);

#endif
