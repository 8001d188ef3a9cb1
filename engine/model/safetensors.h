// The safetensors container: a JSON table of tensors, then their bytes.
// https://github.com/huggingface/safetensors, "Format". Reading is safetensors_read(), container.h.
#ifndef ENGINE_MODEL_SAFETENSORS_H
#define ENGINE_MODEL_SAFETENSORS_H

#include "engine/checkpoint.h"

// The library's own limit is 100 MB, of which its JSON would take three times as much here. 100,000
// tensors have 15 MB.
#define SAFETENSORS_MAX_HEADER_BYTES ((uint32_t)32 << 20)

struct safetensors_text {
    const char *key, *value; // UTF-8, borrowed
};

// Serialises tensors (any strides, any order; read under tensor->name) and metadata. F64 becomes
// F32, other values keep their bits. The same input gives the same bytes.
//   data  malloc'd, the caller frees it
//   CUBBY_UNSUPPORTED  a tensor is CUBBY_OTHER
//   CUBBY_TOO_LARGE    the header would exceed its limit
CUBBY_NODISCARD enum cubby_status safetensors_write(void **data, size_t *size_bytes,
                                                    const struct cubby_tensor *tensors,
                                                    size_t tensor_count,
                                                    const struct safetensors_text *texts,
                                                    size_t text_count, const struct cubby_log *log);

#endif
