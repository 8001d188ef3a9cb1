// Any bytes as a photo: decoded, turned upright, resized and cropped. Small limits keep it quick.
#include <stdlib.h>
#include <string.h>

#include "decode/decode.h"
#include "engine/image.h"

#define CROP 32u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    const struct cubby_preprocess preprocess = {
        .rule = size_bytes % 3 ? CUBBY_RESIZE_SHORTER : CUBBY_RESIZE_SQUISH,
        .filter = size_bytes % 2 ? CUBBY_FILTER_BICUBIC : CUBBY_FILTER_BILINEAR,
        .resize_width = 40,
        .resize_height = 36,
        .crop_width = CROP,
        .crop_height = CROP,
        .exif_orientation = true,
    };
    const struct decode_params params = {.max_pixels = 1 << 16, .exact = size_bytes % 5 == 0};
    struct decoder *decoder = NULL;
    struct cubby_resizer *resizer = NULL;
    if (decoder_create(&decoder, &params) || cubby_resizer_create(&resizer))
        abort();

    struct decode_image image;
    char reason[128];
    // Twice: what one photo leaves in the decoder must not hurt the next.
    for (int i = 0; i < 2; i++) {
        enum cubby_status status = decode_run(decoder, data, size_bytes, "photo.tga", &preprocess,
                                              &image, reason, sizeof(reason));
        if (status != CUBBY_OK) {
            if (strlen(reason) == 0 || image.rgb)
                abort(); // a failure without a reason, or with pixels
            continue;
        }
        uint8_t out[CROP * CROP * 3];
        if (cubby_preprocess_run(resizer, &preprocess, image.rgb, image.width, image.height, out))
            abort();
    }
    cubby_resizer_destroy(&resizer);
    decoder_destroy(&decoder);
    return 0;
}
