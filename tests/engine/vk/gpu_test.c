#include "engine/harness.h"
#include "vk/gpu.h"

static char last_error[1100];

static void keep_error(void *user, enum cubby_log_level level, const char *message)
{
    (void)user;
    if (level == CUBBY_LOG_ERROR)
        snprintf(last_error, sizeof(last_error), "%s", message);
}

static const struct cubby_log keeper = {keep_error, NULL};

static void list_and_choose(void **state)
{
    (void)state;
    struct cubby_gpu *gpu = harness_gpu(CUBBY_KERNELS_AUTO); // skips where there is no device
    char name[256], index[16];
    snprintf(name, sizeof(name), "%s", cubby_gpu_info(gpu)->name);
    harness_close(&gpu);

    struct cubby_device_info *infos;
    size_t count;
    assert_int_equal(cubby_gpu_list(&infos, &count, &keeper), CUBBY_OK);
    assert_true(count > 0);
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        found |= !strcmp(infos[i].name, name);
        assert_true(infos[i].usable || infos[i].missing[0]);
    }
    assert_true(found);
    free(infos);

    // By index, and by part of the name in any case.
    snprintf(index, sizeof(index), "%d", 0);
    struct cubby_gpu_params params = {.device = index};
    assert_int_equal(cubby_gpu_create(&gpu, &params, &keeper), CUBBY_OK);
    cubby_gpu_destroy(&gpu);
    name[4] = '\0';
    name[0] = name[0] >= 'a' ? (char)(name[0] - 32) : name[0];
    params.device = name;
    assert_int_equal(cubby_gpu_create(&gpu, &params, &keeper), CUBBY_OK);
    cubby_gpu_destroy(&gpu);
    assert_null(gpu);

    params.device = "no such device";
    assert_int_equal(cubby_gpu_create(&gpu, &params, &keeper), CUBBY_NO_DEVICE);
    assert_non_null(strstr(last_error, "no such device"));
    params.device = "99";
    assert_int_equal(cubby_gpu_create(&gpu, &params, &keeper), CUBBY_NO_DEVICE);
}

// Families and precisions that do not go together are refused with a way out.
static void impossible_pairs(void **state)
{
    (void)state;
    struct cubby_gpu *gpu = harness_gpu(CUBBY_KERNELS_AUTO); // skips where there is no device
    harness_close(&gpu);
    const struct {
        struct cubby_gpu_params params;
        const char *advice;
    } cases[] = {
        {{.kernels = CUBBY_KERNELS_LANE, .precision = CUBBY_PRECISION_FP16}, "--kernels"},
        {{.kernels = CUBBY_KERNELS_MATRIX, .precision = CUBBY_PRECISION_FP32}, "--kernels"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(cubby_gpu_create(&gpu, &cases[i].params, &keeper), CUBBY_UNSUPPORTED);
        assert_null(gpu);
        assert_non_null(strstr(last_error, cases[i].advice));
    }

    // Automatic kernels have the precision that was asked for, where the device does.
    const struct cubby_gpu_params halves = {.precision = CUBBY_PRECISION_FP16};
    const enum cubby_status status = cubby_gpu_create(&gpu, &halves, &keeper);
    if (!status) {
        assert_int_equal(cubby_gpu_precision(gpu), CUBBY_PRECISION_FP16);
        assert_int_not_equal(cubby_gpu_kernels(gpu), CUBBY_KERNELS_LANE);
        cubby_gpu_destroy(&gpu);
    } else {
        assert_int_equal(status, CUBBY_UNSUPPORTED);
    }
}

static void results_become_statuses(void **state)
{
    (void)state;
    struct cubby_gpu gpu = {.log = keeper, .info = {.name = "card"}};
    assert_int_equal(gpu_check(&gpu, VK_SUCCESS, "work"), CUBBY_OK);
    assert_int_equal(gpu_check(&gpu, VK_ERROR_DEVICE_LOST, "a batch"), CUBBY_DEVICE_LOST);
    assert_string_equal(last_error, "card: a batch failed: device lost (Vulkan error -4)");
    assert_int_equal(gpu_check(&gpu, VK_ERROR_OUT_OF_DEVICE_MEMORY, "it"), CUBBY_NO_MEMORY);
    assert_int_equal(gpu_check(&gpu, VK_ERROR_OUT_OF_HOST_MEMORY, "it"), CUBBY_NO_MEMORY);
    assert_int_equal(gpu_check(&gpu, VK_ERROR_FEATURE_NOT_PRESENT, "it"), CUBBY_INTERNAL);
}

// A batch that no device can hold is an error with a name, not a crash, and leaves the gpu usable.
static void too_large_for_the_device(void **state)
{
    (void)state;
    struct cubby_gpu *gpu = harness_gpu(CUBBY_KERNELS_TILE);
    gpu->log = keeper;
    struct graph *graph = calloc(1, sizeof(*graph));
    const uint32_t input = graph_value(graph, 4096, 8192, 8192);
    graph_max_pool(graph, input, 1, 1, 0);
    struct executor *executor;
    const struct executor_params params = {.max_batch = 512, .slots = 1};
    assert_int_equal(executor_create(&executor, gpu, graph, &params), CUBBY_NO_MEMORY);
    assert_null(executor);
    assert_non_null(strstr(last_error, "use a smaller batch"));
    free(graph);
    harness_close(&gpu);
}

// The tests lean on the layers: a mistake on purpose must be counted.
static void validation_is_listening(void **state)
{
    (void)state;
    struct cubby_gpu *gpu = harness_gpu(CUBBY_KERNELS_AUTO);
    gpu->log = keeper;
    const VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                     .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT}; // size 0
    VkBuffer buffer = VK_NULL_HANDLE;
    if (vkCreateBuffer(gpu->device, &info, NULL, &buffer) == VK_SUCCESS)
        vkDestroyBuffer(gpu->device, buffer, NULL);
    assert_true(cubby_gpu_validation_messages(gpu) > 0);
    cubby_gpu_destroy(&gpu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_and_choose),         cmocka_unit_test(impossible_pairs),
        cmocka_unit_test(results_become_statuses), cmocka_unit_test(too_large_for_the_device),
        cmocka_unit_test(validation_is_listening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
