// Tensors and state dicts in a torch pickle, whatever container the storages lie in.
#ifndef ENGINE_MODEL_TORCH_TENSOR_H
#define ENGINE_MODEL_TORCH_TENSOR_H

#include "model/container.h"
#include "model/pickle.h"

// Finds the bytes of a storage. `key` is made of letters, digits and underscores.
//   CUBBY_BAD_DATA  there is none; the caller logs it
struct torch_storages {
    enum cubby_status (*find)(void *user, const char *key, size_t key_bytes, const uint8_t **data,
                              size_t *size_bytes, const struct cubby_log *log);
    void *user;
};

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

// Finds the state dict (the root, or under 'state_dict', 'model', ...) and adds its tensors.
//   CUBBY_UNSUPPORTED  the pickle holds something else; the log says what
CUBBY_NODISCARD enum cubby_status torch_state_dict_read(struct cubby_checkpoint *checkpoint,
                                                        const struct pickle *pickle,
                                                        const struct torch_storages *storages,
                                                        const struct cubby_log *log);

#endif
