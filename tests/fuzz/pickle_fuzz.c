// A pickle, and all that is made of one: state dicts, module trees, fastai Learners. Every storage
// is the same, and large enough for the first convolution of a ResNet, so that the fuzzer need not
// invent a container around the pickle.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/container.h"
#include "model/torch_tensor.h"

#define STORAGE_BYTES (64u * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum cubby_status find(void *user, const char *key, size_t key_bytes, const uint8_t **data,
                              size_t *size_bytes, const struct cubby_log *log)
{
    (void)key, (void)key_bytes, (void)log;
    *data = user;
    *size_bytes = STORAGE_BYTES;
    return CUBBY_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pickle *pickle;
    size_t used;
    if (pickle_parse(&pickle, data, size, &used, NULL))
        return 0;
    char what[256];
    pickle_describe(pickle, pickle_root(pickle), what, sizeof(what));
    struct cubby_checkpoint *checkpoint = calloc(1, sizeof(*checkpoint));
    // Not of zeros, which as a deviation of pixels would be refused.
    static uint8_t storage[STORAGE_BYTES];
    memset(storage, 0x3f, sizeof(storage));
    const struct torch_storages storages = {.find = find, .user = storage};
    if (checkpoint && torch_state_dict_read(checkpoint, pickle, &storages, NULL))
        what[0] = '\0';
    cubby_checkpoint_close(&checkpoint);
    pickle_destroy(&pickle);
    return 0;
}
