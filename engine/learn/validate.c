// Cross-validation: one fit a fold and strength, each judged by what it did not see.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/metrics.h"
#include "learn/fit.h"
#include "learn/folds.h"

#define DEFAULT_FOLDS 5u
#define DEFAULT_TOLERANCE 1e-3
#define DEFAULT_STRENGTHS 13u
// The rest of the strengths is left out once so many in a row lost by so much.
#define LOST_IN_A_ROW 3u
#define LOST_BY 0.02

struct held_out {
    struct problem problem;
    double scale;
    double *parameters;  // owned: of the strength before, then of this one
    uint32_t *rows;      // owned, [count]: samples to judge by
    uint32_t *positions; // owned, [count]: theirs in the list of all that judge
    uint32_t count;
};

struct validator {
    const struct cubby_validation_params *params;
    struct cubby_fit_params fit;
    struct cubby_validation *out;
    struct workspace workspace;
    struct folds folds;
    struct held_out held_out[CUBBY_LEARN_MAX_FOLDS];
    float *logits;      // owned, [judged, classes]: of the strength being tried
    double *group_sums; // owned, [groups]
};

static double strength_at(const struct cubby_validation_params *params, uint32_t i)
{
    return params->strengths ? params->strengths[i] : pow(10, 2 - i / 2.0);
}

static enum cubby_status prepare_fold(struct validator *validator, uint32_t index)
{
    struct held_out *held_out = &validator->held_out[index];
    const struct folds *folds = &validator->folds;
    for (uint32_t i = 0; i < folds->judged_count; i++)
        held_out->count += folds->fold[folds->judged[i]] == index;
    held_out->rows = malloc((size_t)held_out->count * sizeof(*held_out->rows));
    held_out->positions = malloc((size_t)held_out->count * sizeof(*held_out->positions));
    held_out->parameters =
        malloc(workspace_size(&validator->workspace) * sizeof(*held_out->parameters));
    if (!held_out->rows || !held_out->positions || !held_out->parameters)
        return CUBBY_NO_MEMORY;
    for (uint32_t i = 0, next = 0; i < folds->judged_count; i++)
        if (folds->fold[folds->judged[i]] == index) {
            held_out->rows[next] = folds->judged[i];
            held_out->positions[next++] = i;
        }
    enum cubby_status status = problem_init(&held_out->problem, &validator->workspace,
                                            &validator->fit, folds->fold, (uint8_t)index);
    if (status)
        return status;
    problem_start(&held_out->problem, held_out->parameters);
    return fit_scale(&held_out->problem, &held_out->scale);
}

static enum cubby_status prepare(struct validator *validator)
{
    const struct folds *folds = &validator->folds;
    struct cubby_validation *out = validator->out;
    const uint32_t classes = validator->workspace.samples->classes;
    const size_t logits = (size_t)folds->judged_count * classes;
    validator->logits = malloc(logits * sizeof(*validator->logits));
    validator->group_sums = malloc(folds->group_count * sizeof(*validator->group_sums));
    out->logits = malloc(logits * sizeof(*out->logits));
    out->labels = malloc(folds->judged_count * sizeof(*out->labels));
    if (!validator->logits || !validator->group_sums || !out->logits || !out->labels)
        return CUBBY_NO_MEMORY;
    for (uint32_t i = 0; i < folds->judged_count; i++)
        out->labels[i] = validator->workspace.samples->labels[folds->judged[i]];
    for (uint32_t i = 0; i < folds->count; i++) {
        enum cubby_status status = prepare_fold(validator, i);
        if (status)
            return status;
    }
    return CUBBY_OK;
}

// -log softmax(logits / temperature)[label], and whether the label is the answer.
static double loss_of(const float *logits, uint32_t classes, uint32_t label, double temperature,
                      bool *right)
{
    const uint32_t answer = cubby_largest(logits, classes);
    double sum = 0;
    for (uint32_t k = 0; k < classes; k++)
        sum += exp(((double)logits[k] - logits[answer]) / temperature);
    *right = answer == label;
    return log(sum) - ((double)logits[label] - logits[answer]) / temperature;
}

// What validator->logits are worth.
static enum cubby_status judge(struct validator *validator, struct cubby_strength *strength)
{
    const struct folds *folds = &validator->folds;
    const uint32_t classes = validator->workspace.samples->classes;
    const uint32_t *labels = validator->out->labels;
    const double count = folds->judged_count;
    enum cubby_status status = cubby_temperature_fit(&strength->temperature, validator->logits,
                                                     labels, folds->judged_count, classes);
    if (status)
        return status;
    uint64_t right_count = 0;
    double sum = 0;
    // Samples of a group err together, so groups are the observations: the sum over groups of
    // (sum over its samples of loss - mean)^2. Two passes, as the mean comes first.
    for (int pass = 0; pass < 2; pass++) {
        memset(validator->group_sums, 0, folds->group_count * sizeof(*validator->group_sums));
        for (uint32_t i = 0; i < folds->judged_count; i++) {
            bool right;
            const double loss = loss_of(validator->logits + (size_t)i * classes, classes, labels[i],
                                        strength->temperature, &right);
            validator->group_sums[folds->judged_group[i]] += loss - strength->loss;
            sum += pass == 0 ? loss : 0;
            right_count += pass == 0 && right;
        }
        strength->loss = sum / count;
    }
    double squares = 0;
    for (uint32_t g = 0; g < folds->group_count; g++)
        squares += validator->group_sums[g] * validator->group_sums[g];
    strength->loss_error = sqrt(squares) / count;
    strength->accuracy = (double)right_count / count;
    return CUBBY_OK;
}

static enum cubby_status try_strength(struct validator *validator, struct cubby_strength *strength)
{
    for (uint32_t i = 0; i < validator->folds.count; i++) {
        struct held_out *held_out = &validator->held_out[i];
        held_out->problem.l2 = strength->l2;
        struct cubby_fit_report report;
        enum cubby_status status = fit_run(&held_out->problem, &validator->fit, held_out->scale,
                                           held_out->parameters, &report);
        if (!status)
            status = problem_predict(&held_out->problem, held_out->parameters, held_out->rows,
                                     held_out->positions, held_out->count, validator->logits);
        if (status)
            return status;
        cubby_log(validator->fit.log, CUBBY_LOG_DEBUG,
                  "strength %.3g, fold %u of %u: %u iterations, loss %.4f%s", strength->l2, i + 1,
                  validator->folds.count, report.iterations, report.loss,
                  report.converged ? "" : ", not converged");
    }
    return judge(validator, strength);
}

// Takes the strongest that is not clearly worse than the best. Its answers were not kept.
static enum cubby_status choose_stronger(struct validator *validator)
{
    struct cubby_validation *out = validator->out;
    const struct cubby_strength *best = &out->strengths[out->chosen];
    const double limit = best->loss + validator->params->slack * best->loss_error;
    uint32_t i = 0;
    while (i < out->chosen && out->strengths[i].loss > limit)
        i++;
    if (i == out->chosen)
        return CUBBY_OK;
    enum cubby_status status = try_strength(validator, &out->strengths[i]);
    if (status)
        return status;
    float *better = validator->logits;
    validator->logits = out->logits;
    out->logits = better;
    out->chosen = i;
    return CUBBY_OK;
}

static enum cubby_status try_strengths(struct validator *validator, uint32_t count)
{
    struct cubby_validation *out = validator->out;
    uint32_t lost = 0;
    for (uint32_t i = 0; i < count && lost < LOST_IN_A_ROW; i++) {
        struct cubby_strength *strength = &out->strengths[i];
        strength->l2 = strength_at(validator->params, i);
        enum cubby_status status = try_strength(validator, strength);
        if (status)
            return status;
        out->strength_count = i + 1;
        const double best = out->strengths[out->chosen].loss;
        if (i == 0 || strength->loss < best) {
            out->chosen = i;
            float *better = validator->logits;
            validator->logits = out->logits;
            out->logits = better;
        }
        lost = strength->loss > best * (1 + LOST_BY) ? lost + 1 : 0;
    }
    enum cubby_status status = validator->params->slack > 0 ? choose_stronger(validator) : CUBBY_OK;
    out->l2 = out->strengths[out->chosen].l2;
    return status;
}

static enum cubby_status check_params(const struct cubby_validation_params *params, uint32_t *folds,
                                      uint32_t *strengths)
{
    *folds = params->folds ? params->folds : DEFAULT_FOLDS;
    *strengths = params->strengths ? params->strength_count : DEFAULT_STRENGTHS;
    bool sound = *folds >= 2 && *folds <= CUBBY_LEARN_MAX_FOLDS && *strengths >= 1 &&
                 *strengths <= CUBBY_LEARN_MAX_STRENGTHS;
    for (uint32_t i = 0; sound && i < *strengths; i++)
        sound = strength_at(params, i) > 0 && isfinite(strength_at(params, i));
    if (sound)
        return CUBBY_OK;
    cubby_log(params->fit.log, CUBBY_LOG_ERROR,
              "folds must be 2 to %d, strengths 1 to %d and above zero", CUBBY_LEARN_MAX_FOLDS,
              CUBBY_LEARN_MAX_STRENGTHS);
    return CUBBY_BAD_DATA;
}

static enum cubby_status validate(struct validator *validator, const struct cubby_samples *samples)
{
    const struct cubby_validation_params *params = validator->params;
    uint32_t folds, strengths;
    enum cubby_status status = check_params(params, &folds, &strengths);
    if (status)
        return status;
    validator->fit = params->fit;
    if (!(validator->fit.tolerance > 0))
        validator->fit.tolerance = DEFAULT_TOLERANCE;
    status = workspace_init(&validator->workspace, samples, &validator->fit);
    if (!status)
        status = folds_make(&validator->folds, samples, folds, params->seed, params->careless,
                            params->fit.log);
    if (!status)
        status = prepare(validator);
    if (!status)
        status = try_strengths(validator, strengths);
    return status;
}

// Hands the lists over to the caller.
static void give_folds(struct cubby_validation *out, struct folds *folds)
{
    out->folds = folds->count;
    out->groups = folds->group_count;
    out->lone_classes = folds->lone_classes;
    out->count = folds->judged_count;
    out->judged = folds->judged;
    out->fold = folds->fold;
    folds->judged = NULL;
    folds->fold = NULL;
}

enum cubby_status cubby_validate(struct cubby_validation *validation,
                                 const struct cubby_samples *samples,
                                 const struct cubby_validation_params *params)
{
    *validation = (struct cubby_validation){0};
    struct validator *validator = calloc(1, sizeof(*validator)); // too large for a thread's stack
    if (!validator)
        return CUBBY_NO_MEMORY;
    validator->params = params;
    validator->out = validation;
    enum cubby_status status = validate(validator, samples);
    if (status)
        cubby_validation_fini(validation);
    else
        give_folds(validation, &validator->folds);
    for (uint32_t i = 0; i < CUBBY_LEARN_MAX_FOLDS; i++) {
        struct held_out *held_out = &validator->held_out[i];
        problem_fini(&held_out->problem);
        free(held_out->parameters);
        free(held_out->rows);
        free(held_out->positions);
    }
    free(validator->logits);
    free(validator->group_sums);
    folds_fini(&validator->folds);
    workspace_fini(&validator->workspace);
    free(validator);
    return status;
}

void cubby_validation_fini(struct cubby_validation *validation)
{
    free(validation->judged);
    free(validation->labels);
    free(validation->logits);
    free(validation->fold);
    *validation = (struct cubby_validation){0};
}
