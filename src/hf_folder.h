// A model as the Hugging Face hub has it: a folder with config.json and the weights beside it, of
// the transformers library (ResNetForImageClassification) or of timm.
#ifndef SRC_HF_FOLDER_H
#define SRC_HF_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/image.h"
#include "engine/log.h"
#include "engine/status.h"
#include "platform/fs.h"

struct hf_folder {
    char *weights;  // owned, path of model.safetensors or pytorch_model.bin
    char **classes; // owned, as is each; NULL: the config has none
    size_t class_count;
    struct cubby_preprocess preprocess;
    bool assumed; // there is no preprocessor_config.json: it is what the library does by default
};

// Whether `path` is a folder with a config.json.
bool hf_folder_is(const struct fs *fs, const char *path);

// Reads all but the weights. Names are only separated here: cubby_model_create() checks them.
//   CUBBY_UNSUPPORTED  another kind of network, or a preprocessing that cubby cannot do; the log
//                      says which
//   CUBBY_BAD_DATA     a file in it is damaged
//   CUBBY_IO           a file cannot be read, or there are no weights
CUBBY_NODISCARD enum cubby_status hf_folder_read(struct hf_folder *out, const char *path,
                                                 const struct fs *fs, const struct cubby_log *log);
void hf_folder_free(struct hf_folder *folder); // takes a zeroed one

#endif
