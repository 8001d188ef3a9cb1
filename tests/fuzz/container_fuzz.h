// One container's reader, without the look at the first bytes that chooses it.
#ifndef TESTS_FUZZ_CONTAINER_FUZZ_H
#define TESTS_FUZZ_CONTAINER_FUZZ_H

#include <stdint.h>
#include <stdlib.h>

#include "model/container.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_container(enum cubby_status (*read)(struct cubby_checkpoint *checkpoint,
                                                            const uint8_t *data, size_t size_bytes,
                                                            const struct cubby_log *log),
                                  const uint8_t *data, size_t size)
{
    struct cubby_checkpoint *checkpoint = calloc(1, sizeof(*checkpoint));
    if (checkpoint && read(checkpoint, data, size, NULL) == CUBBY_OK)
        for (size_t i = 0; i < checkpoint->tensor_count; i++) {
            const uint64_t elements = cubby_tensor_elements(&checkpoint->tensors[i]);
            float *values = elements <= 1 << 16 ? malloc((elements + 1) * sizeof(*values)) : NULL;
            if (values && cubby_tensor_read_f32(&checkpoint->tensors[i], values))
                values[0] = 0;
            free(values);
        }
    cubby_checkpoint_close(&checkpoint);
}

#endif
