#include "engine/harness.h"

// Two convolutions of values of their own, of which the second adds the first: a shortcut.
struct block {
    struct graph *graph;
    uint32_t input, other, shortcut, output; // values
};

static struct block make_block(uint32_t kernel, uint32_t channels)
{
    struct block block = {.graph = calloc(1, sizeof(struct graph))};
    assert_non_null(block.graph);
    block.input = graph_value(block.graph, 96, 8, 8);
    block.other = graph_value(block.graph, channels, 16, 16);
    struct graph_conv_params params = {
        .out_channels = 96, .kernel = 1, .stride = 2, .residual = GRAPH_NONE};
    block.shortcut = graph_conv(block.graph, block.other, &params);
    params = (struct graph_conv_params){.out_channels = 96,
                                        .kernel = kernel,
                                        .stride = 1,
                                        .pad = kernel / 2,
                                        .relu = true,
                                        .residual = block.shortcut};
    block.output = graph_conv(block.graph, block.input, &params);
    return block;
}

// Every value that an op reads was written by one before it, or by no op of the graph at all.
static void assert_written(const struct graph *lowered, const struct graph *graph)
{
    bool written[GRAPH_MAX_VALUES], ever[GRAPH_MAX_VALUES] = {false};
    for (uint32_t i = 0; i < graph->op_count; i++)
        ever[graph->ops[i].output] = true;
    for (uint32_t i = 0; i < GRAPH_MAX_VALUES; i++)
        written[i] = i < graph->value_count && !ever[i];
    for (uint32_t i = 0; i < lowered->op_count; i++) {
        const struct graph_op *op = &lowered->ops[i];
        const uint32_t read[] = {op->input, op->residual, op->second};
        for (size_t k = 0; k < 3; k++)
            assert_true(read[k] == GRAPH_NONE || written[read[k]]);
        written[op->output] = true;
    }
}

static struct graph *lower(const struct graph *graph, const struct graph_lower_params *params)
{
    uint32_t origin[GRAPH_MAX_OPS];
    struct graph *lowered = calloc(1, sizeof(*lowered));
    assert_non_null(lowered);
    assert_int_equal(graph_lower(lowered, graph, params, origin), CUBBY_OK);
    assert_written(lowered, graph);
    for (uint32_t i = 0; i < lowered->op_count; i++)
        assert_true(origin[i] < graph->op_count);
    return lowered;
}

static void shortcuts_are_merged(void **state)
{
    (void)state;
    const struct graph_lower_params merging = {.merges_shortcuts = true}, plain = {0};
    struct block block = make_block(1, 128);
    struct graph *lowered = lower(block.graph, &merging);
    assert_int_equal(lowered->op_count, 1);
    assert_int_equal(lowered->ops[0].input, block.input);
    assert_int_equal(lowered->ops[0].residual, GRAPH_NONE);
    assert_int_equal(lowered->ops[0].second, block.other);
    assert_int_equal(lowered->ops[0].second_stride, 2);
    assert_int_equal(lowered->ops[0].output, block.output);
    assert_int_equal(lowered->values[block.shortcut].channels, 0); // takes no memory
    assert_true(graph_is_merged(block.graph, &merging, &block.graph->ops[0]));
    assert_false(graph_is_merged(block.graph, &merging, &block.graph->ops[1]));
    free(lowered);

    assert_false(graph_is_merged(block.graph, &plain, &block.graph->ops[0]));
    lowered = lower(block.graph, &plain);
    assert_int_equal(lowered->op_count, 2);
    assert_int_equal(lowered->ops[1].residual, block.shortcut);
    assert_int_equal(lowered->ops[1].second, GRAPH_NONE);
    free(lowered);
    free(block.graph);
}

static void others_are_not_merged(void **state)
{
    (void)state;
    const struct graph_lower_params merging = {.merges_shortcuts = true};
    struct block block = make_block(1, 96); // a step of 64 channels would span two tensors
    struct graph *lowered = lower(block.graph, &merging);
    assert_int_equal(lowered->op_count, 2);
    free(lowered);
    free(block.graph);

    block = make_block(1, 128);
    graph_unpack(block.graph, block.shortcut, GRAPH_FEATURES); // its result is wanted
    block.graph->ops[2].output = block.output;                 // for assert_written()
    lowered = lower(block.graph, &merging);
    assert_int_equal(lowered->op_count, 3);
    assert_int_equal(lowered->ops[1].residual, block.shortcut);
    free(lowered);
    free(block.graph);
}

// Some kernels merge only into products.
static void windows_are_merged_where_they_can(void **state)
{
    (void)state;
    const struct graph_lower_params products = {.merges_shortcuts = true};
    const struct graph_lower_params windows = {.merges_shortcuts = true, .merges_windows = true};
    struct block block = make_block(3, 128);
    struct graph *lowered = lower(block.graph, &products);
    assert_int_equal(lowered->op_count, 2);
    assert_int_equal(lowered->ops[1].residual, block.shortcut);
    free(lowered);
    lowered = lower(block.graph, &windows);
    assert_int_equal(lowered->op_count, 1);
    assert_int_equal(lowered->ops[0].second, block.other);
    free(lowered);
    free(block.graph);
}

// Winograd's last step adds a value: then something has to write it.
static void winograd_keeps_its_shortcut(void **state)
{
    (void)state;
    static const bool winograd[] = {false, true};
    const struct graph_lower_params both = {.winograd = winograd, .merges_shortcuts = true};
    struct block block = make_block(3, 128);
    struct graph *lowered = lower(block.graph, &both);
    assert_int_equal(lowered->op_count, 4);
    assert_int_equal(lowered->ops[3].kind, GRAPH_WINOGRAD_OUTPUT);
    assert_int_equal(lowered->ops[3].residual, block.shortcut);
    free(lowered);
    free(block.graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shortcuts_are_merged),
        cmocka_unit_test(others_are_not_merged),
        cmocka_unit_test(windows_are_merged_where_they_can),
        cmocka_unit_test(winograd_keeps_its_shortcut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
