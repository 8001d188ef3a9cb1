#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "text.h"

static void assert_csv(const char *value, const char *expected)
{
    struct text text = {0};
    text_add_csv_field(&text, value);
    text_add(&text, "", 1);
    assert_false(text.failed);
    assert_string_equal(text.bytes, expected);
    text_free(&text);
}

static void test_csv_field(void **state)
{
    (void)state;
    assert_csv("", "");
    assert_csv("plain text", "plain text");
    assert_csv("a,b", "\"a,b\"");
    assert_csv("\"", "\"\"\"\"");
    assert_csv("line\r\nline", "\"line\r\nline\"");
    assert_csv("\u00e9t\u00e9 \u5199 \U0001f4f7", "\u00e9t\u00e9 \u5199 \U0001f4f7");
}

// Latin-1, overlong forms, surrogates and cut characters: each byte on its own becomes U+FFFD.
static void test_csv_is_utf8(void **state)
{
    (void)state;
    assert_csv("caf\xe9.jpg", "caf\ufffd.jpg");
    assert_csv("\xff,\xfe", "\"\ufffd,\ufffd\"");
    assert_csv("\xc0\xaf", "\ufffd\ufffd");
    assert_csv("\xed\xa0\x80", "\ufffd\ufffd\ufffd");
    assert_csv("\xe5\x86", "\ufffd\ufffd");
}

static void assert_text(void (*add)(struct text *text, const char *string), const char *value,
                        const char *expected)
{
    struct text text = {0};
    add(&text, value);
    text_add(&text, "", 1);
    assert_false(text.failed);
    assert_string_equal(text.bytes, expected);
    text_free(&text);
}

// U+009B is an escape sequence's beginning in one character.
static void test_control_characters(void **state)
{
    (void)state;
    assert_text(text_add_printable, "a\x1b[2J\x7f \xc2\x9b\x32J \u00a0\u00e9",
                "a\\x1b[2J\\x7f \\xc2\\x9b2J \u00a0\u00e9");
    assert_text(text_add_json_string, "\x1b \xc2\x80 \xc2\x9f \u00a0",
                "\"\\u001b \\u0080 \\u009f \u00a0\"");
    assert_text(text_add_json, "{\"a\": \"\xc2\x85\x7f\u00e9\"}",
                "{\"a\": \"\\u0085\\u007f\u00e9\"}");
    assert_text(text_add_printable, "\xc2", "\xc2"); // cut
    assert_text(text_add_string, "", "");            // without memory yet
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv_field),
        cmocka_unit_test(test_csv_is_utf8),
        cmocka_unit_test(test_control_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
