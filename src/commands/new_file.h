// Writing a result file that appears whole or not at all.
#ifndef SRC_COMMANDS_NEW_FILE_H
#define SRC_COMMANDS_NEW_FILE_H

#include <stddef.h>

#include "engine/log.h"
#include "platform/fs.h"

// Before minutes of work: a name that is taken would be refused at the end anyway.
//   CUBBY_EXISTS  the log says so
enum cubby_status new_file_check(const struct fs *fs, const char *path,
                                 const struct cubby_log *log);
// Writes the bytes under a temporary name beside `path`, syncs, and gives them their name.
//   CUBBY_EXISTS    something of that name is there; it is left as it is
//   CUBBY_NO_SPACE  CUBBY_IO; the log says why, and nothing is left behind
enum cubby_status new_file_write(const struct fs *fs, const char *path, const void *bytes,
                                 size_t size_bytes, const struct cubby_log *log);

#endif
