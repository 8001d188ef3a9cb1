#include "engine/learn/fixture.h"

#include "learn/folds.h"

static uint32_t held_out(const struct fixture *fixture, const struct folds *folds, uint8_t fold,
                         uint32_t label)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < fixture->samples.count; i++)
        count += folds->fold[i] == fold && fixture->labels[i] == label;
    return count;
}

static void groups_stay_whole_and_classes_even(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct fixture fixture;
        fixture_init(&fixture, seed, 400, 1, 4, 0);
        for (uint32_t i = 0; i < 400; i++) { // groups of one class, with 1 to 8 photos
            fixture.groups[i] = 4000000000u - i % 4 - 4 * (uint32_t)(fixture_next(&fixture) % 25);
            fixture.photos[i] = i / 4;
        }
        struct folds folds;
        assert_int_equal(folds_make(&folds, &fixture.samples, 5, seed, false, NULL), CUBBY_OK);
        assert_int_equal(folds.count, 5);
        assert_int_equal(folds.judged_count, 400);
        assert_int_equal(folds.lone_classes, 0);
        for (uint32_t i = 0; i < 400; i++) {
            assert_int_equal(folds.judged[i], i);
            for (uint32_t j = i % 4; j < i; j += 4)
                if (fixture.groups[i] == fixture.groups[j]) {
                    assert_int_equal(folds.fold[i], folds.fold[j]);
                    assert_int_equal(folds.judged_group[i], folds.judged_group[j]);
                } else {
                    assert_int_not_equal(folds.judged_group[i], folds.judged_group[j]);
                }
        }
        for (uint8_t fold = 0; fold < 5; fold++)
            for (uint32_t label = 0; label < 4; label++) {
                const uint32_t count = held_out(&fixture, &folds, fold, label);
                assert_in_range(count, 16, 24); // 20, if groups could be divided
            }
        folds_fini(&folds);

        // Photo by photo, as if nothing were known of groups.
        assert_int_equal(folds_make(&folds, &fixture.samples, 5, seed, true, NULL), CUBBY_OK);
        assert_int_equal(folds.group_count, 100);
        for (uint32_t i = 0; i < 400; i++)
            assert_int_equal(folds.fold[i], folds.fold[i / 4 * 4]);
        for (uint8_t fold = 0; fold < 5; fold++)
            assert_int_equal(held_out(&fixture, &folds, fold, 1), 20);
        folds_fini(&folds);
        fixture_fini(&fixture);
    }
}

static void what_groups_are_called_does_not_matter(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, 1, 60, 1, 3, 0);
    struct folds once, again, other;
    assert_int_equal(folds_make(&once, &fixture.samples, 4, 1, false, NULL), CUBBY_OK);
    assert_int_equal(folds_make(&other, &fixture.samples, 4, 2, false, NULL), CUBBY_OK);
    for (uint32_t i = 0; i < 60; i++)
        fixture.groups[i] = i * 1000 + 7;
    assert_int_equal(folds_make(&again, &fixture.samples, 4, 1, false, NULL), CUBBY_OK);
    assert_memory_equal(once.fold, again.fold, 60);
    assert_memory_not_equal(once.fold, other.fold, 60); // but the seed does
    folds_fini(&once);
    folds_fini(&again);
    folds_fini(&other);
    fixture_fini(&fixture);
}

static void roles_are_respected(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, 1, 60, 1, 3, 0);
    // Photos of three samples: itself, a flip, and one that only judges; the last 15 only train.
    for (uint32_t i = 0; i < 60; i++) {
        fixture.labels[i] = i / 3 % 3;
        fixture.groups[i] = i / 3;
        fixture.roles[i] = i < 45 ? (uint8_t)(i % 3) : CUBBY_TRAINS;
    }
    struct folds folds;
    assert_int_equal(folds_make(&folds, &fixture.samples, 5, 0, false, NULL), CUBBY_OK);
    assert_int_equal(folds.judged_count, 30);
    assert_int_equal(folds.group_count, 15);
    for (uint32_t i = 0; i < 60; i++) {
        if (i >= 45)
            assert_int_equal(folds.fold[i], FOLD_NONE);
        else
            assert_in_range(folds.fold[i], 0, 4);
        assert_int_equal(folds.fold[i], folds.fold[i / 3 * 3]);
    }
    for (uint32_t j = 0; j < 30; j++)
        assert_int_equal(folds.judged[j] % 3, j % 2 ? 2 : 0);
    folds_fini(&folds);

    // A validation set of its own needs one fold only.
    for (uint32_t i = 0; i < 60; i++) {
        fixture.groups[i] = i;
        fixture.roles[i] = i < 20 ? CUBBY_JUDGES : CUBBY_TRAINS;
    }
    assert_int_equal(folds_make(&folds, &fixture.samples, 5, 0, false, NULL), CUBBY_OK);
    assert_int_equal(folds.count, 1);
    folds_fini(&folds);
    fixture_fini(&fixture);
}

static void few_groups(void **state)
{
    (void)state;
    struct fixture fixture;
    char message[256] = "";
    const struct cubby_log log = {fixture_keep, message};
    fixture_init(&fixture, 1, 12, 1, 3, 0);
    for (uint32_t i = 0; i < 12; i++)
        fixture.groups[i] = i % 3;
    struct folds folds;
    assert_int_equal(folds_make(&folds, &fixture.samples, 5, 0, false, &log), CUBBY_OK);
    assert_int_equal(folds.count, 3);
    assert_int_equal(folds.lone_classes, 3);
    folds_fini(&folds);
    memset(fixture.groups, 0, 12 * sizeof(uint32_t));
    assert_int_equal(folds_make(&folds, &fixture.samples, 5, 0, false, &log), CUBBY_BAD_DATA);
    assert_non_null(strstr(message, "held out"));
    folds_fini(&folds);
    memset(fixture.roles, CUBBY_TRAINS, 12);
    assert_int_equal(folds_make(&folds, &fixture.samples, 5, 0, true, &log), CUBBY_BAD_DATA);
    folds_fini(&folds);
    fixture_fini(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_stay_whole_and_classes_even),
        cmocka_unit_test(what_groups_are_called_does_not_matter),
        cmocka_unit_test(roles_are_respected),
        cmocka_unit_test(few_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
