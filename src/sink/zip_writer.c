// Zip as every reader takes it, front to back: stored entries (a JPEG gains nothing from deflate)
// whose CRC and sizes stand before the content. libarchive cannot: it writes them behind stored
// entries, which readers of streams refuse (Java's ZipInputStream, commons-compress, SharpZipLib).
//
// Layout and numbers: PKWARE's APPNOTE 6.3.10, sections 4.3 to 4.5; "UT" from Info-ZIP's
// proginfo/extrafld.txt.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include <zlib.h>

#include "sink/archive_format.h"

#define LOCAL_BYTES 30u
#define CENTRAL_BYTES 46u
#define TIME_BYTES 9u // the "UT" extra field
#define LOCAL_ZIP64_BYTES 20u
#define CENTRAL_ZIP64_BYTES 28u
#define END_BYTES 22u
#define END_ZIP64_BYTES (56u + 20u)
#define MAX_HEADER_BYTES (CENTRAL_BYTES + TIME_BYTES + CENTRAL_ZIP64_BYTES)

#define VERSION_STORED 10u // 1.0: stored files
#define VERSION_ZIP64 45u
#define MADE_BY_UNIX (3u << 8)
#define FLAG_UTF8 (1u << 11)
#define UNIX_MODE (0100644u << 16) // a regular file; the source's mode says nothing elsewhere
#define FULL_32 UINT32_MAX         // "see the Zip64 extra field"
#define FULL_16 UINT16_MAX

// In memory until the end, followed by the name: what the directory needs.
struct record {
    uint64_t size_bytes, offset;
    uint32_t crc, dos_time, seconds;
    uint16_t name_bytes;
    bool utf8;
};

struct zip_writer {
    struct archive_writer base;
    uint8_t *records; // owned, packed
    size_t length, capacity;
    uint64_t count;
};

// ---- little-endian fields

struct header {
    uint8_t bytes[MAX_HEADER_BYTES];
    size_t length;
};

static void put(struct header *header, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        header->bytes[header->length++] = (uint8_t)(value >> 8 * i);
}

// ---- times

// The day's date in the proleptic Gregorian calendar, counted from 1 March 0000, so that leap days
// come last in their year.
static void civil_date(int64_t days_since_1970, unsigned *year, unsigned *month, unsigned *day)
{
    uint64_t days = (uint64_t)(days_since_1970 + 719468);
    uint64_t era = days / 146097, of_era = days % 146097;
    uint64_t of_400 = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint64_t of_year = of_era - (365 * of_400 + of_400 / 4 - of_400 / 100);
    uint64_t shifted = (5 * of_year + 2) / 153; // 0: March
    *day = (unsigned)(of_year - (153 * shifted + 2) / 5 + 1);
    *month = (unsigned)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = (unsigned)(era * 400 + of_400 + (*month <= 2));
}

static int64_t floor_seconds(int64_t ns)
{
    return ns / 1000000000 - (ns % 1000000000 < 0);
}

// Local time by definition; UTC here, so that the same photos give the same bytes everywhere.
static uint32_t dos_time(int64_t seconds)
{
    const int64_t first = INT64_C(315532800); // 1980-01-01
    const int64_t last = INT64_C(4354819199); // 2107-12-31 23:59:59
    if (seconds < first)
        seconds = first;
    if (seconds > last)
        seconds = last;
    unsigned year, month, day;
    civil_date(seconds / 86400, &year, &month, &day);
    uint32_t date = (year - 1980) << 9 | month << 5 | day;
    uint32_t of_day = (uint32_t)(seconds % 86400);
    uint32_t time = of_day / 3600 << 11 | of_day / 60 % 60 << 5 | of_day % 60 / 2;
    return date << 16 | time;
}

// The field's sign is disputed: within these bounds all readers agree.
static uint32_t unix_time(int64_t seconds)
{
    if (seconds < 0)
        return 0;
    return seconds > INT32_MAX ? INT32_MAX : (uint32_t)seconds;
}

static void put_time(struct header *header, uint32_t seconds)
{
    put(header, 0x5455, 2);
    put(header, 5, 2);
    put(header, 1, 1); // only the modification time
    put(header, seconds, 4);
}

// ---- entries

static enum cubby_status remember(struct zip_writer *zip, const struct record *record,
                                  const char *name)
{
    size_t bytes = sizeof(*record) + record->name_bytes;
    if (zip->capacity - zip->length < bytes) {
        size_t capacity = zip->capacity ? zip->capacity + zip->capacity / 2 : 4096;
        if (capacity < zip->length + bytes)
            capacity = zip->length + bytes;
        uint8_t *records = realloc(zip->records, capacity);
        if (!records)
            return CUBBY_NO_MEMORY;
        zip->records = records;
        zip->capacity = capacity;
    }
    memcpy(zip->records + zip->length, record, sizeof(*record));
    memcpy(zip->records + zip->length + sizeof(*record), name, record->name_bytes);
    zip->length += bytes;
    zip->count++;
    return CUBBY_OK;
}

static void make_local(struct header *header, const struct record *record)
{
    bool zip64 = record->size_bytes >= FULL_32;
    uint64_t size = zip64 ? FULL_32 : record->size_bytes;
    put(header, 0x04034b50, 4);
    put(header, zip64 ? VERSION_ZIP64 : VERSION_STORED, 2);
    put(header, record->utf8 ? FLAG_UTF8 : 0, 2);
    put(header, 0, 2); // stored
    put(header, record->dos_time, 4);
    put(header, record->crc, 4);
    put(header, size, 4);
    put(header, size, 4);
    put(header, record->name_bytes, 2);
    put(header, TIME_BYTES + (zip64 ? LOCAL_ZIP64_BYTES : 0), 2);
}

// Behind the name. Both sizes, although they are the same: macOS refuses less.
static void make_local_extra(struct header *header, const struct record *record)
{
    if (record->size_bytes >= FULL_32) {
        put(header, 0x0001, 2);
        put(header, 16, 2);
        put(header, record->size_bytes, 8);
        put(header, record->size_bytes, 8);
    }
    put_time(header, record->seconds);
}

static void make_central(struct header *header, const struct record *record)
{
    bool large = record->size_bytes >= FULL_32, beyond = record->offset >= FULL_32;
    unsigned version = large || beyond ? VERSION_ZIP64 : VERSION_STORED;
    uint64_t size = large ? FULL_32 : record->size_bytes;
    unsigned zip64_bytes = large || beyond ? 4u + (large ? 16u : 0u) + (beyond ? 8u : 0u) : 0u;
    put(header, 0x02014b50, 4);
    put(header, MADE_BY_UNIX | version, 2);
    put(header, version, 2);
    put(header, record->utf8 ? FLAG_UTF8 : 0, 2);
    put(header, 0, 2);
    put(header, record->dos_time, 4);
    put(header, record->crc, 4);
    put(header, size, 4);
    put(header, size, 4);
    put(header, record->name_bytes, 2);
    put(header, TIME_BYTES + zip64_bytes, 2);
    put(header, 0, 2); // comment
    put(header, 0, 2); // disk
    put(header, 0, 2); // not text
    put(header, UNIX_MODE, 4);
    put(header, beyond ? FULL_32 : record->offset, 4);
}

static void make_central_extra(struct header *header, const struct record *record)
{
    bool large = record->size_bytes >= FULL_32, beyond = record->offset >= FULL_32;
    if (large || beyond) {
        put(header, 0x0001, 2);
        put(header, (large ? 16u : 0u) + (beyond ? 8u : 0u), 2);
        for (int i = 0; large && i < 2; i++)
            put(header, record->size_bytes, 8);
        if (beyond)
            put(header, record->offset, 8);
    }
    put_time(header, record->seconds);
}

static enum cubby_status failed(const struct zip_writer *zip, struct archive_failure *failure)
{
    failure->error = zip->base.error;
    return fs_status(zip->base.error);
}

static int put_header(struct zip_writer *zip, const struct header *header)
{
    return archive_put(&zip->base, header->bytes, header->length);
}

static enum cubby_status zip_add(struct archive_writer *writer,
                                 const struct archive_entry_info *info, const void *bytes,
                                 struct archive_failure *failure)
{
    struct zip_writer *zip = (struct zip_writer *)writer;
    struct record record = {.size_bytes = info->size_bytes,
                            .offset = writer->written_bytes,
                            .crc = (uint32_t)crc32_z(0, bytes, (size_t)info->size_bytes),
                            .dos_time = dos_time(floor_seconds(info->mtime_ns)),
                            .seconds = unix_time(floor_seconds(info->mtime_ns)),
                            .name_bytes = (uint16_t)strlen(info->name)};
    // Older readers take names for CP437, and ASCII is the same in both.
    for (const char *at = info->name; *at; at++)
        record.utf8 = record.utf8 || (unsigned char)*at >= 0x80;
    enum cubby_status status = remember(zip, &record, info->name);
    if (status)
        return status;
    struct header local = {.length = 0}, extra = {.length = 0};
    make_local(&local, &record);
    make_local_extra(&extra, &record);
    if (put_header(zip, &local) || archive_put(writer, info->name, record.name_bytes) ||
        put_header(zip, &extra) || archive_put(writer, bytes, (size_t)info->size_bytes))
        return failed(zip, failure);
    return CUBBY_OK;
}

// ---- the end

static int put_end(struct zip_writer *zip, uint64_t offset, uint64_t size_bytes)
{
    struct header header = {.length = 0};
    // 65,535 itself fits: readers only look for the Zip64 record above it.
    bool zip64 = zip->count > FULL_16 || offset >= FULL_32 || size_bytes >= FULL_32;
    uint64_t zip64_offset = zip->base.written_bytes;
    if (zip64) {
        put(&header, 0x06064b50, 4);
        put(&header, 44, 8); // what follows of this record
        put(&header, MADE_BY_UNIX | VERSION_ZIP64, 2);
        put(&header, VERSION_ZIP64, 2);
        put(&header, 0, 4); // disk
        put(&header, 0, 4);
        put(&header, zip->count, 8);
        put(&header, zip->count, 8);
        put(&header, size_bytes, 8);
        put(&header, offset, 8);
        put(&header, 0x07064b50, 4); // where that record is
        put(&header, 0, 4);
        put(&header, zip64_offset, 8);
        put(&header, 1, 4);
        int result = put_header(zip, &header);
        if (result)
            return result;
        header.length = 0;
    }
    uint64_t count = zip->count > FULL_16 ? FULL_16 : zip->count;
    put(&header, 0x06054b50, 4);
    put(&header, 0, 2);
    put(&header, 0, 2);
    put(&header, count, 2);
    put(&header, count, 2);
    put(&header, size_bytes >= FULL_32 ? FULL_32 : size_bytes, 4);
    put(&header, offset >= FULL_32 ? FULL_32 : offset, 4);
    put(&header, 0, 2);
    return put_header(zip, &header);
}

static enum cubby_status zip_finish(struct archive_writer *writer, struct archive_failure *failure)
{
    struct zip_writer *zip = (struct zip_writer *)writer;
    uint64_t start = writer->written_bytes;
    for (size_t at = 0; at < zip->length;) {
        struct record record;
        memcpy(&record, zip->records + at, sizeof(record));
        at += sizeof(record);
        struct header central = {.length = 0}, extra = {.length = 0};
        make_central(&central, &record);
        make_central_extra(&extra, &record);
        if (put_header(zip, &central) ||
            archive_put(writer, zip->records + at, record.name_bytes) || put_header(zip, &extra))
            return failed(zip, failure);
        at += record.name_bytes;
    }
    return put_end(zip, start, writer->written_bytes - start) ? failed(zip, failure) : CUBBY_OK;
}

static void zip_destroy(struct archive_writer *writer)
{
    struct zip_writer *zip = (struct zip_writer *)writer;
    free(zip->records);
    free(zip);
}

static enum cubby_status zip_create(struct archive_writer **out, enum archive_kind kind,
                                    const struct archive_output *output,
                                    struct archive_failure *failure)
{
    (void)kind, (void)failure;
    struct zip_writer *zip = calloc(1, sizeof(*zip));
    if (!zip)
        return CUBBY_NO_MEMORY;
    zip->base.format = &archive_zip;
    zip->base.output = *output;
    *out = &zip->base;
    return CUBBY_OK;
}

static uint64_t zip_entry_bytes(size_t name_bytes, uint64_t size_bytes)
{
    uint64_t bytes = LOCAL_BYTES + CENTRAL_BYTES + 2 * (name_bytes + TIME_BYTES) +
                     LOCAL_ZIP64_BYTES + CENTRAL_ZIP64_BYTES;
    return size_bytes > UINT64_MAX - bytes ? UINT64_MAX : bytes + size_bytes;
}

const struct archive_format archive_zip = {.extension = ".zip",
                                           .max_entries = FULL_16,
                                           .fixed_bytes = END_BYTES + END_ZIP64_BYTES,
                                           .entry_bytes = zip_entry_bytes,
                                           .create = zip_create,
                                           .add = zip_add,
                                           .finish = zip_finish,
                                           .destroy = zip_destroy};
