// The container of torch.save before 1.6.
#include "container_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_container(torch_legacy_read, data, size);
    return 0;
}
