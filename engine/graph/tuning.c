#include "graph/tuning.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/net.h"

// The text: a first line with the key, then "batch N" and a line for each shape.
#define FIRST_LINE "cubby tuning 4 "
#define LINE_BYTES 320u

struct tuning_shape tuning_shape_of(const struct cubby_gpu *gpu, const struct graph *graph,
                                    const struct graph_op *op, uint32_t batch)
{
    const struct graph_lower_params lowering = conv_lowering(gpu);
    const struct graph_op *shortcut = graph_shortcut(graph, &lowering, op);
    const struct graph_value *in = &graph->values[op->input], *out = &graph->values[op->output];
    return (struct tuning_shape){
        .batch = batch,
        .in = in->channels,
        .height = in->height,
        .width = in->width,
        .out = out->channels,
        .kernel = op->kernel,
        .stride = op->stride,
        .pad = op->pad,
        .residual = op->residual != GRAPH_NONE,
        .second = shortcut ? graph->values[shortcut->input].channels : 0,
        .second_stride = shortcut ? shortcut->stride : 0,
    };
}

bool tuning_same_shape(const struct tuning_shape *a, const struct tuning_shape *b)
{
    return a->batch == b->batch && a->in == b->in && a->height == b->height &&
           a->width == b->width && a->out == b->out && a->kernel == b->kernel &&
           a->stride == b->stride && a->pad == b->pad && a->residual == b->residual &&
           a->second == b->second && a->second_stride == b->second_stride;
}

const struct conv_choice *tuning_find(const struct cubby_tuning *tuning,
                                      const struct tuning_shape *shape)
{
    for (uint32_t i = 0; i < tuning->count; i++)
        if (tuning_same_shape(&tuning->entries[i].shape, shape))
            return &tuning->entries[i].choice;
    return NULL;
}

void tuning_put(struct cubby_tuning *tuning, const struct tuning_shape *shape,
                const struct conv_choice *choice)
{
    for (uint32_t i = 0; i < tuning->count; i++) {
        if (tuning_same_shape(&tuning->entries[i].shape, shape)) {
            tuning->entries[i].choice = *choice;
            return;
        }
    }
    if (tuning->count < TUNING_MAX_ENTRIES)
        tuning->entries[tuning->count++] = (struct tuning_entry){*shape, *choice};
}

void tuning_choose(const struct cubby_tuning *tuning, const struct cubby_gpu *gpu,
                   const struct graph *graph, uint32_t batch, struct conv_choice *choices)
{
    for (uint32_t i = 0; i < graph->op_count; i++) {
        const struct graph_op *op = &graph->ops[i];
        if (op->kind != GRAPH_CONV)
            continue;
        struct conv_choice candidates[CONV_MAX_CANDIDATES];
        const uint32_t count =
            conv_candidates(gpu, graph, op, batch, candidates, CONV_MAX_CANDIDATES);
        const struct tuning_shape shape = tuning_shape_of(gpu, graph, op, batch);
        const struct conv_choice *measured = tuning ? tuning_find(tuning, &shape) : NULL;
        choices[i] = candidates[0];
        for (uint32_t k = 1; measured && k < count; k++)
            if (conv_choice_equal(&candidates[k], measured))
                choices[i] = candidates[k];
    }
}

static void parse_line(struct cubby_tuning *tuning, const char *line)
{
    struct tuning_shape s;
    struct conv_choice c;
    unsigned batch, residual, winograd;
    if (sscanf(line, "batch %u", &batch) == 1 && batch <= CUBBY_NET_MAX_BATCH) {
        tuning->batch = batch;
        return;
    }
    const int found = sscanf(
        line,
        "conv %" SCNu32 "x%" SCNu32 "x%" SCNu32 " to %" SCNu32 " kernel %" SCNu32 " stride %" SCNu32
        " pad %" SCNu32 " residual %u second %" SCNu32 " stride %" SCNu32 " batch %" SCNu32
        ": tile %" SCNu16 " %" SCNu16 " %" SCNu16 " part %" SCNu16 " %" SCNu16 " buffers %" SCNu16
        " ahead %" SCNu16 " %" SCNu16 " winograd %u invocations %" SCNu16,
        &s.in, &s.height, &s.width, &s.out, &s.kernel, &s.stride, &s.pad, &residual, &s.second,
        &s.second_stride, &s.batch, &c.tile_m, &c.tile_n, &c.tile_k, &c.part_m, &c.part_n,
        &c.buffers, &c.ahead, &c.weights_ahead, &winograd, &c.invocations);
    if (found != 21)
        return;
    s.residual = residual != 0;
    c.winograd = winograd != 0;
    tuning_put(tuning, &s, &c);
}

// Only lines that end are read: the last one of a file that was cut off says nothing.
static void parse(struct cubby_tuning *tuning, const char *text, size_t size_bytes)
{
    bool ours = false;
    for (const char *at = text, *end = text + size_bytes, *newline;
         at < end && (newline = memchr(at, '\n', (size_t)(end - at))); at = newline + 1) {
        char line[LINE_BYTES];
        const size_t length = (size_t)(newline - at);
        if (length >= sizeof(line) || memchr(at, 0, length))
            continue;
        memcpy(line, at, length);
        line[length] = '\0';
        if (at == text) {
            const size_t first = sizeof(FIRST_LINE) - 1;
            ours = !strncmp(line, FIRST_LINE, first) && !strcmp(line + first, tuning->key);
        } else if (ours) {
            parse_line(tuning, line);
        }
    }
}

enum cubby_status cubby_tuning_create(struct cubby_tuning **out, const struct cubby_gpu *gpu,
                                      const char *text, size_t size_bytes)
{
    struct cubby_tuning *tuning = *out = calloc(1, sizeof(*tuning));
    if (!tuning)
        return CUBBY_NO_MEMORY;
    cubby_gpu_key(gpu, tuning->key);
    if (text && size_bytes <= CUBBY_TUNING_MAX_BYTES)
        parse(tuning, text, size_bytes);
    return CUBBY_OK;
}

void cubby_tuning_destroy(struct cubby_tuning **tuning)
{
    free(*tuning);
    *tuning = NULL;
}

uint32_t cubby_tuning_count(const struct cubby_tuning *tuning)
{
    return tuning->count;
}

uint32_t cubby_tuning_batch(const struct cubby_tuning *tuning)
{
    return tuning->batch;
}

static int print_entry(char *line, size_t bytes, const struct tuning_entry *entry)
{
    const struct tuning_shape *s = &entry->shape;
    const struct conv_choice *c = &entry->choice;
    return snprintf(
        line, bytes,
        "conv %" PRIu32 "x%" PRIu32 "x%" PRIu32 " to %" PRIu32 " kernel %" PRIu32 " stride %" PRIu32
        " pad %" PRIu32 " residual %d second %" PRIu32 " stride %" PRIu32 " batch %" PRIu32
        ": tile %u %u %u part %u %u buffers %u ahead %u %u winograd %d invocations %u\n",
        s->in, s->height, s->width, s->out, s->kernel, s->stride, s->pad, s->residual, s->second,
        s->second_stride, s->batch, c->tile_m, c->tile_n, c->tile_k, c->part_m, c->part_n,
        c->buffers, c->ahead, c->weights_ahead, c->winograd, c->invocations);
}

enum cubby_status cubby_tuning_write(const struct cubby_tuning *tuning, char **text,
                                     size_t *size_bytes)
{
    const size_t room = (tuning->count + 2) * LINE_BYTES;
    char *out = *text = malloc(room);
    *size_bytes = 0;
    if (!out)
        return CUBBY_NO_MEMORY;
    int length = snprintf(out, room, FIRST_LINE "%s\n", tuning->key);
    if (tuning->batch)
        length +=
            snprintf(out + length, room - (size_t)length, "batch %" PRIu32 "\n", tuning->batch);
    for (uint32_t i = 0; i < tuning->count; i++)
        length += print_entry(out + length, room - (size_t)length, &tuning->entries[i]);
    *size_bytes = (size_t)length;
    return CUBBY_OK;
}
