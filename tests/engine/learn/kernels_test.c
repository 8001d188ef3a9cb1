#include "engine/learn/fixture.h"

#include "learn/kernels.h"

enum { ROWS = 6, CLASSES = 4, STRIDE = 48 };

struct arrays {
    _Alignas(KERNEL_ALIGN) float rows[ROWS * STRIDE];
    _Alignas(KERNEL_ALIGN) float weights[CLASSES * STRIDE];
    _Alignas(KERNEL_ALIGN) float errors[ROWS * CLASSES];
    _Alignas(KERNEL_ALIGN) float products[ROWS * CLASSES];
    _Alignas(KERNEL_ALIGN) double sums[CLASSES * STRIDE];
    _Alignas(KERNEL_ALIGN) float normalised[STRIDE];
};

static void fill(struct arrays *arrays, const struct kernels *kernels)
{
    struct fixture fixture = {.random = 5};
    for (uint32_t i = 0; i < ROWS * STRIDE; i++)
        arrays->rows[i] = fixture_normal(&fixture);
    for (uint32_t i = 0; i < CLASSES * STRIDE; i++) {
        arrays->weights[i] = fixture_normal(&fixture);
        arrays->sums[i] = i;
    }
    for (uint32_t i = 0; i < ROWS * CLASSES; i++)
        arrays->errors[i] = fixture_normal(&fixture);
    kernels->products(arrays->products, arrays->rows, ROWS, arrays->weights, CLASSES, STRIDE);
    kernels->accumulate(arrays->sums, arrays->rows, ROWS - 1, arrays->errors, CLASSES, STRIDE);
    // An odd length from an odd place.
    kernels->normalise(arrays->normalised, arrays->rows + 1, arrays->weights + 3,
                       arrays->weights + STRIDE + 1, STRIDE - 5);
}

static void kernels_compute_what_they_say(void **state)
{
    (void)state;
    static struct arrays arrays;
    fill(&arrays, kernels_best());
    for (uint32_t r = 0; r < ROWS; r++)
        for (uint32_t k = 0; k < CLASSES; k++) {
            double sum = 0;
            for (uint32_t d = 0; d < STRIDE; d++)
                sum += (double)arrays.rows[r * STRIDE + d] * arrays.weights[k * STRIDE + d];
            assert_true(fabs(sum - arrays.products[r * CLASSES + k]) < 1e-4);
        }
    for (uint32_t k = 0; k < CLASSES; k++)
        for (uint32_t d = 0; d < STRIDE; d++) {
            double sum = k * STRIDE + d;
            for (uint32_t r = 0; r < ROWS - 1; r++)
                sum += (double)arrays.errors[r * CLASSES + k] * arrays.rows[r * STRIDE + d];
            assert_true(fabs(sum - arrays.sums[k * STRIDE + d]) < 1e-4);
        }
    for (uint32_t i = 0; i < STRIDE; i++) {
        const float want = i < STRIDE - 5 ? arrays.rows[i + 1] * arrays.weights[i + 3] +
                                                arrays.weights[STRIDE + 1 + i]
                                          : 0;
        assert_true(fabsf(want - arrays.normalised[i]) < 1e-6f);
    }
}

// So that a model learned here is the one learned on another machine.
static void the_fast_kernels_give_the_same_bits(void **state)
{
    (void)state;
    static struct arrays fast, plain;
    fill(&fast, kernels_best());
    fill(&plain, kernels_plain());
    assert_memory_equal(&fast, &plain, sizeof(fast));
}

static void values_stay_within_bounds(void **state)
{
    (void)state;
    const struct kernels *all[] = {kernels_best(), kernels_plain()};
    for (size_t i = 0; i < 2; i++) {
        _Alignas(KERNEL_ALIGN) float out[16];
        const float values[5] = {3e38f, -3e38f, 1, -1, 3e38f}, factor[5] = {1e20f, 1e20f, 2, 2, 10};
        const float offset[5] = {0, 0, 1, 1, -3e38f};
        all[i]->normalise(out, values, factor, offset, 5);
        const float want[5] = {1e15f, -1e15f, 3, -1, 1e15f};
        for (uint32_t d = 0; d < 5; d++)
            assert_true(out[d] == want[d]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_compute_what_they_say),
        cmocka_unit_test(the_fast_kernels_give_the_same_bits),
        cmocka_unit_test(values_stay_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
