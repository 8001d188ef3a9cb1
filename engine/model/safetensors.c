#include "model/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "model/container.h"
#include "model/text.h"

// Every tensor takes 10 JSON values and keys, and one more for each dimension.
#define MAX_HEADER_VALUES ((size_t)16 * CHECKPOINT_MAX_TENSORS)
#define MAX_METADATA 10000u
#define MAX_HEADER_DEPTH 3u // table, tensor, shape

// Widths of the format's types. F4 and F6 types fill bytes only together.
static const struct {
    const char *name;
    enum cubby_dtype dtype;
    uint32_t bits;
} types[] = {
    {"F32", CUBBY_F32, 32},          {"F16", CUBBY_F16, 16},      {"BF16", CUBBY_BF16, 16},
    {"F64", CUBBY_F64, 64},          {"I64", CUBBY_I64, 64},      {"BOOL", CUBBY_OTHER, 8},
    {"U8", CUBBY_OTHER, 8},          {"I8", CUBBY_OTHER, 8},      {"U16", CUBBY_OTHER, 16},
    {"I16", CUBBY_OTHER, 16},        {"U32", CUBBY_OTHER, 32},    {"I32", CUBBY_OTHER, 32},
    {"U64", CUBBY_OTHER, 64},        {"C64", CUBBY_OTHER, 64},    {"F8_E5M2", CUBBY_OTHER, 8},
    {"F8_E4M3", CUBBY_OTHER, 8},     {"F8_E8M0", CUBBY_OTHER, 8}, {"F8_E4M3FNUZ", CUBBY_OTHER, 8},
    {"F8_E5M2FNUZ", CUBBY_OTHER, 8}, {"F4", CUBBY_OTHER, 4},      {"F6_E2M3", CUBBY_OTHER, 6},
    {"F6_E3M2", CUBBY_OTHER, 6},
};

struct extent {
    uint64_t begin, end;
};

struct reader {
    struct cubby_checkpoint *checkpoint;
    const uint8_t *data; // behind the header
    uint64_t data_bytes;
    struct extent *extents; // owned, one a tensor
    const struct cubby_log *log;
};

static enum cubby_status damaged(const struct reader *reader, const char *name, const char *what)
{
    cubby_log(reader->log, CUBBY_LOG_ERROR, "the safetensors file is damaged: tensor %.200s %s",
              name, what);
    return CUBBY_BAD_DATA;
}

// jansson reads 4e0 as a real, so an integer here was written as plain digits.
static bool read_size(const json_t *value, int64_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = json_integer_value(value);
    return true;
}

static enum cubby_status read_shape(const struct reader *reader, const char *name,
                                    const json_t *shape, struct cubby_tensor *tensor)
{
    if (!json_is_array(shape))
        return damaged(reader, name, "has no shape");
    size_t rank = json_array_size(shape);
    if (rank > CUBBY_MAX_RANK) {
        cubby_log(reader->log, CUBBY_LOG_ERROR, "tensor %.200s has %zu dimensions, the limit is %u",
                  name, rank, CUBBY_MAX_RANK);
        return CUBBY_TOO_LARGE;
    }
    tensor->rank = (uint32_t)rank;
    for (size_t i = 0; i < rank; ++i) {
        if (!read_size(json_array_get(shape, i), &tensor->shape[i]))
            return damaged(reader, name, "has a shape that is not made of whole numbers");
    }
    if (!tensor_shape_is_sane(tensor))
        return damaged(reader, name, "has an impossible shape");
    tensor_set_contiguous(tensor);
    return CUBBY_OK;
}

static enum cubby_status read_extent(const struct reader *reader, const char *name,
                                     const json_t *offsets, uint64_t needed_bits,
                                     struct extent *extent)
{
    int64_t begin = 0, end = 0;
    if (!json_is_array(offsets) || json_array_size(offsets) != 2 ||
        !read_size(json_array_get(offsets, 0), &begin) ||
        !read_size(json_array_get(offsets, 1), &end))
        return damaged(reader, name, "has no data_offsets");
    if (end < begin || (uint64_t)end > reader->data_bytes)
        return damaged(reader, name, "lies outside the file; was the download cut short?");
    if (needed_bits % 8 || (uint64_t)(end - begin) != needed_bits / 8)
        return damaged(reader, name, "has another size than its shape and type need");
    *extent = (struct extent){(uint64_t)begin, (uint64_t)end};
    return CUBBY_OK;
}

static enum cubby_status read_tensor(struct reader *reader, const char *name, size_t name_bytes,
                                     const json_t *entry)
{
    // Checked first, because the messages below print the name.
    if (!text_is_clean(name, name_bytes)) {
        cubby_log(reader->log, CUBBY_LOG_ERROR,
                  "the safetensors file is damaged: a tensor name holds control characters");
        return CUBBY_BAD_DATA;
    }
    struct cubby_tensor tensor = {0};
    const char *type = json_string_value(json_object_get(entry, "dtype"));
    size_t index = 0, count = sizeof(types) / sizeof(types[0]);
    while (type && index < count && strcmp(type, types[index].name) != 0)
        ++index;
    if (!type || index == count)
        return damaged(reader, name, "has an unknown dtype");
    tensor.dtype = types[index].dtype;

    enum cubby_status status = read_shape(reader, name, json_object_get(entry, "shape"), &tensor);
    if (status)
        return status;
    uint64_t bits = cubby_tensor_elements(&tensor) * types[index].bits;
    struct extent *extent = &reader->extents[reader->checkpoint->tensor_count];
    status = read_extent(reader, name, json_object_get(entry, "data_offsets"), bits, extent);
    if (status)
        return status;
    tensor.data = reader->data + extent->begin;
    tensor.available_bytes = (size_t)(extent->end - extent->begin);
    return checkpoint_add_tensor(reader->checkpoint, &tensor, name, name_bytes, reader->log);
}

static enum cubby_status read_metadata(struct reader *reader, json_t *table)
{
    if (!json_is_object(table)) {
        cubby_log(reader->log, CUBBY_LOG_ERROR,
                  "the safetensors file is damaged: __metadata__ is not an object");
        return CUBBY_BAD_DATA;
    }
    if (json_object_size(table) > MAX_METADATA) {
        cubby_log(reader->log, CUBBY_LOG_ERROR,
                  "the safetensors file has %zu entries in __metadata__, the limit is %u",
                  json_object_size(table), MAX_METADATA);
        return CUBBY_TOO_LARGE;
    }
    const char *key;
    size_t key_bytes;
    json_t *value;
    json_object_keylen_foreach(table, key, key_bytes, value)
    {
        if (!json_is_string(value)) {
            cubby_log(reader->log, CUBBY_LOG_ERROR,
                      "the safetensors file is damaged: __metadata__ holds something else than "
                      "strings");
            return CUBBY_BAD_DATA;
        }
        enum cubby_status status =
            checkpoint_add_text(reader->checkpoint, key, key_bytes, json_string_value(value),
                                json_string_length(value));
        if (status)
            return status;
    }
    return CUBBY_OK;
}

static int compare_extents(const void *a, const void *b)
{
    const struct extent *first = a, *second = b;
    if (first->begin != second->begin)
        return first->begin < second->begin ? -1 : 1;
    return (first->end > second->end) - (first->end < second->end);
}

// The tensors must tile the data exactly: no hole could hide something, no overlap could make two
// tensors of one piece.
static enum cubby_status check_tiling(const struct reader *reader)
{
    size_t count = reader->checkpoint->tensor_count;
    qsort(reader->extents, count, sizeof(*reader->extents), compare_extents);
    uint64_t end = 0;
    for (size_t i = 0; i < count; ++i) {
        if (reader->extents[i].begin != end) {
            cubby_log(reader->log, CUBBY_LOG_ERROR,
                      "the safetensors file is damaged: its tensors %s at byte %llu of the data",
                      reader->extents[i].begin < end ? "overlap" : "leave a hole",
                      (unsigned long long)end);
            return CUBBY_BAD_DATA;
        }
        end = reader->extents[i].end;
    }
    if (end != reader->data_bytes) {
        cubby_log(reader->log, CUBBY_LOG_ERROR,
                  "the safetensors file is damaged: its tensors end at byte %llu of the data, the "
                  "file at %llu",
                  (unsigned long long)end, (unsigned long long)reader->data_bytes);
        return CUBBY_BAD_DATA;
    }
    return CUBBY_OK;
}

static enum cubby_status read_table(struct reader *reader, json_t *table)
{
    if (json_object_size(table) > CHECKPOINT_MAX_TENSORS + 1) {
        cubby_log(reader->log, CUBBY_LOG_ERROR, "the file has more than %u tensors",
                  CHECKPOINT_MAX_TENSORS);
        return CUBBY_TOO_LARGE;
    }
    reader->extents = calloc(json_object_size(table) + 1, sizeof(*reader->extents));
    if (!reader->extents)
        return CUBBY_NO_MEMORY;

    const char *key;
    size_t key_bytes;
    json_t *value;
    json_object_keylen_foreach(table, key, key_bytes, value)
    {
        bool metadata = strcmp(key, "__metadata__") == 0;
        enum cubby_status status =
            metadata ? read_metadata(reader, value) : read_tensor(reader, key, key_bytes, value);
        if (status)
            return status;
    }
    return check_tiling(reader);
}

enum cubby_status safetensors_read(struct cubby_checkpoint *checkpoint, const uint8_t *data,
                                   size_t size_bytes, const struct cubby_log *log)
{
    checkpoint->container = "safetensors";
    struct reader reader = {.checkpoint = checkpoint, .log = log};
    json_t *table = NULL;

    uint64_t header_bytes = size_bytes >= 8 ? load_u64(data) : 0;
    if (header_bytes > SAFETENSORS_MAX_HEADER_BYTES) {
        cubby_log(log, CUBBY_LOG_ERROR,
                  "the safetensors header claims %llu bytes, the limit is %u: not a safetensors "
                  "file, or damaged",
                  (unsigned long long)header_bytes, SAFETENSORS_MAX_HEADER_BYTES);
        return CUBBY_TOO_LARGE;
    }
    if (header_bytes < 2 || header_bytes > size_bytes - 8) {
        cubby_log(log, CUBBY_LOG_ERROR,
                  "the safetensors header of %llu bytes does not fit a file of %zu bytes; was the "
                  "download cut short?",
                  (unsigned long long)header_bytes, size_bytes);
        return CUBBY_BAD_DATA;
    }
    reader.data = data + 8 + header_bytes;
    reader.data_bytes = size_bytes - 8 - header_bytes;

    enum cubby_status status = CUBBY_BAD_DATA;
    if (data[8] != '{') {
        cubby_log(log, CUBBY_LOG_ERROR, "the safetensors header does not begin with a brace");
        goto out;
    }
    status = text_load_json(&table, (const char *)data + 8, (size_t)header_bytes, MAX_HEADER_VALUES,
                            MAX_HEADER_DEPTH, "the safetensors header", log);
    if (status)
        goto out;
    status = read_table(&reader, table);

out:
    json_decref(table);
    free(reader.extents);
    return status;
}
