#include "commands/new_file.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "platform/path.h"

static char *temporary_name(const char *path)
{
    char *parent = path_parent(path), *base = path_base(path), *name = NULL, *joined = NULL;
    if (!parent || !base)
        goto out;
    // Shortened, so that a name of full length still has room for the rest.
    size_t bytes = strlen(base) + 48;
    name = malloc(bytes);
    if (!name)
        goto out;
    snprintf(name, bytes, ".%.180s.%ld.partial", base, (long)uv_os_getpid());
    joined = path_join(parent, name);
out:
    free(name);
    free(base);
    free(parent);
    return joined;
}

static int write_temporary(const struct fs *fs, const char *temporary, const void *bytes,
                           size_t size_bytes)
{
    int file = fs->open(fs, temporary, FS_CREATE);
    if (file < 0)
        return file;
    int error = fs_write_all(fs, file, bytes, size_bytes);
    if (!error)
        error = fs->set_mode(fs, file, 0644);
    if (!error)
        error = fs->sync(fs, file);
    int closed = fs->close(fs, file);
    if (!error)
        error = closed;
    if (error)
        fs->unlink(fs, temporary);
    return error;
}

static int publish(const struct fs *fs, const char *temporary, const char *path)
{
    int error = fs->publish(fs, temporary, path);
    if (error) {
        fs->unlink(fs, temporary);
        return error;
    }
    char *parent = path_parent(path);
    if (parent)
        error = fs->sync_folder(fs, parent);
    free(parent);
    return error;
}

enum cubby_status new_file_check(const struct fs *fs, const char *path, const struct cubby_log *log)
{
    struct fs_stat stat;
    if (fs->lstat(fs, path, &stat))
        return CUBBY_OK;
    cubby_log(log, CUBBY_LOG_ERROR, "%s is already there: name another file with -o, or remove it",
              path);
    return CUBBY_EXISTS;
}

enum cubby_status new_file_write(const struct fs *fs, const char *path, const void *bytes,
                                 size_t size_bytes, const struct cubby_log *log)
{
    char *temporary = temporary_name(path);
    if (!temporary)
        return CUBBY_NO_MEMORY;
    int error = write_temporary(fs, temporary, bytes, size_bytes);
    if (!error)
        error = publish(fs, temporary, path);
    free(temporary);
    if (!error)
        return CUBBY_OK;
    if (error == UV_EEXIST) {
        cubby_log(log, CUBBY_LOG_ERROR, "%s is already there: name another file, or remove it",
                  path);
        return CUBBY_EXISTS;
    }
    cubby_log(log, CUBBY_LOG_ERROR, "%s cannot be written: %s", path, fs_error_text(error));
    return fs_status(error);
}
