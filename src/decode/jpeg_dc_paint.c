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

// One component's samples of one MCU.
static const int32_t *paint_blocks(const struct jpeg_dc_component *component, const int32_t *values,
                                   uint8_t *to, size_t stride, uint32_t *odd)
{
    uint32_t size = component->squared ? 2 : 1;
    for (uint32_t y = 0; y < component->down; y++, to += size * stride)
        for (uint32_t x = 0; x < component->across; x++) {
            int32_t mean = dequantised(*values++, component->step, odd);
            if (!component->squared) {
                to[x] = sample_of((mean + 4) >> 3, odd);
                continue;
            }
            mean = (int32_t)((uint32_t)mean << SQUARED_SHIFT) + (1 << (SQUARED_SHIFT + 2));
            for (uint32_t i = 0; i < 4; i++)
                to[i / 2 * stride + 2 * x + i % 2] = sample_of(
                    (int32_t)((uint32_t)mean + (uint32_t)*values++) >> (SQUARED_SHIFT + 3), odd);
        }
    return values;
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

bool jpeg_dc_paint(struct jpeg_dc *dc, const struct jpeg_decompress_struct *info, uint8_t *rgb)
{
    struct band band;
    lay_out(dc, dc->samples, &band);
    uint32_t width = (info->image_width + 7) / 8, height = (info->image_height + 7) / 8, odd = 0;
    const int32_t *values = dc->values;
    for (uint32_t row = 0; row < dc->mcus_down; row++) {
        for (uint32_t mcu = 0; mcu < dc->mcus_across; mcu++)
            for (uint32_t i = 0; i < dc->component_count; i++) {
                const struct jpeg_dc_component *c = &dc->components[i];
                size_t left = (size_t)mcu * c->across * (c->squared ? 2 : 1);
                values = paint_blocks(c, values, band.component[i] + left, band.stride[i], &odd);
            }
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
    return !odd;
}
