// Weights files of any container, as `cubby import` and `cubby sort --model` open them.
#include <stdint.h>
#include <stdlib.h>

#include "engine/checkpoint.h"
#include "engine/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cubby_checkpoint *checkpoint;
    if (cubby_checkpoint_open(&checkpoint, data, size, NULL))
        return 0;
    for (size_t i = 0; i < cubby_checkpoint_tensor_count(checkpoint); i++) {
        const struct cubby_tensor *tensor = cubby_checkpoint_tensor(checkpoint, i);
        const uint64_t elements = cubby_tensor_elements(tensor);
        float *values = elements <= 1 << 16 ? malloc((elements + 1) * sizeof(*values)) : NULL;
        if (values && cubby_tensor_read_f32(tensor, values))
            values[0] = 0;
        free(values);
    }
    struct cubby_model *model;
    if (!cubby_model_create(&model, checkpoint, NULL, NULL))
        cubby_model_destroy(&model);
    cubby_checkpoint_close(&checkpoint);
    return 0;
}
