// The safetensors container.
#include "container_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_container(safetensors_read, data, size);
    return 0;
}
