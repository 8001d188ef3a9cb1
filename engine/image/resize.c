#include "engine/image.h"

#include <stdlib.h>
#include <string.h>

#include "image/resizer.h"

enum cubby_status cubby_resizer_create(struct cubby_resizer **out)
{
    *out = calloc(1, sizeof(**out));
    return *out ? CUBBY_OK : CUBBY_NO_MEMORY;
}

void cubby_resizer_destroy(struct cubby_resizer **resizer)
{
    struct cubby_resizer *r = *resizer;
    if (!r)
        return;
    weights_fini(&r->horizontal);
    weights_fini(&r->vertical);
    free(r->planes);
    free(r->rows);
    free(r->sums);
    free(r->item);
    resampler_fini(&r->resampler);
    free(r);
    *resizer = NULL;
}

enum cubby_status resizer_reserve(void **buffer, size_t *capacity, size_t count, size_t element)
{
    if (count <= *capacity)
        return CUBBY_OK;
    if (count > SIZE_MAX / element)
        return CUBBY_NO_MEMORY;
    free(*buffer);
    *capacity = 0;
    *buffer = malloc(count * element);
    if (!*buffer)
        return CUBBY_NO_MEMORY;
    *capacity = count;
    return CUBBY_OK;
}

static inline uint8_t clip8(int32_t sum)
{
    int32_t value = sum >> WEIGHT_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

// RGB bytes to one plane of 16-bit values per channel.
static void split_row(const uint8_t *restrict rgb, size_t count, int16_t *restrict red,
                      int16_t *restrict green, int16_t *restrict blue)
{
    for (size_t i = 0; i < count; i++) {
        red[i] = rgb[CHANNELS * i];
        green[i] = rgb[CHANNELS * i + 1];
        blue[i] = rgb[CHANNELS * i + 2];
    }
}

// Sum of pixel * weight over `groups` * 8 taps, rounded. Sums wrap around as unsigned numbers: the
// low halves alone may overflow for thousands of taps, the total never does.
static inline uint8_t weigh(const int16_t *restrict pixels, const int16_t *restrict high,
                            const int16_t *restrict low, uint32_t groups)
{
    uint32_t high_sum = 0, low_sum = 0;
    for (size_t k = 0; k < (size_t)groups * WEIGHT_GROUP; k++) {
        high_sum += (uint32_t)((int32_t)pixels[k] * high[k]);
        low_sum += (uint32_t)((int32_t)pixels[k] * low[k]);
    }
    return clip8((int32_t)((high_sum << WEIGHT_LOW_BITS) + low_sum + WEIGHT_HALF));
}

static size_t plane_stride(const struct weights *weights)
{
    // Padded taps of the last windows read past the row's end, where the weights are zero.
    return (size_t)(weights->source_end - weights->source_first) + weights->taps;
}

// A row whose windows are long (the photo is shrunk a lot): two dot products a value.
static void resize_row_long(struct cubby_resizer *resizer, const uint8_t *row, uint8_t *out)
{
    const struct weights *weights = &resizer->horizontal;
    size_t stride = plane_stride(weights);
    int16_t *red = resizer->planes, *green = red + stride, *blue = green + stride;
    split_row(row + (size_t)weights->source_first * CHANNELS,
              weights->source_end - weights->source_first, red, green, blue);

    uint32_t taps = weights->taps, groups = taps / WEIGHT_GROUP;
    for (uint32_t x = 0; x < weights->count; x++) {
        size_t start = weights->start[x] - weights->source_first;
        const int16_t *high = weights->high + (size_t)x * taps;
        const int16_t *low = weights->low + (size_t)x * taps;
        out[CHANNELS * x] = weigh(red + start, high, low, groups);
        out[CHANNELS * x + 1] = weigh(green + start, high, low, groups);
        out[CHANNELS * x + 2] = weigh(blue + start, high, low, groups);
    }
}

// A row whose windows are a few pixels (decoded at a reduced scale, or a small photo): summing the
// lanes of a vector would cost more than the products, so this one is scalar and twice as fast.
static void resize_row_short(const struct weights *weights, const uint8_t *restrict row,
                             uint8_t *restrict out)
{
    for (uint32_t x = 0; x < weights->count; x++) {
        const uint8_t *pixel = row + (size_t)weights->start[x] * CHANNELS;
        const int32_t *weight = weights->weight + (size_t)x * weights->taps;
        int32_t red = WEIGHT_HALF, green = WEIGHT_HALF, blue = WEIGHT_HALF;
        for (uint32_t k = 0; k < weights->length[x]; k++, pixel += CHANNELS) {
            red += pixel[0] * weight[k];
            green += pixel[1] * weight[k];
            blue += pixel[2] * weight[k];
        }
        out[CHANNELS * x] = clip8(red);
        out[CHANNELS * x + 1] = clip8(green);
        out[CHANNELS * x + 2] = clip8(blue);
    }
}

static void resize_row(struct cubby_resizer *resizer, const uint8_t *row, uint8_t *out)
{
    if (resizer->horizontal.taps <= WEIGHT_GROUP)
        resize_row_short(&resizer->horizontal, row, out);
    else
        resize_row_long(resizer, row, out);
}

static void add_row(int32_t *restrict sums, const uint8_t *restrict row, int32_t weight,
                    size_t count)
{
    for (size_t i = 0; i < count; i++)
        sums[i] += weight * row[i];
}

static void round_row(const int32_t *restrict sums, uint8_t *restrict out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = clip8(sums[i]);
}

// Only the horizontal pass, or none.
static void resize_rows_only(struct cubby_resizer *resizer, const struct source *source,
                             bool horizontal, const struct window *window)
{
    size_t top = (size_t)source->y.first + window->y, left = (size_t)source->x.first + window->x;
    for (uint32_t y = 0; y < window->height; y++) {
        const uint8_t *row = source->rgb + (top + y) * source->width * CHANNELS;
        uint8_t *out = window->out + y * window->out_stride;
        if (horizontal)
            resize_row(resizer, row, out);
        else
            memcpy(out, row + left * CHANNELS, (size_t)window->width * CHANNELS);
    }
}

// The vertical pass, fed by the horizontal one where there is one. Source rows are resized when the
// first output row needs them and kept in a ring of `taps` rows, so that memory does not depend on
// the height of the photo and no row is resized twice.
static void resize_columns(struct cubby_resizer *resizer, const struct source *source,
                           bool horizontal, const struct window *window)
{
    const struct weights *weights = &resizer->vertical;
    size_t row_bytes = (size_t)window->width * CHANNELS, stride = (size_t)source->width * CHANNELS;
    const uint8_t *columns = source->rgb + ((size_t)source->x.first + window->x) * CHANNELS;
    uint32_t next = weights->source_first;

    for (uint32_t y = 0; y < window->height; y++) {
        uint32_t start = weights->start[y], end = start + weights->length[y];
        if (next < start)
            next = start;
        for (; horizontal && next < end; next++)
            resize_row(resizer, source->rgb + next * stride,
                       resizer->rows + next % weights->taps * row_bytes);

        for (size_t i = 0; i < row_bytes; i++)
            resizer->sums[i] = WEIGHT_HALF;
        for (uint32_t k = 0; k < weights->length[y]; k++) {
            uint32_t at = start + k;
            const uint8_t *row =
                horizontal ? resizer->rows + at % weights->taps * row_bytes : columns + at * stride;
            add_row(resizer->sums, row, weights->weight[(size_t)y * weights->taps + k], row_bytes);
        }
        round_row(resizer->sums, window->out + y * window->out_stride, row_bytes);
    }
}

// The same for a padded axis. Mirrored rows are needed again later and in the other direction, so
// each is resized once and added to all output rows that it is part of.
static void spread_rows(struct cubby_resizer *resizer, const struct source *source, bool horizontal,
                        const struct window *window)
{
    const struct weights *weights = &resizer->vertical;
    size_t row_bytes = (size_t)window->width * CHANNELS, stride = (size_t)source->width * CHANNELS;
    const uint8_t *columns = source->rgb + ((size_t)source->x.first + window->x) * CHANNELS;
    for (size_t i = 0; i < row_bytes * window->height; i++)
        resizer->sums[i] = WEIGHT_HALF;

    for (uint32_t at = weights->source_first; at < weights->source_end; at++) {
        const uint8_t *row = columns + at * stride;
        if (horizontal) {
            resize_row(resizer, source->rgb + at * stride, resizer->rows);
            row = resizer->rows;
        }
        for (uint32_t y = 0; y < window->height; y++) {
            uint32_t k = at - weights->start[y]; // wraps around before the first row
            if (k < weights->length[y])
                add_row(resizer->sums + y * row_bytes, row,
                        weights->weight[(size_t)y * weights->taps + k], row_bytes);
        }
    }
    for (uint32_t y = 0; y < window->height; y++)
        round_row(resizer->sums + y * row_bytes, window->out + y * window->out_stride, row_bytes);
}

static enum cubby_status prepare_horizontal(struct cubby_resizer *resizer,
                                            const struct source *source, uint32_t resized_width,
                                            enum cubby_filter filter, const struct window *window)
{
    enum cubby_status status = weights_set(&resizer->horizontal, &source->x, resized_width,
                                           window->x, window->width, filter);
    if (status)
        return status;
    size_t count = plane_stride(&resizer->horizontal) * CHANNELS;
    status = resizer_reserve((void **)&resizer->planes, &resizer->planes_capacity, count,
                             sizeof(*resizer->planes));
    if (status)
        return status;
    // Padded taps multiply by zero what lies there: anything will do, but not indeterminate values.
    memset(resizer->planes, 0, count * sizeof(*resizer->planes));
    return CUBBY_OK;
}

static enum cubby_status prepare_vertical(struct cubby_resizer *resizer,
                                          const struct source *source, uint32_t resized_height,
                                          enum cubby_filter filter, bool horizontal,
                                          const struct window *window)
{
    enum cubby_status status = weights_set(&resizer->vertical, &source->y, resized_height,
                                           window->y, window->height, filter);
    if (status)
        return status;
    bool padded = source_axis_padded(&source->y);
    size_t row_bytes = (size_t)window->width * CHANNELS;
    status = resizer_reserve((void **)&resizer->sums, &resizer->sums_capacity,
                             row_bytes * (padded ? window->height : 1), sizeof(*resizer->sums));
    if (status || !horizontal)
        return status;
    return resizer_reserve((void **)&resizer->rows, &resizer->rows_capacity,
                           row_bytes * (padded ? 1 : resizer->vertical.taps),
                           sizeof(*resizer->rows));
}

enum cubby_status resize_window(struct cubby_resizer *resizer, const struct source *source,
                                enum cubby_filter filter, uint32_t resized_width,
                                uint32_t resized_height, const struct window *window)
{
    // Where there is padding but nothing to resize, the weights are those of a copy.
    bool horizontal = resized_width != source->x.size || source_axis_padded(&source->x);
    bool vertical = resized_height != source->y.size || source_axis_padded(&source->y);
    enum cubby_status status = CUBBY_OK;
    if (horizontal)
        status = prepare_horizontal(resizer, source, resized_width, filter, window);
    if (!status && vertical)
        status = prepare_vertical(resizer, source, resized_height, filter, horizontal, window);
    if (status)
        return status;

    if (!vertical)
        resize_rows_only(resizer, source, horizontal, window);
    else if (source_axis_padded(&source->y))
        spread_rows(resizer, source, horizontal, window);
    else
        resize_columns(resizer, source, horizontal, window);
    return CUBBY_OK;
}

enum cubby_status cubby_resize(struct cubby_resizer *resizer, const uint8_t *rgb, uint32_t width,
                               uint32_t height, enum cubby_filter filter, uint8_t *out,
                               uint32_t out_width, uint32_t out_height)
{
    if (!side_fits(width) || !side_fits(height) || !side_fits(out_width) || !side_fits(out_height))
        return CUBBY_TOO_LARGE;
    struct source source = {.rgb = rgb,
                            .width = width,
                            .x = {.size = width, .taken = width},
                            .y = {.size = height, .taken = height}};
    struct window window = {.width = out_width,
                            .height = out_height,
                            .out = out,
                            .out_stride = (size_t)out_width * CHANNELS};
    return resize_window(resizer, &source, filter, out_width, out_height, &window);
}
