#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "photo.h"
#include "platform/names.h"

static bool is_utf8(const char *text)
{
    while (*text) {
        size_t length = names_utf8_length(text);
        if (!length)
            return false;
        text += length;
    }
    return true;
}

// Wherever the cut falls, no character is cut in two, and no whole one is lost.
static void test_reason_is_cut_between_characters(void **state)
{
    (void)state;
    static const char *const characters[] = {"a", "\u00e9", "\u5199", "\U0001f4f7"};
    for (size_t c = 0; c < 4; c++) {
        size_t bytes = strlen(characters[c]);
        for (size_t before = 0; before < 8; before++) {
            char text[800] = "";
            memset(text, 'x', before);
            while (strlen(text) < 600)
                strcat(text, characters[c]);
            struct photo photo = {0};
            photo_settle(&photo, PHOTO_FAILED, "%s", text);
            size_t length = strlen(photo.reason);
            assert_int_equal(photo.status, PHOTO_FAILED);
            assert_true(is_utf8(photo.reason));
            assert_true(length < PHOTO_REASON_BYTES && length + bytes >= PHOTO_REASON_BYTES);
            assert_memory_equal(photo.reason, text, length);
        }
    }
}

static void test_short_reason_is_whole(void **state)
{
    (void)state;
    struct photo photo = {0};
    photo_settle(&photo, PHOTO_SKIPPED, "%s \xc3", "not cut"); // not ours to mend
    assert_string_equal(photo.reason, "not cut \xc3");
    char text[PHOTO_REASON_BYTES] = "";
    memset(text, '.', sizeof(text) - 1);
    memcpy(text + sizeof(text) - 4, "\u5199", 3);
    photo_settle(&photo, PHOTO_SKIPPED, "%s", text); // just fits
    assert_string_equal(photo.reason, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reason_is_cut_between_characters),
        cmocka_unit_test(test_short_reason_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
