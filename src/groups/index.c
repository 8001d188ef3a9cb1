#include "groups/index.h"

#include <stdlib.h>
#include <string.h>

#include "groups.h"

int groups_compare(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
    size_t shared = a_bytes < b_bytes ? a_bytes : b_bytes;
    for (size_t i = 0; i < shared; i++) {
        unsigned char x = group_fold(a[i]), y = group_fold(b[i]);
        if (x != y)
            return x < y ? -1 : 1;
    }
    return (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

static struct groups_key key_of(const struct groups_entry *entry)
{
    const char *ending = entry->name + entry->stem + 1;
    return (struct groups_key){entry->name, ending, entry->stem, strlen(ending)};
}

struct groups_key groups_key(const char *name, size_t bytes)
{
    size_t dot = bytes;
    while (dot > 0 && name[dot - 1] != '.')
        dot--;
    if (dot == 0)
        return (struct groups_key){name, name, bytes, 0};
    return (struct groups_key){name, name + dot, dot - 1, bytes - dot};
}

static int compare_keys(const struct groups_key *a, const struct groups_key *b)
{
    int order = groups_compare(a->stem, a->stem_bytes, b->stem, b->stem_bytes);
    return order ? order : groups_compare(a->ending, a->ending_bytes, b->ending, b->ending_bytes);
}

static int compare_entries(const void *a, const void *b)
{
    const struct groups_entry *x = a, *y = b;
    struct groups_key p = key_of(x), q = key_of(y);
    int order = compare_keys(&p, &q);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static enum group_kind kind_of(const char *name, size_t *stem)
{
    enum group_kind kind = group_kind(name, stem);
    bool longer = kind != GROUP_NONE && strlen(name) >= GROUPS_LONGEST_NAME;
    return longer ? GROUP_NONE : kind;
}

enum cubby_status groups_index_init(struct groups_index *index, const char *const *names,
                                    size_t count, size_t *leader)
{
    *index = (struct groups_index){.leader = leader};
    if (count >= GROUPS_NOBODY)
        return CUBBY_NO_MEMORY; // a folder of 4 thousand million names does not fit anyway
    size_t known = 0, followers = 0, stem = 0;
    for (size_t i = 0; i < count; i++) {
        enum group_kind kind = kind_of(names[i], &stem);
        known += kind != GROUP_NONE;
        followers += !group_always_leads(kind);
    }
    if (followers == 0) // nothing to be found: most folders
        return CUBBY_OK;
    index->entries = calloc(known, sizeof(*index->entries));
    if (!index->entries)
        return CUBBY_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        enum group_kind kind = kind_of(names[i], &stem);
        if (kind == GROUP_NONE)
            continue;
        index->entries[index->count++] = (struct groups_entry){.name = names[i],
                                                               .index = (uint32_t)i,
                                                               .run_leader = GROUPS_NOBODY,
                                                               .claimed_by = GROUPS_NOBODY,
                                                               .stem = (uint16_t)stem,
                                                               .kind = (uint8_t)kind};
    }
    qsort(index->entries, index->count, sizeof(*index->entries), compare_entries);
    return CUBBY_OK;
}

void groups_index_fini(struct groups_index *index)
{
    free(index->entries);
    *index = (struct groups_index){0};
}

// The first entry that is not before the key.
static size_t lower_bound(const struct groups_index *index, const struct groups_key *key)
{
    size_t low = 0, high = index->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct groups_key at = key_of(&index->entries[middle]);
        if (compare_keys(&at, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool has_key(const struct groups_index *index, size_t at, const struct groups_key *key)
{
    if (at >= index->count)
        return false;
    struct groups_key found = key_of(&index->entries[at]);
    return compare_keys(&found, key) == 0;
}

struct groups_entry *groups_find_file(const struct groups_index *index,
                                      const struct groups_key *key)
{
    size_t at = lower_bound(index, key);
    bool only = has_key(index, at, key) && !has_key(index, at + 1, key);
    return only ? &index->entries[at] : NULL;
}

struct groups_entry *groups_find_media(const struct groups_index *index,
                                       const struct groups_key *key)
{
    struct groups_entry *entry = groups_find_file(index, key);
    return entry && (group_is_photo(entry->kind) || group_is_film(entry->kind)) ? entry : NULL;
}

uint32_t groups_find_stem(const struct groups_index *index, const char *stem, size_t bytes)
{
    struct groups_key key = {stem, stem, bytes, 0};
    size_t at = lower_bound(index, &key);
    if (at == index->count)
        return GROUPS_NOBODY;
    const struct groups_entry *first = &index->entries[at];
    bool found = groups_compare(first->name, first->stem, stem, bytes) == 0;
    return found ? first->run_leader : GROUPS_NOBODY;
}

uint32_t groups_leader_of(const struct groups_index *index, const struct groups_entry *media)
{
    size_t leader = index->leader[media->index];
    if (leader != GROUPS_ALONE)
        return (uint32_t)leader;
    return group_is_photo(media->kind) ? media->index : GROUPS_NOBODY;
}

void groups_follow(const struct groups_index *index, const struct groups_entry *member,
                   uint32_t leader)
{
    index->leader[member->index] = leader == GROUPS_NOBODY ? GROUPS_ALONE : leader;
}
