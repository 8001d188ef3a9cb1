#include <math.h>
#include <stddef.h>

#include "graph/graph.h"
#include "ref/ref.h"

static float window_max(const struct ref_shape *shape, const float *plane, int64_t top,
                        int64_t left, uint32_t kernel)
{
    float best = -INFINITY;
    for (int64_t y = top; y < top + kernel; y++)
        for (int64_t x = left; x < left + kernel; x++)
            if (y >= 0 && y < shape->height && x >= 0 && x < shape->width)
                best = fmaxf(best, plane[y * shape->width + x]);
    return best;
}

void ref_max_pool(const struct ref_shape *shape, const float *src, uint32_t kernel, uint32_t stride,
                  uint32_t pad, float *dst)
{
    const uint32_t out_h = graph_window(shape->height, kernel, stride, pad);
    const uint32_t out_w = graph_window(shape->width, kernel, stride, pad);
    for (uint64_t p = 0; p < (uint64_t)shape->batch * shape->channels; p++) {
        const float *plane = src + p * shape->height * shape->width;
        for (uint32_t y = 0; y < out_h; y++)
            for (uint32_t x = 0; x < out_w; x++)
                *dst++ = window_max(shape, plane, (int64_t)y * stride - pad,
                                    (int64_t)x * stride - pad, kernel);
    }
}

void ref_global_pool(const struct ref_shape *shape, const float *src, bool concat, float *dst)
{
    const size_t pixels = (size_t)shape->height * shape->width;
    const uint32_t row = concat ? 2 * shape->channels : shape->channels;
    for (uint32_t n = 0; n < shape->batch; n++) {
        for (uint32_t c = 0; c < shape->channels; c++) {
            const float *plane = src + ((size_t)n * shape->channels + c) * pixels;
            float best = plane[0];
            double sum = 0;
            for (size_t i = 0; i < pixels; i++) {
                best = fmaxf(best, plane[i]);
                sum += plane[i];
            }
            const size_t at = (size_t)n * row + c;
            if (concat)
                dst[at] = best;
            dst[concat ? at + shape->channels : at] = (float)(sum / (double)pixels);
        }
    }
}
