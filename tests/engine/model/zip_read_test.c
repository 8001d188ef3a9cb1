// engine/model/zip.c
#include "zip_fixture.h"

#include "model/zip.h"

static const struct zip_member members[] = {
    {"a/data.pkl", "12345", 5, 0, 0},
    {"a/data/0", "abcdefgh", 8, 0, 0},
    {"a/empty", "", 0, 0, 0},
};

// Opens an exact copy, so that the sanitizer sees a read beyond the archive.
static enum cubby_status open_copy(const struct bytes *archive, struct messages *messages)
{
    uint8_t *copy = malloc(archive->size ? archive->size : 1);
    assert_non_null(copy);
    memcpy(copy, archive->data, archive->size);
    *messages = (struct messages){0};
    const struct cubby_log log = {messages_write, messages};
    struct zip zip;
    enum cubby_status status = zip_init(&zip, copy, archive->size, &log);
    if (!status)
        zip_fini(&zip);
    free(copy);
    return status;
}

static void test_reads(void **state)
{
    (void)state;
    for (int zip64 = 0; zip64 < 2; ++zip64) {
        struct zip_places places;
        struct bytes archive = zip_build(members, 3, zip64, &places);
        struct zip zip;
        assert_int_equal(zip_init(&zip, archive.data, archive.size, NULL), CUBBY_OK);
        assert_int_equal(zip.count, 3);
        assert_int_equal(zip.first_name_bytes, 10);
        const struct zip_entry *entry = zip_find(&zip, "a/data/0", 8);
        assert_non_null(entry);
        assert_int_equal(entry->size_bytes, 8);
        assert_memory_equal(entry->data, "abcdefgh", 8);
        assert_null(zip_find(&zip, "a/data/", 7));
        assert_null(zip_find(&zip, "a/data/00", 9));
        zip_fini(&zip);

        // A comment behind the end record, whose length is told there.
        archive.data[places.end + 20] = 3;
        put_text(&archive, "abc");
        assert_int_equal(zip_init(&zip, archive.data, archive.size, NULL), CUBBY_OK);
        zip_fini(&zip);
        free(archive.data);
    }
}

static void test_zip64_entry(void **state)
{
    (void)state;
    struct zip_places places;
    struct bytes plain = zip_build(members, 1, true, &places), archive = {0};
    // The sizes and the offset of the one entry move into a 64-bit extra field.
    size_t name = strlen(members[0].name), cut = places.central[0] + 46 + name;
    put_bytes(&archive, plain.data, cut);
    put_number(&archive, 1, 2);
    put_number(&archive, 24, 2);
    put_number(&archive, 5, 8);
    put_number(&archive, 5, 8);
    put_number(&archive, 0, 8);
    put_bytes(&archive, plain.data + cut, plain.size - cut);
    uint8_t *central = archive.data + places.central[0];
    memset(central + 20, 0xff, 8);
    memset(central + 42, 0xff, 4);
    central[30] = 28;
    size_t end64 = places.end64 + 28, locator = places.locator + 28, end = places.end + 28;
    archive.data[end64 + 40] = (uint8_t)(archive.data[end64 + 40] + 28);
    archive.data[locator + 8] = (uint8_t)(archive.data[locator + 8] + 28);
    archive.data[end + 12] = (uint8_t)(archive.data[end + 12] + 28);
    struct messages messages;
    if (open_copy(&archive, &messages))
        fail_msg("%s", messages.error);
    central[30] = 20; // now the field is cut short and the rest is no entry
    assert_int_equal(open_copy(&archive, &messages), CUBBY_BAD_DATA);
    free(plain.data);
    free(archive.data);
}

static void test_hostile(void **state)
{
    (void)state;
    enum place { LOCAL, CENTRAL, END64, LOCATOR, END };
    static const struct {
        enum place place;
        size_t entry, offset, width;
        uint64_t value;
        const char *error;
    } cases[] = {
        {CENTRAL, 1, 42, 4, 0xfffffff0, "no header"},
        {CENTRAL, 1, 42, 4, 1, "no header"},
        {CENTRAL, 1, 42, 4, 0, "contradicts"}, // the header of another entry
        {CENTRAL, 1, 20, 4, 0x7fffffff, "two sizes"},
        {CENTRAL, 1, 24, 4, 7, "two sizes"},
        {CENTRAL, 1, 8, 2, 1, "encrypted"},
        {CENTRAL, 1, 28, 2, 0, "no name"},
        {CENTRAL, 1, 28, 2, 0xffff, "cut short"},
        {CENTRAL, 1, 30, 2, 0xffff, "cut short"},
        {CENTRAL, 1, 34, 2, 1, "another file"},
        {CENTRAL, 1, 10, 2, 8, "contradicts"},
        {CENTRAL, 2, 0, 4, 0, "cut short"},
        {LOCAL, 1, 0, 4, 0, "no header"},
        {LOCAL, 1, 28, 2, 0xffff, "outside the file"},
        {LOCAL, 1, 26, 2, 7, "contradicts"},
        {LOCAL, 1, 30, 1, 'b', "contradicts"},
        {END, 0, 10, 2, 2, "one part"},
        {END, 0, 4, 2, 1, "one part"},
        {END, 0, 12, 4, 5, "contradict"},
        {END, 0, 16, 4, 5, "contradict"},
        {END, 0, 20, 2, 1, "no end record"},
        {END, 0, 0, 4, 0, "no end record"},
        {END64, 0, 0, 4, 0, "64-bit end record"},
        {END64, 0, 32, 8, 4, "contradict"},
        {END64, 0, 48, 8, UINT64_MAX, "contradict"},
        {END64, 0, 16, 4, 1, "contradict"},
        {LOCATOR, 0, 8, 8, UINT64_MAX, "64-bit end record"},
        {LOCATOR, 0, 16, 4, 2, "64-bit end record"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        struct zip_places p;
        struct bytes archive = zip_build(members, 3, true, &p);
        size_t at = cases[i].place == LOCAL     ? p.local[cases[i].entry]
                    : cases[i].place == CENTRAL ? p.central[cases[i].entry]
                    : cases[i].place == END64   ? p.end64
                    : cases[i].place == LOCATOR ? p.locator
                                                : p.end;
        for (size_t b = 0; b < cases[i].width; ++b)
            archive.data[at + cases[i].offset + b] = (uint8_t)(cases[i].value >> 8 * b);
        struct messages messages;
        if (!open_copy(&archive, &messages))
            fail_msg("case %zu opened", i);
        if (!strstr(messages.error, cases[i].error))
            fail_msg("case %zu: expected '%s', got '%s'", i, cases[i].error, messages.error);
        free(archive.data);
    }
}

static void test_directory_lies(void **state)
{
    (void)state;
    static const struct zip_member twice[] = {{"a/x", "1", 1, 0, 0}, {"a/x", "2", 1, 0, 0}};
    struct zip_places places;
    struct messages messages;
    struct bytes archive = zip_build(twice, 2, false, NULL);
    assert_int_equal(open_copy(&archive, &messages), CUBBY_BAD_DATA);
    assert_error(&messages, "one name");
    free(archive.data);

    // Two entries that share one piece of the file: both names fit, since the first is copied.
    static const struct zip_member pair[] = {{"a/x", "1234", 4, 0, 0}, {"a/y", "2", 1, 0, 0}};
    archive = zip_build(pair, 2, false, &places);
    archive.data[places.central[0] + 20] = archive.data[places.central[0] + 24] = 20;
    assert_int_equal(open_copy(&archive, &messages), CUBBY_BAD_DATA);
    assert_error(&messages, "overlap");
    free(archive.data);

    archive = zip_build(pair, 0, true, &places);
    assert_int_equal(open_copy(&archive, &messages), CUBBY_BAD_DATA);
    assert_error(&messages, "no entries");
    free(archive.data);

    // More entries than the directory has room for.
    archive = zip_build(pair, 2, true, &places);
    for (size_t at = 24; at < 40; ++at)
        archive.data[places.end64 + at] = 0;
    archive.data[places.end64 + 26] = archive.data[places.end64 + 34] = 3;
    memset(archive.data + places.end + 8, 0xff, 4);
    assert_int_equal(open_copy(&archive, &messages), CUBBY_BAD_DATA);
    assert_error(&messages, "cut short");
    archive.data[places.end64 + 28] = archive.data[places.end64 + 36] = 1;
    assert_int_equal(open_copy(&archive, &messages), CUBBY_TOO_LARGE);
    free(archive.data);
}

// Cut anywhere, and with any byte changed: refused or read, never beyond the end.
static void test_cut_and_changed(void **state)
{
    (void)state;
    struct messages messages;
    struct bytes archive = zip_build(members, 3, true, NULL);
    size_t whole = archive.size;
    for (archive.size = 0; archive.size < whole; ++archive.size)
        assert_int_not_equal(open_copy(&archive, &messages), CUBBY_OK);
    for (size_t at = 0; at < whole; ++at) {
        uint8_t kept = archive.data[at];
        for (int change = 0; change < 3; ++change) {
            archive.data[at] = change == 0 ? 0xff : change == 1 ? 0 : (uint8_t)(kept ^ 1);
            enum cubby_status status = open_copy(&archive, &messages);
            assert_true(status == CUBBY_OK || messages.error[0]);
        }
        archive.data[at] = kept;
    }
    free(archive.data);
}

static void test_crc32(void **state)
{
    (void)state;
    struct crc32_table table;
    crc32_table_init(&table);
    assert_int_equal(crc32_of(&table, (const uint8_t *)"123456789", 9), 0xcbf43926u);
    assert_int_equal(crc32_of(&table, (const uint8_t *)"", 0), 0);
    assert_int_equal(
        crc32_of(&table, (const uint8_t *)"The quick brown fox jumps over the lazy dog", 43),
        0x414fa339u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),           cmocka_unit_test(test_zip64_entry),
        cmocka_unit_test(test_hostile),         cmocka_unit_test(test_directory_lies),
        cmocka_unit_test(test_cut_and_changed), cmocka_unit_test(test_crc32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
