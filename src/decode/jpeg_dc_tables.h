// Huffman tables made for reading past things: each look-up takes as many symbols as it can see.
#ifndef SRC_DECODE_JPEG_DC_TABLES_H
#define SRC_DECODE_JPEG_DC_TABLES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h> // jpeglib.h needs FILE

#include <jpeglib.h>

#include "decode/jpeg_dc_bits.h"

// How many bits a look-up sees. Together the tables of a 4:2:0 photo should fit the 32 KB of a
// usual first-level cache, or nearly.
#define JPEG_DC_MEAN_BITS 10
#define JPEG_DC_SKIP_BITS 13
#define JPEG_DC_VALUE_BITS 10

#define JPEG_DC_MAX_MEAN_SIZE 11u // bits of a difference between means of 8-bit photos

// The codes as the file lists them, for those too long for a look-up.
struct jpeg_dc_codes {
    UINT8 bits[17], symbols[256]; // of the JHUFF_TBL that this was made from: a cache key
    bool valid;
    // A code of `length` bits, in front of 16 bits that begin with it, is below limit[length], and
    // its symbol is symbols[code + first[length]].
    uint32_t limit[17];
    int32_t first[17];
};

// What a mean differs from the one before: the number above bit 16.
struct jpeg_dc_means {
    struct jpeg_dc_codes codes;
    uint32_t entry[1 << JPEG_DC_MEAN_BITS];
};

// Coefficients that nobody wants. At most 28 bits of the file, so that a full window has two.
struct jpeg_dc_skips {
    struct jpeg_dc_codes codes;
    uint16_t entry[1 << JPEG_DC_SKIP_BITS];
};
#define JPEG_DC_BLOCK_END 128u // is added to the advance if the block ends with the entry
#define JPEG_DC_NO_CODE 256u   // as an advance: the look-up does not see a whole code
#define JPEG_DC_MAX_SKIP_LENGTH 28u

// One coefficient: the low 16 bits as for skips, the value above them, or, if the block ends, the
// upper half of the symbol.
struct jpeg_dc_values {
    struct jpeg_dc_codes codes;
    uint32_t entry[1 << JPEG_DC_VALUE_BITS];
};

// Kept from photo to photo: those of one camera mostly share their tables, and making one takes
// some 50 microseconds. One of each kind for each of the file's four.
struct jpeg_dc_tables {
    struct jpeg_dc_means means[NUM_HUFF_TBLS];
    struct jpeg_dc_skips skips[NUM_HUFF_TBLS];
    struct jpeg_dc_values values[NUM_HUFF_TBLS];
};

// Makes the file's table of that number unless it is there already. NULL: `table` is NULL,
// or not a sound one.
const struct jpeg_dc_means *jpeg_dc_means_for(struct jpeg_dc_tables *tables, const JHUFF_TBL *table,
                                              int number);
const struct jpeg_dc_skips *jpeg_dc_skips_for(struct jpeg_dc_tables *tables, const JHUFF_TBL *table,
                                              int number);
const struct jpeg_dc_values *jpeg_dc_values_for(struct jpeg_dc_tables *tables,
                                                const JHUFF_TBL *table, int number);

// The code that 16 bits begin with: its length and symbol; 0 if there is none.
static inline uint32_t jpeg_dc_code_at(const struct jpeg_dc_codes *codes, uint32_t bits16,
                                       uint32_t *symbol)
{
    for (uint32_t length = 1; length <= 16; length++)
        if (bits16 < codes->limit[length]) {
            int32_t code = (int32_t)(bits16 >> (16 - length));
            *symbol = codes->symbols[(code + codes->first[length]) & 255];
            return length;
        }
    return 0;
}

// The number of `size` bits (0..15) as the standard writes signed numbers: those whose first bit is
// 0 are negative.
static inline int32_t jpeg_dc_signed(uint32_t bits, uint32_t size)
{
    int32_t number = (int32_t)bits;
    return size && bits >> (size - 1) == 0 ? number - (int32_t)((1u << size) - 1) : number;
}

#endif
