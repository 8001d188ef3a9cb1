// The temperature and the threshold: what turns a head's logits into answers to rely on.
#include "engine/learn.h"

#include <math.h>
#include <stdlib.h>

#include "engine/metrics.h"

#define LEAST_TEMPERATURE 0.01
#define MOST_TEMPERATURE 100.0
#define DEVIATIONS_ONE_SIDED_90 1.2815515655446004

static bool sound(const float *logits, const uint32_t *labels, uint32_t count, uint32_t classes)
{
    if (classes == 0)
        return count == 0;
    for (uint32_t i = 0; i < count; i++) {
        if (labels[i] >= classes)
            return false;
        for (uint32_t k = 0; k < classes; k++)
            if (!isfinite(logits[(size_t)i * classes + k]))
                return false;
    }
    return true;
}

static uint32_t likeliest_other(const float *logits, uint32_t classes, uint32_t label)
{
    uint32_t best = label == 0 ? 1 : 0;
    for (uint32_t k = best + 1; k < classes; k++)
        if (k != label && logits[k] > logits[best])
            best = k;
    return best;
}

// First and second derivative of the log-loss by beta = 1 / T, summed over the samples. The sum is
// convex in beta: E[z] under softmax(beta z), less what the targets ask for, and the variance of z.
static void loss_slope(const float *logits, const uint32_t *labels, uint32_t count,
                       uint32_t classes, double beta, double *slope, double *curvature)
{
    const double mistake = 1 / (2.0 * count + 1);
    *slope = *curvature = 0;
    for (uint32_t i = 0; i < count; i++) {
        const float *z = logits + (size_t)i * classes;
        const double largest = z[cubby_largest(z, classes)];
        double sum = 0, first = 0, second = 0;
        for (uint32_t k = 0; k < classes; k++) {
            const double below = z[k] - largest, p = exp(beta * below);
            sum += p;
            first += p * below;
            second += p * below * below;
        }
        first /= sum;
        const double asked = (1 - mistake) * (z[labels[i]] - largest) +
                             mistake * (z[likeliest_other(z, classes, labels[i])] - largest);
        *slope += first - asked;
        *curvature += second / sum - first * first;
    }
}

enum cubby_status cubby_temperature_fit(double *temperature, const float *logits,
                                        const uint32_t *labels, uint32_t count, uint32_t classes)
{
    *temperature = 1;
    if (!sound(logits, labels, count, classes))
        return CUBBY_BAD_DATA;
    if (count == 0 || classes < 2)
        return CUBBY_OK;

    // Newton's steps within a bracket that every step narrows; where one leaves it, the middle of
    // the bracket instead (rtsafe of Numerical Recipes). The bounds are the answer where the slope
    // does not change its sign.
    double low = 1 / MOST_TEMPERATURE, high = 1 / LEAST_TEMPERATURE, beta = 1;
    for (int i = 0; i < 100 && high - low > 1e-12 * high; i++) {
        double slope, curvature;
        loss_slope(logits, labels, count, classes, beta, &slope, &curvature);
        if (slope > 0)
            high = beta;
        else
            low = beta;
        const double step = curvature > 0 ? slope / curvature : 0;
        const double next = beta - step;
        if (fabs(step) <= 1e-12 * beta && curvature > 0)
            break;
        beta = curvature > 0 && next > low && next < high ? next : sqrt(low * high);
    }
    *temperature = 1 / beta;
    return CUBBY_OK;
}

struct answer {
    float p;
    bool right;
};

// The surest first; which of two that are equally sure comes first does not matter.
static int by_confidence(const void *left, const void *right)
{
    const struct answer *a = left, *b = right;
    return (a->p < b->p) - (a->p > b->p);
}

// answers: sorted by confidence. Looks at every threshold, as the bound is not monotonous.
static void find_threshold(struct cubby_threshold *threshold, const struct answer *answers,
                           uint32_t count, double target)
{
    uint32_t right = 0;
    for (uint32_t i = 0; i < count; i++) {
        right += answers[i].right;
        // Those as sure as the next one are kept or dropped together with it.
        if (i + 1 < count && answers[i + 1].p == answers[i].p)
            continue;
        const double lower = cubby_wilson(right, i + 1, DEVIATIONS_ONE_SIDED_90).low;
        if (lower < target)
            continue;
        *threshold = (struct cubby_threshold){.reachable = true,
                                              .threshold = (double)answers[i].p,
                                              .kept = i + 1,
                                              .right = right,
                                              .precision = (double)right / (i + 1),
                                              .lower = lower};
    }
}

enum cubby_status cubby_threshold_find(struct cubby_threshold *threshold, const float *logits,
                                       const uint32_t *labels, uint32_t count, uint32_t classes,
                                       double temperature, double target)
{
    *threshold = (struct cubby_threshold){.threshold = 1};
    if (!sound(logits, labels, count, classes) || !(temperature > 0))
        return CUBBY_BAD_DATA;
    if (count == 0)
        return CUBBY_OK;
    struct answer *answers = malloc(count * sizeof(*answers));
    float *probabilities = malloc(classes * sizeof(*probabilities));
    if (answers && probabilities) {
        for (uint32_t i = 0; i < count; i++) {
            cubby_softmax(logits + (size_t)i * classes, classes, temperature, probabilities);
            const uint32_t answer = cubby_largest(probabilities, classes);
            answers[i] = (struct answer){probabilities[answer], answer == labels[i]};
        }
        qsort(answers, count, sizeof(*answers), by_confidence);
        find_threshold(threshold, answers, count, target);
    }
    const bool done = answers && probabilities;
    free(answers);
    free(probabilities);
    return done ? CUBBY_OK : CUBBY_NO_MEMORY;
}
