// The preprocessing in words.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/model.h"

// Text that is cut at its end.
struct words {
    char *text;
    size_t bytes;
};

static void say(struct words *words, const char *format, ...) CUBBY_PRINTF(2, 3);
static void say(struct words *words, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(words->text, words->bytes, format, arguments);
    va_end(arguments);
    size_t used = length > 0 ? (size_t)length : 0;
    if (words->bytes && used >= words->bytes)
        used = words->bytes - 1;
    words->text += used;
    words->bytes -= used;
}

static void say_rule(struct words *words, const struct cubby_preprocess *p)
{
    static const char *const pads[] = {[CUBBY_PAD_ZEROS] = "black",
                                       [CUBBY_PAD_BORDER] = "the pixels at the edge",
                                       [CUBBY_PAD_REFLECTION] = "reflections"};
    switch (p->rule) {
    case CUBBY_RESIZE_SHORTER:
        say(words, "shorter side to %u", p->resize_width);
        break;
    case CUBBY_RESIZE_SQUISH:
        say(words, "squished to %ux%u", p->resize_width, p->resize_height);
        break;
    case CUBBY_RESIZE_CROP:
        say(words, "largest centred part of the proportions of %ux%u, resized to that",
            p->resize_width, p->resize_height);
        break;
    case CUBBY_RESIZE_PAD:
        say(words, "padded with %s to the proportions of %ux%u, resized to that", pads[p->pad],
            p->resize_width, p->resize_height);
        break;
    }
    say(words, " (%s)", p->filter == CUBBY_FILTER_BICUBIC ? "bicubic" : "bilinear");
}

static void say_crop(struct words *words, const struct cubby_preprocess *p)
{
    bool exact = p->rule == CUBBY_RESIZE_CROP || p->rule == CUBBY_RESIZE_PAD;
    if (exact && p->crop_width == p->resize_width && p->crop_height == p->resize_height)
        return;
    say(words, ", centre crop %ux%u%s", p->crop_width, p->crop_height,
        p->centre == CUBBY_CENTRE_DOWN ? " (half pixels dropped)" : "");
}

static void say_resample(struct words *words, const struct cubby_resample *resample)
{
    if (resample->crop) {
        say(words, ", centre cut to proportions of %g", (double)resample->min_ratio);
        if (resample->max_ratio > resample->min_ratio)
            say(words, " to %g", (double)resample->max_ratio);
        if (resample->scale < 1)
            say(words, " and %g of its sides", (double)resample->scale);
    }
    say(words, ", resampled to %ux%u %s", resample->width, resample->height,
        resample->align_corners ? "from corner to corner" : "at pixel centres");
}

void cubby_preprocess_describe(const struct cubby_preprocess *preprocess, char *text,
                               size_t text_bytes)
{
    struct words words = {text, text_bytes};
    const float *mean = preprocess->mean, *std = preprocess->std;
    say_rule(&words, preprocess);
    say_crop(&words, preprocess);
    for (uint32_t i = 0; i < preprocess->resample_count; ++i)
        say_resample(&words, &preprocess->resamples[i]);
    say(&words, ", mean %g %g %g, std %g %g %g, EXIF orientation %s", (double)mean[0],
        (double)mean[1], (double)mean[2], (double)std[0], (double)std[1], (double)std[2],
        preprocess->exif_orientation ? "applied" : "ignored");
}
