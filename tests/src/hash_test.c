#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hash.h"
#include "hash_table.h"

static void test_known_values(void **state)
{
    (void)state;
    // XXH3_128bits of nothing and of "a", seed 0, as xxhsum -H2 prints them (high, then low).
    struct photo_hash hash = photo_hash_bytes("", 0);
    assert_true(hash.high == 0x99aa06d3014798d8u && hash.low == 0x6001c324468d497fu);
    hash = photo_hash_bytes("a", 1);
    assert_true(hash.high == 0xa96faf705af16834u && hash.low == 0xe6c632b61e964e1fu);
}

static void test_pieces_give_the_same(void **state)
{
    (void)state;
    enum { SIZE = 10000 };
    unsigned char bytes[SIZE];
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (unsigned char)(i * 31 + (i >> 7));
    struct photo_hasher *hasher;
    assert_int_equal(photo_hasher_create(&hasher), CUBBY_OK);
    for (size_t piece = 1; piece < SIZE; piece = piece * 3 + 1) {
        photo_hasher_reset(hasher);
        for (size_t at = 0; at < SIZE; at += piece)
            photo_hasher_add(hasher, bytes + at, SIZE - at < piece ? SIZE - at : piece);
        assert_true(photo_hash_equal(photo_hasher_result(hasher), photo_hash_bytes(bytes, SIZE)));
    }
    photo_hasher_destroy(&hasher);
    assert_null(hasher);
    photo_hasher_destroy(&hasher);
}

static void test_table(void **state)
{
    (void)state;
    struct hash_table table = {0};
    uint64_t value = 7;
    assert_false(hash_table_find(&table, (struct photo_hash){1, 2}, &value));
    assert_int_equal(value, 7);
    // Equal low words collide in their place, and are told apart by the high ones.
    for (uint64_t i = 0; i < 3000; i++)
        assert_int_equal(hash_table_add(&table, (struct photo_hash){i % 10, i}, i * 2), CUBBY_OK);
    assert_int_equal(table.count, 3000);
    assert_int_equal(hash_table_add(&table, (struct photo_hash){5, 15}, 99), CUBBY_OK);
    assert_int_equal(table.count, 3000);
    for (uint64_t i = 0; i < 3000; i++) {
        assert_true(hash_table_find(&table, (struct photo_hash){i % 10, i}, &value));
        assert_int_equal(value, i == 15 ? 99 : i * 2);
    }
    assert_false(hash_table_find(&table, (struct photo_hash){11, 5}, NULL));
    hash_table_fini(&table);
    assert_false(hash_table_find(&table, (struct photo_hash){5, 15}, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_pieces_give_the_same),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
