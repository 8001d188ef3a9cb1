// From decoded numbers to pixels, a row of MCUs at a time.
#include "decode/jpeg_dc_internal.h"
#include "decode/decoders.h"

// How a squared block's sums are scaled beyond its mean's own 3 bits.
#define SQUARED_SHIFT 17

// Where a mean or sum becomes a sample, libjpeg cuts it off at 0 and 255 only within this distance.
#define MAX_DISTANCE 512

static inline uint8_t sample_of(int32_t value, uint32_t *odd)
{
    *odd |= (uint32_t)(value + MAX_DISTANCE) >= 2 * MAX_DISTANCE;
    value += 128;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static inline int32_t dequantised(int32_t mean, int32_t step, uint32_t *odd)
{
    // No sound mean is over the limit even where the step is 1.
    *odd |= (uint32_t)(mean + JPEG_DC_MAX_MEAN) > 2 * JPEG_DC_MAX_MEAN;
    mean = (int32_t)((uint32_t)mean * (uint32_t)step);
    *odd |= (uint32_t)(mean + JPEG_DC_MAX_MEAN) > 2 * JPEG_DC_MAX_MEAN;
    return mean;
}

// Some MCUs of a row, all decoded from one mean on.
struct span {
    const int32_t *values; // borrowed
    uint32_t first, count; // MCUs in the row
    uint32_t values_per_mcu;
    const int32_t *difference; // borrowed: what the means of each component lack
};

static uint32_t paint_means(const struct jpeg_dc_component *component, const struct span *span,
                            const int32_t *values, int32_t difference, uint8_t *to, size_t stride)
{
    uint32_t odd = 0, across = component->across;
    int32_t step = component->step;
    for (uint32_t y = 0; y < component->down; y++, to += stride, values += across) {
        uint8_t *out = to;
        const int32_t *in = values;
        for (uint32_t mcu = 0; mcu < span->count; mcu++, in += span->values_per_mcu)
            for (uint32_t x = 0; x < across; x++) {
                int32_t mean = (int32_t)((uint32_t)in[x] + (uint32_t)difference);
                *out++ = sample_of((dequantised(mean, step, &odd) + 4) >> 3, &odd);
            }
    }
    return odd;
}

static void paint_square(const int32_t *values, int32_t mean, uint8_t *to, size_t stride,
                         uint32_t *odd)
{
    const uint32_t shift = SQUARED_SHIFT + 3;
    uint32_t base = ((uint32_t)mean << SQUARED_SHIFT) + (1u << (shift - 1));
    to[0] = sample_of((int32_t)(base + (uint32_t)values[0]) >> shift, odd);
    to[1] = sample_of((int32_t)(base + (uint32_t)values[1]) >> shift, odd);
    to[stride] = sample_of((int32_t)(base + (uint32_t)values[2]) >> shift, odd);
    to[stride + 1] = sample_of((int32_t)(base + (uint32_t)values[3]) >> shift, odd);
}

static uint32_t paint_squares(const struct jpeg_dc_component *component, const struct span *span,
                              const int32_t *values, int32_t difference, uint8_t *to, size_t stride)
{
    uint32_t odd = 0;
    for (uint32_t y = 0; y < component->down; y++, to += 2 * stride) {
        uint8_t *out = to;
        const int32_t *in = values + y * component->across * JPEG_DC_SQUARED_VALUES;
        for (uint32_t mcu = 0; mcu < span->count; mcu++, in += span->values_per_mcu)
            for (uint32_t x = 0; x < component->across; x++, out += 2) {
                const int32_t *block = in + x * JPEG_DC_SQUARED_VALUES;
                int32_t mean = (int32_t)((uint32_t)block[0] + (uint32_t)difference);
                paint_square(block + 1, dequantised(mean, component->step, &odd), out, stride,
                             &odd);
            }
    }
    return odd;
}

// A sample for each of the picture's pixels, from a component that may have fewer.
static const uint8_t *widen(const uint8_t *row, uint32_t repeat, uint32_t width, uint8_t *wide)
{
    if (repeat == 1)
        return row;
    for (uint32_t x = 0, i = 0; x < width; i++)
        for (uint32_t k = 0; k < repeat && x < width; k++)
            wide[x++] = row[i];
    return wide;
}

static inline uint8_t clip8(int32_t value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

// JFIF's equations as libjpeg rounds them: 16 bits after the point, green's two products together.
static inline void ycc_to_rgb(int32_t y, int32_t cb, int32_t cr, uint8_t *rgb)
{
    cb -= 128;
    cr -= 128;
    rgb[0] = clip8(y + ((91881 * cr + 32768) >> 16));
    rgb[1] = clip8(y + ((-22554 * cb - 46802 * cr + 32768) >> 16));
    rgb[2] = clip8(y + ((116130 * cb + 32768) >> 16));
}

static void paint_row(J_COLOR_SPACE space, const uint8_t *const *plane, uint32_t width,
                      uint8_t *four, uint8_t *rgb)
{
    switch (space) {
    case JCS_GRAYSCALE:
        for (uint32_t x = 0; x < width; x++, rgb += 3)
            rgb[0] = rgb[1] = rgb[2] = plane[0][x];
        break;
    case JCS_YCbCr:
        for (uint32_t x = 0; x < width; x++, rgb += 3)
            ycc_to_rgb(plane[0][x], plane[1][x], plane[2][x], rgb);
        break;
    case JCS_RGB:
        for (uint32_t x = 0; x < width; x++, rgb += 3)
            for (int c = 0; c < 3; c++)
                rgb[c] = plane[c][x];
        break;
    default: // JCS_CMYK and JCS_YCCK, which is inverted but for the last
        for (uint32_t x = 0; x < width; x++) {
            uint8_t *to = four + 4 * x;
            if (space == JCS_YCCK)
                ycc_to_rgb(plane[0][x], plane[1][x], plane[2][x], to);
            for (int c = 0; c < 3; c++)
                to[c] = space == JCS_YCCK ? (uint8_t)(255 - to[c]) : plane[c][x];
            to[3] = plane[3][x];
        }
        jpeg_cmyk_to_rgb(four, width, rgb);
    }
}

// Pointers into the scratch for one row of MCUs.
struct band {
    uint8_t *component[JPEG_DC_MAX_COMPONENTS], *wide[JPEG_DC_MAX_COMPONENTS], *four;
    size_t stride[JPEG_DC_MAX_COMPONENTS];
};

static size_t lay_out(const struct jpeg_dc *dc, uint8_t *samples, struct band *band)
{
    size_t at = 0, width = (size_t)dc->mcus_across * dc->max_across;
    for (uint32_t i = 0; i < dc->component_count; i++) {
        const struct jpeg_dc_component *component = &dc->components[i];
        uint32_t size = component->squared ? 2 : 1;
        band->stride[i] = (size_t)dc->mcus_across * component->across * size;
        band->component[i] = samples + at;
        at += band->stride[i] * component->down * size;
        band->wide[i] = samples + at;
        at += width;
    }
    band->four = samples + at;
    return at + 4 * width;
}

size_t jpeg_dc_paint_bytes(const struct jpeg_dc *dc)
{
    struct band band;
    uint8_t nowhere;
    return lay_out(dc, &nowhere, &band);
}

static uint32_t paint_span(const struct jpeg_dc *dc, const struct band *band,
                           const struct span *span)
{
    uint32_t odd = 0;
    const int32_t *values = span->values;
    for (uint32_t i = 0; i < dc->component_count; i++) {
        const struct jpeg_dc_component *component = &dc->components[i];
        uint32_t size = component->squared ? 2 : 1;
        uint8_t *to = band->component[i] + (size_t)span->first * component->across * size;
        odd |= (component->squared ? paint_squares : paint_means)(
            component, span, values, span->difference[i], to, band->stride[i]);
        values +=
            component->across * component->down * (component->squared ? JPEG_DC_SQUARED_VALUES : 1);
    }
    return odd;
}

// One row of MCUs, of which some may lie before the seam and some after it.
static uint32_t paint_mcus(const struct jpeg_dc *dc, const struct band *band, uint32_t row)
{
    static const int32_t none[JPEG_DC_MAX_COMPONENTS];
    uint32_t mcu = row * dc->mcus_across, across = dc->mcus_across, odd = 0;
    uint32_t before = dc->seam <= mcu ? 0 : dc->seam - mcu < across ? dc->seam - mcu : across;
    struct span span = {.values = dc->values + (size_t)mcu * dc->values_per_mcu,
                        .count = before,
                        .values_per_mcu = dc->values_per_mcu,
                        .difference = none};
    if (before)
        odd |= paint_span(dc, band, &span);
    if (before < across) {
        span.values = dc->after_seam + (size_t)(mcu + before - dc->seam) * dc->values_per_mcu;
        span.first = before;
        span.count = across - before;
        span.difference = dc->seam_difference;
        odd |= paint_span(dc, band, &span);
    }
    return odd;
}

bool jpeg_dc_paint(struct jpeg_dc *dc, const struct jpeg_decompress_struct *info, uint8_t *rgb)
{
    struct band band;
    lay_out(dc, dc->samples, &band);
    uint32_t width = (info->image_width + 7) / 8, height = (info->image_height + 7) / 8;
    for (uint32_t row = 0; row < dc->mcus_down; row++) {
        if (paint_mcus(dc, &band, row))
            return false;
        for (uint32_t y = 0; y < dc->max_down && row * dc->max_down + y < height; y++) {
            const uint8_t *plane[JPEG_DC_MAX_COMPONENTS];
            for (uint32_t i = 0; i < dc->component_count; i++)
                plane[i] =
                    widen(band.component[i] + y / dc->components[i].repeat_y * band.stride[i],
                          dc->components[i].repeat_x, width, band.wide[i]);
            size_t at = ((size_t)row * dc->max_down + y) * width * 3;
            paint_row(info->jpeg_color_space, plane, width, band.four, rgb + at);
        }
    }
    return true;
}
