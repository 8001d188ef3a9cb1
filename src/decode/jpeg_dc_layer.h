// One scan of a progressive file. Private to jpeg_dc*.c.
#ifndef SRC_DECODE_JPEG_DC_LAYER_H
#define SRC_DECODE_JPEG_DC_LAYER_H

#include <stdbool.h>
#include <stdint.h>

#include "decode/jpeg_dc_internal.h"

// Such a file gives each coefficient in layers: first all but the last bits of it, then bit by bit
// the rest. A scan is a layer of the means of some components, or of a band of one component's
// other coefficients.
struct jpeg_dc_layer {
    uint32_t component_count;
    uint8_t component[JPEG_DC_MAX_COMPONENTS];
    uint32_t first, last; // coefficients in the file's order; both are 0 for means
    uint32_t low;         // how many bits are still missing after this layer
    bool refines;         // one bit more of what is known
    uint32_t restart_interval;
    const struct jpeg_dc_means *means[JPEG_DC_MAX_COMPONENTS]; // borrowed: a first layer of means
    const struct jpeg_dc_values *values;                       // borrowed: a layer of the others
};

// How many restart intervals the scan has.
uint32_t jpeg_dc_layer_intervals(const struct jpeg_dc *dc, const struct jpeg_dc_layer *layer);

// Adds the layer that is in dc->scan to dc->values (jpeg_dc_means.c) or to the coefficients of a
// squared component (jpeg_dc_bands.c). False if anything is odd.
bool jpeg_dc_layer_add_means(struct jpeg_dc *dc, const struct jpeg_dc_layer *layer);
bool jpeg_dc_layer_add_band(struct jpeg_dc *dc, const struct jpeg_dc_layer *layer);

// jpeg_dc_bands.c: makes the sums of squared blocks of their coefficients.
bool jpeg_dc_sum_squares(struct jpeg_dc *dc);

// The place in the scan that has been read up to, and the end of its restart interval.
struct jpeg_dc_place {
    struct bits bits;
    const uint8_t *limit; // borrowed: of bits.next; when this is passed, the interval was too short
    uint32_t interval;
};

static inline void jpeg_dc_place_begin(struct jpeg_dc_place *place, const struct jpeg_dc *dc,
                                       uint32_t interval)
{
    const struct jpeg_dc_bytes *scan = &dc->scan;
    bits_start(&place->bits, scan->bytes + (interval ? scan->ends[interval - 1] : 0));
    place->interval = interval;
    place->limit = scan->bytes + scan->ends[interval] + 8;
}

// Only the padding of the last byte may be left.
static inline bool jpeg_dc_place_ends_well(const struct jpeg_dc_place *place,
                                           const struct jpeg_dc *dc)
{
    uint32_t position = bits_position(&place->bits, dc->scan.bytes);
    uint32_t end = dc->scan.ends[place->interval] * 8;
    return place->bits.next <= place->limit && position <= end && end - position < 8;
}

#endif
