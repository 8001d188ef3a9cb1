#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "platform/parallel.h"

enum { MOST = 1000 };

static void count(void *user, size_t index)
{
    atomic_fetch_add(&((atomic_uint *)user)[index], 1);
}

static void test_each_once(void **state)
{
    (void)state;
    static const unsigned threads[] = {0, 1, 2, 8};
    static const size_t counts[] = {0, 1, 2, 7, MOST};
    for (size_t t = 0; t < sizeof(threads) / sizeof(*threads); t++) {
        struct parallel *parallel;
        assert_int_equal(parallel_create(&parallel, threads[t]), CUBBY_OK);
        for (int round = 0; round < 20; round++) {
            for (size_t c = 0; c < sizeof(counts) / sizeof(*counts); c++) {
                atomic_uint *done = calloc(MOST, sizeof(*done));
                parallel_run(parallel, counts[c], count, done);
                for (size_t i = 0; i < MOST; i++)
                    assert_int_equal(done[i], i < counts[c]);
                free(done);
            }
        }
        parallel_destroy(&parallel);
        assert_null(parallel);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
