// cubby's own JPEG decoder for 1/8 of the size, where nearly all of a file can be skipped: a block
// of 8 x 8 pixels becomes one, its mean, and the 63 other coefficients are read past, several at a
// time. What it accepts is bit for bit what libjpeg-turbo makes of the file at scale 1/8 without
// fancy upsampling. Anything rare or odd it leaves to libjpeg-turbo, which then gives the verdict.
//
// Of a baseline file every code is looked at, and damage is noticed as libjpeg-turbo notices it. Of
// a progressive file whole scans are passed over unread: those of the other coefficients of
// components that keep only their means, which is all of luma. What is noticed there:
//   - a file that is cut short: no end marker, or a bit of any coefficient that no scan has said,
//     also of those passed over
//   - scans that do not follow each other by the standard's rules; code tables that are no such
//   - markers that no scan may hold, restart markers too many, too few or out of order
//   - a hole: 32 zero bytes in a row; of another file's bytes, a disk's block (4096) nearly always
//     holds a marker that no scan may, 512 bytes do in 7 of 8 cases
// What is not: single wrong bits, of which libjpeg-turbo notices one in seven, and bytes that are
// missing or wrong without a marker among them, most of which it notices. Here those files are
// taken. None of it can change a pixel at 1/8: they are those that libjpeg-turbo makes of the file
// with its warnings not heeded. So what a photo is classified from is complete even then. At
// larger scales libjpeg-turbo reads, and judges, all of the file as ever.
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

// Whether it is worth trying: a photo in one baseline scan, or a progressive one, with the usual
// sampling. `info` is as jpeg_read_header() leaves it, and is not changed.
//   most_scans    a file with more is left to libjpeg-turbo
//   memory_bytes  written: what jpeg_dc_run() will hold besides the pixels
bool jpeg_dc_prepare(struct jpeg_dc *dc, const struct jpeg_decompress_struct *info,
                     uint32_t most_scans, uint64_t *memory_bytes);

// Decodes the photo last prepared, whose `info` must still have all after its first scan's header
// before it.
//   rgb  ceil(width / 8) * ceil(height / 8) * 3 bytes
// Returns whether all that it looked at was sound; if not, `rgb` holds nothing of use.
bool jpeg_dc_run(struct jpeg_dc *dc, const struct jpeg_decompress_struct *info, uint8_t *rgb);

#endif
