// The container of torch.save since 1.6.
#include "container_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_container(torch_zip_read, data, size);
    return 0;
}
