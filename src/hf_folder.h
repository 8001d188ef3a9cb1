// A model as the Hugging Face hub has it: a folder with config.json and the weights beside it, of
// the transformers library (ResNetForImageClassification) or of timm.
#ifndef SRC_HF_FOLDER_H
#define SRC_HF_FOLDER_H

#include <stdbool.h>

#include "engine/image.h"
#include "engine/log.h"
#include "engine/model.h"
#include "engine/status.h"
#include "labels.h"
#include "platform/fs.h"

struct hf_folder {
    char *weights;        // owned, path of model.safetensors or pytorch_model.bin
    struct labels labels; // owned; none: the config has none
    char network[32];     // "resnet50", as cubby_model_network() must say; "": any
    struct cubby_preprocess preprocess;
    bool assumed; // the folder does not say all of it: what is missing is what the library does by
                  // default
    enum cubby_scores scores;
    bool scores_said; // false: the config does not say it
};

// Whether `path` is a folder, of whatever kind.
bool hf_folder_is(const struct fs *fs, const char *path);

// Reads all but the weights. Names are only separated here: cubby_model_create() checks them.
//   CUBBY_UNSUPPORTED  another kind of network, or a preprocessing that cubby cannot do; the log
//                      says which
//   CUBBY_BAD_DATA     a file in it is damaged
//   CUBBY_TOO_LARGE    so is it, or it was made to cost too much
//   CUBBY_IO           a file cannot be read, or there is no config.json, or there are no weights
CUBBY_NODISCARD enum cubby_status hf_folder_read(struct hf_folder *out, const char *path,
                                                 const struct fs *fs, const struct cubby_log *log);
void hf_folder_free(struct hf_folder *folder); // takes a zeroed one

#endif
