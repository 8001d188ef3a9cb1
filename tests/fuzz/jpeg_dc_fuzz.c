// Any bytes as a JPEG at 1/8: with our own decoder the verdict, the words and the pixels must be
// those of libjpeg-turbo alone.
#include <stdlib.h>
#include <string.h>

#include "decode/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    // Decoded at 1/8 whatever its size.
    const struct cubby_preprocess preprocess = {.rule = CUBBY_RESIZE_SQUISH,
                                                .resize_width = 1,
                                                .resize_height = 1,
                                                .crop_width = 1,
                                                .crop_height = 1};
    if (decode_sniff(data, size_bytes) != DECODE_JPEG)
        return 0;
    // Kept, so that tables of the file before are met.
    static struct decoder *decoders[2];
    struct decode_image images[2];
    enum cubby_status statuses[2];
    char reasons[2][128];
    for (int i = 0; i < 2; i++) {
        const struct decode_params params = {.max_pixels = 1 << 20, .libjpeg_only = i};
        if (!decoders[i] && decoder_create(&decoders[i], &params))
            abort();
        statuses[i] = decode_run(decoders[i], data, size_bytes, "", &preprocess, &images[i],
                                 reasons[i], sizeof(reasons[i]));
    }
    if (statuses[0] != statuses[1] || strcmp(reasons[0], reasons[1]) != 0)
        abort();
    if (statuses[0])
        return 0;
    size_t count = (size_t)images[0].width * images[0].height * 3;
    if (images[0].width != images[1].width || images[0].height != images[1].height ||
        memcmp(images[0].rgb, images[1].rgb, count) != 0)
        abort();
    return 0;
}
