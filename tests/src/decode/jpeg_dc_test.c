#include "src/decode/jpeg_dc_fixture.h"

#include "decode/jpeg_dc_internal.h"

static void test_kinds(void **state)
{
    for (size_t kind = 0; kind < KINDS; kind++)
        for (int i = 0; i < 60; i++) {
            struct sample_jpeg_params params = random_params(*state, kind);
            check(*state, &params, true);
        }
}

static void test_every_quality(void **state)
{
    for (int quality = 1; quality <= 100; quality++)
        for (int optimised = 0; optimised < 2; optimised++) {
            struct sample_jpeg_params params = {
                .width = 177, .height = 131, .quality = quality, .optimised = optimised};
            check(*state, &params, true);
        }
}

// One that is as large as the photos this is for.
static void test_large(void **state)
{
    struct sample_jpeg_params params = {.width = 2999, .height = 2001, .quality = 92};
    check(*state, &params, true);
    params.restart_rows = 1;
    check(*state, &params, true);
    params.restart_rows = 100;
    check(*state, &params, true);
}

static uint8_t *find_segment(const struct sample *jpeg, uint8_t marker)
{
    for (size_t i = 0; i + 1 < jpeg->size_bytes; i++)
        if (jpeg->bytes[i] == 0xff && jpeg->bytes[i + 1] == marker)
            return jpeg->bytes + i;
    fail_msg("the sample has no marker %02x", marker);
    return NULL;
}

static void test_left_to_libjpeg(void **state)
{
    struct fixture *fixture = *state;
    check(fixture, &(struct sample_jpeg_params){.width = 90, .height = 70, .arithmetic = true},
          false);
    check(fixture,
          &(struct sample_jpeg_params){
              .width = 90, .height = 70, .arithmetic = true, .progressive = true},
          false);
    // 12 bits a sample, by the frame header.
    for (int progressive = 0; progressive < 2; progressive++) {
        struct sample jpeg = sample_jpeg(
            &(struct sample_jpeg_params){.width = 90, .height = 70, .progressive = progressive});
        find_segment(&jpeg, progressive ? 0xc2 : 0xc0)[4] = 12;
        assert_false(takes(fixture, &jpeg));
        assert_same(fixture, &jpeg, "12 bits");
        if (!progressive) {
            find_segment(&jpeg, 0xc0)[1] = 0xc1; // extended sequential, where they are allowed
            assert_false(takes(fixture, &jpeg));
            assert_same(fixture, &jpeg, "12 bits, extended");
        }
        sample_free(&jpeg);
    }
}

static void add_segment(struct sample *jpeg, uint8_t marker, const void *bytes, size_t size)
{
    const uint8_t head[4] = {0xff, marker, 0, (uint8_t)(size + 2)};
    sample_add(jpeg, head, 4);
    sample_add(jpeg, bytes, size);
}

// 8 x 8 pixels of grey, whose code tables have this many codes of one bit: 0 is used.
static struct sample tiny_grey(bool progressive, uint8_t mean_codes, uint8_t other_codes)
{
    struct sample jpeg = {0};
    sample_add(&jpeg, "\xff\xd8", 2);
    uint8_t steps[65] = {0};
    memset(steps + 1, 16, 64);
    add_segment(&jpeg, 0xdb, steps, sizeof(steps));
    add_segment(&jpeg, progressive ? 0xc2 : 0xc0, "\x08\0\x08\0\x08\1\1\x11\0", 9);
    for (uint8_t kind = 0; kind < 2; kind++) {
        uint8_t table[19] = {(uint8_t)(kind << 4), kind ? other_codes : mean_codes};
        table[18] = 1;
        add_segment(&jpeg, 0xc4, table, 17u + table[1]);
    }
    add_segment(&jpeg, 0xda, progressive ? "\1\1\0\0\0\0" : "\1\1\0\0\x3f\0", 6);
    sample_add(&jpeg, progressive ? "\x7f" : "\x3f", 1);
    if (progressive) {
        add_segment(&jpeg, 0xda, "\1\1\0\1\x3f\0", 6);
        sample_add(&jpeg, "\x7f", 1);
    }
    sample_add(&jpeg, "\xff\xd9", 2);
    return jpeg;
}

// No code may consist of ones only.
static void test_full_code_table(void **state)
{
    struct fixture *fixture = *state;
    for (int kind = 0; kind < 8; kind++) {
        struct sample jpeg =
            tiny_grey(kind & 1, (uint8_t)(1 + (kind >> 1 & 1)), (uint8_t)(1 + (kind >> 2 & 1)));
        assert_same(fixture, &jpeg, "a full table");
        assert_int_equal(takes(fixture, &jpeg), kind < 2);
        sample_free(&jpeg);
    }
}

// A file of restart markers takes no more memory than was announced: one interval is expected.
static void test_restart_markers_only(void **state)
{
    struct fixture *fixture = *state;
    jpeg_dc_destroy(&fixture->dc); // with what larger photos left
    assert_int_equal(jpeg_dc_create(&fixture->dc), CUBBY_OK);
    struct sample jpeg = tiny_grey(false, 1, 1);
    // Before the last byte of codes and the end marker.
    jpeg.size_bytes -= 3;
    for (int i = 0; i < 100000; i++)
        sample_add(&jpeg, (const uint8_t[2]){0xff, (uint8_t)(0xd0 + i % 8)}, 2);
    sample_add(&jpeg, "\x3f\xff\xd9", 3);
    assert_false(takes(fixture, &jpeg));
    assert_true(fixture->dc->scan.end_capacity <= 1000);
    assert_same(fixture, &jpeg, "restart markers");
    sample_free(&jpeg);
}

static void test_truncation(void **state)
{
    struct fixture *fixture = *state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct sample_jpeg_params params = random_params(fixture, kind);
        struct sample jpeg = sample_jpeg(&params);
        size_t whole = jpeg.size_bytes;
        size_t step = whole / 600 + 1;
        for (size_t cut = 3; cut < whole; cut += cut + 60 < whole ? step : 1) {
            jpeg.size_bytes = cut;
            assert_false(takes(fixture, &jpeg));
            assert_same(fixture, &jpeg, "cut short");
        }
        // Cut short, but with an end.
        for (size_t cut = whole / 2; cut + 2 < whole; cut += step) {
            uint8_t kept[2] = {jpeg.bytes[cut], jpeg.bytes[cut + 1]};
            memcpy(jpeg.bytes + cut, "\xff\xd9", 2);
            jpeg.size_bytes = cut + 2;
            assert_same(fixture, &jpeg, "ends early");
            memcpy(jpeg.bytes + cut, kept, 2);
        }
        jpeg.size_bytes = whole;
        sample_free(&jpeg);
    }
}

static void test_changed_bytes(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 64; i++) {
        struct sample_jpeg_params params = random_params(fixture, i % KINDS);
        struct sample jpeg = sample_jpeg(&params);
        for (int k = 0; k < 150; k++) {
            uint8_t kept[4], at_most = (uint8_t)(1 + next_random(fixture, 3));
            size_t at[4];
            for (int n = 0; n < at_most; n++) {
                at[n] = 2 + next_random(fixture, (uint32_t)jpeg.size_bytes - 2);
                kept[n] = jpeg.bytes[at[n]];
                jpeg.bytes[at[n]] = next_random(fixture, 3) ? (uint8_t)next_random(fixture, 256)
                                                            : (uint8_t)(0xff * (k & 1));
            }
            assert_same(fixture, &jpeg, "changed");
            for (int n = at_most; n-- > 0;)
                jpeg.bytes[at[n]] = kept[n];
        }
        assert_same(fixture, &jpeg, "unchanged");
        sample_free(&jpeg);
    }
}

// Bytes that are left out or said twice: codes go on at another place, or after another mean.
static void test_moved_bytes(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 64; i++) {
        struct sample_jpeg_params params = random_params(fixture, i % KINDS);
        struct sample jpeg = sample_jpeg(&params);
        for (int k = 0; k < 40; k++) {
            size_t from = 2 + next_random(fixture, (uint32_t)jpeg.size_bytes - 2);
            size_t to = 2 + next_random(fixture, (uint32_t)jpeg.size_bytes - 2);
            struct sample moved = {0};
            sample_add(&moved, jpeg.bytes, to);
            sample_add(&moved, jpeg.bytes + from, jpeg.size_bytes - from);
            assert_same(fixture, &moved, "moved");
            sample_free(&moved);
        }
        sample_free(&jpeg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),           cmocka_unit_test(test_every_quality),
        cmocka_unit_test(test_large),           cmocka_unit_test(test_left_to_libjpeg),
        cmocka_unit_test(test_full_code_table), cmocka_unit_test(test_restart_markers_only),
        cmocka_unit_test(test_truncation),      cmocka_unit_test(test_changed_bytes),
        cmocka_unit_test(test_moved_bytes),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
