// Tensors and state dicts in a torch pickle, whatever container the storages lie in.
#ifndef ENGINE_MODEL_TORCH_TENSOR_H
#define ENGINE_MODEL_TORCH_TENSOR_H

#include "model/container.h"
#include "model/pickle.h"

// Finds the bytes of a storage. `key` is made of letters, digits and underscores.
//   CUBBY_BAD_DATA  there is none; the caller logs it
// A tensor that is described outside of the pickle, as torch 0.1 did. Nothing in it is checked
// against anything, but that the storage has its elements.
struct torch_row {
    const uint8_t *data; // the storage
    int64_t elements;    // of the storage, not negative
    enum cubby_dtype dtype;
    uint32_t element_bytes;
    uint32_t rank;                                          // maybe over CUBBY_MAX_RANK
    int64_t shape[CUBBY_MAX_RANK], strides[CUBBY_MAX_RANK]; // the first `rank` of them
    int64_t offset;
};

struct torch_storages {
    enum cubby_status (*find)(void *user, const char *key, size_t key_bytes, const uint8_t **data,
                              size_t *size_bytes, const struct cubby_log *log);
    // The tensor of a persistent id that is a text. False: there is none. NULL: this container
    // never has such ids.
    bool (*find_row)(void *user, const char *key, size_t key_bytes, struct torch_row *row);
    void *user;
};

// A storage as a persistent id of the typed classes (torch.FloatStorage ...) names it.
struct torch_storage_id {
    const char *key; // borrowed from the pickle's bytes, not terminated
    size_t key_bytes;
    int64_t elements; // not negative
    uint32_t element_bytes;
};
// False: the node is something else, or no storage that can be.
bool torch_storage_id_read(const struct pickle *pickle, uint32_t index,
                           struct torch_storage_id *id);

// The element type of a class torch.*Storage. False: the node is something else.
bool torch_storage_class_read(const struct pickle *pickle, uint32_t index, enum cubby_dtype *dtype,
                              uint32_t *element_bytes);

// Whether the node is a tensor, a Parameter or a tensor subclass.
bool torch_is_tensor(const struct pickle *pickle, uint32_t index);

// Reads type, shape, strides and place, all checked against the storage.
//   name    for messages, printable
//   tensor  its name is left alone
CUBBY_NODISCARD enum cubby_status torch_tensor_read(const struct pickle *pickle, uint32_t index,
                                                    const char *name,
                                                    const struct torch_storages *storages,
                                                    struct cubby_tensor *tensor,
                                                    const struct cubby_log *log);

// Finds the state dict (the root, or under 'state_dict', 'model', ...) and adds its tensors; or
// reads a fastai Learner or a whole module (fastai.h).
//   CUBBY_UNSUPPORTED  the pickle holds something else; the log says what
CUBBY_NODISCARD enum cubby_status torch_state_dict_read(struct cubby_checkpoint *checkpoint,
                                                        const struct pickle *pickle,
                                                        const struct torch_storages *storages,
                                                        const struct cubby_log *log);

#endif
