#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <unistd.h>

#include "../temporary.h"
#include "learn/feature_cache.h"
#include "learn/feature_files.h"

#define DIMS 100u

static const struct photo_hash key = {.low = 7, .high = 9};
static struct temporary_messages messages;
static const struct cubby_log test_log = {.write = temporary_log_write, .user = &messages};

static struct feature_cache *open_with(struct photo_hash of, uint64_t limit, const struct fs *fs)
{
    const struct feature_cache_params params = {
        .key = of, .dims = DIMS, .limit_bytes = limit, .fs = fs, .log = &test_log};
    struct feature_cache *cache;
    assert_int_equal(feature_cache_open(&cache, &params), CUBBY_OK);
    return cache;
}

static struct feature_cache *open_cache(void)
{
    return open_with(key, UINT64_MAX, fs_real());
}

// Each test has a cache folder of its own.
static void begin(void **state, const char *name)
{
    messages.count = 0;
    uv_os_setenv("CUBBY_CACHE_DIR", temporary_path(state, name));
}

static struct photo_hash photo(uint64_t number)
{
    return (struct photo_hash){.low = number * 1234567, .high = ~number};
}

// Values as a network gives them, zeros among them; `size` scales them.
static void make(float *values, uint64_t number, float size)
{
    uint64_t state = number + 1;
    for (uint32_t i = 0; i < DIMS; i++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
        double unit = (double)(state >> 40) / (1 << 24);
        values[i] = i % 7 == 3 ? 0.0f : (float)(unit * unit * 10 - 1) * size;
    }
}

static uint64_t add(struct feature_cache *cache, uint64_t number, uint32_t view)
{
    float values[DIMS];
    uint64_t row;
    make(values, number * 10 + view, 1);
    assert_int_equal(
        feature_cache_add(cache, photo(number), view, "2021-07-03 14:05:09", values, &row),
        CUBBY_OK);
    return row;
}

static void expect_row(struct feature_cache *cache, uint64_t number, uint32_t view)
{
    float values[DIMS], read[DIMS];
    char captured[20];
    uint64_t row = feature_cache_find(cache, photo(number), view, captured);
    assert_true(row != FEATURE_CACHE_NONE);
    assert_string_equal(captured, "2021-07-03 14:05:09");
    assert_int_equal(feature_cache_read(cache, row, read), CUBBY_OK);
    make(values, number * 10 + view, 1);
    for (uint32_t i = 0; i < DIMS; i++)
        if (fabsf(read[i] - values[i]) > fabsf(values[i]) / 2048)
            fail_msg("feature %u of photo %u is %g, not %g", i, (unsigned)number, (double)read[i],
                     (double)values[i]);
}

static bool has(const struct feature_cache *cache, uint64_t number, uint32_t view)
{
    return feature_cache_find(cache, photo(number), view, NULL) != FEATURE_CACHE_NONE;
}

static void test_kept(void **state)
{
    begin(state, "kept");
    struct feature_cache *cache = open_cache();
    assert_false(has(cache, 1, 0));
    for (uint32_t i = 0; i < 100; i++)
        add(cache, i, i % 3);
    assert_true(add(cache, 5, 2) == feature_cache_find(cache, photo(5), 2, NULL));
    expect_row(cache, 99, 0);
    float before[DIMS], after[DIMS];
    assert_int_equal(
        feature_cache_read(cache, feature_cache_find(cache, photo(7), 1, NULL), before), CUBBY_OK);
    feature_cache_close(&cache);
    assert_null(cache);

    cache = open_cache();
    for (uint32_t i = 0; i < 100; i++) {
        expect_row(cache, i, i % 3);
        assert_false(has(cache, i, i % 3 + 1));
    }
    assert_int_equal(feature_cache_read(cache, feature_cache_find(cache, photo(7), 1, NULL), after),
                     CUBBY_OK);
    assert_memory_equal(before, after, sizeof(before));
    feature_cache_close(&cache);

    // Another network's are not these.
    cache = open_with((struct photo_hash){.low = 7, .high = 8}, UINT64_MAX, fs_real());
    assert_false(has(cache, 5, 2));
    feature_cache_close(&cache);
    assert_int_equal(messages.count, 0);
}

// Any size of values that floats can hold, to the precision of halves.
static void test_sizes(void **state)
{
    begin(state, "sizes");
    static const float sizes[] = {1e-38f, 1e-20f, 1e-3f, 1, 1e6f, 1e37f, 0};
    struct feature_cache *cache = open_cache();
    for (uint32_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        float values[DIMS], read[DIMS];
        uint64_t row;
        make(values, i, sizes[i]);
        assert_int_equal(feature_cache_add(cache, photo(i), 0, "", values, &row), CUBBY_OK);
        assert_int_equal(feature_cache_read(cache, row, read), CUBBY_OK);
        for (uint32_t k = 0; k < DIMS; k++)
            if (!(fabs((double)read[k] - values[k]) <=
                  fabs((double)values[k]) / 2048 + 1e-8 * sizes[i]))
                fail_msg("%g became %g", (double)values[k], (double)read[k]);
    }
    float bad[DIMS] = {0};
    uint64_t row;
    bad[DIMS - 1] = NAN;
    assert_int_equal(feature_cache_add(cache, photo(50), 0, "", bad, &row), CUBBY_BAD_DATA);
    bad[DIMS - 1] = INFINITY;
    assert_int_equal(feature_cache_add(cache, photo(50), 0, "", bad, &row), CUBBY_BAD_DATA);
    assert_false(has(cache, 50, 0));
    feature_cache_close(&cache);
}

static void test_two_at_once(void **state)
{
    begin(state, "two");
    struct feature_cache *first = open_cache(), *second = open_cache();
    for (uint32_t i = 0; i < 10; i++) {
        add(first, i, 0);
        add(second, i + 5, 0);
    }
    feature_cache_close(&first);
    expect_row(second, 14, 0);
    feature_cache_close(&second);
    first = open_cache();
    for (uint32_t i = 0; i < 15; i++)
        expect_row(first, i, 0);
    feature_cache_close(&first);
}

// The only file of the cache.
static const char *the_file(void **state, const char *name)
{
    char folder[256];
    snprintf(folder, sizeof(folder), "%s/features", name);
    const char *names = temporary_names(state, folder);
    assert_null(strchr(names, '|'));
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, names);
    return temporary_path(state, path);
}

static void change_byte(const char *path, long at)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ 1, file), byte ^ 1);
    assert_int_equal(fclose(file), 0);
}

static void fill(uint32_t count)
{
    struct feature_cache *cache = open_cache();
    for (uint32_t i = 0; i < count; i++)
        add(cache, i, 0);
    feature_cache_close(&cache);
}

// Whatever byte of a row is wrong, that row is gone and no other.
static void test_damage(void **state)
{
    const long row_bytes = (long)FEATURE_ROW_BYTES(DIMS);
    for (long at = 0; at < row_bytes; at += 5) {
        begin(state, "damage");
        fill(3);
        change_byte(the_file(state, "damage"),
                    (long)sizeof(struct feature_header) + row_bytes + at);
        struct feature_cache *cache = open_cache();
        expect_row(cache, 0, 0);
        assert_false(has(cache, 1, 0));
        expect_row(cache, 2, 0);
        add(cache, 1, 0);
        expect_row(cache, 1, 0);
        feature_cache_close(&cache);
        cache = open_cache();
        expect_row(cache, 1, 0);
        feature_cache_close(&cache);
        temporary_remove(temporary_path(state, "damage"));
    }
}

static void test_damaged_header(void **state)
{
    for (long at = 0; at < (long)sizeof(struct feature_header); at += 3) {
        begin(state, "header");
        fill(2);
        change_byte(the_file(state, "header"), at);
        struct feature_cache *cache = open_cache();
        assert_false(has(cache, 0, 0));
        feature_cache_close(&cache);
        assert_string_equal(temporary_names(state, "header/features"), "");
    }
}

static void test_cut_short(void **state)
{
    begin(state, "cut");
    fill(3);
    const char *path = the_file(state, "cut");
    const size_t row_bytes = FEATURE_ROW_BYTES(DIMS);
    for (size_t size = sizeof(struct feature_header) + 3 * row_bytes - 1; size > 0; size /= 2) {
        assert_int_equal(truncate(path, (off_t)size), 0);
        struct feature_cache *cache = open_cache();
        size_t rows = size < 64 ? 0 : (size - 64) / row_bytes;
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(has(cache, i, 0), i < rows);
        feature_cache_close(&cache);
    }
}

static void test_limit(void **state)
{
    begin(state, "limit");
    const uint64_t file_bytes = 64 + 10 * FEATURE_ROW_BYTES(DIMS);
    for (uint64_t i = 0; i < 4; i++) {
        // Of several networks, so that opening one does not make the others young.
        struct feature_cache *cache =
            open_with((struct photo_hash){.low = i}, 3 * file_bytes, fs_real());
        for (uint32_t k = 0; k < 10; k++)
            add(cache, k, 0);
        feature_cache_close(&cache);
        uv_sleep(5);
        if (i == 2) { // the first one is used again
            cache = open_with((struct photo_hash){.low = 0}, UINT64_MAX, fs_real());
            feature_cache_close(&cache);
            uv_sleep(5);
        }
    }
    static const bool kept[] = {true, false, true, true};
    for (uint64_t i = 0; i < 4; i++) {
        struct feature_cache *cache =
            open_with((struct photo_hash){.low = i}, UINT64_MAX, fs_real());
        assert_int_equal(has(cache, 3, 0), kept[i]);
        feature_cache_close(&cache);
    }
    size_t removed;
    temporary_file(state, "limit/features/empty.rows", "");
    temporary_file(state, "limit/features/other.txt", "somebody's");
    assert_int_equal(feature_cache_clear(fs_real(), &test_log, &removed), CUBBY_OK);
    assert_int_equal(removed, 4);
    assert_string_equal(temporary_names(state, "limit/features"), "other.txt");
}

static void test_many_become_one(void **state)
{
    begin(state, "many");
    for (uint32_t i = 0; i < 40; i++) {
        struct feature_cache *cache = open_cache();
        add(cache, i, 0);
        feature_cache_close(&cache);
    }
    unsigned files = 1;
    for (const char *p = temporary_names(state, "many/features"); *p; p++)
        files += *p == '|';
    assert_in_range(files, 1, 23);
    struct feature_cache *cache = open_cache();
    for (uint32_t i = 0; i < 40; i++)
        expect_row(cache, i, 0);
    feature_cache_close(&cache);
}

static void test_no_folder(void **state)
{
    begin(state, "file");
    temporary_file(state, "file", "no folder can be made here");
    struct feature_cache *cache = open_cache();
    for (uint32_t i = 0; i < 200; i++)
        add(cache, i, 0);
    for (uint32_t i = 0; i < 200; i++)
        expect_row(cache, i, 0);
    feature_cache_close(&cache);
    assert_int_equal(messages.count, 1);
    assert_non_null(strstr(messages.last, "they take memory now"));
}

static unsigned writes_left;

static int64_t full_disk(const struct fs *fs, int file, const void *buffer, size_t bytes)
{
    (void)fs;
    if (!writes_left)
        return UV_ENOSPC;
    // The last one is cut short, as by a disk that fills up.
    if (!--writes_left)
        bytes /= 2;
    return fs_real()->write(fs_real(), file, buffer, bytes);
}

static void test_full_disk(void **state)
{
    for (unsigned writes = 0; writes < 8; writes++) {
        char name[32];
        snprintf(name, sizeof(name), "full-%u", writes);
        begin(state, name);
        struct fs fs = *fs_real();
        fs.write = full_disk;
        writes_left = writes;
        struct feature_cache *cache = open_with(key, UINT64_MAX, &fs);
        for (uint32_t i = 0; i < 10; i++)
            add(cache, i, 0);
        for (uint32_t i = 0; i < 10; i++)
            expect_row(cache, i, 0);
        feature_cache_close(&cache);
        assert_int_equal(messages.count, 1);

        cache = open_cache(); // what fitted is there, and nothing else
        unsigned kept = writes > 2 ? writes - 2 : 0;
        for (uint32_t i = 0; i < 10; i++)
            assert_int_equal(has(cache, i, 0), i < kept);
        feature_cache_close(&cache);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept),           cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_two_at_once),    cmocka_unit_test(test_damage),
        cmocka_unit_test(test_damaged_header), cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_limit),          cmocka_unit_test(test_many_become_one),
        cmocka_unit_test(test_no_folder),      cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, temporary_setup, temporary_teardown);
}
