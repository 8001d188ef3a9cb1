// cubby's own JPEG decoder for 1/8 of the size, where nearly all of a file can be skipped: a block
// of 8 x 8 pixels becomes one, its mean, and the 63 other coefficients are read past, several at a
// time. What it accepts is bit for bit what libjpeg-turbo makes of the file at scale 1/8 without
// fancy upsampling. Anything rare or odd it leaves to libjpeg-turbo, which then gives the verdict.
#ifndef SRC_DECODE_JPEG_DC_H
#define SRC_DECODE_JPEG_DC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h> // jpeglib.h needs FILE

#include <jpeglib.h>

#include "engine/status.h"

// Scratch that is reused from photo to photo: code tables, the entropy-coded bytes, coefficients.
struct jpeg_dc;
CUBBY_NODISCARD enum cubby_status jpeg_dc_create(struct jpeg_dc **out);
void jpeg_dc_destroy(struct jpeg_dc **dc);

// Whether it is worth trying: a photo in one baseline scan with the usual sampling. `info` is as
// jpeg_read_header() leaves it, and is not changed. *memory_bytes is what jpeg_dc_run() will hold
// besides the pixels.
bool jpeg_dc_prepare(struct jpeg_dc *dc, const struct jpeg_decompress_struct *info,
                     uint64_t *memory_bytes);

// Decodes the photo last prepared, whose `info` must still have its whole scan before it.
//   rgb  ceil(width / 8) * ceil(height / 8) * 3 bytes
// Returns whether all of the scan was sound; if not, `rgb` holds nothing of use.
bool jpeg_dc_run(struct jpeg_dc *dc, const struct jpeg_decompress_struct *info, uint8_t *rgb);

#endif
