// The measures of a device's limits: they run on every variant without a validation message, and
// say how much they did. How fast is nobody's business here.
#include "engine/harness.h"
#include "engine/peak.h"
#include "vk/gpu.h"

static void test_grows_with_rounds(void **state)
{
    (void)state;
    for (size_t i = 0; i < HARNESS_VARIANTS; i++) {
        struct cubby_gpu *gpu = harness_variant(i);
        if (!gpu)
            continue;
        struct cubby_peak *peak;
        double one, three;
        assert_int_equal(cubby_peak_create(&peak, gpu), CUBBY_OK);
        assert_int_equal(cubby_peak_multiply_add(peak, 1, &one), CUBBY_OK);
        assert_int_equal(cubby_peak_multiply_add(peak, 3, &three), CUBBY_OK);
        assert_true(one > 0 && three == 3 * one);
        if (cubby_gpu_kernels(gpu) == CUBBY_KERNELS_MATRIX) {
            assert_int_equal(cubby_peak_matrices(peak, 1, &one), CUBBY_OK);
            assert_int_equal(cubby_peak_matrices(peak, 3, &three), CUBBY_OK);
            assert_true(one > 0 && three == 3 * one);
        } else {
            assert_int_equal(cubby_peak_matrices(peak, 1, &one), CUBBY_UNSUPPORTED);
        }
        assert_int_equal(cubby_peak_copy(peak, 1, &one), CUBBY_OK);
        assert_int_equal(cubby_peak_copy(peak, 3, &three), CUBBY_OK);
        assert_true(one > 0 && three == 3 * one);
        cubby_peak_destroy(&peak);
        assert_null(peak);
        harness_close(&gpu);
    }
}

// A CPU copies in another way than a GPU, whose kernel has to run somewhere.
static void test_copies_as_a_gpu(void **state)
{
    (void)state;
    struct cubby_gpu *gpu = harness_gpu(CUBBY_KERNELS_TILE);
    gpu->info.kind = CUBBY_DEVICE_OTHER;
    struct cubby_peak *peak;
    double one, two;
    assert_int_equal(cubby_peak_create(&peak, gpu), CUBBY_OK);
    assert_int_equal(cubby_peak_copy(peak, 1, &one), CUBBY_OK);
    assert_int_equal(cubby_peak_copy(peak, 2, &two), CUBBY_OK);
    assert_true(one > 0 && two == 2 * one);
    cubby_peak_destroy(&peak);
    harness_close(&gpu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_with_rounds),
        cmocka_unit_test(test_copies_as_a_gpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
