#include "learn/items.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "hash_table.h"
#include "learn/items_internal.h"
#include "platform/path.h"

#define LARGE_PART 4u          // a folder with more than a 4th of its class is looked into
#define LARGE_LEAST 8u         // photos that such a folder has at least
#define BURST_GAP_SECONDS 10   // between two photos of a burst
#define BURST_SPAN_SECONDS 120 // from its first to its last
#define SAME_SECOND_MOST 30u   // photos; more: a clock that stands still tells nothing

// ---- groups that grow together

static uint32_t root_of(struct grouping *grouping, uint32_t photo)
{
    uint32_t *parent = grouping->parent;
    while (parent[photo] != photo) {
        parent[photo] = parent[parent[photo]];
        photo = parent[photo];
    }
    return photo;
}

bool grouping_same(struct grouping *grouping, uint32_t a, uint32_t b)
{
    return root_of(grouping, a) == root_of(grouping, b);
}

uint32_t grouping_size(struct grouping *grouping, uint32_t photo)
{
    return grouping->size[root_of(grouping, photo)];
}

void grouping_join(struct grouping *grouping, uint32_t a, uint32_t b, enum items_reason reason)
{
    a = root_of(grouping, a);
    b = root_of(grouping, b);
    if (a == b)
        return;
    if (b < a) { // the first photo stands for the group
        uint32_t swap = a;
        a = b;
        b = swap;
    }
    grouping->parent[b] = a;
    grouping->size[a] += grouping->size[b];
    grouping->joined[reason]++;
}

bool grouping_is_named(const struct grouping *grouping, uint32_t photo)
{
    const uint32_t *named = grouping->params->named;
    return named && named[photo] != UINT32_MAX;
}

// ---- named ones

static enum cubby_status join_named(struct grouping *grouping)
{
    const struct items_params *params = grouping->params;
    struct hash_table first = {0};
    enum cubby_status status = CUBBY_OK;
    for (uint32_t i = 0; i < params->count && !status; i++) {
        if (!grouping_is_named(grouping, i))
            continue;
        const struct photo_hash key = photo_hash_bytes(&params->named[i], sizeof(params->named[i]));
        uint64_t other;
        if (hash_table_find(&first, key, &other))
            grouping_join(grouping, (uint32_t)other, i, ITEMS_NAMED);
        else
            status = hash_table_add(&first, key, i);
    }
    hash_table_fini(&first);
    return status;
}

// ---- folders

// The length of the photo's folder `level` folders below its class folder; 0: there is none.
static size_t folder_length(const char *relative, uint32_t level)
{
    size_t length = 0;
    for (uint32_t separators = 0; relative[length]; length++)
        if (path_is_separator(relative[length]) && separators++ == level)
            return level ? length : 0;
    return 0;
}

static struct photo_hash folder_key(const struct labelled_photo *photo, uint32_t level)
{
    return photo_hash_bytes(photo->relative, folder_length(photo->relative, level));
}

// Goes one folder deeper for photos whose folder holds a large part of the class. False: nothing
// changed.
static enum cubby_status divide_large(const struct grouping *grouping, uint32_t *level,
                                      const uint32_t *class_counts, bool *changed)
{
    const struct items_params *params = grouping->params;
    struct hash_table counts = {0};
    enum cubby_status status = CUBBY_OK;
    *changed = false;
    for (size_t i = 0; i < params->count && !status; i++) {
        if (!level[i])
            continue;
        uint64_t count = 0;
        const struct photo_hash key = folder_key(&params->photos[i], level[i]);
        hash_table_find(&counts, key, &count);
        status = hash_table_add(&counts, key, count + 1);
    }
    for (size_t i = 0; i < params->count && !status; i++) {
        const struct labelled_photo *photo = &params->photos[i];
        uint64_t count = 0;
        if (!level[i] || !folder_length(photo->relative, level[i] + 1))
            continue;
        hash_table_find(&counts, folder_key(photo, level[i]), &count);
        if (count >= LARGE_LEAST && count > class_counts[photo->class_index] / LARGE_PART) {
            level[i]++;
            *changed = true;
        }
    }
    hash_table_fini(&counts);
    return status;
}

static enum cubby_status join_same_folder(struct grouping *grouping, const uint32_t *level)
{
    const struct items_params *params = grouping->params;
    struct hash_table first = {0};
    enum cubby_status status = CUBBY_OK;
    for (uint32_t i = 0; i < params->count && !status; i++) {
        if (!level[i] || grouping_is_named(grouping, i))
            continue;
        const struct photo_hash key = folder_key(&params->photos[i], level[i]);
        uint64_t other;
        if (hash_table_find(&first, key, &other))
            grouping_join(grouping, (uint32_t)other, i, ITEMS_FOLDER);
        else
            status = hash_table_add(&first, key, i);
    }
    hash_table_fini(&first);
    return status;
}

static enum cubby_status join_folders(struct grouping *grouping)
{
    const struct items_params *params = grouping->params;
    uint32_t *level = calloc(params->count, sizeof(*level));
    enum cubby_status status = level ? CUBBY_OK : CUBBY_NO_MEMORY;
    for (size_t i = 0; i < params->count && !status; i++)
        level[i] = folder_length(params->photos[i].relative, 1) > 0;
    for (bool changed = !status; changed && !status;)
        status = divide_large(grouping, level, grouping->class_counts, &changed);
    if (!status)
        status = join_same_folder(grouping, level);
    free(level);
    return status;
}

// ---- bursts

struct shot {
    const struct labelled_photo *photo;
    uint32_t index;
    int64_t seconds; // since some day
};

// Days since 1970-01-01 of a date in the Gregorian calendar (Howard Hinnant's days_from_civil).
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool read_time(const char *captured, int64_t *seconds)
{
    static const char pattern[] = "dddd-dd-dd dd:dd:dd";
    int64_t number[14];
    size_t digits = 0;
    for (size_t i = 0; pattern[i]; i++) {
        if (pattern[i] == 'd' && (captured[i] < '0' || captured[i] > '9'))
            return false;
        if (pattern[i] != 'd' && captured[i] != pattern[i])
            return false;
        if (pattern[i] == 'd')
            number[digits++] = captured[i] - '0';
    }
    int64_t year = number[0] * 1000 + number[1] * 100 + number[2] * 10 + number[3];
    int64_t month = number[4] * 10 + number[5], day = number[6] * 10 + number[7];
    *seconds = days_of(year, month, day) * 86400 + (number[8] * 10 + number[9]) * 3600 +
               (number[10] * 10 + number[11]) * 60 + number[12] * 10 + number[13];
    return true;
}

static size_t parent_length(const char *path)
{
    size_t length = strlen(path);
    while (length > 0 && !path_is_separator(path[length - 1]))
        length--;
    return length;
}

static bool same_folder(const struct shot *a, const struct shot *b)
{
    size_t length = parent_length(a->photo->relative);
    return length == parent_length(b->photo->relative) &&
           !memcmp(a->photo->relative, b->photo->relative, length);
}

// By folder, then by name.
static int compare_shots(const void *a, const void *b)
{
    const struct shot *first = a, *second = b;
    size_t lengths[] = {parent_length(first->photo->relative),
                        parent_length(second->photo->relative)};
    size_t least = lengths[0] < lengths[1] ? lengths[0] : lengths[1];
    int order = memcmp(first->photo->relative, second->photo->relative, least);
    if (!order && lengths[0] != lengths[1])
        order = lengths[0] < lengths[1] ? -1 : 1;
    return order ? order : strcmp(first->photo->relative, second->photo->relative);
}

// How many shots from the first one on make a burst with it.
static size_t burst_length(const struct shot *shots, size_t count)
{
    size_t length = 1;
    while (length < count && same_folder(shots, &shots[length])) {
        int64_t gap = llabs(shots[length].seconds - shots[length - 1].seconds);
        int64_t span = llabs(shots[length].seconds - shots[0].seconds);
        if (gap > BURST_GAP_SECONDS || span > BURST_SPAN_SECONDS)
            break;
        length++;
    }
    return length;
}

static bool clock_stands(const struct shot *shots, size_t count)
{
    size_t same = 1;
    for (size_t i = 1; i < count; i++)
        same += shots[i].seconds == shots[0].seconds;
    return same > SAME_SECOND_MOST;
}

static enum cubby_status join_bursts(struct grouping *grouping)
{
    const struct items_params *params = grouping->params;
    struct shot *shots = malloc((params->count + 1) * sizeof(*shots));
    if (!shots)
        return CUBBY_NO_MEMORY;
    size_t count = 0;
    for (uint32_t i = 0; i < params->count; i++) {
        struct shot *shot = &shots[count];
        *shot = (struct shot){.photo = &params->photos[i], .index = i};
        if (!grouping_is_named(grouping, i) && read_time(shot->photo->captured, &shot->seconds))
            count++;
    }
    qsort(shots, count, sizeof(*shots), compare_shots);
    for (size_t i = 0, length; i < count; i += length) {
        length = burst_length(&shots[i], count - i);
        if (clock_stands(&shots[i], length))
            continue;
        for (size_t k = 1; k < length; k++)
            grouping_join(grouping, shots[i].index, shots[i + k].index, ITEMS_BURST);
    }
    free(shots);
    return CUBBY_OK;
}

// ---- content

static enum cubby_status join_contents(struct grouping *grouping)
{
    const struct items_params *params = grouping->params;
    struct hash_table first = {0};
    enum cubby_status status = CUBBY_OK;
    for (uint32_t i = 0; i < params->count && !status; i++) {
        uint64_t other;
        if (grouping_is_named(grouping, i))
            continue;
        if (hash_table_find(&first, params->photos[i].hash, &other))
            grouping_join(grouping, (uint32_t)other, i, ITEMS_CONTENT);
        else
            status = hash_table_add(&first, params->photos[i].hash, i);
    }
    hash_table_fini(&first);
    return status;
}

// ---- all

static void number_groups(struct grouping *grouping, struct items *out)
{
    size_t count = grouping->params->count;
    out->count = 0;
    for (uint32_t i = 0; i < count; i++) { // roots come before the others of their group
        uint32_t root = root_of(grouping, i);
        out->group[i] = root == i ? out->count++ : out->group[root];
    }
    memcpy(out->joined, grouping->joined, sizeof(out->joined));
    out->refused = grouping->refused;
}

static enum cubby_status join_all(struct grouping *grouping)
{
    enum cubby_status status = join_named(grouping);
    if (!status)
        status = join_folders(grouping);
    if (!status)
        status = join_bursts(grouping);
    if (!status)
        status = join_contents(grouping);
    if (!status && grouping->params->read)
        status = items_join_looks(grouping);
    return status;
}

enum cubby_status items_find(struct items *out, const struct items_params *params)
{
    *out = (struct items){0};
    size_t count = params->count;
    if (count >= UINT32_MAX)
        return CUBBY_TOO_LARGE;
    struct grouping grouping = {.params = params};
    enum cubby_status status = CUBBY_NO_MEMORY;
    out->group = calloc(count + 1, sizeof(*out->group));
    grouping.parent = calloc(count + 1, sizeof(*grouping.parent));
    grouping.size = calloc(count + 1, sizeof(*grouping.size));
    grouping.class_counts = calloc(params->class_count + 1, sizeof(*grouping.class_counts));
    if (!out->group || !grouping.parent || !grouping.size || !grouping.class_counts)
        goto out;
    for (uint32_t i = 0; i < count; i++) {
        grouping.parent[i] = i;
        grouping.size[i] = 1;
        grouping.class_counts[params->photos[i].class_index]++;
    }
    status = join_all(&grouping);
    if (!status)
        number_groups(&grouping, out);

out:
    free(grouping.parent);
    free(grouping.size);
    free(grouping.class_counts);
    if (status)
        items_fini(out);
    return status;
}

void items_fini(struct items *items)
{
    free(items->group);
    *items = (struct items){0};
}
