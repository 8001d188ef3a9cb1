#include "model/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "model/container.h"

struct piece {
    const struct cubby_tensor *tensor;
    enum cubby_dtype dtype; // as written
    size_t size_bytes;
};

static const char *format_name(enum cubby_dtype dtype)
{
    switch (dtype) {
    case CUBBY_F16:
        return "F16";
    case CUBBY_BF16:
        return "BF16";
    case CUBBY_I64:
        return "I64";
    default:
        return "F32";
    }
}

// Wide types first, as the library orders them, so that every tensor is aligned; then by name.
static int compare_pieces(const void *a, const void *b)
{
    const struct piece *first = a, *second = b;
    size_t width = tensor_element_bytes(first->dtype);
    size_t other = tensor_element_bytes(second->dtype);
    if (width != other)
        return width > other ? -1 : 1;
    return strcmp(first->tensor->name, second->tensor->name);
}

static enum cubby_status make_pieces(struct piece *pieces, const struct cubby_tensor *tensors,
                                     size_t count, size_t *total, const struct cubby_log *log)
{
    *total = 0;
    for (size_t i = 0; i < count; ++i) {
        enum cubby_dtype dtype = tensors[i].dtype == CUBBY_F64 ? CUBBY_F32 : tensors[i].dtype;
        if (dtype == CUBBY_OTHER) {
            cubby_log(log, CUBBY_LOG_ERROR, "tensor %.200s has a type that cannot be written",
                      tensors[i].name);
            return CUBBY_UNSUPPORTED;
        }
        uint64_t bytes = cubby_tensor_elements(&tensors[i]) * tensor_element_bytes(dtype);
        if (bytes > SIZE_MAX / 2 - *total)
            return CUBBY_NO_MEMORY;
        pieces[i] = (struct piece){&tensors[i], dtype, (size_t)bytes};
        *total += (size_t)bytes;
    }
    qsort(pieces, count, sizeof(*pieces), compare_pieces);
    return CUBBY_OK;
}

static json_t *make_entry(const struct piece *piece, size_t offset)
{
    json_t *shape = json_array();
    for (uint32_t i = 0; i < piece->tensor->rank; ++i)
        json_array_append_new(shape, json_integer(piece->tensor->shape[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", format_name(piece->dtype), "shape", shape,
                     "data_offsets", (json_int_t)offset, (json_int_t)(offset + piece->size_bytes));
}

// NULL when memory runs out, or when a text is not UTF-8 (our callers have checked theirs).
static char *make_header(const struct piece *pieces, size_t count,
                         const struct safetensors_text *texts, size_t text_count)
{
    json_t *table = json_object(), *metadata = json_object();
    char *header = NULL;
    for (size_t i = 0; i < text_count; ++i) {
        if (json_object_set_new(metadata, texts[i].key, json_string(texts[i].value)))
            goto out;
    }
    if (text_count > 0 && json_object_set(table, "__metadata__", metadata))
        goto out;
    size_t offset = 0;
    for (size_t i = 0; i < count; ++i) {
        if (json_object_set_new(table, pieces[i].tensor->name, make_entry(&pieces[i], offset)))
            goto out;
        offset += pieces[i].size_bytes;
    }
    header = json_dumps(table, JSON_COMPACT);

out:
    json_decref(metadata);
    json_decref(table);
    return header;
}

static enum cubby_status write_piece(const struct piece *piece, uint8_t *to)
{
    if (piece->tensor->dtype == piece->dtype) {
        tensor_gather(piece->tensor, to);
        return CUBBY_OK;
    }
    // Not straight into the file: the data need not be aligned for floats.
    float *values = malloc(piece->size_bytes ? piece->size_bytes : 1);
    if (!values)
        return CUBBY_NO_MEMORY;
    enum cubby_status status = cubby_tensor_read_f32(piece->tensor, values);
    if (!status)
        memcpy(to, values, piece->size_bytes);
    free(values);
    return status;
}

enum cubby_status safetensors_write(void **data, size_t *size_bytes,
                                    const struct cubby_tensor *tensors, size_t tensor_count,
                                    const struct safetensors_text *texts, size_t text_count,
                                    const struct cubby_log *log)
{
    *data = NULL;
    *size_bytes = 0;
    char *header = NULL;
    uint8_t *file = NULL;
    enum cubby_status status = CUBBY_NO_MEMORY;

    struct piece *pieces = calloc(tensor_count ? tensor_count : 1, sizeof(*pieces));
    if (!pieces)
        goto out;
    size_t total = 0;
    status = make_pieces(pieces, tensors, tensor_count, &total, log);
    if (status)
        goto out;

    status = CUBBY_NO_MEMORY;
    header = make_header(pieces, tensor_count, texts, text_count);
    if (!header)
        goto out;
    size_t text_bytes = strlen(header);
    size_t header_bytes = (text_bytes + 7) / 8 * 8;
    if (header_bytes > SAFETENSORS_MAX_HEADER_BYTES) {
        cubby_log(log, CUBBY_LOG_ERROR,
                  "the header of the model would have %zu bytes, the limit "
                  "is %u",
                  header_bytes, SAFETENSORS_MAX_HEADER_BYTES);
        status = CUBBY_TOO_LARGE;
        goto out;
    }
    file = malloc(8 + header_bytes + total);
    if (!file)
        goto out;
    for (size_t i = 0; i < 8; ++i)
        file[i] = (uint8_t)(header_bytes >> 8 * i);
    memset(file + 8, ' ', header_bytes);
    memcpy(file + 8, header, text_bytes);

    uint8_t *to = file + 8 + header_bytes;
    status = CUBBY_OK;
    for (size_t i = 0; i < tensor_count && !status; ++i) {
        status = write_piece(&pieces[i], to);
        to += pieces[i].size_bytes;
    }
    if (status)
        goto out;
    *data = file;
    *size_bytes = 8 + header_bytes + total;
    file = NULL;

out:
    free(file);
    free(header);
    free(pieces);
    return status;
}
