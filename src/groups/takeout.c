#include "groups/takeout.h"

#include <string.h>

#include "groups.h"
#include "platform/names.h"

#define CUT_UNITS 46u
#define SUFFIX "supplemental-metadata"

// Bytes before a "(12)" that ends the text; all of them if there is none.
static size_t before_number(const char *text, size_t bytes)
{
    if (bytes < 4 || text[bytes - 1] != ')')
        return bytes;
    size_t end = bytes - 1, at = end;
    while (at > 0 && text[at - 1] >= '0' && text[at - 1] <= '9')
        at--;
    bool number = at < end && at > 1 && text[at - 1] == '(';
    return number ? at - 1 : bytes;
}

// Bytes before ".supplemental-metadata", or before what a cut left of it, which is at least the
// dot; all of them if there is none.
static size_t before_suffix(const char *text, size_t bytes)
{
    struct groups_key key = groups_key(text, bytes);
    if (key.stem_bytes == bytes || key.ending_bytes > strlen(SUFFIX))
        return bytes;
    bool cut = groups_compare(key.ending, key.ending_bytes, SUFFIX, key.ending_bytes) == 0;
    return cut ? key.stem_bytes : bytes;
}

// UTF-16 units of a text; *cut: the bytes of the characters that fit into CUT_UNITS.
static size_t count_units(const char *text, size_t bytes, size_t *cut)
{
    size_t units = 0;
    *cut = bytes;
    for (size_t at = 0; at < bytes;) {
        size_t length = names_utf8_length(text + at);
        length = length ? length : 1;
        units += length == 4 ? 2 : 1;
        if (*cut == bytes && units > CUT_UNITS)
            *cut = at;
        at += length;
    }
    return units;
}

// The photo or film of that name, with a number put where photos have it: "a.jpg" and "(1)" are
// "a(1).jpg".
static struct groups_entry *find_numbered(const struct groups_index *index, const char *name,
                                          size_t bytes, const char *number, size_t number_bytes)
{
    struct groups_key key = groups_key(name, bytes);
    char stem[GROUPS_LONGEST_NAME];
    if (number_bytes > 0) {
        memcpy(stem, key.stem, key.stem_bytes); // both are parts of one name: they fit
        memcpy(stem + key.stem_bytes, number, number_bytes);
        key.stem = stem;
        key.stem_bytes += number_bytes;
    }
    return groups_find_media(index, &key);
}

static struct groups_entry *find_whole(const struct groups_index *index,
                                       const struct groups_entry *json, size_t bytes)
{
    const char *number = json->name + bytes;
    size_t number_bytes = json->stem - bytes;
    struct groups_entry *media = find_numbered(index, json->name, bytes, number, number_bytes);
    size_t shorter = before_suffix(json->name, bytes);
    if (!media && shorter < bytes)
        media = find_numbered(index, json->name, shorter, number, number_bytes);
    return media;
}

void takeout_claim_whole(const struct groups_index *index)
{
    for (size_t i = 0; i < index->count; i++) {
        struct groups_entry *json = &index->entries[i];
        if (json->kind != GROUP_JSON)
            continue;
        struct groups_entry *media = find_whole(index, json, json->stem);
        size_t bare = before_number(json->name, json->stem);
        if (!media && bare < json->stem)
            media = find_whole(index, json, bare);
        if (!media)
            continue;
        media->has_json = true;
        json->claim = GROUPS_WHOLE;
        json->claimed_by = (uint32_t)(media - index->entries);
    }
}

static void claim(const struct groups_index *index, const struct groups_entry *media,
                  const char *stem, size_t bytes, enum groups_claim how)
{
    struct groups_key key = {stem, "json", bytes, 4};
    struct groups_entry *json = groups_find_file(index, &key);
    if (!json || json->claim > how)
        return;
    uint32_t leader = groups_leader_of(index, media);
    // Two long names that are cut to the same: nobody can tell whose it is.
    bool several = json->claim == how && json->claimed_by != leader;
    json->claim = (uint8_t)how;
    json->claimed_by = several ? GROUPS_NOBODY : leader;
}

// The JSON files of names that are cut are found from the photo's name: the other way round, too
// much is missing.
static void claim_cut(const struct groups_index *index, const struct groups_entry *media)
{
    const char *name = media->name;
    size_t cut, bytes = strlen(name), bare = before_number(name, media->stem);
    bool numbered = bare < media->stem;
    if (count_units(name, bytes, &cut) > CUT_UNITS)
        claim(index, media, name, cut, numbered ? GROUPS_CUT_COPY : GROUPS_CUT);
    if (!numbered)
        return;
    // "long name(2).jpg" has "long na(2).json": cut as if it had no number, which then follows.
    char text[GROUPS_LONGEST_NAME];
    size_t number = media->stem - bare, ending = bytes - media->stem;
    memcpy(text, name, bare);
    memcpy(text + bare, name + media->stem, ending);
    text[bare + ending] = '\0';
    if (count_units(text, bare + ending, &cut) <= CUT_UNITS)
        return;
    memcpy(text + cut, name + bare, number);
    claim(index, media, text, cut + number, GROUPS_CUT);
}

bool takeout_is_own(const struct groups_entry *json)
{
    static const char *const own[] = {"metadata", "print-subscriptions", "shared_album_comments",
                                      "user-generated-memory-titles"};
    size_t bytes = before_number(json->name, json->stem);
    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
        if (groups_compare(json->name, bytes, own[i], strlen(own[i])) == 0)
            return true;
    return false;
}

// "a.supplemental-metadata(1).json" of "a(1).jpg", whose title had no ending. The suffix must be
// whole, or cut exactly where Takeout cuts.
static uint32_t find_untitled(const struct groups_index *index, const struct groups_entry *json)
{
    const char *name = json->name;
    size_t cut, bytes = before_number(name, json->stem), number = json->stem - bytes;
    size_t stem = before_suffix(name, bytes);
    bool whole = bytes - stem == strlen("." SUFFIX);
    if (stem == bytes || (!whole && count_units(name, bytes, &cut) != CUT_UNITS))
        return GROUPS_NOBODY;
    char text[GROUPS_LONGEST_NAME];
    memcpy(text, name, stem);
    memcpy(text + stem, name + bytes, number);
    return groups_find_stem(index, text, stem + number);
}

void takeout_settle(const struct groups_index *index)
{
    for (size_t i = 0; i < index->count; i++)
        if (group_is_photo(index->entries[i].kind) || group_is_film(index->entries[i].kind))
            claim_cut(index, &index->entries[i]);
    for (size_t i = 0; i < index->count; i++) {
        const struct groups_entry *json = &index->entries[i];
        if (json->kind != GROUP_JSON)
            continue;
        if (json->claim == GROUPS_WHOLE)
            groups_follow(index, json, groups_leader_of(index, &index->entries[json->claimed_by]));
        else if (json->claim)
            groups_follow(index, json, json->claimed_by);
        else if (index->leader[json->index] == GROUPS_ALONE) // not of its stem either
            groups_follow(index, json, find_untitled(index, json));
    }
}
