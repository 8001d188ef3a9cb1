// Photo bytes in, upright RGB8 pixels out. The kind is sniffed from the bytes, never from the name.
#ifndef SRC_DECODE_DECODE_H
#define SRC_DECODE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/image.h"
#include "engine/status.h"

enum decode_kind {
    DECODE_UNKNOWN,
    DECODE_JPEG,
    DECODE_PNG,
    DECODE_BMP,
    DECODE_GIF, // first frame
    DECODE_TGA,
    DECODE_PSD,
    DECODE_PNM,
    DECODE_WEBP, // recognised, not decoded yet: CUBBY_UNSUPPORTED, as the next two
    DECODE_HEIF,
    DECODE_TIFF,
};

struct decode_params {
    uint64_t max_pixels; // 0 means 512 million; checked before any allocation
    bool exact;          // full size, libjpeg-turbo's defaults, as Pillow decodes
    bool libjpeg_only;   // our own JPEG decoder is left out: for tests and benchmarks
    // NULL, or called once a photo's header has been read and before its memory is taken, with the
    // most that decoding it will hold. It may wait; the caller's way to bound several threads.
    void (*before_memory)(void *user, uint64_t bytes);
    void *user;
};

struct decode_image {
    const uint8_t *rgb; // borrowed from the decoder until its next call
    uint32_t width, height;
    // When the photo was taken by the camera's clock, "2021-07-03 14:05:09"; "" if it does not say.
    char captured[20];
};

// From the first bytes (at most 64 are looked at; TGA has no signature and also needs its name to
// end in .tga, so it is only tried by decode_run when asked by `name`).
enum decode_kind decode_sniff(const uint8_t *bytes, size_t size_bytes);
const char *decode_kind_text(enum decode_kind kind);
// Whether a file name ends like a photo's (.jpg, .png, .heic, raw kinds ...), any case.
bool decode_name_is_photo(const char *name);

// One per thread: handles and scratch that are reused. Between photos it keeps at most 64 MB of
// pixels, and as much of what our own JPEG decoder needs. During a photo it holds the decoded
// pixels (3 bytes each; twice if the photo must be turned), up to 1 GB of coefficients for a
// progressive JPEG, the file's bytes again and half a byte (progressive: one) a photo's pixel for a
// JPEG at 1/8, and up to 16 bytes a pixel for the kinds that stb_image reads.
struct decoder;
CUBBY_NODISCARD enum cubby_status decoder_create(struct decoder **out,
                                                 const struct decode_params *params);
void decoder_destroy(struct decoder **decoder);

// Decodes to at least the size that `preprocess` will resize to (JPEG: the smallest DCT scale of
// 1/8, 1/4, 1/2 and 1 whose sides are still at least that), and turns the photo upright if
// preprocess->exif_orientation.
//   reason  on failure: a short English phrase for the report, e.g. "cut short after 12 KB"
// CUBBY_BAD_DATA, CUBBY_UNSUPPORTED, CUBBY_TOO_LARGE, CUBBY_NO_MEMORY: this photo only.
// A truncated photo is CUBBY_BAD_DATA: half a photo never gets a class. Damage to details that are
// not read at the scale chosen may go unnoticed in a progressive JPEG (see jpeg_dc.h), never that
// to the pixels handed out. Colours become RGB as Pillow's convert("RGB") does it: alpha is
// dropped, not blended. Where this differs from Pillow: 16-bit grey is scaled to 8 bits (Pillow
// clips it), and transparent pixels of a GIF are black (Pillow shows the palette entry behind
// them).
CUBBY_NODISCARD enum cubby_status decode_run(struct decoder *decoder, const uint8_t *bytes,
                                             size_t size_bytes, const char *name,
                                             const struct cubby_preprocess *preprocess,
                                             struct decode_image *out, char *reason,
                                             size_t reason_bytes);

#endif
