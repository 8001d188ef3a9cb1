#include "engine/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CLASSES 8192u // a confusion matrix of 512 MB
#define LEAST_PROBABILITY 1e-15
#define DEVIATIONS_95 1.959963984540054

struct cubby_interval cubby_wilson(uint64_t right, uint64_t count, double z)
{
    if (count == 0)
        return (struct cubby_interval){0, 1};
    const double n = (double)count, p = (double)right / n, zz = z * z;
    const double middle = (p + zz / (2 * n)) / (1 + zz / n);
    const double half = z / (1 + zz / n) * sqrt(p * (1 - p) / n + zz / (4 * n * n));
    // At the ends the formula gives exactly 0 and 1 but for rounding.
    return (struct cubby_interval){.low = right == 0 ? 0 : fmax(middle - half, 0),
                                   .high = right == count ? 1 : fmin(middle + half, 1)};
}

uint32_t cubby_largest(const float *values, uint32_t count)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < count; i++)
        if (values[i] > values[best])
            best = i;
    return best;
}

void cubby_softmax(const float *logits, uint32_t classes, double temperature, float *probabilities)
{
    const double largest = logits[cubby_largest(logits, classes)];
    double sum = 0;
    for (uint32_t k = 0; k < classes; k++)
        sum += exp((logits[k] - largest) / temperature);
    for (uint32_t k = 0; k < classes; k++)
        probabilities[k] = (float)(exp((logits[k] - largest) / temperature) / sum);
}

enum cubby_status cubby_metrics_init(struct cubby_metrics *metrics, uint32_t classes)
{
    *metrics = (struct cubby_metrics){.classes = classes};
    if (classes == 0 || classes > MAX_CLASSES)
        return CUBBY_TOO_LARGE;
    metrics->confusion = calloc((size_t)classes * classes, sizeof(*metrics->confusion));
    metrics->per_class = calloc(classes, sizeof(*metrics->per_class));
    if (!metrics->confusion || !metrics->per_class) {
        cubby_metrics_fini(metrics);
        return CUBBY_NO_MEMORY;
    }
    cubby_metrics_finish(metrics);
    return CUBBY_OK;
}

void cubby_metrics_fini(struct cubby_metrics *metrics)
{
    free(metrics->confusion);
    free(metrics->per_class);
    *metrics = (struct cubby_metrics){0};
}

// Bin m holds what is above m/15 and up to (m+1)/15.
static uint32_t bin_of(double confidence)
{
    const double bin = ceil(confidence * CUBBY_CALIBRATION_BINS) - 1;
    return bin <= 0                        ? 0
           : bin >= CUBBY_CALIBRATION_BINS ? CUBBY_CALIBRATION_BINS - 1
                                           : (uint32_t)bin;
}

enum cubby_status cubby_metrics_add(struct cubby_metrics *metrics, uint32_t truth,
                                    const float *probabilities)
{
    if (truth >= metrics->classes)
        return CUBBY_BAD_DATA;
    for (uint32_t k = 0; k < metrics->classes; k++)
        if (!(probabilities[k] >= 0 && probabilities[k] <= 1))
            return CUBBY_BAD_DATA;

    const uint32_t answer = cubby_largest(probabilities, metrics->classes);
    struct cubby_bin *bin = &metrics->bins[bin_of(probabilities[answer])];
    const bool right = answer == truth;
    metrics->count++;
    metrics->right += right;
    metrics->confusion[(size_t)truth * metrics->classes + answer]++;
    metrics->per_class[truth].count++;
    metrics->per_class[truth].right += right;
    metrics->per_class[answer].answered++;
    bin->count++;
    bin->right += right;
    bin->confidence_sum += probabilities[answer];
    metrics->loss_sum -= log(fmax(probabilities[truth], LEAST_PROBABILITY));
    return CUBBY_OK;
}

static double ratio(double part, uint64_t whole)
{
    return whole ? part / (double)whole : (double)NAN;
}

void cubby_metrics_finish(struct cubby_metrics *metrics)
{
    metrics->accuracy = ratio((double)metrics->right, metrics->count);
    metrics->accuracy_interval = cubby_wilson(metrics->right, metrics->count, DEVIATIONS_95);
    metrics->log_loss = ratio(metrics->loss_sum, metrics->count);

    double error = 0;
    for (uint32_t i = 0; i < CUBBY_CALIBRATION_BINS; i++) {
        struct cubby_bin *bin = &metrics->bins[i];
        bin->confidence = ratio(bin->confidence_sum, bin->count);
        error += fabs((double)bin->right - bin->confidence_sum);
    }
    metrics->calibration_error = ratio(error, metrics->count);

    for (uint32_t k = 0; k < metrics->classes; k++) {
        struct cubby_class_metrics *class = &metrics->per_class[k];
        class->precision = ratio((double)class->right, class->answered);
        class->recall = ratio((double)class->right, class->count);
    }
}
