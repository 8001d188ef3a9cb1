#include "model/container.h"

#include <stdlib.h>
#include <string.h>

#include "model/text.h"

// Grows an array by doubling so that one more fits.
static bool grow(void **array, size_t *capacity, size_t count, size_t element_bytes)
{
    if (count < *capacity)
        return true;
    size_t larger = *capacity ? *capacity * 2 : 64;
    void *moved = realloc(*array, larger * element_bytes);
    if (!moved)
        return false;
    *array = moved;
    *capacity = larger;
    return true;
}

enum cubby_status checkpoint_add_tensor(struct cubby_checkpoint *checkpoint,
                                        const struct cubby_tensor *tensor, const char *name,
                                        size_t name_bytes, const struct cubby_log *log)
{
    if (name_bytes > CHECKPOINT_MAX_NAME_BYTES) {
        cubby_log(log, CUBBY_LOG_ERROR, "a tensor name has %zu bytes, the limit is %u", name_bytes,
                  CHECKPOINT_MAX_NAME_BYTES);
        return CUBBY_TOO_LARGE;
    }
    if (!text_is_clean(name, name_bytes)) {
        cubby_log(log, CUBBY_LOG_ERROR,
                  "the name of tensor %zu is not valid UTF-8 or holds control characters: the file "
                  "is damaged",
                  checkpoint->tensor_count);
        return CUBBY_BAD_DATA;
    }
    if (checkpoint->tensor_count >= CHECKPOINT_MAX_TENSORS) {
        cubby_log(log, CUBBY_LOG_ERROR, "the file has more than %u tensors",
                  CHECKPOINT_MAX_TENSORS);
        return CUBBY_TOO_LARGE;
    }
    if (!grow((void **)&checkpoint->tensors, &checkpoint->tensor_capacity, checkpoint->tensor_count,
              sizeof(*checkpoint->tensors)))
        return CUBBY_NO_MEMORY;
    char *copy = arena_copy(&checkpoint->arena, name, name_bytes);
    if (!copy)
        return CUBBY_NO_MEMORY;

    struct cubby_tensor *added = &checkpoint->tensors[checkpoint->tensor_count++];
    *added = *tensor;
    added->name = copy;
    return CUBBY_OK;
}

enum cubby_status checkpoint_add_text(struct cubby_checkpoint *checkpoint, const char *key,
                                      size_t key_bytes, const char *value, size_t value_bytes)
{
    if (!grow((void **)&checkpoint->metadata, &checkpoint->metadata_capacity,
              checkpoint->metadata_count, sizeof(*checkpoint->metadata)))
        return CUBBY_NO_MEMORY;
    struct checkpoint_text text = {
        .key = arena_copy(&checkpoint->arena, key, key_bytes),
        .value = arena_copy(&checkpoint->arena, value, value_bytes),
    };
    if (!text.key || !text.value)
        return CUBBY_NO_MEMORY;
    checkpoint->metadata[checkpoint->metadata_count++] = text;
    return CUBBY_OK;
}

enum cubby_status checkpoint_add_conv(struct cubby_checkpoint *checkpoint, size_t tensor,
                                      uint32_t stride, uint32_t pad)
{
    if (!grow((void **)&checkpoint->convs, &checkpoint->conv_capacity, checkpoint->conv_count,
              sizeof(*checkpoint->convs)))
        return CUBBY_NO_MEMORY;
    checkpoint->convs[checkpoint->conv_count++] = (struct checkpoint_conv){tensor, stride, pad};
    return CUBBY_OK;
}

static int compare_convs(const void *a, const void *b)
{
    const struct checkpoint_conv *first = a, *second = b;
    return (first->tensor > second->tensor) - (first->tensor < second->tensor);
}

const struct checkpoint_conv *checkpoint_find_conv(const struct cubby_checkpoint *checkpoint,
                                                   const struct cubby_tensor *weight)
{
    const struct checkpoint_conv key = {.tensor = (size_t)(weight - checkpoint->tensors)};
    return checkpoint->conv_count ? bsearch(&key, checkpoint->convs, checkpoint->conv_count,
                                            sizeof(key), compare_convs)
                                  : NULL;
}

enum cubby_status checkpoint_refuse_big_endian(const struct cubby_log *log)
{
    cubby_log(log, CUBBY_LOG_ERROR,
              "the file was saved on a big-endian machine; load it in torch and save it again on a "
              "little-endian one");
    return CUBBY_UNSUPPORTED;
}

static int compare_names(const void *a, const void *b)
{
    const struct cubby_tensor *const *first = a, *const *second = b;
    return strcmp((*first)->name, (*second)->name);
}

static enum cubby_status index_names(struct cubby_checkpoint *checkpoint,
                                     const struct cubby_log *log)
{
    size_t count = checkpoint->tensor_count;
    checkpoint->by_name = calloc(count ? count : 1, sizeof(const struct cubby_tensor *));
    if (!checkpoint->by_name)
        return CUBBY_NO_MEMORY;
    for (size_t i = 0; i < count; ++i)
        checkpoint->by_name[i] = &checkpoint->tensors[i];
    qsort(checkpoint->by_name, count, sizeof(const struct cubby_tensor *), compare_names);

    for (size_t i = 1; i < count; ++i) {
        if (compare_names(&checkpoint->by_name[i - 1], &checkpoint->by_name[i]) == 0) {
            cubby_log(log, CUBBY_LOG_ERROR, "two tensors are named %s: the file is damaged",
                      checkpoint->by_name[i]->name);
            return CUBBY_BAD_DATA;
        }
    }
    return CUBBY_OK;
}

// Forgets all tensors whose name does not begin with the prefix.
static enum cubby_status keep_part(struct cubby_checkpoint *checkpoint, const struct cubby_log *log)
{
    const char *prefix = checkpoint->prefix ? checkpoint->prefix : "";
    size_t kept = 0, convs = 0, conv = 0;
    for (size_t i = 0; i < checkpoint->tensor_count; ++i) {
        bool keep = strncmp(checkpoint->tensors[i].name, prefix, strlen(prefix)) == 0;
        for (; conv < checkpoint->conv_count && checkpoint->convs[conv].tensor == i; ++conv) {
            checkpoint->convs[convs] = checkpoint->convs[conv];
            checkpoint->convs[convs].tensor = kept;
            convs += keep;
        }
        checkpoint->tensors[kept] = checkpoint->tensors[i];
        kept += keep;
    }
    const char *first = checkpoint->tensor_count ? checkpoint->tensors[0].name : "";
    if (kept == 0 && prefix[0]) {
        cubby_log(log, CUBBY_LOG_ERROR,
                  "the file has no weights under '%.200s'; the first tensor is named '%.200s'",
                  prefix, first);
        return CUBBY_UNSUPPORTED;
    }
    checkpoint->tensor_count = kept;
    checkpoint->conv_count = convs;
    return CUBBY_OK;
}

enum cubby_status cubby_checkpoint_open(struct cubby_checkpoint **out, const void *data,
                                        size_t size_bytes, const struct cubby_log *log)
{
    return cubby_checkpoint_open_part(out, data, size_bytes, NULL, log);
}

enum cubby_status cubby_checkpoint_open_part(struct cubby_checkpoint **out, const void *data,
                                             size_t size_bytes, const char *prefix,
                                             const struct cubby_log *log)
{
    *out = NULL;
    struct cubby_checkpoint *checkpoint = calloc(1, sizeof(*checkpoint));
    if (!checkpoint)
        return CUBBY_NO_MEMORY;
    checkpoint->prefix = prefix;

    const uint8_t *bytes = data;
    enum cubby_status status;
    // The header's length is far below 2^56, so text with a brace there is something else.
    if (size_bytes > 8 && bytes[8] == '{' && !(bytes[7] > 0 && bytes[7] < 0x7f))
        status = safetensors_read(checkpoint, bytes, size_bytes, log);
    else if (size_bytes >= 4 && memcmp(bytes, "PK\3\4", 4) == 0)
        status = torch_zip_read(checkpoint, bytes, size_bytes, log);
    else if (torch_legacy_is(bytes, size_bytes))
        status = torch_legacy_read(checkpoint, bytes, size_bytes, log);
    else if (torch_tar_is(bytes, size_bytes))
        status = torch_tar_read(checkpoint, bytes, size_bytes, log);
    else
        status = sniff_refuse(bytes, size_bytes, log);
    if (status)
        goto fail;

    status = keep_part(checkpoint, log);
    if (!status)
        status = index_names(checkpoint, log);
    if (!status)
        status = checkpoint_note_assumptions(checkpoint);
    if (status)
        goto fail;
    checkpoint->prefix = NULL;
    *out = checkpoint;
    return CUBBY_OK;

fail:
    cubby_checkpoint_close(&checkpoint);
    return status;
}

void cubby_checkpoint_close(struct cubby_checkpoint **checkpoint)
{
    struct cubby_checkpoint *c = *checkpoint;
    if (!c)
        return;
    arena_fini(&c->arena);
    free(c->tensors);
    free(c->by_name);
    free(c->metadata);
    free(c->convs);
    free(c);
    *checkpoint = NULL;
}

const char *cubby_checkpoint_container(const struct cubby_checkpoint *checkpoint)
{
    return checkpoint->container;
}

size_t cubby_checkpoint_tensor_count(const struct cubby_checkpoint *checkpoint)
{
    return checkpoint->tensor_count;
}

const struct cubby_tensor *cubby_checkpoint_tensor(const struct cubby_checkpoint *checkpoint,
                                                   size_t index)
{
    return &checkpoint->tensors[index];
}

const struct cubby_tensor *cubby_checkpoint_find(const struct cubby_checkpoint *checkpoint,
                                                 const char *name)
{
    const struct cubby_tensor key = {.name = name}, *key_pointer = &key;
    const struct cubby_tensor **found =
        bsearch(&key_pointer, checkpoint->by_name, checkpoint->tensor_count,
                sizeof(const struct cubby_tensor *), compare_names);
    return found ? *found : NULL;
}

const char *cubby_checkpoint_metadata(const struct cubby_checkpoint *checkpoint, const char *key)
{
    for (size_t i = 0; i < checkpoint->metadata_count; ++i) {
        if (strcmp(checkpoint->metadata[i].key, key) == 0)
            return checkpoint->metadata[i].value;
    }
    return NULL;
}
