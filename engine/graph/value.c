// Values in and out of the arena, for tests and debugging.
#include <stdlib.h>

#include "graph/executor_internal.h"

// Index of [image][channel][pixel] among the floats of an NC4HW4 tensor.
static size_t packed_index(const struct graph_value *value, uint32_t count, uint32_t image,
                           uint32_t channel, size_t pixel)
{
    const size_t plane = (size_t)value->height * value->width;
    const size_t texel = ((size_t)(channel / 4) * count + image) * plane + pixel;
    return texel * 4 + channel % 4;
}

static size_t packed_floats(const struct graph_value *value, uint32_t count)
{
    return (size_t)count * channel_blocks(value->channels) * 4 * value->height * value->width;
}

enum cubby_status executor_write_value(struct executor *executor, uint32_t index, uint32_t count,
                                       const float *nchw)
{
    const struct graph_value *value = &executor->graph.values[index];
    const size_t floats = packed_floats(value, count);
    float *packed = calloc(floats, sizeof(*packed));
    if (!packed)
        return CUBBY_NO_MEMORY;
    const size_t plane = (size_t)value->height * value->width;
    for (uint32_t n = 0; n < count; n++)
        for (uint32_t c = 0; c < value->channels; c++)
            for (size_t p = 0; p < plane; p++)
                packed[packed_index(value, count, n, c, p)] = *nchw++;
    const enum cubby_status status = buffer_upload(
        &executor->arena, executor->gpu, (VkDeviceSize)executor->value_texel[index] * TEXEL_BYTES,
        packed, floats * sizeof(*packed));
    free(packed);
    return status;
}

enum cubby_status executor_read_value(struct executor *executor, uint32_t index, uint32_t count,
                                      float *nchw)
{
    const struct graph_value *value = &executor->graph.values[index];
    const size_t floats = packed_floats(value, count);
    float *packed = malloc(floats * sizeof(*packed));
    if (!packed)
        return CUBBY_NO_MEMORY;
    const enum cubby_status status = buffer_download(
        &executor->arena, executor->gpu, (VkDeviceSize)executor->value_texel[index] * TEXEL_BYTES,
        packed, floats * sizeof(*packed));
    const size_t plane = (size_t)value->height * value->width;
    for (uint32_t n = 0; !status && n < count; n++)
        for (uint32_t c = 0; c < value->channels; c++)
            for (size_t p = 0; p < plane; p++)
                *nchw++ = packed[packed_index(value, count, n, c, p)];
    free(packed);
    return status;
}
