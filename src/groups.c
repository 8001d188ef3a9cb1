#include "groups.h"

#include <stdlib.h>
#include <string.h>

#include "groups/index.h"
#include "groups/takeout.h"
#include "platform/names.h"

// Everywhere here a file stays alone when two photos could be meant: left behind, a sidecar can
// still be found; with a stranger's photo, it is lost.

// What lies in one folder under one stem.
struct run {
    struct groups_entry *entries;
    size_t count;
    const struct groups_entry *leader; // NULL: none, or two that are alike
    bool heif;                         // leads or follows
    bool thumbnail;                    // .thm
    bool doubtful;                     // sidecars could be another photo's or a film's
};

static bool ends_with(const char *text, size_t bytes, const char *end)
{
    size_t length = strlen(end);
    return bytes > length && groups_compare(text + bytes - length, length, end, length) == 0;
}

static size_t digits_at_end(const char *text, size_t bytes)
{
    size_t digits = 0;
    while (digits < bytes && text[bytes - 1 - digits] >= '0' && text[bytes - 1 - digits] <= '9')
        digits++;
    return digits;
}

// Two a.jpg and a.jpeg are two photos: neither leads.
static void choose_leader(struct run *run)
{
    bool several = false;
    for (size_t i = 0; i < run->count; i++) {
        const struct groups_entry *entry = &run->entries[i];
        run->thumbnail |= entry->kind == GROUP_THM;
        if (!group_is_photo(entry->kind))
            continue;
        if (!run->leader || entry->kind < run->leader->kind) {
            run->leader = entry;
            several = false;
        } else if (entry->kind == run->leader->kind) {
            several = true;
        }
    }
    if (several)
        run->leader = NULL;
    run->heif = run->leader && run->leader->kind == GROUP_HEIF;
}

// Whether one photo is another shape of the leader's. RAW is, whatever the leader. HEIF and TIFF
// are what cameras write beside a JPEG, and phones make a JPEG of; but if Takeout has a JSON file
// for each, they were two photos in Google's eyes: a year's folder holds the IMG_0001 of all
// phones.
static bool photo_follows(const struct run *run, const struct groups_entry *photo)
{
    if (photo == run->leader || photo->kind == run->leader->kind)
        return false;
    if (photo->kind == GROUP_DNG || photo->kind == GROUP_RAW)
        return true;
    bool second = photo->kind == GROUP_HEIF || photo->kind == GROUP_TIFF;
    return second && run->leader->kind == GROUP_JPEG && !photo->has_json;
}

// A film of a photo's name is its Live Photo only where nothing speaks against it.
//   .mov  as Apple names it, beside what Apple's cameras write: JPEG, HEIF, ProRAW's DNG.
//   .mp4  beside a JPEG may as well be any film with its poster or a frame of it. Google's form of
//         a Live Photo is IMG_1.HEIC and IMG_1.MP4, or a photo with a JSON file and a film without
//         one; Pixel's and Samsung's converted ones say it in the name.
//   A JSON file or a thumbnail of its own makes it a film.
static bool film_follows(const struct run *run, const struct groups_entry *film)
{
    const struct groups_entry *leader = run->leader;
    if (film->has_json || run->thumbnail || run->doubtful)
        return false;
    bool apple = run->heif || leader->kind == GROUP_JPEG || leader->kind == GROUP_DNG;
    if (film->kind == GROUP_MOV)
        return apple;
    if (film->kind != GROUP_MP4)
        return false;
    bool named = ends_with(film->name, film->stem, ".MP") ||
                 (film->stem > 6 && groups_compare(film->name, 6, "MVIMG_", 6) == 0);
    bool google = leader->kind == GROUP_JPEG && (leader->has_json || named);
    return run->heif || google;
}

static bool sidecar_follows(const struct groups_entry *sidecar)
{
    switch ((enum group_kind)sidecar->kind) {
    case GROUP_XMP:
    case GROUP_AAE:
    case GROUP_THM:
    case GROUP_STEM:
        return true;
    case GROUP_JSON:
        return !takeout_is_own(sidecar);
    case GROUP_WAV:
        // A camera's voice note: its names end in four digits (DCF). song.wav is not song.jpg's.
        return digits_at_end(sidecar->name, sidecar->stem) >= 4;
    default:
        return false;
    }
}

static void lead_photos(const struct groups_index *index, struct run *run)
{
    bool apart = false, raw = false;
    for (size_t i = 0; i < run->count; i++) {
        const struct groups_entry *entry = &run->entries[i];
        if (!group_is_photo(entry->kind) || entry == run->leader)
            continue;
        if (!photo_follows(run, entry)) {
            apart = true;
            continue;
        }
        groups_follow(index, entry, run->leader->index);
        run->heif |= entry->kind == GROUP_HEIF;
        raw |= entry->kind == GROUP_DNG || entry->kind == GROUP_RAW;
    }
    // Beside a.jpg and a.png, a.xmp may be either's. With a RAW it is the RAW's.
    run->doubtful = apart && !raw;
}

static void lead_films(const struct groups_index *index, struct run *run)
{
    bool loose = false;
    for (size_t i = 0; i < run->count; i++) {
        const struct groups_entry *entry = &run->entries[i];
        if (!group_is_film(entry->kind) || entry->kind == GROUP_MOTION)
            continue;
        if (film_follows(run, entry))
            groups_follow(index, entry, run->leader->index);
        else
            loose = true;
    }
    // The sidecar of a film that is by itself has the same name as the photo's.
    run->doubtful |= loose;
}

static void lead_run(const struct groups_index *index, struct run *run)
{
    choose_leader(run);
    if (!run->leader)
        return;
    uint32_t leader = run->leader->index;
    lead_photos(index, run);
    lead_films(index, run);
    if (run->doubtful)
        return;
    run->entries[0].run_leader = leader;
    for (size_t i = 0; i < run->count; i++)
        if (sidecar_follows(&run->entries[i]))
            groups_follow(index, &run->entries[i], leader);
}

static void lead_runs(const struct groups_index *index)
{
    for (size_t begin = 0, end; begin < index->count; begin = end) {
        const struct groups_entry *first = &index->entries[begin];
        for (end = begin + 1; end < index->count; end++) {
            const struct groups_entry *next = &index->entries[end];
            if (groups_compare(first->name, first->stem, next->name, next->stem) != 0)
                break;
        }
        struct run run = {.entries = &index->entries[begin], .count = end - begin};
        lead_run(index, &run);
    }
}

// Films whose names are not the photo's stem.
static void lead_odd_film(const struct groups_index *index, const struct groups_entry *film)
{
    if (index->leader[film->index] != GROUPS_ALONE)
        return;
    if (film->kind == GROUP_MOTION) {
        // X.MP of Pixel's X.MP.jpg
        size_t bytes = strlen(film->name);
        struct groups_key key = {film->name, "jpg", bytes, 3};
        const struct groups_entry *photo = groups_find_media(index, &key);
        if (photo)
            groups_follow(index, film, groups_leader_of(index, photo));
    } else if (film->kind == GROUP_MOV && ends_with(film->name, film->stem, "_HEVC")) {
        // icloudpd: IMG_1_HEVC.MOV of IMG_1.HEIC
        struct groups_key key = {film->name, "heic", film->stem - 5u, 4};
        const struct groups_entry *photo = groups_find_media(index, &key);
        if (photo)
            groups_follow(index, film, groups_leader_of(index, photo));
    }
}

// darktable's duplicates: IMG_1_01.NEF.xmp is another development of IMG_1.NEF.
static const struct groups_entry *find_developed(const struct groups_index *index,
                                                 const struct groups_key *whole)
{
    size_t digits = digits_at_end(whole->stem, whole->stem_bytes);
    size_t bytes = whole->stem_bytes - digits;
    if (digits < 2 || digits > 4 || bytes < 2 || whole->stem[bytes - 1] != '_')
        return NULL;
    struct groups_key key = *whole;
    key.stem_bytes = bytes - 1;
    return groups_find_media(index, &key);
}

// Apple's IMG_O1234.AAE: of IMG_1234, or where that is gone, of the edited IMG_E1234.
static uint32_t find_apple_original(const struct groups_index *index,
                                    const struct groups_entry *sidecar)
{
    size_t digits = digits_at_end(sidecar->name, sidecar->stem);
    if (digits < 4 || sidecar->stem != digits + 5 || sidecar->stem > 16 ||
        groups_compare(sidecar->name, 5, "IMG_O", 5) != 0)
        return GROUPS_NOBODY;
    char stem[16];
    memcpy(stem, sidecar->name, 4);
    memcpy(stem + 4, sidecar->name + 5, digits);
    uint32_t leader = groups_find_stem(index, stem, digits + 4);
    if (leader != GROUPS_NOBODY)
        return leader;
    memcpy(stem, sidecar->name, sidecar->stem);
    stem[4] = 'E';
    return groups_find_stem(index, stem, sidecar->stem);
}

static void lead_sidecar(const struct groups_index *index, const struct groups_entry *sidecar)
{
    if (sidecar->kind == GROUP_AAE) {
        if (index->leader[sidecar->index] == GROUPS_ALONE)
            groups_follow(index, sidecar, find_apple_original(index, sidecar));
        return;
    }
    if (sidecar->kind != GROUP_XMP && sidecar->kind != GROUP_WHOLE)
        return;
    // "a.jpg.xmp" is a.jpg's even beside "a.jpg.png".
    struct groups_key whole = groups_key(sidecar->name, sidecar->stem);
    const struct groups_entry *media = groups_find_media(index, &whole);
    if (!media && sidecar->kind == GROUP_XMP)
        media = find_developed(index, &whole);
    if (media)
        groups_follow(index, sidecar, groups_leader_of(index, media));
}

enum cubby_status groups_find(const char *const *names, size_t count, size_t **leader)
{
    *leader = NULL;
    struct groups_index index = {0};
    enum cubby_status status = CUBBY_NO_MEMORY;
    size_t *leaders = count <= SIZE_MAX / sizeof(*leaders)
                          ? malloc((count ? count : 1) * sizeof(*leaders))
                          : NULL;
    if (!leaders)
        goto fail;
    for (size_t i = 0; i < count; i++)
        leaders[i] = GROUPS_ALONE;
    status = groups_index_init(&index, names, count, leaders);
    if (status)
        goto fail;
    takeout_claim_whole(&index);
    lead_runs(&index);
    for (size_t i = 0; i < index.count; i++)
        lead_odd_film(&index, &index.entries[i]);
    for (size_t i = 0; i < index.count; i++)
        lead_sidecar(&index, &index.entries[i]);
    takeout_settle(&index);
    groups_index_fini(&index);
    *leader = leaders;
    return CUBBY_OK;

fail:
    groups_index_fini(&index);
    free(leaders);
    return status;
}

static size_t stem_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && dot != name ? (size_t)(dot - name) : strlen(name);
}

static char *joined(const char *begin, size_t begin_bytes, const char *rest)
{
    size_t rest_bytes = strlen(rest);
    char *text = malloc(begin_bytes + rest_bytes + 1);
    if (!text)
        return NULL;
    memcpy(text, begin, begin_bytes);
    memcpy(text + begin_bytes, rest, rest_bytes + 1);
    return text;
}

// N of a stem that ends in " (N)"; 1: it does not, or N is none that names_numbered() gives.
static unsigned number_of(const char *name)
{
    size_t end = stem_of(name);
    if (end < 4 || name[end - 1] != ')')
        return 1;
    size_t digits = digits_at_end(name, end - 1), begin = end - 1 - digits;
    if (digits == 0 || digits > 9 || begin < 2 || name[begin - 1] != '(' || name[begin - 2] != ' ')
        return 1;
    return (unsigned)strtoul(name + begin, NULL, 10);
}

char *groups_rename(const char *member, const char *photo, const char *new_photo)
{
    if (strcmp(photo, new_photo) == 0)
        return strdup(member);
    size_t bytes = strlen(member), whole = strlen(photo), stem = stem_of(photo);
    char *name;
    if (bytes > whole && member[whole] == '.' && groups_compare(member, whole, photo, whole) == 0)
        name = joined(new_photo, strlen(new_photo), member + whole);
    else if (bytes >= stem && groups_compare(member, stem, photo, stem) == 0)
        name = joined(new_photo, stem_of(new_photo), member + stem);
    else
        name = names_numbered(member, number_of(new_photo));
    if (!name || strlen(name) <= NAMES_MAX_BYTES)
        return name;
    // The photo's name was cut to fit as well.
    char *cut = names_component(name, NAMES_FILE);
    free(name);
    return cut;
}
