// A whole file into memory, once, and only if it held still meanwhile.
#ifndef SRC_PLATFORM_READ_FILE_H
#define SRC_PLATFORM_READ_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "engine/status.h"
#include "platform/fs.h"

// Reads a regular file of at most max_bytes (0: no limit). *bytes is malloc'd, the caller frees it;
// NULL on failure.
//   stat    NULL, or written: as fstat said before reading
//   reason  on failure: a short English phrase for the report
// CUBBY_IO        cannot be opened or read
// CUBBY_BAD_DATA  changed, grew or shrank while it was read; or not a regular file
// CUBBY_TOO_LARGE over max_bytes; nothing was allocated
// CUBBY_NO_MEMORY
CUBBY_NODISCARD enum cubby_status read_file(const struct fs *fs, const char *path,
                                            uint64_t max_bytes, uint8_t **bytes, size_t *size_bytes,
                                            struct fs_stat *stat, char *reason,
                                            size_t reason_bytes);

#endif
