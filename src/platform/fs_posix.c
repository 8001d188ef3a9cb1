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

const char *fs_system_path(const char *path)
{
    return path;
}

void fs_system_path_free(const char *system_path, const char *path)
{
    (void)system_path, (void)path;
}

bool fs_system_try_again(int code, unsigned *tries)
{
    (void)code, (void)tries;
    return false;
}

int fs_system_copy_origin(int file, const char *source)
{
    (void)file, (void)source;
    return 0;
}

static int64_t nanoseconds(uv_timespec_t time)
{
    int64_t seconds = (int64_t)time.tv_sec;
    // A damaged file system can say anything; the year 2262 is the end of the range.
    if (seconds > INT64_MAX / 1000000000 - 1)
        seconds = INT64_MAX / 1000000000 - 1;
    if (seconds < INT64_MIN / 1000000000 + 1)
        seconds = INT64_MIN / 1000000000 + 1;
    return seconds * 1000000000 + time.tv_nsec;
}

static int finish_stat(uv_fs_t *request, int result, struct fs_stat *out)
{
    memset(out, 0, sizeof(*out));
    if (result >= 0) {
        const uv_stat_t *stat = &request->statbuf;
        out->size_bytes = stat->st_size;
        out->device = stat->st_dev;
        out->inode = stat->st_ino;
        out->links = stat->st_nlink;
        out->mtime_ns = nanoseconds(stat->st_mtim);
        out->atime_ns = nanoseconds(stat->st_atim);
        out->birthtime_ns = nanoseconds(stat->st_birthtim);
        out->mode = (uint32_t)stat->st_mode;
        out->is_file = (stat->st_mode & S_IFMT) == S_IFREG;
        out->is_folder = (stat->st_mode & S_IFMT) == S_IFDIR;
        out->is_symlink = (stat->st_mode & S_IFMT) == S_IFLNK;
    }
    uv_fs_req_cleanup(request);
    return result < 0 ? result : 0;
}

int fs_system_stat(const char *path, bool follow, struct fs_stat *out)
{
    uv_fs_t request;
    int result =
        follow ? uv_fs_stat(NULL, &request, path, NULL) : uv_fs_lstat(NULL, &request, path, NULL);
    return finish_stat(&request, result, out);
}

int fs_system_fstat(int file, struct fs_stat *out)
{
    uv_fs_t request;
    return finish_stat(&request, uv_fs_fstat(NULL, &request, file, NULL), out);
}

#define LIST_BATCH 256u

int fs_system_list(const char *system_path, int (*found)(void *user, const char *name), void *user)
{
    uv_fs_t request;
    int result = uv_fs_opendir(NULL, &request, system_path, NULL);
    uv_dir_t *folder = result < 0 ? NULL : request.ptr;
    uv_fs_req_cleanup(&request);
    if (result < 0)
        return result;

    uv_dirent_t entries[LIST_BATCH];
    folder->dirents = entries;
    folder->nentries = LIST_BATCH;
    int count = 1;
    result = 0;
    while (count > 0 && !result) {
        count = uv_fs_readdir(NULL, &request, folder, NULL);
        result = count < 0 ? count : 0;
        for (int i = 0; i < count && !result; i++)
            result = found(user, entries[i].name);
        uv_fs_req_cleanup(&request);
    }
    uv_fs_closedir(NULL, &request, folder, NULL);
    uv_fs_req_cleanup(&request);
    return result;
}

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

int fs_system_unknown(int system_error)
{
    (void)system_error;
    return UV_UNKNOWN;
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
