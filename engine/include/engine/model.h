// A classification model: network, weights, class names and preprocessing, from one file.
//
// A cubby model is a safetensors file whose __metadata__ holds (all strings, JSON where marked):
//   cubby.version "1"           cubby.classes [json array of names, in score order]
//   cubby.network "resnet50"    cubby.head "fc" | "fastai"
//   cubby.preprocessing {json}  cubby.provenance {json, free}
//   cubby.scores "softmax" | "sigmoid"; softmax if it is not there
//   cubby.selftest {json}, see engine/selftest.h
//   cubby.threshold "0.83": probability from which an answer is to be believed; may be missing
//   cubby.temperature "1.4": of a learned head, whose weights are divided by it; may be missing
// with tensors under torchvision's names (conv1.weight, layer1.0.conv1.weight, ... fc.weight), and
// a fastai head under head.N.* where N is its position in fastai's Sequential (head.2.weight ...).
#ifndef ENGINE_MODEL_H
#define ENGINE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/checkpoint.h"
#include "engine/image.h"
#include "engine/log.h"
#include "engine/status.h"

#define CUBBY_MAX_CLASSES 100000u
#define CUBBY_MAX_CLASS_NAME_BYTES 1024u

enum cubby_pool {
    CUBBY_POOL_AVERAGE,
    CUBBY_POOL_MAX_AVERAGE, // fastai's AdaptiveConcatPool2d: max channels first, then average
};

enum cubby_scores {
    CUBBY_SCORES_SOFTMAX, // one class a photo
    CUBBY_SCORES_SIGMOID, // each class by itself (multi-label); stored as cubby.scores "sigmoid"
};

struct cubby_model; // owned by the caller of create; keeps the checkpoint and its bytes borrowed

struct cubby_model_params {
    // Class names in score order, for files that carry none (copied). NULL: the file's own.
    const char *const *class_names;
    size_t class_count;
    // NULL: the file's own.
    const struct cubby_preprocess *preprocess;
    // NULL: the file's own, which says nothing for softmax.
    const enum cubby_scores *scores;
    // JSON object kept under cubby.provenance (copied). NULL: the file's own.
    const char *provenance_json;
};

// Recognises the network and head alone: how many classes it gives, to choose names by.
//   CUBBY_UNSUPPORTED, CUBBY_BAD_DATA  as cubby_model_create()
CUBBY_NODISCARD enum cubby_status cubby_model_recognise(const struct cubby_checkpoint *checkpoint,
                                                        uint32_t *class_count,
                                                        const struct cubby_log *log);

// Recognises the network and head from tensor names and shapes (torchvision, timm and fastai
// names), checks that nothing is missing or misshapen, and reads classes and preprocessing.
// A file without class names or preprocessing needs them in `params` (may be NULL otherwise).
// `checkpoint` must outlive the model.
//   CUBBY_UNSUPPORTED  not a ResNet that cubby knows; the log names the tensor that says so
//   CUBBY_BAD_DATA     classes, preprocessing or shapes contradict each other
CUBBY_NODISCARD enum cubby_status cubby_model_create(struct cubby_model **out,
                                                     const struct cubby_checkpoint *checkpoint,
                                                     const struct cubby_model_params *params,
                                                     const struct cubby_log *log);
void cubby_model_destroy(struct cubby_model **model);

uint32_t cubby_model_class_count(const struct cubby_model *model);
const char *cubby_model_class_name(const struct cubby_model *model, uint32_t index);
uint32_t cubby_model_feature_count(const struct cubby_model *model);
const struct cubby_preprocess *cubby_model_preprocess(const struct cubby_model *model);
enum cubby_scores cubby_model_scores(const struct cubby_model *model);
const char *cubby_model_network(const struct cubby_model *model); // "resnet50"
// Whether torchvision and timm have a network of this name with as many channels everywhere. False
// once the weights were dropped.
bool cubby_model_has_usual_widths(const struct cubby_model *model);
const char *cubby_model_head(const struct cubby_model *model);       // "fc", "fastai"
const char *cubby_model_provenance(const struct cubby_model *model); // JSON object text
// The probability from which its makers believe an answer, 0..1; negative: they do not say.
double cubby_model_threshold(const struct cubby_model *model);
// What its logits were divided by so that probabilities are calibrated; 0: not known.
double cubby_model_temperature(const struct cubby_model *model);
// The preprocessing in words that a person can check, such as "shorter side to 256 (bilinear),
// centre crop 224x224, mean ..., std ...". Written to text, cut at text_bytes;
// CUBBY_PREPROCESS_TEXT_BYTES are enough for any.
#define CUBBY_PREPROCESS_TEXT_BYTES 640u
void cubby_preprocess_describe(const struct cubby_preprocess *preprocess, char *text,
                               size_t text_bytes);

// Forgets the weights: afterwards the checkpoint and the file's bytes may be freed, while names,
// classes and preprocessing stay. Call it once every net has been made.
void cubby_model_drop_weights(struct cubby_model *model);

// Serialises as a cubby model file (malloc'd, the caller frees *data). Tensors keep their values;
// num_batches_tracked is dropped; float types are kept as they are (F64 becomes F32).
CUBBY_NODISCARD enum cubby_status cubby_model_write(const struct cubby_model *model, void **data,
                                                    size_t *size_bytes,
                                                    const struct cubby_log *log);

// A linear head in place of a model's own: all that learning changes.
struct cubby_new_head {
    const float *weight; // [class_count, cubby_model_feature_count()], temperature divided out
    const float *bias;   // [class_count], likewise
    const char *const *class_names;
    uint32_t class_count;
    double threshold;            // 0..1; negative: none
    double temperature;          // that was divided out; 0: none
    const char *provenance_json; // NULL: the model's own
};
// Serialises the model's network with a new head: `fc`, or with fastai's concat pooling head.2.
// Scores become softmax; there is no self-test, since the answers are new.
//   CUBBY_BAD_DATA   class names that no model can have, or provenance that is no JSON object
//   CUBBY_INTERNAL   the weights were dropped already
CUBBY_NODISCARD enum cubby_status cubby_model_write_head(const struct cubby_model *model,
                                                         const struct cubby_new_head *head,
                                                         void **data, size_t *size_bytes,
                                                         const struct cubby_log *log);

struct cubby_head; // engine/learn.h
// The model's own head as one linear layer on its features, batch norms folded in.
// On success the caller owns *head, to be freed by cubby_head_fini(); otherwise it is empty.
//   CUBBY_UNSUPPORTED  it has several layers (not logged), or its weights were dropped
//   CUBBY_NO_MEMORY
CUBBY_NODISCARD enum cubby_status cubby_model_linear_head(const struct cubby_model *model,
                                                          struct cubby_head *head);

enum cubby_exported_head {
    CUBBY_EXPORTED_FC,       // the model's own fc
    CUBBY_EXPORTED_FOLDED,   // one linear layer with batch norms folded in: fc
    CUBBY_EXPORTED_SEQUENCE, // head.N.* as in fastai's Sequential; torchvision has no such head
};

// Serialises for PyTorch: safetensors under torchvision's names, which are timm's too, with
// num_batches_tracked (zero) for every batch norm so that a strict load succeeds. The cubby.*
// metadata stays, so that it is still a cubby model.
//   head  written: what became of the layers behind the pooled features
CUBBY_NODISCARD enum cubby_status cubby_model_export(const struct cubby_model *model, void **data,
                                                     size_t *size_bytes,
                                                     enum cubby_exported_head *head,
                                                     const struct cubby_log *log);

#endif
