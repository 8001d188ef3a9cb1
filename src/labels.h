// A list of class names: from a text file (one name a line, or a JSON array of strings), or from
// the folders of the training photos.
#ifndef SRC_LABELS_H
#define SRC_LABELS_H

#include <stddef.h>

#include "engine/log.h"
#include "engine/status.h"
#include "platform/fs.h"

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
// The names of the folders in `path`, sorted by code points as Python and so fastai sorts them.
// Hidden folders and all files are left out; links to folders count.
//   CUBBY_IO        the folder cannot be read
//   CUBBY_BAD_DATA  there is no folder in it
enum cubby_status labels_read_folders(struct labels *out, const struct fs *fs, const char *path,
                                      const struct cubby_log *log);
void labels_free(struct labels *labels); // takes a zeroed one

#endif
