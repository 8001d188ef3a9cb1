// One photo's line in the output of `cubby classify`.
#ifndef SRC_COMMANDS_RESULT_LINE_H
#define SRC_COMMANDS_RESULT_LINE_H

#include "photo.h"
#include "text.h"

enum result_format { RESULT_TEXT, RESULT_JSON, RESULT_CSV };

struct result_params {
    enum result_format format;
    uint32_t top; // classes shown, at most
    const char *const *class_names;
    uint32_t class_count;
};

// The line that stands above all others; only CSV has one.
void result_header(struct text *text, const struct result_params *params);
// A classified photo (top_count is not 0), or one that failed or was skipped. Text has no lines for
// the latter: they are messages. `logits` may be NULL, and is used for JSON only.
void result_line(struct text *text, const struct result_params *params, const struct photo *photo,
                 const float *logits);

#endif
