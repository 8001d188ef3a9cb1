// A list of class names: from a text file (one name a line, or JSON), or from the folders of the
// training photos.
#ifndef SRC_LABELS_H
#define SRC_LABELS_H

#include <stddef.h>

#include <jansson.h>

#include "engine/log.h"
#include "engine/status.h"
#include "platform/fs.h"

struct labels {
    char **names; // owned, as is each name
    size_t count;
};

// UTF-8; a byte order mark and CRLF line ends are accepted, blank lines only at the end; or JSON as
// below. Names are only separated here: cubby_model_create() checks them.
//   CUBBY_BAD_DATA   an empty line, or damaged JSON; the log says where
//   CUBBY_TOO_LARGE  more names than a model can have
enum cubby_status labels_parse(struct labels *out, const char *text, size_t size_bytes,
                               const struct cubby_log *log);
// Names in JSON: ["cat", "dog"], or transformers' id2label, {"0": "cat", "1": "dog"} in any order
// without gaps.
//   what  names the value in messages, such as "the labels file"
//   CUBBY_BAD_DATA, CUBBY_TOO_LARGE  as above
enum cubby_status labels_from_json(struct labels *out, const json_t *value, const char *what,
                                   const struct cubby_log *log);
// The names of the folders in `path` that have photos in them or below them, sorted by code points
// as Python and so fastai sorts them. Hidden folders and all files are left out; links to folders
// count. A folder without photos is one warning: fastai saves models into one.
//   CUBBY_IO        a folder cannot be read, so that it is unknown whether it is a class
//   CUBBY_BAD_DATA  there is no folder with photos in it
enum cubby_status labels_read_folders(struct labels *out, const struct fs *fs, const char *path,
                                      const struct cubby_log *log);
void labels_free(struct labels *labels); // takes a zeroed one

#endif
