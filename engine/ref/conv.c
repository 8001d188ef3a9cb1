#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"
#include "ref/ref.h"

// Adds one tap of one input plane to all sums of the output plane. Rows are walked so that the
// compiler can vectorise the inner loop; the order of additions stays that of the formula.
static void add_tap(const struct ref_shape *shape, const float *plane, const struct ref_conv *conv,
                    uint32_t ky, uint32_t kx, float weight, uint32_t out_h, uint32_t out_w,
                    double *sums)
{
    for (uint32_t oy = 0; oy < out_h; oy++) {
        const int64_t y = (int64_t)oy * conv->stride + ky - conv->pad;
        if (y < 0 || y >= shape->height)
            continue;
        const float *row = plane + y * shape->width;
        for (uint32_t ox = 0; ox < out_w; ox++) {
            const int64_t x = (int64_t)ox * conv->stride + kx - conv->pad;
            if (x >= 0 && x < shape->width)
                sums[(size_t)oy * out_w + ox] += (double)weight * row[x];
        }
    }
}

enum cubby_status ref_conv(const struct ref_shape *shape, const float *src,
                           const struct ref_conv *conv, float *dst)
{
    const uint32_t out_h = graph_window(shape->height, conv->kernel, conv->stride, conv->pad);
    const uint32_t out_w = graph_window(shape->width, conv->kernel, conv->stride, conv->pad);
    const size_t in_plane = (size_t)shape->height * shape->width;
    const size_t out_plane = (size_t)out_h * out_w;
    double *sums = malloc(out_plane * sizeof(*sums));
    if (!sums)
        return CUBBY_NO_MEMORY;

    for (uint32_t n = 0; n < shape->batch; n++) {
        for (uint32_t o = 0; o < conv->out_channels; o++) {
            const float *weight =
                conv->weight + (size_t)o * shape->channels * conv->kernel * conv->kernel;
            for (size_t i = 0; i < out_plane; i++)
                sums[i] = conv->bias[o];
            for (uint32_t c = 0; c < shape->channels; c++)
                for (uint32_t ky = 0; ky < conv->kernel; ky++)
                    for (uint32_t kx = 0; kx < conv->kernel; kx++)
                        add_tap(shape, src + ((size_t)n * shape->channels + c) * in_plane, conv, ky,
                                kx, *weight++, out_h, out_w, sums);
            const size_t at = ((size_t)n * conv->out_channels + o) * out_plane;
            for (size_t i = 0; i < out_plane; i++) {
                const double v = sums[i] + (conv->residual ? (double)conv->residual[at + i] : 0);
                dst[at + i] = conv->relu && v < 0 ? 0 : (float)v;
            }
        }
    }
    free(sums);
    return CUBBY_OK;
}
