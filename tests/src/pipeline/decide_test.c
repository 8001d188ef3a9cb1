#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pipeline/decide.h"

static void test_top_is_sorted(void **state)
{
    (void)state;
    const float p[8] = {0.05f, 0.1f, 0.3f, 0.02f, 0.25f, 0.08f, 0.15f, 0.05f};
    struct photo photo = {0};
    decide_top(&photo, p, 8);
    const uint32_t expected[PHOTO_TOP] = {2, 4, 6, 1, 5};
    assert_int_equal(photo.top_count, PHOTO_TOP);
    for (uint32_t i = 0; i < PHOTO_TOP; i++) {
        assert_int_equal(photo.top[i].class_index, expected[i]);
        assert_true(photo.top[i].probability == p[expected[i]]);
    }
    assert_int_equal(photo.status, PHOTO_PENDING);
}

static void test_equal_ones_keep_their_order(void **state)
{
    (void)state;
    const float p[7] = {0.1f, 0.2f, 0.1f, 0.2f, 0.1f, 0.2f, 0.1f};
    const uint32_t expected[PHOTO_TOP] = {1, 3, 5, 0, 2};
    struct photo photo = {0};
    decide_top(&photo, p, 7);
    for (uint32_t i = 0; i < PHOTO_TOP; i++)
        assert_int_equal(photo.top[i].class_index, expected[i]);
}

static void test_few_classes(void **state)
{
    (void)state;
    const float p[2] = {0.25f, 0.75f};
    struct photo photo = {.top_count = 5};
    decide_top(&photo, p, 2);
    assert_int_equal(photo.top_count, 2);
    assert_int_equal(photo.top[0].class_index, 1);
    decide_top(&photo, p + 1, 1);
    assert_int_equal(photo.top_count, 1);
}

static void test_no_probability(void **state)
{
    (void)state;
    const float wrong[] = {NAN, INFINITY, -INFINITY, -0.5f, 1.5f};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        for (uint32_t at = 0; at < 3; at++) {
            float p[3] = {0.5f, 0.25f, 0.25f};
            p[at] = wrong[i];
            struct photo photo = {0};
            decide_top(&photo, p, 3);
            assert_int_equal(photo.status, PHOTO_FAILED);
            assert_int_equal(photo.top_count, 0);
            assert_non_null(strstr(photo.reason, "not a probability"));
        }
    }
}

static void test_threshold(void **state)
{
    (void)state;
    struct photo photo = {.top = {{1, 0.9f}}, .top_count = 1};
    assert_int_equal(decide(&photo, 0.0), PHOTO_FILED);
    assert_int_equal(decide(&photo, 0.9), PHOTO_FILED); // 0.9f is below 0.9
    assert_int_equal(decide(&photo, 0.901), PHOTO_UNSURE);
    photo.top[0].probability = 1.0f;
    assert_int_equal(decide(&photo, 1.0), PHOTO_FILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_top_is_sorted), cmocka_unit_test(test_equal_ones_keep_their_order),
        cmocka_unit_test(test_few_classes),   cmocka_unit_test(test_no_probability),
        cmocka_unit_test(test_threshold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
