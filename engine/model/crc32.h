// The checksum of zip files (CRC-32, polynomial 0xEDB88320).
#ifndef ENGINE_MODEL_CRC32_H
#define ENGINE_MODEL_CRC32_H

#include <stddef.h>
#include <stdint.h>

// 8 KiB, filled once a file: with it, eight bytes take one step.
struct crc32_table {
    uint32_t slice[8][256];
};

void crc32_table_init(struct crc32_table *table);
uint32_t crc32_of(const struct crc32_table *table, const uint8_t *data, size_t size_bytes);

#endif
