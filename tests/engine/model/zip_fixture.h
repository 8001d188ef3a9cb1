// Zip archives with whatever is wrong with them.
#ifndef TESTS_ENGINE_MODEL_ZIP_FIXTURE_H
#define TESTS_ENGINE_MODEL_ZIP_FIXTURE_H

#include "fixture.h"
#include "model/crc32.h"

struct zip_member {
    const char *name;
    const void *data;
    size_t size;
    uint16_t method, flags;
};

// Where the interesting fields of the last archive lie, to be overwritten by tests.
struct zip_places {
    size_t local[16], central[16], end64, locator, end;
};

// As torch writes: sizes only in the directory, 64-bit end record when asked.
static inline struct bytes zip_build(const struct zip_member *members, size_t count, bool zip64,
                                     struct zip_places *places)
{
    struct bytes zip = {0}, directory = {0};
    struct zip_places ignored;
    places = places ? places : &ignored;
    struct crc32_table table;
    crc32_table_init(&table);
    for (size_t i = 0; i < count; ++i) {
        const struct zip_member *m = &members[i];
        size_t at = zip.size;
        places->local[i] = at;
        put_bytes(&zip, "PK\3\4", 4);
        put_number(&zip, 0, 2);
        put_number(&zip, m->flags | 0x0808u, 2);
        put_number(&zip, m->method, 2);
        put_number(&zip, 0, 8); // time, checksum
        put_number(&zip, 0, 8); // sizes
        put_number(&zip, strlen(m->name), 2);
        put_number(&zip, 7, 2);
        put_text(&zip, m->name);
        put_bytes(&zip, "FB\3\0ZZZ", 7);
        put_bytes(&zip, m->data, m->size);

        places->central[i] = directory.size;
        put_bytes(&directory, "PK\1\2", 4);
        put_number(&directory, 0, 4);
        put_number(&directory, m->flags | 0x0808u, 2);
        put_number(&directory, m->method, 2);
        put_number(&directory, 0, 4);
        put_number(&directory, crc32_of(&table, m->data, m->size), 4);
        put_number(&directory, m->size, 4);
        put_number(&directory, m->size, 4);
        put_number(&directory, strlen(m->name), 2);
        put_number(&directory, 0, 8);
        put_number(&directory, 0, 4);
        put_number(&directory, at, 4);
        put_text(&directory, m->name);
    }
    size_t offset = zip.size;
    for (size_t i = 0; i < count; ++i)
        places->central[i] += offset;
    put_bytes(&zip, directory.data, directory.size);
    places->end64 = zip.size;
    if (zip64) {
        put_bytes(&zip, "PK\6\6", 4);
        put_number(&zip, 44, 8);
        put_number(&zip, 0, 8);
        put_number(&zip, 0, 4);
        put_number(&zip, count, 8);
        put_number(&zip, count, 8);
        put_number(&zip, directory.size, 8);
        put_number(&zip, offset, 8);
        places->locator = zip.size;
        put_bytes(&zip, "PK\6\7", 4);
        put_number(&zip, 0, 4);
        put_number(&zip, places->end64, 8);
        put_number(&zip, 1, 4);
    }
    places->end = zip.size;
    put_bytes(&zip, "PK\5\6", 4);
    put_number(&zip, 0, 4);
    put_number(&zip, count, 2);
    put_number(&zip, count, 2);
    put_number(&zip, directory.size, 4);
    put_number(&zip, offset, 4);
    put_number(&zip, 0, 2);
    free(directory.data);
    return zip;
}

#endif
