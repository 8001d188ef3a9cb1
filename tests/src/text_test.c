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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv_field),
        cmocka_unit_test(test_csv_is_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
