#include "engine/image.h"

#include <stdlib.h>
#include <string.h>

#include "weights.h"

#define CHANNELS 3u
#define MAX_SIDE (1u << 20) // Pillow keeps box corners in floats, which are exact up to 2^24

struct cubby_resizer {
    struct weights horizontal, vertical;
    int16_t *planes; // owned: one source row, a plane of 16-bit values per channel
    size_t planes_capacity;
    uint8_t *rows; // owned: the last horizontally resized rows, a ring
    size_t rows_capacity;
    int32_t *sums; // owned: one output row before rounding
    size_t sums_capacity;
};

// The part of a resized image that is wanted, and where it goes.
struct window {
    uint32_t x, y, width, height; // in the resized image
    uint8_t *out;
    size_t out_stride; // bytes from row to row
};

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
    free(r);
    *resizer = NULL;
}

// Makes *buffer hold `count` elements; what it held is lost.
static enum cubby_status reserve(void **buffer, size_t *capacity, size_t count, size_t element)
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
static void resize_rows_only(struct cubby_resizer *resizer, const uint8_t *rgb, uint32_t width,
                             bool horizontal, const struct window *window)
{
    for (uint32_t y = 0; y < window->height; y++) {
        const uint8_t *row = rgb + (size_t)(window->y + y) * width * CHANNELS;
        uint8_t *out = window->out + y * window->out_stride;
        if (horizontal)
            resize_row(resizer, row, out);
        else
            memcpy(out, row + (size_t)window->x * CHANNELS, (size_t)window->width * CHANNELS);
    }
}

// The vertical pass, fed by the horizontal one where there is one. Source rows are resized when the
// first output row needs them and kept in a ring of `taps` rows, so that memory does not depend on
// the height of the photo and no row is resized twice.
static void resize_columns(struct cubby_resizer *resizer, const uint8_t *rgb, uint32_t width,
                           bool horizontal, const struct window *window)
{
    const struct weights *weights = &resizer->vertical;
    size_t row_bytes = (size_t)window->width * CHANNELS;
    uint32_t next = weights->source_first;

    for (uint32_t y = 0; y < window->height; y++) {
        uint32_t start = weights->start[y], end = start + weights->length[y];
        if (next < start)
            next = start;
        for (; horizontal && next < end; next++)
            resize_row(resizer, rgb + (size_t)next * width * CHANNELS,
                       resizer->rows + next % weights->taps * row_bytes);

        for (size_t i = 0; i < row_bytes; i++)
            resizer->sums[i] = WEIGHT_HALF;
        for (uint32_t k = 0; k < weights->length[y]; k++) {
            uint32_t source = start + k;
            const uint8_t *row = horizontal ? resizer->rows + source % weights->taps * row_bytes
                                            : rgb + ((size_t)source * width + window->x) * CHANNELS;
            add_row(resizer->sums, row, weights->weight[(size_t)y * weights->taps + k], row_bytes);
        }
        round_row(resizer->sums, window->out + y * window->out_stride, row_bytes);
    }
}

static enum cubby_status prepare_horizontal(struct cubby_resizer *resizer, uint32_t width,
                                            uint32_t resized_width, enum cubby_filter filter,
                                            const struct window *window)
{
    enum cubby_status status =
        weights_set(&resizer->horizontal, width, resized_width, window->x, window->width, filter);
    if (status)
        return status;
    size_t count = plane_stride(&resizer->horizontal) * CHANNELS;
    status = reserve((void **)&resizer->planes, &resizer->planes_capacity, count,
                     sizeof(*resizer->planes));
    if (status)
        return status;
    // Padded taps multiply by zero what lies there: anything will do, but not indeterminate values.
    memset(resizer->planes, 0, count * sizeof(*resizer->planes));
    return CUBBY_OK;
}

static enum cubby_status prepare_vertical(struct cubby_resizer *resizer, uint32_t height,
                                          uint32_t resized_height, enum cubby_filter filter,
                                          bool horizontal, const struct window *window)
{
    enum cubby_status status =
        weights_set(&resizer->vertical, height, resized_height, window->y, window->height, filter);
    if (status)
        return status;
    size_t row_bytes = (size_t)window->width * CHANNELS;
    status = reserve((void **)&resizer->sums, &resizer->sums_capacity, row_bytes,
                     sizeof(*resizer->sums));
    if (status || !horizontal)
        return status;
    return reserve((void **)&resizer->rows, &resizer->rows_capacity,
                   row_bytes * resizer->vertical.taps, sizeof(*resizer->rows));
}

static bool side_fits(uint32_t side)
{
    return side > 0 && side <= MAX_SIDE;
}

// One window of the image that Pillow's resize would make; nothing outside it is computed.
static enum cubby_status resize_window(struct cubby_resizer *resizer, const uint8_t *rgb,
                                       uint32_t width, uint32_t height, enum cubby_filter filter,
                                       uint32_t resized_width, uint32_t resized_height,
                                       const struct window *window)
{
    bool horizontal = resized_width != width, vertical = resized_height != height;
    enum cubby_status status = CUBBY_OK;
    if (horizontal)
        status = prepare_horizontal(resizer, width, resized_width, filter, window);
    if (!status && vertical)
        status = prepare_vertical(resizer, height, resized_height, filter, horizontal, window);
    if (status)
        return status;

    if (vertical)
        resize_columns(resizer, rgb, width, horizontal, window);
    else
        resize_rows_only(resizer, rgb, width, horizontal, window);
    return CUBBY_OK;
}

enum cubby_status cubby_resize(struct cubby_resizer *resizer, const uint8_t *rgb, uint32_t width,
                               uint32_t height, enum cubby_filter filter, uint8_t *out,
                               uint32_t out_width, uint32_t out_height)
{
    if (!side_fits(width) || !side_fits(height) || !side_fits(out_width) || !side_fits(out_height))
        return CUBBY_TOO_LARGE;
    struct window window = {.width = out_width,
                            .height = out_height,
                            .out = out,
                            .out_stride = (size_t)out_width * CHANNELS};
    return resize_window(resizer, rgb, width, height, filter, out_width, out_height, &window);
}

size_t cubby_preprocess_output_bytes(const struct cubby_preprocess *preprocess)
{
    return (size_t)preprocess->crop_width * preprocess->crop_height * CHANNELS;
}

void cubby_preprocess_resized(const struct cubby_preprocess *preprocess, uint32_t width,
                              uint32_t height, uint32_t *resized_width, uint32_t *resized_height)
{
    *resized_width = preprocess->resize_width;
    *resized_height = preprocess->resize_height;
    if (preprocess->rule == CUBBY_RESIZE_SQUISH)
        return;
    // torchvision: int(size * long / short). The quotient of sides up to 2^20 is never so near to
    // the next whole number that Python's double division would round up to it.
    uint64_t size = preprocess->resize_width;
    *resized_width = width <= height ? (uint32_t)size : (uint32_t)(size * width / height);
    *resized_height = width <= height ? (uint32_t)(size * height / width) : (uint32_t)size;
}

// Python's round((size - crop) / 2.0): half goes to the even number.
static uint32_t crop_offset(uint32_t size, uint32_t crop)
{
    uint32_t half = (size - crop) / 2;
    return (size - crop) % 2 && half % 2 ? half + 1 : half;
}

// One axis of torchvision's center_crop: where the window begins, how long it is and how many black
// pixels come before it.
static void crop_axis(uint32_t size, uint32_t crop, uint32_t *first, uint32_t *count,
                      uint32_t *padding)
{
    *first = size > crop ? crop_offset(size, crop) : 0;
    *count = size > crop ? crop : size;
    *padding = size > crop ? 0 : (crop - size) / 2;
}

enum cubby_status cubby_preprocess_run(struct cubby_resizer *resizer,
                                       const struct cubby_preprocess *preprocess,
                                       const uint8_t *rgb, uint32_t width, uint32_t height,
                                       uint8_t *out)
{
    if (!side_fits(width) || !side_fits(height))
        return CUBBY_TOO_LARGE;
    uint32_t resized_width, resized_height;
    cubby_preprocess_resized(preprocess, width, height, &resized_width, &resized_height);

    struct window window = {.out_stride = (size_t)preprocess->crop_width * CHANNELS};
    uint32_t left, top;
    crop_axis(resized_width, preprocess->crop_width, &window.x, &window.width, &left);
    crop_axis(resized_height, preprocess->crop_height, &window.y, &window.height, &top);
    if (window.width < preprocess->crop_width || window.height < preprocess->crop_height)
        memset(out, 0, cubby_preprocess_output_bytes(preprocess));
    window.out = out + top * window.out_stride + (size_t)left * CHANNELS;
    return resize_window(resizer, rgb, width, height, preprocess->filter, resized_width,
                         resized_height, &window);
}
