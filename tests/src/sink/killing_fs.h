// A file system that ends the process right before or after its n-th change, as kill -9 would.
#ifndef TESTS_SRC_SINK_KILLING_FS_H
#define TESTS_SRC_SINK_KILLING_FS_H

#include <unistd.h>

#include "platform/fs.h"

#define KILLING_EXIT 99

struct killing_fs {
    struct fs fs;
    unsigned changes; // so far
    unsigned kill_at; // 0: never
    bool after;       // the change is made before the end
};

static inline bool killing_is_due(const struct fs *fs)
{
    struct killing_fs *killing = fs->user;
    return ++killing->changes == killing->kill_at;
}

#define KILLING_CALL(type, call)                                                                   \
    do {                                                                                           \
        bool due = killing_is_due(fs);                                                             \
        if (due && !((struct killing_fs *)fs->user)->after)                                        \
            _exit(KILLING_EXIT);                                                                   \
        type answer = call;                                                                        \
        if (due)                                                                                   \
            _exit(KILLING_EXIT);                                                                   \
        return answer;                                                                             \
    } while (0)

static inline int killing_open(const struct fs *fs, const char *path, enum fs_open how)
{
    if (how == FS_READ)
        return fs_real()->open(fs, path, how);
    KILLING_CALL(int, fs_real()->open(fs, path, how));
}

static inline int64_t killing_write(const struct fs *fs, int file, const void *buffer, size_t bytes)
{
    // In two halves, so that an end in the middle of a file is among the states.
    KILLING_CALL(int64_t, fs_real()->write(fs, file, buffer, bytes > 3 ? bytes / 2 : bytes));
}

static inline int killing_set_times(const struct fs *fs, int file, int64_t atime, int64_t mtime)
{
    KILLING_CALL(int, fs_real()->set_times(fs, file, atime, mtime));
}

static inline int killing_sync(const struct fs *fs, int file)
{
    KILLING_CALL(int, fs_real()->sync(fs, file));
}

static inline int killing_sync_folder(const struct fs *fs, const char *path)
{
    KILLING_CALL(int, fs_real()->sync_folder(fs, path));
}

static inline int killing_publish(const struct fs *fs, const char *from, const char *to)
{
    KILLING_CALL(int, fs_real()->publish(fs, from, to));
}

// As a file system without an atomic rename does it: both names are there for a moment.
static inline int killing_publish_by_link(const struct fs *fs, const char *from, const char *to)
{
    int result = fs_real()->link(fs, from, to);
    if (result)
        return result;
    KILLING_CALL(int, fs_real()->unlink(fs, from));
}

static inline int killing_unlink(const struct fs *fs, const char *path)
{
    KILLING_CALL(int, fs_real()->unlink(fs, path));
}

static inline int killing_link(const struct fs *fs, const char *from, const char *to)
{
    KILLING_CALL(int, fs_real()->link(fs, from, to));
}

static inline int killing_symlink(const struct fs *fs, const char *content, const char *to)
{
    KILLING_CALL(int, fs_real()->symlink(fs, content, to));
}

static inline int killing_make_folder(const struct fs *fs, const char *path)
{
    KILLING_CALL(int, fs_real()->make_folder(fs, path));
}

static inline void killing_init(struct killing_fs *killing, unsigned kill_at, bool after)
{
    *killing = (struct killing_fs){.fs = *fs_real(), .kill_at = kill_at, .after = after};
    killing->fs.open = killing_open;
    killing->fs.write = killing_write;
    killing->fs.set_times = killing_set_times;
    killing->fs.sync = killing_sync;
    killing->fs.sync_folder = killing_sync_folder;
    killing->fs.publish = killing_publish;
    killing->fs.unlink = killing_unlink;
    killing->fs.link = killing_link;
    killing->fs.symlink = killing_symlink;
    killing->fs.make_folder = killing_make_folder;
    killing->fs.user = killing;
}

#endif
