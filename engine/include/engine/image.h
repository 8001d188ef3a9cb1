// Pixels in, network input out: resize and crop exactly as Pillow and the training libraries do.
//
// Images are RGB8: three bytes a pixel, rows from the top, no padding between rows.
#ifndef ENGINE_IMAGE_H
#define ENGINE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/status.h"

enum cubby_filter {
    CUBBY_FILTER_BILINEAR, // Pillow's BILINEAR: triangle, widened when shrinking (antialiased)
    CUBBY_FILTER_BICUBIC,  // Pillow's BICUBIC, a = -0.5
};

enum cubby_resize_rule {
    // torchvision, timm: the shorter side becomes resize_width, the other int(size*long/short).
    CUBBY_RESIZE_SHORTER,
    // The whole image becomes resize_width x resize_height; the aspect ratio is lost.
    CUBBY_RESIZE_SQUISH,
    // fastai's Resize: the largest centred part of the wanted proportions is cut out and becomes
    // resize_width x resize_height; with CUBBY_RESIZE_PAD the smallest such rectangle around the
    // whole image, filled as `pad` says.
    CUBBY_RESIZE_CROP,
    CUBBY_RESIZE_PAD,
};

enum cubby_pad {
    CUBBY_PAD_ZEROS,      // black
    CUBBY_PAD_BORDER,     // the pixel at the edge
    CUBBY_PAD_REFLECTION, // mirrored, the edge pixel not repeated (numpy's "reflect")
};

enum cubby_centre {
    CUBBY_CENTRE_EVEN, // torchvision, timm: half a pixel goes to the even number
    CUBBY_CENTRE_DOWN, // Hugging Face, fastai: half a pixel is dropped
};

#define CUBBY_MAX_RESAMPLES 2u

// One of fastai's batch transforms, which resample the item at validation, too: the identity as an
// affine transform (area-pooled first when it shrinks by much, then sampled bilinearly), and the
// centred crop of RandomResizedCropGPU in front of such a one. The result is not rounded to 8 bits.
struct cubby_resample {
    uint32_t width, height; // of the result; the item's own: only what `crop` does
    bool align_corners;     // false: pixel centres, mirrored at the border
    bool crop;              // cut out the centre first, by ratio and scale:
    float min_ratio, max_ratio, scale;
};

// All that changes scores between a decoded photo and the network; stored in the model file.
struct cubby_preprocess {
    enum cubby_resize_rule rule;
    enum cubby_filter filter;
    uint32_t resize_width, resize_height; // CUBBY_RESIZE_SHORTER reads resize_width only
    enum cubby_pad pad;                   // CUBBY_RESIZE_PAD
    uint32_t crop_width, crop_height;     // centre crop of that; missing pixels are black
    enum cubby_centre centre;             // of the crop
    struct cubby_resample resamples[CUBBY_MAX_RESAMPLES];
    uint32_t resample_count; // 0: the crop is the network's input, 8 bits; else the last one's
    float mean[3], std[3];   // of pixels scaled to 0..1, applied on the device
    bool exif_orientation;   // turn the photo upright before resizing
};

#define CUBBY_MAX_INPUT_SIDE 1024u // of resize and crop sizes, so that no model can ask for more

// The network's input: the crop, or the last resample.
void cubby_preprocess_input(const struct cubby_preprocess *preprocess, uint32_t *width,
                            uint32_t *height);

// Bytes that cubby_preprocess_run() writes: width * height * 3 of the network's input, times
// sizeof(float) if there are resamples: then each value is a float from 0 to 255.
size_t cubby_preprocess_output_bytes(const struct cubby_preprocess *preprocess);

// The size that the rule gives a width x height image before the crop.
void cubby_preprocess_resized(const struct cubby_preprocess *preprocess, uint32_t width,
                              uint32_t height, uint32_t *resized_width, uint32_t *resized_height);

// Scratch memory that is reused between images, so that nothing is allocated per photo once the
// largest has been seen. One per thread.
struct cubby_resizer;
CUBBY_NODISCARD enum cubby_status cubby_resizer_create(struct cubby_resizer **out);
void cubby_resizer_destroy(struct cubby_resizer **resizer);
// Resamples give torch's own float32 values to the last bit (as on x86-64 with AVX2), which costs
// some ten milliseconds a photo, instead of their closest values.
void cubby_resizer_set_exact(struct cubby_resizer *resizer, bool exact);

// Resizes rgb (width x height) to out_width x out_height, bit for bit as Pillow 9.4
// Image.resize(): horizontal pass, rounded to 8 bits, then vertical pass, 22-bit fixed-point
// weights (src/libImaging/Resample.c). A pass whose size does not change is skipped.
//   out   out_width * out_height * 3 bytes, does not overlap rgb
//   CUBBY_NO_MEMORY  scratch could not grow
//   CUBBY_TOO_LARGE  a side is 0 or over 2^16 * 16
CUBBY_NODISCARD enum cubby_status cubby_resize(struct cubby_resizer *resizer, const uint8_t *rgb,
                                               uint32_t width, uint32_t height,
                                               enum cubby_filter filter, uint8_t *out,
                                               uint32_t out_width, uint32_t out_height);

// Resizes and crops as `preprocess` says (orientation and mean/std are not applied here).
//   out   cubby_preprocess_output_bytes() bytes; need not be aligned
//   CUBBY_NO_MEMORY  scratch could not grow
//   CUBBY_TOO_LARGE  a side is 0 or over 2^20, or padded to over 2^24
CUBBY_NODISCARD enum cubby_status cubby_preprocess_run(struct cubby_resizer *resizer,
                                                       const struct cubby_preprocess *preprocess,
                                                       const uint8_t *rgb, uint32_t width,
                                                       uint32_t height, uint8_t *out);

// A part of a photo, perhaps mirrored left to right: what training sees of it besides the whole.
struct cubby_view {
    float left, top;     // of the part, 0..1 of the photo's width and height
    float width, height; // 0..1 likewise; 0 or less, or more than there is: all that is there
    bool mirrored;
};

// The part in pixels, at least one each way, within the photo.
void cubby_view_size(const struct cubby_view *view, uint32_t width, uint32_t height,
                     uint32_t *view_width, uint32_t *view_height);
// Cuts the part out of rgb (width x height).
//   out  cubby_view_size() pixels of 3 bytes, does not overlap rgb
void cubby_view_run(const struct cubby_view *view, const uint8_t *rgb, uint32_t width,
                    uint32_t height, uint8_t *out);
// `preprocess` for a photo of which a view is shown, as far as a decoder looks at it that may
// decode smaller than the photo is: it asks for so many pixels more that the part alone has enough.
struct cubby_preprocess cubby_view_enlarge(const struct cubby_view *view,
                                           const struct cubby_preprocess *preprocess);

// Turns rgb (width x height, as stored) upright for EXIF orientation 1..8. `out` has the same
// number of bytes; sides are swapped for 5..8. Any other value copies.
void cubby_orient(const uint8_t *rgb, uint32_t width, uint32_t height, int orientation,
                  uint8_t *out);

#endif
