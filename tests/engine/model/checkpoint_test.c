#include "fixture.h"

#define LEGACY_START "\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\2M\xe9\3.\x80\2"
#define LEGACY_LITTLE LEGACY_START "}X\x0d\0\0\0little_endian\x88s."

static void test_other_kinds(void **state)
{
    (void)state;
    static char tar[512];
    memcpy(tar + 257, "ustar", 5);
    static const struct {
        const char *data;
        size_t size;
        const char *error;
    } cases[] = {
#define CASE(literal, error) {literal, sizeof(literal) - 1, error}
        CASE("", "empty"),
        CASE("\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", "cut short"),
        CASE("\x80\4\x95\x0d\0\0\0\0\0\0\0\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.",
             "cut short"),
        CASE("\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\2K\1.", "not 1001"),
        CASE(LEGACY_START "}.", "byte order"),
        CASE(LEGACY_START "}X\x0d\0\0\0little_endian\x89s.", "big-endian"),
        CASE(LEGACY_LITTLE, "cut short"),
        CASE(LEGACY_LITTLE "\x80\2}.\x80\2N.", "list of storages"),
        CASE(LEGACY_LITTLE "\x80\2}.\x80\2]K\1a.", "no tensor names"),
        CASE(LEGACY_LITTLE "\x80\2}.\x80\2].x", "follows its last"),
        CASE(LEGACY_LITTLE "\x80\2}.\x80\2].", "not the weights"),
        CASE("\x80\4\x95\x0d\0\0\0", "plain Python pickle"),
        CASE("\x80\2}.", "plain Python pickle"),
        {tar, sizeof(tar), "tar archive"},
        CASE("\x08\7\x12\7pytorch", "ONNX"),
        CASE("\x89HDF\r\n\x1a\n....", "Keras"),
        CASE("<!DOCTYPE html><html>", "web page"),
        CASE("  \r\n<HTML>", "web page"),
        CASE("\xef\xbb\xbf<html>", "web page"),
        CASE("version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
        CASE("{\"model_type\": \"resnet\"}", "JSON"),
        CASE("[1, [2, {}]]", "JSON"),
        CASE("{      {\"", "JSON"),
        CASE("\x1f\x8b\x08", "gzip"),
        CASE("\x28\xb5\x2f\xfd", "zstd"),
        CASE("\xff\xd8\xff\xe0", "JPEG"),
        CASE("PK\5\6", "empty zip"),
        CASE("PK\3\4", "too short"),
        CASE("xyz", "no kind"),
        CASE("x", "no kind"),
        CASE("   ", "no kind"),
#undef CASE
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        uint8_t *copy = malloc(cases[i].size ? cases[i].size : 1);
        assert_non_null(copy);
        memcpy(copy, cases[i].data, cases[i].size);
        struct messages messages = {0};
        const struct cubby_log log = {messages_write, &messages};
        struct cubby_checkpoint *checkpoint;
        assert_int_not_equal(cubby_checkpoint_open(&checkpoint, copy, cases[i].size, &log),
                             CUBBY_OK);
        assert_null(checkpoint);
        if (!strstr(messages.error, cases[i].error))
            fail_msg("case %zu: expected '%s', got '%s'", i, cases[i].error, messages.error);
        free(copy);
    }
}

// One of two networks in a file.
static void test_part(void **state)
{
    (void)state;
    static const char *const names[] = {"b.y", "a.x", "b.x", "ba.x"};
    struct dict *dict = dict_create(1);
    for (size_t i = 0; i < 4; ++i)
        dict_add(dict, names[i], 1, (int64_t[]){2}, 0, 1);
    struct file file = {0};
    file_open(&file, dict, NULL, 0);
    struct messages messages = {0};
    const struct cubby_log log = {messages_write, &messages};
    struct cubby_checkpoint *part;
    assert_int_equal(cubby_checkpoint_open_part(&part, file.data, file.size_bytes, "b.", &log),
                     CUBBY_OK);
    assert_int_equal(cubby_checkpoint_tensor_count(part), 2);
    assert_non_null(cubby_checkpoint_find(part, "b.x"));
    assert_non_null(cubby_checkpoint_find(part, "b.y"));
    assert_null(cubby_checkpoint_find(part, "ba.x"));
    cubby_checkpoint_close(&part);
    assert_int_equal(cubby_checkpoint_open_part(&part, file.data, file.size_bytes, "c.", &log),
                     CUBBY_UNSUPPORTED);
    assert_error(&messages, "no weights under 'c.'");
    file_close(&file);
    dict_destroy(dict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_other_kinds),
                                       cmocka_unit_test(test_part)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
