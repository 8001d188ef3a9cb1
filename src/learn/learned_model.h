// The model file that learning writes.
#ifndef SRC_LEARN_LEARNED_MODEL_H
#define SRC_LEARN_LEARNED_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "engine/log.h"
#include "engine/status.h"
#include "learn/train.h"
#include "photo.h"
#include "platform/fs.h"

struct learned_model {
    const char *base;            // file of the model whose network it has; borrowed, as the rest
    struct photo_hash base_hash; // it must still be that file
    const char *const *classes;
    uint32_t class_count;
    const struct train_result *result;
    const json_t *facts; // an object, kept under "learned" in the provenance
};

// The figures of a result, for provenance and reports: a new object; NULL: out of memory.
json_t *learned_figures(const struct train_result *result, double target_precision);

// The whole file in memory (malloc'd, the caller frees *data): the base's network, the new head,
// classes, threshold, provenance and self-test. The provenance names the base; of a base that was
// learned itself, its own base, so that it does not grow from one learning to the next. The same
// input gives the same bytes.
//   CUBBY_BAD_DATA  the base is another file now, or a class has an impossible name
CUBBY_NODISCARD enum cubby_status learned_model_write(void **data, size_t *size_bytes,
                                                      const struct learned_model *model,
                                                      const struct fs *fs,
                                                      const struct cubby_log *log);

#endif
