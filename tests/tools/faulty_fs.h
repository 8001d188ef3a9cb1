// A file system whose n-th operation fails, once or from then on; or all of whose writes are short.
// From the environment: CUBBY_STUB_FAULT=N:CODE:once or N:CODE:on, CODE as in <errno.h> without its
// E (IO, NOSPC, ACCES, INTR), or short. Without it there are no faults.
#ifndef TESTS_TOOLS_FAULTY_FS_H
#define TESTS_TOOLS_FAULTY_FS_H

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "platform/fs.h"

struct faulty_fs {
    struct fs fs;
    atomic_uint operations;
    unsigned fail_at; // 0: never
    int code;
    bool lasting, short_writes;
};

static inline int faulty_code(const struct fs *fs)
{
    struct faulty_fs *faulty = fs->user;
    unsigned number = atomic_fetch_add(&faulty->operations, 1) + 1;
    bool fails = faulty->fail_at &&
                 (number == faulty->fail_at || (faulty->lasting && number > faulty->fail_at));
    return fails ? faulty->code : 0;
}

#define FAULTY_CALL(call)                                                                          \
    do {                                                                                           \
        int fault = faulty_code(fs);                                                               \
        return fault ? fault : (call);                                                             \
    } while (0)

static inline int faulty_open(const struct fs *fs, const char *path, enum fs_open how)
{
    FAULTY_CALL(fs_real()->open(fs, path, how));
}

static inline int64_t faulty_read(const struct fs *fs, int file, void *buffer, size_t bytes)
{
    FAULTY_CALL(fs_real()->read(fs, file, buffer, bytes));
}

static inline int64_t faulty_read_at(const struct fs *fs, int file, void *buffer, size_t bytes,
                                     uint64_t offset)
{
    FAULTY_CALL(fs_real()->read_at(fs, file, buffer, bytes, offset));
}

static inline int64_t faulty_write(const struct fs *fs, int file, const void *buffer, size_t bytes)
{
    if (((struct faulty_fs *)fs->user)->short_writes && bytes > 3)
        bytes = bytes / 3;
    FAULTY_CALL(fs_real()->write(fs, file, buffer, bytes));
}

static inline int faulty_stat(const struct fs *fs, const char *path, struct fs_stat *out)
{
    FAULTY_CALL(fs_real()->stat(fs, path, out));
}

static inline int faulty_lstat(const struct fs *fs, const char *path, struct fs_stat *out)
{
    FAULTY_CALL(fs_real()->lstat(fs, path, out));
}

static inline int faulty_fstat(const struct fs *fs, int file, struct fs_stat *out)
{
    FAULTY_CALL(fs_real()->fstat(fs, file, out));
}

static inline int faulty_set_times(const struct fs *fs, int file, int64_t atime_ns,
                                   int64_t mtime_ns)
{
    FAULTY_CALL(fs_real()->set_times(fs, file, atime_ns, mtime_ns));
}

static inline int faulty_set_mode(const struct fs *fs, int file, uint32_t mode)
{
    FAULTY_CALL(fs_real()->set_mode(fs, file, mode));
}

static inline int faulty_sync(const struct fs *fs, int file)
{
    FAULTY_CALL(fs_real()->sync(fs, file));
}

static inline int faulty_sync_folder(const struct fs *fs, const char *path)
{
    FAULTY_CALL(fs_real()->sync_folder(fs, path));
}

// The file is closed whatever is said about it.
static inline int faulty_close(const struct fs *fs, int file)
{
    int fault = faulty_code(fs), result = fs_real()->close(fs, file);
    return fault ? fault : result;
}

static inline int faulty_publish(const struct fs *fs, const char *from, const char *to)
{
    FAULTY_CALL(fs_real()->publish(fs, from, to));
}

static inline int faulty_replace(const struct fs *fs, const char *from, const char *to)
{
    FAULTY_CALL(fs_real()->replace(fs, from, to));
}

static inline int faulty_unlink(const struct fs *fs, const char *path)
{
    FAULTY_CALL(fs_real()->unlink(fs, path));
}

static inline int faulty_link(const struct fs *fs, const char *from, const char *to)
{
    FAULTY_CALL(fs_real()->link(fs, from, to));
}

static inline int faulty_symlink(const struct fs *fs, const char *content, const char *to)
{
    FAULTY_CALL(fs_real()->symlink(fs, content, to));
}

static inline int faulty_read_link(const struct fs *fs, const char *path, char **content)
{
    *content = NULL;
    FAULTY_CALL(fs_real()->read_link(fs, path, content));
}

static inline int faulty_make_folder(const struct fs *fs, const char *path)
{
    FAULTY_CALL(fs_real()->make_folder(fs, path));
}

static inline int faulty_remove_folder(const struct fs *fs, const char *path)
{
    FAULTY_CALL(fs_real()->remove_folder(fs, path));
}

static inline int faulty_set_path_times(const struct fs *fs, const char *path, int64_t atime_ns,
                                        int64_t mtime_ns)
{
    FAULTY_CALL(fs_real()->set_path_times(fs, path, atime_ns, mtime_ns));
}

static inline int faulty_list(const struct fs *fs, const char *path, struct fs_names *out)
{
    *out = (struct fs_names){0};
    FAULTY_CALL(fs_real()->list(fs, path, out));
}

static inline void faulty_from_environment(struct faulty_fs *faulty)
{
    static const struct {
        const char *name;
        int code;
    } codes[] = {{"IO", UV_EIO}, {"NOSPC", UV_ENOSPC}, {"ACCES", UV_EACCES}, {"INTR", UV_EINTR}};
    *faulty = (struct faulty_fs){.fs = {.open = faulty_open,
                                        .read = faulty_read,
                                        .read_at = faulty_read_at,
                                        .write = faulty_write,
                                        .stat = faulty_stat,
                                        .lstat = faulty_lstat,
                                        .fstat = faulty_fstat,
                                        .set_times = faulty_set_times,
                                        .set_mode = faulty_set_mode,
                                        .copy_origin = fs_real()->copy_origin,
                                        .sync = faulty_sync,
                                        .sync_folder = faulty_sync_folder,
                                        .close = faulty_close,
                                        .publish = faulty_publish,
                                        .replace = faulty_replace,
                                        .unlink = faulty_unlink,
                                        .link = faulty_link,
                                        .symlink = faulty_symlink,
                                        .read_link = faulty_read_link,
                                        .make_folder = faulty_make_folder,
                                        .remove_folder = faulty_remove_folder,
                                        .set_path_times = faulty_set_path_times,
                                        .list = faulty_list,
                                        .is_hidden = fs_real()->is_hidden,
                                        .user = faulty}};
    const char *text = getenv("CUBBY_STUB_FAULT");
    char name[16] = "", when[16] = "";
    faulty->short_writes = text && !strcmp(text, "short");
    if (!text || sscanf(text, "%u:%15[A-Z]:%15s", &faulty->fail_at, name, when) != 3)
        return;
    faulty->lasting = !strcmp(when, "on");
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
        if (!strcmp(codes[i].name, name))
            faulty->code = codes[i].code;
}

#endif
