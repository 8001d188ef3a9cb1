// State dicts and files made up for the tests of engine/model.
#ifndef TESTS_ENGINE_MODEL_FIXTURE_H
#define TESTS_ENGINE_MODEL_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "engine/checkpoint.h"
#include "engine/model.h"
#include "model/safetensors.h"

// ---- the last error that was logged

struct messages {
    char error[1100];
    int warnings;
};

static inline void messages_write(void *user, enum cubby_log_level level, const char *text)
{
    struct messages *messages = user;
    if (level == CUBBY_LOG_ERROR)
        snprintf(messages->error, sizeof(messages->error), "%s", text);
    messages->warnings += level == CUBBY_LOG_WARNING;
}

// Fails unless the last error says `part`.
static inline void assert_error(const struct messages *messages, const char *part)
{
    if (!strstr(messages->error, part))
        fail_msg("expected an error with '%s', got '%s'", part, messages->error);
}

// ---- random numbers, the same on every machine

static inline uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

static inline float random_float(uint64_t *seed, float low, float high)
{
    return low + (high - low) * (float)(next_random(seed) % 65536) / 65536.0f;
}

// ---- state dicts

#define DICT_MAX 1100

struct dict {
    struct cubby_tensor tensors[DICT_MAX];
    char names[DICT_MAX][96];
    size_t count;
    uint64_t seed;
};

static inline struct dict *dict_create(uint64_t seed)
{
    struct dict *dict = calloc(1, sizeof(*dict));
    assert_non_null(dict);
    dict->seed = seed;
    return dict;
}

static inline void dict_destroy(struct dict *dict)
{
    for (size_t i = 0; i < dict->count; ++i)
        free((void *)dict->tensors[i].data);
    free(dict);
}

// A float32 tensor of random values from low to high.
static inline struct cubby_tensor *dict_add(struct dict *dict, const char *name, uint32_t rank,
                                            const int64_t *shape, float low, float high)
{
    assert_true(dict->count < DICT_MAX);
    struct cubby_tensor *tensor = &dict->tensors[dict->count];
    snprintf(dict->names[dict->count], sizeof(dict->names[0]), "%s", name);
    *tensor =
        (struct cubby_tensor){.name = dict->names[dict->count++], .dtype = CUBBY_F32, .rank = rank};
    size_t elements = 1;
    for (uint32_t i = rank; i-- > 0;) {
        tensor->shape[i] = shape[i];
        tensor->strides[i] = (int64_t)elements;
        elements *= (size_t)shape[i];
    }
    float *values = malloc(sizeof(*values) * (elements + 1));
    assert_non_null(values);
    for (size_t i = 0; i < elements; ++i)
        values[i] = random_float(&dict->seed, low, high);
    tensor->data = (const uint8_t *)values;
    tensor->available_bytes = sizeof(*values) * elements;
    return tensor;
}

static inline void dict_add_vector(struct dict *dict, const char *base, const char *part,
                                   int64_t count, float low, float high)
{
    char name[96];
    snprintf(name, sizeof(name), "%.60s.%.30s", base, part);
    dict_add(dict, name, 1, &count, low, high);
}

static inline void dict_add_norm(struct dict *dict, const char *base, int64_t count)
{
    dict_add_vector(dict, base, "weight", count, 0.5f, 1.5f);
    dict_add_vector(dict, base, "bias", count, -0.5f, 0.5f);
    dict_add_vector(dict, base, "running_mean", count, -0.5f, 0.5f);
    dict_add_vector(dict, base, "running_var", count, 0.25f, 2.0f);
    char name[96];
    snprintf(name, sizeof(name), "%.60s.num_batches_tracked", base);
    struct cubby_tensor *counter = dict_add(dict, name, 1, &(int64_t){2}, 0, 0);
    counter->rank = 0; // eight bytes: one int64
    counter->dtype = CUBBY_I64;
}

static inline void dict_add_linear(struct dict *dict, const char *base, int64_t out, int64_t in,
                                   bool bias)
{
    char name[96];
    snprintf(name, sizeof(name), "%.60s.weight", base);
    dict_add(dict, name, 2, (int64_t[]){out, in}, -0.5f, 0.5f);
    if (bias)
        dict_add_vector(dict, base, "bias", out, -0.5f, 0.5f);
}

static inline void dict_add_conv(struct dict *dict, const char *base, int64_t out, int64_t in,
                                 int64_t kernel)
{
    char name[96];
    snprintf(name, sizeof(name), "%.60s.weight", base);
    dict_add(dict, name, 4, (int64_t[]){out, in, kernel, kernel}, -0.2f, 0.2f);
}

static inline struct cubby_tensor *dict_find(struct dict *dict, const char *name)
{
    for (size_t i = 0; i < dict->count; ++i) {
        if (strcmp(dict->names[i], name) == 0)
            return &dict->tensors[i];
    }
    fail_msg("no tensor %s in the fixture", name);
    return NULL;
}

static inline void dict_rename(struct dict *dict, const char *from, const char *to)
{
    struct cubby_tensor *tensor = dict_find(dict, from);
    snprintf((char *)(uintptr_t)tensor->name, sizeof(dict->names[0]), "%s", to);
}

// ---- a ResNet of any depth and width, without its head

struct shape_of {
    uint32_t depth, layers[4];
    bool bottleneck;
};

static const struct shape_of resnets[] = {
    {18, {2, 2, 2, 2}, false},  {34, {3, 4, 6, 3}, false},  {50, {3, 4, 6, 3}, true},
    {101, {3, 4, 23, 3}, true}, {152, {3, 8, 36, 3}, true},
};

// prefix "" and fastai false: torchvision's names. wide: factor of a bottleneck's inner width.
// Returns the number of features.
static inline int64_t dict_add_resnet(struct dict *dict, const struct shape_of *resnet,
                                      int64_t width, int64_t wide, const char *prefix, bool fastai)
{
    char conv[96], norm[96];
    snprintf(conv, sizeof(conv), fastai ? "%s0" : "%sconv1", prefix);
    snprintf(norm, sizeof(norm), fastai ? "%s1" : "%sbn1", prefix);
    dict_add_conv(dict, conv, width, 3, 7);
    dict_add_norm(dict, norm, width);
    int64_t in = width;
    for (uint32_t layer = 0; layer < 4; ++layer) {
        int64_t planes = width << layer, out = resnet->bottleneck ? planes * 4 : planes;
        for (uint32_t b = 0; b < resnet->layers[layer]; ++b) {
            char block[64];
            snprintf(block, sizeof(block), fastai ? "%s%u.%u" : "%slayer%u.%u", prefix,
                     fastai ? layer + 4 : layer + 1, b);
            int64_t inner = resnet->bottleneck ? planes * wide : planes;
            uint32_t count = resnet->bottleneck ? 3 : 2;
            for (uint32_t i = 0; i < count; ++i) {
                int64_t to = i + 1 == count ? out : inner;
                snprintf(conv, sizeof(conv), "%s.conv%u", block, i + 1);
                snprintf(norm, sizeof(norm), "%s.bn%u", block, i + 1);
                dict_add_conv(dict, conv, to, i ? inner : in, resnet->bottleneck && i != 1 ? 1 : 3);
                dict_add_norm(dict, norm, to);
            }
            if (b == 0 && (layer > 0 || in != out)) {
                snprintf(conv, sizeof(conv), "%s.downsample.0", block);
                snprintf(norm, sizeof(norm), "%s.downsample.1", block);
                dict_add_conv(dict, conv, out, in, 1);
                dict_add_norm(dict, norm, out);
            }
            in = out;
        }
    }
    return in;
}

// Renames torchvision's names behind `prefix` to those of Hugging Face's transformers.
static inline void dict_rename_to_hugging_face(struct dict *dict, const char *prefix)
{
    for (size_t i = 0; i < dict->count; ++i) {
        const char *name = dict->names[i] + strlen(prefix);
        const char *part = strrchr(name, '.');
        char renamed[96] = "", kind[16];
        unsigned layer = 0, block = 0, conv = 0;
        if (sscanf(name, "layer%u.%u.downsample.%u", &layer, &block, &conv) == 3)
            snprintf(renamed, sizeof(renamed), "encoder.stages.%u.layers.%u.shortcut.%s%s",
                     layer - 1, block, conv ? "normalization" : "convolution", part);
        else if (sscanf(name, "layer%u.%u.%15[a-z]%u", &layer, &block, kind, &conv) == 4)
            snprintf(renamed, sizeof(renamed), "encoder.stages.%u.layers.%u.layer.%u.%s%s",
                     layer - 1, block, conv - 1,
                     strcmp(kind, "bn") == 0 ? "normalization" : "convolution", part);
        else if (strncmp(name, "conv1.", 6) == 0 || strncmp(name, "bn1.", 4) == 0)
            snprintf(renamed, sizeof(renamed), "embedder.embedder.%s%s",
                     name[0] == 'b' ? "normalization" : "convolution", part);
        if (renamed[0])
            snprintf(dict->names[i] + strlen(prefix), sizeof(dict->names[0]) - strlen(prefix), "%s",
                     renamed);
    }
}

// ---- files

struct file {
    void *data;
    size_t size_bytes;
    struct cubby_checkpoint *checkpoint;
};

static inline void file_open(struct file *file, const struct dict *dict,
                             const struct safetensors_text *texts, size_t text_count)
{
    assert_int_equal(safetensors_write(&file->data, &file->size_bytes, dict->tensors, dict->count,
                                       texts, text_count, NULL),
                     CUBBY_OK);
    assert_int_equal(cubby_checkpoint_open(&file->checkpoint, file->data, file->size_bytes, NULL),
                     CUBBY_OK);
}

static inline void file_close(struct file *file)
{
    cubby_checkpoint_close(&file->checkpoint);
    free(file->data);
    *file = (struct file){0};
}

// ---- bytes put together piece by piece

struct bytes {
    uint8_t *data;
    size_t size, capacity;
};

static inline void put_bytes(struct bytes *bytes, const void *data, size_t size)
{
    if (bytes->size + size > bytes->capacity) {
        bytes->capacity = 2 * (bytes->size + size) + 64;
        bytes->data = realloc(bytes->data, bytes->capacity);
        assert_non_null(bytes->data);
    }
    if (size > 0)
        memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

static inline void put_number(struct bytes *bytes, uint64_t value, size_t width)
{
    for (size_t i = 0; i < width; ++i)
        put_bytes(bytes, &(uint8_t){(uint8_t)(value >> 8 * i)}, 1);
}

static inline void put_text(struct bytes *bytes, const char *text)
{
    put_bytes(bytes, text, strlen(text));
}

#endif
