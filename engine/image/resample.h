// fastai's batch transforms at validation: float sampling of the item. Private to engine/image.
#ifndef ENGINE_IMAGE_RESAMPLE_H
#define ENGINE_IMAGE_RESAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/image.h"

// All resamples of one axis in one: output position i is the sum of weight[i][k] times the item's
// pixel start[i] + k.
struct resample_axis {
    uint32_t count, taps;
    uint32_t *start, *length; // [count]; owned
    float *weight;            // [count][taps]; owned
};

// They depend on the preprocessing alone, so they are made for the first photo and kept.
struct resampler {
    struct cubby_resample made_for[CUBBY_MAX_RESAMPLES];
    uint32_t made_count, item_width, item_height; // made_count 0: nothing is made
    struct resample_axis x, y;
    float *row; // owned: one row of the item's width, then one of the output's
    // Repeat torch's float arithmetic, step by step: see resample_exact.c.
    bool exact;
    float *planes[2]; // owned: images between two steps
    size_t plane_capacity[2];
};

// Samples the item (RGB8, crop_width x crop_height) as preprocess->resamples say.
//   out  cubby_preprocess_output_bytes() bytes of floats from 0 to 255, written in order
CUBBY_NODISCARD enum cubby_status resample(struct resampler *resampler,
                                           const struct cubby_preprocess *preprocess,
                                           const uint8_t *item, uint8_t *out);
void resampler_fini(struct resampler *resampler);

// The centred part that resample->crop takes of a width x height image.
void resample_crop(const struct cubby_resample *resample, uint32_t width, uint32_t height,
                   uint32_t *crop_width, uint32_t *crop_height);
// Whether the image is pooled first; then width and height become what it is pooled to.
bool resample_pools(const struct cubby_resample *resample, uint32_t *width, uint32_t *height);

// ---- resample_exact.c

// Whether that arithmetic is known for all of its steps.
bool resample_is_exact(const struct cubby_preprocess *preprocess);
CUBBY_NODISCARD enum cubby_status resample_exactly(struct resampler *resampler,
                                                   const struct cubby_preprocess *preprocess,
                                                   const uint8_t *item, uint8_t *out);

#endif
