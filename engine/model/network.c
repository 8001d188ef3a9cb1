// Recognition of a ResNet from the names and shapes of its tensors.
#include "model/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/recogniser.h"

#define MAX_CHANNELS 65536

// ---- one convolution and its batch norm

static enum cubby_status take_vector(struct recogniser *r, const struct cubby_tensor **out,
                                     const char *base, const char *part, int64_t count)
{
    const struct cubby_tensor *tensor = recogniser_find(r, "%s.%s", base, part);
    if (!tensor)
        return recogniser_refuse(r, CUBBY_UNSUPPORTED,
                                 "the file has no tensor %.200s.%s, which a ResNet needs", base,
                                 part);
    if (tensor->rank != 1 || tensor->shape[0] != count)
        return recogniser_wrong_shape(r, tensor, &count, 1);
    *out = tensor;
    return recogniser_accept(r, tensor, strcmp(part, "running_var") == 0);
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
    const struct cubby_tensor *counter = recogniser_find(r, "%s.num_batches_tracked", base);
    if (counter)
        r->used[recogniser_index(r, counter)] = true;
    return status;
}

static enum cubby_status refuse_groups(const struct recogniser *r,
                                       const struct cubby_tensor *weight, uint32_t in)
{
    int64_t width = weight->shape[1], groups = in / width;
    return recogniser_refuse(
        r, CUBBY_UNSUPPORTED,
        "tensor %.200s has %lld input channels where %u come in: a grouped convolution "
        "of %lld groups (ResNeXt %lldx%lldd); cubby knows plain and wide ResNets",
        weight->name, (long long)width, in, (long long)groups, (long long)groups, (long long)width);
}

// A pickled module says what its weight cannot.
static enum cubby_status check_geometry(const struct recogniser *r, const struct network_conv *conv)
{
    const struct checkpoint_conv *said = checkpoint_find_conv(r->checkpoint, conv->weight);
    if (!said || (said->stride == conv->stride && said->pad == conv->pad))
        return CUBBY_OK;
    return recogniser_refuse(
        r, CUBBY_UNSUPPORTED,
        "the convolution of tensor %.200s steps by %u with a padding of %u where a "
        "ResNet-%u steps by %u with %u: the network is another",
        conv->weight->name, said->stride, said->pad, r->network->depth, conv->stride, conv->pad);
}

// conv->in_channels, kernel and stride are set; `out` 0 takes any number of channels.
static enum cubby_status take_conv(struct recogniser *r, struct network_conv *conv,
                                   const struct network_conv_names *names, uint32_t out)
{
    const struct cubby_tensor *weight = recogniser_find(r, "%s.weight", names->conv);
    if (!weight)
        return recogniser_refuse(r, CUBBY_UNSUPPORTED,
                                 "the file has no tensor %.200s.weight, which a ResNet needs",
                                 names->conv);
    int64_t found = weight->rank > 0 ? weight->shape[0] : 0;
    int64_t shape[] = {out ? out : found, conv->in_channels, conv->kernel, conv->kernel};
    if (weight->rank == 4 && conv->kernel == 3 && weight->shape[1] > 0 &&
        weight->shape[1] < shape[1] && shape[1] % weight->shape[1] == 0)
        return refuse_groups(r, weight, conv->in_channels);
    if (weight->rank != 4 || memcmp(weight->shape, shape, sizeof(shape)) != 0 || found <= 0)
        return recogniser_wrong_shape(r, weight, shape, 4);
    if (found > MAX_CHANNELS)
        return recogniser_refuse(r, CUBBY_TOO_LARGE,
                                 "tensor %.200s has %lld channels, the limit is %d", weight->name,
                                 (long long)found, MAX_CHANNELS);
    conv->weight = weight;
    conv->out_channels = (uint32_t)found;
    conv->pad = conv->kernel / 2;
    enum cubby_status status = check_geometry(r, conv);
    if (!status)
        status = recogniser_accept(r, weight, false);
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
    if (!needed && !recogniser_find(r, "%s.weight", names.conv))
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
    return recogniser_find(r, "%s.weight", names.conv) != NULL;
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
    return recogniser_refuse(
        r, CUBBY_UNSUPPORTED,
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
        status = recogniser_refuse(r, CUBBY_UNSUPPORTED, "%s", checkpoint->foreign);
        goto out;
    }
    status = network_names_find(&r->names, checkpoint) ? recogniser_refuse_relatives(r)
                                                       : recogniser_refuse_stranger(r);
    if (status)
        goto out;
    status = take_body(r);
    if (!status)
        status = recogniser_take_head(r);
    if (!status)
        status = recogniser_refuse_unknown(r);
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

bool network_has_usual_widths(const struct network *network)
{
    bool bottleneck = network->blocks[0].conv_count == 3;
    bool usual = network->stem.out_channels == 64;
    // The wide ones are of 50 and 101 layers, and twice as wide.
    uint32_t factor = network->blocks[0].conv[0].out_channels == 128 ? 2 : 1;
    usual &= factor == 1 || network->depth == 50 || network->depth == 101;
    for (uint32_t layer = 0, block = 0; layer < 4; ++layer) {
        uint32_t planes = 64u << layer;
        for (uint32_t i = 0; i < network->layers[layer]; ++i, ++block) {
            const struct network_conv *conv = network->blocks[block].conv;
            usual &= conv[0].out_channels == planes * factor;
            usual &= conv[1].out_channels == planes * factor;
            usual &= !bottleneck || conv[2].out_channels == planes * 4;
        }
    }
    return usual;
}
