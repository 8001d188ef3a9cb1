#include "decode/decode.h"

#include <string.h>

static bool has(const uint8_t *bytes, size_t size_bytes, size_t offset, const char *magic,
                size_t magic_bytes)
{
    return size_bytes >= offset + magic_bytes && memcmp(bytes + offset, magic, magic_bytes) == 0;
}

// ISO base media files say what they are in their "ftyp" box; video has other brands.
static bool is_heif(const uint8_t *bytes, size_t size_bytes)
{
    static const char brands[][5] = {"heic", "heix", "heim", "heis", "hevc",
                                     "hevx", "mif1", "msf1", "avif", "avis"};
    if (!has(bytes, size_bytes, 4, "ftyp", 4))
        return false;
    for (size_t i = 0; i < sizeof(brands) / sizeof(brands[0]); i++)
        if (has(bytes, size_bytes, 8, brands[i], 4))
            return true;
    return false;
}

static bool is_pnm(const uint8_t *bytes, size_t size_bytes)
{
    if (size_bytes < 3 || bytes[0] != 'P' || (bytes[1] != '5' && bytes[1] != '6'))
        return false;
    return bytes[2] == '\n' || bytes[2] == '\r' || bytes[2] == ' ' || bytes[2] == '\t' ||
           bytes[2] == '#';
}

// "BM" begins many texts: the header's size is looked at too.
static bool is_bmp(const uint8_t *bytes, size_t size_bytes)
{
    return has(bytes, size_bytes, 0, "BM", 2) && size_bytes >= 18 && bytes[14] >= 12 &&
           bytes[14] <= 124 && bytes[15] == 0 && bytes[16] == 0 && bytes[17] == 0;
}

enum decode_kind decode_sniff(const uint8_t *bytes, size_t size_bytes)
{
    static const struct {
        enum decode_kind kind;
        uint8_t offset, magic_bytes;
        char magic[9];
    } magics[] = {
        {DECODE_JPEG, 0, 3, "\xff\xd8\xff"}, {DECODE_PNG, 0, 8, "\x89PNG\r\n\x1a\n"},
        {DECODE_GIF, 0, 6, "GIF87a"},        {DECODE_GIF, 0, 6, "GIF89a"},
        {DECODE_PSD, 0, 4, "8BPS"},          {DECODE_WEBP, 8, 4, "WEBP"},
        {DECODE_TIFF, 0, 4, "II*"},          {DECODE_TIFF, 0, 4, "MM\0*"},
        {DECODE_TIFF, 0, 4, "II+"},          {DECODE_TIFF, 0, 4, "MM\0+"},
    };
    for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
        if (!has(bytes, size_bytes, magics[i].offset, magics[i].magic, magics[i].magic_bytes))
            continue;
        if (magics[i].kind == DECODE_WEBP && !has(bytes, size_bytes, 0, "RIFF", 4))
            continue;
        return magics[i].kind;
    }
    if (is_heif(bytes, size_bytes))
        return DECODE_HEIF;
    if (is_pnm(bytes, size_bytes))
        return DECODE_PNM;
    if (is_bmp(bytes, size_bytes))
        return DECODE_BMP;
    return DECODE_UNKNOWN;
}

const char *decode_kind_text(enum decode_kind kind)
{
    switch (kind) {
    case DECODE_UNKNOWN:
        return "unknown";
    case DECODE_JPEG:
        return "JPEG";
    case DECODE_PNG:
        return "PNG";
    case DECODE_BMP:
        return "BMP";
    case DECODE_GIF:
        return "GIF";
    case DECODE_TGA:
        return "TGA";
    case DECODE_PSD:
        return "PSD";
    case DECODE_PNM:
        return "PNM";
    case DECODE_WEBP:
        return "WebP";
    case DECODE_HEIF:
        return "HEIF";
    case DECODE_TIFF:
        return "TIFF";
    }
    return "unknown";
}

bool decode_name_is_photo(const char *name)
{
    static const char endings[][6] = {
        "jpg",
        "jpeg",
        "jpe",
        "jfif",
        "png",
        "bmp",
        "dib",
        "gif",
        "tga",
        "psd",
        "pnm",
        "ppm",
        "pgm",
        "webp",
        "heic",
        "heif",
        "hif",
        "avif",
        "tif",
        "tiff",
        // raw kinds of the camera makers
        "dng",
        "cr2",
        "cr3",
        "crw",
        "nef",
        "nrw",
        "arw",
        "srf",
        "sr2",
        "orf",
        "raf",
        "rw2",
        "pef",
        "srw",
        "x3f",
        "3fr",
        "fff",
        "iiq",
        "rwl",
        "erf",
        "mef",
        "mos",
        "mrw",
        "kdc",
        "dcr",
    };
    const char *dot = strrchr(name, '.');
    if (!dot || strlen(dot + 1) > 4)
        return false;
    char ending[6] = {0};
    for (size_t i = 0; dot[1 + i]; i++) {
        char c = dot[1 + i];
        ending[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
        if (strcmp(ending, endings[i]) == 0)
            return true;
    return false;
}
