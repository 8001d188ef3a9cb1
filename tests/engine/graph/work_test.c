#include "engine/harness.h"

// 3x4x5 pixels through 3x3 to 8 channels of stride 2 (2x3), and 1x1 to 6 channels with a residual.
static void test_counts_by_definition(void **state)
{
    (void)state;
    struct graph *graph = calloc(1, sizeof(*graph));
    assert_non_null(graph);
    const uint32_t input = graph_value(graph, 3, 4, 5), added = graph_value(graph, 6, 2, 3);
    const struct graph_conv_params first = {
        .out_channels = 8, .kernel = 3, .stride = 2, .pad = 1, .residual = GRAPH_NONE};
    const struct graph_conv_params second = {
        .out_channels = 6, .kernel = 1, .stride = 1, .residual = added};
    const uint32_t middle = graph_conv(graph, input, &first);
    graph_conv(graph, middle, &second);
    const struct cubby_net_work work = graph_work(graph);
    const double weights = 3 * 9 * 8 + 8 * 6;
    assert_true(work.weights == weights);
    assert_true(work.flops == 2 * weights * 2 * 3);
    assert_true(work.values == 3 * 4 * 5 + 8 * 2 * 3 + 8 * 2 * 3 + 6 * 2 * 3 + 6 * 2 * 3);
    free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_counts_by_definition)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
