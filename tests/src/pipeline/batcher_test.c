#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/batcher.h"
#include "pipeline/window.h"

static struct item items[64];

static struct place take(struct batcher *batcher, uint32_t item)
{
    struct place place;
    batcher_expect(batcher);
    assert_true(batcher_take(batcher, &items[item], &place));
    return place;
}

static void fill(struct batcher *batcher, uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        batcher_written(batcher, take(batcher, first + i), true);
}

static void test_full_batches_in_order(void **state)
{
    (void)state;
    struct batcher batcher;
    uint32_t slot, count;
    assert_int_equal(batcher_init(&batcher, 3, 4), CUBBY_OK);
    assert_int_equal(batcher_next(&batcher, false, &slot, &count), BATCHER_NONE);
    fill(&batcher, 0, 9);
    assert_int_equal(batcher_next(&batcher, true, &slot, &count), BATCHER_READY);
    assert_int_equal(count, 4);
    assert_ptr_equal(batcher_items(&batcher, slot)[3], &items[3]);
    uint32_t first = slot;
    assert_int_equal(batcher_next(&batcher, false, &slot, &count), BATCHER_READY);
    assert_ptr_equal(batcher_items(&batcher, slot)[0], &items[4]);
    // The ninth waits for company, since the scan still runs.
    assert_int_equal(batcher_next(&batcher, false, &slot, &count), BATCHER_NONE);
    batcher_release(&batcher, first);
    fill(&batcher, 9, 4); // three more complete it, one goes to the slot that was released
    assert_int_equal(batcher_next(&batcher, false, &slot, &count), BATCHER_READY);
    assert_ptr_equal(batcher_items(&batcher, slot)[0], &items[8]);
    batcher_fini(&batcher);
}

static void test_waits_for_writers(void **state)
{
    (void)state;
    struct batcher batcher;
    uint32_t slot, count;
    assert_int_equal(batcher_init(&batcher, 2, 2), CUBBY_OK);
    struct place a = take(&batcher, 0), b = take(&batcher, 1);
    batcher_written(&batcher, b, true);
    assert_int_equal(batcher_next(&batcher, false, &slot, &count), BATCHER_NONE);
    batcher_written(&batcher, a, false); // failed late: the place stays, without its photo
    assert_int_equal(batcher_next(&batcher, false, &slot, &count), BATCHER_READY);
    assert_int_equal(count, 2);
    assert_null(batcher_items(&batcher, slot)[a.index]);
    assert_ptr_equal(batcher_items(&batcher, slot)[b.index], &items[1]);
    batcher_fini(&batcher);
}

// A batch that is not full goes only when nothing can join it.
static void test_partial_batches(void **state)
{
    (void)state;
    struct batcher batcher;
    uint32_t slot, count;
    assert_int_equal(batcher_init(&batcher, 2, 4), CUBBY_OK);
    fill(&batcher, 0, 2);
    batcher_expect(&batcher); // one is being decoded
    batcher_set_source(&batcher, SOURCE_ENDED);
    assert_int_equal(batcher_next(&batcher, false, &slot, &count), BATCHER_NONE);
    batcher_forget(&batcher);
    assert_int_equal(batcher_next(&batcher, false, &slot, &count), BATCHER_NONE); // device is busy
    assert_int_equal(batcher_next(&batcher, true, &slot, &count), BATCHER_READY);
    assert_int_equal(count, 2);

    fill(&batcher, 2, 1);
    batcher_set_filing(&batcher, true);
    batcher_set_source(&batcher, SOURCE_BLOCKED);
    batcher_release(&batcher, slot);
    batcher_set_filing(&batcher, false);
    assert_int_equal(batcher_next(&batcher, true, &slot, &count), BATCHER_READY);
    assert_int_equal(count, 1);
    batcher_fini(&batcher);
}

static void test_evict(void **state)
{
    (void)state;
    struct batcher batcher;
    struct item *lost[12];
    uint32_t slot, count;
    assert_int_equal(batcher_init(&batcher, 3, 4), CUBBY_OK);
    fill(&batcher, 0, 6);
    struct place place = take(&batcher, 6);
    batcher_written(&batcher, place, false);
    assert_int_equal(batcher_next(&batcher, true, &slot, &count), BATCHER_READY);
    assert_int_equal(batcher_evict(&batcher, lost), 6);
    for (uint32_t i = 0; i < 6; i++)
        assert_ptr_equal(lost[i], &items[i]);
    batcher_resume(&batcher);
    // They are expected again.
    struct place again;
    for (uint32_t i = 0; i < 6; i++) {
        assert_true(batcher_take(&batcher, lost[i], &again));
        batcher_written(&batcher, again, true);
    }
    assert_int_equal(batcher.expected, 0);
    assert_int_equal(batcher_next(&batcher, true, &slot, &count), BATCHER_READY);
    assert_int_equal(count, 4);
    batcher_fini(&batcher);
}

static void test_close(void **state)
{
    (void)state;
    struct batcher batcher;
    struct place place;
    uint32_t slot, count;
    assert_int_equal(batcher_init(&batcher, 2, 1), CUBBY_OK);
    fill(&batcher, 0, 2);
    batcher_close(&batcher);
    batcher_expect(&batcher);
    assert_false(batcher_take(&batcher, &items[2], &place));
    assert_int_equal(batcher_next(&batcher, true, &slot, &count), BATCHER_CLOSED);
    batcher_fini(&batcher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_batches_in_order),
        cmocka_unit_test(test_waits_for_writers),
        cmocka_unit_test(test_partial_batches),
        cmocka_unit_test(test_evict),
        cmocka_unit_test(test_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
