// The container of torch before 1.6: five pickles one behind the other (magic number, version,
// system, object, keys of the storages), then for each key its number of elements and its bytes.
#include <stdlib.h>
#include <string.h>

#include "model/container.h"
#include "model/pickle.h"
#include "model/torch_tensor.h"

#define LEGACY_VERSION 1001
// Each tensor names its storage anew; an optimizer has two or three for each weight.
#define MAX_IDS (4 * CHECKPOINT_MAX_TENSORS)

// A storage as the object names it. Its place is known once the end of the file has been read.
struct storage {
    const char *key; // borrowed from the file, not terminated
    size_t key_bytes;
    uint64_t elements;
    uint32_t element_bytes;
    const uint8_t *data; // NULL: not met
};

struct reader {
    const uint8_t *at, *end;
    const struct cubby_log *log;
    struct storage *storages; // owned, sorted by key
    size_t count, capacity;
};

// The integer 0x1950a86a20f9469cfc6c behind the prologue of whatever pickle protocol.
bool torch_legacy_is(const uint8_t *data, size_t size_bytes)
{
    static const uint8_t magic[] = {0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46,
                                    0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
    if (size_bytes == 0 || data[0] != 0x80)
        return false;
    for (size_t offset = 2; offset <= 11 && offset + sizeof(magic) <= size_bytes; ++offset) {
        if (memcmp(data + offset, magic, sizeof(magic)) == 0)
            return true;
    }
    return false;
}

static enum cubby_status bad(const struct reader *r, const char *what)
{
    cubby_log(r->log, CUBBY_LOG_ERROR, "the file in torch's old format is damaged: %s", what);
    return CUBBY_BAD_DATA;
}

static enum cubby_status next_pickle(struct reader *r, struct pickle **pickle)
{
    size_t left = (size_t)(r->end - r->at), used = 0;
    enum cubby_status status = pickle_parse(
        pickle, r->at, left < PICKLE_MAX_BYTES ? left : PICKLE_MAX_BYTES, &used, r->log);
    r->at += used;
    return status;
}

// Magic number, version and system.
static enum cubby_status read_start(struct reader *r)
{
    struct pickle *pickle = NULL;
    int64_t version = 0;
    enum cubby_status status = next_pickle(r, &pickle);
    pickle_destroy(&pickle);
    if (!status)
        status = next_pickle(r, &pickle);
    if (status)
        return status;
    bool known = pickle_integer(pickle, pickle_root(pickle), &version) && version == LEGACY_VERSION;
    pickle_destroy(&pickle);
    if (!known)
        return bad(r, "its version is not 1001");

    status = next_pickle(r, &pickle);
    if (status)
        return status;
    uint32_t order = pickle_lookup(pickle, pickle_root(pickle), "little_endian");
    const struct pickle_node *little = pickle_node(pickle, order);
    if (little->kind != PICKLE_BOOL) {
        status = bad(r, "it does not say its byte order");
    } else if (!little->boolean) {
        status = checkpoint_refuse_big_endian(r->log);
    }
    pickle_destroy(&pickle);
    return status;
}

// ---- the storages that the object names

static int compare_storages(const void *a, const void *b)
{
    const struct storage *first = a, *second = b;
    size_t shorter = first->key_bytes < second->key_bytes ? first->key_bytes : second->key_bytes;
    int order = memcmp(first->key, second->key, shorter);
    return order ? order
                 : (first->key_bytes > second->key_bytes) - (first->key_bytes < second->key_bytes);
}

static enum cubby_status add_storage(struct reader *r, const struct torch_storage_id *id)
{
    if (r->count >= MAX_IDS) {
        cubby_log(r->log, CUBBY_LOG_ERROR, "the file names its storages more than %u times",
                  MAX_IDS);
        return CUBBY_TOO_LARGE;
    }
    if (r->count == r->capacity) {
        size_t capacity = r->capacity ? r->capacity * 2 : 256;
        struct storage *grown = realloc(r->storages, capacity * sizeof(*grown));
        if (!grown)
            return CUBBY_NO_MEMORY;
        r->storages = grown;
        r->capacity = capacity;
    }
    r->storages[r->count++] = (struct storage){.key = id->key,
                                               .key_bytes = id->key_bytes,
                                               .elements = (uint64_t)id->elements,
                                               .element_bytes = id->element_bytes};
    return CUBBY_OK;
}

// Every persistent id of the pickle, those of an optimizer too: their bytes must be stepped over.
static enum cubby_status collect(struct reader *r, const struct pickle *pickle)
{
    for (uint32_t i = 0; i < pickle_node_count(pickle); ++i) {
        struct torch_storage_id id;
        // Module classes are persistent ids as well.
        if (!torch_storage_id_read(pickle, i, &id))
            continue;
        enum cubby_status status = add_storage(r, &id);
        if (status)
            return status;
    }
    if (pickle_is_spent(pickle))
        return pickle_refuse_spent(r->log);
    if (r->count > 1)
        qsort(r->storages, r->count, sizeof(*r->storages), compare_storages);
    size_t kept = 0;
    for (size_t i = 0; i < r->count; ++i) {
        const struct storage *last = kept ? &r->storages[kept - 1] : NULL;
        if (!last || compare_storages(last, &r->storages[i]) != 0)
            r->storages[kept++] = r->storages[i];
        else if (last->element_bytes != r->storages[i].element_bytes ||
                 last->elements != r->storages[i].elements)
            return bad(r, "a storage has two types or sizes");
    }
    r->count = kept;
    return CUBBY_OK;
}

static struct storage *find(const struct reader *r, const char *key, size_t key_bytes)
{
    const struct storage wanted = {.key = key, .key_bytes = key_bytes};
    return r->count
               ? bsearch(&wanted, r->storages, r->count, sizeof(*r->storages), compare_storages)
               : NULL;
}

// ---- the bytes

static enum cubby_status place_storage(struct reader *r, const struct pickle_node *key)
{
    struct storage *storage =
        key->kind == PICKLE_STRING ? find(r, key->text.data, key->text.size_bytes) : NULL;
    if (!storage)
        return bad(r, "it has a storage that no tensor names");
    if (storage->data)
        return bad(r, "a storage is in it twice");
    size_t left = (size_t)(r->end - r->at);
    if (left < 8)
        return bad(r, "it ends before its last storage; was the download cut short?");
    if (load_u64(r->at) != storage->elements)
        return bad(r, "a storage has another size than its tensors say");
    if (storage->elements > (left - 8) / storage->element_bytes)
        return bad(r, "it ends before its last storage; was the download cut short?");
    storage->data = r->at + 8;
    r->at += 8 + (size_t)storage->elements * storage->element_bytes;
    return CUBBY_OK;
}

static enum cubby_status place_storages(struct reader *r)
{
    struct pickle *keys = NULL;
    enum cubby_status status = next_pickle(r, &keys);
    if (status)
        return status;
    const struct pickle_list *list = pickle_sequence(keys, pickle_root(keys));
    if (!list)
        status = bad(r, "its list of storages is missing");
    for (uint32_t i = 0; !status && i < list->count; ++i)
        status = place_storage(r, pickle_node(keys, list->items[i]));
    pickle_destroy(&keys);
    if (!status && r->at != r->end)
        status = bad(r, "something follows its last storage");
    return status;
}

static enum cubby_status find_storage(void *user, const char *key, size_t key_bytes,
                                      const uint8_t **data, size_t *size_bytes,
                                      const struct cubby_log *log)
{
    (void)log;
    const struct storage *storage = find(user, key, key_bytes);
    if (!storage || !storage->data)
        return CUBBY_BAD_DATA;
    *data = storage->data;
    *size_bytes = (size_t)storage->elements * storage->element_bytes;
    return CUBBY_OK;
}

enum cubby_status torch_legacy_read(struct cubby_checkpoint *checkpoint, const uint8_t *data,
                                    size_t size_bytes, const struct cubby_log *log)
{
    checkpoint->container = "torch legacy";
    struct reader reader = {.at = data, .end = data + size_bytes, .log = log};
    const struct torch_storages storages = {.find = find_storage, .user = &reader};
    struct pickle *object = NULL;
    enum cubby_status status = read_start(&reader);
    if (!status)
        status = next_pickle(&reader, &object);
    if (!status)
        status = collect(&reader, object);
    if (!status)
        status = place_storages(&reader);
    if (!status)
        status = torch_state_dict_read(checkpoint, object, &storages, log);
    pickle_destroy(&object);
    free(reader.storages);
    return status;
}
