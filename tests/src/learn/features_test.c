#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "../temporary.h"
#include "learn/features.h"
#include "tools/stub_classifier.h"

#define PHOTOS 5u

static unsigned opened;

static enum cubby_status open_stub(void *user, struct classifying *out)
{
    opened++;
    return stub_open(user, out);
}

static const struct command_hooks hooks = {.open_classifier = open_stub};
static struct cli_options options;
static struct temporary_messages messages;
static const struct cubby_log test_log = {.write = temporary_log_write, .user = &messages};
static struct messages *screen;
static struct command command;
static struct labelled_photo photos[PHOTOS];

// A PPM whose left half is one colour and whose right half another.
static void write_photo(void **state, uint32_t index, uint8_t left, uint8_t right, bool cut)
{
    char name[32];
    uint8_t bytes[32 + 40 * 40 * 3];
    int header = snprintf((char *)bytes, 32, "P6\n40 40\n255\n");
    for (int i = 0; i < 40 * 40; i++)
        memset(bytes + header + i * 3, i % 40 < 20 ? left : right, 3);
    size_t size = (size_t)header + 40 * 40 * 3 - (cut ? 1000 : 0);
    snprintf(name, sizeof(name), "%u.ppm", index);
    const char *path = temporary_path(state, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    free(photos[index].path);
    photos[index] = (struct labelled_photo){.path = strdup(path),
                                            .relative = "x",
                                            .size_bytes = size,
                                            .hash = photo_hash_bytes(bytes, size)};
}

static int setup(void **state)
{
    if (temporary_setup(state))
        return -1;
    uv_os_setenv("CUBBY_CACHE_DIR", temporary_path(state, "cache"));
    const struct messages_params params = {.quiet = true, .fs = fs_real()};
    assert_int_equal(messages_create(&screen, &params), CUBBY_OK);
    command = (struct command){&options, screen, &test_log, fs_real(), &hooks};
    options.threads = 3;
    for (uint32_t i = 0; i < PHOTOS; i++)
        write_photo(state, i, (uint8_t)(20 * i), (uint8_t)(255 - 10 * i), i == 3);
    return 0;
}

static int teardown(void **state)
{
    for (uint32_t i = 0; i < PHOTOS; i++)
        free(photos[i].path);
    messages_destroy(&screen);
    return temporary_teardown(state);
}

static struct features *open_features(void)
{
    const struct features_params params = {.command = &command, .cache_bytes = UINT64_MAX};
    struct features *features;
    assert_int_equal(features_open(&features, &params), CUBBY_OK);
    assert_int_equal(features_dims(features), STUB_FEATURES);
    return features;
}

// Left and right of what a view shows, 0..255.
static void expect_sides(const struct features *features, uint64_t row, double left, double right)
{
    float values[STUB_FEATURES];
    assert_int_equal(features_read(features, row, values), CUBBY_OK);
    if (fabs(values[0] * 255 - left) > 6 || fabs(values[3] * 255 - right) > 6)
        fail_msg("left %g, right %g, not %g and %g", values[0] * 255.0, values[3] * 255.0, left,
                 right);
}

static void test_views(void **state)
{
    (void)state;
    uint64_t rows[PHOTOS * FEATURES_AUGMENTED];
    bool failed[PHOTOS];
    messages.count = 0;
    struct features *features = open_features();
    assert_int_equal(features_compute(features, photos, PHOTOS, FEATURES_AUGMENTED, rows, failed),
                     CUBBY_OK);
    assert_int_equal(features_computed(features), 4 * FEATURES_AUGMENTED);
    for (uint32_t i = 0; i < PHOTOS; i++) {
        assert_int_equal(failed[i], i == 3);
        if (i == 3)
            continue;
        expect_sides(features, rows[i * 3], 20 * i, 255 - 10 * i);
        expect_sides(features, rows[i * 3 + 1], 255 - 10 * i, 20 * i);
    }
    assert_true(rows[3 * 3] == FEATURE_CACHE_NONE && rows[3 * 3 + 2] == FEATURE_CACHE_NONE);
    assert_int_equal(messages.count, 1); // once, not for each view
    assert_non_null(strstr(messages.last, "3.ppm is left out: cut short"));
    float plain[STUB_FEATURES], part[STUB_FEATURES];
    assert_int_equal(features_read(features, rows[0], plain), CUBBY_OK);
    assert_int_equal(features_read(features, rows[2], part), CUBBY_OK);
    assert_memory_not_equal(plain, part, sizeof(plain));
    features_close(&features);
}

// What is in the cache is not computed again; what is new is.
static void test_cache(void **state)
{
    uint64_t rows[PHOTOS * 2];
    bool failed[PHOTOS];
    struct features *features = open_features();
    assert_int_equal(features_compute(features, photos, 2, 2, rows, failed), CUBBY_OK);
    assert_int_equal(features_computed(features), 0);
    expect_sides(features, rows[2], 20, 245);
    write_photo(state, 3, 1, 2, false);
    assert_int_equal(features_compute(features, photos, PHOTOS, 2, rows, failed), CUBBY_OK);
    assert_int_equal(features_computed(features), 2);
    assert_false(failed[3]);
    features_close(&features);
}

static void test_changed(void **state)
{
    uint64_t rows[PHOTOS];
    bool failed[PHOTOS];
    write_photo(state, 0, 77, 78, false);
    photos[0].hash.low++; // as if the file was another one when it was listed
    struct features *features = open_features();
    assert_int_equal(features_compute(features, photos, 1, 1, rows, failed), CUBBY_OK);
    assert_true(failed[0]);
    assert_non_null(strstr(messages.last, "changed while it was read"));
    features_close(&features);
}

static void test_parts(void **state)
{
    (void)state;
    unsigned mirrored = 0;
    struct cubby_view view, again;
    features_view((struct photo_hash){1, 2}, 0, &view);
    assert_true(view.width >= 1 && view.height >= 1 && !view.mirrored);
    features_view((struct photo_hash){1, 2}, 1, &view);
    assert_true(view.width >= 1 && view.height >= 1 && view.mirrored);
    for (uint32_t i = 0; i < 1000; i++) {
        const struct photo_hash photo = photo_hash_bytes(&i, sizeof(i));
        features_view(photo, 2 + i % 3, &view);
        features_view(photo, 2 + i % 3, &again);
        assert_memory_equal(&view, &again, sizeof(view));
        assert_true(view.width >= 0.64f && view.width <= 0.91f && view.height == view.width);
        assert_true(view.left >= 0 && view.left + view.width <= 1.0001f);
        assert_true(view.top >= 0 && view.top + view.height <= 1.0001f);
        mirrored += view.mirrored;
    }
    assert_in_range(mirrored, 420, 580);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_changed),
        cmocka_unit_test(test_parts),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
