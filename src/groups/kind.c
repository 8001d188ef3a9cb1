#include "groups/kind.h"

#include <stdlib.h>
#include <string.h>

#define ENDING_BYTES 5u // with the NUL

struct ending {
    char text[ENDING_BYTES];
    enum group_kind kind;
};

// Left out, because they stand for more than one photo or lie in folders of their own: .cos
// (Capture One), .nksc (Nikon), .lrcat, .ini (Picasa), .txt, .xml, .gpx.
static const struct ending endings[] = {
    // Sorted by their bytes.
    {"3fr", GROUP_RAW},     {"3gp", GROUP_FILM},    {"aae", GROUP_AAE},     {"acr", GROUP_STEM},
    {"arp", GROUP_WHOLE},   {"arw", GROUP_RAW},     {"avi", GROUP_FILM},    {"avif", GROUP_TIFF},
    {"bmp", GROUP_PICTURE}, {"cr2", GROUP_RAW},     {"cr3", GROUP_RAW},     {"crw", GROUP_RAW},
    {"dcr", GROUP_RAW},     {"dib", GROUP_PICTURE}, {"dng", GROUP_DNG},     {"dop", GROUP_WHOLE},
    {"erf", GROUP_RAW},     {"fff", GROUP_RAW},     {"gif", GROUP_PICTURE}, {"heic", GROUP_HEIF},
    {"heif", GROUP_HEIF},   {"hif", GROUP_HEIF},    {"iiq", GROUP_RAW},     {"jfif", GROUP_JPEG},
    {"jpe", GROUP_JPEG},    {"jpeg", GROUP_JPEG},   {"jpg", GROUP_JPEG},    {"json", GROUP_JSON},
    {"kdc", GROUP_RAW},     {"lrv", GROUP_FILM},    {"m2ts", GROUP_FILM},   {"m4v", GROUP_FILM},
    {"mef", GROUP_RAW},     {"mkv", GROUP_FILM},    {"mos", GROUP_RAW},     {"mov", GROUP_MOV},
    {"mp", GROUP_MOTION},   {"mp4", GROUP_MP4},     {"mpeg", GROUP_FILM},   {"mpg", GROUP_FILM},
    {"mrw", GROUP_RAW},     {"mts", GROUP_FILM},    {"mv", GROUP_MOTION},   {"nef", GROUP_RAW},
    {"nrw", GROUP_RAW},     {"on1", GROUP_STEM},    {"orf", GROUP_RAW},     {"pef", GROUP_RAW},
    {"pgm", GROUP_PICTURE}, {"png", GROUP_PICTURE}, {"pnm", GROUP_PICTURE}, {"pp3", GROUP_WHOLE},
    {"ppm", GROUP_PICTURE}, {"psd", GROUP_PICTURE}, {"raf", GROUP_RAW},     {"rw2", GROUP_RAW},
    {"rwl", GROUP_RAW},     {"sr2", GROUP_RAW},     {"srf", GROUP_RAW},     {"srw", GROUP_RAW},
    {"tga", GROUP_PICTURE}, {"thm", GROUP_THM},     {"tif", GROUP_TIFF},    {"tiff", GROUP_TIFF},
    {"vrd", GROUP_STEM},    {"wav", GROUP_WAV},     {"webm", GROUP_FILM},   {"webp", GROUP_PICTURE},
    {"wmv", GROUP_FILM},    {"x3f", GROUP_RAW},     {"xmp", GROUP_XMP},
};

static int compare_endings(const void *text, const void *ending)
{
    return strcmp(text, ((const struct ending *)ending)->text);
}

enum group_kind group_kind(const char *name, size_t *stem_bytes)
{
    const char *dot = strrchr(name, '.');
    if (!dot || name[0] == '.')
        return GROUP_NONE;
    char text[ENDING_BYTES];
    size_t bytes = 0;
    // An edited motion photo is X.MP~2.jpg, and its film X.MP~2.
    for (const char *p = dot + 1; *p && *p != '~'; p++) {
        if (bytes + 1 == sizeof(text))
            return GROUP_NONE;
        text[bytes++] = (char)group_fold(*p);
    }
    text[bytes] = '\0';
    const struct ending *found = bsearch(text, endings, sizeof(endings) / sizeof(*endings),
                                         sizeof(*endings), compare_endings);
    if (!found)
        return GROUP_NONE;
    const char *edit = dot + 1 + bytes;
    if (*edit && (found->kind != GROUP_MOTION || !edit[1] ||
                  strspn(edit + 1, "0123456789") != strlen(edit + 1)))
        return GROUP_NONE;
    *stem_bytes = (size_t)(dot - name);
    return found->kind;
}
