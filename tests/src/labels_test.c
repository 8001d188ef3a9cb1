#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/model.h"
#include "labels.h"

static void expect_names(const char *text, size_t size, const char *const *names, size_t count)
{
    struct labels labels;
    assert_int_equal(labels_parse(&labels, text, size, NULL), CUBBY_OK);
    assert_int_equal(labels.count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(labels.names[i], names[i]);
    labels_free(&labels);
}

static void expect_status(const char *text, size_t size, enum cubby_status status)
{
    struct labels labels;
    assert_int_equal(labels_parse(&labels, text, size, NULL), status);
    assert_null(labels.names);
    assert_int_equal(labels.count, 0);
}

static const char *const three[] = {"table", "garden bench", "B\xc3\xa4r"};

static void test_lines(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "table\ngarden bench\nB\xc3\xa4r",
        "table\ngarden bench\nB\xc3\xa4r\n",
        "table\r\ngarden bench\r\nB\xc3\xa4r\r\n",
        "\xef\xbb\xbftable\r\ngarden bench\r\nB\xc3\xa4r\r\n\r\n \n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        expect_names(texts[i], strlen(texts[i]), three, 3);
}

static void test_json(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "[\"table\", \"garden bench\", \"B\\u00e4r\"]",
        "\xef\xbb\xbf \r\n[\n\"table\",\n\"garden bench\",\n\"B\xc3\xa4r\"]\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        expect_names(texts[i], strlen(texts[i]), three, 3);
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",           "\n\n",      "\xef\xbb\xbf",    "a\n\nb",    "[",   "[]",
        "[\"a\", 1]", "[\"a\"] x", "[\"a\", \"b\",]", "[[\"a\"]]", "\na",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        expect_status(texts[i], strlen(texts[i]), CUBBY_BAD_DATA);
    expect_status("a\0b\nc", 5, CUBBY_BAD_DATA);
}

static void test_too_many(void **state)
{
    (void)state;
    size_t size = 2 * ((size_t)CUBBY_MAX_CLASSES + 1);
    char *text = malloc(size);
    assert_non_null(text);
    for (size_t i = 0; i < size; i++)
        text[i] = i % 2 ? '\n' : 'a';
    expect_status(text, size, CUBBY_TOO_LARGE);
    struct labels labels;
    assert_int_equal(labels_parse(&labels, text, size - 2, NULL), CUBBY_OK);
    assert_int_equal(labels.count, CUBBY_MAX_CLASSES);
    labels_free(&labels);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
