// Scans of a progressive file that hold coefficients of squared components, as chroma is in nearly
// all of them.
#include "decode/jpeg_dc_layer.h"
#include "decode/jpeg_dc_squares.h"

#define MAX_VALUE 2047u // of a coefficient not yet dequantised; sound ones have less
// How many bits may be taken one by one after bits_fill().
#define FILLED_BITS 48u

// Of the layer.
struct band {
    const struct jpeg_dc_values *values; // borrowed
    const uint8_t *slot;                 // borrowed: of each coefficient in its block's values
    uint32_t first, last, low;
    uint32_t limit;          // what a new coefficient may be at most, either way
    uint64_t all;            // its coefficients
    uint32_t blocks_to_pass; // which have nothing new, from the one at hand on
    uint32_t odd;            // not 0: met what no sound photo holds
};

static inline uint32_t lowest_bit(uint64_t bits) // of at least one
{
#ifdef __GNUC__
    return (uint32_t)__builtin_ctzll(bits);
#else
    uint32_t count = 0;
    for (; !(bits & 1); bits >>= 1)
        count++;
    return count;
#endif
}

// Where `entry`, next in the bits, is none of a coefficient: the block ends, or the code and its
// number are too long for a look-up. Returns false if the block ends. Not inlined, it would keep
// the bits in memory, and all of this would take half as long again.
static inline bool take_rare(struct band *band, struct bits *bits, uint32_t entry, uint32_t *run,
                             int32_t *value)
{
    uint32_t symbol = entry >> 16 << 4, length = entry & BITS_LENGTH_MASK;
    if (!length)
        length = jpeg_dc_code_at(&band->values->codes, bits_peek(bits, 16), &symbol);
    band->odd |= length == 0;
    bits_drop(bits, length);
    uint32_t size = symbol & 15;
    *run = symbol >> 4;
    bool ends = size == 0 && *run < 15;
    uint32_t number_size = ends ? *run : size;
    uint32_t number = number_size ? bits_peek(bits, number_size) : 0;
    bits_drop(bits, number_size);
    if (ends)
        band->blocks_to_pass = (1u << *run) + number;
    *value = ends ? 0 : jpeg_dc_signed(number, size);
    return !ends && !band->odd;
}

// The next coefficient of the block that is not 0, or `*value` 0 after a run of 16. False: the
// block has no more.
static inline bool take(struct band *band, struct bits *bits, uint32_t *run, int32_t *value)
{
    bits_fill(bits);
    uint32_t entry = band->values->entry[bits_peek(bits, JPEG_DC_VALUE_BITS)];
    uint32_t advance = (entry & 0xffff) >> BITS_PLACE_SHIFT;
    if (advance >= JPEG_DC_BLOCK_END)
        return take_rare(band, bits, entry, run, value);
    bits_drop(bits, entry & BITS_LENGTH_MASK);
    *run = advance - 1;
    *value = (int32_t)entry >> 16;
    return true;
}

// Returns which coefficients are not 0. None was before, so that no bits follow for those passed.
static inline uint64_t add_new(struct band *band, struct bits *from, int16_t *values)
{
    struct bits bits = *from;
    uint64_t known = 0;
    uint32_t run, odd = 0, limit = band->limit;
    int32_t value;
    for (uint32_t k = band->first; k <= band->last; k++) {
        if (!take(band, &bits, &run, &value))
            break;
        k += run;
        odd |= k > band->last || (uint32_t)(value + (int32_t)limit) > 2 * limit;
        if (k > band->last)
            break;
        known |= (uint64_t)(value != 0) << k;
        values[band->slot[k]] = (int16_t)(value * (1 << band->low));
    }
    band->odd |= odd;
    *from = bits;
    return known;
}

// One bit more for each of the coefficients in `which`.
static inline void refine(const struct band *band, struct bits *bits, int16_t *values,
                          uint64_t which)
{
    while (which) {
        bits_fill(bits);
        for (uint32_t i = 0; i < FILLED_BITS && which; i++, which &= which - 1) {
            int16_t *value = &values[band->slot[lowest_bit(which)]];
            int32_t more = (int32_t)(bits_peek(bits, 1) << band->low);
            bits_drop(bits, 1);
            *value = (int16_t)(*value < 0 ? *value - more : *value + more);
        }
    }
}

// Of the coefficients that were 0 so far the one after `run` others; 64 if there is none.
static inline uint32_t find_zero(uint64_t zeros, uint32_t run)
{
    while (run-- && zeros)
        zeros &= zeros - 1;
    return zeros ? lowest_bit(zeros) : 64;
}

static inline uint64_t up_to(uint32_t k) // and including it
{
    return UINT64_MAX >> (63 - k);
}

// Returns which coefficients are not 0 any more.
static inline uint64_t add_bits(struct band *band, struct bits *from, int16_t *values,
                                uint64_t known)
{
    struct bits bits = *from;
    uint64_t left = known, zeros = band->all & ~known, found = 0;
    uint32_t run;
    int32_t value;
    for (uint32_t k = band->first; k <= band->last && !band->blocks_to_pass; k++) {
        if (!take(band, &bits, &run, &value))
            break;
        k = find_zero(zeros, run);
        band->odd |= k == 64 || (uint32_t)(value + 1) > 2;
        if (band->odd)
            break;
        refine(band, &bits, values, left & up_to(k));
        left &= ~up_to(k);
        zeros &= ~up_to(k);
        found |= (uint64_t)(value != 0) << k;
        values[band->slot[k]] = (int16_t)(value * (1 << band->low));
    }
    refine(band, &bits, values, left);
    *from = bits;
    return found;
}

// A restart interval's blocks.
static bool add_interval(struct band *band, struct jpeg_dc_place *place, uint64_t *known,
                         int16_t *values, uint32_t count)
{
    band->blocks_to_pass = 0;
    for (uint32_t i = 0; i < count; i++, values += JPEG_DC_SLOTS) {
        if (known[i] & band->all)
            known[i] |= add_bits(band, &place->bits, values, known[i] & band->all);
        else if (!band->blocks_to_pass)
            known[i] |= add_new(band, &place->bits, values);
        if (band->odd || place->bits.next > place->limit)
            return false;
        band->blocks_to_pass -= band->blocks_to_pass > 0;
    }
    return !band->blocks_to_pass;
}

bool jpeg_dc_layer_add_band(struct jpeg_dc *dc, const struct jpeg_dc_layer *layer)
{
    const struct jpeg_dc_component *component = &dc->components[layer->component[0]];
    const struct jpeg_dc_coefficients *to = &dc->coefficients[layer->component[0]];
    struct band band = {.values = layer->values,
                        .slot = component->slot,
                        .first = layer->first,
                        .last = layer->last,
                        .low = layer->low,
                        .limit = layer->refines ? 1 : MAX_VALUE >> layer->low,
                        .all = up_to(layer->last) & ~up_to(layer->first - 1)};
    uint32_t count = component->width * component->height;
    uint32_t interval = layer->restart_interval ? layer->restart_interval : count;
    struct jpeg_dc_place place;
    for (uint32_t at = 0, i = 0; at < count; i++) {
        uint32_t blocks = interval < count - at ? interval : count - at;
        jpeg_dc_place_begin(&place, dc, i);
        if (!add_interval(&band, &place, to->known + at, to->values + (size_t)at * JPEG_DC_SLOTS,
                          blocks) ||
            !jpeg_dc_place_ends_well(&place, dc))
            return false;
        at += blocks;
    }
    return true;
}

static uint64_t wanted_of(const struct jpeg_dc_component *component)
{
    uint64_t wanted = 0;
    for (uint32_t k = 1; k < 64; k++)
        if (component->slot[k] != JPEG_DC_SLOTS - 1)
            wanted |= UINT64_C(1) << k;
    return wanted;
}

static uint32_t sum_block(const struct jpeg_dc_component *component, uint64_t known,
                          const int16_t *values, int32_t *to)
{
    int32_t sums[JPEG_DC_SUMS] = {0};
    uint32_t odd = 0;
    for (; known; known &= known - 1) {
        uint32_t k = lowest_bit(known);
        odd |= jpeg_dc_squares_add(component, sums, k + 1, values[component->slot[k]]);
    }
    if (!odd)
        jpeg_dc_squares_store(to, sums);
    return odd;
}

bool jpeg_dc_sum_squares(struct jpeg_dc *dc)
{
    uint32_t odd = 0;
    for (uint32_t i = 0; i < dc->component_count; i++) {
        const struct jpeg_dc_component *component = &dc->components[i];
        const uint64_t *known = dc->coefficients[i].known;
        const int16_t *values = dc->coefficients[i].values;
        uint64_t wanted = component->squared ? wanted_of(component) : 0;
        for (uint32_t y = 0; component->squared && y < component->height; y++) {
            size_t mcu = (size_t)(y / component->down) * dc->mcus_across;
            uint32_t in_mcu = y % component->down * component->across;
            for (uint32_t x = 0; x < component->width; x++, known++, values += JPEG_DC_SLOTS) {
                if (!(*known & wanted))
                    continue; // the sums are 0
                size_t at = (mcu + x / component->across) * dc->values_per_mcu + component->offset +
                            (in_mcu + x % component->across) * JPEG_DC_SQUARED_VALUES;
                odd |= sum_block(component, *known & wanted, values, dc->values + at + 1);
            }
        }
    }
    return !odd;
}
