// Results on their way to standard output, which may be a full disk or a closed pipe.
#ifndef SRC_STREAM_H
#define SRC_STREAM_H

#include <stdbool.h>
#include <stdio.h>

#include "engine/log.h"

// Hands over what was printed so far. If it does not arrive, or something before it did not, the
// log says so, at each call: the caller stops at the first.
//   CUBBY_NO_SPACE  the disk behind it is full
//   CUBBY_IO        anything else
CUBBY_NODISCARD enum cubby_status stream_flush(FILE *stream, const struct cubby_log *log);

// Whether an errno means a full disk, an exceeded quota or a file at its limit.
bool stream_is_full(int code);

#endif
