#include "hf_folder.h"

#include <stdlib.h>
#include <string.h>

#include "engine/json.h"
#include "hf_config.h"
#include "platform/path.h"
#include "platform/read_file.h"

// A config with 21,841 classes has 1.6 MB and 44,000 values, each of which costs jansson some 100
// bytes.
#define MAX_CONFIG_BYTES (4u << 20)
#define MAX_CONFIG_VALUES 400000u
#define MAX_CONFIG_DEPTH 32u

static bool is_there(const struct fs *fs, const char *path, const char *name)
{
    struct fs_stat stat;
    char *file = path_join(path, name);
    bool there = file && fs->stat(fs, file, &stat) == 0 && stat.is_file;
    free(file);
    return there;
}

bool hf_folder_is(const struct fs *fs, const char *path)
{
    struct fs_stat stat;
    return fs->stat(fs, path, &stat) == 0 && stat.is_folder;
}

static enum cubby_status parse(json_t **out, const char *path, const uint8_t *bytes,
                               size_t size_bytes, const struct cubby_log *log)
{
    enum cubby_status status = cubby_json_check_cost(
        (const char *)bytes, size_bytes, MAX_CONFIG_VALUES, MAX_CONFIG_DEPTH, path, log);
    if (status)
        return status;
    *out = json_loadb((const char *)bytes, size_bytes, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(*out))
        return CUBBY_OK;
    cubby_log(log, CUBBY_LOG_ERROR, "%s is damaged: it is no JSON object", path);
    return CUBBY_BAD_DATA;
}

static enum cubby_status load(const struct hf_reader *r, const char *name, json_t **out)
{
    char reason[128];
    uint8_t *bytes = NULL;
    size_t size_bytes;
    *out = NULL;
    char *path = path_join(r->path, name);
    if (!path)
        return CUBBY_NO_MEMORY;
    enum cubby_status status =
        read_file(r->fs, path, MAX_CONFIG_BYTES, &bytes, &size_bytes, NULL, reason, sizeof(reason));
    if (status)
        cubby_log(r->log, CUBBY_LOG_ERROR, "%s cannot be read: %s", path, reason);
    else
        status = parse(out, path, bytes, size_bytes, r->log);
    free(bytes);
    free(path);
    return status;
}

// `timm` is written: the preprocessing has been read, too.
static enum cubby_status read_config(struct hf_reader *r, bool *timm)
{
    json_t *config = NULL;
    enum cubby_status status = load(r, HF_CONFIG, &config);
    *timm = json_object_get(config, "architecture") != NULL;
    if (!status)
        status = *timm ? hf_read_timm(r, config) : hf_read_transformers(r, config);
    json_decref(config);
    return status;
}

static enum cubby_status read_processor(struct hf_reader *r)
{
    json_t *processor = NULL;
    enum cubby_status status = CUBBY_OK;
    if (is_there(r->fs, r->path, HF_PROCESSOR))
        status = load(r, HF_PROCESSOR, &processor);
    if (!status)
        status = hf_read_processor(r, processor);
    json_decref(processor);
    return status;
}

static enum cubby_status find_weights(struct hf_reader *r)
{
    static const char *const names[] = {"model.safetensors", "pytorch_model.bin"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (!is_there(r->fs, r->path, names[i]))
            continue;
        r->out->weights = path_join(r->path, names[i]);
        return r->out->weights ? CUBBY_OK : CUBBY_NO_MEMORY;
    }
    cubby_log(r->log, CUBBY_LOG_ERROR,
              "%s has a " HF_CONFIG
              ", but neither model.safetensors nor pytorch_model.bin: download "
              "one of them into it",
              r->path);
    return CUBBY_IO;
}

static enum cubby_status check_there(const struct hf_reader *r)
{
    if (is_there(r->fs, r->path, HF_CONFIG))
        return CUBBY_OK;
    cubby_log(r->log, CUBBY_LOG_ERROR,
              "%s is a folder without " HF_CONFIG
              ": name a model file, or a folder as Hugging Face "
              "has it, with " HF_CONFIG " and the weights in it",
              r->path);
    return CUBBY_IO;
}

enum cubby_status hf_folder_read(struct hf_folder *out, const char *path, const struct fs *fs,
                                 const struct cubby_log *log)
{
    *out = (struct hf_folder){0};
    struct hf_reader r = {.out = out, .path = path, .fs = fs, .log = log};
    bool timm = false;
    enum cubby_status status = check_there(&r);
    if (!status)
        status = read_config(&r, &timm);
    if (!status && !timm)
        status = read_processor(&r);
    if (!status)
        status = find_weights(&r);
    if (status)
        hf_folder_free(out);
    return status;
}

void hf_folder_free(struct hf_folder *folder)
{
    labels_free(&folder->labels);
    free(folder->weights);
    *folder = (struct hf_folder){0};
}
