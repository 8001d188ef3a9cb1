#include "learn/lbfgs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_PAIRS 10u
#define LEAST_PAIRS 3u
#define PAIR_BYTES ((size_t)128 << 20)

#define DECREASE 1e-4 // c1 and c2 of the Wolfe conditions
#define CURVATURE 0.9
#define MOST_TRIALS 30
// Values are known to about this much of themselves: what lies within is no increase.
#define NOISE 1e-8

struct search {
    const struct lbfgs *lbfgs;
    struct lbfgs_report *report;
    double *memory; // owned: all vectors below
    double *x, *gradient, *next, *next_gradient, *direction;
    double *steps, *changes;    // [pairs, size], a ring: x and gradient after less before
    double inverse[MOST_PAIRS]; // 1 / (step . change)
    uint32_t pairs, used, newest;
};

// Four sums at a time, so that one addition need not wait for the other.
static double dot(const double *a, const double *b, size_t size)
{
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    size_t i = 0;
    for (; i + 4 <= size; i += 4) {
        s0 += a[i] * b[i];
        s1 += a[i + 1] * b[i + 1];
        s2 += a[i + 2] * b[i + 2];
        s3 += a[i + 3] * b[i + 3];
    }
    for (; i < size; i++)
        s0 += a[i] * b[i];
    return (s0 + s1) + (s2 + s3);
}

static double largest_of(const double *vector, size_t size)
{
    double largest = 0;
    for (size_t i = 0; i < size; i++)
        if (!(fabs(vector[i]) <= largest)) // a NaN stays
            largest = fabs(vector[i]);
    return largest;
}

static void add_multiple(double *to, double factor, const double *vector, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] += factor * vector[i];
}

static enum cubby_status create(struct search *search)
{
    const size_t size = search->lbfgs->size;
    size_t pairs = PAIR_BYTES / (2 * size * sizeof(double));
    pairs = pairs < MOST_PAIRS ? pairs : MOST_PAIRS;
    search->pairs = pairs > LEAST_PAIRS ? (uint32_t)pairs : LEAST_PAIRS;
    search->memory = calloc(size * (4 + 2 * (size_t)search->pairs), sizeof(double));
    if (!search->memory)
        return CUBBY_NO_MEMORY;
    search->gradient = search->memory;
    search->next = search->gradient + size;
    search->next_gradient = search->next + size;
    search->direction = search->next_gradient + size;
    search->steps = search->direction + size;
    search->changes = search->steps + search->pairs * size;
    return CUBBY_OK;
}

// Algorithm 7.4, the two-loop recursion: direction = -H gradient.
static void find_direction(struct search *search)
{
    const size_t size = search->lbfgs->size;
    double alpha[MOST_PAIRS] = {0};
    double *q = search->direction;
    for (size_t i = 0; i < size; i++)
        q[i] = -search->gradient[i];
    if (search->used == 0)
        return;
    for (uint32_t i = 0; i < search->used; i++) {
        const uint32_t pair = (search->newest + search->pairs - i) % search->pairs;
        alpha[pair] = search->inverse[pair] * dot(search->steps + pair * size, q, size);
        add_multiple(q, -alpha[pair], search->changes + pair * size, size);
    }
    const double *change = search->changes + search->newest * size;
    const double scale = 1 / (search->inverse[search->newest] * dot(change, change, size));
    for (size_t i = 0; i < size; i++)
        q[i] *= scale;
    for (uint32_t i = search->used; i-- > 0;) {
        const uint32_t pair = (search->newest + search->pairs - i) % search->pairs;
        const double beta = search->inverse[pair] * dot(search->changes + pair * size, q, size);
        add_multiple(q, alpha[pair] - beta, search->steps + pair * size, size);
    }
}

// Keeps what the step from x to next told about the curvature.
static void remember(struct search *search)
{
    const size_t size = search->lbfgs->size;
    const uint32_t pair = search->used == 0 ? 0 : (search->newest + 1) % search->pairs;
    double *step = search->steps + pair * size, *change = search->changes + pair * size;
    for (size_t i = 0; i < size; i++) {
        step[i] = search->next[i] - search->x[i];
        change[i] = search->next_gradient[i] - search->gradient[i];
    }
    const double curvature = dot(step, change, size);
    // Of rounding alone: the pair would only mislead, and it is overwritten by the next one.
    if (!(curvature > 1e-12 * sqrt(dot(step, step, size) * dot(change, change, size))))
        return;
    search->inverse[pair] = 1 / curvature;
    search->newest = pair;
    search->used = search->used < search->pairs ? search->used + 1 : search->pairs;
}

// A point on the line: how far, the value there, and the slope along the line.
struct point {
    double at, value, slope;
};

static enum cubby_status try_step(struct search *search, double at, struct point *point)
{
    const struct lbfgs *lbfgs = search->lbfgs;
    for (size_t i = 0; i < lbfgs->size; i++)
        search->next[i] = search->x[i] + at * search->direction[i];
    search->report->evaluations++;
    point->at = at;
    enum cubby_status status =
        lbfgs->evaluate(lbfgs->user, search->next, &point->value, search->next_gradient);
    point->slope = dot(search->next_gradient, search->direction, lbfgs->size);
    if (!isfinite(point->value) || !isfinite(point->slope))
        point->value = INFINITY;
    return status;
}

// Where the cubic through both points has its minimum (equation 3.59), but not too close to either.
static double between(const struct point *a, const struct point *b)
{
    double at = (a->at + b->at) / 2;
    if (isfinite(b->value)) {
        const double d1 = a->slope + b->slope - 3 * (a->value - b->value) / (a->at - b->at);
        const double root = d1 * d1 - a->slope * b->slope;
        const double d2 = copysign(sqrt(fmax(root, 0)), b->at - a->at);
        const double cubic =
            b->at - (b->at - a->at) * (b->slope + d2 - d1) / (b->slope - a->slope + 2 * d2);
        at = isfinite(cubic) ? cubic : at;
    }
    const double low = fmin(a->at, b->at), width = fabs(a->at - b->at);
    return fmin(fmax(at, low + 0.1 * width), low + 0.9 * width);
}

// Algorithms 3.5 and 3.6 in one loop: longer steps until a minimum is bracketed, then shorter
// brackets. On success next and next_gradient are the new point; *found is false if there is none.
static enum cubby_status line_search(struct search *search, double first_step, double *value,
                                     bool *found)
{
    const struct point start = {
        .value = *value, .slope = dot(search->gradient, search->direction, search->lbfgs->size)};
    const double noise = NOISE * fabs(start.value);
    struct point low = start, high = start, point;
    bool bracketed = false;
    double at = first_step;
    *found = false;
    if (!(start.slope < 0))
        return CUBBY_OK;
    for (int trial = 0; trial < MOST_TRIALS; trial++) {
        enum cubby_status status = try_step(search, at, &point);
        if (status)
            return status;
        if (point.value > start.value + DECREASE * at * start.slope + noise ||
            (low.at > 0 && point.value > low.value + noise)) {
            high = point;
            bracketed = true;
        } else if (fabs(point.slope) <= -CURVATURE * start.slope) {
            *value = point.value;
            *found = true;
            return CUBBY_OK;
        } else {
            if (bracketed ? point.slope * (high.at - low.at) >= 0 : point.slope >= 0) {
                high = low;
                bracketed = true;
            }
            low = point;
        }
        at = bracketed ? between(&low, &high) : 4 * at;
    }
    // Not what was asked for, but better than where it began.
    if (low.at > 0 && low.value < start.value) {
        enum cubby_status status = try_step(search, low.at, &point);
        *value = point.value;
        *found = !status;
        return status;
    }
    return CUBBY_OK;
}

static void accept(struct search *search)
{
    const size_t bytes = search->lbfgs->size * sizeof(double);
    remember(search);
    memcpy(search->x, search->next, bytes);
    memcpy(search->gradient, search->next_gradient, bytes);
}

static enum cubby_status iterate(struct search *search)
{
    const struct lbfgs *lbfgs = search->lbfgs;
    struct lbfgs_report *report = search->report;
    for (;;) {
        report->gradient = largest_of(search->gradient, lbfgs->size);
        report->converged = report->gradient <= lbfgs->tolerance;
        if (report->converged || report->iterations == lbfgs->max_iterations)
            return CUBBY_OK;
        if (lbfgs->stopped && lbfgs->stopped(lbfgs->stopped_user))
            return CUBBY_INTERRUPTED;

        find_direction(search);
        const double length = sqrt(dot(search->gradient, search->gradient, lbfgs->size));
        bool found;
        enum cubby_status status =
            line_search(search, search->used ? 1 : 1 / fmax(length, 1), &report->value, &found);
        if (status)
            return status;
        if (found) {
            accept(search);
            report->iterations++;
        } else if (search->used) {
            search->used = 0; // once more, straight down
        } else {
            return CUBBY_OK;
        }
    }
}

enum cubby_status lbfgs_minimise(const struct lbfgs *lbfgs, double *x, struct lbfgs_report *report)
{
    struct search search = {.lbfgs = lbfgs, .report = report, .x = x};
    *report = (struct lbfgs_report){.evaluations = 1};
    enum cubby_status status = create(&search);
    if (!status)
        status = lbfgs->evaluate(lbfgs->user, x, &report->value, search.gradient);
    if (!status)
        status = iterate(&search);
    free(search.memory);
    return status;
}
