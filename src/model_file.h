// A model on disk: finding it, loading it, and letting go of its weights once they are on the
// device.
#ifndef SRC_MODEL_FILE_H
#define SRC_MODEL_FILE_H

#include <stdint.h>

#include "engine/checkpoint.h"
#include "engine/model.h"
#include "photo.h"
#include "platform/fs.h"

#define MODEL_FILE_NAME "workshop.safetensors" // the built-in model

struct model_file {
    char *path;     // owned
    uint8_t *bytes; // owned; NULL once the weights were dropped
    size_t size_bytes;
    struct photo_hash hash; // of the file, to know it again
    struct cubby_checkpoint *checkpoint;
    struct cubby_model *model;
};

// The model to use: `named` if not NULL, else the built-in one, looked for beside the program, in
// models/ there, in ../share/cubby/models, and in the source tree. *path is malloc'd.
//   CUBBY_IO  there is none; the log says where it was looked for
enum cubby_status model_file_find(char **path, const char *named, const struct fs *fs,
                                  const struct cubby_log *log);

// Reads the file and opens the checkpoint in it, nothing more. *out is zeroed on failure; the log
// says why.
//   prefix  of the weights that are meant, see cubby_checkpoint_open_part(); NULL: all
enum cubby_status model_file_read(struct model_file *out, const char *path, const char *prefix,
                                  const struct fs *fs, const struct cubby_log *log);
// The same, and makes the model, which must have all that it needs in the file.
//   CUBBY_UNSUPPORTED  not a cubby model, nor as complete as one; the log says how to make one
enum cubby_status model_file_open(struct model_file *out, const char *path, const struct fs *fs,
                                  const struct cubby_log *log);
// Gives a whole model file in memory a self-test (engine/selftest.h), made of the weights as they
// are in it: it is opened, and written again.
//   data, size_bytes  the file, malloc'd; replaced by the new one. On failure it is freed, and
//   *data
//                     is NULL
enum cubby_status model_file_add_selftest(void **data, size_t *size_bytes,
                                          const struct cubby_log *log);
// Frees the weights; names, classes and preprocessing stay.
void model_file_drop_weights(struct model_file *file);
void model_file_close(struct model_file *file); // takes a zeroed one

#endif
