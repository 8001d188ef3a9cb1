#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "commands/held_photos.h"

// What the report and the sink look at comes back as it was, in order, however many there are.
static void test_all_come_back(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    struct held_photos held = {0};
    char path[32], filed_as[32];
    for (unsigned i = 0; i < COUNT; i++) {
        bool is_filed = i % 3 == 0;
        snprintf(path, sizeof(path), "photos/%u.jpg", i);
        snprintf(filed_as, sizeof(filed_as), "%u.zip/\xff.jpg", i);
        struct photo photo = {.path = path,
                              .filed_as = is_filed ? filed_as : NULL,
                              .hash = {i, ~(uint64_t)i},
                              .size_bytes = UINT64_C(5000000000) + i,
                              .top = {{i, 0.25f}, {7, 0.1f}},
                              .top_count = is_filed ? 2 : 0};
        photo_settle(&photo, is_filed ? PHOTO_FILED : PHOTO_FAILED, "%s", is_filed ? "" : "why");
        assert_int_equal(held_photos_add(&held, &photo), CUBBY_OK);
    }
    assert_int_equal(held.count, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        bool is_filed = i % 3 == 0;
        struct photo *photo;
        assert_int_equal(held_photos_get(&held, i, &photo), CUBBY_OK);
        snprintf(path, sizeof(path), "photos/%u.jpg", i);
        snprintf(filed_as, sizeof(filed_as), "%u.zip/\xff.jpg", i);
        assert_string_equal(photo->path, path);
        assert_int_equal(photo->status, is_filed ? PHOTO_FILED : PHOTO_FAILED);
        assert_string_equal(photo->reason, is_filed ? "" : "why");
        assert_true(photo->hash.low == i && photo->hash.high == ~(uint64_t)i);
        assert_true(photo->size_bytes == UINT64_C(5000000000) + i);
        assert_int_equal(photo->top_count > 0, is_filed);
        if (is_filed) {
            assert_string_equal(photo->filed_as, filed_as);
            assert_int_equal(photo->top[0].class_index, i);
            assert_true(photo->top[0].probability == 0.25f);
        } else {
            assert_null(photo->filed_as);
        }
        photo_free(&photo);
    }
    held_photos_fini(&held);
    held_photos_fini(&held); // empty by now
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_come_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
