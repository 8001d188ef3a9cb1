// The rules: which part of the photo is resized, and which part of that the network sees.
#include <string.h>

#include "image/resizer.h"

void cubby_preprocess_input(const struct cubby_preprocess *preprocess, uint32_t *width,
                            uint32_t *height)
{
    *width = preprocess->crop_width;
    *height = preprocess->crop_height;
    if (preprocess->resample_count) {
        const struct cubby_resample *last = &preprocess->resamples[preprocess->resample_count - 1];
        *width = last->width;
        *height = last->height;
    }
}

size_t cubby_preprocess_output_bytes(const struct cubby_preprocess *preprocess)
{
    uint32_t width, height;
    cubby_preprocess_input(preprocess, &width, &height);
    size_t values = (size_t)width * height * CHANNELS;
    return preprocess->resample_count ? values * sizeof(float) : values;
}

void cubby_preprocess_resized(const struct cubby_preprocess *preprocess, uint32_t width,
                              uint32_t height, uint32_t *resized_width, uint32_t *resized_height)
{
    *resized_width = preprocess->resize_width;
    *resized_height = preprocess->resize_height;
    if (preprocess->rule != CUBBY_RESIZE_SHORTER)
        return;
    // torchvision: int(size * long / short). The quotient of sides up to 2^20 is never so near to
    // the next whole number that Python's double division would round up to it.
    uint64_t size = preprocess->resize_width;
    *resized_width = width <= height ? (uint32_t)size : (uint32_t)(size * width / height);
    *resized_height = width <= height ? (uint32_t)(size * height / width) : (uint32_t)size;
}

// `size` pixels in the middle of `photo` ones, or around them.
static struct source_axis centred_axis(uint32_t photo, uint32_t size, enum cubby_pad pad)
{
    if (size <= photo)
        return (struct source_axis){.size = size, .first = (photo - size) / 2, .taken = size};
    return (struct source_axis){
        .size = size, .taken = photo, .before = (size - photo) / 2, .pad = pad};
}

// The rectangle that is resized. The order of fastai's operations is kept, because the rectangle
// can come out a pixel smaller than the photo (int(3000 / 200 * 200) need not be 3000).
static enum cubby_status source_rectangle(const struct cubby_preprocess *preprocess,
                                          struct source *source, uint32_t width, uint32_t height)
{
    source->x = (struct source_axis){.size = width, .taken = width};
    source->y = (struct source_axis){.size = height, .taken = height};
    if (preprocess->rule != CUBBY_RESIZE_CROP && preprocess->rule != CUBBY_RESIZE_PAD)
        return CUBBY_OK;

    double x_ratio = (double)width / preprocess->resize_width;
    double y_ratio = (double)height / preprocess->resize_height;
    bool wider = preprocess->rule == CUBBY_RESIZE_PAD ? x_ratio > y_ratio : x_ratio < y_ratio;
    double ratio = wider ? x_ratio : y_ratio;
    double part_width = ratio * preprocess->resize_width;
    double part_height = ratio * preprocess->resize_height;
    if (part_width > MAX_PADDED_SIDE || part_height > MAX_PADDED_SIDE)
        return CUBBY_TOO_LARGE;
    // fastai fails where no pixel is left; a photo one pixel wide is no reason to.
    source->x = centred_axis(width, part_width < 1.0 ? 1 : (uint32_t)part_width, preprocess->pad);
    source->y =
        centred_axis(height, part_height < 1.0 ? 1 : (uint32_t)part_height, preprocess->pad);
    return CUBBY_OK;
}

// One axis of the centre crop: where the window begins, how long it is and how many black pixels
// come before it.
static void crop_axis(uint32_t size, uint32_t crop, enum cubby_centre centre, uint32_t *first,
                      uint32_t *count, uint32_t *padding)
{
    bool down = centre == CUBBY_CENTRE_DOWN;
    if (size > crop) {
        // Python's round((size - crop) / 2.0), half going to the even number, or a // 2.
        uint32_t half = (size - crop) / 2;
        *first = !down && (size - crop) % 2 && half % 2 ? half + 1 : half;
        *count = crop;
        *padding = 0;
        return;
    }
    *first = 0;
    *count = size;
    // torchvision puts n // 2 black pixels in front; rounded down, -n // 2 is one more for odd n.
    *padding = (crop - size + (down ? 1 : 0)) / 2;
}

static enum cubby_status make_item(struct cubby_resizer *resizer,
                                   const struct cubby_preprocess *preprocess,
                                   const struct source *source, uint32_t resized_width,
                                   uint32_t resized_height, uint8_t *out)
{
    struct window window = {.out_stride = (size_t)preprocess->crop_width * CHANNELS};
    uint32_t left, top;
    crop_axis(resized_width, preprocess->crop_width, preprocess->centre, &window.x, &window.width,
              &left);
    crop_axis(resized_height, preprocess->crop_height, preprocess->centre, &window.y,
              &window.height, &top);
    if (window.width < preprocess->crop_width || window.height < preprocess->crop_height)
        memset(out, 0, window.out_stride * preprocess->crop_height);
    window.out = out + top * window.out_stride + (size_t)left * CHANNELS;
    return resize_window(resizer, source, preprocess->filter, resized_width, resized_height,
                         &window);
}

void cubby_resizer_set_exact(struct cubby_resizer *resizer, bool exact)
{
    resizer->resampler.exact = exact;
}

enum cubby_status cubby_preprocess_run(struct cubby_resizer *resizer,
                                       const struct cubby_preprocess *preprocess,
                                       const uint8_t *rgb, uint32_t width, uint32_t height,
                                       uint8_t *out)
{
    if (!side_fits(width) || !side_fits(height))
        return CUBBY_TOO_LARGE;
    struct source source = {.rgb = rgb, .width = width};
    enum cubby_status status = source_rectangle(preprocess, &source, width, height);
    if (status)
        return status;
    uint32_t resized_width, resized_height;
    cubby_preprocess_resized(preprocess, width, height, &resized_width, &resized_height);
    if (!preprocess->resample_count)
        return make_item(resizer, preprocess, &source, resized_width, resized_height, out);

    status = resizer_reserve((void **)&resizer->item, &resizer->item_capacity,
                             (size_t)preprocess->crop_width * preprocess->crop_height * CHANNELS,
                             sizeof(*resizer->item));
    if (!status)
        status =
            make_item(resizer, preprocess, &source, resized_width, resized_height, resizer->item);
    if (!status)
        status = resample(&resizer->resampler, preprocess, resizer->item, out);
    return status;
}
