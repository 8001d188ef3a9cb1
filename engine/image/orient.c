#include "engine/image.h"

#include <string.h>

#define CHANNELS 3
// A turned photo is read along columns: tiles keep the lines that one column touches in the cache.
#define TILE 32u

// Where upright pixel (x, y) lies in the stored image: first + x * step_x + y * step_y, in bytes.
struct walk {
    ptrdiff_t first, step_x, step_y;
};

static struct walk walk_of(uint32_t width, uint32_t height, int orientation)
{
    ptrdiff_t column = CHANNELS, row = (ptrdiff_t)width * CHANNELS;
    ptrdiff_t right = (ptrdiff_t)(width - 1) * column, bottom = (ptrdiff_t)(height - 1) * row;
    switch (orientation) {
    case 2: // mirrored
        return (struct walk){right, -column, row};
    case 3: // upside down
        return (struct walk){right + bottom, -column, -row};
    case 4: // upside down and mirrored
        return (struct walk){bottom, column, -row};
    case 5: // rows and columns swapped
        return (struct walk){0, row, column};
    case 6: // must be turned clockwise
        return (struct walk){bottom, -row, column};
    case 7: // rows and columns swapped along the other diagonal
        return (struct walk){right + bottom, -row, -column};
    default: // 8, must be turned anticlockwise
        return (struct walk){right, row, -column};
    }
}

static void copy_tile(const uint8_t *rgb, const struct walk *walk, uint32_t out_width, uint32_t x0,
                      uint32_t x1, uint32_t y0, uint32_t y1, uint8_t *out)
{
    for (uint32_t y = y0; y < y1; y++) {
        const uint8_t *from = rgb + walk->first + x0 * walk->step_x + y * walk->step_y;
        uint8_t *to = out + ((size_t)y * out_width + x0) * CHANNELS;
        for (uint32_t x = x0; x < x1; x++, from += walk->step_x, to += CHANNELS) {
            to[0] = from[0];
            to[1] = from[1];
            to[2] = from[2];
        }
    }
}

void cubby_orient(const uint8_t *rgb, uint32_t width, uint32_t height, int orientation,
                  uint8_t *out)
{
    if (width == 0 || height == 0)
        return;
    if (orientation < 2 || orientation > 8) {
        memcpy(out, rgb, (size_t)width * height * CHANNELS);
        return;
    }

    struct walk walk = walk_of(width, height, orientation);
    uint32_t out_width = orientation >= 5 ? height : width;
    uint32_t out_height = orientation >= 5 ? width : height;
    for (uint32_t y = 0; y < out_height; y += TILE) {
        uint32_t y1 = out_height - y < TILE ? out_height : y + TILE;
        for (uint32_t x = 0; x < out_width; x += TILE) {
            uint32_t x1 = out_width - x < TILE ? out_width : x + TILE;
            copy_tile(rgb, &walk, out_width, x, x1, y, y1, out);
        }
    }
}
