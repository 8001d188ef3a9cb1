#include "verify_moved.h"

#include "hash.h"

static struct photo_hash file_key(int64_t filing, int64_t photo)
{
    const int64_t key[2] = {filing, filing ? 0 : photo};
    return photo_hash_bytes(key, sizeof(key));
}

static enum cubby_status look(struct verify_moved *moved, const struct verify_params *params)
{
    const struct moved_params search = {.output = params->output,
                                        .catalogue = params->catalogue,
                                        .fs = params->fs,
                                        .log = params->log,
                                        .threads = params->threads,
                                        .interrupted = params->interrupted,
                                        .user = params->user};
    enum cubby_status status = moved_find(&moved->moved, &search);
    for (uint32_t i = 0; i < moved->moved.count && !status; i++) {
        const struct moved_file *file = &moved->moved.files[i];
        status = hash_table_add(&moved->files, file_key(file->filing, file->photo), i);
    }
    moved->looked = true;
    return status;
}

enum cubby_status verify_find_moved(struct verify_moved *moved, const struct verify_params *params,
                                    int64_t filing, int64_t photo, const char **place)
{
    uint64_t index;
    *place = NULL;
    enum cubby_status status = moved->looked ? CUBBY_OK : look(moved, params);
    if (!status && hash_table_find(&moved->files, file_key(filing, photo), &index) &&
        !moved->moved.files[index].in_place)
        *place = moved_where(&moved->moved, &moved->moved.files[index]);
    return status;
}

void verify_moved_fini(struct verify_moved *moved)
{
    moved_fini(&moved->moved);
    hash_table_fini(&moved->files);
    *moved = (struct verify_moved){0};
}
