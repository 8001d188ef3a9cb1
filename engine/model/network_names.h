// Under which names a checkpoint keeps the layers of a ResNet. Private to the engine.
//
// torchvision and timm: conv1, bn1, layer1.0.conv1, ..., layer1.0.downsample.0, fc. fastai: 0.0,
// 0.1, 0.4.0.conv1, ... and the head under 1.N; over timm 0.model.conv1, ... Hugging Face:
// resnet.embedder.embedder.convolution, resnet.encoder.stages.0.layers.0.layer.0.convolution, ...,
// classifier.1. cubby's own files: torchvision's names, fastai's head under head.N. Each of them
// behind any prefix that wrappers add (module., model.).
#ifndef ENGINE_MODEL_NETWORK_NAMES_H
#define ENGINE_MODEL_NETWORK_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/checkpoint.h"

#define NETWORK_MAX_PREFIX 256u
// A layer's name with its prefix, without ".weight".
#define NETWORK_MAX_NAME (NETWORK_MAX_PREFIX + 96u)

struct network_dialect; // network_names.c

struct network_names {
    const struct network_dialect *dialect;
    char outer[NETWORK_MAX_PREFIX + 1];   // before everything
    char body[NETWORK_MAX_PREFIX + 1];    // before the stem and the layers
    char linear[NETWORK_MAX_PREFIX + 32]; // the one layer that gives classes: "fc"
    char modules[NETWORK_MAX_PREFIX + 8]; // fastai's head: before N.weight; empty: `linear` instead
    bool own;                             // of cubby's own files
};

// A convolution and the batch norm behind it.
struct network_conv_names {
    char conv[NETWORK_MAX_NAME], norm[NETWORK_MAX_NAME];
};

// Looks for the first convolution of the first block. False: the checkpoint has none, under no
// naming that is known here.
bool network_names_find(struct network_names *names, const struct cubby_checkpoint *checkpoint);

void network_names_stem(const struct network_names *names, struct network_conv_names *out);
// All numbers count from 0.
void network_names_conv(const struct network_names *names, uint32_t layer, uint32_t block,
                        uint32_t conv, struct network_conv_names *out);
void network_names_shortcut(const struct network_names *names, uint32_t layer, uint32_t block,
                            struct network_conv_names *out);

// A Sequential in place of `linear`, of which one linear layer is all that has tensors: writes its
// name, such as "fc.1". False: there is none, or more than that.
bool network_names_nested_linear(const struct network_names *names,
                                 const struct cubby_checkpoint *checkpoint,
                                 char layer[NETWORK_MAX_NAME]);

// What to do when `linear` is missing: text to put behind a message, maybe empty.
const char *network_names_advice(const struct network_names *names);
// Another network in the same checkpoint, such as averaged weights under a prefix of their own.
bool network_names_second(const struct network_names *names,
                          const struct cubby_checkpoint *checkpoint, struct network_names *second);
// Whether it is something that training leaves beside a network and that changes no result: a
// loss's class weights, how many models an average was made of, the state of a metric.
bool network_names_is_bystander(const struct network_names *names,
                                const struct cubby_tensor *tensor);

#endif
