// Normalisation of pixels, and probabilities.
#include <math.h>
#include <stddef.h>

#include "ref/ref.h"

void ref_normalize(const struct ref_shape *shape, const uint8_t *bytes, const float mean[3],
                   const float std[3], float *dst)
{
    const size_t pixels = (size_t)shape->height * shape->width;
    for (uint32_t n = 0; n < shape->batch; n++)
        for (uint32_t c = 0; c < 3; c++)
            for (size_t i = 0; i < pixels; i++)
                dst[((size_t)n * 3 + c) * pixels + i] =
                    ((float)bytes[((size_t)n * pixels + i) * 3 + c] / 255.0f - mean[c]) / std[c];
}

void ref_normalize_floats(const struct ref_shape *shape, const float *values, const float mean[3],
                          const float std[3], float *dst)
{
    const size_t pixels = (size_t)shape->height * shape->width;
    for (uint32_t n = 0; n < shape->batch; n++)
        for (uint32_t c = 0; c < 3; c++)
            for (size_t i = 0; i < pixels; i++)
                dst[((size_t)n * 3 + c) * pixels + i] =
                    (values[((size_t)n * pixels + i) * 3 + c] / 255.0f - mean[c]) / std[c];
}

void ref_sigmoid(uint32_t batch, uint32_t channels, const float *src, float *dst)
{
    for (size_t i = 0; i < (size_t)batch * channels; i++)
        dst[i] = (float)(1.0 / (1.0 + exp(-(double)src[i])));
}

void ref_softmax(uint32_t batch, uint32_t channels, const float *src, float *dst)
{
    for (uint32_t n = 0; n < batch; n++, src += channels, dst += channels) {
        float best = src[0];
        for (uint32_t c = 1; c < channels; c++)
            best = fmaxf(best, src[c]);
        double sum = 0;
        for (uint32_t c = 0; c < channels; c++)
            sum += exp((double)src[c] - best);
        for (uint32_t c = 0; c < channels; c++)
            dst[c] = (float)(exp((double)src[c] - best) / sum);
    }
}
