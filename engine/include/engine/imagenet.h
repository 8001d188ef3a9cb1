// The 1000 classes of ImageNet-1k, which networks straight from torchvision and timm answer with.
#ifndef ENGINE_IMAGENET_H
#define ENGINE_IMAGENET_H

#define CUBBY_IMAGENET_CLASSES 1000u

// CUBBY_IMAGENET_CLASSES names in score order, no two the same; static storage.
const char *const *cubby_imagenet_classes(void);

#endif
