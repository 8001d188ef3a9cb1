// What a name's ending says about how the file travels.
#ifndef SRC_GROUPS_KIND_H
#define SRC_GROUPS_KIND_H

#include <stdbool.h>
#include <stddef.h>

// Photos first, in the order in which one of a stem leads the others.
enum group_kind {
    GROUP_JPEG,
    GROUP_PICTURE, // other kinds that stand for themselves: a.png beside a.jpg is another photo
    GROUP_HEIF,
    GROUP_TIFF,
    GROUP_DNG, // made from another RAW more often than the other way round
    GROUP_RAW,

    GROUP_MOV,
    GROUP_MP4,
    GROUP_FILM,   // never part of a photo
    GROUP_MOTION, // Pixel's X.MP beside X.MP.jpg

    GROUP_JSON,
    GROUP_XMP,
    GROUP_AAE,
    GROUP_THM,
    GROUP_WAV,
    GROUP_STEM,  // other sidecars that have the photo's stem
    GROUP_WHOLE, // other sidecars that have the photo's whole name

    GROUP_NONE,
};

// *stem_bytes: how much of the name comes before the dot of its ending (GROUP_NONE: not set). Names
// that begin with a dot are GROUP_NONE: they are hidden, and "._a.jpg" is not the photo a.jpg.
enum group_kind group_kind(const char *name, size_t *stem_bytes);

static inline bool group_is_photo(unsigned kind)
{
    return kind <= GROUP_RAW;
}

static inline bool group_is_film(unsigned kind)
{
    return kind >= GROUP_MOV && kind <= GROUP_MOTION;
}

// Whether it leads or is alone, whatever else is there.
static inline bool group_always_leads(unsigned kind)
{
    return kind <= GROUP_PICTURE || kind == GROUP_FILM || kind == GROUP_NONE;
}

// ASCII lower case; locales have no say in what belongs together.
static inline unsigned char group_fold(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

#endif
