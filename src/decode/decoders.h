// Between decode.c and the decoders of each kind; nobody else includes this.
#ifndef SRC_DECODE_DECODERS_H
#define SRC_DECODE_DECODERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/decode.h"
#include "engine/status.h"

#define DECODE_MAX_SIDE (1u << 20) // what cubby_resize() takes

struct decode_job {
    const uint8_t *bytes; // borrowed
    size_t size_bytes;
    enum decode_kind kind;
    uint64_t max_pixels;
    bool exact, libjpeg_only;
    void (*before_memory)(void *user, uint64_t bytes); // as in struct decode_params
    void *user;
    const struct cubby_preprocess *preprocess; // borrowed
    bool turned;                               // the photo's sides will be swapped after decoding
    char *reason;                              // borrowed
    size_t reason_bytes;
};

// RGB8 pixels in memory that is kept from photo to photo.
struct decode_pixels {
    uint8_t *rgb; // owned
    size_t capacity_bytes;
    uint32_t width, height;
};

// Makes room for width x height pixels; what was there is lost.
CUBBY_NODISCARD enum cubby_status decode_pixels_set(struct decode_pixels *pixels, uint32_t width,
                                                    uint32_t height);
void decode_pixels_fini(struct decode_pixels *pixels);

// Writes the reason (printf format) and returns `status`.
enum cubby_status decode_fail(const struct decode_job *job, enum cubby_status status,
                              const char *format, ...) CUBBY_PRINTF(3, 4);
// "cut short: the file ends after 12 KB"
enum cubby_status decode_fail_cut_short(const struct decode_job *job);
// Refuses empty images and those over the limits. To be called before memory is taken for pixels.
CUBBY_NODISCARD enum cubby_status decode_check_size(const struct decode_job *job, uint64_t width,
                                                    uint64_t height);

// Says how much memory the photo will take: `bytes`, and as much as its pixels again if it is to be
// turned.
void decode_announce(const struct decode_job *job, uint64_t bytes, uint64_t pixels);

struct jpeg_decoder;
CUBBY_NODISCARD enum cubby_status jpeg_decoder_create(struct jpeg_decoder **out);
void jpeg_decoder_destroy(struct jpeg_decoder **decoder);
// *refused says that the file is sound, but of a kind that libjpeg-turbo has no code for: another
// decoder may.
CUBBY_NODISCARD enum cubby_status jpeg_decoder_run(struct jpeg_decoder *decoder,
                                                   const struct decode_job *job,
                                                   struct decode_pixels *pixels, bool *refused);

// A row of a four-colour JPEG as libjpeg gives it.
void jpeg_cmyk_to_rgb(const uint8_t *cmyk, uint32_t width, uint8_t *rgb);

CUBBY_NODISCARD enum cubby_status stb_decode(const struct decode_job *job,
                                             struct decode_pixels *pixels);

struct exif_facts {
    int orientation;   // 1..8; 1 if the file does not say
    char captured[20]; // as in struct decode_image
};

// Reads what the file's EXIF block says, if it has a sound one (JPEG and PNG).
void exif_read(const uint8_t *bytes, size_t size_bytes, enum decode_kind kind,
               struct exif_facts *facts);

#endif
