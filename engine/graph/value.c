// Values in and out of the arena, for tests and debugging.
#include <stdlib.h>

#include "graph/executor_internal.h"
#include "half.h"

static float load(const struct value_layout *layout, const void *stored, uint64_t i)
{
    return layout->element_bytes == LAYOUT_HALF ? half_to_float(((const uint16_t *)stored)[i])
                                                : ((const float *)stored)[i];
}

static void store(const struct value_layout *layout, void *stored, uint64_t i, float value)
{
    if (layout->element_bytes == LAYOUT_HALF)
        ((uint16_t *)stored)[i] = half_from_float(value);
    else
        ((float *)stored)[i] = value;
}

// Copies between [count, channels, height, width] and the stored elements.
static void rearrange(const struct executor *executor, uint32_t index, uint32_t count, float *nchw,
                      void *stored, bool to_nchw)
{
    const struct graph_value *value = &executor->graph.values[index];
    const struct value_layout *layout = &executor->layouts[index];
    for (uint32_t n = 0; n < count; n++)
        for (uint32_t c = 0; c < value->channels; c++)
            for (uint32_t y = 0; y < value->height; y++)
                for (uint32_t x = 0; x < value->width; x++, nchw++) {
                    const uint64_t i = layout_index(layout, count, n, c, y, x);
                    if (to_nchw)
                        *nchw = load(layout, stored, i);
                    else
                        store(layout, stored, i, *nchw);
                }
}

enum cubby_status executor_write_value(struct executor *executor, uint32_t index, uint32_t count,
                                       const float *nchw)
{
    const uint64_t bytes = layout_bytes(&executor->layouts[index], count);
    void *stored = calloc(1, bytes);
    if (!stored)
        return CUBBY_NO_MEMORY;
    rearrange(executor, index, count, (float *)nchw, stored, false);
    const enum cubby_status status =
        buffer_upload(&executor->arena, executor->gpu,
                      (VkDeviceSize)executor->value_texel[index] * TEXEL_BYTES, stored, bytes);
    free(stored);
    return status;
}

enum cubby_status executor_read_value(struct executor *executor, uint32_t index, uint32_t count,
                                      float *nchw)
{
    const uint64_t bytes = layout_bytes(&executor->layouts[index], count);
    void *stored = malloc(bytes);
    if (!stored)
        return CUBBY_NO_MEMORY;
    const enum cubby_status status =
        buffer_download(&executor->arena, executor->gpu,
                        (VkDeviceSize)executor->value_texel[index] * TEXEL_BYTES, stored, bytes);
    if (!status)
        rearrange(executor, index, count, nchw, stored, true);
    free(stored);
    return status;
}
