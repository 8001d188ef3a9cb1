// What text from a model file must be before cubby keeps or prints it.
#ifndef ENGINE_MODEL_TEXT_H
#define ENGINE_MODEL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "engine/log.h"

// Valid UTF-8 without control characters (C0, DEL, C1): names end up in messages on a terminal,
// where an escape sequence from a model file has no business.
bool text_is_clean(const char *text, size_t size_bytes);

// Parses JSON whose cost is known beforehand: jansson spends some 100 bytes on a value that takes
// two in the text, and as much on a key, so these and nesting are counted first. Duplicate keys are
// refused.
//   what  names the text in messages, such as "the safetensors header"
//   root  json_decref() it
//   CUBBY_BAD_DATA   not JSON
//   CUBBY_TOO_LARGE  more values and keys than max_values, or over max_depth
CUBBY_NODISCARD enum cubby_status text_load_json(json_t **root, const char *text, size_t size_bytes,
                                                 size_t max_values, size_t max_depth,
                                                 const char *what, const struct cubby_log *log);

#endif
