#include "device_cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "platform/path.h"
#include "platform/process.h"
#include "platform/read_file.h"

#define MAX_PIPELINE_BYTES (UINT64_C(257) << 20)

static const char *const endings[] = {".pipelines", ".tuning", ".new"};

void device_cache_init(struct device_cache *cache, const struct fs *fs, const struct cubby_log *log)
{
    *cache = (struct device_cache){.fs = fs, .log = log};
    char *user_folder = path_cache_folder();
    cache->folder = user_folder ? path_join(user_folder, "devices") : NULL;
    free(user_folder);
}

void device_cache_fini(struct device_cache *cache)
{
    free(cache->folder);
    cache->folder = NULL;
}

// FOLDER/KEY and ending; NULL without a folder, a key or memory.
static char *path_of(const struct device_cache *cache, const struct cubby_gpu *gpu,
                     const char *ending)
{
    char key[CUBBY_GPU_KEY_BYTES], name[CUBBY_GPU_KEY_BYTES + 16];
    cubby_gpu_key(gpu, key);
    if (!cache->folder || !key[0])
        return NULL;
    snprintf(name, sizeof(name), "%s%s", key, ending);
    return path_join(cache->folder, name);
}

static uint8_t *read_if_there(const struct device_cache *cache, char *path, uint64_t max_bytes,
                              size_t *size_bytes)
{
    uint8_t *bytes = NULL;
    char reason[160];
    struct fs_stat stat;
    *size_bytes = 0;
    if (path && !cache->fs->stat(cache->fs, path, &stat) &&
        read_file(cache->fs, path, max_bytes, &bytes, size_bytes, NULL, reason, sizeof(reason)))
        cubby_log(cache->log, CUBBY_LOG_INFO, "%s is not used: %s", path, reason);
    free(path);
    return bytes;
}

// Under a name of its own first: a second cubby may read or write the same file now.
static int write_beside(const struct device_cache *cache, const char *path, const void *bytes,
                        size_t size_bytes)
{
    const struct fs *fs = cache->fs;
    char ending[40];
    snprintf(ending, sizeof(ending), ".%lld.new", (long long)process_own());
    char *temporary = malloc(strlen(path) + sizeof(ending));
    if (!temporary)
        return UV_ENOMEM;
    strcpy(temporary, path);
    strcat(temporary, ending);
    fs->unlink(fs, temporary); // of a process that had the same number
    int file = fs->open(fs, temporary, FS_CREATE);
    int error = file < 0 ? file : fs_write_all(fs, file, bytes, size_bytes);
    if (file >= 0) {
        const int closed = fs->close(fs, file);
        error = error ? error : closed;
        error = error ? error : fs->replace(fs, temporary, path);
        if (error)
            fs->unlink(fs, temporary);
    }
    free(temporary);
    return error;
}

static int write_file(const struct device_cache *cache, const char *path, const void *bytes,
                      size_t size_bytes)
{
    const int error = fs_make_folders(cache->fs, cache->folder);
    return error ? error : write_beside(cache, path, bytes, size_bytes);
}

void device_cache_load_pipelines(struct device_cache *cache, struct cubby_gpu *gpu)
{
    size_t size_bytes;
    uint8_t *bytes =
        read_if_there(cache, path_of(cache, gpu, ".pipelines"), MAX_PIPELINE_BYTES, &size_bytes);
    if (bytes && !cubby_gpu_load_pipelines(gpu, bytes, size_bytes))
        cache->pipeline_bytes = size_bytes;
    free(bytes);
}

void device_cache_save_pipelines(struct device_cache *cache, const struct cubby_gpu *gpu)
{
    void *bytes = NULL;
    size_t size_bytes = 0;
    char *path = path_of(cache, gpu, ".pipelines");
    // A cache only grows, so one of the same size is the same.
    if (path && !cubby_gpu_save_pipelines(gpu, &bytes, &size_bytes) && bytes &&
        size_bytes != cache->pipeline_bytes) {
        const int error = write_file(cache, path, bytes, size_bytes);
        if (error)
            cubby_log(cache->log, CUBBY_LOG_INFO, "%s cannot be written: %s", path,
                      fs_error_text(error));
        else
            cache->pipeline_bytes = size_bytes;
    }
    free(bytes);
    free(path);
}

enum cubby_status device_cache_load_tuning(struct device_cache *cache, const struct cubby_gpu *gpu,
                                           struct cubby_tuning **tuning)
{
    size_t size_bytes;
    uint8_t *bytes =
        read_if_there(cache, path_of(cache, gpu, ".tuning"), CUBBY_TUNING_MAX_BYTES, &size_bytes);
    const enum cubby_status status =
        cubby_tuning_create(tuning, gpu, (const char *)bytes, size_bytes);
    free(bytes);
    return status;
}

enum cubby_status device_cache_save_tuning(struct device_cache *cache, const struct cubby_gpu *gpu,
                                           const struct cubby_tuning *tuning)
{
    char *text = NULL, *path = path_of(cache, gpu, ".tuning");
    size_t size_bytes;
    enum cubby_status status = cubby_tuning_write(tuning, &text, &size_bytes);
    if (!status && !path) {
        cubby_log(cache->log, CUBBY_LOG_ERROR,
                  "there is no cache folder to keep the result in: "
                  "set CUBBY_CACHE_DIR");
        status = CUBBY_IO;
    }
    const int error = status ? 0 : write_file(cache, path, text, size_bytes);
    if (error) {
        cubby_log(cache->log, CUBBY_LOG_ERROR, "%s cannot be written: %s", path,
                  fs_error_text(error));
        status = fs_status(error);
    }
    free(text);
    free(path);
    return status;
}

char *device_cache_tuning_path(const struct device_cache *cache, const struct cubby_gpu *gpu)
{
    return path_of(cache, gpu, ".tuning");
}

static bool is_ours(const char *name)
{
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending && i < sizeof(endings) / sizeof(*endings); i++)
        if (!strcmp(ending, endings[i]))
            return true;
    return false;
}

enum cubby_status device_cache_clear(struct device_cache *cache, size_t *removed)
{
    const struct fs *fs = cache->fs;
    struct fs_names names = {0};
    *removed = 0;
    if (!cache->folder)
        return CUBBY_OK;
    int error = fs->list(fs, cache->folder, &names);
    if (error == UV_ENOENT)
        return CUBBY_OK;
    for (size_t i = 0; !error && i < names.count; i++) {
        if (!is_ours(names.names[i]))
            continue;
        char *path = path_join(cache->folder, names.names[i]);
        error = path ? fs->unlink(fs, path) : UV_ENOMEM;
        *removed += !error;
        // Another cubby has put a new file into its place, or clears as well.
        error = error == UV_ENOENT ? 0 : error;
        free(path);
    }
    fs_names_free(&names);
    if (error)
        cubby_log(cache->log, CUBBY_LOG_ERROR, "%s cannot be cleared: %s", cache->folder,
                  fs_error_text(error));
    return error ? fs_status(error) : CUBBY_OK;
}
