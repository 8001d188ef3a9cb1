#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "graph/graph.h"
#include "ops/launch.h"

// At the point p a kernel row (g0, g1, g2) is g0 + p g1 + p^2 g2, scaled; at infinity it is g2.
static void transform_evaluates_kernels(void **state)
{
    (void)state;
    // Kernel 0 has only its first tap, kernel 1 only its last, kernel 15 only its centre.
    float kernels[WINOGRAD_TAPS][WINOGRAD_KERNELS] = {
        [0] = {[0] = 1}, [4] = {[15] = 1}, [8] = {[1] = 1}};
    float at[36][WINOGRAD_KERNELS];
    winograd_transform(kernels, at);
    assert_true(at[0][0] == 1);  // both points 0
    assert_true(at[35][0] == 0); // both infinity
    // Row 0 of G g G^T, point 2/3: 1 / (2 a^2 (a^2 - b^2)) with a = 2/3, b = 3/2.
    const float scale_a = -81.0f / 130.0f, scale_b = 8.0f / 65.0f;
    assert_float_equal(at[1][0], scale_a, 1e-6f);
    assert_float_equal(at[2][0], scale_a, 1e-6f);
    assert_float_equal(at[3][0], scale_b, 1e-6f);
    assert_true(at[0][1] == 0);
    assert_true(at[35][1] == 1);
    assert_float_equal(at[5 * 6 + 1][1], scale_a * 4 / 9, 1e-6f);
    assert_true(at[0][15] == 0 && at[35][15] == 0);
    assert_float_equal(at[1 * 6 + 4][15], scale_a * 2 / 3 * scale_b * -3 / 2, 1e-6f);
    assert_true(at[1 * 6 + 4][7] == 0);
}

// Only 3x3 convolutions with stride 1 are taken apart; residual, ReLU and bias go to the last op,
// whose weights are those of the product.
static void lowering_keeps_values(void **state)
{
    (void)state;
    static const float weight[9 * 8 * 8], bias[8];
    struct graph *graph = calloc(1, sizeof(*graph)), *lowered = calloc(1, sizeof(*lowered));
    assert_non_null(graph);
    assert_non_null(lowered);
    struct graph_conv_params params = {.out_channels = 8, .kernel = 1, .stride = 1, .relu = true};
    params.residual = GRAPH_NONE;
    params.weights.weight = weight;
    params.weights.bias = bias;
    const uint32_t input = graph_value(graph, 8, 9, 5);
    const uint32_t first = graph_conv(graph, input, &params);
    params.kernel = 3;
    params.pad = 1;
    params.residual = input;
    const uint32_t second = graph_conv(graph, first, &params);
    params.stride = 2;
    params.residual = GRAPH_NONE;
    graph_conv(graph, second, &params);

    static const bool all[] = {true, true, true};
    uint32_t origin[GRAPH_MAX_OPS];
    assert_int_equal(
        graph_lower(lowered, graph, &(struct graph_lower_params){.winograd = all}, origin),
        CUBBY_OK);
    assert_int_equal(lowered->op_count, 5);
    static const uint32_t origins[] = {0, 1, 1, 1, 2};
    assert_memory_equal(origin, origins, sizeof(origins));
    const struct graph_op *in = &lowered->ops[1], *product = &lowered->ops[2],
                          *out = &lowered->ops[3];
    assert_int_equal(in->kind, GRAPH_WINOGRAD_INPUT);
    assert_int_equal(in->input, first);
    assert_int_equal(product->kind, GRAPH_WINOGRAD_PRODUCT);
    assert_int_equal(product->input, in->output);
    assert_int_equal(product->residual, GRAPH_NONE);
    assert_int_equal(out->kind, GRAPH_WINOGRAD_OUTPUT);
    assert_int_equal(out->input, product->output);
    assert_int_equal(out->output, second);
    assert_int_equal(out->residual, input);
    assert_int_equal(out->weights_op, 2);
    // 3 x 2 tiles of 4x4 pixels, 36 positions each.
    assert_int_equal(lowered->values[in->output].height * lowered->values[in->output].width,
                     36 * 6);
    // The residual lives until the last op reads it, what lies between only between.
    assert_int_equal(lowered->values[input].last, 3);
    assert_int_equal(lowered->values[first].last, 1);
    assert_int_equal(lowered->values[product->output].first, 2);
    assert_int_equal(lowered->values[product->output].last, 3);
    assert_int_equal(lowered->values[second].last, 4);
    free(graph);
    free(lowered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transform_evaluates_kernels),
        cmocka_unit_test(lowering_keeps_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
