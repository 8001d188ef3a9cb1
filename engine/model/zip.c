// APPNOTE.TXT 6.3, sections 4.3 and 4.5.
#include "model/zip.h"

#include <stdlib.h>
#include <string.h>

#include "model/container.h"

#define END_BYTES 22u
#define LOCATOR_BYTES 20u
#define END64_BYTES 56u
#define CENTRAL_BYTES 46u
#define LOCAL_BYTES 30u
#define FLAG_ENCRYPTED 0x0001u

struct reader {
    struct zip *zip;
    const uint8_t *data;
    uint64_t size;
    uint64_t entries, directory_offset, directory_bytes;
    const struct cubby_log *log;
};

static enum cubby_status damaged(const struct reader *reader, const char *what)
{
    cubby_log(reader->log, CUBBY_LOG_ERROR,
              "the zip container is damaged: %s; was the download cut short?", what);
    return CUBBY_BAD_DATA;
}

static bool has_signature(const uint8_t *bytes, const char *signature)
{
    return memcmp(bytes, signature, 4) == 0;
}

// The end record is the last thing in the file but for its comment, whose length must fit.
static enum cubby_status find_end(const struct reader *reader, uint64_t *end)
{
    if (reader->size < END_BYTES)
        return damaged(reader, "it is too short");
    uint64_t last = reader->size - END_BYTES;
    uint64_t first = last > 0xffff ? last - 0xffff : 0;
    for (uint64_t at = last + 1; at-- > first;) {
        const uint8_t *record = reader->data + at;
        if (has_signature(record, "PK\5\6") && load_u16(record + 20) == last - at) {
            *end = at;
            return CUBBY_OK;
        }
    }
    return damaged(reader, "it has no end record");
}

// Takes the 64-bit end record where there is one. Where the old record is not marked as too small
// (all ones), both must agree.
static enum cubby_status read_end64(struct reader *reader, uint64_t *end)
{
    if (*end < LOCATOR_BYTES)
        return CUBBY_OK;
    const uint8_t *locator = reader->data + *end - LOCATOR_BYTES;
    if (!has_signature(locator, "PK\6\7"))
        return CUBBY_OK;

    uint64_t at = load_u64(locator + 8), limit = *end - LOCATOR_BYTES;
    if (load_u32(locator + 4) != 0 || load_u32(locator + 16) > 1 || limit < END64_BYTES ||
        at > limit - END64_BYTES || !has_signature(reader->data + at, "PK\6\6"))
        return damaged(reader, "its 64-bit end record is missing");
    const uint8_t *record = reader->data + at;
    uint64_t entries = load_u64(record + 32);
    uint64_t bytes = load_u64(record + 40), offset = load_u64(record + 48);
    if (load_u32(record + 16) != 0 || load_u32(record + 20) != 0 ||
        load_u64(record + 24) != entries ||
        (reader->entries != 0xffff && reader->entries != entries) ||
        (reader->directory_bytes != 0xffffffffu && reader->directory_bytes != bytes) ||
        (reader->directory_offset != 0xffffffffu && reader->directory_offset != offset))
        return damaged(reader, "its two end records contradict each other");
    reader->entries = entries;
    reader->directory_bytes = bytes;
    reader->directory_offset = offset;
    *end = at;
    return CUBBY_OK;
}

static enum cubby_status read_end(struct reader *reader)
{
    uint64_t end = 0;
    enum cubby_status status = find_end(reader, &end);
    if (status)
        return status;
    const uint8_t *record = reader->data + end;
    reader->entries = load_u16(record + 10);
    reader->directory_bytes = load_u32(record + 12);
    reader->directory_offset = load_u32(record + 16);
    if (load_u16(record + 4) != 0 || load_u16(record + 6) != 0 ||
        load_u16(record + 8) != reader->entries)
        return damaged(reader, "it is one part of several");

    status = read_end64(reader, &end);
    if (status)
        return status;
    if (reader->directory_offset > end || reader->directory_bytes > end - reader->directory_offset)
        return damaged(reader, "its directory lies outside the file");
    if (reader->entries > ZIP_MAX_ENTRIES) {
        cubby_log(reader->log, CUBBY_LOG_ERROR,
                  "the zip container has %llu entries, the limit is "
                  "%u",
                  (unsigned long long)reader->entries, ZIP_MAX_ENTRIES);
        return CUBBY_TOO_LARGE;
    }
    return CUBBY_OK;
}

struct sizes {
    uint64_t compressed, plain, header_offset;
};

// The 64-bit extra field holds only those values that are all ones in the entry, in fixed order.
static bool read_zip64(const uint8_t *extra, size_t left, struct sizes *sizes)
{
    uint64_t *wide[] = {&sizes->plain, &sizes->compressed, &sizes->header_offset};
    while (left >= 4) {
        uint16_t id = load_u16(extra), bytes = load_u16(extra + 2);
        if (bytes > left - 4)
            return false;
        if (id == 1) {
            const uint8_t *value = extra + 4, *end = value + bytes;
            for (size_t i = 0; i < 3; ++i) {
                if (*wide[i] != 0xffffffffu)
                    continue;
                if (end - value < 8)
                    return false;
                *wide[i] = load_u64(value);
                value += 8;
            }
            return true;
        }
        extra += 4 + bytes;
        left -= 4u + bytes;
    }
    return true;
}

// Where the data begins stands only in the local header, whose sizes may be 0 (data descriptor).
static enum cubby_status read_local(const struct reader *reader, struct zip_entry *entry,
                                    const struct sizes *sizes)
{
    uint64_t limit = reader->directory_offset, at = sizes->header_offset;
    if (limit < LOCAL_BYTES || at > limit - LOCAL_BYTES ||
        !has_signature(reader->data + at, "PK\3\4"))
        return damaged(reader, "an entry has no header");
    const uint8_t *local = reader->data + at;
    uint64_t name_bytes = load_u16(local + 26), extra_bytes = load_u16(local + 28);
    uint64_t data = at + LOCAL_BYTES + name_bytes + extra_bytes;
    if (data > limit || sizes->compressed > limit - data)
        return damaged(reader, "an entry lies outside the file");
    if (name_bytes != entry->name_bytes ||
        memcmp(local + LOCAL_BYTES, entry->name, entry->name_bytes) != 0 ||
        load_u16(local + 8) != entry->method)
        return damaged(reader, "an entry's header contradicts the directory");
    entry->header_offset = at;
    entry->data = reader->data + data;
    entry->size_bytes = (size_t)sizes->compressed;
    return CUBBY_OK;
}

static enum cubby_status read_entry(const struct reader *reader, const uint8_t **at, uint64_t *left,
                                    struct zip_entry *entry)
{
    const uint8_t *record = *at;
    if (*left < CENTRAL_BYTES || !has_signature(record, "PK\1\2"))
        return damaged(reader, "its directory is cut short");
    uint16_t flags = load_u16(record + 8);
    size_t name_bytes = load_u16(record + 28), extra_bytes = load_u16(record + 30);
    size_t bytes = CENTRAL_BYTES + name_bytes + extra_bytes + load_u16(record + 32);
    if (bytes > *left)
        return damaged(reader, "its directory is cut short");
    if (flags & FLAG_ENCRYPTED) {
        cubby_log(reader->log, CUBBY_LOG_ERROR, "the zip container is encrypted; decrypt it first");
        return CUBBY_UNSUPPORTED;
    }

    struct sizes sizes = {load_u32(record + 20), load_u32(record + 24), load_u32(record + 42)};
    if (!read_zip64(record + CENTRAL_BYTES + name_bytes, extra_bytes, &sizes))
        return damaged(reader, "a 64-bit field is cut short");
    entry->name = (const char *)record + CENTRAL_BYTES;
    entry->name_bytes = name_bytes;
    entry->method = load_u16(record + 10);
    entry->crc = load_u32(record + 16);
    if (name_bytes == 0 || load_u16(record + 34) != 0)
        return damaged(reader, "an entry has no name or lies in another file");
    if (entry->method == 0 && sizes.compressed != sizes.plain)
        return damaged(reader, "a stored entry has two sizes");
    *at += bytes;
    *left -= bytes;
    return read_local(reader, entry, &sizes);
}

static int compare_offsets(const void *a, const void *b)
{
    const struct zip_entry *first = a, *second = b;
    return (first->header_offset > second->header_offset) -
           (first->header_offset < second->header_offset);
}

static int compare_names(const void *a, const void *b)
{
    const struct zip_entry *first = a, *second = b;
    size_t common = first->name_bytes < second->name_bytes ? first->name_bytes : second->name_bytes;
    int order = memcmp(first->name, second->name, common);
    if (order != 0)
        return order;
    return (first->name_bytes > second->name_bytes) - (first->name_bytes < second->name_bytes);
}

static enum cubby_status check_entries(const struct reader *reader)
{
    struct zip_entry *entries = reader->zip->entries;
    size_t count = reader->zip->count;
    qsort(entries, count, sizeof(*entries), compare_offsets);
    for (size_t i = 1; i < count; ++i) {
        uint64_t end = (uint64_t)(entries[i - 1].data - reader->data) + entries[i - 1].size_bytes;
        if (entries[i].header_offset < end)
            return damaged(reader, "entries overlap");
    }
    qsort(entries, count, sizeof(*entries), compare_names);
    for (size_t i = 1; i < count; ++i) {
        if (compare_names(&entries[i - 1], &entries[i]) == 0)
            return damaged(reader, "two entries have one name");
    }
    return CUBBY_OK;
}

enum cubby_status zip_init(struct zip *zip, const uint8_t *data, size_t size_bytes,
                           const struct cubby_log *log)
{
    *zip = (struct zip){0};
    struct reader reader = {.zip = zip, .data = data, .size = size_bytes, .log = log};
    enum cubby_status status = read_end(&reader);
    if (status)
        goto fail;

    // Each entry takes CENTRAL_BYTES at least, so a lie about their number costs nothing.
    uint64_t left = reader.directory_bytes;
    if (reader.entries > left / CENTRAL_BYTES) {
        status = damaged(&reader, "its directory is cut short");
        goto fail;
    }
    zip->count = (size_t)reader.entries;
    zip->entries = calloc(zip->count ? zip->count : 1, sizeof(*zip->entries));
    if (!zip->entries) {
        status = CUBBY_NO_MEMORY;
        goto fail;
    }
    const uint8_t *at = data + reader.directory_offset;
    for (size_t i = 0; i < zip->count; ++i) {
        status = read_entry(&reader, &at, &left, &zip->entries[i]);
        if (status)
            goto fail;
    }
    if (left != 0 || zip->count == 0) {
        status = damaged(&reader, zip->count ? "its directory is longer than its entries"
                                             : "it has no entries");
        goto fail;
    }
    zip->first_name = zip->entries[0].name;
    zip->first_name_bytes = zip->entries[0].name_bytes;
    status = check_entries(&reader);
    if (status)
        goto fail;
    return CUBBY_OK;

fail:
    zip_fini(zip);
    return status;
}

void zip_fini(struct zip *zip)
{
    free(zip->entries);
    *zip = (struct zip){0};
}

const struct zip_entry *zip_find(const struct zip *zip, const char *name, size_t name_bytes)
{
    const struct zip_entry key = {.name = name, .name_bytes = name_bytes};
    return bsearch(&key, zip->entries, zip->count, sizeof(*zip->entries), compare_names);
}
