#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "check/character.h"

static void expect_cell(const char *name, unsigned columns, bool right, const char *expected)
{
    struct text text = {0};
    character_add_cell(&text, name, columns, right);
    text_add(&text, "", 1);
    assert_string_equal(text.bytes, expected);
    text_free(&text);
}

static void test_cells(void **state)
{
    (void)state;
    expect_cell("", 3, false, "   ");
    expect_cell("ab", 4, false, "ab  ");
    expect_cell("ab", 4, true, "  ab");
    expect_cell("abcd", 4, false, "abcd");
    expect_cell("abcde", 4, false, "abc…");
    expect_cell("abcde", 4, true, "abc…");
    // Wide characters are two columns, combining ones none.
    expect_cell("椅子", 6, false, "椅子  ");
    expect_cell("椅子椅", 4, false, "椅… ");
    expect_cell("e\xcc\x81t\xc3\xa9", 5, false, "e\xcc\x81t\xc3\xa9  ");
}

static void test_cells_cannot_forge(void **state)
{
    (void)state;
    expect_cell("a\nb", 8, false, "a\\x0ab  ");
    expect_cell("\x1b[2J", 8, false, "\\x1b[2J ");
    expect_cell("\xe2\x80\xaegpj", 12, false, "\\u{202e}gpj ");
    expect_cell("\xc2\x9b"
                "1m",
                8, false, "\\u{9b}1m");
    expect_cell("a\xff", 8, false, "a\\xff   ");
    expect_cell("\xe2\x80\xaegpj", 6, false, "…     ");
}

static void test_names(void **state)
{
    (void)state;
    struct text text = {0};
    character_add_name(&text, "a\x1b\xe2\x81\xa6z \xff\xe6\xa4\x85");
    text_add(&text, "", 1);
    assert_string_equal(text.bytes, "a\\x1b\\u{2066}z \xff\xe6\xa4\x85");
    text_free(&text);
}

static void test_columns(void **state)
{
    (void)state;
    assert_int_equal(character_columns(""), 0);
    assert_int_equal(character_columns("table"), 5);
    assert_int_equal(character_columns("\xe6\xa4\x85"), 2);
    assert_int_equal(character_columns("\xe2\x80\xae"), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_cells_cannot_forge),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
