#ifdef _WIN32

#include <fcntl.h>
#include <io.h>
#include <stdlib.h>
#include <uv.h>
#include <windows.h>

#include "platform/fs_system.h"

// Virus scanners and indexers hold new files open for moments: errors 5 and 32 pass. 8 tries with
// doubling waits from 10 ms give them two and a half seconds.
#define RENAME_TRIES 8

int fs_system_open_flags(enum fs_open how)
{
    switch (how) {
    case FS_CREATE:
        return UV_FS_O_WRONLY | UV_FS_O_CREAT | UV_FS_O_EXCL;
    case FS_APPEND:
        return UV_FS_O_WRONLY | UV_FS_O_APPEND;
    case FS_READ:
        break;
    }
    return UV_FS_O_RDONLY | UV_FS_O_SEQUENTIAL;
}

void fs_system_will_read(int file)
{
    (void)file; // it was said when the file was opened
}

static WCHAR *wide(const char *path)
{
    int length = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, NULL, 0);
    if (length <= 0)
        return NULL;
    WCHAR *text = malloc((size_t)length * sizeof(*text));
    if (text)
        MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, text, length);
    return text;
}

// FILETIME counts 100 ns since 1601.
static FILETIME time_from(int64_t ns)
{
    int64_t ticks = ns / 100 + INT64_C(116444736000000000);
    if (ticks < 1) // 0 would mean "leave as it is"
        ticks = 1;
    return (FILETIME){.dwLowDateTime = (DWORD)(ticks & 0xffffffff),
                      .dwHighDateTime = (DWORD)(ticks >> 32)};
}

int fs_system_set_times(int file, int64_t atime_ns, int64_t mtime_ns)
{
    HANDLE handle = (HANDLE)_get_osfhandle(file);
    if (handle == INVALID_HANDLE_VALUE)
        return UV_EBADF;
    FILETIME accessed = time_from(atime_ns), written = time_from(mtime_ns);
    if (!SetFileTime(handle, NULL, &accessed, &written))
        return uv_translate_sys_error((int)GetLastError());
    return 0;
}

int fs_system_set_path_times(const char *path, int64_t atime_ns, int64_t mtime_ns)
{
    WCHAR *text = wide(path);
    if (!text)
        return UV_EINVAL;
    // The first flag opens folders, too, the second a link itself.
    HANDLE handle =
        CreateFileW(text, FILE_WRITE_ATTRIBUTES, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                    OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    free(text);
    if (handle == INVALID_HANDLE_VALUE)
        return uv_translate_sys_error((int)GetLastError());
    FILETIME accessed = time_from(atime_ns), written = time_from(mtime_ns);
    int result = SetFileTime(handle, NULL, &accessed, &written)
                     ? 0
                     : uv_translate_sys_error((int)GetLastError());
    CloseHandle(handle);
    return result;
}

int fs_system_sync_folder(const char *path)
{
    (void)path; // Windows has no such call; MOVEFILE_WRITE_THROUGH does the work
    return 0;
}

static int move(const char *from, const char *to, DWORD flags)
{
    WCHAR *wide_from = wide(from);
    WCHAR *wide_to = wide(to);
    int result = UV_EINVAL;
    if (!wide_from || !wide_to)
        goto out;

    DWORD wait_ms = 10;
    for (int i = 0; i < RENAME_TRIES; i++) {
        // Never MOVEFILE_COPY_ALLOWED: it is not atomic and reports success when only half is done.
        if (MoveFileExW(wide_from, wide_to, flags | MOVEFILE_WRITE_THROUGH)) {
            result = 0;
            break;
        }
        DWORD error = GetLastError();
        result = error == ERROR_ALREADY_EXISTS || error == ERROR_FILE_EXISTS
                     ? UV_EEXIST
                     : uv_translate_sys_error((int)error);
        if (error != ERROR_ACCESS_DENIED && error != ERROR_SHARING_VIOLATION)
            break;
        Sleep(wait_ms);
        wait_ms *= 2;
    }

out:
    free(wide_from);
    free(wide_to);
    return result;
}

int fs_system_publish(const char *from, const char *to)
{
    return move(from, to, 0);
}

int fs_system_replace(const char *from, const char *to)
{
    return move(from, to, MOVEFILE_REPLACE_EXISTING);
}

bool fs_system_is_hidden(const char *path)
{
    const char *name = path;
    for (const char *p = path; *p; p++)
        if (*p == '/' || *p == '\\')
            name = p + 1;
    if (name[0] == '.')
        return true;
    WCHAR *text = wide(path);
    DWORD attributes = text ? GetFileAttributesW(text) : INVALID_FILE_ATTRIBUTES;
    free(text);
    return attributes != INVALID_FILE_ATTRIBUTES &&
           (attributes & (FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM)) != 0;
}

bool fs_system_is_stale(int code)
{
    return code == uv_translate_sys_error(ERROR_NETNAME_DELETED) ||
           code == uv_translate_sys_error(ERROR_BAD_NETPATH);
}

bool fs_system_is_quota(int code)
{
    return code == uv_translate_sys_error(ERROR_DISK_QUOTA_EXCEEDED);
}

#else
typedef int fs_windows_is_not_built_here; // an empty file is not C
#endif
