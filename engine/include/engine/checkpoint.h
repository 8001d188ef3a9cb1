// What a weights file holds: named tensors and text metadata, whatever its container.
//
// Every byte is taken as hostile: all sizes are checked with overflow-safe arithmetic against the
// file before they are used, and nothing in the file is ever executed.
#ifndef ENGINE_CHECKPOINT_H
#define ENGINE_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/log.h"
#include "engine/status.h"

#define CUBBY_MAX_RANK 8u

enum cubby_dtype {
    CUBBY_F32,
    CUBBY_F16,
    CUBBY_BF16,
    CUBBY_F64,
    CUBBY_I64,
    CUBBY_OTHER, // listed, but cannot be read as numbers
};

struct cubby_tensor {
    const char *name; // owned by the checkpoint, UTF-8
    enum cubby_dtype dtype;
    uint32_t rank;
    int64_t shape[CUBBY_MAX_RANK];   // outermost first
    int64_t strides[CUBBY_MAX_RANK]; // in elements, may be 0 or in any order
    const uint8_t *data;             // first element; borrowed from the file, maybe unaligned
    size_t available_bytes;          // from data to the end of its storage
};

struct cubby_checkpoint; // owned by the caller of open; borrows the file's bytes

// Opens a weights file held in memory: safetensors, or what torch.save writes: the zip
// container, the one of torch before 1.6, or the one of torch 0.1.
// `data` must outlive the checkpoint.
//   CUBBY_BAD_DATA     damaged
//   CUBBY_UNSUPPORTED  another kind of file; the log says which, and what to do
//   CUBBY_TOO_LARGE    over a limit (header 32 MiB, pickle 64 MiB, 100,000 tensors)
CUBBY_NODISCARD enum cubby_status cubby_checkpoint_open(struct cubby_checkpoint **out,
                                                        const void *data, size_t size_bytes,
                                                        const struct cubby_log *log);
// The same, of a file that holds more than one network: only the tensors below `prefix`, such as
// "ema_model." (beginning of names) or "model_ema." (key of the dict that has them). NULL or "":
// all.
//   CUBBY_UNSUPPORTED  also: there are none below it
CUBBY_NODISCARD enum cubby_status cubby_checkpoint_open_part(struct cubby_checkpoint **out,
                                                             const void *data, size_t size_bytes,
                                                             const char *prefix,
                                                             const struct cubby_log *log);
void cubby_checkpoint_close(struct cubby_checkpoint **checkpoint);

// "safetensors", "torch zip", "torch legacy", "torch tar"
const char *cubby_checkpoint_container(const struct cubby_checkpoint *checkpoint);
size_t cubby_checkpoint_tensor_count(const struct cubby_checkpoint *checkpoint);
const struct cubby_tensor *cubby_checkpoint_tensor(const struct cubby_checkpoint *checkpoint,
                                                   size_t index);
// NULL if there is none of that name.
const struct cubby_tensor *cubby_checkpoint_find(const struct cubby_checkpoint *checkpoint,
                                                 const char *name);
// Value of a safetensors __metadata__ entry, or NULL. What the export of a fastai Learner says
// about itself has become such entries: cubby.classes, cubby.preprocessing, cubby.scores
// (engine/model.h).
const char *cubby_checkpoint_metadata(const struct cubby_checkpoint *checkpoint, const char *key);
// What a person should know about the file, one sentence each, such as which transforms of a fastai
// Learner were found and which were passed over.
size_t cubby_checkpoint_note_count(const struct cubby_checkpoint *checkpoint);
const char *cubby_checkpoint_note(const struct cubby_checkpoint *checkpoint, size_t index);
// Why the file's own preprocessing cannot be taken over, although it has one; otherwise NULL. Then
// cubby_model_create() wants another one in its params.
const char *cubby_checkpoint_obstacle(const struct cubby_checkpoint *checkpoint);
// The same for the file's class names.
const char *cubby_checkpoint_class_obstacle(const struct cubby_checkpoint *checkpoint);

// "f32", "bf16", ...; static storage.
const char *cubby_dtype_name(enum cubby_dtype dtype);
// Product of the shape; 1 for rank 0.
uint64_t cubby_tensor_elements(const struct cubby_tensor *tensor);
// Gathers all elements in row-major order as float32, through the strides.
//   out  cubby_tensor_elements() floats
//   CUBBY_UNSUPPORTED  dtype is CUBBY_OTHER
CUBBY_NODISCARD enum cubby_status cubby_tensor_read_f32(const struct cubby_tensor *tensor,
                                                        float *out);

#endif
