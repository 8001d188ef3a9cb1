#include "weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The two kernels and the order of every operation are those of Pillow's Resample.c: scores depend
// on the last bit. (The build uses -std=c17, so the compiler does not fuse a * b + c either.)
static double triangle(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

static double cubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    if (x < 2.0)
        return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
    return 0.0;
}

struct axis_scale {
    double scale, filter_scale, support;
    double (*kernel)(double x);
};

static struct axis_scale axis_scale(uint32_t in_size, uint32_t out_size, enum cubby_filter filter)
{
    struct axis_scale axis = {.scale = (double)in_size / out_size};
    axis.filter_scale = axis.scale < 1.0 ? 1.0 : axis.scale;
    axis.kernel = filter == CUBBY_FILTER_BICUBIC ? cubic : triangle;
    axis.support = (filter == CUBBY_FILTER_BICUBIC ? 2.0 : 1.0) * axis.filter_scale;
    return axis;
}

// The source pixels that output position `x` is made of, as in precompute_coeffs().
static uint32_t axis_window(const struct axis_scale *axis, uint32_t in_size, uint32_t x,
                            uint32_t *start)
{
    double center = (x + 0.5) * axis->scale;
    double low = center - axis->support + 0.5;
    double high = center + axis->support + 0.5;
    uint32_t begin = low > 0.0 ? (uint32_t)low : 0;
    uint32_t end = (uint32_t)high;
    if (end > in_size)
        end = in_size;
    *start = begin;
    return end > begin ? end - begin : 0;
}

static void fill_position(struct weights *weights, const struct axis_scale *axis, uint32_t i)
{
    uint32_t start;
    uint32_t length = axis_window(axis, weights->in_size, weights->first + i, &start);
    double center = (weights->first + i + 0.5) * axis->scale;
    double inverse = 1.0 / axis->filter_scale;

    double sum = 0.0;
    for (uint32_t k = 0; k < length; k++)
        sum += axis->kernel(((double)k + start - center + 0.5) * inverse);

    int32_t *weight = weights->weight + (size_t)i * weights->taps;
    int16_t *high = weights->high + (size_t)i * weights->taps;
    int16_t *low = weights->low + (size_t)i * weights->taps;
    for (uint32_t k = 0; k < length; k++) {
        double w = axis->kernel(((double)k + start - center + 0.5) * inverse);
        if (sum != 0.0)
            w /= sum;
        weight[k] = (int32_t)((w < 0.0 ? -0.5 : 0.5) + w * (1 << WEIGHT_BITS));
        low[k] = (int16_t)(weight[k] & ((1 << WEIGHT_LOW_BITS) - 1));
        high[k] = (int16_t)((weight[k] - low[k]) / (1 << WEIGHT_LOW_BITS));
    }
    for (uint32_t k = length; k < weights->taps; k++)
        weight[k] = high[k] = low[k] = 0;
    weights->start[i] = start;
    weights->length[i] = length;
}

static enum cubby_status grow(struct weights *weights, uint32_t count, uint32_t taps)
{
    size_t total = (size_t)count * taps; // at most 2^20 * 2^23: no overflow in 64 bits
    if (total > SIZE_MAX / sizeof(int32_t))
        return CUBBY_NO_MEMORY;
    if (count <= weights->capacity_count && total <= weights->capacity_weights)
        return CUBBY_OK;

    weights_fini(weights);
    weights->start = malloc(count * sizeof(*weights->start));
    weights->length = malloc(count * sizeof(*weights->length));
    weights->weight = malloc(total * sizeof(*weights->weight));
    weights->high = malloc(total * sizeof(*weights->high));
    weights->low = malloc(total * sizeof(*weights->low));
    if (!weights->start || !weights->length || !weights->weight || !weights->high ||
        !weights->low) {
        weights_fini(weights);
        return CUBBY_NO_MEMORY;
    }
    weights->capacity_count = count;
    weights->capacity_weights = total;
    return CUBBY_OK;
}

enum cubby_status weights_set(struct weights *weights, uint32_t in_size, uint32_t out_size,
                              uint32_t first, uint32_t count, enum cubby_filter filter)
{
    if (weights->count == count && weights->in_size == in_size && weights->out_size == out_size &&
        weights->first == first && weights->filter == filter)
        return CUBBY_OK;

    struct axis_scale axis = axis_scale(in_size, out_size, filter);
    uint32_t longest = 1;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t start;
        uint32_t length = axis_window(&axis, in_size, first + i, &start);
        if (length > longest)
            longest = length;
    }
    uint32_t taps = (longest + WEIGHT_GROUP - 1) / WEIGHT_GROUP * WEIGHT_GROUP;

    weights->count = 0; // not a valid key until everything is filled
    enum cubby_status status = grow(weights, count, taps);
    if (status)
        return status;
    weights->in_size = in_size;
    weights->out_size = out_size;
    weights->first = first;
    weights->filter = filter;
    weights->taps = taps;
    for (uint32_t i = 0; i < count; i++)
        fill_position(weights, &axis, i);
    weights->source_first = weights->start[0];
    weights->source_end = weights->start[count - 1] + weights->length[count - 1];
    weights->count = count;
    return CUBBY_OK;
}

void weights_fini(struct weights *weights)
{
    free(weights->start);
    free(weights->length);
    free(weights->weight);
    free(weights->high);
    free(weights->low);
    *weights = (struct weights){0};
}
