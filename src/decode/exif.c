#include "decode/decoders.h"

#include <stdlib.h>
#include <string.h>

#include <libexif/exif-data.h>

// Of an EXIF block: what fits one JPEG segment, header included. PNG could hold more; none does.
#define MAX_EXIF_BYTES 65533u

static const char EXIF_HEADER[6] = {'E', 'x', 'i', 'f', 0, 0};

static uint32_t read_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

// The APP1 segment that begins with "Exif", header included. Stops at the first scan.
static const uint8_t *find_in_jpeg(const uint8_t *bytes, size_t size_bytes, size_t *exif_bytes)
{
    size_t at = 2;
    while (at + 4 <= size_bytes && bytes[at] == 0xff) {
        uint8_t marker = bytes[at + 1];
        if (marker == 0xff) { // padding
            at++;
            continue;
        }
        if (marker == 0xda || marker == 0xd9)
            break;
        size_t length = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
        if (length < 2 || length > size_bytes - at - 2)
            break;
        const uint8_t *data = bytes + at + 4;
        if (marker == 0xe1 && length - 2 >= sizeof(EXIF_HEADER) &&
            memcmp(data, EXIF_HEADER, sizeof(EXIF_HEADER)) == 0) {
            *exif_bytes = length - 2;
            return data;
        }
        at += 2 + length;
    }
    return NULL;
}

// The contents of the eXIf chunk, which have no "Exif" header.
static const uint8_t *find_in_png(const uint8_t *bytes, size_t size_bytes, size_t *exif_bytes)
{
    size_t at = 8;
    while (at + 12 <= size_bytes) {
        size_t length = read_u32(bytes + at);
        if (length > size_bytes - at - 12)
            break;
        if (memcmp(bytes + at + 4, "eXIf", 4) == 0) {
            *exif_bytes = length;
            return bytes + at + 8;
        }
        at += 12 + length;
    }
    return NULL;
}

static int orientation_of(ExifData *data)
{
    ExifEntry *entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
    if (!entry || entry->format != EXIF_FORMAT_SHORT || entry->components < 1 || entry->size < 2)
        return 1;
    int value = exif_get_short(entry->data, exif_data_get_byte_order(data));
    return value >= 1 && value <= 8 ? value : 1;
}

// "2021:07:03 14:05:09" and nothing else; cameras without a clock write spaces or zeros.
static bool copy_time(const ExifEntry *entry, char *captured)
{
    static const char pattern[] = "dddd:dd:dd dd:dd:dd";
    size_t length = sizeof(pattern) - 1;
    if (!entry || entry->format != EXIF_FORMAT_ASCII || !entry->data || entry->size < length ||
        memcmp(entry->data, "0000", 4) == 0)
        return false;
    for (size_t i = 0; i < length; i++) {
        uint8_t c = entry->data[i];
        if (pattern[i] == 'd' ? c < '0' || c > '9' : c != (uint8_t)pattern[i])
            return false;
    }
    memcpy(captured, entry->data, length);
    captured[4] = captured[7] = '-';
    captured[length] = '\0';
    return true;
}

static void read_facts(const uint8_t *exif, size_t exif_bytes, struct exif_facts *facts)
{
    ExifData *data = exif_data_new();
    if (!data)
        return;
    // Two tags are wanted: no repairs and no unknown tags.
    exif_data_unset_option(data, EXIF_DATA_OPTION_FOLLOW_SPECIFICATION);
    exif_data_set_option(data, EXIF_DATA_OPTION_IGNORE_UNKNOWN_TAGS);
    exif_data_load_data(data, exif, (unsigned)exif_bytes);
    facts->orientation = orientation_of(data);
    ExifContent *details = data->ifd[EXIF_IFD_EXIF];
    if (!copy_time(exif_content_get_entry(details, EXIF_TAG_DATE_TIME_ORIGINAL), facts->captured) &&
        !copy_time(exif_content_get_entry(details, EXIF_TAG_DATE_TIME_DIGITIZED), facts->captured))
        copy_time(exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_DATE_TIME),
                  facts->captured);
    exif_data_unref(data);
}

void exif_read(const uint8_t *bytes, size_t size_bytes, enum decode_kind kind,
               struct exif_facts *facts)
{
    *facts = (struct exif_facts){.orientation = 1};
    size_t exif_bytes = 0;
    if (kind == DECODE_JPEG) {
        const uint8_t *exif = find_in_jpeg(bytes, size_bytes, &exif_bytes);
        if (exif)
            read_facts(exif, exif_bytes, facts);
    } else if (kind == DECODE_PNG) {
        const uint8_t *exif = find_in_png(bytes, size_bytes, &exif_bytes);
        if (!exif || exif_bytes > MAX_EXIF_BYTES - sizeof(EXIF_HEADER))
            return;
        uint8_t *copy = malloc(sizeof(EXIF_HEADER) + exif_bytes); // libexif wants the header
        if (!copy)
            return;
        memcpy(copy, EXIF_HEADER, sizeof(EXIF_HEADER));
        memcpy(copy + sizeof(EXIF_HEADER), exif, exif_bytes);
        read_facts(copy, sizeof(EXIF_HEADER) + exif_bytes, facts);
        free(copy);
    }
}
