// Any bytes as a JPEG at 1/8: with our own decoder the verdict, the words and the pixels must be
// those of libjpeg-turbo alone. Except that it does not look into scans that add nothing to the
// picture: if they are damaged, the pixels must be those that libjpeg makes of the rest.
#include <stdlib.h>
#include <string.h>

#include "../src/decode/lenient_jpeg.h"
#include "decode/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static bool is_progressive(const uint8_t *data, size_t size_bytes)
{
    for (size_t i = 0; i + 1 < size_bytes; i++)
        if (data[i] == 0xff && data[i + 1] == 0xc2)
            return true;
    return false;
}

static void check_pixels(const struct decode_image *image, const uint8_t *rgb)
{
    if (!rgb || memcmp(image->rgb, rgb, (size_t)image->width * image->height * 3) != 0)
        abort();
}

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
    bool damaged = !statuses[0] && statuses[1] == CUBBY_BAD_DATA;
    if (damaged && is_progressive(data, size_bytes)) {
        uint8_t *rgb = lenient_jpeg(data, size_bytes);
        check_pixels(&images[0], rgb);
        free(rgb);
        return 0;
    }
    if (statuses[0] != statuses[1] || strcmp(reasons[0], reasons[1]) != 0)
        abort();
    if (statuses[0])
        return 0;
    if (images[0].width != images[1].width || images[0].height != images[1].height)
        abort();
    check_pixels(&images[0], images[1].rgb);
    return 0;
}
