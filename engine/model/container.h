// What every reader of a container fills: the checkpoint behind engine/checkpoint.h.
// Private to the engine.
#ifndef ENGINE_MODEL_CONTAINER_H
#define ENGINE_MODEL_CONTAINER_H

#include "engine/checkpoint.h"
#include "model/arena.h"

#define CHECKPOINT_MAX_TENSORS 100000u
#define CHECKPOINT_MAX_NAME_BYTES 1024u
// Elements of one tensor. Strides may repeat elements, so that the file's size says nothing.
#define CHECKPOINT_MAX_ELEMENTS ((uint64_t)1 << 32)
#define CHECKPOINT_MAX_NOTES 32u

struct checkpoint_text {
    const char *key, *value; // owned by the arena
};

// What a pickled module says of a convolution beside its weight.
struct checkpoint_conv {
    size_t tensor; // position of the weight
    uint32_t stride, pad;
};

struct cubby_checkpoint {
    const char *container;        // static
    struct arena arena;           // names and metadata
    struct cubby_tensor *tensors; // owned, in the file's order
    size_t tensor_count, tensor_capacity;
    const struct cubby_tensor **by_name; // owned, sorted
    struct checkpoint_text *metadata;    // owned
    size_t metadata_count, metadata_capacity;
    const char *notes[CHECKPOINT_MAX_NOTES]; // in the arena
    size_t note_count;
    // In the arena; see cubby_checkpoint_obstacle() and cubby_checkpoint_class_obstacle().
    const char *obstacle, *class_obstacle;
    // Borrowed while it is opened: what the names of the wanted tensors begin with, less the keys
    // that were followed already (torch_state_dict.c). NULL or "": all are.
    const char *prefix;

    // Of pickled modules, whose classes tell more than tensors do.
    bool has_modules;
    const char *foreign;           // in the arena: why it is no network for cubby; NULL: it may be
    struct checkpoint_conv *convs; // owned, in the tensors' order
    size_t conv_count, conv_capacity;
};

// Adds a tensor under a copy of `name`, which is checked here; tensor->name is ignored.
CUBBY_NODISCARD enum cubby_status checkpoint_add_tensor(struct cubby_checkpoint *checkpoint,
                                                        const struct cubby_tensor *tensor,
                                                        const char *name, size_t name_bytes,
                                                        const struct cubby_log *log);
// Adds a copy of an entry of __metadata__.
CUBBY_NODISCARD enum cubby_status checkpoint_add_text(struct cubby_checkpoint *checkpoint,
                                                      const char *key, size_t key_bytes,
                                                      const char *value, size_t value_bytes);
// Adds a sentence for the user (cubby_checkpoint_note()); beyond CHECKPOINT_MAX_NOTES it is
// dropped.
CUBBY_NODISCARD enum cubby_status checkpoint_add_note(struct cubby_checkpoint *checkpoint,
                                                      const char *format, ...) CUBBY_PRINTF(2, 3);
// Sets the obstacle to the preprocessing, or to the class names; the first one stays.
CUBBY_NODISCARD enum cubby_status checkpoint_set_obstacle(struct cubby_checkpoint *checkpoint,
                                                          const char *format, ...)
    CUBBY_PRINTF(2, 3);
CUBBY_NODISCARD enum cubby_status checkpoint_set_class_obstacle(struct cubby_checkpoint *checkpoint,
                                                                const char *format, ...)
    CUBBY_PRINTF(2, 3);

// The same for checkpoint->foreign.
CUBBY_NODISCARD enum cubby_status checkpoint_set_foreign(struct cubby_checkpoint *checkpoint,
                                                         const char *format, ...)
    CUBBY_PRINTF(2, 3);
// Adds what is known of the convolution whose weight is tensor number `tensor`, beyond all before.
CUBBY_NODISCARD enum cubby_status checkpoint_add_conv(struct cubby_checkpoint *checkpoint,
                                                      size_t tensor, uint32_t stride, uint32_t pad);
// NULL: the file does not say.
const struct checkpoint_conv *checkpoint_find_conv(const struct cubby_checkpoint *checkpoint,
                                                   const struct cubby_tensor *weight);

// Adds a note of what the names of a network's tensors leave open, and cubby assumes.
CUBBY_NODISCARD enum cubby_status checkpoint_note_assumptions(struct cubby_checkpoint *checkpoint);

// Readers: they fill a zeroed checkpoint; on failure the caller closes it.
CUBBY_NODISCARD enum cubby_status safetensors_read(struct cubby_checkpoint *checkpoint,
                                                   const uint8_t *data, size_t size_bytes,
                                                   const struct cubby_log *log);
CUBBY_NODISCARD enum cubby_status torch_zip_read(struct cubby_checkpoint *checkpoint,
                                                 const uint8_t *data, size_t size_bytes,
                                                 const struct cubby_log *log);
// Whether the file begins with the magic number of torch before 1.6.
bool torch_legacy_is(const uint8_t *data, size_t size_bytes);
CUBBY_NODISCARD enum cubby_status torch_legacy_read(struct cubby_checkpoint *checkpoint,
                                                    const uint8_t *data, size_t size_bytes,
                                                    const struct cubby_log *log);

// Whether the file is a tar archive, as torch 0.1 saved models.
bool torch_tar_is(const uint8_t *data, size_t size_bytes);
CUBBY_NODISCARD enum cubby_status torch_tar_read(struct cubby_checkpoint *checkpoint,
                                                 const uint8_t *data, size_t size_bytes,
                                                 const struct cubby_log *log);

// Why a file that no reader takes is refused: logs one sentence with the kind and what to do.
CUBBY_NODISCARD enum cubby_status sniff_refuse(const uint8_t *data, size_t size_bytes,
                                               const struct cubby_log *log);

// Bytes of an element; 0 for CUBBY_OTHER.
size_t tensor_element_bytes(enum cubby_dtype dtype);
// Whether the shape's product is at most CHECKPOINT_MAX_ELEMENTS and no size is negative.
bool tensor_shape_is_sane(const struct cubby_tensor *tensor);
// Sets strides to those of a row-major tensor. The shape must be sane.
void tensor_set_contiguous(struct cubby_tensor *tensor);
// Gathers all elements in row-major order, bits unchanged. Not for CUBBY_OTHER.
void tensor_gather(const struct cubby_tensor *tensor, void *out);
// As float32: whether no element is NaN or infinite, and the least one.
CUBBY_NODISCARD enum cubby_status tensor_survey(const struct cubby_tensor *tensor, bool *finite,
                                                float *least);

// For torch's containers: logs what to do, and returns CUBBY_UNSUPPORTED.
enum cubby_status checkpoint_refuse_big_endian(const struct cubby_log *log);

// Little-endian numbers at any alignment.
uint16_t load_u16(const uint8_t *bytes);
uint32_t load_u32(const uint8_t *bytes);
uint64_t load_u64(const uint8_t *bytes);

#endif
