// Scans of a progressive file that hold means.
#include "decode/jpeg_dc_layer.h"

// What a scan holds in turn: the blocks of an MCU, or, if there is one component only, single
// blocks, row by row of the photo, and none for padding.
struct grid {
    uint32_t rows, columns; // units
    uint32_t across, down;  // units in an MCU
    uint32_t offset, size;  // values: before the first unit of an MCU, and of a unit
    uint32_t block_count;   // in a unit
    uint32_t block_at[JPEG_DC_MAX_BLOCKS];
    uint32_t block_component[JPEG_DC_MAX_BLOCKS]; // its number in the scan
};

static uint32_t block_size(const struct jpeg_dc_component *component)
{
    return component->squared ? JPEG_DC_SQUARED_VALUES : 1;
}

static struct grid grid_of(const struct jpeg_dc *dc, const struct jpeg_dc_layer *layer)
{
    if (layer->component_count == 1) {
        const struct jpeg_dc_component *component = &dc->components[layer->component[0]];
        return (struct grid){.rows = component->height,
                             .columns = component->width,
                             .across = component->across,
                             .down = component->down,
                             .offset = component->offset,
                             .size = block_size(component),
                             .block_count = 1};
    }
    struct grid grid = {.rows = dc->mcus_down,
                        .columns = dc->mcus_across,
                        .across = 1,
                        .down = 1,
                        .size = dc->values_per_mcu};
    for (uint32_t i = 0; i < layer->component_count; i++) {
        const struct jpeg_dc_component *component = &dc->components[layer->component[i]];
        for (uint32_t k = 0; k < component->across * component->down; k++) {
            grid.block_at[grid.block_count] = component->offset + k * block_size(component);
            grid.block_component[grid.block_count++] = i;
        }
    }
    return grid;
}

uint32_t jpeg_dc_layer_intervals(const struct jpeg_dc *dc, const struct jpeg_dc_layer *layer)
{
    struct grid grid = grid_of(dc, layer);
    uint32_t units = grid.rows * grid.columns;
    return layer->restart_interval
               ? units / layer->restart_interval + (units % layer->restart_interval != 0)
               : 1;
}

static int32_t take_difference(struct bits *bits, const struct jpeg_dc_means *means, uint32_t *odd)
{
    bits_fill(bits);
    uint32_t entry = means->entry[bits_peek(bits, JPEG_DC_MEAN_BITS)];
    if (entry & BITS_LENGTH_MASK) {
        bits_drop(bits, entry & BITS_LENGTH_MASK);
        return (int32_t)entry >> 16;
    }
    uint32_t size = 0;
    uint32_t length = jpeg_dc_code_at(&means->codes, bits_peek(bits, 16), &size);
    *odd |= length == 0 || size > JPEG_DC_MAX_MEAN_SIZE;
    bits_drop(bits, length);
    if (*odd || !size)
        return 0;
    uint32_t number = bits_peek(bits, size);
    bits_drop(bits, size);
    return jpeg_dc_signed(number, size);
}

static uint32_t add_first(struct bits *bits, const struct jpeg_dc_layer *layer,
                          const struct grid *grid, int32_t *mean, int32_t *to)
{
    uint32_t odd = 0;
    for (uint32_t i = 0; i < grid->block_count; i++) {
        uint32_t component = grid->block_component[i];
        int32_t now = mean[component] + take_difference(bits, layer->means[component], &odd);
        mean[component] = now;
        // With this none can be too large for the next.
        odd |= (uint32_t)(now + JPEG_DC_MAX_MEAN) > 2 * JPEG_DC_MAX_MEAN;
        to[grid->block_at[i]] = (int32_t)((uint32_t)now << layer->low);
    }
    return odd;
}

static void add_bits(struct bits *bits, const struct jpeg_dc_layer *layer, const struct grid *grid,
                     int32_t *to)
{
    bits_fill(bits);
    for (uint32_t i = 0; i < grid->block_count; i++) {
        to[grid->block_at[i]] |= (int32_t)(bits_peek(bits, 1) << layer->low);
        bits_drop(bits, 1);
    }
}

bool jpeg_dc_layer_add_means(struct jpeg_dc *dc, const struct jpeg_dc_layer *layer)
{
    struct grid grid = grid_of(dc, layer);
    int32_t mean[JPEG_DC_MAX_COMPONENTS] = {0};
    struct jpeg_dc_place place;
    jpeg_dc_place_begin(&place, dc, 0);
    uint32_t units = layer->restart_interval ? layer->restart_interval : UINT32_MAX;
    for (uint32_t row = 0; row < grid.rows; row++) {
        size_t mcu = (size_t)(row / grid.down) * dc->mcus_across;
        int32_t *to = dc->values + mcu * dc->values_per_mcu + grid.offset +
                      row % grid.down * grid.across * grid.size;
        for (uint32_t column = 0, x = 0; column < grid.columns; column++) {
            if (units-- == 0) {
                if (!jpeg_dc_place_ends_well(&place, dc))
                    return false;
                jpeg_dc_place_begin(&place, dc, place.interval + 1);
                units = layer->restart_interval - 1;
                for (int i = 0; i < JPEG_DC_MAX_COMPONENTS; i++)
                    mean[i] = 0;
            }
            if (layer->refines)
                add_bits(&place.bits, layer, &grid, to);
            else if (add_first(&place.bits, layer, &grid, mean, to))
                return false;
            if (place.bits.next > place.limit)
                return false;
            to += grid.size;
            if (++x == grid.across) {
                x = 0;
                to += dc->values_per_mcu - grid.across * grid.size;
            }
        }
    }
    return jpeg_dc_place_ends_well(&place, dc);
}
