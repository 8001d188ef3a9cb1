// Through the scan, block by block. The time goes into a chain of look-ups that each wait for the
// one before: where the next code begins is only known when this one is.
#include "decode/jpeg_dc_bits.h"
#include "decode/jpeg_dc_internal.h"

#define COLUMNS 5 // 0, 1, 3, 5 and 7: those that a 2 x 2 block is made of

// Where the decoding stands.
struct cursor {
    struct bits bits;
    int32_t *out;                         // the next value
    int32_t mean[JPEG_DC_MAX_COMPONENTS]; // the last of each component
    uint32_t block;                       // in the MCU
    uint32_t mcu, interval, mcus_to_restart;
    uint32_t place; // in the block: coefficients that have been passed
    bool odd;       // not what a sound photo holds
};

// A symbol that no look-up shows whole: 0 bits are left for the caller to drop.
static uint32_t take_symbol(struct cursor *cursor, const struct jpeg_dc_codes *codes)
{
    bits_fill(&cursor->bits);
    uint32_t symbol = 0;
    uint32_t length = jpeg_dc_code_at(codes, bits_peek(&cursor->bits, 16), &symbol);
    cursor->odd |= length == 0;
    bits_drop(&cursor->bits, length);
    return symbol;
}

static int32_t take_number(struct cursor *cursor, uint32_t size)
{
    if (!size)
        return 0;
    uint32_t number = bits_peek(&cursor->bits, size);
    bits_drop(&cursor->bits, size);
    return jpeg_dc_signed(number, size);
}

static int32_t take_long_mean(struct cursor *cursor, const struct jpeg_dc_means *means)
{
    uint32_t size = take_symbol(cursor, &means->codes);
    cursor->odd |= size > 11;
    int32_t difference = take_number(cursor, size & 15);
    bits_fill(&cursor->bits);
    return difference;
}

// The next block's mean. Leaves bits for one entry of skips.
static void take_mean(struct cursor *cursor, const struct jpeg_dc_block *block)
{
    bits_fill(&cursor->bits);
    uint32_t entry = block->means->entry[bits_peek(&cursor->bits, JPEG_DC_MEAN_BITS)];
    int32_t difference = (int32_t)entry >> 16;
    if (entry & JPEG_DC_LENGTH_MASK)
        bits_drop(&cursor->bits, entry);
    else
        difference = take_long_mean(cursor, block->means);
    // Unsigned, because nothing keeps a damaged file from going on in one direction.
    int32_t *mean = &cursor->mean[block->component];
    *mean = (int32_t)((uint32_t)*mean + (uint32_t)difference);
    *cursor->out++ = *mean;
}

// Passes one symbol alone: its code is too long for a look-up, or the block ends between the
// symbols of one entry.
static void skip_symbol(struct cursor *cursor, const struct jpeg_dc_skips *skips)
{
    uint32_t symbol = take_symbol(cursor, &skips->codes);
    uint32_t size = symbol & 15, run = symbol >> 4;
    bits_drop(&cursor->bits, size);
    bits_fill(&cursor->bits);
    if (size || run == 15)
        cursor->place += run + 1;
    else
        cursor->place = 64;
    cursor->odd |= cursor->place > 64;
}

// Whether the block ends with the last symbol of the entry that leads to `place`.
static inline bool ends_block(uint32_t place)
{
    return place == 64 || (place > JPEG_DC_BLOCK_END && place < JPEG_DC_BLOCK_END + 64);
}

// The coefficients after the mean.
static void skip_block(struct cursor *cursor, const struct jpeg_dc_skips *skips)
{
    struct bits bits = cursor->bits;
    uint32_t place = 1, entry, next;
    for (;;) {
        entry = skips->entry[bits_peek(&bits, JPEG_DC_SKIP_BITS)];
        next = place + (entry >> JPEG_DC_ADVANCE_SHIFT);
        if (next < 64) {
            bits_drop(&bits, entry);
            place = next;
            bits_fill(&bits);
            entry = skips->entry[bits_peek(&bits, JPEG_DC_SKIP_BITS)];
            next = place + (entry >> JPEG_DC_ADVANCE_SHIFT);
            if (next < 64) {
                bits_drop(&bits, entry);
                place = next;
                continue;
            }
        }
        if (ends_block(next)) {
            bits_drop(&bits, entry);
            break;
        }
        cursor->bits = bits;
        cursor->place = place;
        skip_symbol(cursor, skips);
        bits = cursor->bits;
        place = cursor->place;
        if (place >= 64)
            break;
    }
    cursor->bits = bits;
}

// libjpeg's inverse DCT for 2 x 2 samples (jpeg_idct_2x2) in the same steps of fixed point, so that
// it rounds alike, except for the mean, which commutes with all but the last of them and stays out
// of these sums: `even` has what row 0 adds to each column, `uneven` what rows 1, 3, 5 and 7 add.
static void store_squares(int32_t *out, const int32_t *even, const int32_t *uneven)
{
    static const int32_t weight[COLUMNS] = {0, 29692, -10426, 6967, -5906};
    for (int y = 0; y < 2; y++) {
        int32_t column[COLUMNS], slope = 0;
        for (int i = 0; i < COLUMNS; i++)
            column[i] = (even[i] + (y ? -uneven[i] : uneven[i]) + (1 << 12)) >> 13;
        for (int i = 1; i < COLUMNS; i++)
            slope += column[i] * weight[i];
        out[2 * y] = column[0] * (1 << 15) + slope;
        out[2 * y + 1] = column[0] * (1 << 15) - slope;
    }
}

static uint32_t take_long_value(struct cursor *cursor, const struct jpeg_dc_values *values,
                                int32_t *value)
{
    uint32_t symbol = take_symbol(cursor, &values->codes);
    *value = take_number(cursor, symbol & 15);
    if (symbol & 15 || symbol >> 4 == 15)
        return (symbol >> 4) + 1;
    return JPEG_DC_BLOCK_END;
}

// The coefficients after the mean, of which some are wanted.
static void take_squares(struct cursor *cursor, const struct jpeg_dc_block *block)
{
    int32_t sums[2 * COLUMNS + 1] = {0}; // the last for coefficients of no use
    const struct jpeg_dc_component *owner = block->owner;
    uint32_t place = 0;
    while (place < 63) {
        bits_fill(&cursor->bits);
        uint32_t entry = block->values->entry[bits_peek(&cursor->bits, JPEG_DC_VALUE_BITS)];
        uint32_t advance = entry >> JPEG_DC_ADVANCE_SHIFT & 255;
        int32_t value = (int32_t)entry >> 16;
        if (entry & JPEG_DC_LENGTH_MASK)
            bits_drop(&cursor->bits, entry);
        else
            advance = take_long_value(cursor, block->values, &value);
        place += advance;
        if (place > 63)
            break;
        value *= owner->coefficient[place].step;
        if ((uint32_t)(value + JPEG_DC_MAX_COEFFICIENT) > 2 * JPEG_DC_MAX_COEFFICIENT) {
            cursor->odd = true;
            break;
        }
        sums[owner->coefficient[place].sum] += value * owner->coefficient[place].weight;
    }
    cursor->odd |= place > 63 && place < JPEG_DC_BLOCK_END;
    store_squares(cursor->out, sums, sums + COLUMNS);
    cursor->out += JPEG_DC_SQUARED_VALUES - 1;
}

// Between MCUs. False: this was the last, or something is odd.
static bool next_mcu(const struct jpeg_dc *dc, struct cursor *cursor)
{
    cursor->block = 0;
    cursor->mcu++;
    uint32_t position = bits_position(&cursor->bits, dc->scan.bytes);
    uint32_t end = dc->scan.ends[cursor->interval] * 8;
    bool last = cursor->mcu == dc->mcu_count;
    cursor->odd |= position > end;
    if (cursor->odd || (!last && --cursor->mcus_to_restart))
        return !cursor->odd;

    // Only the padding of the last byte may be left.
    cursor->odd |= end - position >= 8 || last != (cursor->interval + 1 == dc->scan.interval_count);
    if (cursor->odd || last)
        return false;
    bits_start(&cursor->bits, dc->scan.bytes + dc->scan.ends[cursor->interval]);
    cursor->interval++;
    cursor->mcus_to_restart = dc->restart_interval;
    for (int i = 0; i < JPEG_DC_MAX_COMPONENTS; i++)
        cursor->mean[i] = 0;
    return true;
}

bool jpeg_dc_scan_run(struct jpeg_dc *dc)
{
    struct cursor cursor = {.out = dc->values,
                            .mcus_to_restart =
                                dc->restart_interval ? dc->restart_interval : dc->mcu_count};
    bits_start(&cursor.bits, dc->scan.bytes);
    do {
        for (uint32_t i = 0; i < dc->block_count; i++) {
            const struct jpeg_dc_block *block = &dc->blocks[i];
            take_mean(&cursor, block);
            if (block->squared)
                take_squares(&cursor, block);
            else
                skip_block(&cursor, block->skips);
        }
    } while (next_mcu(dc, &cursor));
    return !cursor.odd;
}
