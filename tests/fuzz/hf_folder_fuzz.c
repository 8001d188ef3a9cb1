// The JSON files in a folder of the Hugging Face hub, one behind the other with a zero between
// them: config.json and preprocessor_config.json. The folder is only made believe: a file system
// that has the two, and weights without a byte.
#include <stdint.h>
#include <string.h>

#include "hf_folder.h"

enum { NO_FILE = -2, CONFIG = 1, PROCESSOR, WEIGHTS, FOLDER };

struct text {
    const uint8_t *data;
    size_t size, at;
};

static bool ends_in(const char *path, const char *name)
{
    size_t length = strlen(path), end = strlen(name);
    return length >= end && strcmp(path + length - end, name) == 0;
}

static int find(const struct fs *fs, const char *path)
{
    const struct text *texts = fs->user;
    if (ends_in(path, "preprocessor_config.json"))
        return texts[PROCESSOR].data ? PROCESSOR : NO_FILE;
    return ends_in(path, "config.json")         ? CONFIG
           : ends_in(path, "model.safetensors") ? WEIGHTS
           : strcmp(path, "folder") == 0        ? FOLDER
                                                : NO_FILE;
}

static int open_text(const struct fs *fs, const char *path, enum fs_open how)
{
    struct text *texts = fs->user;
    int file = how == FS_READ ? find(fs, path) : NO_FILE;
    if (file > 0)
        texts[file].at = 0;
    return file;
}

static int64_t read_text(const struct fs *fs, int file, void *buffer, size_t bytes)
{
    struct text *text = (struct text *)fs->user + file;
    size_t left = text->size - text->at, count = bytes < left ? bytes : left;
    if (count > 0)
        memcpy(buffer, text->data + text->at, count);
    text->at += count;
    return (int64_t)count;
}

static int stat_file(const struct fs *fs, int file, struct fs_stat *out)
{
    const struct text *text = (const struct text *)fs->user + file;
    *out = (struct fs_stat){
        .size_bytes = text->size, .is_file = file != FOLDER, .is_folder = file == FOLDER};
    return 0;
}

static int stat_path(const struct fs *fs, const char *path, struct fs_stat *out)
{
    int file = find(fs, path);
    return file > 0 ? stat_file(fs, file, out) : file;
}

static int close_text(const struct fs *fs, int file)
{
    (void)fs, (void)file;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    size_t first = zero ? (size_t)(zero - data) : size;
    struct text texts[FOLDER + 1] = {
        [CONFIG] = {data, first, 0},
        [PROCESSOR] = {zero ? zero + 1 : NULL, zero ? size - first - 1 : 0, 0},
    };
    const struct fs fs = {.open = open_text,
                          .read = read_text,
                          .stat = stat_path,
                          .lstat = stat_path,
                          .fstat = stat_file,
                          .close = close_text,
                          .user = texts};
    struct hf_folder folder = {0};
    if (hf_folder_read(&folder, "folder", &fs, NULL) != CUBBY_OK)
        folder.assumed = false;
    hf_folder_free(&folder);
    return 0;
}
