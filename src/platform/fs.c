#include "platform/fs.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "platform/fs_system.h"
#include "platform/path.h"

// One call never moves more: libuv's buffer lengths are 32 bit, and so are Windows' calls.
#define MAX_TRANSFER_BYTES (1u << 30)

// Every request here is synchronous (no callback), so no loop is needed.
static int64_t finish(uv_fs_t *request, int result)
{
    int64_t value = result < 0 ? result : (int64_t)request->result;
    if (value == UV_UNKNOWN)
        value = fs_system_unknown(uv_fs_get_system_error(request));
    uv_fs_req_cleanup(request);
    return value;
}

static int real_open(const struct fs *fs, const char *path, enum fs_open how)
{
    (void)fs;
    const char *system_path = fs_system_path(path);
    int result = UV_ENOMEM;
    unsigned tries = 0;
    if (!system_path)
        return result;
    do {
        uv_fs_t request;
        result = uv_fs_open(NULL, &request, system_path, fs_system_open_flags(how), 0600, NULL);
        result = (int)finish(&request, result);
    } while (result == UV_EBUSY && fs_system_try_again(result, &tries));
    fs_system_path_free(system_path, path);
    if (result >= 0 && how == FS_READ)
        fs_system_will_read(result);
    return result;
}

static uv_buf_t transfer_buffer(const void *buffer, size_t bytes)
{
    size_t length = bytes < MAX_TRANSFER_BYTES ? bytes : MAX_TRANSFER_BYTES;
    return uv_buf_init((char *)(uintptr_t)buffer, (unsigned)length);
}

static int64_t real_read_from(int file, void *buffer, size_t bytes, int64_t offset)
{
    uv_buf_t into = transfer_buffer(buffer, bytes);
    int64_t got;
    do {
        uv_fs_t request;
        got = finish(&request, uv_fs_read(NULL, &request, file, &into, 1, offset, NULL));
    } while (got == UV_EINTR); // libuv retries everything but reads
    return got;
}

static int64_t real_read(const struct fs *fs, int file, void *buffer, size_t bytes)
{
    (void)fs;
    return real_read_from(file, buffer, bytes, -1);
}

static int64_t real_read_at(const struct fs *fs, int file, void *buffer, size_t bytes,
                            uint64_t offset)
{
    (void)fs;
    if (offset > INT64_MAX)
        return UV_EINVAL;
    return real_read_from(file, buffer, bytes, (int64_t)offset);
}

static int64_t real_write(const struct fs *fs, int file, const void *buffer, size_t bytes)
{
    (void)fs;
    uv_buf_t from = transfer_buffer(buffer, bytes);
    uv_fs_t request;
    return finish(&request, uv_fs_write(NULL, &request, file, &from, 1, -1, NULL));
}

static int real_stat(const struct fs *fs, const char *path, struct fs_stat *out)
{
    (void)fs;
    return fs_system_stat(path, true, out);
}

static int real_lstat(const struct fs *fs, const char *path, struct fs_stat *out)
{
    (void)fs;
    return fs_system_stat(path, false, out);
}

static int real_fstat(const struct fs *fs, int file, struct fs_stat *out)
{
    (void)fs;
    return fs_system_fstat(file, out);
}

static int real_set_times(const struct fs *fs, int file, int64_t atime_ns, int64_t mtime_ns)
{
    (void)fs;
    return fs_system_set_times(file, atime_ns, mtime_ns);
}

static int real_copy_origin(const struct fs *fs, int file, const char *source)
{
    (void)fs;
    return fs_system_copy_origin(file, source);
}

static int real_set_mode(const struct fs *fs, int file, uint32_t mode)
{
    (void)fs;
    uv_fs_t request;
    return (int)finish(&request, uv_fs_fchmod(NULL, &request, file, (int)(mode & 0777), NULL));
}

static int real_sync(const struct fs *fs, int file)
{
    (void)fs;
    uv_fs_t request;
    return (int)finish(&request, uv_fs_fsync(NULL, &request, file, NULL));
}

static int real_sync_folder(const struct fs *fs, const char *path)
{
    (void)fs;
    return fs_system_sync_folder(path);
}

static int real_close(const struct fs *fs, int file)
{
    (void)fs;
    uv_fs_t request;
    return (int)finish(&request, uv_fs_close(NULL, &request, file, NULL));
}

static int real_publish(const struct fs *fs, const char *from, const char *to)
{
    (void)fs;
    return fs_system_publish(from, to);
}

static int real_replace(const struct fs *fs, const char *from, const char *to)
{
    (void)fs;
    return fs_system_replace(from, to);
}

// uv_fs_unlink() and its relatives: calls of one path and nothing else.
typedef int path_call(uv_loop_t *loop, uv_fs_t *request, const char *path, uv_fs_cb done);

static int call_with_path(path_call *call, const char *path)
{
    const char *system_path = fs_system_path(path);
    int result = UV_ENOMEM;
    unsigned tries = 0;
    if (!system_path)
        return result;
    do {
        uv_fs_t request;
        result = (int)finish(&request, call(NULL, &request, system_path, NULL));
    } while (result < 0 && fs_system_try_again(result, &tries));
    fs_system_path_free(system_path, path);
    return result;
}

static int real_unlink(const struct fs *fs, const char *path)
{
    (void)fs;
    return call_with_path(uv_fs_unlink, path);
}

static int real_remove_folder(const struct fs *fs, const char *path)
{
    (void)fs;
    return call_with_path(uv_fs_rmdir, path);
}

static int make_folder(uv_loop_t *loop, uv_fs_t *request, const char *path, uv_fs_cb done)
{
    return uv_fs_mkdir(loop, request, path, 0777, done);
}

static int real_make_folder(const struct fs *fs, const char *path)
{
    (void)fs;
    return call_with_path(make_folder, path);
}

static int real_link(const struct fs *fs, const char *from, const char *to)
{
    (void)fs;
    const char *system_from = fs_system_path(from), *system_to = fs_system_path(to);
    int result = UV_ENOMEM;
    if (system_from && system_to) {
        uv_fs_t request;
        result = (int)finish(&request, uv_fs_link(NULL, &request, system_from, system_to, NULL));
    }
    fs_system_path_free(system_from, from);
    fs_system_path_free(system_to, to);
    return result;
}

static int real_symlink(const struct fs *fs, const char *content, const char *to)
{
    (void)fs;
    const char *system_to = fs_system_path(to);
    int result = UV_ENOMEM;
    if (system_to) {
        uv_fs_t request;
        result = (int)finish(&request, uv_fs_symlink(NULL, &request, content, system_to, 0, NULL));
    }
    fs_system_path_free(system_to, to);
    return result;
}

static int real_read_link(const struct fs *fs, const char *path, char **content)
{
    (void)fs;
    *content = NULL;
    const char *system_path = fs_system_path(path);
    if (!system_path)
        return UV_ENOMEM;
    uv_fs_t request;
    int result = uv_fs_readlink(NULL, &request, system_path, NULL);
    if (result >= 0) {
        *content = strdup(request.ptr);
        result = *content ? 0 : UV_ENOMEM;
    }
    uv_fs_req_cleanup(&request);
    fs_system_path_free(system_path, path);
    return result;
}

static int real_set_path_times(const struct fs *fs, const char *path, int64_t atime_ns,
                               int64_t mtime_ns)
{
    (void)fs;
    return fs_system_set_path_times(path, atime_ns, mtime_ns);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// Names one behind the other, while their number is not known.
struct gathering {
    char *text; // owned
    size_t length, capacity, count;
};

static int gather(void *user, const char *name)
{
    struct gathering *gathering = user;
    size_t bytes = strlen(name) + 1;
    if (bytes > gathering->capacity - gathering->length) {
        size_t capacity = gathering->capacity ? gathering->capacity * 2 : 4096;
        while (capacity - gathering->length < bytes)
            capacity *= 2;
        char *text = realloc(gathering->text, capacity);
        if (!text)
            return UV_ENOMEM;
        gathering->text = text;
        gathering->capacity = capacity;
    }
    memcpy(gathering->text + gathering->length, name, bytes);
    gathering->length += bytes;
    gathering->count++;
    return 0;
}

static int real_list(const struct fs *fs, const char *path, struct fs_names *out)
{
    (void)fs;
    *out = (struct fs_names){0};
    const char *system_path = fs_system_path(path);
    if (!system_path)
        return UV_ENOMEM;
    struct gathering gathering = {0};
    int result = fs_system_list(system_path, gather, &gathering);
    fs_system_path_free(system_path, path);
    if (!result) {
        out->names = malloc((gathering.count ? gathering.count : 1) * sizeof(*out->names));
        result = out->names ? 0 : UV_ENOMEM;
    }
    if (result) {
        free(gathering.text);
        return result;
    }
    out->text = gathering.text;
    for (const char *name = out->text; out->count < gathering.count; name += strlen(name) + 1)
        out->names[out->count++] = (char *)name;
    // Sorted by nobody's locale: the order must be the same on every machine.
    if (out->count)
        qsort(out->names, out->count, sizeof(*out->names), compare_names);
    return 0;
}

static bool real_is_hidden(const struct fs *fs, const char *path)
{
    (void)fs;
    return fs_system_is_hidden(path);
}

static const struct fs real = {
    .open = real_open,
    .read = real_read,
    .read_at = real_read_at,
    .write = real_write,
    .stat = real_stat,
    .lstat = real_lstat,
    .fstat = real_fstat,
    .set_times = real_set_times,
    .set_mode = real_set_mode,
    .copy_origin = real_copy_origin,
    .sync = real_sync,
    .sync_folder = real_sync_folder,
    .close = real_close,
    .publish = real_publish,
    .replace = real_replace,
    .unlink = real_unlink,
    .link = real_link,
    .symlink = real_symlink,
    .read_link = real_read_link,
    .make_folder = real_make_folder,
    .remove_folder = real_remove_folder,
    .set_path_times = real_set_path_times,
    .list = real_list,
    .is_hidden = real_is_hidden,
};

const struct fs *fs_real(void)
{
    return &real;
}

void fs_names_free(struct fs_names *names)
{
    free(names->names);
    free(names->text);
    *names = (struct fs_names){0};
}

int fs_write_all(const struct fs *fs, int file, const void *buffer, size_t bytes)
{
    const uint8_t *from = buffer;
    while (bytes > 0) {
        int64_t written = fs->write(fs, file, from, bytes);
        if (written < 0)
            return (int)written;
        if (written == 0 || (uint64_t)written > bytes)
            return UV_EIO; // neither an error nor progress: never loop on it
        from += written;
        bytes -= (size_t)written;
    }
    return 0;
}

int fs_make_folders(const struct fs *fs, const char *path)
{
    int result = fs->make_folder(fs, path);
    if (result == UV_EEXIST || result == 0) {
        struct fs_stat stat;
        int found = fs->stat(fs, path, &stat);
        return found ? found : stat.is_folder ? 0 : UV_ENOTDIR;
    }
    if (result != UV_ENOENT)
        return result;

    char *parent = path_parent(path);
    if (!parent)
        return UV_ENOMEM;
    // "." and "/" have themselves above them; an end to the climb either way.
    if (strcmp(parent, path) != 0 && strlen(parent) < strlen(path)) {
        result = fs_make_folders(fs, parent);
        if (result == 0) {
            result = fs->make_folder(fs, path);
            if (result == UV_EEXIST) // made by someone else meanwhile
                result = 0;
        }
    }
    free(parent);
    return result;
}

const char *fs_error_text(int code)
{
    return code == 0 ? "success" : uv_strerror(code);
}

enum cubby_status fs_status(int code)
{
    switch (code) {
    case 0:
        return CUBBY_OK;
    case UV_ENOSPC:
    case UV_EFBIG:
        return CUBBY_NO_SPACE;
    case UV_ENOMEM:
        return CUBBY_NO_MEMORY;
    // A network folder or a disk that does not answer just now.
    case UV_ETIMEDOUT:
    case UV_EHOSTUNREACH:
    case UV_EHOSTDOWN:
    case UV_ENETUNREACH:
    case UV_ENETDOWN:
    case UV_ENOTCONN:
    case UV_ECONNRESET:
    case UV_ECONNABORTED:
    case UV_EBUSY:
        return CUBBY_BUSY;
    default:
        if (fs_system_is_stale(code))
            return CUBBY_BUSY;
        // libuv has no name of its own for an exceeded quota, so it hands out the system's.
        return fs_system_is_quota(code) ? CUBBY_NO_SPACE : CUBBY_IO;
    }
}
