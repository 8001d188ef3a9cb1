// What the readers of the two libraries' configs share. Private to src/hf_*.c.
#ifndef SRC_HF_CONFIG_H
#define SRC_HF_CONFIG_H

#include <jansson.h>

#include "hf_folder.h"

struct hf_reader {
    struct hf_folder *out;
    const char *path; // of the folder
    const struct fs *fs;
    const struct cubby_log *log;
};

#define HF_CONFIG "config.json"
#define HF_PROCESSOR "preprocessor_config.json"

extern const float hf_imagenet_mean[3], hf_imagenet_std[3];

// Logs "FILE in FOLDER: why", and returns CUBBY_UNSUPPORTED.
enum cubby_status hf_refuse(const struct hf_reader *r, const char *file, const char *format, ...)
    CUBBY_PRINTF(3, 4);

const char *hf_text(const json_t *object, const char *key); // "": it is no text
bool hf_read_side(const json_t *value, uint32_t *side);     // 1 to CUBBY_MAX_INPUT_SIDE
bool hf_read_three(const json_t *array, float values[3]);
bool hf_is_on(const json_t *object, const char *key); // absent means true, as in the libraries
void hf_set_square(struct cubby_preprocess *preprocess, uint32_t resize, uint32_t crop);
// The first of these keys of `object` that holds names becomes the folder's labels.
enum cubby_status hf_read_labels(struct hf_reader *r, const json_t *object,
                                 const char *const *keys);
// transformers' problem_type, which timm's config may have, too.
enum cubby_status hf_read_scores(struct hf_reader *r, const json_t *config);

// Of timm: all is in config.json.
enum cubby_status hf_read_timm(struct hf_reader *r, const json_t *config);
// Of transformers: network and labels are in config.json, preprocessing is in another file, which
// is read afterwards, so that only one of them is in memory. NULL: there is none.
enum cubby_status hf_read_transformers(struct hf_reader *r, const json_t *config);
enum cubby_status hf_read_processor(struct hf_reader *r, const json_t *processor);

#endif
