// A pickle, and all that is made of one: state dicts, module trees, fastai Learners. Storages are
// all the same few bytes, so that the fuzzer need not invent a container around the pickle.
#include <stdint.h>
#include <stdlib.h>

#include "model/container.h"
#include "model/torch_tensor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum cubby_status find(void *user, const char *key, size_t key_bytes, const uint8_t **data,
                              size_t *size_bytes, const struct cubby_log *log)
{
    static const uint8_t storage[256];
    (void)user;
    (void)log;
    *data = storage;
    *size_bytes = key_bytes && key[0] == '0' ? sizeof(storage) : 12;
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
    const struct torch_storages storages = {.find = find};
    if (checkpoint && torch_state_dict_read(checkpoint, pickle, &storages, NULL))
        what[0] = '\0';
    cubby_checkpoint_close(&checkpoint);
    pickle_destroy(&pickle);
    return 0;
}
