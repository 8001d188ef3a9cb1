#include "learn/train.h"

#include <math.h>
#include <stdlib.h>

#include "engine/metrics.h"
#include "platform/parallel.h"

// With photos to judge by, no fold's training differs from another's: two are the fewest.
#define JUDGED_FOLDS 2u
#define TOLERANCE 1e-4   // of the gradient, relative to the first
#define REPORT_FOLDS 10u // that the reported figures come from

// A sample is a view of a photo.
struct training {
    const struct train_params *params;
    struct parallel *parallel;
    struct cubby_samples samples;
    uint64_t *rows; // owned, as the next; [count]
    uint32_t *labels, *groups, *photos;
    float *weights;
    uint8_t *roles;
    bool has_judges;
};

static const float *read_row(void *user, uint32_t index, float *scratch)
{
    const struct training *training = user;
    const struct train_params *params = training->params;
    return params->read(params->source, training->rows[index], scratch) ? NULL : scratch;
}

static void run_parallel(void *user, size_t count, void (*body)(void *context, size_t index),
                         void *context)
{
    parallel_run(user, count, body, context);
}

// ---- samples

static uint8_t role_of(const struct training *training, const struct train_photo *photo,
                       uint32_t view)
{
    if (photo->judge_only)
        return CUBBY_JUDGES;
    bool trains = view > 0 || photo->train_only || training->has_judges;
    return trains ? CUBBY_TRAINS : CUBBY_TRAINS_AND_JUDGES;
}

static enum cubby_status make_samples(struct training *training)
{
    const struct train_params *params = training->params;
    size_t count = 0;
    for (size_t i = 0; i < params->count; i++) {
        count += params->photos[i].judge_only ? 1 : params->photos[i].views;
        training->has_judges |= params->photos[i].judge_only;
    }
    if (count >= UINT32_MAX)
        return CUBBY_TOO_LARGE;
    training->rows = calloc(count + 1, sizeof(*training->rows));
    training->labels = calloc(count + 1, sizeof(*training->labels));
    training->groups = calloc(count + 1, sizeof(*training->groups));
    training->photos = calloc(count + 1, sizeof(*training->photos));
    training->weights = calloc(count + 1, sizeof(*training->weights));
    training->roles = calloc(count + 1, sizeof(*training->roles));
    if (!training->rows || !training->labels || !training->groups || !training->photos ||
        !training->weights || !training->roles)
        return CUBBY_NO_MEMORY;
    uint32_t at = 0;
    for (uint32_t i = 0; i < params->count; i++) {
        const struct train_photo *photo = &params->photos[i];
        uint32_t views = photo->judge_only ? 1 : photo->views;
        for (uint32_t view = 0; view < views; view++, at++) {
            training->rows[at] = photo->rows[view];
            training->labels[at] = photo->label;
            training->groups[at] = photo->group;
            training->photos[at] = i;
            training->weights[at] = photo->weight / (float)views;
            training->roles[at] = role_of(training, photo, view);
        }
    }
    training->samples = (struct cubby_samples){.row = read_row,
                                               .user = training,
                                               .labels = training->labels,
                                               .weights = training->weights,
                                               .roles = training->roles,
                                               .groups = training->groups,
                                               .photos = training->photos,
                                               .count = at,
                                               .dims = params->dims,
                                               .classes = params->class_count};
    return CUBBY_OK;
}

static void training_fini(struct training *training)
{
    parallel_destroy(&training->parallel);
    free(training->rows);
    free(training->labels);
    free(training->groups);
    free(training->photos);
    free(training->weights);
    free(training->roles);
}

static struct cubby_fit_params fit_params(const struct training *training)
{
    const struct train_params *params = training->params;
    return (struct cubby_fit_params){.balanced = true,
                                     .prior = params->prior,
                                     .parallel = {run_parallel, training->parallel},
                                     .stopped = params->interrupted,
                                     .stopped_user = params->user,
                                     .log = params->log};
}

// The heads that are judged converge as far as the head that is kept, else neither accuracy nor
// temperature would be that one's: heads that stopped early are less sure.
static struct cubby_fit_params judging_fit(const struct training *training)
{
    struct cubby_fit_params fit = fit_params(training);
    fit.tolerance = TOLERANCE;
    return fit;
}

// ---- what held-out photos say

// Wilson's score interval for a share `p` of `count` observations, which need not be whole.
static void set_interval(struct train_accuracy *accuracy)
{
    const double z = 1.96, n = (double)accuracy->groups, p = accuracy->accuracy;
    if (n < 1) {
        accuracy->low = 0;
        accuracy->high = 1;
        return;
    }
    double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
    double half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    accuracy->low = fmax(0, middle - half);
    accuracy->high = fmin(1, middle + half);
}

static struct train_accuracy accuracy_of(const struct cubby_validation *validation,
                                         uint32_t classes)
{
    struct train_accuracy accuracy = {.photos = validation->count, .groups = validation->groups};
    for (uint32_t i = 0; i < validation->count; i++)
        accuracy.right += cubby_largest(validation->logits + (size_t)i * classes, classes) ==
                          validation->labels[i];
    accuracy.accuracy = accuracy.photos ? (double)accuracy.right / (double)accuracy.photos : 0;
    set_interval(&accuracy);
    return accuracy;
}

static enum cubby_status calibration_error(const struct cubby_validation *validation,
                                           uint32_t classes, double temperature, double *error)
{
    struct cubby_metrics metrics = {0};
    float *probabilities = calloc(classes, sizeof(*probabilities));
    enum cubby_status status =
        probabilities ? cubby_metrics_init(&metrics, classes) : CUBBY_NO_MEMORY;
    for (uint32_t i = 0; i < validation->count && !status; i++) {
        cubby_softmax(validation->logits + (size_t)i * classes, classes, temperature,
                      probabilities);
        status = cubby_metrics_add(&metrics, validation->labels[i], probabilities);
    }
    if (!status) {
        cubby_metrics_finish(&metrics);
        *error = metrics.calibration_error;
    }
    cubby_metrics_fini(&metrics);
    free(probabilities);
    return status;
}

static enum cubby_status calibrate(struct train_result *out, const struct train_params *params,
                                   const struct cubby_validation *validation)
{
    uint32_t classes = params->class_count;
    enum cubby_status status = cubby_temperature_fit(
        &out->temperature, validation->logits, validation->labels, validation->count, classes);
    if (!status)
        status = calibration_error(validation, classes, 1, &out->ece_before);
    if (!status)
        status = calibration_error(validation, classes, out->temperature, &out->ece_after);
    if (!status && params->target_precision > 0)
        status = cubby_threshold_find(&out->threshold, validation->logits, validation->labels,
                                      validation->count, classes, out->temperature,
                                      params->target_precision);
    return status;
}

// ---- validation

static enum cubby_status choose_strength(const struct training *training, struct train_result *out)
{
    const struct cubby_validation_params how = {.fit = fit_params(training),
                                                .folds = training->has_judges ? JUDGED_FOLDS : 0,
                                                .slack = training->params->slack,
                                                .seed = training->params->seed};
    struct cubby_validation validation = {0};
    enum cubby_status status = cubby_validate(&validation, &training->samples, &how);
    out->l2 = validation.l2;
    cubby_validation_fini(&validation);
    return status;
}

// At the chosen strength, with more folds: heads of nine tenths of the items are nearer to the head
// of all than those of four fifths, which were good enough to compare strengths by.
static enum cubby_status judge(const struct training *training, struct train_result *out)
{
    const struct train_params *params = training->params;
    const struct cubby_validation_params how = {.fit = judging_fit(training),
                                                .folds = training->has_judges ? JUDGED_FOLDS
                                                                              : REPORT_FOLDS,
                                                .seed = params->seed,
                                                .strengths = &out->l2,
                                                .strength_count = 1};
    struct cubby_validation validation = {0};
    enum cubby_status status = cubby_validate(&validation, &training->samples, &how);
    if (status)
        return status;
    out->folds = validation.folds;
    out->lone_classes = validation.lone_classes;
    out->honest = accuracy_of(&validation, params->class_count);
    status = calibrate(out, params, &validation);
    for (uint32_t i = 0; i < validation.count; i++)
        validation.judged[i] = training->photos[validation.judged[i]];
    out->held_out = validation.judged;
    out->held_out_logits = validation.logits;
    out->held_out_count = validation.count;
    validation.judged = NULL;
    validation.logits = NULL;
    cubby_validation_fini(&validation);
    return status;
}

// What one would believe who splits photos at random, at the strength that was chosen. Photos to
// judge by are not there for him: he splits the others.
static enum cubby_status validate_carelessly(const struct training *training,
                                             struct train_result *out)
{
    const struct train_params *params = training->params;
    struct cubby_samples samples = training->samples;
    uint8_t *roles = calloc(samples.count + 1, sizeof(*roles));
    float *weights = calloc(samples.count + 1, sizeof(*weights));
    enum cubby_status status = roles && weights ? CUBBY_OK : CUBBY_NO_MEMORY;
    for (uint32_t i = 0; i < samples.count && !status; i++) {
        const struct train_photo *photo = &params->photos[training->photos[i]];
        bool is_photo = i == 0 || training->photos[i - 1] != training->photos[i];
        bool judges = is_photo && !photo->judge_only && !photo->train_only;
        roles[i] = judges ? CUBBY_TRAINS_AND_JUDGES : CUBBY_TRAINS;
        weights[i] = photo->judge_only ? 0 : samples.weights[i];
    }
    samples.roles = roles;
    samples.weights = weights;
    const struct cubby_validation_params how = {.fit = judging_fit(training),
                                                .folds = REPORT_FOLDS,
                                                .seed = params->seed,
                                                .strengths = &out->l2,
                                                .strength_count = 1,
                                                .careless = true};
    struct cubby_validation validation = {0};
    if (!status)
        status = cubby_validate(&validation, &samples, &how);
    if (!status)
        out->careless = accuracy_of(&validation, params->class_count);
    cubby_validation_fini(&validation);
    free(roles);
    free(weights);
    return status;
}

enum cubby_status train_run(struct train_result *out, const struct train_params *params)
{
    *out = (struct train_result){0};
    if (params->class_count > TRAIN_MOST_CLASSES) {
        cubby_log(params->log, CUBBY_LOG_ERROR, "there are %u classes; %u can be learned",
                  (unsigned)params->class_count, TRAIN_MOST_CLASSES);
        return CUBBY_BAD_DATA;
    }
    struct training training = {.params = params};
    enum cubby_status status =
        parallel_create(&training.parallel, params->threads ? params->threads : 1);
    if (!status)
        status = make_samples(&training);
    if (!status)
        status = choose_strength(&training, out);
    if (!status)
        status = judge(&training, out);
    if (!status && params->careless)
        status = validate_carelessly(&training, out);
    const struct cubby_fit_params fit = judging_fit(&training);
    if (!status)
        status = cubby_head_fit(&out->head, &training.samples, out->l2, &fit, NULL);
    if (!status)
        cubby_head_cool(&out->head, out->temperature);
    training_fini(&training);
    if (status)
        train_result_fini(out);
    return status;
}

void train_result_fini(struct train_result *result)
{
    cubby_head_fini(&result->head);
    free(result->held_out);
    free(result->held_out_logits);
    *result = (struct train_result){0};
}
