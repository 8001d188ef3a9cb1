#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/names.h"

static void becomes(const char *text, enum names_kind kind, const char *expected)
{
    char *name = names_component(text, kind);
    assert_non_null(name);
    if (strcmp(name, expected) != 0)
        fail_msg("'%s' became '%s', not '%s'", text, name, expected);
    free(name);
}

static void test_components(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum names_kind kind;
        const char *expected;
    } cases[] = {
        {"table", NAMES_LABEL, "table"},
        {"été 写真.JPG", NAMES_FILE, "été 写真.JPG"},
        {"", NAMES_LABEL, "_"},
        {".", NAMES_FILE, "．"},
        {"..", NAMES_FILE, ".．"},
        {"..", NAMES_LABEL, "．．"},
        {"a/b", NAMES_LABEL, "a／b"},
        {"../../etc", NAMES_LABEL, "．.／..／etc"},
        {"<>:\"\\|?*", NAMES_FILE, "＜＞：＂＼｜？＊"},
        {"a\nb\x7f", NAMES_FILE, "a␊b␡"},
        {"dot.", NAMES_LABEL, "dot．"},
        {"space ", NAMES_LABEL, "space␠"},
        {"CON", NAMES_LABEL, "CON_"},
        {"nul.txt.jpg", NAMES_FILE, "nul_.txt.jpg"},
        {"Com0", NAMES_FILE, "Com0_"},
        {"lpt9.jpg", NAMES_FILE, "lpt9_.jpg"},
        {"COM\xc2\xb9.jpg", NAMES_FILE, "COM\xc2\xb9_.jpg"},
        {"COM10", NAMES_FILE, "COM10"},
        {"CONTROL", NAMES_LABEL, "CONTROL"},
        {"aux .jpg", NAMES_FILE, "aux _.jpg"},
        {"unsure", NAMES_LABEL, "unsure_"},
        {"UNSURE", NAMES_LABEL, "UNSURE_"},
        {"unsure", NAMES_FILE, "unsure"},
        {".cubby", NAMES_LABEL, "．cubby"},
        {".hidden.jpg", NAMES_FILE, ".hidden.jpg"},
        {"caf\xe9.jpg", NAMES_ENTRY, "caf%E9.jpg"},
        {"caf\xe9.jpg", NAMES_LABEL, "caf%E9.jpg"},
#ifndef _WIN32
        {"caf\xe9.jpg", NAMES_FILE, "caf\xe9.jpg"},
#endif
        {"\xed\xa0\x80", NAMES_ENTRY, "%ED%A0%80"}, // a surrogate
        {"\xc0\xaf", NAMES_ENTRY, "%C0%AF"},        // an overlong '/'
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        becomes(cases[i].text, cases[i].kind, cases[i].expected);
}

static void repeat(char *text, const char *piece, size_t count)
{
    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        strcat(text, piece);
}

static void test_long_names(void **state)
{
    (void)state;
    char text[4096];
    repeat(text, "é", 400);
    strcat(text, ".jpeg");
    char *name = names_component(text, NAMES_FILE);
    assert_int_equal(strlen(name), 255); // 250 bytes of é, then .jpeg
    assert_string_equal(name + 250, ".jpeg");
    char *numbered = names_numbered(name, 12);
    assert_true(strlen(numbered) <= NAMES_MAX_BYTES);
    assert_string_equal(numbered + strlen(numbered) - 10, " (12).jpeg");
    for (const char *p = numbered; *p; p += names_utf8_length(p))
        assert_true(names_utf8_length(p) > 0);
    free(numbered);
    free(name);

    repeat(text, "?", 300); // grows threefold
    name = names_component(text, NAMES_LABEL);
    assert_int_equal(strlen(name), 255);
    free(name);

    memset(text, 'a', 254);
    strcpy(text + 254, ".bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"); // no extension
    char expected[255] = "";
    memset(expected, 'a', 254);
    becomes(text, NAMES_FILE, expected);
    memset(text, ' ', 300);
    text[300] = '\0';
    name = names_component(text, NAMES_LABEL);
    assert_true(name[strlen(name) - 1] != ' ' && strlen(name) <= NAMES_MAX_BYTES);
    free(name);
}

static void test_random_names_are_safe(void **state)
{
    (void)state;
    unsigned seed = 20240607;
    for (int round = 0; round < 20000; round++) {
        char text[400];
        unsigned first = seed;
        size_t length = 0, wanted = (seed = seed * 1664525u + 1013904223u) >> 8;
        wanted %= round % 10 ? 12 : sizeof(text) - 1;
        while (length < wanted) {
            seed = seed * 1664525u + 1013904223u;
            static const char odd[] = "./\\ :.CONunsure\xc3\xa9\xe5\xff";
            unsigned pick = seed >> 16;
            text[length++] =
                pick & 1 ? odd[(pick >> 1) % (sizeof(odd) - 1)] : (char)(1 + (pick >> 1) % 255);
        }
        text[length] = '\0';
        for (int kind = NAMES_FILE; kind <= NAMES_LABEL; kind++) {
            char *name = names_component(text, (enum names_kind)kind);
            assert_non_null(name);
            size_t bytes = strlen(name);
            bool safe = bytes > 0 && bytes <= NAMES_MAX_BYTES && !strpbrk(name, "<>:\"/\\|?*") &&
                        name[bytes - 1] != '.' && name[bytes - 1] != ' ';
            for (const char *p = name; safe && *p; p++)
                safe = (unsigned char)*p >= 0x20 && *p != 0x7f;
            if (kind != NAMES_FILE)
                for (const char *p = name; safe && *p; p += names_utf8_length(p))
                    safe = names_utf8_length(p) > 0;
            if (kind == NAMES_LABEL)
                safe = safe && name[0] != '.' && strcmp(name, NAMES_UNSURE) != 0;
            // Safe names are unchanged: what came out is such a name.
            char *again = names_component(name, (enum names_kind)kind);
            if (!safe || strcmp(again, name) != 0)
                fail_msg("seed %u kind %d: '%s' -> '%s' -> '%s'", first, kind, text, name, again);
            free(again);
            free(name);
        }
    }
}

static void test_folders(void **state)
{
    (void)state;
    static const char *const labels[] = {"Table",  "table", "table (2)", "unsure", "unsure_",
                                         ".cubby", "a/b",   "a／b",      "ÉTÉ",    "été",
                                         "",       "_",     "ДОМ",       "дом"};
    static const char *const expected[] = {
        "Table",    "table (2)", "table (2) (2)", "unsure_", "unsure_ (2)", "．cubby", "a／b",
        "a／b (2)", "ÉTÉ",       "été (2)",       "_",       "_ (2)",       "ДОМ",     "дом (2)"};
    size_t count = sizeof(labels) / sizeof(*labels);
    char **folders;
    assert_int_equal(names_make_folders(&folders, labels, count), CUBBY_OK);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(folders[i], expected[i]);
    names_free_folders(&folders, count);
    assert_null(folders);
}

static void test_many_equal_labels(void **state)
{
    (void)state;
    enum { COUNT = 50000 };
    const char **labels = calloc(COUNT, sizeof(*labels));
    for (size_t i = 0; i < COUNT; i++)
        labels[i] = "same";
    char **folders;
    assert_int_equal(names_make_folders(&folders, labels, COUNT), CUBBY_OK);
    assert_string_equal(folders[0], "same");
    assert_string_equal(folders[COUNT - 1], "same (50000)");
    names_free_folders(&folders, COUNT);
    free(labels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_components),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_random_names_are_safe),
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_many_equal_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
