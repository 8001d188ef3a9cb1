// What a Learner's pipelines do to a photo at validation, as struct cubby_preprocess.
//
// Transforms are told apart by the name of their class alone, since modules have moved between
// versions. Random state that a file keeps (Resize.pcts, split_idx) is that of the last training
// batch and says nothing about validation.
#include "model/fastai.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model.h"
#include "model/metadata.h"

#define MAX_NAMES_BYTES 400u
#define MAX_STEPS 100u // a pipeline has about ten

struct pipeline {
    const struct fastai *fastai;
    struct cubby_preprocess preprocess;
    bool resized, normalized, refused;
    char seen[MAX_NAMES_BYTES], training[MAX_NAMES_BYTES], unknown[MAX_NAMES_BYTES];
};

static const char *const training_only[] = {
    "Brightness",    "Contrast", "Saturation",   "Hue",           "LightingTfm",
    "RandomErasing", "FlipItem", "DihedralItem", "RandTransform", NULL,
};
static const char *const affine[] = {
    "AffineCoordTfm", "Flip", "Dihedral", "DeterministicFlip", "DeterministicDihedral", "Rotate",
    "Zoom",           "Warp", NULL,
};

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; ++names) {
        if (strcmp(name, *names) == 0)
            return true;
    }
    return false;
}

static void add_name(char *list, const struct pickle *pickle, uint32_t t)
{
    size_t used = strlen(list);
    char name[FASTAI_STEP_BYTES];
    fastai_name_step(pickle, t, name);
    snprintf(list + used, MAX_NAMES_BYTES - used, "%s%s", used ? ", " : "", name);
}

// The file can still be used with a preprocessing that the user gives.
static enum cubby_status obstacle(struct pipeline *p, const char *transform, const char *why)
{
    p->refused = true;
    return checkpoint_set_obstacle(p->fastai->checkpoint, "its fastai transform %s %s", transform,
                                   why);
}

// ---- values of attributes

static bool read_real(const struct pickle *pickle, uint32_t index, double *value)
{
    const struct pickle_node *node = pickle_node(pickle, index);
    if (node->kind == PICKLE_INT)
        *value = (double)node->integer;
    else if (node->kind == PICKLE_FLOAT)
        *value = node->real;
    else
        return false;
    return true;
}

// (a, b), fastuple((a, b)) or one number for both.
static bool read_sides(const struct pickle *pickle, uint32_t index, uint32_t sides[2])
{
    const struct pickle_object *object = pickle_object(pickle, index);
    if (object && strcmp(fastai_class(pickle, index), "fastuple") == 0)
        index = pickle_item(pickle, object->arguments, 0);
    for (uint32_t i = 0; i < 2; ++i) {
        const struct pickle_list *list = pickle_sequence(pickle, index);
        int64_t side = 0;
        if (!pickle_integer(pickle, list ? pickle_item(pickle, index, i) : index, &side) ||
            side < 1 || side > CUBBY_MAX_INPUT_SIDE)
            return false;
        sides[i] = (uint32_t)side;
    }
    return true;
}

// Pillow's filters: 2, Resampling(2), or getattr(Resampling, 'BILINEAR').
static bool read_filter(const struct pickle *pickle, uint32_t index, enum cubby_filter *filter)
{
    const struct pickle_object *call = pickle_object(pickle, index);
    int64_t number = 0;
    if (call) {
        uint32_t name = pickle_item(pickle, call->arguments, 1);
        if (pickle_is_text(pickle, name, "BILINEAR"))
            number = 2;
        else if (pickle_is_text(pickle, name, "BICUBIC"))
            number = 3;
        else if (strcmp(fastai_class(pickle, index), "Resampling") == 0)
            index = pickle_item(pickle, call->arguments, 0);
    }
    if (number == 0 && !pickle_integer(pickle, index, &number))
        return false;
    *filter = number == 3 ? CUBBY_FILTER_BICUBIC : CUBBY_FILTER_BILINEAR;
    return number == 2 || number == 3;
}

static bool read_pad(const struct pickle *pickle, uint32_t index, enum cubby_pad *pad)
{
    if (pickle_is_text(pickle, index, "zeros"))
        *pad = CUBBY_PAD_ZEROS;
    else if (pickle_is_text(pickle, index, "border"))
        *pad = CUBBY_PAD_BORDER;
    else if (pickle_is_text(pickle, index, "reflection"))
        *pad = CUBBY_PAD_REFLECTION;
    else
        return false;
    return true;
}

static enum cubby_status read_triple(const struct fastai *f, uint32_t index, const char *name,
                                     float values[3])
{
    struct cubby_tensor tensor = {0};
    if (!torch_is_tensor(f->pickle, index)) {
        cubby_log(f->log, CUBBY_LOG_ERROR, "the fastai transform Normalize has no %s", name);
        return CUBBY_UNSUPPORTED;
    }
    enum cubby_status status =
        torch_tensor_read(f->pickle, index, name, f->storages, &tensor, f->log);
    if (!status && cubby_tensor_elements(&tensor) != 3) {
        cubby_log(
            f->log, CUBBY_LOG_ERROR,
            "the fastai transform Normalize has a %s of %llu values; cubby knows networks for "
            "RGB photos",
            name, (unsigned long long)cubby_tensor_elements(&tensor));
        status = CUBBY_UNSUPPORTED;
    }
    return status ? status : cubby_tensor_read_f32(&tensor, values);
}

// ---- item transforms

static enum cubby_status take_resize(struct pipeline *p, uint32_t t)
{
    const struct pickle *pickle = p->fastai->pickle;
    struct cubby_preprocess *out = &p->preprocess;
    uint32_t sides[2], method = pickle_attribute(pickle, t, "method");
    if (p->resized)
        return obstacle(p, "Resize", "comes after another that resizes");
    if (!read_sides(pickle, pickle_attribute(pickle, t, "size"), sides))
        return obstacle(p, "Resize", "has no size from 1 to 1024 pixels");
    if (pickle_is_text(pickle, method, "crop"))
        out->rule = CUBBY_RESIZE_CROP;
    else if (pickle_is_text(pickle, method, "pad"))
        out->rule = CUBBY_RESIZE_PAD;
    else if (pickle_is_text(pickle, method, "squish"))
        out->rule = CUBBY_RESIZE_SQUISH;
    else
        return obstacle(p, "Resize", "has a method that is none of crop, pad and squish");
    if (!read_filter(pickle, pickle_item(pickle, pickle_attribute(pickle, t, "resamples"), 0),
                     &out->filter))
        return obstacle(p, "Resize", "resamples neither bilinear nor bicubic");
    if (out->rule == CUBBY_RESIZE_PAD &&
        !read_pad(pickle, pickle_attribute(pickle, t, "pad_mode"), &out->pad))
        return obstacle(p, "Resize", "has a pad_mode that is none of zeros, border and reflection");
    out->resize_width = out->crop_width = sides[0];
    out->resize_height = out->crop_height = sides[1];
    p->resized = true;
    return CUBBY_OK;
}

// At validation: the whole photo to a somewhat larger size, and the centre of that.
static enum cubby_status take_random_crop_item(struct pipeline *p, uint32_t t)
{
    const struct pickle *pickle = p->fastai->pickle;
    struct cubby_preprocess *out = &p->preprocess;
    uint32_t sides[2];
    double extra = 0;
    if (p->resized)
        return obstacle(p, "RandomResizedCrop", "comes after another that resizes");
    if (!read_sides(pickle, pickle_attribute(pickle, t, "size"), sides) ||
        !read_real(pickle, pickle_attribute(pickle, t, "val_xtra"), &extra) ||
        !(extra >= 0 && extra <= CUBBY_MAX_INPUT_SIDE))
        return obstacle(p, "RandomResizedCrop", "has no size from 1 to 1024 pixels");
    uint32_t larger = sides[0] > sides[1] ? sides[0] : sides[1];
    double more = ceil(larger * extra / 8) * 8;
    if (larger + more > CUBBY_MAX_INPUT_SIDE)
        return obstacle(p, "RandomResizedCrop", "resizes to more than 1024 pixels");
    if (!read_filter(pickle, pickle_item(pickle, pickle_attribute(pickle, t, "resamples"), 0),
                     &out->filter))
        return obstacle(p, "RandomResizedCrop", "resamples neither bilinear nor bicubic");
    out->rule = CUBBY_RESIZE_SQUISH;
    out->resize_width = sides[0] + (uint32_t)more;
    out->resize_height = sides[1] + (uint32_t)more;
    out->crop_width = sides[0];
    out->crop_height = sides[1];
    p->resized = true;
    return CUBBY_OK;
}

static enum cubby_status take_crop(struct pipeline *p, uint32_t t, const char *class)
{
    struct cubby_preprocess *out = &p->preprocess;
    uint32_t sides[2];
    if (!read_sides(p->fastai->pickle, pickle_attribute(p->fastai->pickle, t, "size"), sides))
        return obstacle(p, class, "has no size from 1 to 1024 pixels");
    if (!p->resized)
        return obstacle(p, class, "cuts photos without resizing them before");
    if (sides[0] > out->crop_width || sides[1] > out->crop_height)
        return obstacle(p, class, "makes photos larger after they were resized");
    if (out->resize_width != out->crop_width || out->resize_height != out->crop_height)
        return obstacle(p, class, "crops a second time");
    out->crop_width = sides[0];
    out->crop_height = sides[1];
    return CUBBY_OK;
}

static bool is_training_only(const struct pickle *pickle, uint32_t t, const char *class)
{
    int64_t split = -1;
    bool zero =
        pickle_integer(pickle, pickle_attribute(pickle, t, "split_idx"), &split) && split == 0;
    return is_one_of(class, training_only) || zero;
}

static enum cubby_status take_item(struct pipeline *p, uint32_t t)
{
    const char *class = fastai_class(p->fastai->pickle, t);
    add_name(p->seen, p->fastai->pickle, t);
    if (strcmp(class, "Resize") == 0)
        return take_resize(p, t);
    if (strcmp(class, "RandomResizedCrop") == 0)
        return take_random_crop_item(p, t);
    if (strcmp(class, "CropPad") == 0 || strcmp(class, "RandomCrop") == 0)
        return take_crop(p, t, class);
    if (strcmp(class, "ToTensor") == 0)
        return CUBBY_OK;
    add_name(is_training_only(p->fastai->pickle, t, class) ? p->training : p->unknown,
             p->fastai->pickle, t);
    return CUBBY_OK;
}

// ---- batch transforms

static enum cubby_status add_resample(struct pipeline *p, const char *class,
                                      const struct cubby_resample *resample)
{
    if (p->preprocess.resample_count == CUBBY_MAX_RESAMPLES)
        return obstacle(p, class, "resamples a third time");
    p->preprocess.resamples[p->preprocess.resample_count++] = *resample;
    return CUBBY_OK;
}

// Sampling to the same size leaves every pixel where it is, but for its seventh digit; fastai pools
// very tall photos first, all the same. As the only resample it would cost the 8-bit input, so it
// is left out; in front of another one it stays, for what is exact.
static void drop_identity(struct cubby_preprocess *p)
{
    const struct cubby_resample *only = &p->resamples[0];
    if (p->resample_count == 1 && !only->crop && only->width == p->crop_width &&
        only->height == p->crop_height && p->crop_height <= 2 * p->crop_width)
        p->resample_count = 0;
}

static enum cubby_status take_affine(struct pipeline *p, uint32_t t, const char *class)
{
    const struct pickle *pickle = p->fastai->pickle;
    uint32_t width, height, sides[2], size = pickle_attribute(pickle, t, "size");
    uint32_t mode = pickle_attribute(pickle, t, "mode");
    const struct pickle_node *align =
        pickle_node(pickle, pickle_attribute(pickle, t, "align_corners"));
    cubby_preprocess_input(&p->preprocess, &width, &height);
    struct cubby_resample resample = {.width = width, .height = height};
    if (pickle_node(pickle, size)->kind != PICKLE_NONE) {
        if (!read_sides(pickle, size, sides))
            return obstacle(p, class, "has no size from 1 to 1024 pixels");
        resample.height = sides[0]; // tensors are (height, width)
        resample.width = sides[1];
    }
    resample.align_corners = align->kind == PICKLE_BOOL && align->boolean;
    if (mode != PICKLE_ABSENT && !pickle_is_text(pickle, mode, "bilinear"))
        return obstacle(p, class, "samples in another mode than bilinear");
    // Only there does sampling look beyond the edge.
    if (!resample.align_corners && (resample.width > width || resample.height > height) &&
        pickle_is_text(pickle, pickle_attribute(pickle, t, "pad_mode"), "zeros"))
        return obstacle(p, class, "enlarges photos with black edges");
    return add_resample(p, class, &resample);
}

static enum cubby_status take_random_crop_batch(struct pipeline *p, uint32_t t)
{
    static const char class[] = "RandomResizedCropGPU";
    const struct pickle *pickle = p->fastai->pickle;
    uint32_t sides[2], ratio = pickle_attribute(pickle, t, "ratio");
    uint32_t mode = pickle_attribute(pickle, t, "mode");
    double low = 0, high = 0, scale = 1;
    if (!read_sides(pickle, pickle_attribute(pickle, t, "size"), sides))
        return obstacle(p, class, "has no size from 1 to 1024 pixels");
    if (!read_real(pickle, pickle_item(pickle, ratio, 0), &low) ||
        !read_real(pickle, pickle_item(pickle, ratio, 1), &high) || !(low > 0 && low <= high))
        return obstacle(p, class, "has no sensible ratio");
    uint32_t valid = pickle_attribute(pickle, t, "valid_scale");
    if ((valid != PICKLE_ABSENT && !read_real(pickle, valid, &scale)) || !(scale > 0 && scale <= 1))
        return obstacle(p, class, "has no valid_scale up to 1");
    if (mode != PICKLE_ABSENT && !pickle_is_text(pickle, mode, "bilinear"))
        return obstacle(p, class, "samples in another mode than bilinear");
    const struct cubby_resample resample = {.width = sides[1],
                                            .height = sides[0],
                                            .align_corners = true,
                                            .crop = true,
                                            .min_ratio = (float)low,
                                            .max_ratio = (float)high,
                                            .scale = (float)scale};
    return add_resample(p, class, &resample);
}

static enum cubby_status take_normalize(struct pipeline *p, uint32_t t)
{
    const struct fastai *f = p->fastai;
    if (p->normalized)
        return obstacle(p, "Normalize", "comes twice");
    p->normalized = true;
    enum cubby_status status =
        read_triple(f, pickle_attribute(f->pickle, t, "mean"), "mean", p->preprocess.mean);
    return status ? status
                  : read_triple(f, pickle_attribute(f->pickle, t, "std"), "std", p->preprocess.std);
}

static enum cubby_status take_batch(struct pipeline *p, uint32_t t)
{
    const struct pickle *pickle = p->fastai->pickle;
    const char *class = fastai_class(pickle, t);
    add_name(p->seen, pickle, t);
    if (is_one_of(class, affine))
        return take_affine(p, t, class);
    if (strcmp(class, "RandomResizedCropGPU") == 0)
        return take_random_crop_batch(p, t);
    if (strcmp(class, "Normalize") == 0)
        return take_normalize(p, t);
    if (strcmp(class, "IntToFloatTensor") == 0) {
        double divisor = 255;
        uint32_t div = pickle_attribute(pickle, t, "div");
        if (div != PICKLE_ABSENT && (!read_real(pickle, div, &divisor) || divisor != 255))
            return obstacle(p, class, "divides by something else than 255");
        return CUBBY_OK;
    }
    if (is_training_only(pickle, t, class)) {
        add_name(p->training, pickle, t);
        return CUBBY_OK;
    }
    // Of the items only a few do something at validation; what comes here is meant for every batch.
    char name[FASTAI_STEP_BYTES];
    fastai_name_step(pickle, t, name);
    return obstacle(p, name, "is not known to cubby, and may change photos at validation");
}

// ---- all of it

static enum cubby_status take_all(struct pipeline *p, uint32_t loader, const char *attribute,
                                  enum cubby_status (*take)(struct pipeline *p, uint32_t t))
{
    const struct pickle *pickle = p->fastai->pickle;
    const struct pickle_list *steps =
        fastai_steps(pickle, pickle_attribute(pickle, loader, attribute));
    enum cubby_status status = CUBBY_OK;
    if (steps && steps->count > MAX_STEPS) {
        p->refused = true;
        return checkpoint_set_obstacle(p->fastai->checkpoint,
                                       "it has %u fastai transforms, the limit is %u", steps->count,
                                       MAX_STEPS);
    }
    for (uint32_t i = 0; steps && i < steps->count && !status && !p->refused; ++i)
        status = take(p, steps->items[i]);
    return status;
}

static enum cubby_status add_notes(const struct pipeline *p)
{
    struct cubby_checkpoint *checkpoint = p->fastai->checkpoint;
    enum cubby_status status = checkpoint_add_note(checkpoint, "fastai transforms: %s", p->seen);
    if (!status && p->training[0])
        status = checkpoint_add_note(checkpoint, "only for training, left out: %s", p->training);
    if (!status && p->resized)
        status = checkpoint_add_note(
            checkpoint, "random state of training that the file keeps (Resize.pcts, split_idx) "
                        "plays no part");
    if (!status && p->unknown[0])
        status = checkpoint_add_note(checkpoint,
                                     "unknown to cubby, left out: %s; if they change photos at "
                                     "validation, the answers will differ from fastai's",
                                     p->unknown);
    return status;
}

static enum cubby_status add_preprocess(const struct pipeline *p)
{
    enum cubby_status status = preprocess_check(&p->preprocess, p->fastai->log);
    if (status)
        return status;
    char *json = preprocess_print(&p->preprocess);
    if (!json)
        return CUBBY_NO_MEMORY;
    status = checkpoint_add_text(p->fastai->checkpoint, "cubby.preprocessing",
                                 strlen("cubby.preprocessing"), json, strlen(json));
    free(json);
    return status;
}

enum cubby_status fastai_read_transforms(const struct fastai *fastai, uint32_t loader)
{
    struct pipeline p = {.fastai = fastai,
                         .preprocess = {.centre = CUBBY_CENTRE_DOWN, .std = {1, 1, 1}}};
    enum cubby_status status = take_all(&p, loader, "after_item", take_item);
    if (!status && !p.refused && !p.resized) {
        p.refused = true;
        status = checkpoint_set_obstacle(
            fastai->checkpoint, "none of its fastai transforms (%s) brings photos to one size",
            p.seen[0] ? p.seen : "there are none");
    }
    if (!status && !p.refused)
        status = take_all(&p, loader, "after_batch", take_batch);
    drop_identity(&p.preprocess);
    if (!status)
        status = add_notes(&p);
    if (status || cubby_checkpoint_obstacle(fastai->checkpoint))
        return status;
    return add_preprocess(&p);
}
