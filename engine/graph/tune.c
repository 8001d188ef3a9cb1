// Measuring every way to run each convolution of a model, on the device and with the barriers of a
// real run.
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "engine/net.h"
#include "graph/executor.h"
#include "graph/layout.h"
#include "graph/tune_check.h"
#include "graph/tune_time.h"
#include "graph/tuning.h"
#include "ops/stem_matrix.h"

#define REPEATS 8u // of a convolution in one submission: its start must not count for much
// Ways to compute a shape, the likeliest; the others cost too much time. Those in tiles that the
// driver cuts up come on top.
#define MOST_WAYS 10u
#define MOST_DRIVER_WAYS 2u

// Larger batches than what takes so long are not tried: they cannot be much faster, nobody can
// interrupt them, and a driver may take them for a device that hangs (Windows after 2 s).
#define LONG_BATCH_S 0.5
#define MOST_BATCH 384u
#define LEAST_ROUND 64u // smaller batches than this are too small for other reasons
#define MOST_BATCHES 12u

// What fails while there is something else to choose is no error.
struct tune_log {
    struct cubby_log log;
    bool has_choice;
};

struct tune {
    struct cubby_tuning *tuning; // borrowed
    struct cubby_gpu *gpu;       // borrowed
    const struct cubby_tune_params *params;
    struct tune_log *log; // borrowed; gpu->log.user
};

static void pass_on(void *user, enum cubby_log_level level, const char *message)
{
    const struct tune_log *log = user;
    if (level == CUBBY_LOG_ERROR && log->has_choice)
        level = CUBBY_LOG_INFO;
    cubby_log(&log->log, level, "%s", message);
}

// What an image's first convolution reads lies differently where nothing else reads it, so that one
// is not repeated.
static uint32_t repeats_of(const struct tuning_shape *shape)
{
    return shape->in <= LAYOUT_IMAGE_CHANNELS ? 1 : REPEATS;
}

// The same convolution several times, as a graph of its own with weights that are not zero: how
// fast a device computes can depend on its numbers.
static void repeat_conv(struct graph *graph, const struct tuning_shape *shape, const float *weight,
                        const float *bias)
{
    *graph = (struct graph){0};
    const uint32_t out_h = graph_window(shape->height, shape->kernel, shape->stride, shape->pad);
    const uint32_t out_w = graph_window(shape->width, shape->kernel, shape->stride, shape->pad);
    const uint32_t input = graph_value(graph, shape->in, shape->height, shape->width);
    uint32_t other = GRAPH_NONE;
    if (shape->second)
        other = graph_value(graph, shape->second, out_h * shape->second_stride,
                            out_w * shape->second_stride);
    else if (shape->residual)
        other = graph_value(graph, shape->out, out_h, out_w);
    const struct graph_conv_params shortcut = {
        .out_channels = shape->out,
        .kernel = 1,
        .stride = shape->second_stride,
        .residual = GRAPH_NONE,
        .weights = {.weight = weight, .bias = bias},
    };
    struct graph_conv_params params = {
        .out_channels = shape->out,
        .kernel = shape->kernel,
        .stride = shape->stride,
        .pad = shape->pad,
        .relu = true,
        .residual = other,
        .weights = {.weight = weight, .bias = bias},
    };
    for (uint32_t i = 0; i < repeats_of(shape); i++) {
        if (shape->second)
            params.residual = graph_conv(graph, other, &shortcut);
        graph_conv(graph, input, &params);
    }
}

// A shape that is measured, and what all ways to compute it work on.
struct trial {
    const struct tuning_shape *shape; // borrowed
    struct graph *graph;              // owned
    float *weight;                    // owned; the bias lies behind
    struct tune_check *check;         // owned
};

static enum cubby_status create_executor(const struct tune *tune, const struct trial *trial,
                                         const struct conv_choice *choice,
                                         struct executor **executor)
{
    struct conv_choice choices[2 * REPEATS]; // those of shortcuts, which are merged, do not count
    for (uint32_t i = 0; i < 2 * REPEATS; i++)
        choices[i] = *choice;
    const struct executor_params params = {
        .max_batch = trial->shape->batch, .slots = 1, .choices = choices};
    return executor_create(executor, tune->gpu, trial->graph, &params);
}

// Compiles what a way needs, and sees whether it computes what the first one did.
static enum cubby_status try_choice(const struct tune *tune, const struct trial *trial,
                                    const struct conv_choice *choice, bool *same)
{
    struct executor *executor;
    enum cubby_status status = create_executor(tune, trial, choice, &executor);
    if (!status)
        status = tune_check_run(trial->check, executor, same);
    executor_destroy(&executor);
    if (!status && !*same) {
        char text[96];
        conv_choice_describe(choice, text, sizeof(text));
        cubby_log(&tune->gpu->log, CUBBY_LOG_WARNING,
                  "%s computes something else in %s than in the first way: that is left out",
                  tune->gpu->info.name, text);
    }
    return status;
}

// Seconds of one convolution; negative: it failed.
static double time_choice(const struct tune *tune, const struct trial *trial,
                          const struct conv_choice *choice, double to_beat,
                          enum cubby_status *status)
{
    struct executor *executor;
    double seconds = -1;
    const double repeats = repeats_of(trial->shape), start = clock_now_s();
    *status = create_executor(tune, trial, choice, &executor);
    if (!*status)
        seconds = tune_time(executor, trial->shape->batch, clock_now_s() - start, to_beat * repeats,
                            status) /
                  repeats;
    executor_destroy(&executor);
    return seconds;
}

// Weights of the convolution, of which its shortcut takes some, too.
static size_t weight_count(const struct tuning_shape *shape)
{
    const size_t own = (size_t)shape->in * shape->kernel * shape->kernel;
    return shape->out * (own > shape->second ? own : shape->second);
}

static float *weights_of(const struct tuning_shape *shape)
{
    const size_t count = weight_count(shape);
    float *weight = malloc((count + shape->out) * sizeof(*weight));
    for (size_t i = 0; weight && i < count + shape->out; i++)
        weight[i] = (float)(i * 2654435761u % 1021) / 1021.0f - 0.5f;
    return weight;
}

static void log_choice(const struct tune *tune, const struct conv_choice *choice, double seconds)
{
    char text[96];
    conv_choice_describe(choice, text, sizeof(text));
    cubby_log(&tune->gpu->log, CUBBY_LOG_INFO, "%8.3f ms  %s", seconds * 1e3, text);
}

static void trial_fini(struct trial *trial)
{
    tune_check_destroy(&trial->check);
    free(trial->weight);
    free(trial->graph);
}

static enum cubby_status trial_init(struct trial *trial, const struct tuning_shape *shape)
{
    *trial = (struct trial){
        .shape = shape, .graph = malloc(sizeof(*trial->graph)), .weight = weights_of(shape)};
    if (!trial->graph || !trial->weight)
        return CUBBY_NO_MEMORY;
    repeat_conv(trial->graph, shape, trial->weight, trial->weight + weight_count(shape));
    trial->check = tune_check_create(trial->graph, shape->batch);
    return trial->check ? CUBBY_OK : CUBBY_NO_MEMORY;
}

// What is known of a shape so far.
struct fastest {
    uint32_t way;
    double first_s, best_s; // negative: nothing yet
};

// Times one way; one that fails (a driver that runs out of something) is only left out.
static enum cubby_status measure_way(const struct tune *tune, const struct trial *trial,
                                     const struct conv_choice *candidates, uint32_t way,
                                     struct fastest *fastest)
{
    enum cubby_status status;
    const double seconds = time_choice(tune, trial, &candidates[way],
                                       fastest->best_s > 0 ? fastest->best_s : 0, &status);
    if (status)
        return status;
    log_choice(tune, &candidates[way], seconds);
    if (way == 0 && (fastest->first_s < 0 || seconds < fastest->first_s))
        fastest->first_s = seconds;
    if (fastest->best_s < 0 || seconds < fastest->best_s) {
        fastest->best_s = seconds;
        fastest->way = way;
    }
    return CUBBY_OK;
}

// Times all that compute what the first does; the fastest is what is taken.
static enum cubby_status measure_ways(const struct tune *tune, const struct trial *trial,
                                      const struct conv_choice *candidates, uint32_t count,
                                      struct fastest *fastest)
{
    bool usable[CONV_MAX_CANDIDATES] = {false};
    enum cubby_status status = CUBBY_OK, first_failure = CUBBY_OK;
    *fastest = (struct fastest){.first_s = -1, .best_s = -1};
    // All are compiled before the first is timed: between them the device would fall asleep deeper.
    for (uint32_t i = 0; i < count && status != CUBBY_DEVICE_LOST; i++) {
        tune->log->has_choice = i > 0;
        bool same = false;
        status = try_choice(tune, trial, &candidates[i], &same);
        usable[i] = !status && same;
        if (status && !first_failure)
            first_failure = status;
    }
    for (uint32_t i = 0; i < count && status != CUBBY_DEVICE_LOST; i++) {
        if (!usable[i])
            continue;
        tune->log->has_choice = i > 0;
        status = measure_way(tune, trial, candidates, i, fastest);
        if (status && !first_failure)
            first_failure = status;
    }
    // The one to beat again, by a device that is awake for certain now.
    if (status != CUBBY_DEVICE_LOST && usable[0] && fastest->way > 0)
        status = measure_way(tune, trial, candidates, 0, fastest);
    tune->log->has_choice = false;
    if (status == CUBBY_DEVICE_LOST)
        return status;
    return fastest->best_s < 0 ? first_failure : CUBBY_OK;
}

static enum cubby_status measure_shape(const struct tune *tune, const struct tuning_shape *shape,
                                       const struct conv_choice *candidates, uint32_t count,
                                       struct fastest *fastest)
{
    struct trial trial;
    enum cubby_status status = trial_init(&trial, shape);
    if (!status)
        status = measure_ways(tune, &trial, candidates, count, fastest);
    trial_fini(&trial);
    return status;
}

static bool report(const struct tune *tune, uint32_t done, uint32_t all,
                   const struct tuning_shape *shape, const struct conv_choice *choice,
                   const struct fastest *fastest)
{
    if (!tune->params->step)
        return true;
    char shape_text[96], choice_text[96];
    snprintf(shape_text, sizeof(shape_text),
             "%" PRIu32 "x%" PRIu32 ", %" PRIu32 " -> %" PRIu32 " channels, %" PRIu32 "x%" PRIu32
             "%s",
             shape->kernel, shape->kernel, shape->in, shape->out, shape->height, shape->width,
             shape->second     ? ", shortcut computed, too"
             : shape->residual ? ", with shortcut"
                               : "");
    conv_choice_describe(choice, choice_text, sizeof(choice_text));
    const struct cubby_tuning_step step = {
        .done = done,
        .all = all,
        .shape = shape_text,
        .choice = choice_text,
        .first_ms = fastest->first_s * 1e3,
        .best_ms = fastest->best_s * 1e3,
    };
    return tune->params->step(tune->params->user, &step);
}

// Whether a way that there still is was measured: a file may name others, which nothing takes.
static bool is_known(const struct cubby_tuning *tuning, const struct tuning_shape *shape,
                     const struct conv_choice *candidates, uint32_t count)
{
    const struct conv_choice *measured = tuning_find(tuning, shape);
    for (uint32_t i = 0; measured && i < count; i++)
        if (conv_choice_equal(&candidates[i], measured))
            return true;
    return false;
}

// The convolutions of the graph that are worth measuring and not known yet, each shape once.
static uint32_t find_unknown(const struct tune *tune, const struct graph *graph, uint32_t batch,
                             const struct graph_op **ops)
{
    uint32_t count = 0;
    const struct graph_op *stem = graph_find_stem(graph); // has a kernel of its own, if any
    const bool own_stem = stem && stem_matrix_can(tune->gpu, graph, stem);
    const struct graph_lower_params lowering = conv_lowering(tune->gpu);
    for (uint32_t i = 0; i < graph->op_count; i++) {
        const struct graph_op *op = &graph->ops[i];
        struct conv_choice candidates[CONV_MAX_CANDIDATES];
        if (op->kind != GRAPH_CONV || (own_stem && op == stem) ||
            graph_is_merged(graph, &lowering, op))
            continue;
        const uint32_t ways =
            conv_candidates(tune->gpu, graph, op, batch, candidates, CONV_MAX_CANDIDATES);
        if (ways < 2)
            continue;
        const struct tuning_shape shape = tuning_shape_of(tune->gpu, graph, op, batch);
        bool known = is_known(tune->tuning, &shape, candidates, ways);
        for (uint32_t k = 0; k < count && !known; k++) {
            const struct tuning_shape other = tuning_shape_of(tune->gpu, graph, ops[k], batch);
            known = tuning_same_shape(&other, &shape);
        }
        if (!known)
            ops[count++] = op;
    }
    return count;
}

// The ways that are measured.
static uint32_t find_ways(const struct tune *tune, const struct graph *graph,
                          const struct graph_op *op, uint32_t batch,
                          struct conv_choice ways[CONV_MAX_CANDIDATES])
{
    const uint32_t all = conv_candidates(tune->gpu, graph, op, batch, ways, CONV_MAX_CANDIDATES);
    uint32_t count = 0, of_kernels = 0, of_driver = 0;
    for (uint32_t i = 0; i < all; i++)
        if (ways[i].invocations ? of_driver++ < MOST_DRIVER_WAYS : of_kernels++ < MOST_WAYS)
            ways[count++] = ways[i];
    return count;
}

static enum cubby_status tune_convolutions(const struct tune *tune, const struct graph *graph,
                                           uint32_t batch)
{
    const struct graph_op *ops[GRAPH_MAX_OPS];
    const uint32_t all = find_unknown(tune, graph, batch, ops);
    for (uint32_t i = 0; i < all; i++) {
        struct conv_choice candidates[CONV_MAX_CANDIDATES];
        const uint32_t count = find_ways(tune, graph, ops[i], batch, candidates);
        const struct tuning_shape shape = tuning_shape_of(tune->gpu, graph, ops[i], batch);
        struct fastest fastest;
        const enum cubby_status status = measure_shape(tune, &shape, candidates, count, &fastest);
        if (status)
            return status;
        const struct conv_choice *best = &candidates[fastest.way];
        tuning_put(tune->tuning, &shape, best);
        if (!report(tune, i + 1, all, &shape, best, &fastest))
            return CUBBY_INTERRUPTED;
    }
    return CUBBY_OK;
}

// Seconds of a batch of the whole network; negative: it does not run with this one.
static double measure_batch(const struct tune *tune, const struct graph *graph, uint32_t batch,
                            enum cubby_status *status)
{
    struct conv_choice *choices = calloc(graph->op_count, sizeof(*choices));
    struct executor *executor = NULL;
    double seconds = -1;
    *status = CUBBY_NO_MEMORY;
    if (!choices)
        return seconds;
    tuning_choose(tune->tuning, tune->gpu, graph, batch, choices);
    const struct executor_params params = {.max_batch = batch, .slots = 1, .choices = choices};
    *status = executor_create(&executor, tune->gpu, graph, &params);
    if (!*status)
        seconds = tune_time(executor, batch, INFINITY, 0, status);
    executor_destroy(&executor);
    free(choices);
    return seconds;
}

// Powers of two, and what fills a GPU's compute units in whole rounds; ascending.
static uint32_t find_batches(const struct cubby_gpu *gpu, uint32_t batches[MOST_BATCHES])
{
    const bool is_cpu = gpu->info.kind == CUBBY_DEVICE_CPU;
    const uint32_t most = is_cpu ? 16 : MOST_BATCH,
                   round = is_cpu ? most + 1 : conv_round_images(gpu);
    uint32_t count = 0, whole = round;
    while (whole < LEAST_ROUND)
        whole += round;
    for (uint32_t power = 4; power <= most; power *= 2) {
        for (; whole < power; whole *= 2)
            batches[count++] = whole;
        batches[count++] = power;
        if (whole == power)
            whole *= 2;
    }
    for (; whole <= most; whole *= 2)
        batches[count++] = whole;
    return count;
}

// The smallest batch that is nearly as fast as the fastest: a larger one only makes the first
// answer later and needs more memory.
static enum cubby_status tune_batch(const struct tune *tune, const struct graph *graph)
{
    const double nearly = 0.97;
    uint32_t batches[MOST_BATCHES], chosen = 0;
    double chosen_rate = 0;
    const uint32_t count = find_batches(tune->gpu, batches);
    for (uint32_t i = 0; i < count; i++) {
        enum cubby_status status;
        tune->log->has_choice = chosen > 0;
        const double seconds = measure_batch(tune, graph, batches[i], &status);
        tune->log->has_choice = false;
        if (status == CUBBY_NO_MEMORY && chosen)
            break;
        if (status)
            return status;
        const double rate = batches[i] / (seconds > 0 ? seconds : 1e-9);
        if (chosen_rate < rate * nearly) {
            chosen = batches[i];
            chosen_rate = rate;
        }
        if (seconds > LONG_BATCH_S)
            break;
    }
    tune->tuning->batch = chosen;
    return CUBBY_OK;
}

enum cubby_status cubby_tune(struct cubby_tuning *tuning, struct cubby_gpu *gpu,
                             const struct cubby_model *model,
                             const struct cubby_tune_params *params)
{
    static const struct cubby_tune_params defaults = {0};
    struct tune_log log = {.log = gpu->log};
    const struct tune tune = {tuning, gpu, params ? params : &defaults, &log};
    struct graph *graph = malloc(sizeof(*graph));
    if (!graph)
        return CUBBY_NO_MEMORY;
    gpu->log = (struct cubby_log){pass_on, &log};
    enum cubby_status status = graph_build(graph, model, &gpu->log);
    if (!status && tune.params->batch)
        tuning->batch = tune.params->batch;
    else if (!status)
        status = tune_batch(&tune, graph);
    if (!status)
        status = tune_convolutions(&tune, graph, tuning->batch);
    gpu->log = log.log;
    free(graph);
    return status;
}
