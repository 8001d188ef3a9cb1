#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include "pipeline/gate.h"

#define MB (UINT64_C(1) << 20)
#define LIMIT (256 * MB)
#define THREADS 6
#define ROUNDS 400

struct shared {
    struct gate gate;
    atomic_uint_least64_t inside, most, people;
    atomic_int giants_with_company;
};

static void come_and_go(void *user)
{
    struct shared *shared = user;
    uint64_t random = (uint64_t)(uintptr_t)&random;
    for (int i = 0; i < ROUNDS; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint64_t bytes = (60 + random % 300) * MB; // some larger than all the room
        uint64_t held = gate_enter(&shared->gate, bytes);
        uint64_t people = atomic_fetch_add(&shared->people, 1) + 1;
        uint64_t now = atomic_fetch_add(&shared->inside, bytes) + bytes;
        if (bytes > LIMIT && people > 1)
            atomic_fetch_add(&shared->giants_with_company, 1);
        if (bytes <= LIMIT && now > atomic_load(&shared->most))
            atomic_store(&shared->most, now);
        uv_sleep(0);
        atomic_fetch_sub(&shared->inside, bytes);
        atomic_fetch_sub(&shared->people, 1);
        gate_leave(&shared->gate, held);
    }
}

static void bounds_the_sum(void **state)
{
    (void)state;
    static struct shared shared;
    uv_thread_t threads[THREADS];
    assert_int_equal(gate_init(&shared.gate, LIMIT), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(uv_thread_create(&threads[i], come_and_go, &shared), 0);
    for (int i = 0; i < THREADS; i++)
        uv_thread_join(&threads[i]);
    assert_int_equal(shared.gate.held_bytes, 0);
    assert_true(atomic_load(&shared.most) <= LIMIT);
    assert_int_equal(atomic_load(&shared.giants_with_company), 0);
    gate_fini(&shared.gate);
}

static void small_ones_pass_free(void **state)
{
    (void)state;
    struct gate gate;
    assert_int_equal(gate_init(&gate, 1), 0);
    assert_int_equal(gate_enter(&gate, 500 * MB), 500 * MB); // alone, though over the limit
    assert_int_equal(gate_enter(&gate, GATE_FREE_BYTES), 0); // would wait for ever otherwise
    gate_leave(&gate, 0);
    gate_leave(&gate, 500 * MB);
    assert_int_equal(gate.held_bytes, 0);
    gate_fini(&gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_the_sum),
        cmocka_unit_test(small_ones_pass_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
