// Parts of a photo, cut out before it is resized.
#include <math.h>
#include <string.h>

#include "engine/image.h"

#define CHANNELS 3u
#define MAX_ENLARGED_SIDE (1u << 20) // decoders refuse larger photos anyway

// One axis: whatever the floats are, first + count <= size and count >= 1.
static void axis(float start, float length, uint32_t size, uint32_t *first, uint32_t *count)
{
    double from = isfinite(start) && start > 0 ? fmin((double)start, 1) * size : 0;
    *first = (uint32_t)from < size ? (uint32_t)from : size - 1;
    *count = size - *first;
    if (!isfinite(length) || length <= 0)
        return;
    double part = floor((double)length * size + 0.5);
    if (part < *count)
        *count = part < 1 ? 1 : (uint32_t)part;
}

void cubby_view_size(const struct cubby_view *view, uint32_t width, uint32_t height,
                     uint32_t *view_width, uint32_t *view_height)
{
    uint32_t first;
    axis(view->left, view->width, width, &first, view_width);
    axis(view->top, view->height, height, &first, view_height);
}

static void mirror_row(const uint8_t *from, uint32_t count, uint8_t *out)
{
    for (uint32_t i = 0; i < count; i++)
        memcpy(out + (size_t)i * CHANNELS, from + (size_t)(count - 1 - i) * CHANNELS, CHANNELS);
}

void cubby_view_run(const struct cubby_view *view, const uint8_t *rgb, uint32_t width,
                    uint32_t height, uint8_t *out)
{
    uint32_t x, y, columns, rows;
    axis(view->left, view->width, width, &x, &columns);
    axis(view->top, view->height, height, &y, &rows);
    for (uint32_t i = 0; i < rows; i++) {
        const uint8_t *from = rgb + ((size_t)(y + i) * width + x) * CHANNELS;
        uint8_t *to = out + (size_t)i * columns * CHANNELS;
        if (view->mirrored)
            mirror_row(from, columns, to);
        else
            memcpy(to, from, (size_t)columns * CHANNELS);
    }
}

static uint32_t enlarged(uint32_t side, float part)
{
    double wanted = part > 0 && part < 1 ? ceil(side / (double)part) : side;
    return wanted < MAX_ENLARGED_SIDE ? (uint32_t)wanted : MAX_ENLARGED_SIDE;
}

struct cubby_preprocess cubby_view_enlarge(const struct cubby_view *view,
                                           const struct cubby_preprocess *preprocess)
{
    struct cubby_preprocess larger = *preprocess;
    // The shorter side may be either of them.
    bool shorter = preprocess->rule == CUBBY_RESIZE_SHORTER;
    float least = shorter ? fminf(view->width, view->height) : view->width;
    larger.resize_width = enlarged(preprocess->resize_width, least);
    larger.resize_height = enlarged(preprocess->resize_height, view->height);
    return larger;
}
