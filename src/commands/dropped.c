#include "commands/dropped.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options_table.h"
#include "platform/path.h"

static bool is_command(const char *name)
{
    for (size_t i = CLI_SORT; i < cli_command_count; i++)
        if (!strcmp(name, cli_command_table[i].name))
            return true;
    return false;
}

static bool has_extension(const char *path, const char *const *extensions)
{
    const char *extension = path_extension(path);
    for (; *extensions; extensions++) {
        size_t i = 0;
        while (extension[i] && (extension[i] | 0x20) == ((*extensions)[i] | 0x20))
            i++;
        if (!extension[i] && !(*extensions)[i] && i)
            return true;
    }
    return false;
}

// What sorting is to make of the arguments; false: they are no dropped files.
static bool look(int argc, const char *const *argv, const struct fs *fs, const char **folder)
{
    *folder = NULL;
    if (argc < 2 || is_command(argv[1]))
        return false;
    for (int i = 1; i < argc; i++) {
        struct fs_stat stat;
        if (argv[i][0] == '-' || fs->stat(fs, argv[i], &stat))
            return false;
        if (stat.is_folder && !*folder)
            *folder = argv[i];
    }
    return *folder != NULL;
}

// "E" of "E:/", "photos" of "//server/photos/"; "" for other folders, and for "/". malloc'd.
static char *drive_name(const char *folder)
{
    char *absolute = path_absolute(folder);
    char *base = absolute ? path_base(absolute) : NULL;
    char *name = base ? strdup("") : NULL;
    if (name && !base[0]) {
        char *end = absolute + strlen(absolute);
        while (end > absolute && (path_is_separator(end[-1]) || end[-1] == ':'))
            *--end = '\0';
        char *begin = end;
        while (begin > absolute && !path_is_separator(begin[-1]))
            begin--;
        free(name);
        name = strdup(begin);
    }
    free(base);
    free(absolute);
    return name;
}

static enum cubby_status choose_folder(struct dropped *dropped, const char *folder)
{
    enum cubby_status status = CUBBY_NO_MEMORY;
    char *home = NULL, *pictures = NULL;
    char *name = drive_name(folder);
    if (!name)
        return CUBBY_NO_MEMORY;
    if (!name[0]) {
        status = CUBBY_OK;
        goto out;
    }
    home = path_home();
    pictures = path_join(home ? home : ".", "Pictures");
    char *into = pictures ? path_join(pictures, name) : NULL;
    if (into) {
        size_t bytes = strlen(into) + sizeof("-sorted");
        dropped->into = malloc(bytes);
        if (dropped->into) {
            snprintf(dropped->into, bytes, "%s-sorted", into);
            status = CUBBY_OK;
        }
    }
    free(into);

out:
    free(pictures);
    free(home);
    free(name);
    return status;
}

enum cubby_status dropped_init(struct dropped *dropped, int argc, const char *const *argv,
                               const struct fs *fs, const struct cubby_log *log)
{
    static const char *const models[] = {".safetensors", NULL};
    static const char *const foreign[] = {".pkl", ".pth", ".pt", ".bin", ".ckpt", NULL};
    const char *folder, *model = NULL;
    *dropped = (struct dropped){0};
    if (!look(argc, argv, fs, &folder))
        return CUBBY_OK;
    // The program, "sort", the rest, "--model", "--into DIR", and the NULL at the end.
    dropped->argv = calloc((size_t)argc + 6, sizeof(*dropped->argv));
    enum cubby_status status = dropped->argv ? choose_folder(dropped, folder) : CUBBY_NO_MEMORY;
    if (status)
        goto fail;
    dropped->argv[dropped->argc++] = argv[0];
    dropped->argv[dropped->argc++] = "sort";
    for (int i = 1; i < argc; i++) {
        if (has_extension(argv[i], foreign)) {
            cubby_log(log, CUBBY_LOG_ERROR,
                      "%s is not a cubby model yet: make one of it with cubby import FILE -o MODEL "
                      "on a command line, and use that",
                      argv[i]);
            status = CUBBY_UNSUPPORTED;
            goto fail;
        }
        if (!model && has_extension(argv[i], models))
            model = argv[i];
        else
            dropped->argv[dropped->argc++] = argv[i];
    }
    if (model) {
        dropped->argv[dropped->argc++] = "--model";
        dropped->argv[dropped->argc++] = model;
    }
    if (dropped->into) {
        dropped->argv[dropped->argc++] = "--into";
        dropped->argv[dropped->argc++] = dropped->into;
    }
    return CUBBY_OK;

fail:
    dropped_fini(dropped);
    return status;
}

void dropped_fini(struct dropped *dropped)
{
    free(dropped->argv);
    free(dropped->into);
    *dropped = (struct dropped){0};
}
