#include "fixture.h"

#include "model/container.h"

// A file of torch 0.1: a storage of eight values, a view of four of them, and a tensor in each.
struct spec {
    const char *storages, *views, *first, *second, *object; // pickles; NULL: as they should be
    const char *sys_info, *without;
    uint64_t elements;
    uint32_t rank;
    int64_t rows, stride, offset;
    bool wrong_checksum;
};

static const struct spec good = {.elements = 8, .rank = 2, .rows = 2, .stride = 3, .offset = 1};

#define STORAGE "\x80\2K\5X\3\0\0\0cpuctorch\nFloatStorage\n\x87."
#define KEY_7                                                                                      \
    "X\1\0\0\0"                                                                                    \
    "7Q"
#define KEY_8                                                                                      \
    "X\1\0\0\0"                                                                                    \
    "8Q"
#define PARAMETER                                                                                  \
    "ctorch.nn.parameter\nParameter\n" KEY_8 "\x85R\x88\x89}\x87"                                  \
    "b"
#define OBJECT "\x80\2}X\1\0\0\0w" KEY_7 "sX\1\0\0\0p" PARAMETER "s."
#define PICKLE_OR(text, usual) put_pickle(bytes, (text) ? (text) : (usual))

static void put_pickle(struct bytes *bytes, const char *pickle)
{
    // It holds zeros, so its end is the first '.' that is not one of torch.nn.parameter.
    const char *at = pickle;
    while (*at != '.' || (at[1] == 'n' && at[2] == 'n') || (at[1] == 'p' && at[2] == 'a'))
        ++at;
    put_bytes(bytes, pickle, (size_t)(at - pickle) + 1);
}

static void put_member(struct bytes *tar, const struct spec *spec, const char *name, char kind,
                       struct bytes *content)
{
    uint8_t header[512] = {0};
    if (!spec->without || strcmp(spec->without, name) != 0) {
        snprintf((char *)header, 100, "%s", name);
        snprintf((char *)header + 124, 12, "%011o", (unsigned)content->size);
        memcpy(header + 257, "ustar\00000", 8);
        header[156] = (uint8_t)kind;
        memset(header + 148, ' ', 8);
        unsigned sum = spec->wrong_checksum;
        for (size_t i = 0; i < sizeof(header); ++i)
            sum += header[i];
        snprintf((char *)header + 148, 8, "%06o", sum);
        put_bytes(tar, header, sizeof(header));
        put_bytes(tar, content->data, content->size);
        while (tar->size % 512)
            put_number(tar, 0, 1);
    }
    free(content->data);
    *content = (struct bytes){0};
}

static struct bytes build(const struct spec *spec)
{
    struct bytes tar = {0}, content = {0}, *bytes = &content;
    PICKLE_OR(spec->sys_info, "\x80\2}X\x0d\0\0\0little_endian\x88s.");
    put_member(&tar, spec, "sys_info", '0', &content);
    put_text(bytes, "30 mtime=1500000000.1234567\n");
    put_member(&tar, spec, "pickle", 'x', &content); // about the next one; not the pickle itself

    put_pickle(bytes, "\x80\2K\1.");
    PICKLE_OR(spec->storages, STORAGE);
    put_number(bytes, spec->elements, 8);
    for (int i = 0; i < 8; ++i)
        put_bytes(bytes, &(float){(float)i * 1.5f}, 4);
    PICKLE_OR(spec->views, "\x80\2](K\6K\5K\2K\4ta."); // key 6: four from element 2 of 5
    put_member(&tar, spec, "storages", '0', &content);

    put_pickle(bytes, "\x80\2K\2.");
    PICKLE_OR(spec->first, "\x80\2K\7K\5N\x87.");
    put_number(bytes, spec->rank, 4);
    put_number(bytes, 0, 4);
    for (uint32_t i = 0; i < spec->rank && i < 20; ++i)
        put_number(bytes, i ? 3 : (uint64_t)spec->rows, 8);
    for (uint32_t i = 0; i < spec->rank && i < 20; ++i)
        put_number(bytes, i ? 1 : (uint64_t)spec->stride, 8);
    put_number(bytes, (uint64_t)spec->offset, 8);
    PICKLE_OR(spec->second, "\x80\2K\x08K\6N\x87.");
    static const uint64_t vector[] = {1, 4, 1, 0}; // one dimension, size, stride, offset
    for (size_t i = 0; i < 4; ++i)
        put_number(bytes, vector[i], 8);
    put_member(&tar, spec, "tensors", '0', &content);

    PICKLE_OR(spec->object, OBJECT);
    put_member(&tar, spec, "pickle", '0', &content);
    for (int i = 0; i < 1024; ++i)
        put_number(&tar, 0, 1);
    return tar;
}

static enum cubby_status open_bytes(const uint8_t *data, size_t size,
                                    struct cubby_checkpoint **checkpoint, uint8_t **copy,
                                    struct messages *messages)
{
    const struct cubby_log log = {messages_write, messages};
    // Of exactly this size, so that a sanitizer sees the first byte read behind it.
    *copy = malloc(size ? size : 1);
    assert_non_null(*copy);
    memcpy(*copy, data, size);
    *messages = (struct messages){0};
    return cubby_checkpoint_open(checkpoint, *copy, size, &log);
}

static void test_values(void **state)
{
    (void)state;
    struct bytes tar = build(&good);
    struct cubby_checkpoint *checkpoint;
    uint8_t *copy;
    struct messages messages;
    if (open_bytes(tar.data, tar.size, &checkpoint, &copy, &messages))
        fail_msg("%s", messages.error);
    assert_string_equal(cubby_checkpoint_container(checkpoint), "torch tar");
    assert_int_equal(cubby_checkpoint_tensor_count(checkpoint), 2);

    const struct cubby_tensor *w = cubby_checkpoint_find(checkpoint, "w");
    assert_non_null(w);
    assert_int_equal(w->dtype, CUBBY_F32);
    assert_int_equal(w->rank, 2);
    assert_int_equal(w->shape[0], 2);
    assert_int_equal(w->shape[1], 3);
    float values[6];
    tensor_gather(w, values);
    for (int i = 0; i < 6; ++i)
        assert_true(values[i] == (float)(i + 1) * 1.5f);

    const struct cubby_tensor *p = cubby_checkpoint_find(checkpoint, "p");
    assert_non_null(p);
    assert_int_equal(p->rank, 1);
    assert_int_equal(p->shape[0], 4);
    tensor_gather(p, values);
    for (int i = 0; i < 4; ++i)
        assert_true(values[i] == (float)(i + 2) * 1.5f);
    cubby_checkpoint_close(&checkpoint);
    free(copy);
    free(tar.data);
}

// Python 2 wrote its strings with opcodes of their own.
static void test_python_2(void **state)
{
    (void)state;
    struct spec spec = good;
    spec.object = "\x80\2}U\1wU\1"
                  "7QsT\1\0\0\0pT\1\0\0\0"
                  "8Qs.";
    struct bytes tar = build(&spec);
    struct cubby_checkpoint *checkpoint;
    uint8_t *copy;
    struct messages messages;
    if (open_bytes(tar.data, tar.size, &checkpoint, &copy, &messages))
        fail_msg("%s", messages.error);
    assert_non_null(cubby_checkpoint_find(checkpoint, "w"));
    assert_non_null(cubby_checkpoint_find(checkpoint, "p"));
    cubby_checkpoint_close(&checkpoint);
    free(copy);
    free(tar.data);
}

static void test_damage(void **state)
{
    (void)state;
    const struct {
        struct spec change; // what is zero is left as in `good`
        const char *error;
        enum cubby_status status;
    } cases[] = {
        {{.wrong_checksum = true}, "checksum of a header", CUBBY_BAD_DATA},
        {{.without = "pickle"}, "is missing", CUBBY_BAD_DATA},
        {{.without = "tensors"}, "is missing", CUBBY_BAD_DATA},
        {{.without = "storages"}, "is missing", CUBBY_BAD_DATA},
        {{.sys_info = "\x80\2}X\x0d\0\0\0little_endian\x89s."}, "big-endian", CUBBY_UNSUPPORTED},
        {{.storages = "\x80\2K\5X\3\0\0\0cpuctorch\nOtherStorage\n\x87."},
         "no key or an unknown type",
         CUBBY_BAD_DATA},
        {{.elements = 9}, "pickle", CUBBY_BAD_DATA}, // the views begin four bytes late
        {{.elements = 1000}, "longer than what the file has", CUBBY_BAD_DATA},
        {{.elements = UINT64_MAX / 4 + 2}, "longer than what the file has", CUBBY_BAD_DATA},
        {{.views = "\x80\2N."}, "list of views", CUBBY_BAD_DATA},
        {{.views = "\x80\2](K\6K\5K\5K\4ta."}, "view lies outside", CUBBY_BAD_DATA},
        {{.views = "\x80\2](K\6K\5J\xff\xff\xff\xffK\4ta."}, "view lies outside", CUBBY_BAD_DATA},
        {{.views = "\x80\2](K\6K\7K\1K\1ta."}, "storage that the file does not", CUBBY_BAD_DATA},
        {{.views = "\x80\2](K\5K\5K\1K\1ta."}, "a storage is in it twice", CUBBY_BAD_DATA},
        {{.views = "\x80\2](K\5K\5ta."}, "four numbers", CUBBY_BAD_DATA},
        {{.first = "\x80\2NNN\x87."}, "no key or no storage", CUBBY_BAD_DATA},
        {{.first = "\x80\2K\7K\4N\x87."}, "storage that the file does not", CUBBY_BAD_DATA},
        {{.first = "\x80\2K\7NN\x87."}, "tensor w lies outside its storage", CUBBY_BAD_DATA},
        {{.second = "\x80\2K\7K\5N\x87."}, "a tensor is in it twice", CUBBY_BAD_DATA},
        {{.second = "\x80\2K\x09K\5N\x87."}, "tensor p is not in the file", CUBBY_BAD_DATA},
        {{.rank = 9}, "tensor w has 9 dimensions", CUBBY_TOO_LARGE},
        {{.rank = UINT32_MAX}, "ends within a tensor's shape", CUBBY_BAD_DATA},
        {{.rows = 3}, "reaches beyond", CUBBY_BAD_DATA},
        {{.rows = INT64_MAX}, "impossible shape", CUBBY_BAD_DATA},
        {{.rows = -1}, "negative size or stride", CUBBY_BAD_DATA},
        {{.stride = -3}, "negative size or stride", CUBBY_BAD_DATA},
        {{.stride = INT64_MAX}, "reaches beyond", CUBBY_BAD_DATA},
        {{.offset = 8}, "lies outside", CUBBY_BAD_DATA},
        {{.offset = 3}, "reaches beyond", CUBBY_BAD_DATA},
        {{.offset = INT64_MIN}, "lies outside", CUBBY_BAD_DATA},
        {{.object = "\x80\2}X\1\0\0\0wX\1\0\0\0xQs."}, "w is not in the file", CUBBY_BAD_DATA},
        {{.object = "\x80\2}X\1\0\0\0wX\1\0\0\0-Qs."}, "w is not in the file", CUBBY_BAD_DATA},
        {{.object = "\x80\2}X\1\0\0\0wX\x13\0\0\0"
                    "9999999999999999999Qs."},
         "w is not in the file",
         CUBBY_BAD_DATA},
        {{.object = "\x80\2N."}, "not the weights", CUBBY_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        struct spec spec = cases[i].change;
        spec.elements = spec.elements ? spec.elements : good.elements;
        spec.rank = spec.rank ? spec.rank : good.rank;
        spec.rows = spec.rows ? spec.rows : good.rows;
        spec.stride = spec.stride ? spec.stride : good.stride;
        spec.offset = spec.offset ? spec.offset : good.offset;
        struct bytes tar = build(&spec);
        struct cubby_checkpoint *checkpoint;
        uint8_t *copy;
        struct messages messages;
        enum cubby_status status = open_bytes(tar.data, tar.size, &checkpoint, &copy, &messages);
        assert_error(&messages, cases[i].error);
        assert_int_equal(status, cases[i].status);
        assert_null(checkpoint);
        free(copy);
        free(tar.data);
    }
}

// An archive of other things is not called damaged.
static void test_other_archive(void **state)
{
    (void)state;
    struct bytes tar = {0}, content = {0};
    put_text(&content, "hello");
    put_member(&tar, &good, "readme.txt", '0', &content);
    struct cubby_checkpoint *checkpoint;
    uint8_t *copy;
    struct messages messages;
    assert_int_equal(open_bytes(tar.data, tar.size, &checkpoint, &copy, &messages),
                     CUBBY_UNSUPPORTED);
    assert_error(&messages, "not one that torch.save wrote");
    free(copy);
    free(tar.data);
}

// Cut short anywhere, or with one byte changed: read, or refused in words.
static void test_any_damage(void **state)
{
    (void)state;
    struct bytes tar = build(&good);
    struct cubby_checkpoint *checkpoint;
    uint8_t *copy;
    struct messages messages;
    for (size_t size = 0; size < tar.size; ++size) {
        enum cubby_status status = open_bytes(tar.data, size, &checkpoint, &copy, &messages);
        assert_true(status == CUBBY_OK || messages.error[0]);
        // What follows the pickle is padding.
        assert_true(status != CUBBY_OK || size > tar.size - 2048);
        cubby_checkpoint_close(&checkpoint);
        free(copy);
    }
    for (size_t i = 0; i < tar.size; ++i) {
        for (unsigned bits = 1; bits < 256; bits = bits * 4 + 1) {
            tar.data[i] ^= (uint8_t)bits;
            enum cubby_status status =
                open_bytes(tar.data, tar.size, &checkpoint, &copy, &messages);
            assert_true(status == CUBBY_OK || messages.error[0]);
            float values[64];
            for (size_t t = 0; !status && t < cubby_checkpoint_tensor_count(checkpoint); ++t) {
                const struct cubby_tensor *tensor = cubby_checkpoint_tensor(checkpoint, t);
                if (tensor->dtype == CUBBY_F32 && cubby_tensor_elements(tensor) <= 64)
                    tensor_gather(tensor, values);
            }
            cubby_checkpoint_close(&checkpoint);
            free(copy);
            tar.data[i] ^= (uint8_t)bits;
        }
    }
    free(tar.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),     cmocka_unit_test(test_python_2),
        cmocka_unit_test(test_damage),     cmocka_unit_test(test_other_archive),
        cmocka_unit_test(test_any_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
