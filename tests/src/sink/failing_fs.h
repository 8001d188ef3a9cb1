// A file system whose n-th call of one kind fails. Include after temporary.h.
#ifndef TESTS_SRC_SINK_FAILING_FS_H
#define TESTS_SRC_SINK_FAILING_FS_H

#include "../temporary.h"

enum failing_call {
    FAIL_NOTHING,
    FAIL_CREATE,
    FAIL_WRITE,
    FAIL_SYNC,
    FAIL_CLOSE,
    FAIL_PUBLISH,
    FAIL_FOLDER,
    FAIL_TIMES,
    FAIL_READ,
};

struct failing_fs {
    struct fs fs;
    enum failing_call call;
    int countdown; // 1: the next such call
    int code;      // what it answers; it also answers to all later ones if `lasting`
    bool lasting;
    void (*race)(void *user); // called once before publishing; then the real call is made
    void *user;
    unsigned creates, open_files, most_open_files;
};

static inline int failing_check(const struct fs *fs, enum failing_call call)
{
    struct failing_fs *failing = fs->user;
    if (failing->call != call)
        return 0;
    failing->countdown--;
    return failing->countdown == 0 || (failing->lasting && failing->countdown < 0) ? failing->code
                                                                                   : 0;
}

static inline int failing_open(const struct fs *fs, const char *path, enum fs_open how)
{
    struct failing_fs *failing = fs->user;
    int code = how == FS_CREATE ? failing_check(fs, FAIL_CREATE) : 0;
    if (code)
        return code;
    int file = fs_real()->open(fs, path, how);
    if (file >= 0) {
        failing->creates += how == FS_CREATE;
        if (++failing->open_files > failing->most_open_files)
            failing->most_open_files = failing->open_files;
    }
    return file;
}

static inline int64_t failing_write(const struct fs *fs, int file, const void *buffer, size_t bytes)
{
    int code = failing_check(fs, FAIL_WRITE);
    // A full disk still takes a part before it says so, and writes may always be short.
    return code ? code : fs_real()->write(fs, file, buffer, bytes > 7 ? bytes / 2 : bytes);
}

static inline int64_t failing_read(const struct fs *fs, int file, void *buffer, size_t bytes)
{
    int code = failing_check(fs, FAIL_READ);
    return code ? code : fs_real()->read(fs, file, buffer, bytes);
}

static inline int failing_sync(const struct fs *fs, int file)
{
    int code = failing_check(fs, FAIL_SYNC);
    return code ? code : fs_real()->sync(fs, file);
}

static inline int failing_close(const struct fs *fs, int file)
{
    ((struct failing_fs *)fs->user)->open_files--;
    int result = fs_real()->close(fs, file);
    int code = failing_check(fs, FAIL_CLOSE);
    return code ? code : result;
}

static inline int failing_publish(const struct fs *fs, const char *from, const char *to)
{
    struct failing_fs *failing = fs->user;
    if (failing->race) {
        failing->race(failing->user);
        failing->race = NULL;
    }
    int code = failing_check(fs, FAIL_PUBLISH);
    return code ? code : fs_real()->publish(fs, from, to);
}

static inline int failing_folder(const struct fs *fs, const char *path)
{
    int code = failing_check(fs, FAIL_FOLDER);
    return code ? code : fs_real()->make_folder(fs, path);
}

static inline int failing_times(const struct fs *fs, int file, int64_t atime_ns, int64_t mtime_ns)
{
    int code = failing_check(fs, FAIL_TIMES);
    return code ? code : fs_real()->set_times(fs, file, atime_ns, mtime_ns);
}

static inline void failing_init(struct failing_fs *failing, enum failing_call call, int countdown,
                                int code)
{
    *failing =
        (struct failing_fs){.fs = *fs_real(), .call = call, .countdown = countdown, .code = code};
    failing->fs.open = failing_open;
    failing->fs.write = failing_write;
    failing->fs.read = failing_read;
    failing->fs.sync = failing_sync;
    failing->fs.close = failing_close;
    failing->fs.publish = failing_publish;
    failing->fs.make_folder = failing_folder;
    failing->fs.set_times = failing_times;
    failing->fs.user = failing;
}

#endif
