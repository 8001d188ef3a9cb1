// The recognised network as plain data: what the Vulkan host graph and the C reference both walk.
// Private to the engine.
#ifndef ENGINE_MODEL_NETWORK_H
#define ENGINE_MODEL_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/checkpoint.h"
#include "engine/model.h"

#define NETWORK_MAX_BLOCKS 64u // ResNet-152 has 50
#define NETWORK_MAX_HEAD 8u
#define NETWORK_BN_EPSILON 1e-5

// A convolution and the batch norm behind it. Weights stay in the checkpoint until folded.
struct network_conv {
    const struct cubby_tensor *weight; // [out, in, kernel, kernel], NULL: no such convolution
    const struct cubby_tensor *bn_weight, *bn_bias, *bn_mean, *bn_var; // [out]
    uint32_t in_channels, out_channels;
    uint32_t kernel, stride, pad;
};

// Basic block: conv[0], conv[1] (both 3x3). Bottleneck: conv[0] 1x1, conv[1] 3x3 (carries the
// stride, as torchvision), conv[2] 1x1. ReLU after each; the last one after adding the shortcut.
struct network_block {
    struct network_conv conv[3];
    uint32_t conv_count;            // 2 or 3
    struct network_conv downsample; // weight NULL: identity shortcut
};

// One linear layer of the head with every batch norm around it folded in (exact in inference).
struct network_linear {
    float *weight; // owned by the model, [out, in]
    float *bias;   // owned by the model, [out]
    uint32_t in, out;
    bool relu; // after this layer
};

struct network {
    uint32_t depth;           // 18, 34, 50, 101, 152
    uint32_t layers[4];       // blocks in layer1..layer4, which add up to block_count
    struct network_conv stem; // 7x7 stride 2 pad 3, then ReLU and max pool 3x3 stride 2 pad 1
    struct network_block blocks[NETWORK_MAX_BLOCKS];
    uint32_t block_count;
    enum cubby_pool pool;
    struct network_linear head[NETWORK_MAX_HEAD];
    uint32_t head_count;
};

const struct network *model_network(const struct cubby_model *model);

// Recognises network and head in the checkpoint and folds the head. Fills `network`, which holds
// pointers into the checkpoint; network_fini() it also after a failure.
//   head  the head's layers as they lie in the file (may be NULL)
struct head;
CUBBY_NODISCARD enum cubby_status network_recognise(struct network *network, struct head *head,
                                                    const struct cubby_checkpoint *checkpoint,
                                                    const struct cubby_log *log);
// Frees the head's weights and forgets the tensors.
void network_fini(struct network *network);
// "resnet50", "wide_resnet50_2".
void network_name(const struct network *network, char *name, size_t name_bytes);
// Whether it is the network of that name, and not one with other numbers of channels.
bool network_has_usual_widths(const struct network *network);

// Folds batch norm into the convolution, computed in double:
//   weight[o,...] *= gamma[o] / sqrt(var[o] + eps);  bias[o] = beta[o] - mean[o] * that factor
//   weight  out * in * kernel * kernel floats, [out, in, kernel, kernel]
//   bias    out floats
//   CUBBY_BAD_DATA  a result is NaN or infinite (network_recognise() has looked at the tensors
//                   themselves, and named the first bad one)
CUBBY_NODISCARD enum cubby_status network_conv_fold(const struct network_conv *conv, float *weight,
                                                    float *bias);

#endif
