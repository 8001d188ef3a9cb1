#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "graph/arena.h"

#define MAX_ITEMS 60

static uint32_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

static void assert_no_overlap(const struct arena_item *items, uint32_t count, uint64_t total,
                              uint64_t seed)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct arena_item *a = &items[i];
        if (a->offset + a->size > total)
            fail_msg("seed %llu: item %u ends behind the arena", (unsigned long long)seed, i);
        for (uint32_t k = 0; k < i; k++) {
            const struct arena_item *b = &items[k];
            const bool together = a->first <= b->last && b->first <= a->last;
            const bool overlap = a->offset < b->offset + b->size && b->offset < a->offset + a->size;
            if (together && overlap)
                fail_msg("seed %llu: items %u and %u share memory", (unsigned long long)seed, k, i);
        }
    }
}

static void arena_random_lifetimes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        uint64_t random = seed;
        struct arena_item items[MAX_ITEMS];
        uint32_t order[MAX_ITEMS];
        const uint32_t count = 1 + next(&random) % MAX_ITEMS;
        uint64_t sum = 0, busiest = 0;
        for (uint32_t i = 0; i < count; i++) {
            items[i] = (struct arena_item){.size = 16 * (1 + next(&random) % 100)};
            items[i].first = next(&random) % 50;
            items[i].last = items[i].first + next(&random) % 10;
            sum += items[i].size;
        }
        for (uint32_t t = 0; t < 60; t++) {
            uint64_t alive = 0;
            for (uint32_t i = 0; i < count; i++)
                if (items[i].first <= t && t <= items[i].last)
                    alive += items[i].size;
            busiest = alive > busiest ? alive : busiest;
        }
        const uint64_t total = arena_plan(items, count, order);
        assert_no_overlap(items, count, total, seed);
        assert_true(total >= busiest && total <= sum);
    }
}

// A chain x -> y -> z: the first is dead when the third is written.
static void arena_reuses_memory(void **state)
{
    (void)state;
    struct arena_item items[] = {{32, 0, 1, 0}, {16, 1, 2, 0}, {32, 2, 3, 0}};
    uint32_t order[3];
    assert_int_equal(arena_plan(items, 3, order), 48);
    assert_int_equal(items[0].offset, items[2].offset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_random_lifetimes),
        cmocka_unit_test(arena_reuses_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
