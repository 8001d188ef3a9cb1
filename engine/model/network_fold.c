#include <math.h>
#include <stdlib.h>

#include "model/network.h"

enum cubby_status network_conv_fold(const struct network_conv *conv, float *weight, float *bias)
{
    uint32_t out = conv->out_channels;
    size_t row = (size_t)conv->in_channels * conv->kernel * conv->kernel;
    float *values = malloc(4 * sizeof(float) * out);
    if (!values)
        return CUBBY_NO_MEMORY;

    const struct cubby_tensor *tensors[] = {conv->bn_weight, conv->bn_bias, conv->bn_mean,
                                            conv->bn_var};
    enum cubby_status status = cubby_tensor_read_f32(conv->weight, weight);
    for (uint32_t i = 0; i < 4 && !status; ++i)
        status = cubby_tensor_read_f32(tensors[i], values + (size_t)i * out);
    const float *gamma = values, *beta = gamma + out, *mean = beta + out, *var = mean + out;
    bool finite = true;
    for (uint32_t o = 0; o < out && !status; ++o) {
        double factor = gamma[o] / sqrt((double)var[o] + NETWORK_BN_EPSILON);
        float *channel = weight + o * row;
        for (size_t i = 0; i < row; ++i) {
            channel[i] = (float)(channel[i] * factor);
            finite &= isfinite(channel[i]) != 0;
        }
        bias[o] = (float)(beta[o] - mean[o] * factor);
        finite &= isfinite(bias[o]) != 0;
    }
    free(values);
    if (status)
        return status;
    return finite ? CUBBY_OK : CUBBY_BAD_DATA;
}
