// The container of torch.save in 0.1.
#include "container_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_container(torch_tar_read, data, size);
    return 0;
}
