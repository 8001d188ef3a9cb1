// A file of class names: lines, or JSON.
#include <stdint.h>

#include "labels.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct labels labels = {0};
    if (labels_parse(&labels, (const char *)data, size, NULL) == CUBBY_OK)
        labels_free(&labels);
    return 0;
}
