#include "model/recogniser.h"

#include <stdarg.h>
#include <stdio.h>

// Two GiB as float32, four times the widest network known here.
#define MAX_ELEMENTS ((uint64_t)1 << 29)

enum cubby_status recogniser_refuse(const struct recogniser *r, enum cubby_status status,
                                    const char *format, ...)
{
    char message[900];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    cubby_log(r->log, CUBBY_LOG_ERROR, "%s", message);
    return status;
}

const struct cubby_tensor *recogniser_find(const struct recogniser *r, const char *format, ...)
{
    char name[NETWORK_MAX_NAME + 32];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof(name), format, arguments);
    va_end(arguments);
    return cubby_checkpoint_find(r->checkpoint, name);
}

size_t recogniser_index(const struct recogniser *r, const struct cubby_tensor *tensor)
{
    return (size_t)(tensor - r->checkpoint->tensors);
}

enum cubby_status recogniser_accept(struct recogniser *r, const struct cubby_tensor *tensor,
                                    bool variance)
{
    if (tensor->dtype == CUBBY_OTHER || tensor->dtype == CUBBY_I64)
        return recogniser_refuse(
            r, CUBBY_UNSUPPORTED,
            "tensor %.200s is not made of floating-point numbers; cubby reads f32, f16, "
            "bf16 and f64 weights",
            tensor->name);
    uint64_t elements = cubby_tensor_elements(tensor);
    // Strides of 0 would let a small file ask for any amount of memory; no real weight has them.
    if (elements > tensor->available_bytes / tensor_element_bytes(tensor->dtype))
        return recogniser_refuse(r, CUBBY_BAD_DATA,
                                 "tensor %.200s repeats its values: the file is damaged",
                                 tensor->name);
    r->elements += elements;
    if (r->elements > MAX_ELEMENTS)
        return recogniser_refuse(r, CUBBY_TOO_LARGE, "the network has more than %llu weights",
                                 (unsigned long long)MAX_ELEMENTS);
    bool finite = false;
    float least = 0;
    enum cubby_status status = tensor_survey(tensor, &finite, &least);
    if (status)
        return status;
    if (!finite)
        return recogniser_refuse(
            r, CUBBY_BAD_DATA,
            "tensor %.200s holds NaN or infinite values: its training went wrong or the "
            "file is damaged",
            tensor->name);
    if (variance && least < 0)
        return recogniser_refuse(r, CUBBY_BAD_DATA,
                                 "tensor %.200s holds a negative variance: the file is damaged",
                                 tensor->name);
    r->used[recogniser_index(r, tensor)] = true;
    return CUBBY_OK;
}

static void print_shape(const int64_t *shape, uint32_t rank, char *text, size_t text_bytes)
{
    size_t at = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < rank && at < text_bytes; ++i) {
        int written =
            snprintf(text + at, text_bytes - at, i ? ", %lld" : "%lld", (long long)shape[i]);
        at += written > 0 ? (size_t)written : 0;
    }
}

enum cubby_status recogniser_wrong_shape(const struct recogniser *r,
                                         const struct cubby_tensor *tensor, const int64_t *shape,
                                         uint32_t rank)
{
    char found[200], wanted[200];
    print_shape(tensor->shape, tensor->rank, found, sizeof(found));
    print_shape(shape, rank, wanted, sizeof(wanted));
    return recogniser_refuse(r, CUBBY_UNSUPPORTED,
                             "tensor %.200s has the shape [%s] where a ResNet has [%s]",
                             tensor->name, found, wanted);
}
