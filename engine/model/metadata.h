// The cubby.* entries of a model file: JSON in, structs out, and back.
#ifndef ENGINE_MODEL_METADATA_H
#define ENGINE_MODEL_METADATA_H

#include "engine/model.h"

#define METADATA_MAX_PROVENANCE_BYTES ((size_t)1 << 20)

struct class_names {
    char **names; // owned, one block each
    uint32_t count;
};

// Copies names after checking them: not empty, clean UTF-8, not too long, no two the same.
CUBBY_NODISCARD enum cubby_status class_names_copy(struct class_names *classes,
                                                   const char *const *names, size_t count,
                                                   const struct cubby_log *log);
// From the JSON array under cubby.classes.
CUBBY_NODISCARD enum cubby_status class_names_parse(struct class_names *classes, const char *json,
                                                    const struct cubby_log *log);
void class_names_fini(struct class_names *classes);

// Sides, mean, std and resamples within their limits.
CUBBY_NODISCARD enum cubby_status preprocess_check(const struct cubby_preprocess *preprocess,
                                                   const struct cubby_log *log);
// From the JSON object under cubby.preprocessing; checked too.
CUBBY_NODISCARD enum cubby_status preprocess_parse(struct cubby_preprocess *preprocess,
                                                   const char *json, const struct cubby_log *log);

// Whether the text is a JSON object, and not too large.
CUBBY_NODISCARD enum cubby_status provenance_check(const char *json, const struct cubby_log *log);

// Logs that the metadata is damaged, and how; returns CUBBY_BAD_DATA.
enum cubby_status metadata_bad(const struct cubby_log *log, const char *what);

// JSON text, malloc'd; NULL when memory runs out.
char *class_names_print(const struct class_names *classes);
char *preprocess_print(const struct cubby_preprocess *preprocess);

#endif
