#ifndef _WIN32

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "platform/fs_system.h"

int fs_system_open_flags(enum fs_open how)
{
    switch (how) {
    case FS_CREATE:
        return O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
    case FS_APPEND:
        return O_WRONLY | O_APPEND | O_NOFOLLOW;
    case FS_READ:
        break;
    }
    return O_RDONLY | O_NONBLOCK | O_NOCTTY; // a fifo that took a photo's name cannot stop the run
}

void fs_system_will_read(int file)
{
#ifdef POSIX_FADV_SEQUENTIAL
    posix_fadvise(file, 0, 0, POSIX_FADV_SEQUENTIAL); // a fifo refuses; it is only advice
#else
    (void)file;
#endif
}

static struct timespec time_from(int64_t ns)
{
    struct timespec time = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    if (time.tv_nsec < 0) {
        time.tv_nsec += 1000000000;
        time.tv_sec -= 1;
    }
    return time;
}

int fs_system_set_times(int file, int64_t atime_ns, int64_t mtime_ns)
{
    // libuv's futime takes seconds as double, which loses the last 8 bits of today's nanoseconds.
    struct timespec times[2] = {time_from(atime_ns), time_from(mtime_ns)};
    return futimens(file, times) ? -errno : 0;
}

int fs_system_set_path_times(const char *path, int64_t atime_ns, int64_t mtime_ns)
{
    struct timespec times[2] = {time_from(atime_ns), time_from(mtime_ns)};
    return utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) ? -errno : 0;
}

int fs_system_sync_folder(const char *path)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return -errno;
    int result = fsync(folder) ? -errno : 0;
    close(folder);
    // Some network and FUSE file systems cannot; that is not an error that a person could act on.
    // EIO is never forgiven: it may be the only sign of a lost write.
    if (result == -EINVAL || result == -ENOTSUP || result == -ENOSYS)
        result = 0;
    return result;
}

static int rename_noreplace(const char *from, const char *to)
{
#ifdef SYS_renameat2
    // By number: older C libraries lack the function, and RENAME_NOREPLACE is 1 for good.
    return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 1u) ? -errno : 0;
#else
    (void)from;
    (void)to;
    return -ENOSYS;
#endif
}

static bool same_file(const char *a, const char *b)
{
    struct stat first, second;
    return lstat(a, &first) == 0 && lstat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

int fs_system_publish(const char *from, const char *to)
{
    int result = rename_noreplace(from, to);
    // NFS and many FUSE file systems answer EINVAL to any flag, old kernels ENOSYS, and sandboxes
    // that do not know the call EPERM.
    if (result != -EINVAL && result != -ENOSYS && result != -ENOTSUP && result != -EPERM)
        return result;

    result = link(from, to) ? -errno : 0;
    // NFS may have linked and then answered a repeated request with EEXIST.
    if (result == -EEXIST && same_file(from, to))
        result = 0;
    if (result == 0) {
        unlink(from); // the file is complete under its name; a name left over loses nothing
        return 0;
    }
    if (result != -EPERM && result != -ENOTSUP && result != -ENOSYS && result != -EMLINK)
        return result;

    // FAT has neither: look, then rename. Only another program that takes the same name in
    // between could lose its file.
    struct stat stat;
    if (lstat(to, &stat) == 0)
        return -EEXIST;
    if (errno != ENOENT)
        return -errno;
    return rename(from, to) ? -errno : 0;
}

int fs_system_replace(const char *from, const char *to)
{
    return rename(from, to) ? -errno : 0;
}

bool fs_system_is_hidden(const char *path)
{
    const char *slash = strrchr(path, '/');
    return (slash ? slash + 1 : path)[0] == '.';
}

bool fs_system_is_stale(int code)
{
    return code == -ESTALE;
}

bool fs_system_is_quota(int code)
{
    return code == -EDQUOT;
}

#else
typedef int fs_posix_is_not_built_here; // an empty file is not C
#endif
