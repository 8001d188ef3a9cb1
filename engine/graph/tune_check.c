#include "graph/tune_check.h"

#include <math.h>
#include <stdlib.h>

#define MOST_IMAGES 2u
// Of the largest result: many times what halves round off, and less than one product left out.
#define TOLERANCE 0.01f

struct tune_check {
    uint32_t images, input, other, output; // values; other may be GRAPH_NONE
    float *in, *added;                     // owned
    float *first, *got;                    // owned
    size_t out_count;
    bool has_first;
};

static size_t value_count(const struct graph *graph, uint32_t value, uint32_t images)
{
    const struct graph_value *v = &graph->values[value];
    return (size_t)images * v->channels * v->height * v->width;
}

// Numbers from -1 to 1 in no order.
static float *made_up(size_t count)
{
    float *values = malloc((count ? count : 1) * sizeof(*values));
    for (size_t i = 0; values && i < count; i++)
        values[i] = (float)(i * 2246822519u % 2039) / 1019.0f - 1.0f;
    return values;
}

// What the last op adds, or what the convolution reads that computes it.
static uint32_t other_of(const struct graph *graph)
{
    const uint32_t residual = graph->ops[graph->op_count - 1].residual;
    for (uint32_t i = 0; i < graph->op_count; i++)
        if (residual != GRAPH_NONE && graph->ops[i].output == residual)
            return graph->ops[i].input;
    return residual;
}

struct tune_check *tune_check_create(const struct graph *graph, uint32_t batch)
{
    struct tune_check *check = calloc(1, sizeof(*check));
    if (!check)
        return NULL;
    const struct graph_op *last = &graph->ops[graph->op_count - 1];
    check->images = batch < MOST_IMAGES ? batch : MOST_IMAGES;
    check->input = last->input;
    check->other = other_of(graph);
    check->output = last->output;
    check->out_count = value_count(graph, last->output, check->images);
    check->in = made_up(value_count(graph, last->input, check->images));
    const bool adds = check->other != GRAPH_NONE;
    check->added = adds ? made_up(value_count(graph, check->other, check->images)) : NULL;
    check->first = made_up(check->out_count);
    check->got = made_up(check->out_count);
    if (!check->in || (adds && !check->added) || !check->first || !check->got)
        tune_check_destroy(&check);
    return check;
}

// NaN is never near anything.
static bool is_near(const float *got, const float *first, size_t count)
{
    float largest = 0;
    bool near = true;
    for (size_t i = 0; i < count; i++)
        largest = fmaxf(largest, fabsf(first[i]));
    for (size_t i = 0; i < count; i++)
        near &= fabsf(got[i] - first[i]) <= TOLERANCE * largest;
    return near;
}

enum cubby_status tune_check_run(struct tune_check *check, struct executor *executor, bool *same)
{
    float *out = check->has_first ? check->got : check->first;
    enum cubby_status status =
        executor_write_value(executor, check->input, check->images, check->in);
    if (!status && check->added)
        status = executor_write_value(executor, check->other, check->images, check->added);
    if (!status)
        status = executor_submit(executor, 0, check->images);
    if (!status)
        status = executor_wait(executor, 0);
    if (!status)
        status = executor_read_value(executor, check->output, check->images, out);
    if (status)
        return status;
    *same = !check->has_first || is_near(out, check->first, check->out_count);
    check->has_first = true;
    return CUBBY_OK;
}

void tune_check_destroy(struct tune_check **pointer)
{
    struct tune_check *check = *pointer;
    if (!check)
        return;
    free(check->in);
    free(check->added);
    free(check->first);
    free(check->got);
    free(check);
    *pointer = NULL;
}
