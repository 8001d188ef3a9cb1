// The same steps as resample.c in torch's own float32 arithmetic, rounding for rounding: a network
// may turn a difference in the seventh digit of a pixel into one in the fourth of a logit.
//
// The order of operations is that of ATen/native/cpu (RangeFactoriesKernel.cpp: linspace,
// GridSamplerKernel.cpp, AdaptiveAvgPoolKernel.cpp) with vectors of 8 floats and fused
// multiplication and addition, which is what x86-64 with AVX2 runs. Compared bit by bit with torch
// 1.13 in tests/python/preprocess_test.py.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image/resample.h"
#include "image/resizer.h"

#define VECTOR 8u

struct image {
    float *pixels; // [height][width][3], from 0 to 1
    uint32_t width, height;
};

// Where an output position samples: pixels first and first + 1 by these weights.
struct sample {
    uint32_t first;
    bool alone; // at the end of the axis there is no second one
    float near, far;
};

bool resample_is_exact(const struct cubby_preprocess *preprocess)
{
    for (uint32_t i = 0; i < preprocess->resample_count; i++)
        if (!preprocess->resamples[i].align_corners)
            return false;
    return true;
}

// Value i of affine_grid's linspace(-1, 1, count). Two vectors at a time begin with a fused product
// and add whole steps to it; what is left is computed one by one.
static float linspace(uint32_t i, uint32_t count)
{
    if (count == 1)
        return 0.0f;
    float step = 2.0f / (float)(count - 1);
    bool vector = i < count / (2 * VECTOR) * (2 * VECTOR);
    uint32_t base = vector ? i / VECTOR * VECTOR : i;
    float value = base < count / 2 ? fmaf(step, (float)base, -1.0f)
                                   : fmaf(-step, (float)(count - base - 1), 1.0f);
    return vector ? step * (float)(i - base) + value : value;
}

// Mirrored at the ends, as grid_sample does also where nothing lies outside.
static struct sample sample_at(uint32_t i, uint32_t count, uint32_t side)
{
    struct sample sample = {0};
    float last = (float)(side - 1), span = 2.0f * last;
    float at = (linspace(i, count) + 1.0f) * (last / 2.0f);
    if (side > 1) {
        float extra = fabsf(at) - truncf(fabsf(at) / span) * span;
        at = fminf(extra, span - extra);
    }
    at = fminf(fmaxf(at, 0.0f), last);
    sample.first = (uint32_t)at;
    sample.alone = sample.first + 1 >= side;
    sample.far = at - (float)sample.first;
    sample.near = 1.0f - sample.far;
    return sample;
}

static void sample_pixel(const struct image *from, const struct sample *x, const struct sample *y,
                         float *out)
{
    size_t row = (size_t)from->width * CHANNELS;
    const float *nw = from->pixels + y->first * row + (size_t)x->first * CHANNELS;
    const float *sw = nw + (y->alone ? 0 : row);
    float nw_weight = y->near * x->near, ne_weight = y->near * x->far;
    float sw_weight = y->far * x->near, se_weight = y->far * x->far;
    size_t right = x->alone ? 0 : CHANNELS;
    for (uint32_t c = 0; c < CHANNELS; c++) {
        float sum = nw[c] * nw_weight;
        sum = fmaf(x->alone ? 0.0f : nw[right + c], ne_weight, sum);
        sum = fmaf(y->alone ? 0.0f : sw[c], sw_weight, sum);
        out[c] = fmaf(x->alone || y->alone ? 0.0f : sw[right + c], se_weight, sum);
    }
}

static enum cubby_status grid_sample(const struct image *from, struct image *to)
{
    struct sample *columns = malloc(to->width * sizeof(*columns));
    if (!columns)
        return CUBBY_NO_MEMORY;
    for (uint32_t i = 0; i < to->width; i++)
        columns[i] = sample_at(i, to->width, from->width);
    float *out = to->pixels;
    for (uint32_t k = 0; k < to->height; k++) {
        struct sample row = sample_at(k, to->height, from->height);
        for (uint32_t i = 0; i < to->width; i++, out += CHANNELS)
            sample_pixel(from, &columns[i], &row, out);
    }
    free(columns);
    return CUBBY_OK;
}

// Adaptive average pooling: sums row by row, divided by the height and then by the width.
static void pool(const struct image *from, struct image *to)
{
    float *out = to->pixels;
    for (uint64_t k = 0; k < to->height; k++) {
        uint64_t top = k * from->height / to->height;
        uint64_t bottom = ((k + 1) * from->height + to->height - 1) / to->height;
        for (uint64_t i = 0; i < to->width; i++) {
            uint64_t left = i * from->width / to->width;
            uint64_t right = ((i + 1) * from->width + to->width - 1) / to->width;
            for (uint32_t c = 0; c < CHANNELS; c++) {
                float sum = 0.0f;
                for (uint64_t y = top; y < bottom; y++)
                    for (uint64_t x = left; x < right; x++)
                        sum += from->pixels[(y * from->width + x) * CHANNELS + c];
                *out++ = sum / (float)(bottom - top) / (float)(right - left);
            }
        }
    }
}

// In place: rows only move towards the front.
static void crop_centre(struct image *image, const struct cubby_resample *resample)
{
    uint32_t width, height;
    resample_crop(resample, image->width, image->height, &width, &height);
    uint32_t left = (image->width - width) / 2, top = (image->height - height) / 2;
    for (uint32_t y = 0; y < height; y++)
        memmove(image->pixels + (size_t)y * width * CHANNELS,
                image->pixels + ((size_t)(top + y) * image->width + left) * CHANNELS,
                (size_t)width * CHANNELS * sizeof(float));
    image->width = width;
    image->height = height;
}

// Makes room for an image in a plane, which keeps nothing.
static enum cubby_status set_size(struct resampler *resampler, uint32_t plane, uint32_t width,
                                  uint32_t height, struct image *image)
{
    enum cubby_status status =
        resizer_reserve((void **)&resampler->planes[plane], &resampler->plane_capacity[plane],
                        (size_t)width * height * CHANNELS, sizeof(float));
    *image = (struct image){resampler->planes[plane], width, height};
    return status;
}

// Reads from plane `*at`; the result is in the plane that *at names then.
static enum cubby_status step(struct resampler *resampler, uint32_t *at, struct image *image,
                              const struct cubby_resample *resample)
{
    if (resample->crop)
        crop_centre(image, resample);
    uint32_t width = image->width, height = image->height;
    struct image next;
    enum cubby_status status = CUBBY_OK;
    if (resample_pools(resample, &width, &height)) {
        *at = 1 - *at;
        status = set_size(resampler, *at, width, height, &next);
        if (status)
            return status;
        pool(image, &next);
        *image = next;
    }
    *at = 1 - *at;
    status = set_size(resampler, *at, resample->width, resample->height, &next);
    if (!status)
        status = grid_sample(image, &next);
    *image = next;
    return status;
}

enum cubby_status resample_exactly(struct resampler *resampler,
                                   const struct cubby_preprocess *preprocess, const uint8_t *item,
                                   uint8_t *out)
{
    struct image image;
    uint32_t at = 0;
    enum cubby_status status =
        set_size(resampler, at, preprocess->crop_width, preprocess->crop_height, &image);
    if (status)
        return status;
    for (size_t i = 0; i < (size_t)image.width * image.height * CHANNELS; i++)
        image.pixels[i] = (float)item[i] / 255.0f;
    for (uint32_t i = 0; i < preprocess->resample_count && !status; i++)
        status = step(resampler, &at, &image, &preprocess->resamples[i]);
    size_t values = (size_t)image.width * image.height * CHANNELS;
    for (size_t i = 0; i < values && !status; i++) {
        float value = image.pixels[i] * 255.0f;
        memcpy(out + i * sizeof(value), &value, sizeof(value)); // device memory
    }
    return status;
}
