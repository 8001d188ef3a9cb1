// Recognition of a ResNet from the names and shapes of its tensors.
#include "model/network.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/container.h"
#include "model/head.h"
#include "model/network_names.h"

#define MAX_CHANNELS 65536
// Two GiB as float32, four times the widest network known here.
#define MAX_ELEMENTS ((uint64_t)1 << 29)

struct recogniser {
    const struct cubby_checkpoint *checkpoint;
    const struct cubby_log *log;
    struct network *network;
    struct head head;
    struct network_names names;
    bool *used; // owned, one a tensor
    uint64_t elements;
};

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

// ---- finding tensors

CUBBY_PRINTF(3, 4)
static enum cubby_status refuse(const struct recogniser *r, enum cubby_status status,
                                const char *format, ...)
{
    char message[900];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    cubby_log(r->log, CUBBY_LOG_ERROR, "%s", message);
    return status;
}

CUBBY_PRINTF(2, 3)
static const struct cubby_tensor *find(const struct recogniser *r, const char *format, ...)
{
    char name[NETWORK_MAX_NAME + 32];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof(name), format, arguments);
    va_end(arguments);
    return cubby_checkpoint_find(r->checkpoint, name);
}

static size_t index_of(const struct recogniser *r, const struct cubby_tensor *tensor)
{
    return (size_t)(tensor - r->checkpoint->tensors);
}

// What can be said of any weight, whatever its shape must be; marks it as used.
static enum cubby_status accept(struct recogniser *r, const struct cubby_tensor *tensor,
                                bool variance)
{
    if (tensor->dtype == CUBBY_OTHER || tensor->dtype == CUBBY_I64)
        return refuse(r, CUBBY_UNSUPPORTED,
                      "tensor %.200s is not made of floating-point numbers; cubby reads f32, f16, "
                      "bf16 and f64 weights",
                      tensor->name);
    uint64_t elements = cubby_tensor_elements(tensor);
    // Strides of 0 would let a small file ask for any amount of memory; no real weight has them.
    if (elements > tensor->available_bytes / tensor_element_bytes(tensor->dtype))
        return refuse(r, CUBBY_BAD_DATA, "tensor %.200s repeats its values: the file is damaged",
                      tensor->name);
    r->elements += elements;
    if (r->elements > MAX_ELEMENTS)
        return refuse(r, CUBBY_TOO_LARGE, "the network has more than %llu weights",
                      (unsigned long long)MAX_ELEMENTS);
    bool finite = false;
    float least = 0;
    enum cubby_status status = tensor_survey(tensor, &finite, &least);
    if (status)
        return status;
    if (!finite)
        return refuse(r, CUBBY_BAD_DATA,
                      "tensor %.200s holds NaN or infinite values: its training went wrong or the "
                      "file is damaged",
                      tensor->name);
    if (variance && least < 0)
        return refuse(r, CUBBY_BAD_DATA,
                      "tensor %.200s holds a negative variance: the file is damaged", tensor->name);
    r->used[index_of(r, tensor)] = true;
    return CUBBY_OK;
}

static void print_shape(const int64_t *shape, uint32_t rank, char *text, size_t text_bytes)
{
    size_t at = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < rank && at < text_bytes; ++i) {
        int written =
            snprintf(text + at, text_bytes - at, i ? ", %lld" : "%lld", (long long)shape[i]);
        at += written > 0 ? (size_t)written : 0;
    }
}

static enum cubby_status wrong_shape(const struct recogniser *r, const struct cubby_tensor *tensor,
                                     const int64_t *shape, uint32_t rank)
{
    char found[200], wanted[200];
    print_shape(tensor->shape, tensor->rank, found, sizeof(found));
    print_shape(shape, rank, wanted, sizeof(wanted));
    return refuse(r, CUBBY_UNSUPPORTED, "tensor %.200s has the shape [%s] where a ResNet has [%s]",
                  tensor->name, found, wanted);
}

// ---- one convolution and its batch norm

static enum cubby_status take_vector(struct recogniser *r, const struct cubby_tensor **out,
                                     const char *base, const char *part, int64_t count)
{
    const struct cubby_tensor *tensor = find(r, "%s.%s", base, part);
    if (!tensor)
        return refuse(r, CUBBY_UNSUPPORTED,
                      "the file has no tensor %.200s.%s, which a ResNet needs", base, part);
    if (tensor->rank != 1 || tensor->shape[0] != count)
        return wrong_shape(r, tensor, &count, 1);
    *out = tensor;
    return accept(r, tensor, strcmp(part, "running_var") == 0);
}

static enum cubby_status take_norm(struct recogniser *r, const char *base, int64_t count,
                                   const struct cubby_tensor **weight,
                                   const struct cubby_tensor **bias,
                                   const struct cubby_tensor **mean,
                                   const struct cubby_tensor **var)
{
    enum cubby_status status = take_vector(r, weight, base, "weight", count);
    if (!status)
        status = take_vector(r, bias, base, "bias", count);
    if (!status)
        status = take_vector(r, mean, base, "running_mean", count);
    if (!status)
        status = take_vector(r, var, base, "running_var", count);
    const struct cubby_tensor *counter = find(r, "%s.num_batches_tracked", base);
    if (counter)
        r->used[index_of(r, counter)] = true;
    return status;
}

static enum cubby_status refuse_groups(const struct recogniser *r,
                                       const struct cubby_tensor *weight, uint32_t in)
{
    int64_t width = weight->shape[1], groups = in / width;
    return refuse(r, CUBBY_UNSUPPORTED,
                  "tensor %.200s has %lld input channels where %u come in: a grouped convolution "
                  "of %lld groups (ResNeXt %lldx%lldd); cubby knows plain and wide ResNets",
                  weight->name, (long long)width, in, (long long)groups, (long long)groups,
                  (long long)width);
}

// A pickled module says what its weight cannot.
static enum cubby_status check_geometry(const struct recogniser *r, const struct network_conv *conv)
{
    const struct checkpoint_conv *said = checkpoint_find_conv(r->checkpoint, conv->weight);
    if (!said || (said->stride == conv->stride && said->pad == conv->pad))
        return CUBBY_OK;
    return refuse(r, CUBBY_UNSUPPORTED,
                  "the convolution of tensor %.200s steps by %u with a padding of %u where a "
                  "ResNet-%u steps by %u with %u: the network is another",
                  conv->weight->name, said->stride, said->pad, r->network->depth, conv->stride,
                  conv->pad);
}

// conv->in_channels, kernel and stride are set; `out` 0 takes any number of channels.
static enum cubby_status take_conv(struct recogniser *r, struct network_conv *conv,
                                   const struct network_conv_names *names, uint32_t out)
{
    const struct cubby_tensor *weight = find(r, "%s.weight", names->conv);
    if (!weight)
        return refuse(r, CUBBY_UNSUPPORTED,
                      "the file has no tensor %.200s.weight, which a ResNet needs", names->conv);
    int64_t found = weight->rank > 0 ? weight->shape[0] : 0;
    int64_t shape[] = {out ? out : found, conv->in_channels, conv->kernel, conv->kernel};
    if (weight->rank == 4 && conv->kernel == 3 && weight->shape[1] > 0 &&
        weight->shape[1] < shape[1] && shape[1] % weight->shape[1] == 0)
        return refuse_groups(r, weight, conv->in_channels);
    if (weight->rank != 4 || memcmp(weight->shape, shape, sizeof(shape)) != 0 || found <= 0)
        return wrong_shape(r, weight, shape, 4);
    if (found > MAX_CHANNELS)
        return refuse(r, CUBBY_TOO_LARGE, "tensor %.200s has %lld channels, the limit is %d",
                      weight->name, (long long)found, MAX_CHANNELS);
    conv->weight = weight;
    conv->out_channels = (uint32_t)found;
    conv->pad = conv->kernel / 2;
    enum cubby_status status = check_geometry(r, conv);
    if (!status)
        status = accept(r, weight, false);
    if (status)
        return status;
    return take_norm(r, names->norm, found, &conv->bn_weight, &conv->bn_bias, &conv->bn_mean,
                     &conv->bn_var);
}

// ---- blocks

static enum cubby_status take_block(struct recogniser *r, struct network_block *block,
                                    uint32_t layer, uint32_t index, uint32_t in)
{
    bool bottleneck = r->network->blocks[0].conv_count == 3;
    uint32_t channels = in, stride = layer > 0 && index == 0 ? 2 : 1;
    struct network_conv_names names;
    block->conv_count = bottleneck ? 3 : 2;
    for (uint32_t i = 0; i < block->conv_count; ++i) {
        uint32_t strided = bottleneck ? 1 : 0;
        block->conv[i].in_channels = channels;
        block->conv[i].kernel = bottleneck && i != 1 ? 1 : 3;
        block->conv[i].stride = i == strided ? stride : 1;
        network_names_conv(&r->names, layer, index, i, &names);
        enum cubby_status status = take_conv(r, &block->conv[i], &names, 0);
        if (status)
            return status;
        channels = block->conv[i].out_channels;
    }

    network_names_shortcut(&r->names, layer, index, &names);
    bool needed = stride != 1 || channels != in;
    if (!needed && !find(r, "%s.weight", names.conv))
        return CUBBY_OK;
    block->downsample.in_channels = in;
    block->downsample.kernel = 1;
    block->downsample.stride = stride;
    return take_conv(r, &block->downsample, &names, channels);
}

static bool has_conv(const struct recogniser *r, uint32_t layer, uint32_t block, uint32_t conv)
{
    struct network_conv_names names;
    network_names_conv(&r->names, layer, block, conv, &names);
    return find(r, "%s.weight", names.conv) != NULL;
}

static enum cubby_status count_blocks(struct recogniser *r)
{
    static const struct {
        uint32_t depth, layers[4];
        bool bottleneck;
    } known[] = {
        {18, {2, 2, 2, 2}, false},  {34, {3, 4, 6, 3}, false},  {50, {3, 4, 6, 3}, true},
        {101, {3, 4, 23, 3}, true}, {152, {3, 8, 36, 3}, true},
    };
    struct network *network = r->network;
    for (uint32_t layer = 0; layer < 4; ++layer) {
        while (network->layers[layer] <= NETWORK_MAX_BLOCKS &&
               has_conv(r, layer, network->layers[layer], 0))
            ++network->layers[layer];
        network->block_count += network->layers[layer];
    }
    bool bottleneck = has_conv(r, 0, 0, 2);
    network->blocks[0].conv_count = bottleneck ? 3 : 2;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); ++i) {
        if (known[i].bottleneck == bottleneck &&
            memcmp(known[i].layers, network->layers, sizeof(known[i].layers)) == 0)
            network->depth = known[i].depth;
    }
    if (network->depth)
        return CUBBY_OK;
    struct network_conv_names first;
    network_names_conv(&r->names, 0, 0, 0, &first);
    return refuse(r, CUBBY_UNSUPPORTED,
                  "the network has %u, %u, %u and %u %s blocks in its four layers; cubby knows "
                  "ResNet-18, 34, 50, 101 and 152 (%.150s.weight is the first of them)",
                  network->layers[0], network->layers[1], network->layers[2], network->layers[3],
                  bottleneck ? "bottleneck" : "basic", first.conv);
}

static enum cubby_status take_body(struct recogniser *r)
{
    struct network *network = r->network;
    enum cubby_status status = count_blocks(r);
    if (status)
        return status;

    struct network_conv_names names;
    network_names_stem(&r->names, &names);
    network->stem = (struct network_conv){.in_channels = 3, .kernel = 7, .stride = 2};
    status = take_conv(r, &network->stem, &names, 0);

    uint32_t channels = network->stem.out_channels, index = 0;
    for (uint32_t layer = 0; layer < 4; ++layer) {
        for (uint32_t i = 0; i < network->layers[layer] && !status; ++i, ++index) {
            struct network_block *block = &network->blocks[index];
            status = take_block(r, block, layer, i, channels);
            if (!status)
                channels = block->conv[block->conv_count - 1].out_channels;
        }
    }
    return status;
}

// ---- head

static int compare_modules(const void *a, const void *b)
{
    const struct head_module *first = a, *second = b;
    return (first->position > second->position) - (first->position < second->position);
}

// The module that this head tensor belongs to; NULL when its name is not N.part, or N is too large.
static struct head_module *head_module(struct recogniser *r, const char *rest, const char **part)
{
    uint32_t position = 0;
    size_t digits = 0;
    for (; rest[digits] >= '0' && rest[digits] <= '9' && digits < 4; ++digits)
        position = position * 10 + (uint32_t)(rest[digits] - '0');
    if (digits == 0 || rest[digits] != '.' || (digits > 1 && rest[0] == '0'))
        return NULL;
    *part = rest + digits + 1;
    for (uint32_t i = 0; i < r->head.count; ++i) {
        if (r->head.modules[i].position == position)
            return &r->head.modules[i];
    }
    if (r->head.count == HEAD_MAX_MODULES)
        return NULL;
    struct head_module *module = &r->head.modules[r->head.count++];
    *module = (struct head_module){.position = position};
    return module;
}

static enum cubby_status take_head_tensor(struct recogniser *r, const struct cubby_tensor *tensor,
                                          const char *rest)
{
    const char *part = "";
    struct head_module *module = head_module(r, rest, &part);
    const struct cubby_tensor **place = NULL;
    if (module && strcmp(part, "num_batches_tracked") == 0) {
        r->used[index_of(r, tensor)] = true;
        return CUBBY_OK;
    }
    if (module && strcmp(part, "weight") == 0)
        place = &module->weight;
    else if (module && strcmp(part, "bias") == 0)
        place = &module->bias;
    else if (module && strcmp(part, "running_mean") == 0)
        place = &module->mean;
    else if (module && strcmp(part, "running_var") == 0)
        place = &module->var;
    if (!place || tensor->rank > 2)
        return refuse(r, CUBBY_UNSUPPORTED,
                      "tensor %.200s does not belong to a head of fastai; cubby knows its standard "
                      "heads of batch norms and linear layers, not custom ones",
                      tensor->name);
    *place = tensor;
    return accept(r, tensor, place == &module->var);
}

static enum cubby_status check_modules(const struct recogniser *r)
{
    for (uint32_t i = 0; i < r->head.count; ++i) {
        const struct head_module *m = &r->head.modules[i];
        bool linear = m->weight && m->weight->rank == 2 && !m->mean && !m->var;
        bool norm = m->weight && m->weight->rank == 1 && m->bias && m->mean && m->var;
        if (!linear && !norm)
            return refuse(r, CUBBY_UNSUPPORTED,
                          "the layer %.200s%u of the head is neither a whole linear layer nor a "
                          "whole batch norm; cubby knows fastai's standard heads only",
                          r->names.modules, m->position);
    }
    if (r->head.count == 0)
        return refuse(r, CUBBY_UNSUPPORTED,
                      "the file has no head (no tensor %.200sN.weight): it gives features, not "
                      "classes",
                      r->names.modules);
    return CUBBY_OK;
}

static enum cubby_status take_fastai_head(struct recogniser *r)
{
    size_t prefix = strlen(r->names.modules);
    r->head.fastai = true;
    for (size_t i = 0; i < r->checkpoint->tensor_count; ++i) {
        const struct cubby_tensor *tensor = &r->checkpoint->tensors[i];
        if (strncmp(tensor->name, r->names.modules, prefix) != 0)
            continue;
        enum cubby_status status = take_head_tensor(r, tensor, tensor->name + prefix);
        if (status)
            return status;
    }
    qsort(r->head.modules, r->head.count, sizeof(r->head.modules[0]), compare_modules);
    return check_modules(r);
}

static enum cubby_status take_linear(struct recogniser *r)
{
    struct head_module *fc = &r->head.modules[0];
    fc->weight = find(r, "%s.weight", r->names.linear);
    fc->bias = find(r, "%s.bias", r->names.linear);
    if (!fc->weight)
        return refuse(r, CUBBY_UNSUPPORTED,
                      "the file has no tensor %.200s.weight: it is a ResNet without a layer that "
                      "gives classes%s",
                      r->names.linear, network_names_advice(&r->names));
    r->head.count = 1;
    if (fc->weight->rank != 2) {
        const int64_t shape[] = {fc->weight->rank ? fc->weight->shape[0] : 0,
                                 r->network->stem.out_channels};
        return wrong_shape(r, fc->weight, shape, 2);
    }
    enum cubby_status status = accept(r, fc->weight, false);
    if (!status && fc->bias)
        status = accept(r, fc->bias, false);
    return status;
}

static enum cubby_status take_head(struct recogniser *r)
{
    const struct network_block *last = &r->network->blocks[r->network->block_count - 1];
    enum cubby_status status = r->names.modules[0] ? take_fastai_head(r) : take_linear(r);
    if (status)
        return status;
    return head_fold(&r->head, last->conv[last->conv_count - 1].out_channels, r->network, r->log);
}

// ---- other networks

static enum cubby_status refuse_stranger(const struct recogniser *r)
{
    for (size_t k = 0; k < sizeof(strangers) / sizeof(strangers[0]); ++k) {
        for (size_t i = 0; i < r->checkpoint->tensor_count; ++i) {
            const char *name = r->checkpoint->tensors[i].name;
            if (strstr(name, strangers[k].part))
                return refuse(r, CUBBY_UNSUPPORTED,
                              "not a ResNet that cubby knows: tensor %.200s belongs to %s", name,
                              strangers[k].what);
        }
    }
    return refuse(r, CUBBY_UNSUPPORTED,
                  "not a ResNet: the file has no tensor layer1.0.conv1.weight; its first tensor is "
                  "%.200s",
                  r->checkpoint->tensor_count ? r->checkpoint->tensors[0].name : "missing");
}

static enum cubby_status refuse_relatives(const struct recogniser *r)
{
    for (size_t k = 0; k < sizeof(relatives) / sizeof(relatives[0]); ++k) {
        for (size_t i = 0; i < r->checkpoint->tensor_count; ++i) {
            const char *name = r->checkpoint->tensors[i].name;
            if (strncmp(name, r->names.body, strlen(r->names.body)) == 0 &&
                strstr(name + strlen(r->names.body), relatives[k].part))
                return refuse(r, CUBBY_UNSUPPORTED,
                              "not a plain ResNet: tensor %.200s shows %s, which cubby does not "
                              "know",
                              name, relatives[k].what);
        }
    }
    return CUBBY_OK;
}

static enum cubby_status refuse_unknown(const struct recogniser *r)
{
    for (size_t i = 0; i < r->checkpoint->tensor_count; ++i) {
        if (!r->used[i] && !network_names_is_bystander(&r->names, &r->checkpoint->tensors[i]))
            return refuse(r, CUBBY_UNSUPPORTED,
                          "tensor %.200s has no place in a plain ResNet-%u: the network is "
                          "another, or has layers that cubby does not know",
                          r->checkpoint->tensors[i].name, r->network->depth);
    }
    return CUBBY_OK;
}

enum cubby_status network_recognise(struct network *network, struct head *head,
                                    const struct cubby_checkpoint *checkpoint,
                                    const struct cubby_log *log)
{
    *network = (struct network){0};
    struct recogniser *r = calloc(1, sizeof(*r));
    if (!r)
        return CUBBY_NO_MEMORY;
    r->checkpoint = checkpoint;
    r->log = log;
    r->network = network;
    enum cubby_status status = CUBBY_NO_MEMORY;
    r->used = calloc(checkpoint->tensor_count + 1, sizeof(*r->used));
    if (!r->used)
        goto out;

    if (checkpoint->foreign) {
        status = refuse(r, CUBBY_UNSUPPORTED, "%s", checkpoint->foreign);
        goto out;
    }
    status = network_names_find(&r->names, checkpoint) ? refuse_relatives(r) : refuse_stranger(r);
    if (status)
        goto out;
    status = take_body(r);
    if (!status)
        status = take_head(r);
    if (!status)
        status = refuse_unknown(r);
    if (!status && head)
        *head = r->head;

out:
    free(r->used);
    free(r);
    return status;
}

void network_fini(struct network *network)
{
    for (uint32_t i = 0; i < network->head_count; ++i) {
        free(network->head[i].weight);
        free(network->head[i].bias);
    }
    *network = (struct network){0};
}

void network_name(const struct network *network, char *name, size_t name_bytes)
{
    // A bottleneck of a plain ResNet narrows to the stem's width; wide ones to a multiple of it.
    const struct network_block *first = &network->blocks[0];
    uint32_t stem = network->stem.out_channels, width = first->conv[0].out_channels;
    if (first->conv_count == 3 && width > stem && width % stem == 0)
        snprintf(name, name_bytes, "wide_resnet%u_%u", network->depth, width / stem);
    else
        snprintf(name, name_bytes, "resnet%u", network->depth);
}
