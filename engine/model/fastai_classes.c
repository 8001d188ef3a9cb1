// Class names out of a Learner: the labels of its Categorize transform, as Python's str() has them.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "engine/model.h"
#include "model/fastai.h"
#include "model/text.h"

#define MAX_LABEL_BYTES 256u // more than a class name may have

static enum cubby_status bad_label(const struct fastai *f, uint32_t index, uint32_t label)
{
    char what[256];
    pickle_describe(f->pickle, label, what, sizeof(what));
    return checkpoint_set_class_obstacle(
        f->checkpoint,
        "the name of class %u in the fastai Learner is %s that cannot be shown as "
        "text",
        index + 1, what);
}

// As Python's str(float): the fewest digits that give the number again, as a plain decimal from
// 0.0001 up to below 1e16, and with an exponent beyond.
static void print_real(char *text, size_t text_bytes, double value, bool single)
{
    char scientific[40]; // "-1.2345e+08"
    for (int more = 0; more < 17; ++more) {
        snprintf(scientific, sizeof(scientific), "%.*e", more, value);
        double again = strtod(scientific, NULL);
        if (again == value || (single && (float)again == (float)value))
            break;
    }
    const char *at = strchr(scientific, 'e');
    int exponent = at ? atoi(at + 1) : 0; // nan and inf have none
    if (!at || exponent < -4 || exponent >= 16) {
        snprintf(text, text_bytes, "%s", scientific);
        return;
    }
    char digits[20] = "";
    int count = 0;
    for (const char *c = scientific; c < at; ++c) {
        if (*c >= '0' && *c <= '9')
            digits[count++] = *c;
    }
    // Of float32 these are not the digits that "%f" has.
    const char *sign = scientific[0] == '-' ? "-" : "";
    if (exponent < 0)
        snprintf(text, text_bytes, "%s0.%.*s%s", sign, -exponent - 1, "000", digits);
    else if (count <= exponent + 1)
        snprintf(text, text_bytes, "%s%s%.*s.0", sign, digits, exponent + 1 - count,
                 "000000000000000");
    else
        snprintf(text, text_bytes, "%s%.*s.%s", sign, exponent + 1, digits, digits + exponent + 1);
}

// Bytes of a bytes object; protocol 2 writes them as _codecs.encode(text, 'latin1').
static bool read_bytes(const struct pickle *pickle, uint32_t index, uint8_t *out, size_t capacity,
                       size_t *count)
{
    const struct pickle_node *node = pickle_node(pickle, index);
    bool latin = pickle_is_call(pickle, index, "_codecs", "encode");
    if (latin) {
        const struct pickle_object *call = pickle_object(pickle, index);
        node = pickle_node(pickle, pickle_item(pickle, call->arguments, 0));
    }
    if (node->kind != PICKLE_BYTES && node->kind != PICKLE_STRING)
        return false;
    *count = 0;
    for (size_t i = 0; i < node->text.size_bytes; ++i) {
        uint8_t byte = (uint8_t)node->text.data[i];
        if (latin && byte >= 0x80) {
            // U+0080 to U+00FF, in two bytes of UTF-8
            if ((byte & 0xfe) != 0xc2 || ++i == node->text.size_bytes)
                return false;
            byte = (uint8_t)((byte & 3) << 6 | ((uint8_t)node->text.data[i] & 0x3f));
        }
        if (*count == capacity)
            return false;
        out[(*count)++] = byte;
    }
    return true;
}

static size_t put_utf8(char *text, uint32_t c)
{
    if (c < 0x80) {
        text[0] = (char)c;
        return 1;
    }
    size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t first[] = {0, 0xc0, 0xe0, 0xf0};
    text[0] = (char)(first[more] | c >> 6 * more);
    for (size_t i = 1; i <= more; ++i)
        text[i] = (char)(0x80 | (c >> 6 * (more - i) & 0x3f));
    return more + 1;
}

// numpy.str_: UTF-32, filled with zeros to the width of its type.
static bool print_wide(char *text, size_t text_bytes, const uint8_t *bytes, size_t count)
{
    size_t used = 0;
    while (count >= 4 && load_u32(bytes + count - 4) == 0)
        count -= 4;
    for (size_t i = 0; i + 4 <= count; i += 4) {
        uint32_t c = load_u32(bytes + i);
        if (c > 0x10ffff || used + 5 > text_bytes)
            return false;
        used += put_utf8(text + used, c);
    }
    text[used] = '\0';
    return true;
}

// numpy.core.multiarray.scalar(dtype('i8'), b'...'), little-endian.
static bool print_numpy(const struct pickle *pickle, uint32_t index, char *text, size_t text_bytes)
{
    const struct pickle_object *call = pickle_object(pickle, index);
    if (!call || (!pickle_is_global(pickle, call->callable, "numpy.core.multiarray", "scalar") &&
                  !pickle_is_global(pickle, call->callable, "numpy._core.multiarray", "scalar")))
        return false;
    uint32_t dtype = pickle_item(pickle, call->arguments, 0);
    if (!pickle_is_call(pickle, dtype, "numpy", "dtype"))
        return false;
    const struct pickle_object *type = pickle_object(pickle, dtype);
    const struct pickle_node *name = pickle_node(pickle, pickle_item(pickle, type->arguments, 0));
    uint8_t bytes[4 * MAX_LABEL_BYTES];
    size_t count = 0;
    if (name->kind != PICKLE_STRING || name->text.size_bytes < 2 ||
        pickle_is_text(pickle, pickle_item(pickle, type->state, 1), ">") ||
        !read_bytes(pickle, pickle_item(pickle, call->arguments, 1), bytes, sizeof(bytes), &count))
        return false;

    char kind = name->text.data[0];
    if (kind == 'U')
        return print_wide(text, text_bytes, bytes, count);
    if (count == 0 || count > 8)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < count; ++i)
        value |= (uint64_t)bytes[i] << 8 * i;
    uint64_t sign = (uint64_t)1 << (8 * count - 1);
    if (kind == 'b') {
        snprintf(text, text_bytes, "%s", value ? "True" : "False");
    } else if (kind == 'u') {
        snprintf(text, text_bytes, "%llu", (unsigned long long)value);
    } else if (kind == 'i') {
        snprintf(text, text_bytes, "%lld", (long long)((value ^ sign) - sign));
    } else if (kind == 'f' && count == 8) {
        double real;
        memcpy(&real, &value, sizeof(real));
        print_real(text, text_bytes, real, false);
    } else if (kind == 'f' && count == 4) {
        uint32_t half = (uint32_t)value;
        float real;
        memcpy(&real, &half, sizeof(real));
        print_real(text, text_bytes, (double)real, true);
    } else {
        return false;
    }
    return true;
}

static bool print_label(const struct pickle *pickle, uint32_t index, char *text, size_t text_bytes)
{
    const struct pickle_node *node = pickle_node(pickle, index);
    switch (node->kind) {
    case PICKLE_STRING:
        if (node->text.size_bytes >= text_bytes ||
            !text_is_clean(node->text.data, node->text.size_bytes))
            return false;
        snprintf(text, text_bytes, "%.*s", (int)node->text.size_bytes, node->text.data);
        return true;
    case PICKLE_INT:
        snprintf(text, text_bytes, "%lld", (long long)node->integer);
        return true;
    case PICKLE_BOOL:
        snprintf(text, text_bytes, "%s", node->boolean ? "True" : "False");
        return true;
    case PICKLE_FLOAT:
        print_real(text, text_bytes, node->real, false);
        return true;
    default:
        return print_numpy(pickle, index, text, text_bytes) && text_is_clean(text, strlen(text));
    }
}

static enum cubby_status add_classes(const struct fastai *f, const struct pickle_list *labels)
{
    if (labels->count > CUBBY_MAX_CLASSES) {
        cubby_log(f->log, CUBBY_LOG_ERROR, "the fastai Learner has %u classes, the limit is %u",
                  labels->count, CUBBY_MAX_CLASSES);
        return CUBBY_TOO_LARGE;
    }
    json_t *names = json_array();
    char *json = NULL;
    enum cubby_status status = names ? CUBBY_OK : CUBBY_NO_MEMORY;
    for (uint32_t i = 0; i < labels->count && !status; ++i) {
        char text[MAX_LABEL_BYTES];
        if (!print_label(f->pickle, labels->items[i], text, sizeof(text)))
            status = bad_label(f, i, labels->items[i]);
        else if (json_array_append_new(names, json_string(text)))
            status = CUBBY_NO_MEMORY;
    }
    if (!status && !cubby_checkpoint_class_obstacle(f->checkpoint)) {
        json = json_dumps(names, JSON_COMPACT);
        status = json ? checkpoint_add_text(f->checkpoint, "cubby.classes", strlen("cubby.classes"),
                                            json, strlen(json))
                      : CUBBY_NO_MEMORY;
    }
    free(json);
    json_decref(names);
    return status;
}

static bool is_categorize(const char *class)
{
    return strcmp(class, "Categorize") == 0 || strcmp(class, "MultiCategorize") == 0 ||
           strcmp(class, "EncodedMultiCategorize") == 0;
}

enum cubby_status fastai_read_classes(const struct fastai *f, uint32_t loader, bool *multiple)
{
    const struct pickle *pickle = f->pickle;
    uint32_t dataset = pickle_attribute(pickle, loader, "dataset");
    const struct pickle_list *targets =
        fastai_list(pickle, pickle_attribute(pickle, dataset, "tls"));
    uint32_t found = PICKLE_ABSENT;
    for (uint32_t j = 0; targets && j < targets->count; ++j) {
        uint32_t pipeline = pickle_attribute(pickle, targets->items[j], "tfms");
        const struct pickle_list *steps = fastai_steps(pickle, pipeline);
        for (uint32_t k = 0; steps && k < steps->count; ++k) {
            if (!is_categorize(fastai_class(pickle, steps->items[k])))
                continue;
            if (found != PICKLE_ABSENT && found != steps->items[k]) {
                cubby_log(f->log, CUBBY_LOG_ERROR,
                          "the fastai Learner has two lists of classes (two targets); cubby runs "
                          "networks with one");
                return CUBBY_UNSUPPORTED;
            }
            found = steps->items[k];
        }
    }
    const struct pickle_list *labels =
        fastai_list(pickle, pickle_attribute(pickle, found, "vocab"));
    *multiple = found != PICKLE_ABSENT && strcmp(fastai_class(pickle, found), "Categorize") != 0;
    if (!labels)
        return checkpoint_set_class_obstacle(
            f->checkpoint, "the fastai Learner has no list of classes (no Categorize or "
                           "MultiCategorize in its data loaders), which a classifier usually has");
    return add_classes(f, labels);
}
