// What the files of jpeg_dc*.c share. Private to them.
#ifndef SRC_DECODE_JPEG_DC_INTERNAL_H
#define SRC_DECODE_JPEG_DC_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/jpeg_dc.h"
#include "decode/jpeg_dc_tables.h"

#define JPEG_DC_MAX_COMPONENTS 4
#define JPEG_DC_MAX_BLOCKS 10 // of an MCU: the standard's limit, and libjpeg's
// The bytes that a sound file's last MCU may be read past: 10 blocks of 64 symbols of 31 bits, and
// a word. A damaged file is noticed after each MCU.
#define JPEG_DC_SLACK_BYTES 4096u
// Bit positions are 32-bit numbers.
#define JPEG_DC_MAX_BYTES (UINT32_C(1) << 28)
// No sound block has a larger mean or other coefficient, dequantised (8 * 128, and half a
// quantisation step). Within these libjpeg's C code and its SIMD code agree, and 32 bits are
// enough.
#define JPEG_DC_MAX_MEAN 2048
#define JPEG_DC_MAX_COEFFICIENT 1024

// The columns that a block of 2 x 2 samples is made of: 0, 1, 3, 5 and 7. There is a sum for what
// row 0 adds to each, one for what rows 1, 3, 5 and 7 add, and one for coefficients of no use.
#define JPEG_DC_COLUMNS 5
#define JPEG_DC_SUMS (2 * JPEG_DC_COLUMNS + 1)

// Where a block is squared: the quantisation step of a coefficient, and what it adds how often to
// which of the sums.
struct jpeg_dc_coefficient {
    int16_t step, sum;
    int32_t weight;
};

// Of a block whose coefficients are kept only those are that are wanted: 24, and the last slot for
// all others. In 64 bytes, as a cache line has.
#define JPEG_DC_SLOTS 32u

// A component of the photo. At 1/8 libjpeg makes one sample of a block, or, where the component has
// half the photo's resolution both ways, 2 x 2, for which it needs 24 of the other coefficients.
struct jpeg_dc_component {
    uint32_t across, down;                      // blocks in an MCU
    bool squared;                               // 2 x 2 samples a block
    int32_t step;                               // of the means: the quantisation table's first
    uint32_t repeat_x, repeat_y;                // photo samples that each of its samples fills
    uint32_t offset;                            // of its values in an MCU's
    uint32_t width, height;                     // blocks of the photo, not counting padding
    struct jpeg_dc_coefficient coefficient[65]; // [k + 1] for k in the file's (zigzag) order
    uint8_t slot[64]; // of a coefficient in a block's values, where they are kept
};

// What a baseline scan holds in turn, again and again.
struct jpeg_dc_block {
    uint8_t component;
    bool squared;
    uint32_t alike;                        // of the same component, after this one
    const struct jpeg_dc_means *means;     // borrowed
    const struct jpeg_dc_skips *skips;     // borrowed; NULL if squared
    const struct jpeg_dc_values *values;   // borrowed; NULL if not squared
    const struct jpeg_dc_component *owner; // borrowed
};

// The scan without stuffing bytes and markers.
struct jpeg_dc_bytes {
    uint8_t *bytes; // owned: `size` and JPEG_DC_SLACK_BYTES more
    size_t size, capacity;
    // Where each restart interval ends; the last is `size`.
    uint32_t *ends; // owned
    uint32_t interval_count;
    size_t end_capacity; // bytes, too
};

// Decoded numbers in the file's order: for each block its mean, not yet dequantised, and where
// squared four sums that make its samples together with it.
#define JPEG_DC_SQUARED_VALUES 5u

// The coefficients of a squared component of a progressive file, which come in layers.
struct jpeg_dc_coefficients {
    uint64_t *known; // owned: for each block, which of its coefficients are not 0
    int16_t *values; // owned: JPEG_DC_SLOTS for each block; those that are 0 are undefined
    size_t known_capacity, value_capacity;
};

struct jpeg_dc {
    struct jpeg_dc_tables tables;
    struct jpeg_dc_component components[JPEG_DC_MAX_COMPONENTS];
    uint32_t component_count;
    struct jpeg_dc_block blocks[JPEG_DC_MAX_BLOCKS]; // of one MCU
    uint32_t block_count, values_per_mcu;
    uint32_t mcus_across, mcus_down, mcu_count;
    uint32_t max_across, max_down; // samples of an MCU in the picture that comes out
    uint32_t restart_interval;     // in MCUs; 0: none
    // All blocks of an MCU have the same codes, so that nothing shows which is its first.
    bool uniform;
    struct jpeg_dc_bytes scan;
    int32_t *values, *guessed; // owned: mcu_count * values_per_mcu each
    size_t value_capacity, guessed_capacity;
    uint32_t *marks; // owned: mcu_count + 1
    size_t mark_capacity;
    // From MCU `seam` on, values are at `after_seam`, and means lack `seam_difference`.
    uint32_t seam;
    const int32_t *after_seam; // borrowed, in `guessed`
    int32_t seam_difference[JPEG_DC_MAX_COMPONENTS];
    bool progressive;
    uint32_t most_scans;
    struct jpeg_dc_coefficients coefficients[JPEG_DC_MAX_COMPONENTS];
    uint8_t *samples; // owned: one row of MCUs, and a row of each component as wide as the picture
    size_t sample_capacity;
};

// jpeg_dc.c: makes room; what was there is lost.
bool jpeg_dc_reserve(void **buffer, size_t *capacity, uint64_t size);

// jpeg_dc_bytes.c: copies a scan of so many restart intervals, at least 1, up to the marker that
// ends it, which is at bytes[*used] then. False: no such marker, restart markers too many, too few
// or out of order, or out of memory.
bool jpeg_dc_bytes_take(struct jpeg_dc_bytes *scan, const uint8_t *bytes, size_t size,
                        uint32_t interval_count, size_t *used);
// The same without looking at what is in the scan. False also for a hole: a run of zeros.
bool jpeg_dc_bytes_pass(const uint8_t *bytes, size_t size, uint32_t *interval_count, size_t *used);
void jpeg_dc_bytes_fini(struct jpeg_dc_bytes *scan);

// jpeg_dc_scan.c: all values of the scan; false if anything is odd.
bool jpeg_dc_scan_run(struct jpeg_dc *dc);

// jpeg_dc_progressive.c: all values from all scans; false if anything is odd.
bool jpeg_dc_progressive_run(struct jpeg_dc *dc, const struct jpeg_decompress_struct *info);

// jpeg_dc_paint.c: values to pixels; false if one is beyond what a sound photo has.
size_t jpeg_dc_paint_bytes(const struct jpeg_dc *dc); // of `samples`
bool jpeg_dc_paint(struct jpeg_dc *dc, const struct jpeg_decompress_struct *info, uint8_t *rgb);

#endif
