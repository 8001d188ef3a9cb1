// What may stand where in a tree of modules that cubby computes. Private to fastai_modules.c.
//
// The names and shapes of tensors are those of a ResNet whatever was put in place of a layer that
// has none: an Identity for a ReLU, another pooling. So each module has a role, and a role has a
// list of children: their names, and the classes that compute what cubby computes there.
#ifndef ENGINE_MODEL_FASTAI_RULES_H
#define ENGINE_MODEL_FASTAI_RULES_H

#include "model/pickle.h"

enum fastai_role {
    ROLE_FOREIGN,  // in no network that cubby computes: only listed
    ROLE_WRAPPER,  // around one module, computing nothing itself: DataParallel, a Sequential of one
    ROLE_RESNET,   // torchvision's and timm's class
    ROLE_LAYER,    // layer1 to layer4
    ROLE_BLOCK,    // BasicBlock, Bottleneck
    ROLE_SHORTCUT, // downsample
    ROLE_CLASSIFIER, // a Sequential in place of fc
    ROLE_POOL,       // timm's global_pool
    ROLE_PAIR,       // fastai's Sequential(body, head)
    ROLE_BODY,       // the first eight children of a ResNet
    ROLE_TIMM_BODY,  // fastai's wrapper of a network of timm
    ROLE_HEAD,       // create_head()
    ROLE_CONCAT,     // AdaptiveConcatPool2d
    ROLE_LEAF,       // has no children
};

// Where the network begins below `root`, and what it is there. ROLE_FOREIGN: nowhere.
enum fastai_role fastai_rules_begin(const struct pickle *pickle, uint32_t root, uint32_t *network);

// Role of the child `name` of a module with the role `parent`. False: it must not be there.
//   classes  written then: those that may be, separated by '|'; "" if none may
bool fastai_rules_child(const struct pickle *pickle, enum fastai_role parent, const char *name,
                        uint32_t child, enum fastai_role *role, const char **classes);

// Whether the class is one whose computation is known here, module path and all.
bool fastai_rules_know(const struct pickle *pickle, uint32_t module);

// What the attributes of a layer say against it ("with another eps than 1e-5"), or NULL.
const char *fastai_rules_objection(const struct pickle *pickle, uint32_t module);

// Step and padding of a Conv2d; fastai_rules_objection() has seen that they are numbers.
void fastai_rules_conv(const struct pickle *pickle, uint32_t module, uint32_t *stride,
                       uint32_t *pad);

#endif
