// Reads an archive back and compares it with what went in. Private to src/sink.
#ifndef SRC_SINK_ZIP_CHECK_H
#define SRC_SINK_ZIP_CHECK_H

#include "hash.h"
#include "sink/sink.h"

struct zip_entry {
    struct photo_hash hash;
    uint64_t size_bytes;
};

// Whether the archive at `path` holds exactly these contents, in this order.
//   hasher  scratch
// CUBBY_IO: it cannot be read back, or differs; logged.
CUBBY_NODISCARD enum cubby_status zip_check(const struct fs *fs, const char *path,
                                            const struct zip_entry *entries, size_t count,
                                            struct photo_hasher *hasher,
                                            const struct cubby_log *log);

#endif
