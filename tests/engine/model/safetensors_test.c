#include "fixture.h"

static enum cubby_status open_header(uint64_t claimed, const char *header, size_t data_bytes,
                                     struct messages *messages)
{
    struct bytes file = {0};
    put_number(&file, claimed == UINT64_MAX ? strlen(header) : claimed, 8);
    put_text(&file, header);
    for (size_t i = 0; i < data_bytes; ++i)
        put_number(&file, i, 1);
    // An exact copy, so that the sanitizer sees a read beyond the file.
    uint8_t *exact = malloc(file.size);
    assert_non_null(exact);
    memcpy(exact, file.data, file.size);
    *messages = (struct messages){0};
    const struct cubby_log log = {messages_write, messages};
    struct cubby_checkpoint *checkpoint;
    enum cubby_status status = cubby_checkpoint_open(&checkpoint, exact, file.size, &log);
    assert_true((status == CUBBY_OK) == (checkpoint != NULL));
    cubby_checkpoint_close(&checkpoint);
    free(exact);
    free(file.data);
    return status;
}

#define ENTRY(name, dtype, shape, offsets)                                                         \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void test_hostile(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data_bytes;
        const char *error; // NULL: opens
    } cases[] = {
        {"{" ENTRY("w", "F32", "[2]", "[0,8]") "}", 8, NULL},
        {"{" ENTRY("w", "F32", "[2]", "[0,8]") "}     ", 8, NULL},
        {"{" ENTRY("w", "F32", "[]", "[0,4]") "}", 4, NULL},
        {"{" ENTRY("w", "F32", "[0,7]", "[0,0]") "}", 0, NULL},
        {"{" ENTRY("b", "F32", "[1]", "[4,8]") "," ENTRY("a", "F32", "[1]", "[0,4]") "}", 8, NULL},
        {"{\"__metadata__\":{\"k\":\"v\"}," ENTRY("w", "U8", "[3]", "[0,3]") "}", 3, NULL},
        {"{" ENTRY("w", "F4", "[4]", "[0,2]") "}", 2, NULL},
        {"{" ENTRY("w", "F4", "[3]", "[0,2]") "}", 2, "another size"},
        {"{}", 0, NULL},
        {"{}", 1, "end at byte 0"},
        {"{" ENTRY("w", "F32", "[2]", "[0,8]") "}", 7, "outside the file"},
        {"{" ENTRY("w", "F32", "[2]", "[0,8]") "}", 9, "end at byte 8"},
        {"{" ENTRY("w", "F32", "[2]", "[4,12]") "}", 12, "hole at byte 0"},
        {"{" ENTRY("a", "F32", "[1]", "[0,4]") "," ENTRY("b", "F32", "[1]", "[5,9]") "}", 9,
         "hole at byte 4"},
        {"{" ENTRY("a", "F32", "[1]", "[0,4]") "," ENTRY("b", "F32", "[1]", "[2,6]") "}", 6,
         "overlap"},
        {"{" ENTRY("a", "F32", "[1]", "[0,4]") "," ENTRY("a", "F32", "[1]", "[4,8]") "}", 8,
         "not valid JSON"},
        {"{" ENTRY("w", "F32", "[2]", "[8,0]") "}", 8, "outside the file"},
        {"{" ENTRY("w", "F32", "[3]", "[0,8]") "}", 8, "another size"},
        {"{" ENTRY("w", "F32", "[4611686018427387905]", "[0,4]") "}", 4, "impossible shape"},
        {"{" ENTRY("w", "F32", "[4294967296,4294967296,2]", "[0,0]") "}", 0, "impossible shape"},
        {"{" ENTRY("w", "F32", "[0,9223372036854775807,9]", "[0,0]") "}", 0, "impossible shape"},
        {"{" ENTRY("w", "F32", "[-1]", "[0,4]") "}", 4, "whole numbers"},
        {"{" ENTRY("w", "F32", "[1e0]", "[0,4]") "}", 4, "whole numbers"},
        {"{" ENTRY("w", "F32", "[99999999999999999999]", "[0,4]") "}", 4, "not valid JSON"},
        {"{" ENTRY("w", "F32", "\"x\"", "[0,4]") "}", 4, "no shape"},
        {"{" ENTRY("w", "F32", "[1]", "[0]") "}", 4, "no data_offsets"},
        {"{" ENTRY("w", "F32", "[1]", "[0,4.0]") "}", 4, "no data_offsets"},
        {"{" ENTRY("w", "F33", "[1]", "[0,4]") "}", 4, "unknown dtype"},
        {"{" ENTRY("w", "F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4, "9 dimensions"},
        {"{\"w\":[]}", 0, "unknown dtype"},
        {"{" ENTRY("w\\u001b[2J", "F32", "[1]", "[0,4]") "}", 4, "control characters"},
        {"{" ENTRY("w\\u0000x", "F32", "[1]", "[0,4]") "}", 4, "not valid JSON"},
        {"{" ENTRY("w\xff", "F32", "[1]", "[0,4]") "}", 4, "not valid JSON"},
        {"{\"__metadata__\":{\"k\":1}}", 0, "than strings"},
        {"{\"__metadata__\":{\"k\":{}}}", 0, "than strings"},
        {"{\"__metadata__\":[]}", 0, "not an object"},
        {"{\"w\":{\"dtype\":[[1]]}}", 0, "levels deep"},
        {"{} x", 0, "not valid JSON"},
        {"{\"w\":", 0, "not valid JSON"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        struct messages messages;
        enum cubby_status status =
            open_header(UINT64_MAX, cases[i].header, cases[i].data_bytes, &messages);
        if (!cases[i].error && status)
            fail_msg("%s: %s", cases[i].header, messages.error);
        if (cases[i].error) {
            if (!status)
                fail_msg("%s: opened", cases[i].header);
            assert_error(&messages, cases[i].error);
        }
    }
}

static void test_header_length(void **state)
{
    (void)state;
    struct messages messages;
    const char *header = "{" ENTRY("w", "F32", "[1]", "[0,4]") "}";
    size_t length = strlen(header);
    assert_int_equal(open_header(length, header, 4, &messages), CUBBY_OK);
    assert_int_equal(open_header(length + 5, header, 4, &messages), CUBBY_BAD_DATA);
    assert_error(&messages, "does not fit");
    assert_int_equal(open_header(length - 1, header, 4, &messages), CUBBY_BAD_DATA);
    assert_int_equal(open_header(((uint64_t)32 << 20) + 1, header, 4, &messages), CUBBY_TOO_LARGE);
    assert_int_equal(open_header((uint64_t)1 << 63, header, 4, &messages), CUBBY_TOO_LARGE);
    assert_int_equal(open_header(0, header, 4, &messages), CUBBY_BAD_DATA);
    assert_int_equal(open_header(1, header, 4, &messages), CUBBY_BAD_DATA);
}

// A header of 20 MB that would cost jansson a gigabyte.
static void test_json_bomb(void **state)
{
    (void)state;
    size_t size = 20000000;
    char *header = malloc(size + 1);
    assert_non_null(header);
    memset(header, '1', size);
    for (size_t i = 1; i < size; i += 2)
        header[i] = ',';
    memcpy(header, "{\"w\":[1,", 8);
    header[size] = '\0';
    struct messages messages;
    assert_int_equal(open_header(UINT64_MAX, header, 0, &messages), CUBBY_TOO_LARGE);
    assert_error(&messages, "more than the limit");
    free(header);
}

// Entries that cost a hundred times their six bytes.
static void test_metadata_bomb(void **state)
{
    (void)state;
    static const struct {
        unsigned entries;
        enum cubby_status status;
        const char *error;
    } cases[] = {{10000, CUBBY_OK, ""},
                 {10001, CUBBY_TOO_LARGE, "entries in __metadata__"},
                 {1000000, CUBBY_TOO_LARGE, "more than the limit"}};
    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); ++k) {
        struct bytes header = {0};
        put_text(&header, "{\"__metadata__\":{");
        for (unsigned i = 0; i < cases[k].entries; ++i) {
            char entry[32];
            snprintf(entry, sizeof(entry), i ? ",\"%x\":\"\"" : "\"%x\":\"\"", i);
            put_text(&header, entry);
        }
        put_bytes(&header, "}}", 3);
        struct messages messages;
        assert_int_equal(open_header(UINT64_MAX, (const char *)header.data, 0, &messages),
                         cases[k].status);
        assert_error(&messages, cases[k].error);
        free(header.data);
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    struct dict *dict = dict_create(7);
    dict_add(dict, "z", 2, (int64_t[]){3, 5}, -1, 1);
    struct cubby_tensor *turned = dict_add(dict, "turned", 2, (int64_t[]){4, 6}, -1, 1);
    turned->shape[0] = 6; // read the same bytes as columns
    turned->shape[1] = 4;
    turned->strides[0] = 1;
    turned->strides[1] = 6;
    struct cubby_tensor *half = dict_add(dict, "half", 1, (int64_t[]){4}, -1, 1);
    half->dtype = CUBBY_BF16;
    struct cubby_tensor *wide = dict_add(dict, "wide", 1, (int64_t[]){6}, -1, 1);
    double values[3] = {0.1, -2.5, 1e-3};
    memcpy((void *)(uintptr_t)wide->data, values, sizeof(values));
    wide->dtype = CUBBY_F64;
    wide->shape[0] = 3;
    dict_add_norm(dict, "bn", 3); // with an int64
    dict_add(dict, "empty", 2, (int64_t[]){0, 3}, 0, 1);

    const struct safetensors_text texts[] = {{"k", "v \"quoted\" \xc3\xb6"}};
    struct file file = {0};
    file_open(&file, dict, texts, 1);
    assert_string_equal(cubby_checkpoint_container(file.checkpoint), "safetensors");
    assert_string_equal(cubby_checkpoint_metadata(file.checkpoint, "k"), texts[0].value);
    assert_null(cubby_checkpoint_metadata(file.checkpoint, "other"));
    assert_null(cubby_checkpoint_find(file.checkpoint, "zz"));
    assert_int_equal(cubby_checkpoint_tensor_count(file.checkpoint), dict->count);
    for (size_t i = 0; i < dict->count; ++i) {
        const struct cubby_tensor *wrote = &dict->tensors[i];
        const struct cubby_tensor *read = cubby_checkpoint_find(file.checkpoint, wrote->name);
        assert_non_null(read);
        assert_int_equal(read->dtype, wrote->dtype == CUBBY_F64 ? CUBBY_F32 : wrote->dtype);
        assert_int_equal(read->rank, wrote->rank);
        float a[64], b[64];
        assert_int_equal(cubby_tensor_read_f32(wrote, a), CUBBY_OK);
        assert_int_equal(cubby_tensor_read_f32(read, b), CUBBY_OK);
        assert_memory_equal(a, b, cubby_tensor_elements(read) * sizeof(float));
    }

    // Another order of the same tensors gives the same bytes.
    struct cubby_tensor first = dict->tensors[0];
    dict->tensors[0] = dict->tensors[3];
    dict->tensors[3] = first;
    void *again;
    size_t again_bytes;
    assert_int_equal(
        safetensors_write(&again, &again_bytes, dict->tensors, dict->count, texts, 1, NULL),
        CUBBY_OK);
    assert_int_equal(again_bytes, file.size_bytes);
    assert_memory_equal(again, file.data, again_bytes);
    free(again);
    file_close(&file);
    dict_destroy(dict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile),    cmocka_unit_test(test_header_length),
        cmocka_unit_test(test_json_bomb),  cmocka_unit_test(test_metadata_bomb),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
