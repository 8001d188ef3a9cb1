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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(damaged_pipelines_are_not_kept, temporary_setup,
                                        temporary_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
