// What reading JSON from a file that nobody vouches for would cost, found out before it is read.
#ifndef ENGINE_JSON_H
#define ENGINE_JSON_H

#include <stddef.h>

#include "engine/log.h"
#include "engine/status.h"

// Counts values and nesting: a JSON library spends some 100 bytes on a value that takes two in the
// text. Whether it is JSON at all is left to the library.
//   what  names the text in messages, such as "the labels file"
//   CUBBY_TOO_LARGE  over max_values or max_depth; the log says which
CUBBY_NODISCARD enum cubby_status cubby_json_check_cost(const char *text, size_t size_bytes,
                                                        size_t max_values, size_t max_depth,
                                                        const char *what,
                                                        const struct cubby_log *log);

#endif
