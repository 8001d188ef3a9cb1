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

// Only what is read and written: a merged shortcut's result and a normalised image are neither.
static void test_counts_traffic_of_lowered(void **state)
{
    (void)state;
    static const float one[3] = {1, 1, 1};
    uint32_t origin[GRAPH_MAX_OPS];
    struct graph *graph = calloc(1, sizeof(*graph)), *lowered = calloc(1, sizeof(*lowered));
    assert_non_null(graph);
    assert_non_null(lowered);
    struct graph_conv_params params = {
        .out_channels = 64, .kernel = 3, .stride = 2, .pad = 1, .residual = GRAPH_NONE};
    const uint32_t stem = graph_conv(graph, graph_normalize(graph, 8, 8, false, one, one), &params);
    params.kernel = params.stride = 1;
    params.pad = 0;
    const uint32_t shortcut = graph_conv(graph, stem, &params);
    params.kernel = 3;
    params.pad = 1;
    const uint32_t middle = graph_conv(graph, stem, &params);
    params.residual = shortcut;
    graph_conv(graph, middle, &params);
    const double image = 3 * 8 * 8, value = 64 * 4 * 4;
    assert_true(graph_traffic(graph) == 2 * image + value + 2 * value + 2 * value + 3 * value);

    static const bool winograd[] = {false, false, false, true, true};
    const struct graph_lower_params positions = {.winograd = winograd};
    assert_int_equal(graph_lower(lowered, graph, &positions, origin), CUBBY_OK);
    assert_int_equal(lowered->op_count, 9);
    assert_true(graph_traffic(lowered) == graph_traffic(graph));

    const struct graph_lower_params merging = {.merges_shortcuts = true, .merges_windows = true};
    assert_int_equal(graph_lower(lowered, graph, &merging, origin), CUBBY_OK);
    graph_merge_stem(lowered, origin);
    assert_int_equal(lowered->op_count, 3);
    assert_true(graph_traffic(lowered) == graph_traffic(graph) - 2 * image - 2 * value);
    free(lowered);
    free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_by_definition),
        cmocka_unit_test(test_counts_traffic_of_lowered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
