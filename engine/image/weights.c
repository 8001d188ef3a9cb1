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

// The pixels of the rectangle that output position `x` is made of, as in precompute_coeffs().
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

// The photo's pixel that is seen at `position` of a padded rectangle; false: none, it is black.
static bool padded_pixel(const struct source_axis *axis, uint32_t position, uint32_t *pixel)
{
    int64_t inside = (int64_t)position - axis->before, taken = axis->taken;
    if (inside < 0 || inside >= taken) {
        if (axis->pad == CUBBY_PAD_ZEROS)
            return false;
        if (axis->pad == CUBBY_PAD_BORDER || taken == 1) {
            inside = inside < 0 ? 0 : taken - 1;
        } else {
            // numpy mirrors the mirror image again where it is not long enough.
            int64_t period = 2 * (taken - 1);
            inside = (inside % period + period) % period;
            if (inside >= taken)
                inside = period - inside;
        }
    }
    *pixel = axis->first + (uint32_t)inside;
    return true;
}

// From a window of the rectangle to one of the photo.
static uint32_t photo_window(const struct source_axis *axis, uint32_t length, uint32_t *start)
{
    if (!source_axis_padded(axis)) {
        *start += axis->first;
        return length;
    }
    uint32_t low = UINT32_MAX, high = 0, pixel;
    for (uint32_t k = 0; k < length; k++) {
        if (!padded_pixel(axis, *start + k, &pixel))
            continue;
        low = pixel < low ? pixel : low;
        high = pixel > high ? pixel : high;
    }
    bool empty = low == UINT32_MAX; // nothing but black
    *start = empty ? axis->first : low;
    return empty ? 0 : high - low + 1;
}

static void split_weights(struct weights *weights, size_t first)
{
    for (size_t k = first; k < first + weights->taps; k++) {
        int32_t weight = weights->weight[k];
        int16_t low = (int16_t)(weight & ((1 << WEIGHT_LOW_BITS) - 1));
        weights->low[k] = low;
        weights->high[k] = (int16_t)((weight - low) / (1 << WEIGHT_LOW_BITS));
    }
}

static void fill_position(struct weights *weights, const struct axis_scale *scale, uint32_t i)
{
    const struct source_axis *axis = &weights->axis;
    uint32_t begin;
    uint32_t count = axis_window(scale, axis->size, weights->first + i, &begin);
    uint32_t start = begin, length = photo_window(axis, count, &start);
    double center = (weights->first + i + 0.5) * scale->scale;
    double inverse = 1.0 / scale->filter_scale;

    double sum = 0.0;
    for (uint32_t k = 0; k < count; k++)
        sum += scale->kernel(((double)k + begin - center + 0.5) * inverse);

    size_t first = (size_t)i * weights->taps;
    int32_t *weight = weights->weight + first;
    memset(weight, 0, weights->taps * sizeof(*weight));
    bool padded = source_axis_padded(axis);
    for (uint32_t k = 0; k < count; k++) {
        double w = scale->kernel(((double)k + begin - center + 0.5) * inverse);
        if (sum != 0.0)
            w /= sum;
        uint32_t pixel = start + k;
        if (!padded || padded_pixel(axis, begin + k, &pixel))
            weight[pixel - start] += (int32_t)((w < 0.0 ? -0.5 : 0.5) + w * (1 << WEIGHT_BITS));
    }
    split_weights(weights, first);
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

static bool same_axis(const struct source_axis *a, const struct source_axis *b)
{
    return a->size == b->size && a->first == b->first && a->taken == b->taken &&
           a->before == b->before && a->pad == b->pad;
}

static void fill(struct weights *weights, const struct axis_scale *scale)
{
    weights->source_first = UINT32_MAX;
    weights->source_end = 0;
    for (uint32_t i = 0; i < weights->count; i++) {
        fill_position(weights, scale, i);
        uint32_t start = weights->start[i], end = start + weights->length[i];
        if (start < weights->source_first)
            weights->source_first = start;
        if (end > weights->source_end)
            weights->source_end = end;
    }
}

enum cubby_status weights_set(struct weights *weights, const struct source_axis *axis,
                              uint32_t out_size, uint32_t first, uint32_t count,
                              enum cubby_filter filter)
{
    if (weights->count == count && same_axis(&weights->axis, axis) &&
        weights->out_size == out_size && weights->first == first && weights->filter == filter)
        return CUBBY_OK;

    struct axis_scale scale = axis_scale(axis->size, out_size, filter);
    uint32_t longest = 1;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t start;
        uint32_t length = axis_window(&scale, axis->size, first + i, &start);
        length = photo_window(axis, length, &start);
        if (length > longest)
            longest = length;
    }
    uint32_t taps = (longest + WEIGHT_GROUP - 1) / WEIGHT_GROUP * WEIGHT_GROUP;

    weights->count = 0; // not a valid key until everything is filled
    enum cubby_status status = grow(weights, count, taps);
    if (status)
        return status;
    weights->axis = *axis;
    weights->out_size = out_size;
    weights->first = first;
    weights->filter = filter;
    weights->taps = taps;
    weights->count = count;
    fill(weights, &scale);
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
