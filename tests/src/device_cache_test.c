#include <stdlib.h>

#include "engine/harness.h"
#include "src/temporary.h"

#include "device_cache.h"

// Pipelines that were not taken do not count as kept: new ones of the same size must be written.
static void damaged_pipelines_are_not_kept(void **state)
{
    struct cubby_gpu *gpu = harness_gpu(CUBBY_KERNELS_AUTO); // skips where there is no device
    char key[CUBBY_GPU_KEY_BYTES], name[CUBBY_GPU_KEY_BYTES + 16];
    cubby_gpu_key(gpu, key);
    snprintf(name, sizeof(name), "%s.pipelines", key);
    temporary_file(state, name, "cubbypc1 and what a disk made of the rest");

    struct device_cache cache;
    device_cache_init(&cache, fs_real(), &harness_logger);
    free(cache.folder);
    cache.folder = strdup(temporary_path(state, ""));
    device_cache_load_pipelines(&cache, gpu);
    assert_int_equal(cache.pipeline_bytes, 0);
    device_cache_fini(&cache);
    harness_close(&gpu);
}

static const struct cubby_log silent = {0};

static void put(const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    int file = fs_real()->open(fs_real(), path, FS_CREATE);
    assert_true(file >= 0);
    assert_int_equal(fs_real()->close(fs_real(), file), 0);
    free(path);
}

static void begin(struct device_cache *cache, const char *folder, const struct fs *fs)
{
    assert_int_equal(uv_os_setenv("CUBBY_CACHE_DIR", folder), 0);
    device_cache_init(cache, fs, &silent);
    assert_int_equal(fs_make_folders(fs_real(), cache->folder), 0);
    put(cache->folder, "one.pipelines");
    put(cache->folder, "one.tuning");
    put(cache->folder, "one.tuning.77.new");
    put(cache->folder, "two.tuning");
    put(cache->folder, "letter.txt");
}

static void test_clear(void **state)
{
    struct device_cache cache;
    struct fs_names names;
    size_t removed;
    begin(&cache, *state, fs_real());
    assert_int_equal(device_cache_clear(&cache, &removed), CUBBY_OK);
    assert_int_equal(removed, 4);
    assert_int_equal(fs_real()->list(fs_real(), cache.folder, &names), 0);
    assert_int_equal(names.count, 1);
    assert_string_equal(names.names[0], "letter.txt");
    fs_names_free(&names);
    device_cache_fini(&cache);
}

// Another cubby was faster.
static int unlink_late(const struct fs *fs, const char *path)
{
    (void)fs;
    int error = fs_real()->unlink(fs_real(), path);
    return strstr(path, ".77.new") ? UV_ENOENT : error;
}

static void test_clear_beside_another(void **state)
{
    struct device_cache cache;
    struct fs fs = *fs_real();
    size_t removed;
    fs.unlink = unlink_late;
    begin(&cache, *state, &fs);
    assert_int_equal(device_cache_clear(&cache, &removed), CUBBY_OK);
    assert_int_equal(removed, 3);
    device_cache_fini(&cache);
}

static int unlink_nothing(const struct fs *fs, const char *path)
{
    (void)fs, (void)path;
    return UV_EACCES;
}

static void test_clear_not_allowed(void **state)
{
    struct device_cache cache;
    struct fs fs = *fs_real();
    size_t removed;
    fs.unlink = unlink_nothing;
    begin(&cache, *state, &fs);
    assert_int_equal(device_cache_clear(&cache, &removed), CUBBY_IO);
    assert_int_equal(removed, 0);
    device_cache_fini(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(damaged_pipelines_are_not_kept, temporary_setup,
                                        temporary_teardown),
        cmocka_unit_test_setup_teardown(test_clear, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_clear_beside_another, temporary_setup,
                                        temporary_teardown),
        cmocka_unit_test_setup_teardown(test_clear_not_allowed, temporary_setup,
                                        temporary_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
