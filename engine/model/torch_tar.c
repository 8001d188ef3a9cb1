// The container of torch 0.1: a tar archive of four members.
//   sys_info  pickle of a dict
//   storages  pickle of their number; for each a pickle (key, location, class), its number of
//             elements and its bytes; pickle of a list of views (key, key of the whole, first
//             element, elements)
//   tensors   pickle of their number; for each a pickle (key, key of its storage, class), then
//             dimensions and four unused bytes, sizes, strides, first element
//   pickle    the object; a tensor in it is the persistent id of its key as text
#include <stdlib.h>
#include <string.h>

#include "model/container.h"
#include "model/pickle.h"
#include "model/torch_tensor.h"

#define BLOCK_BYTES 512u
// The optimizer's tensors are in the file too, two or three for each weight.
#define MAX_ITEMS ((int64_t)4 * CHECKPOINT_MAX_TENSORS)

struct member {
    const uint8_t *at, *end; // NULL: not in the archive
};

// Both begin with the key: they are sorted and found by it.
struct storage {
    int64_t key;
    const uint8_t *data;
    uint64_t elements;
    uint32_t element_bytes;
    enum cubby_dtype dtype;
};

struct row {
    int64_t key;
    const struct storage *storage; // NULL: an empty tensor
    uint32_t rank;
    const uint8_t *numbers; // sizes, strides, offset: int64 each
};

struct reader {
    struct member sys_info, storages_member, tensors, pickle;
    struct storage *storages; // owned, sorted
    size_t storage_count, storage_capacity;
    struct row *rows; // owned, sorted
    size_t row_count, row_capacity;
    const struct cubby_log *log;
};

bool torch_tar_is(const uint8_t *data, size_t size_bytes)
{
    return size_bytes >= BLOCK_BYTES && memcmp(data + 257, "ustar", 5) == 0;
}

static enum cubby_status bad(const struct reader *r, const char *what)
{
    cubby_log(r->log, CUBBY_LOG_ERROR, "the file, a tar archive, is damaged: %s", what);
    return CUBBY_BAD_DATA;
}

// ---- the archive

// Octal digits up to a space or NUL. False: something else, as sizes from 8 GiB on have.
static bool read_octal(const uint8_t *text, size_t bytes, uint64_t *value)
{
    size_t i = 0;
    *value = 0;
    while (i < bytes && text[i] == ' ')
        ++i;
    size_t first = i;
    for (; i < bytes && text[i] >= '0' && text[i] <= '7'; ++i)
        *value = *value * 8 + (uint64_t)(text[i] - '0');
    return i > first && (i == bytes || text[i] == ' ' || text[i] == '\0');
}

static bool checksum_is_right(const uint8_t *header)
{
    uint64_t sum = 0, wanted = 0;
    for (size_t i = 0; i < BLOCK_BYTES; ++i)
        sum += i >= 148 && i < 156 ? ' ' : header[i];
    return read_octal(header + 148, 8, &wanted) && sum == wanted;
}

static struct member *member_named(struct reader *r, const uint8_t *header)
{
    const struct {
        const char *name;
        struct member *member;
    } members[] = {
        {"sys_info", &r->sys_info},
        {"storages", &r->storages_member},
        {"tensors", &r->tensors},
        {"pickle", &r->pickle},
    };
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); ++i) {
        if (strncmp((const char *)header, members[i].name, 100) == 0)
            return members[i].member;
    }
    return NULL;
}

static enum cubby_status read_members(struct reader *r, const uint8_t *data, size_t size_bytes)
{
    const uint8_t *at = data, *end = data + size_bytes;
    while ((size_t)(end - at) >= BLOCK_BYTES && at[0] != '\0') {
        const uint8_t *header = at;
        uint64_t bytes = 0;
        at += BLOCK_BYTES;
        if (!checksum_is_right(header))
            return bad(r, "the checksum of a header is wrong");
        if (!read_octal(header + 124, 12, &bytes))
            return bad(r, "a member has no sensible size");
        if (bytes > (size_t)(end - at))
            return bad(r, "it ends within a member; was the download cut short?");
        // Members of other kinds say more about the next one: its time, its owner.
        struct member *member =
            header[156] == '0' || header[156] == '\0' ? member_named(r, header) : NULL;
        if (member)
            *member = (struct member){at, at + bytes};
        size_t padding = (BLOCK_BYTES - bytes % BLOCK_BYTES) % BLOCK_BYTES;
        size_t left = (size_t)(end - at) - (size_t)bytes;
        at += (size_t)bytes + (padding < left ? padding : left);
    }
    if (r->storages_member.at && r->tensors.at && r->pickle.at)
        return CUBBY_OK;
    if (r->storages_member.at || r->tensors.at || r->pickle.at)
        return bad(r, "one of storages, tensors and pickle is missing; was the download cut "
                      "short?");
    cubby_log(r->log, CUBBY_LOG_ERROR,
              "the file is a tar archive, but not one that torch.save wrote (it has no member "
              "pickle); if a model was packed in it, unpack it first");
    return CUBBY_UNSUPPORTED;
}

static enum cubby_status next_pickle(struct reader *r, struct member *member,
                                     struct pickle **pickle)
{
    size_t left = (size_t)(member->end - member->at), used = 0;
    enum cubby_status status = pickle_parse(
        pickle, member->at, left < PICKLE_MAX_BYTES ? left : PICKLE_MAX_BYTES, &used, r->log);
    member->at += used;
    return status;
}

static enum cubby_status next_count(struct reader *r, struct member *member, int64_t *count)
{
    struct pickle *pickle = NULL;
    enum cubby_status status = next_pickle(r, member, &pickle);
    if (status)
        return status;
    bool number = pickle_integer(pickle, pickle_root(pickle), count) && *count >= 0;
    pickle_destroy(&pickle);
    if (!number)
        return bad(r, "it does not say how many storages or tensors it has");
    if (*count <= MAX_ITEMS)
        return CUBBY_OK;
    cubby_log(r->log, CUBBY_LOG_ERROR, "the file has more than %lld storages or tensors",
              (long long)MAX_ITEMS);
    return CUBBY_TOO_LARGE;
}

static enum cubby_status check_byte_order(struct reader *r)
{
    struct pickle *pickle = NULL;
    // torch itself never looks at it.
    if (!r->sys_info.at)
        return CUBBY_OK;
    enum cubby_status status = next_pickle(r, &r->sys_info, &pickle);
    if (status)
        return status;
    uint32_t order = pickle_lookup(pickle, pickle_root(pickle), "little_endian");
    const struct pickle_node *little = pickle_node(pickle, order);
    if (little->kind == PICKLE_BOOL && !little->boolean) {
        status = checkpoint_refuse_big_endian(r->log);
    }
    pickle_destroy(&pickle);
    return status;
}

// ---- sorted by key

static int compare_keys(const void *a, const void *b)
{
    int64_t first = 0, second = 0;
    memcpy(&first, a, sizeof(first));
    memcpy(&second, b, sizeof(second));
    return (first > second) - (first < second);
}

// False: a key is there twice.
static bool sort(void *items, size_t count, size_t item_bytes)
{
    if (count < 2)
        return true;
    qsort(items, count, item_bytes, compare_keys);
    const uint8_t *bytes = items;
    for (size_t i = 1; i < count; ++i) {
        if (compare_keys(bytes + (i - 1) * item_bytes, bytes + i * item_bytes) == 0)
            return false;
    }
    return true;
}

static const void *find(const void *items, size_t count, size_t item_bytes, int64_t key)
{
    return count ? bsearch(&key, items, count, item_bytes, compare_keys) : NULL;
}

static const struct storage *find_storage_among(const struct reader *r, size_t count, int64_t key)
{
    return find(r->storages, count, sizeof(*r->storages), key);
}

static bool grow(void **items, size_t *capacity, size_t count, size_t item_bytes)
{
    if (count < *capacity)
        return true;
    size_t larger = *capacity ? *capacity * 2 : 64;
    void *moved = realloc(*items, larger * item_bytes);
    if (!moved)
        return false;
    *items = moved;
    *capacity = larger;
    return true;
}

// ---- storages

static enum cubby_status add_storage(struct reader *r, const struct storage *storage)
{
    if (!grow((void **)&r->storages, &r->storage_capacity, r->storage_count, sizeof(*r->storages)))
        return CUBBY_NO_MEMORY;
    r->storages[r->storage_count++] = *storage;
    return CUBBY_OK;
}

static enum cubby_status read_storage(struct reader *r)
{
    struct member *member = &r->storages_member;
    struct storage storage = {0};
    struct pickle *pickle = NULL;
    enum cubby_status status = next_pickle(r, member, &pickle);
    if (status)
        return status;
    uint32_t root = pickle_root(pickle);
    bool known = pickle_integer(pickle, pickle_item(pickle, root, 0), &storage.key) &&
                 torch_storage_class_read(pickle, pickle_item(pickle, root, 2), &storage.dtype,
                                          &storage.element_bytes);
    pickle_destroy(&pickle);
    if (!known)
        return bad(r, "a storage has no key or an unknown type");
    size_t left = (size_t)(member->end - member->at);
    if (left < 8 || load_u64(member->at) > (left - 8) / storage.element_bytes)
        return bad(r, "a storage is longer than what the file has of it");
    storage.elements = load_u64(member->at);
    storage.data = member->at + 8;
    member->at += 8 + (size_t)storage.elements * storage.element_bytes;
    return add_storage(r, &storage);
}

static enum cubby_status read_view(struct reader *r, const struct pickle *pickle, uint32_t view,
                                   size_t whole_count)
{
    int64_t numbers[4]; // key, key of the whole, first element, elements
    for (uint32_t i = 0; i < 4; ++i) {
        if (!pickle_integer(pickle, pickle_item(pickle, view, i), &numbers[i]))
            return bad(r, "a view of a storage is not made of four numbers");
    }
    const struct storage *whole = find_storage_among(r, whole_count, numbers[1]);
    if (!whole)
        return bad(r, "a view is of a storage that the file does not have");
    if (numbers[2] < 0 || numbers[3] < 0 || (uint64_t)numbers[2] > whole->elements ||
        (uint64_t)numbers[3] > whole->elements - (uint64_t)numbers[2])
        return bad(r, "a view lies outside its storage");
    struct storage storage = *whole;
    storage.key = numbers[0];
    storage.data += (size_t)numbers[2] * storage.element_bytes;
    storage.elements = (uint64_t)numbers[3];
    return add_storage(r, &storage);
}

static enum cubby_status read_storages(struct reader *r)
{
    int64_t count = 0;
    struct pickle *views = NULL;
    enum cubby_status status = next_count(r, &r->storages_member, &count);
    for (int64_t i = 0; i < count && !status; ++i)
        status = read_storage(r);
    if (!status && !sort(r->storages, r->storage_count, sizeof(*r->storages)))
        status = bad(r, "a storage is in it twice");
    if (!status)
        status = next_pickle(r, &r->storages_member, &views);
    if (status)
        return status;

    const struct pickle_list *list = pickle_sequence(views, pickle_root(views));
    size_t whole_count = r->storage_count;
    if (!list || list->count > MAX_ITEMS)
        status = bad(r, "its list of views is missing or too long");
    for (uint32_t i = 0; !status && i < list->count; ++i)
        status = read_view(r, views, list->items[i], whole_count);
    if (!status && !sort(r->storages, r->storage_count, sizeof(*r->storages)))
        status = bad(r, "a storage is in it twice");
    pickle_destroy(&views);
    return status;
}

// ---- tensors

static enum cubby_status read_tensor(struct reader *r)
{
    struct member *member = &r->tensors;
    struct row row = {0};
    int64_t storage = 0;
    struct pickle *pickle = NULL;
    enum cubby_status status = next_pickle(r, member, &pickle);
    if (status)
        return status;
    uint32_t root = pickle_root(pickle), place = pickle_item(pickle, root, 1);
    bool empty = place != PICKLE_ABSENT && pickle_node(pickle, place)->kind == PICKLE_NONE;
    bool known = pickle_integer(pickle, pickle_item(pickle, root, 0), &row.key) &&
                 (empty || pickle_integer(pickle, place, &storage));
    pickle_destroy(&pickle);
    if (!known)
        return bad(r, "a tensor has no key or no storage");
    if (!empty) {
        row.storage = find_storage_among(r, r->storage_count, storage);
        if (!row.storage)
            return bad(r, "a tensor lies in a storage that the file does not have");
    }

    size_t left = (size_t)(member->end - member->at);
    if (left < 8)
        return bad(r, "it ends within a tensor's shape");
    row.rank = load_u32(member->at);
    row.numbers = member->at + 8;
    // Twice the dimensions, and the offset.
    if ((left - 8) / 8 < (uint64_t)row.rank * 2 + 1)
        return bad(r, "it ends within a tensor's shape");
    member->at += 8 + ((size_t)row.rank * 2 + 1) * 8;
    if (!grow((void **)&r->rows, &r->row_capacity, r->row_count, sizeof(*r->rows)))
        return CUBBY_NO_MEMORY;
    r->rows[r->row_count++] = row;
    return CUBBY_OK;
}

static enum cubby_status read_tensors(struct reader *r)
{
    int64_t count = 0;
    enum cubby_status status = next_count(r, &r->tensors, &count);
    for (int64_t i = 0; i < count && !status; ++i)
        status = read_tensor(r);
    if (!status && !sort(r->rows, r->row_count, sizeof(*r->rows)))
        status = bad(r, "a tensor is in it twice");
    return status;
}

static bool read_key(const char *text, size_t bytes, int64_t *key)
{
    size_t i = bytes > 0 && text[0] == '-' ? 1 : 0;
    uint64_t value = 0;
    // 18 digits are below 2^63; addresses have 15.
    if (bytes == i || bytes - i > 18)
        return false;
    bool negative = i == 1;
    for (; i < bytes; ++i) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *key = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

static bool find_row(void *user, const char *text, size_t bytes, struct torch_row *out)
{
    const struct reader *r = user;
    int64_t key = 0;
    if (!read_key(text, bytes, &key))
        return false;
    const struct row *row = find(r->rows, r->row_count, sizeof(*r->rows), key);
    if (!row)
        return false;
    // What is not read of them is zero: an empty tensor is one of no elements.
    static const struct storage nothing = {.dtype = CUBBY_F32, .element_bytes = 4};
    const struct storage *storage = row->storage ? row->storage : &nothing;
    *out = (struct torch_row){
        .data = storage->data,
        .elements = (int64_t)storage->elements,
        .dtype = storage->dtype,
        .element_bytes = storage->element_bytes,
        .rank = row->rank,
        .offset = (int64_t)load_u64(row->numbers + (size_t)row->rank * 16),
    };
    for (uint32_t i = 0; i < row->rank && i < CUBBY_MAX_RANK; ++i) {
        out->shape[i] = (int64_t)load_u64(row->numbers + (size_t)i * 8);
        out->strides[i] = (int64_t)load_u64(row->numbers + ((size_t)row->rank + i) * 8);
    }
    return true;
}

// Storages are named in the member tensors only.
static enum cubby_status find_storage(void *user, const char *key, size_t key_bytes,
                                      const uint8_t **data, size_t *size_bytes,
                                      const struct cubby_log *log)
{
    (void)user, (void)key, (void)key_bytes, (void)data, (void)size_bytes, (void)log;
    return CUBBY_BAD_DATA;
}

enum cubby_status torch_tar_read(struct cubby_checkpoint *checkpoint, const uint8_t *data,
                                 size_t size_bytes, const struct cubby_log *log)
{
    checkpoint->container = "torch tar";
    struct reader reader = {.log = log};
    const struct torch_storages storages = {find_storage, find_row, &reader};
    struct pickle *object = NULL;
    enum cubby_status status = read_members(&reader, data, size_bytes);
    if (!status)
        status = check_byte_order(&reader);
    if (!status)
        status = read_storages(&reader);
    if (!status)
        status = read_tensors(&reader);
    if (!status)
        status = next_pickle(&reader, &reader.pickle, &object);
    if (!status)
        status = torch_state_dict_read(checkpoint, object, &storages, log);
    pickle_destroy(&object);
    free(reader.storages);
    free(reader.rows);
    return status;
}
