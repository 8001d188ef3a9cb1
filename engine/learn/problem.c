#include "learn/problem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Features that vary less are constant but for rounding, or would be blown up beyond floats.
#define LEAST_RELATIVE_DEVIATION 1e-6
#define LEAST_DEVIATION 1e-20

static double sample_weight(const struct problem *problem, uint32_t sample)
{
    const struct cubby_samples *samples = problem->workspace->samples;
    return (samples->weights ? (double)samples->weights[sample] : 1.0) *
           problem->class_factors[samples->labels[sample]];
}

// Part `index` of a list that the slots share, whole blocks each.
static void slot_part(const struct workspace *workspace, size_t index, uint32_t count,
                      uint32_t *first, uint32_t *end)
{
    const uint64_t blocks = ((uint64_t)count + BLOCK_ROWS - 1) / BLOCK_ROWS;
    *first = (uint32_t)(blocks * index / workspace->slot_count * BLOCK_ROWS);
    const uint64_t limit = blocks * (index + 1) / workspace->slot_count * BLOCK_ROWS;
    *end = limit < count ? (uint32_t)limit : count;
}

// ---- what trains, and how it is normalised

static bool trains(const struct cubby_samples *samples, uint32_t i, const uint8_t *fold,
                   uint8_t left_out)
{
    return !(samples->roles && samples->roles[i] == CUBBY_JUDGES) &&
           !(samples->weights && samples->weights[i] == 0) && !(fold && fold[i] == left_out);
}

// Each class's factor: 1, or what makes the classes that are there count alike and leaves the
// total as it was (scikit-learn's "balanced").
static void weigh_classes(struct problem *problem, bool balanced)
{
    const struct cubby_samples *samples = problem->workspace->samples;
    double *sums = problem->class_factors;
    for (uint32_t i = 0; i < problem->row_count; i++) {
        const uint32_t sample = problem->rows[i];
        sums[samples->labels[sample]] += samples->weights ? (double)samples->weights[sample] : 1.0;
    }
    for (uint32_t k = 0; k < samples->classes; k++) {
        problem->total_weight += sums[k];
        problem->active += sums[k] > 0;
    }
    for (uint32_t k = 0; k < samples->classes; k++)
        if (sums[k] > 0)
            sums[k] = balanced ? problem->total_weight / (problem->active * sums[k]) : 1;
}

// Sums of weight * (value - shift), then of weight * (value - shift)^2, into the slot's sums.
struct statistics {
    struct problem *problem;
    const float *shift; // [dims]
};

static void sum_features(void *context, size_t index)
{
    const struct statistics *statistics = context;
    struct problem *problem = statistics->problem;
    struct workspace *workspace = problem->workspace;
    const struct cubby_samples *samples = workspace->samples;
    struct slot *slot = &workspace->slots[index];
    double *sum = slot->sums, *squares = slot->sums + samples->dims;
    memset(slot->sums, 0, 2 * samples->dims * sizeof(double));
    slot->status = CUBBY_OK;
    uint32_t first, end;
    slot_part(workspace, index, problem->row_count, &first, &end);
    for (uint32_t i = first; i < end; i++) {
        const double weight = sample_weight(problem, problem->rows[i]);
        const float *row = samples->row(samples->user, problem->rows[i], slot->row);
        if (!row) {
            slot->bad_row = problem->rows[i];
            slot->status = CUBBY_IO;
            return;
        }
        for (uint32_t d = 0; d < samples->dims; d++) {
            const double value = (double)row[d] - statistics->shift[d];
            sum[d] += weight * value;
            squares[d] += weight * value * value;
        }
    }
}

static enum cubby_status normalise_features(struct problem *problem)
{
    struct workspace *workspace = problem->workspace;
    const struct cubby_samples *samples = workspace->samples;
    // Sums of squares around any sample do not cancel as those around zero can.
    const float *shift = samples->row(samples->user, problem->rows[0], workspace->slots[0].row);
    if (shift) // the slots use their own scratch; offset[] is free until the end
        memcpy(problem->offset, shift, samples->dims * sizeof(*shift));
    struct statistics statistics = {problem, problem->offset};
    enum cubby_status status = workspace_run(workspace, sum_features, &statistics);
    if (status)
        return status;
    for (uint32_t d = 0; d < samples->dims; d++) {
        double sum = 0, squares = 0;
        for (uint32_t s = 0; s < workspace->slot_count; s++) {
            sum += workspace->slots[s].sums[d];
            squares += workspace->slots[s].sums[samples->dims + d];
        }
        const double shifted = sum / problem->total_weight;
        const double mean = problem->offset[d] + shifted;
        const double deviation = sqrt(fmax(squares / problem->total_weight - shifted * shifted, 0));
        const bool varies =
            deviation > LEAST_DEVIATION && deviation > LEAST_RELATIVE_DEVIATION * fabs(mean);
        problem->factor[d] = varies ? (float)(1 / deviation) : 0;
        problem->offset[d] = varies ? (float)(-mean / deviation) : 0;
    }
    return CUBBY_OK;
}

// The prior's parameters for normalised features: w x = (w / factor) x' - w offset / factor. What
// does not vary is part of the bias.
static enum cubby_status set_center(struct problem *problem)
{
    struct workspace *workspace = problem->workspace;
    const struct cubby_samples *samples = workspace->samples;
    const struct cubby_head *prior = problem->prior;
    const size_t dims = samples->dims;
    if (prior->classes != samples->classes || prior->dims != samples->dims) {
        cubby_log(workspace->log, CUBBY_LOG_ERROR,
                  "what is known has %u classes and %u features, the samples %u and %u",
                  prior->classes, prior->dims, samples->classes, samples->dims);
        return CUBBY_BAD_DATA;
    }
    problem->center = malloc(workspace_size(workspace) * sizeof(*problem->center));
    problem->fixed = malloc(dims * sizeof(*problem->fixed));
    if (!problem->center || !problem->fixed)
        return CUBBY_NO_MEMORY;
    const float *row = samples->row(samples->user, problem->rows[0], workspace->slots[0].row);
    if (!row)
        return CUBBY_IO;
    memcpy(problem->fixed, row, dims * sizeof(*row));
    for (uint32_t k = 0; k < samples->classes; k++) {
        double bias = prior->bias[k];
        for (size_t d = 0; d < dims; d++) {
            const double weight = prior->weight[k * dims + d], factor = problem->factor[d];
            problem->center[k * dims + d] = factor > 0 ? weight / factor : 0;
            bias += factor > 0 ? -weight / factor * problem->offset[d] : weight * row[d];
        }
        problem->center[samples->classes * dims + k] = bias;
        // Classes without samples are there, too.
        if (!(problem->class_factors[k] > 0))
            problem->class_factors[k] = 1;
    }
    return CUBBY_OK;
}

enum cubby_status problem_init(struct problem *problem, struct workspace *workspace,
                               const struct cubby_fit_params *params, const uint8_t *fold,
                               uint8_t left_out)
{
    const struct cubby_samples *samples = workspace->samples;
    *problem = (struct problem){.workspace = workspace, .prior = params->prior};
    for (uint32_t i = 0; i < samples->count; i++)
        problem->row_count += trains(samples, i, fold, left_out);
    if (problem->row_count == 0) {
        cubby_log(workspace->log, CUBBY_LOG_ERROR, "no samples are left to train on");
        return CUBBY_BAD_DATA;
    }
    problem->rows = malloc(problem->row_count * sizeof(*problem->rows));
    problem->class_factors = calloc(samples->classes, sizeof(*problem->class_factors));
    problem->factor = calloc(samples->dims, sizeof(*problem->factor));
    problem->offset = calloc(samples->dims, sizeof(*problem->offset));
    if (!problem->rows || !problem->class_factors || !problem->factor || !problem->offset)
        return CUBBY_NO_MEMORY;

    uint32_t row = 0;
    for (uint32_t i = 0; i < samples->count; i++)
        if (trains(samples, i, fold, left_out))
            problem->rows[row++] = i;
    weigh_classes(problem, params->balanced);
    enum cubby_status status = normalise_features(problem);
    return status || !problem->prior ? status : set_center(problem);
}

void problem_fini(struct problem *problem)
{
    free(problem->rows);
    free(problem->class_factors);
    free(problem->factor);
    free(problem->offset);
    free(problem->center);
    free(problem->fixed);
    *problem = (struct problem){0};
}

void problem_start(const struct problem *problem, double *parameters)
{
    const struct cubby_samples *samples = problem->workspace->samples;
    if (problem->center) {
        memcpy(parameters, problem->center,
               workspace_size(problem->workspace) * sizeof(*parameters));
        return;
    }
    memset(parameters, 0, workspace_size(problem->workspace) * sizeof(*parameters));
    double *bias = parameters + (size_t)samples->classes * samples->dims;
    for (uint32_t i = 0; i < problem->row_count; i++)
        bias[samples->labels[problem->rows[i]]] += sample_weight(problem, problem->rows[i]);
    double mean = 0;
    for (uint32_t k = 0; k < samples->classes; k++) {
        bias[k] = problem->class_factors[k] > 0 ? log(bias[k] / problem->total_weight) : 0;
        mean += bias[k] / problem->active;
    }
    for (uint32_t k = 0; k < samples->classes; k++)
        bias[k] -= problem->class_factors[k] > 0 ? mean : 0;
}

// ---- the function and its gradient

static void round_weights(const struct problem *problem, const double *parameters)
{
    struct workspace *workspace = problem->workspace;
    const uint32_t dims = workspace->samples->dims;
    for (uint32_t k = 0; k < workspace->samples->classes; k++) {
        float *to = workspace->weights + (size_t)k * workspace->stride;
        for (uint32_t d = 0; d < dims; d++)
            to[d] = (float)parameters[(size_t)k * dims + d];
    }
}

// Normalises `count` samples into the slot and multiplies them by the weights. Rows up to the next
// multiple of KERNEL_TILE are whatever they were before: finite, and not looked at.
static bool load_block(const struct problem *problem, struct slot *slot, const uint32_t *rows,
                       uint32_t count)
{
    const struct workspace *workspace = problem->workspace;
    const struct cubby_samples *samples = workspace->samples;
    for (uint32_t r = 0; r < count; r++) {
        const float *row = samples->row(samples->user, rows[r], slot->row);
        if (!row) {
            slot->bad_row = rows[r];
            slot->status = CUBBY_IO;
            return false;
        }
        workspace->kernels->normalise(slot->rows + (size_t)r * workspace->stride, row,
                                      problem->factor, problem->offset, samples->dims);
    }
    const uint32_t padded = (count + KERNEL_TILE - 1) / KERNEL_TILE * KERNEL_TILE;
    workspace->kernels->products(slot->logits, slot->rows, padded, workspace->weights,
                                 workspace->padded_classes, workspace->stride);
    return true;
}

struct evaluation {
    struct problem *problem;
    const double *bias;
};

// Turns one row's logits into weight * (p - truth) and returns weight * -log p[label].
static double softmax_error(const struct evaluation *evaluation, float *logits, uint32_t label,
                            double weight, double *class_sums)
{
    const struct problem *problem = evaluation->problem;
    const uint32_t classes = problem->workspace->samples->classes;
    const double *factors = problem->class_factors;
    double largest = -INFINITY, sum = 0;
    for (uint32_t k = 0; k < classes; k++)
        if (factors[k] > 0)
            largest = fmax(largest, logits[k] + evaluation->bias[k]);
    const double truth = logits[label] + evaluation->bias[label] - largest;
    for (uint32_t k = 0; k < classes; k++)
        if (factors[k] > 0)
            sum += exp(logits[k] + evaluation->bias[k] - largest);
    for (uint32_t k = 0; k < classes; k++) {
        double error = 0;
        if (factors[k] > 0)
            error = exp(logits[k] + evaluation->bias[k] - largest) / sum - (k == label);
        class_sums[k] += weight * error;
        logits[k] = (float)(weight * error);
    }
    return weight * (log(sum) - truth);
}

static void evaluate_slot(void *context, size_t index)
{
    const struct evaluation *evaluation = context;
    struct problem *problem = evaluation->problem;
    struct workspace *workspace = problem->workspace;
    const uint32_t classes = workspace->padded_classes;
    struct slot *slot = &workspace->slots[index];
    slot->status = CUBBY_OK;
    slot->loss = 0;
    memset(slot->sums, 0, (size_t)classes * workspace->stride * sizeof(*slot->sums));
    memset(slot->class_sums, 0, classes * sizeof(*slot->class_sums));

    uint32_t first, end;
    slot_part(workspace, index, problem->row_count, &first, &end);
    for (uint32_t row = first; row < end; row += BLOCK_ROWS) {
        const uint32_t count = end - row < BLOCK_ROWS ? end - row : BLOCK_ROWS;
        if (!load_block(problem, slot, problem->rows + row, count))
            return;
        for (uint32_t r = 0; r < count; r++) {
            const uint32_t sample = problem->rows[row + r];
            slot->loss += softmax_error(
                evaluation, slot->logits + (size_t)r * classes, workspace->samples->labels[sample],
                sample_weight(problem, sample) / problem->total_weight, slot->class_sums);
        }
        workspace->kernels->accumulate(slot->sums, slot->rows, count, slot->logits, classes,
                                       workspace->stride);
    }
}

double problem_penalty(const struct problem *problem, const double *parameters)
{
    const struct cubby_samples *samples = problem->workspace->samples;
    const double *center = problem->center;
    // Biases are only penalised where it is known what they should be.
    const size_t weights = (size_t)samples->classes * samples->dims;
    const size_t count = center ? weights + samples->classes : weights;
    double squares = 0;
    for (size_t i = 0; i < count; i++) {
        const double distance = parameters[i] - (center ? center[i] : 0);
        squares += distance * distance;
    }
    return problem->l2 / 2 * squares;
}

enum cubby_status problem_evaluate(struct problem *problem, const double *parameters, double *value,
                                   double *gradient)
{
    struct workspace *workspace = problem->workspace;
    const uint32_t classes = workspace->samples->classes, dims = workspace->samples->dims;
    round_weights(problem, parameters);
    struct evaluation evaluation = {problem, parameters + (size_t)classes * dims};
    enum cubby_status status = workspace_run(workspace, evaluate_slot, &evaluation);
    if (status)
        return status;

    *value = problem_penalty(problem, parameters);
    memset(gradient, 0, workspace_size(workspace) * sizeof(*gradient));
    for (uint32_t s = 0; s < workspace->slot_count; s++) {
        const struct slot *slot = &workspace->slots[s];
        *value += slot->loss;
        for (uint32_t k = 0; k < classes; k++) {
            const double *sums = slot->sums + (size_t)k * workspace->stride;
            for (uint32_t d = 0; d < dims; d++)
                gradient[(size_t)k * dims + d] += sums[d];
            gradient[(size_t)classes * dims + k] += slot->class_sums[k];
        }
    }
    const double *center = problem->center;
    const size_t weights = (size_t)classes * dims;
    for (size_t i = 0; i < (center ? weights + classes : weights); i++)
        gradient[i] += problem->l2 * (parameters[i] - (center ? center[i] : 0));
    return CUBBY_OK;
}

// ---- answers

struct prediction {
    struct problem *problem;
    const double *bias;
    const uint32_t *rows, *positions;
    uint32_t count;
    float *logits;
};

static void finish_logits(const struct prediction *prediction, const float *products, float *logits)
{
    const struct problem *problem = prediction->problem;
    const uint32_t classes = problem->workspace->samples->classes;
    double largest = -INFINITY, sum = 0;
    for (uint32_t k = 0; k < classes; k++) {
        logits[k] = (float)(products[k] + prediction->bias[k]);
        if (problem->class_factors[k] > 0)
            largest = fmax(largest, (double)logits[k]);
    }
    for (uint32_t k = 0; k < classes; k++)
        if (problem->class_factors[k] > 0)
            sum += exp(logits[k] - largest);
    const double unseen = largest + log(sum) + log(0.5 / problem->row_count);
    for (uint32_t k = 0; k < classes; k++)
        if (!(problem->class_factors[k] > 0))
            logits[k] = (float)unseen;
}

static void predict_slot(void *context, size_t index)
{
    const struct prediction *prediction = context;
    const struct workspace *workspace = prediction->problem->workspace;
    struct slot *slot = &prediction->problem->workspace->slots[index];
    slot->status = CUBBY_OK;
    uint32_t first, end;
    slot_part(workspace, index, prediction->count, &first, &end);
    for (uint32_t row = first; row < end; row += BLOCK_ROWS) {
        const uint32_t count = end - row < BLOCK_ROWS ? end - row : BLOCK_ROWS;
        if (!load_block(prediction->problem, slot, prediction->rows + row, count))
            return;
        for (uint32_t r = 0; r < count; r++)
            finish_logits(prediction, slot->logits + (size_t)r * workspace->padded_classes,
                          prediction->logits +
                              (size_t)prediction->positions[row + r] * workspace->samples->classes);
    }
}

enum cubby_status problem_predict(struct problem *problem, const double *parameters,
                                  const uint32_t *rows, const uint32_t *positions, uint32_t count,
                                  float *logits)
{
    const struct cubby_samples *samples = problem->workspace->samples;
    round_weights(problem, parameters);
    struct prediction prediction = {
        .problem = problem,
        .bias = parameters + (size_t)samples->classes * samples->dims,
        .rows = rows,
        .positions = positions,
        .count = count,
        .logits = logits,
    };
    return workspace_run(problem->workspace, predict_slot, &prediction);
}
