#include "learn/fit.h"

#include <math.h>
#include <stdlib.h>

#include "learn/lbfgs.h"

#define DEFAULT_TOLERANCE 1e-5
#define DEFAULT_ITERATIONS 1000u

static enum cubby_status evaluate(void *problem, const double *parameters, double *value,
                                  double *gradient)
{
    return problem_evaluate(problem, parameters, value, gradient);
}

enum cubby_status fit_scale(struct problem *problem, double *scale)
{
    const size_t size = workspace_size(problem->workspace);
    double *start = malloc(2 * size * sizeof(*start));
    if (!start)
        return CUBBY_NO_MEMORY;
    double value;
    problem_start(problem, start);
    enum cubby_status status = problem_evaluate(problem, start, &value, start + size);
    *scale = 0;
    for (size_t i = 0; i < size && !status; i++)
        *scale = fmax(*scale, fabs(start[size + i]));
    free(start);
    return status;
}

enum cubby_status fit_run(struct problem *problem, const struct cubby_fit_params *params,
                          double scale, double *parameters, struct cubby_fit_report *report)
{
    const double tolerance = params->tolerance > 0 ? params->tolerance : DEFAULT_TOLERANCE;
    struct lbfgs lbfgs = {
        .size = workspace_size(problem->workspace),
        .evaluate = evaluate,
        .user = problem,
        .stopped = params->stopped,
        .stopped_user = params->stopped_user,
        // Below this nothing tells the classes apart, as where all features are constant.
        .tolerance = fmax(tolerance * scale, 1e-12),
        .max_iterations = params->max_iterations ? params->max_iterations : DEFAULT_ITERATIONS,
    };
    struct lbfgs_report found;
    enum cubby_status status = lbfgs_minimise(&lbfgs, parameters, &found);
    if (status)
        return status;
    *report = (struct cubby_fit_report){
        .loss = found.value - problem_penalty(problem, parameters),
        .gradient = scale > 0 ? found.gradient / scale : 0,
        .iterations = found.iterations,
        .evaluations = found.evaluations,
        .converged = found.converged,
    };
    return CUBBY_OK;
}

// ---- a head

// Folds the normalisation into the weights, which then take features as they are.
static enum cubby_status make_head(struct cubby_head *head, const struct problem *problem,
                                   const double *parameters)
{
    const struct cubby_samples *samples = problem->workspace->samples;
    const uint32_t classes = samples->classes, dims = samples->dims;
    *head = (struct cubby_head){.classes = classes, .dims = dims};
    head->weight = malloc((size_t)classes * dims * sizeof(*head->weight));
    head->bias = malloc(classes * sizeof(*head->bias));
    if (!head->weight || !head->bias)
        return CUBBY_NO_MEMORY;
    for (uint32_t k = 0; k < classes; k++) {
        double bias = parameters[(size_t)classes * dims + k];
        for (uint32_t d = 0; d < dims; d++) {
            const double weight = parameters[(size_t)k * dims + d];
            head->weight[(size_t)k * dims + d] = (float)(weight * problem->factor[d]);
            bias += weight * problem->offset[d];
            if (problem->prior && !(problem->factor[d] > 0)) {
                // It did not vary here, but may elsewhere: what is known of it stays.
                const float known = problem->prior->weight[(size_t)k * dims + d];
                head->weight[(size_t)k * dims + d] = known;
                bias -= (double)known * problem->fixed[d];
            }
        }
        head->bias[k] = (float)bias;
    }
    return CUBBY_OK;
}

static enum cubby_status fit_head(struct cubby_head *head, struct problem *problem,
                                  const struct cubby_fit_params *params,
                                  struct cubby_fit_report *report)
{
    const struct workspace *workspace = problem->workspace;
    for (uint32_t k = 0; k < workspace->samples->classes; k++)
        if (!(problem->class_factors[k] > 0)) {
            cubby_log(workspace->log, CUBBY_LOG_ERROR, "class %u has no sample to learn from", k);
            return CUBBY_BAD_DATA;
        }
    double scale;
    enum cubby_status status = fit_scale(problem, &scale);
    if (status)
        return status;
    double *parameters = malloc(workspace_size(workspace) * sizeof(*parameters));
    if (!parameters)
        return CUBBY_NO_MEMORY;
    problem_start(problem, parameters);
    status = fit_run(problem, params, scale, parameters, report);
    if (!status)
        status = make_head(head, problem, parameters);
    free(parameters);
    return status;
}

enum cubby_status cubby_head_fit(struct cubby_head *head, const struct cubby_samples *samples,
                                 double l2, const struct cubby_fit_params *params,
                                 struct cubby_fit_report *report)
{
    const struct cubby_fit_params defaults = {0};
    struct cubby_fit_report ignored;
    struct workspace workspace;
    struct problem problem = {0};
    *head = (struct cubby_head){0};
    params = params ? params : &defaults;
    if (!(l2 > 0) || !isfinite(l2)) {
        cubby_log(params->log, CUBBY_LOG_ERROR, "a strength of %g is not above zero", l2);
        return CUBBY_BAD_DATA;
    }
    enum cubby_status status = workspace_init(&workspace, samples, params);
    if (!status)
        status = problem_init(&problem, &workspace, params, NULL, 0);
    problem.l2 = l2;
    if (!status)
        status = fit_head(head, &problem, params, report ? report : &ignored);
    if (status)
        cubby_head_fini(head);
    problem_fini(&problem);
    workspace_fini(&workspace);
    return status;
}

void cubby_head_cool(struct cubby_head *head, double temperature)
{
    for (size_t i = 0; i < (size_t)head->classes * head->dims; i++)
        head->weight[i] = (float)(head->weight[i] / temperature);
    for (uint32_t k = 0; k < head->classes; k++)
        head->bias[k] = (float)(head->bias[k] / temperature);
}

void cubby_head_apply(const struct cubby_head *head, const float *features, float *logits)
{
    for (uint32_t k = 0; k < head->classes; k++) {
        double sum = head->bias[k];
        for (uint32_t d = 0; d < head->dims; d++)
            sum += (double)head->weight[(size_t)k * head->dims + d] * features[d];
        logits[k] = (float)sum;
    }
}

void cubby_head_fini(struct cubby_head *head)
{
    free(head->weight);
    free(head->bias);
    *head = (struct cubby_head){0};
}
