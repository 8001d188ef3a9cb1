// fastai/vision/augment.py: AffineCoordTfm, RandomResizedCropGPU and _grid_sample() when nothing is
// random. Every step takes weighted means along one axis and then the other, so all steps of an
// axis are multiplied into one table of weights, in double, before the first photo.
#include "image/resample.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CHANNELS 3u

// Position i of an axis as weights of the item's pixels start[i] .. start[i] + length[i] - 1.
struct mixture {
    uint32_t count, stride; // stride: the item's side
    uint32_t *start, *length;
    double *weight; // [count][stride], the first length[i] of each
};

static void mixture_fini(struct mixture *mixture)
{
    free(mixture->start);
    free(mixture->length);
    free(mixture->weight);
    *mixture = (struct mixture){0};
}

static enum cubby_status mixture_init(struct mixture *mixture, uint32_t count, uint32_t stride)
{
    *mixture = (struct mixture){.count = count, .stride = stride};
    mixture->start = calloc(count, sizeof(*mixture->start));
    mixture->length = calloc(count, sizeof(*mixture->length));
    mixture->weight = calloc((size_t)count * stride, sizeof(*mixture->weight));
    if (mixture->start && mixture->length && mixture->weight)
        return CUBBY_OK;
    mixture_fini(mixture);
    return CUBBY_NO_MEMORY;
}

static enum cubby_status mixture_identity(struct mixture *mixture, uint32_t side)
{
    enum cubby_status status = mixture_init(mixture, side, side);
    for (uint32_t i = 0; !status && i < side; i++) {
        mixture->start[i] = i;
        mixture->length[i] = 1;
        mixture->weight[(size_t)i * side] = 1.0;
    }
    return status;
}

// Makes position `at` of `to` by `weight` of positions first .. first + count - 1 of `from`.
static void mix(struct mixture *to, uint32_t at, const struct mixture *from, uint32_t first,
                uint32_t count, const double weight[2], bool same)
{
    uint32_t start = from->start[first], end = start;
    for (uint32_t i = first; i < first + count; i++)
        if (from->start[i] + from->length[i] > end)
            end = from->start[i] + from->length[i];
    double *out = to->weight + (size_t)at * to->stride;
    to->start[at] = start;
    to->length[at] = end - start;
    for (uint32_t i = 0; i < count; i++) {
        const double *in = from->weight + (size_t)(first + i) * from->stride;
        uint32_t offset = from->start[first + i] - start;
        for (uint32_t k = 0; k < from->length[first + i]; k++)
            out[offset + k] += in[k] * weight[same ? 0 : i];
    }
}

// Leaves only positions first .. first + count - 1.
static void mixture_crop(struct mixture *mixture, uint32_t first, uint32_t count)
{
    memmove(mixture->start, mixture->start + first, count * sizeof(*mixture->start));
    memmove(mixture->length, mixture->length + first, count * sizeof(*mixture->length));
    memmove(mixture->weight, mixture->weight + (size_t)first * mixture->stride,
            (size_t)count * mixture->stride * sizeof(*mixture->weight));
    mixture->count = count;
}

// torch's adaptive average pooling: bin i is floor(i * in / out) .. ceil((i + 1) * in / out) - 1.
static enum cubby_status mixture_pool(struct mixture *mixture, uint32_t out)
{
    struct mixture pooled;
    enum cubby_status status = mixture_init(&pooled, out, mixture->stride);
    if (status)
        return status;
    uint64_t in = mixture->count;
    for (uint64_t i = 0; i < out; i++) {
        uint64_t first = i * in / out, end = ((i + 1) * in + out - 1) / out;
        double weight[2] = {1.0 / (double)(end - first)};
        mix(&pooled, (uint32_t)i, mixture, (uint32_t)first, (uint32_t)(end - first), weight, true);
    }
    mixture_fini(mixture);
    *mixture = pooled;
    return CUBBY_OK;
}

// grid_sample(affine_grid(identity)), bilinear. At pixel centres the outermost positions lie up to
// half a pixel outside; mirrored there, they see the pixel at the edge.
static enum cubby_status mixture_sample(struct mixture *mixture, uint32_t out, bool align_corners)
{
    uint32_t in = mixture->count;
    if (out == in)
        return CUBBY_OK;
    struct mixture sampled;
    enum cubby_status status = mixture_init(&sampled, out, mixture->stride);
    if (status)
        return status;
    for (uint32_t i = 0; i < out; i++) {
        double at = align_corners && out > 1 ? (double)i * (in - 1) / (out - 1)
                                             : (i + 0.5) * in / out - 0.5; // one alone: the middle
        at = fmin(fmax(at, 0.0), in - 1.0);
        uint32_t first = (uint32_t)at;
        double weight[2] = {1.0 - (at - first), at - first};
        mix(&sampled, i, mixture, first, weight[1] > 0.0 ? 2 : 1, weight, false);
    }
    mixture_fini(mixture);
    *mixture = sampled;
    return CUBBY_OK;
}

// The double that was meant by a float such as 2/3 or 0.9, so that fastai's int() of a product with
// it comes out the same: the simplest fraction that rounds to this float.
static double meant(float value)
{
    for (uint32_t divisor = 1; divisor <= 1000; divisor++) {
        double quotient = round((double)value * divisor) / divisor;
        if ((float)quotient == value)
            return quotient;
    }
    return value;
}

static uint32_t whole(double pixels, uint32_t limit)
{
    return pixels < 1.0 ? 1 : pixels > limit ? limit : (uint32_t)pixels;
}

// RandomResizedCropGPU.before_call() at validation.
void resample_crop(const struct cubby_resample *resample, uint32_t width, uint32_t height,
                   uint32_t *crop_width, uint32_t *crop_height)
{
    double min_ratio = meant(resample->min_ratio), max_ratio = meant(resample->max_ratio);
    double scale = meant(resample->scale), ratio = (double)width / height;
    *crop_width = width;
    *crop_height = height;
    if (ratio < min_ratio)
        *crop_height = whole(width / min_ratio, height);
    else if (ratio > max_ratio)
        *crop_width = whole(height * max_ratio, width);
    *crop_width = whole(*crop_width * scale, width);
    *crop_height = whole(*crop_height * scale, height);
}

// _grid_sample() shrinks by pooling before it samples. It means to compare the sides of input and
// output, but its grid has the shape [N, height, width, 2], and so it compares the height with the
// width, and the width with 2. The scores depend on it.
bool resample_pools(const struct cubby_resample *resample, uint32_t *width, uint32_t *height)
{
    double factor = fmin((double)*height / resample->width, *width / 2.0) / 2.0;
    uint32_t longer = resample->width > resample->height ? resample->width : resample->height;
    double zoom = resample->align_corners ? 1.0 : 1.0 / (1.0 - 1.0 / longer);
    if (longer <= 1 || factor <= zoom || factor <= 1.0)
        return false;
    *width = whole(*width * (1.0 / factor), *width);
    *height = whole(*height * (1.0 / factor), *height);
    return true;
}

static enum cubby_status step(struct mixture *x, struct mixture *y,
                              const struct cubby_resample *resample)
{
    uint32_t width = x->count, height = y->count;
    if (resample->crop) {
        resample_crop(resample, x->count, y->count, &width, &height);
        mixture_crop(x, (x->count - width) / 2, width);
        mixture_crop(y, (y->count - height) / 2, height);
    }
    enum cubby_status status = CUBBY_OK;
    if (resample_pools(resample, &width, &height)) {
        status = mixture_pool(x, width);
        if (!status)
            status = mixture_pool(y, height);
    }
    if (!status)
        status = mixture_sample(x, resample->width, resample->align_corners);
    if (!status)
        status = mixture_sample(y, resample->height, resample->align_corners);
    return status;
}

static void axis_fini(struct resample_axis *axis)
{
    free(axis->start);
    free(axis->length);
    free(axis->weight);
    *axis = (struct resample_axis){0};
}

static enum cubby_status axis_take(struct resample_axis *axis, const struct mixture *mixture)
{
    uint32_t count = mixture->count;
    *axis = (struct resample_axis){.count = count, .taps = 1};
    for (uint32_t i = 0; i < count; i++)
        if (mixture->length[i] > axis->taps)
            axis->taps = mixture->length[i];
    axis->start = malloc(count * sizeof(*axis->start));
    axis->length = malloc(count * sizeof(*axis->length));
    axis->weight = calloc((size_t)count * axis->taps, sizeof(*axis->weight));
    if (!axis->start || !axis->length || !axis->weight)
        return CUBBY_NO_MEMORY; // the caller's fini frees what there is
    memcpy(axis->start, mixture->start, count * sizeof(*axis->start));
    memcpy(axis->length, mixture->length, count * sizeof(*axis->length));
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < mixture->length[i]; k++)
            axis->weight[(size_t)i * axis->taps + k] =
                (float)mixture->weight[(size_t)i * mixture->stride + k];
    return CUBBY_OK;
}

static void forget(struct resampler *resampler)
{
    axis_fini(&resampler->x);
    axis_fini(&resampler->y);
    free(resampler->row);
    resampler->row = NULL;
    resampler->made_count = 0;
}

void resampler_fini(struct resampler *resampler)
{
    forget(resampler);
    free(resampler->planes[0]);
    free(resampler->planes[1]);
    *resampler = (struct resampler){0};
}

static bool same_resample(const struct cubby_resample *a, const struct cubby_resample *b)
{
    if (a->width != b->width || a->height != b->height || a->align_corners != b->align_corners ||
        a->crop != b->crop)
        return false;
    return !a->crop ||
           (a->min_ratio == b->min_ratio && a->max_ratio == b->max_ratio && a->scale == b->scale);
}

static bool is_made(const struct resampler *resampler, const struct cubby_preprocess *preprocess)
{
    if (resampler->made_count != preprocess->resample_count ||
        resampler->item_width != preprocess->crop_width ||
        resampler->item_height != preprocess->crop_height)
        return false;
    for (uint32_t i = 0; i < resampler->made_count; i++)
        if (!same_resample(&resampler->made_for[i], &preprocess->resamples[i]))
            return false;
    return true;
}

static enum cubby_status make(struct resampler *resampler,
                              const struct cubby_preprocess *preprocess)
{
    struct mixture x = {0}, y = {0};
    forget(resampler);
    enum cubby_status status = mixture_identity(&x, preprocess->crop_width);
    if (!status)
        status = mixture_identity(&y, preprocess->crop_height);
    for (uint32_t i = 0; !status && i < preprocess->resample_count; i++)
        status = step(&x, &y, &preprocess->resamples[i]);
    if (!status)
        status = axis_take(&resampler->x, &x);
    if (!status)
        status = axis_take(&resampler->y, &y);
    if (!status) {
        size_t values = ((size_t)preprocess->crop_width + x.count) * CHANNELS;
        resampler->row = malloc(values * sizeof(*resampler->row));
        status = resampler->row ? CUBBY_OK : CUBBY_NO_MEMORY;
    }
    mixture_fini(&x);
    mixture_fini(&y);
    if (status) {
        forget(resampler);
        return status;
    }
    memcpy(resampler->made_for, preprocess->resamples, sizeof(resampler->made_for));
    resampler->made_count = preprocess->resample_count;
    resampler->item_width = preprocess->crop_width;
    resampler->item_height = preprocess->crop_height;
    return CUBBY_OK;
}

static void add_scaled(float *restrict sums, const uint8_t *restrict row, float weight,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        sums[i] += weight * (float)row[i];
}

static void sample_row(const struct resample_axis *axis, const float *restrict row,
                       float *restrict out)
{
    for (uint32_t i = 0; i < axis->count; i++) {
        const float *pixel = row + (size_t)axis->start[i] * CHANNELS;
        const float *weight = axis->weight + (size_t)i * axis->taps;
        float red = 0.0f, green = 0.0f, blue = 0.0f;
        for (uint32_t k = 0; k < axis->length[i]; k++, pixel += CHANNELS) {
            red += weight[k] * pixel[0];
            green += weight[k] * pixel[1];
            blue += weight[k] * pixel[2];
        }
        out[CHANNELS * i] = red;
        out[CHANNELS * i + 1] = green;
        out[CHANNELS * i + 2] = blue;
    }
}

enum cubby_status resample(struct resampler *resampler, const struct cubby_preprocess *preprocess,
                           const uint8_t *item, uint8_t *out)
{
    enum cubby_status status = CUBBY_OK;
    if (resampler->exact && resample_is_exact(preprocess))
        return resample_exactly(resampler, preprocess, item, out);
    if (!is_made(resampler, preprocess))
        status = make(resampler, preprocess);
    if (status)
        return status;

    const struct resample_axis *x = &resampler->x, *y = &resampler->y;
    size_t row_values = (size_t)resampler->item_width * CHANNELS;
    size_t out_bytes = (size_t)x->count * CHANNELS * sizeof(float);
    float *row = resampler->row, *out_row = row + row_values;
    for (uint32_t i = 0; i < y->count; i++, out += out_bytes) {
        memset(row, 0, row_values * sizeof(*row));
        for (uint32_t k = 0; k < y->length[i]; k++)
            add_scaled(row, item + (y->start[i] + k) * row_values,
                       y->weight[(size_t)i * y->taps + k], row_values);
        sample_row(x, row, out_row);
        memcpy(out, out_row, out_bytes); // `out` is device memory, and need not be aligned
    }
    return CUBBY_OK;
}
