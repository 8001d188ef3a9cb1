// The directory of a zip archive held in memory. Reads only; nothing is ever extracted to a path.
//
// Zip readers disagree on archives that contradict themselves, so every contradiction is refused:
// between the end records, between the directory and the local headers, duplicate names,
// overlapping entries.
#ifndef ENGINE_MODEL_ZIP_H
#define ENGINE_MODEL_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/log.h"
#include "engine/status.h"

#define ZIP_MAX_ENTRIES (4u * 65535u)

struct zip_entry {
    const char *name; // borrowed from the archive, not terminated
    size_t name_bytes;
    uint64_t header_offset;
    const uint8_t *data; // borrowed from the archive
    size_t size_bytes;   // in the archive
    uint32_t crc;
    uint16_t method; // 0: stored, `data` is the content; otherwise compressed
};

struct zip {
    struct zip_entry *entries; // owned, sorted by name
    size_t count;
    const char *first_name; // of the first entry in the directory's own order
    size_t first_name_bytes;
};

// `data` must outlive the zip. On failure nothing needs zip_fini.
CUBBY_NODISCARD enum cubby_status zip_init(struct zip *zip, const uint8_t *data, size_t size_bytes,
                                           const struct cubby_log *log);
void zip_fini(struct zip *zip);

// Bytewise; NULL if there is none.
const struct zip_entry *zip_find(const struct zip *zip, const char *name, size_t name_bytes);

#endif
