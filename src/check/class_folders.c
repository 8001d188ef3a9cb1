#include "check/class_folders.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "hash.h"
#include "hash_table.h"
#include "platform/names.h"
#include "platform/path.h"

#define MOST_NAMED 10u // folders that are no class, in warnings

// Names of classes, and what else stands for them.
struct class_names {
    const char *const *names; // borrowed
    uint32_t count;
    struct hash_table exact, folded; // of names and of a sort's folders; the number is the class
};

static enum cubby_status add_name(struct hash_table *table, const char *name, uint32_t class_index)
{
    struct photo_hash hash = photo_hash_bytes(name, strlen(name));
    if (hash_table_find(table, hash, NULL))
        return CUBBY_OK; // the class's own name comes before another's folder
    return hash_table_add(table, hash, class_index);
}

static enum cubby_status add_folded(struct hash_table *table, const char *name,
                                    uint32_t class_index)
{
    char *folded = names_fold(name);
    enum cubby_status status = folded ? add_name(table, folded, class_index) : CUBBY_NO_MEMORY;
    free(folded);
    return status;
}

static enum cubby_status fill_names(struct class_names *names)
{
    char **folders = NULL;
    enum cubby_status status = names_make_folders(&folders, names->names, names->count);
    for (uint32_t i = 0; !status && i < names->count; i++)
        status = add_name(&names->exact, names->names[i], i);
    for (uint32_t i = 0; !status && i < names->count; i++)
        status = add_name(&names->exact, folders[i], i);
    for (uint32_t i = 0; !status && i < names->count; i++)
        status = add_folded(&names->folded, names->names[i], i);
    if (folders)
        names_free_folders(&folders, names->count);
    return status;
}

static uint32_t class_of(const struct class_names *names, const char *folder)
{
    uint64_t index = CLASS_FOLDERS_NONE;
    hash_table_find(&names->exact, photo_hash_bytes(folder, strlen(folder)), &index);
    return (uint32_t)index;
}

// "Table" is no class where "table" is one: it could as well be another, but it is worth a hint.
static void tell_unknown(const struct class_names *names, const char *folder,
                         const struct cubby_log *log)
{
    uint64_t index = CLASS_FOLDERS_NONE;
    char *folded = names_fold(folder);
    if (folded)
        hash_table_find(&names->folded, photo_hash_bytes(folded, strlen(folded)), &index);
    free(folded);
    if (index == CLASS_FOLDERS_NONE)
        cubby_log(log, CUBBY_LOG_WARNING,
                  "the folder \"%s\" is no class of the model: what lies in it is not checked",
                  folder);
    else
        cubby_log(log, CUBBY_LOG_WARNING,
                  "the folder \"%s\" is no class of the model, only \"%s\" is: what lies in it is "
                  "not checked",
                  folder, names->names[index]);
}

static enum cubby_status add_folder(struct class_folders *out, const char *name, uint32_t class)
{
    char *copy = strdup(name);
    if (!copy)
        return CUBBY_NO_MEMORY;
    out->folders[out->count++] = (struct class_folder){copy, class};
    return CUBBY_OK;
}

static enum cubby_status add_folders(struct class_folders *out, const struct class_names *names,
                                     const char *folder, const struct fs_names *files,
                                     const struct fs *fs)
{
    enum cubby_status status = CUBBY_OK;
    for (size_t i = 0; !status && i < files->count; i++) {
        struct fs_stat stat;
        char *path = path_join(folder, files->names[i]);
        if (!path)
            return CUBBY_NO_MEMORY;
        if (!fs->is_hidden(fs, path) && !fs->stat(fs, path, &stat) && stat.is_folder)
            status = add_folder(out, files->names[i], class_of(names, files->names[i]));
        free(path);
    }
    return status;
}

static enum cubby_status judge(const struct class_folders *out, const struct class_names *names,
                               const char *folder, const struct cubby_log *log)
{
    size_t unknown = 0;
    for (size_t i = 0; i < out->count; i++)
        unknown += out->folders[i].class_index == CLASS_FOLDERS_NONE;
    if (unknown == out->count) {
        cubby_log(log, CUBBY_LOG_ERROR,
                  "%s has no folder that is named after a class of the model, such as "
                  "\"%.100s\"%s%.100s%s",
                  folder, names->names[0], out->count ? "; it has \"" : "",
                  out->count ? out->folders[0].name : "", out->count ? "\"" : "");
        return CUBBY_BAD_DATA;
    }
    size_t named = 0;
    for (size_t i = 0; i < out->count && named < MOST_NAMED; i++) {
        if (out->folders[i].class_index != CLASS_FOLDERS_NONE)
            continue;
        tell_unknown(names, out->folders[i].name, log);
        named++;
    }
    if (unknown > named)
        cubby_log(log, CUBBY_LOG_WARNING, "%zu more folders are no classes of the model",
                  unknown - named);
    return CUBBY_OK;
}

enum cubby_status class_folders_init(struct class_folders *out, const char *folder,
                                     const char *const *class_names, uint32_t class_count,
                                     const struct fs *fs, const struct cubby_log *log)
{
    *out = (struct class_folders){0};
    struct class_names names = {.names = class_names, .count = class_count};
    struct fs_names files = {0};
    enum cubby_status status = CUBBY_OK;
    int error = fs->list(fs, folder, &files);
    if (error) {
        cubby_log(log, CUBBY_LOG_ERROR, "the folder %s cannot be read: %s", folder,
                  fs_error_text(error));
        return error == UV_ENOMEM ? CUBBY_NO_MEMORY : CUBBY_IO;
    }
    out->folders = calloc(files.count + 1, sizeof(*out->folders));
    if (!out->folders)
        status = CUBBY_NO_MEMORY;
    if (!status)
        status = fill_names(&names);
    if (!status)
        status = add_folders(out, &names, folder, &files, fs);
    if (!status)
        status = judge(out, &names, folder, log);
    hash_table_fini(&names.exact);
    hash_table_fini(&names.folded);
    fs_names_free(&files);
    return status;
}

void class_folders_fini(struct class_folders *folders)
{
    for (size_t i = 0; i < folders->count; i++)
        free(folders->folders[i].name);
    free(folders->folders);
    *folders = (struct class_folders){0};
}

uint32_t class_folders_class(const struct class_folders *folders, const char *relative)
{
    const size_t length = strcspn(relative, "/");
    size_t low = 0, high = relative[length] ? folders->count : 0;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const char *name = folders->folders[middle].name;
        int order = strncmp(name, relative, length);
        if (!order && !name[length])
            return folders->folders[middle].class_index;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return CLASS_FOLDERS_NONE;
}
