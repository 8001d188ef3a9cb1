#include "decode/jpeg_dc_tables.h"

#include <string.h>

// As libjpeg takes tables, and no others: code lengths must leave room for each other, and for one
// more, since no code may consist of ones only.
static bool set_codes(struct jpeg_dc_codes *codes, const JHUFF_TBL *table)
{
    codes->valid = false;
    memcpy(codes->bits, table->bits, sizeof(codes->bits));
    memcpy(codes->symbols, table->huffval, sizeof(codes->symbols));
    uint32_t code = 0, count = 0;
    for (uint32_t length = 1; length <= 16; length++) {
        codes->first[length] = (int32_t)count - (int32_t)code;
        code += codes->bits[length];
        count += codes->bits[length];
        if (count > 256 || code >= 1u << length)
            return false;
        codes->limit[length] = code << (16 - length);
        code *= 2;
    }
    return true;
}

// libjpeg refuses a photo for a difference of over 15 bits, even one that no block has.
static bool are_sizes(const struct jpeg_dc_codes *codes)
{
    uint32_t count = 0;
    for (uint32_t length = 1; length <= 16; length++)
        count += codes->bits[length];
    for (uint32_t i = 0; i < count; i++)
        if (codes->symbols[i] > 15)
            return false;
    return true;
}

static bool is_made_from(const struct jpeg_dc_codes *codes, const JHUFF_TBL *table)
{
    return codes->valid && memcmp(codes->bits, table->bits, sizeof(codes->bits)) == 0 &&
           memcmp(codes->symbols, table->huffval, sizeof(codes->symbols)) == 0;
}

static void fill_means(struct jpeg_dc_means *means)
{
    for (uint32_t seen = 0; seen < 1u << JPEG_DC_MEAN_BITS; seen++) {
        uint32_t symbol,
            length = jpeg_dc_code_at(&means->codes, seen << (16 - JPEG_DC_MEAN_BITS), &symbol);
        means->entry[seen] = 0;
        if (!length || symbol > JPEG_DC_MAX_MEAN_SIZE || length + symbol > JPEG_DC_MEAN_BITS)
            continue;
        uint32_t number = seen >> (JPEG_DC_MEAN_BITS - length - symbol) & ((1u << symbol) - 1);
        means->entry[seen] = (uint32_t)jpeg_dc_signed(number, symbol) << 16 | (length + symbol);
    }
}

static bool is_block_end(uint32_t symbol)
{
    return (symbol & 15) == 0 && symbol >> 4 != 15;
}

// As many symbols as fit; only their codes have to be seen, the bits of the last number need not
// be.
static uint16_t skip_entry(const struct jpeg_dc_codes *codes, uint32_t seen)
{
    uint32_t used = 0, advance = 0;
    while (used < JPEG_DC_SKIP_BITS) {
        uint32_t symbol;
        uint32_t left = seen << used & ((1u << JPEG_DC_SKIP_BITS) - 1);
        uint32_t length = jpeg_dc_code_at(codes, left << (16 - JPEG_DC_SKIP_BITS), &symbol);
        uint32_t total = used + length + (symbol & 15);
        if (!length || used + length > JPEG_DC_SKIP_BITS || total > JPEG_DC_MAX_SKIP_LENGTH)
            break;
        if (is_block_end(symbol)) {
            used = total;
            advance += JPEG_DC_BLOCK_END;
            break;
        }
        // The sum must stay apart from those with a block's end.
        if (advance + (symbol >> 4) + 1 > 63)
            break;
        used = total;
        advance += (symbol >> 4) + 1;
    }
    if (!used)
        advance = JPEG_DC_NO_CODE;
    return (uint16_t)(advance << BITS_PLACE_SHIFT | used);
}

static uint32_t value_entry(const struct jpeg_dc_codes *codes, uint32_t seen)
{
    uint32_t symbol;
    uint32_t length = jpeg_dc_code_at(codes, seen << (16 - JPEG_DC_VALUE_BITS), &symbol);
    uint32_t size = symbol & 15;
    if (!length || length + size > JPEG_DC_VALUE_BITS)
        return JPEG_DC_NO_CODE << BITS_PLACE_SHIFT;
    if (is_block_end(symbol))
        return symbol >> 4 << 16 | JPEG_DC_BLOCK_END << BITS_PLACE_SHIFT | length;
    uint32_t advance = (symbol >> 4) + 1;
    uint32_t number = seen >> (JPEG_DC_VALUE_BITS - length - size) & ((1u << size) - 1);
    return (uint32_t)jpeg_dc_signed(number, size) << 16 | advance << BITS_PLACE_SHIFT |
           (length + size);
}

const struct jpeg_dc_means *jpeg_dc_means_for(struct jpeg_dc_tables *tables, const JHUFF_TBL *table,
                                              int number)
{
    if (!table)
        return NULL;
    struct jpeg_dc_means *means = &tables->means[number];
    if (is_made_from(&means->codes, table))
        return means;
    if (!set_codes(&means->codes, table) || !are_sizes(&means->codes))
        return NULL;
    fill_means(means);
    means->codes.valid = true;
    return means;
}

const struct jpeg_dc_skips *jpeg_dc_skips_for(struct jpeg_dc_tables *tables, const JHUFF_TBL *table,
                                              int number)
{
    if (!table)
        return NULL;
    struct jpeg_dc_skips *skips = &tables->skips[number];
    if (is_made_from(&skips->codes, table))
        return skips;
    if (!set_codes(&skips->codes, table))
        return NULL;
    for (uint32_t seen = 0; seen < 1u << JPEG_DC_SKIP_BITS; seen++)
        skips->entry[seen] = skip_entry(&skips->codes, seen);
    skips->codes.valid = true;
    return skips;
}

const struct jpeg_dc_values *jpeg_dc_values_for(struct jpeg_dc_tables *tables,
                                                const JHUFF_TBL *table, int number)
{
    if (!table)
        return NULL;
    struct jpeg_dc_values *values = &tables->values[number];
    if (is_made_from(&values->codes, table))
        return values;
    if (!set_codes(&values->codes, table))
        return NULL;
    for (uint32_t seen = 0; seen < 1u << JPEG_DC_VALUE_BITS; seen++)
        values->entry[seen] = value_entry(&values->codes, seen);
    values->codes.valid = true;
    return values;
}
