#include "commands/import_preprocess.h"

#include <string.h>

// torchvision's IMAGENET1K_V1 weights, and what nearly everything trained since goes by.
static const struct cubby_preprocess torchvision_preprocess = {
    .rule = CUBBY_RESIZE_SHORTER,
    .filter = CUBBY_FILTER_BILINEAR,
    .resize_width = 256,
    .resize_height = 256,
    .crop_width = 224,
    .crop_height = 224,
    .mean = {0.485f, 0.456f, 0.406f},
    .std = {0.229f, 0.224f, 0.225f},
    .exif_orientation = false,
};

// vision_learner(dls) with item_tfms=Resize(224) and no aug_transforms(size=...).
static const struct cubby_preprocess fastai_preprocess = {
    .rule = CUBBY_RESIZE_CROP,
    .filter = CUBBY_FILTER_BILINEAR,
    .resize_width = 224,
    .resize_height = 224,
    .crop_width = 224,
    .crop_height = 224,
    .centre = CUBBY_CENTRE_DOWN,
    .mean = {0.485f, 0.456f, 0.406f},
    .std = {0.229f, 0.224f, 0.225f},
    .exif_orientation = false,
};

// Whether the name is `end`, or ends in it behind a dot.
static bool ends_in(const char *name, const char *end)
{
    size_t name_bytes = strlen(name), end_bytes = strlen(end);
    if (name_bytes < end_bytes || strcmp(name + name_bytes - end_bytes, end) != 0)
        return false;
    return name_bytes == end_bytes || name[name_bytes - end_bytes - 1] == '.';
}

bool import_is_fastai(const struct cubby_checkpoint *checkpoint)
{
    for (size_t i = 0; i < cubby_checkpoint_tensor_count(checkpoint); i++) {
        const char *name = cubby_checkpoint_tensor(checkpoint, i)->name;
        if (ends_in(name, "0.4.0.conv1.weight") || ends_in(name, "0.model.layer1.0.conv1.weight"))
            return true;
    }
    return false;
}

const struct cubby_preprocess *import_preprocess_default(const struct cubby_checkpoint *checkpoint)
{
    return import_is_fastai(checkpoint) ? &fastai_preprocess : &torchvision_preprocess;
}

// A rule that is named replaces what there was: with fastai's, the network sees all that is
// resized, unless --crop says otherwise.
static void choose_rule(struct cubby_preprocess *p, const struct cli_options *options)
{
    if (options->resize_rule == CUBBY_RESIZE_PAD && p->rule != CUBBY_RESIZE_PAD)
        p->pad = CUBBY_PAD_REFLECTION; // fastai's own default
    p->rule = options->resize_rule;
    if (p->rule == CUBBY_RESIZE_SHORTER)
        return;
    if (!options->resize[0]) {
        p->resize_width = p->crop_width;
        p->resize_height = p->crop_height;
    }
    if (!options->crop[0]) {
        p->crop_width = p->resize_width;
        p->crop_height = p->resize_height;
    }
}

// What aug_transforms(size=...) leaves of itself at validation. With a min_scale it is two steps:
// the affine ones sample without a size, in place, which changes only the seventh digit; then
// RandomResizedCropGPU samples the centre, with the ratio (1, 1) that aug_transforms gives it.
static void choose_resamples(struct cubby_preprocess *p, const struct cli_resample *wanted)
{
    struct cubby_resample last = {
        .width = wanted->sides[0], .height = wanted->sides[1], .align_corners = true};
    p->resample_count = 0;
    if (wanted->same_first) {
        p->resamples[p->resample_count++] = (struct cubby_resample){
            .width = p->crop_width, .height = p->crop_height, .align_corners = true};
        last.crop = true;
        last.min_ratio = last.max_ratio = last.scale = 1;
    }
    p->resamples[p->resample_count++] = last;
}

static void choose_sizes(struct cubby_preprocess *p, const struct cli_options *options)
{
    bool sees_all = p->rule != CUBBY_RESIZE_SHORTER && p->crop_width == p->resize_width &&
                    p->crop_height == p->resize_height;
    if (options->resize[0]) {
        p->resize_width = options->resize[0];
        p->resize_height = options->resize[1];
    }
    if (options->crop[0]) {
        p->crop_width = options->crop[0];
        p->crop_height = options->crop[1];
    } else if (sees_all) {
        p->crop_width = p->resize_width;
        p->crop_height = p->resize_height;
    }
    if (options->resize_rule_given)
        choose_rule(p, options);
    if (options->resize_rule_given || options->crop[0])
        p->resample_count = 0; // the crop is what the network sees
    if (options->resample.sides[0])
        choose_resamples(p, &options->resample);
}

// Options that would be passed over in silence.
static enum cubby_status check_options(const struct cubby_preprocess *p,
                                       const struct cli_options *options,
                                       const struct cubby_log *log)
{
    if (p->rule == CUBBY_RESIZE_SHORTER && options->resize[0] != options->resize[1]) {
        cubby_log(log, CUBBY_LOG_ERROR,
                  "--resize %ux%u needs --resize-rule squish, crop or pad: shorter takes one side",
                  (unsigned)options->resize[0], (unsigned)options->resize[1]);
        return CUBBY_BAD_DATA;
    }
    if (p->rule != CUBBY_RESIZE_PAD && options->pad_mode_given) {
        cubby_log(log, CUBBY_LOG_ERROR, "--pad-mode needs --resize-rule pad");
        return CUBBY_BAD_DATA;
    }
    return CUBBY_OK;
}

enum cubby_status import_preprocess_choose(struct cubby_preprocess *out,
                                           const struct cubby_preprocess *base,
                                           const struct cli_options *options,
                                           const struct cubby_log *log)
{
    *out = *base;
    choose_sizes(out, options);
    if (options->pad_mode_given)
        out->pad = options->pad_mode;
    if (options->interpolation_given)
        out->filter = options->interpolation;
    if (options->mean_given)
        memcpy(out->mean, options->mean, sizeof(out->mean));
    if (options->std_given)
        memcpy(out->std, options->std, sizeof(out->std));
    return check_options(out, options, log);
}
