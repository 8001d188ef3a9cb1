// A small picture of a photo: decoded again, shrunk, and written as a JPEG.
#ifndef SRC_CHECK_THUMBNAIL_H
#define SRC_CHECK_THUMBNAIL_H

#include <stddef.h>
#include <stdint.h>

#include "engine/status.h"
#include "photo.h"
#include "platform/fs.h"

#define THUMBNAIL_SIDE 192u             // the longer side, in pixels
#define THUMBNAIL_MAX_BYTES (48u << 10) // noise takes 27 KB at this size, photos some 8 KB

struct thumbnail {
    uint8_t *jpeg; // owned
    size_t jpeg_bytes;
    uint32_t width, height;
};

struct thumbnail_params {
    const char *path;
    struct photo_hash hash;  // of the content that is meant
    uint64_t max_file_bytes; // 0: no limit
    uint64_t max_pixels;     // 0: the decoder's default
    const struct fs *fs;
};

// Holds one decoded photo meanwhile. *out is zeroed on failure.
//   CUBBY_BAD_DATA  the file is another one now, or cannot be decoded
//   CUBBY_IO, CUBBY_TOO_LARGE, CUBBY_UNSUPPORTED, CUBBY_NO_MEMORY
CUBBY_NODISCARD enum cubby_status thumbnail_make(struct thumbnail *out,
                                                 const struct thumbnail_params *params);
// RGB8 [height, width, 3] as a baseline JPEG.
CUBBY_NODISCARD enum cubby_status thumbnail_encode(struct thumbnail *out, const uint8_t *rgb,
                                                   uint32_t width, uint32_t height);
void thumbnail_free(struct thumbnail *thumbnail); // takes a zeroed one

#endif
