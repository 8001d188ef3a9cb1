// Networks that are no ResNet, or not quite one, and what to say of them.
#include <string.h>

#include "model/recogniser.h"

// What a tensor of a relative of ResNet shows. The first that fits is told.
static const struct {
    const char *part, *what;
} relatives[] = {
    {"conv1.0.", "a deep stem (resnet50d and its kin)"},
    {".downsample.2.", "pooled downsampling (resnet50d and its kin)"},
    {".se.", "squeeze-and-excitation (SE-ResNet)"},
    {".se_module.", "squeeze-and-excitation (SE-ResNet)"},
    {".attn", "an attention layer (CBAM)"},
    {".eca", "an attention layer (ECA)"},
    {".bn1.IN.", "instance normalisation (IBN-Net)"},
    {".convs.", "split convolutions (Res2Net)"},
    {".conv2.conv", "split attention (ResNeSt, SK-Net)"},
    {".bn4.", "a fourth batch norm in a block"},
};

static const struct {
    const char *part, *what;
} strangers[] = {
    {"cls_token", "a vision transformer"},
    {"patch_embed", "a vision transformer"},
    {"conv_stem.weight", "an EfficientNet or MobileNet"},
    {"features.denseblock1", "a DenseNet"},
    {"features.0.", "a VGG, AlexNet, MobileNet, EfficientNet or ConvNeXt"},
    {"stages.0.", "a ConvNeXt, RegNet or ResNetV2"},
    {"stem.", "another network of timm"},
};

enum cubby_status recogniser_refuse_stranger(const struct recogniser *r)
{
    for (size_t k = 0; k < sizeof(strangers) / sizeof(strangers[0]); ++k) {
        for (size_t i = 0; i < r->checkpoint->tensor_count; ++i) {
            const char *name = r->checkpoint->tensors[i].name;
            if (strstr(name, strangers[k].part))
                return recogniser_refuse(
                    r, CUBBY_UNSUPPORTED,
                    "not a ResNet that cubby knows: tensor %.200s belongs to %s", name,
                    strangers[k].what);
        }
    }
    return recogniser_refuse(
        r, CUBBY_UNSUPPORTED,
        "not a ResNet: the file has no tensor layer1.0.conv1.weight; its first tensor is "
        "%.200s",
        r->checkpoint->tensor_count ? r->checkpoint->tensors[0].name : "missing");
}

static enum cubby_status refuse_second(const struct recogniser *r)
{
    struct network_names second;
    if (!network_names_second(&r->names, r->checkpoint, &second))
        return CUBBY_OK;
    return recogniser_refuse(r, CUBBY_UNSUPPORTED,
                             "the file holds two networks, under '%.200s' and '%.200s'; choose one "
                             "with --weights-prefix",
                             r->names.outer, second.outer);
}

enum cubby_status recogniser_refuse_relatives(const struct recogniser *r)
{
    for (size_t k = 0; k < sizeof(relatives) / sizeof(relatives[0]); ++k) {
        for (size_t i = 0; i < r->checkpoint->tensor_count; ++i) {
            const char *name = r->checkpoint->tensors[i].name;
            if (strncmp(name, r->names.body, strlen(r->names.body)) == 0 &&
                strstr(name + strlen(r->names.body), relatives[k].part))
                return recogniser_refuse(
                    r, CUBBY_UNSUPPORTED,
                    "not a plain ResNet: tensor %.200s shows %s, which cubby does not "
                    "know",
                    name, relatives[k].what);
        }
    }
    return refuse_second(r);
}

enum cubby_status recogniser_refuse_unknown(const struct recogniser *r)
{
    for (size_t i = 0; i < r->checkpoint->tensor_count; ++i) {
        if (!r->used[i] && !network_names_is_bystander(&r->names, &r->checkpoint->tensors[i]))
            return recogniser_refuse(
                r, CUBBY_UNSUPPORTED,
                "tensor %.200s has no place in a plain ResNet-%u: the network is "
                "another, or has layers that cubby does not know",
                r->checkpoint->tensors[i].name, r->network->depth);
    }
    return CUBBY_OK;
}
