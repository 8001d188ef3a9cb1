#include "model_file.h"

#include <stdlib.h>
#include <string.h>

#include "engine/selftest.h"
#include "hash.h"
#include "platform/path.h"
#include "platform/read_file.h"

// A ResNet-152 in float64 with an optimiser's state has under 2 GB.
#define MAX_MODEL_BYTES (8ull << 30)

static char *join_all(const char *a, const char *b, const char *c)
{
    char *ab = path_join(a, b);
    char *abc = ab ? path_join(ab, c) : NULL;
    free(ab);
    return abc;
}

static bool is_file(const struct fs *fs, const char *path)
{
    struct fs_stat stat;
    return path && fs->stat(fs, path, &stat) == 0 && stat.is_file;
}

static char *find_built_in(const struct fs *fs)
{
    static const char *const below_program[] = {".", "models", "../share/cubby/models"};
    char *program = path_program_folder();
    char *path = NULL;
    for (size_t i = 0; program && i < sizeof(below_program) / sizeof(*below_program); i++) {
        path = i ? join_all(program, below_program[i], MODEL_FILE_NAME)
                 : path_join(program, MODEL_FILE_NAME);
        if (is_file(fs, path))
            goto out;
        free(path);
        path = NULL;
    }
    // "" in programs that are built to be taken elsewhere.
    path = CUBBY_SOURCE_MODELS[0] ? path_join(CUBBY_SOURCE_MODELS, MODEL_FILE_NAME) : NULL;
    if (!is_file(fs, path)) {
        free(path);
        path = NULL;
    }
out:
    free(program);
    return path;
}

enum cubby_status model_file_find(char **path, const char *named, const struct fs *fs,
                                  const struct cubby_log *log)
{
    *path = named ? strdup(named) : find_built_in(fs);
    if (*path)
        return CUBBY_OK;
    if (named)
        return CUBBY_NO_MEMORY;
    cubby_log(log, CUBBY_LOG_ERROR,
              "there is no model: " MODEL_FILE_NAME " is neither beside the program nor in its "
              "models folder; name one with --model FILE (cubby import makes one from a "
              "torchvision or safetensors file)");
    return CUBBY_IO;
}

enum cubby_status model_file_read(struct model_file *out, const char *path, const char *prefix,
                                  const struct fs *fs, const struct cubby_log *log)
{
    *out = (struct model_file){.path = strdup(path)};
    if (!out->path)
        return CUBBY_NO_MEMORY;
    char reason[PHOTO_REASON_BYTES] = "";
    enum cubby_status status = read_file(fs, path, MAX_MODEL_BYTES, &out->bytes, &out->size_bytes,
                                         NULL, reason, sizeof(reason));
    if (status) {
        cubby_log(log, CUBBY_LOG_ERROR, "the model %s cannot be read: %s", path, reason);
        goto fail;
    }
    out->hash = photo_hash_bytes(out->bytes, out->size_bytes);
    status = cubby_checkpoint_open_part(&out->checkpoint, out->bytes, out->size_bytes, prefix, log);
    if (!status)
        return CUBBY_OK;

fail:
    model_file_close(out);
    return status;
}

// Other models than cubby's may lack what a model needs to be run; the engine would ask for it, but
// only an import takes it.
static enum cubby_status check_complete(const struct model_file *file, const struct cubby_log *log)
{
    const struct cubby_checkpoint *checkpoint = file->checkpoint;
    bool named = cubby_checkpoint_metadata(checkpoint, "cubby.classes") != NULL;
    uint32_t classes;
    if (named && cubby_checkpoint_metadata(checkpoint, "cubby.preprocessing"))
        return CUBBY_OK;
    enum cubby_status status = cubby_model_recognise(checkpoint, &classes, log);
    if (status)
        return status;
    cubby_log(log, CUBBY_LOG_ERROR,
              "%s is not a cubby model yet: %s; make one of it with cubby import FILE -o MODEL%s, "
              "and use that",
              file->path,
              named ? "it does not say how photos become its network's input"
                    : "it has no class names",
              named ? "" : " --labels NAMES");
    return CUBBY_UNSUPPORTED;
}

static enum cubby_status check_is_file(const struct fs *fs, const char *path,
                                       const struct cubby_log *log)
{
    struct fs_stat stat;
    if (fs->stat(fs, path, &stat) || !stat.is_folder)
        return CUBBY_OK;
    cubby_log(
        log, CUBBY_LOG_ERROR,
        "%s is a folder: if it holds a model as Hugging Face has it, make a cubby model of it "
        "with cubby import FOLDER -o MODEL, and use that",
        path);
    return CUBBY_UNSUPPORTED;
}

enum cubby_status model_file_open(struct model_file *out, const char *path, const struct fs *fs,
                                  const struct cubby_log *log)
{
    *out = (struct model_file){0};
    enum cubby_status status = check_is_file(fs, path, log);
    if (!status)
        status = model_file_read(out, path, NULL, fs, log);
    if (!status)
        status = check_complete(out, log);
    if (!status)
        status = cubby_model_create(&out->model, out->checkpoint, NULL, log);
    if (status)
        model_file_close(out);
    return status;
}

enum cubby_status model_file_add_selftest(void **data, size_t *size_bytes,
                                          const struct cubby_log *log)
{
    struct cubby_checkpoint *checkpoint = NULL;
    struct cubby_model *model = NULL;
    void *without = *data;
    *data = NULL;
    enum cubby_status status = cubby_checkpoint_open(&checkpoint, without, *size_bytes, log);
    if (!status)
        status = cubby_model_create(&model, checkpoint, NULL, log);
    if (!status)
        status = cubby_selftest_make(model, log);
    if (!status)
        status = cubby_model_write(model, data, size_bytes, log);
    cubby_model_destroy(&model);
    cubby_checkpoint_close(&checkpoint);
    free(without);
    return status;
}

void model_file_drop_weights(struct model_file *file)
{
    cubby_model_drop_weights(file->model);
    cubby_checkpoint_close(&file->checkpoint);
    free(file->bytes);
    file->bytes = NULL;
}

void model_file_close(struct model_file *file)
{
    cubby_model_destroy(&file->model);
    cubby_checkpoint_close(&file->checkpoint);
    free(file->bytes);
    free(file->path);
    *file = (struct model_file){0};
}
