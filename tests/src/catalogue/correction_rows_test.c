#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "opened.h"

static int64_t add(struct catalogue *catalogue, uint64_t content, const char *class_name,
                   const char *place)
{
    struct catalogue_correction correction = {.hash = {content, ~content},
                                              .size_bytes = content,
                                              .class_name = (char *)class_name,
                                              .before = (char *)"bench",
                                              .place = (char *)place,
                                              .seen_ns = 77};
    assert_int_equal(catalogue_put_correction(catalogue, &correction), CUBBY_OK);
    assert_true(correction.id > 0);
    return correction.id;
}

static void test_last_word_counts(void **state)
{
    struct catalogue *catalogue = opened(state);
    int64_t id = add(catalogue, 5, "chair", "chair/a.jpg");
    assert_true(add(catalogue, 6, NULL, "unsure/\xff.jpg") > id);
    assert_int_equal(add(catalogue, 5, "stool", "stool/a.jpg"), id);

    struct catalogue_correction out;
    assert_int_equal(
        catalogue_find_correction(catalogue, (struct photo_hash){5, ~UINT64_C(5)}, 5, &out),
        CUBBY_OK);
    assert_int_equal(out.id, id);
    assert_string_equal(out.class_name, "stool");
    assert_string_equal(out.before, "bench");
    assert_string_equal(out.place, "stool/a.jpg");
    assert_true(out.seen_ns == 77 && out.size_bytes == 5);
    catalogue_correction_fini(&out);
    // Another size, or another hash: another content.
    assert_int_equal(
        catalogue_find_correction(catalogue, (struct photo_hash){5, ~UINT64_C(5)}, 6, &out),
        CUBBY_OK);
    assert_int_equal(out.id, 0);
    assert_int_equal(catalogue_find_correction(catalogue, (struct photo_hash){5, 5}, 5, &out),
                     CUBBY_OK);
    assert_int_equal(out.id, 0);
    catalogue_close(&catalogue);
}

static void test_all_in_order_and_durable(void **state)
{
    struct catalogue *catalogue = opened(state);
    add(catalogue, 1, "chair", "chair/a.jpg");
    add(catalogue, 2, NULL, "b.jpg");
    assert_int_equal(catalogue_commit(catalogue), CUBBY_OK);
    add(catalogue, 3, "lost", "lost/c.jpg"); // not committed
    catalogue_close(&catalogue);
    catalogue = opened(state);
    struct catalogue_correction out;
    int64_t after = 0;
    for (uint64_t i = 1; i <= 2; i++) {
        assert_int_equal(catalogue_next_correction(catalogue, after, &out), CUBBY_OK);
        assert_true(out.id > after && out.hash.low == i);
        after = out.id;
        if (i == 2)
            assert_null(out.class_name);
        catalogue_correction_fini(&out);
    }
    assert_int_equal(catalogue_next_correction(catalogue, after, &out), CUBBY_OK);
    assert_int_equal(out.id, 0);
    catalogue_close(&catalogue);
}

static void test_hostile_rows(void **state)
{
    static const char *const changes[] = {"UPDATE corrections SET place = '../elsewhere/a.jpg'",
                                          "UPDATE corrections SET place = ''",
                                          "UPDATE corrections SET place = '/etc/passwd'",
                                          "UPDATE corrections SET size = -1",
                                          "UPDATE corrections SET hash = x'00'",
                                          "UPDATE corrections SET class = ''"};
    for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
        struct catalogue *catalogue = opened(state);
        add(catalogue, 1, "chair", "chair/a.jpg");
        assert_int_equal(catalogue_commit(catalogue), CUBBY_OK);
        catalogue_close(&catalogue);
        opened_sql(state, changes[i]);
        catalogue = opened(state);
        struct catalogue_correction out;
        assert_int_equal(catalogue_next_correction(catalogue, 0, &out), CUBBY_BAD_DATA);
        assert_int_equal(out.id, 0);
        assert_null(out.place);
        catalogue_close(&catalogue);
        opened_sql(state, "DELETE FROM corrections");
    }
}

static void test_older_catalogue_gets_the_table(void **state)
{
    struct catalogue *catalogue = opened(state);
    assert_int_equal(put(catalogue, "/photos/a.jpg", 4, "bench/a.jpg", NULL), CUBBY_OK);
    assert_int_equal(catalogue_commit(catalogue), CUBBY_OK);
    catalogue_close(&catalogue);
    opened_sql(
        state,
        "DROP TABLE corrections; DROP TABLE lessons; ALTER TABLE runs DROP COLUMN model_path;"
        "PRAGMA user_version = 2");
    catalogue = opened(state);
    assert_int_equal(count_all(catalogue), 1);
    add(catalogue, 1, "chair", "chair/a.jpg");
    struct catalogue_run run = {.state = RUN_OPEN,
                                .model_name = (char *)"m",
                                .model_path = (char *)"/models/m",
                                .settings = (char *)"{}"};
    assert_int_equal(catalogue_add_run(catalogue, &run), CUBBY_OK);
    struct catalogue_run found;
    assert_int_equal(catalogue_last_run(catalogue, &found), CUBBY_OK);
    assert_string_equal(found.model_path, "/models/m");
    catalogue_run_fini(&found);
    catalogue_close(&catalogue);
}

static bool is_lesson(struct catalogue *catalogue, uint64_t model, uint64_t photo)
{
    bool result;
    assert_int_equal(catalogue_is_lesson(catalogue, (struct photo_hash){model, 1},
                                         (struct photo_hash){photo, 2}, photo, &result),
                     CUBBY_OK);
    return result;
}

static void test_lessons(void **state)
{
    struct catalogue *catalogue = opened(state);
    const struct photo_hash one = {1, 1}, two = {2, 1};
    for (uint64_t photo = 10; photo < 13; photo++)
        for (int twice = 0; twice < 2; twice++)
            assert_int_equal(
                catalogue_add_lesson(catalogue, one, (struct photo_hash){photo, 2}, photo),
                CUBBY_OK);
    assert_int_equal(catalogue_add_lesson(catalogue, two, (struct photo_hash){12, 2}, 12),
                     CUBBY_OK);
    assert_int_equal(catalogue_add_lesson(catalogue, two, (struct photo_hash){20, 2}, 20),
                     CUBBY_OK);
    assert_true(is_lesson(catalogue, 1, 10) && !is_lesson(catalogue, 2, 10));
    assert_true(is_lesson(catalogue, 2, 20) && !is_lesson(catalogue, 1, 20));
    assert_int_equal(catalogue_inherit_lessons(catalogue, one, two), CUBBY_OK);
    assert_true(is_lesson(catalogue, 2, 10) && is_lesson(catalogue, 2, 11));
    assert_true(is_lesson(catalogue, 2, 12) && !is_lesson(catalogue, 1, 20));
    assert_false(is_lesson(catalogue, 3, 10));
    catalogue_close(&catalogue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_last_word_counts, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_all_in_order_and_durable, temporary_setup,
                                        temporary_teardown),
        cmocka_unit_test_setup_teardown(test_hostile_rows, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_lessons, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_older_catalogue_gets_the_table, temporary_setup,
                                        temporary_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
