// A list of class names from a text file: one name a line, or a JSON array of strings.
#ifndef SRC_LABELS_H
#define SRC_LABELS_H

#include <stddef.h>

#include "engine/log.h"
#include "engine/status.h"

struct labels {
    char **names; // owned, as is each name
    size_t count;
};

// UTF-8; a byte order mark and CRLF line ends are accepted, blank lines only at the end. Names are
// only separated here: cubby_model_create() checks them.
//   CUBBY_BAD_DATA   an empty line, or damaged JSON; the log says where
//   CUBBY_TOO_LARGE  more names than a model can have
enum cubby_status labels_parse(struct labels *out, const char *text, size_t size_bytes,
                               const struct cubby_log *log);
void labels_free(struct labels *labels); // takes a zeroed one

#endif
