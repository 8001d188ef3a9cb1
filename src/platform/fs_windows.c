#ifdef _WIN32

#include <fcntl.h>
#include <io.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include <windows.h>

#include "platform/fs_system.h"
#include "platform/path.h"
#include "platform/wide.h"

// Virus scanners and indexers hold new files open for moments: errors 5 and 32 pass. 8 tries with
// doubling waits from 10 ms give them two and a half seconds.
#define TRIES 8u
#define FIRST_WAIT_MS 10u
// Not in every MinGW: what reading brings from the net, at once or as a whole.
#define AWAY (FILE_ATTRIBUTE_OFFLINE | 0x00040000u | 0x00400000u) // RECALL_ON_OPEN, _ON_DATA_ACCESS

// The code for a system's error, as libuv has it, and for some that it takes for unknown.
static int code_of(DWORD error)
{
    switch (error) {
    case ERROR_BAD_NETPATH:
    case ERROR_BAD_NET_NAME:
    case ERROR_BAD_NET_RESP:
    case ERROR_UNEXP_NET_ERR:
    case ERROR_NETWORK_BUSY:
    case ERROR_REM_NOT_LIST:
    case 362: // ERROR_CLOUD_FILE_PROVIDER_NOT_RUNNING
    case 369: // ERROR_CLOUD_FILE_NETWORK_UNAVAILABLE
        return UV_EHOSTUNREACH;
    case 398: // ERROR_CLOUD_FILE_REQUEST_TIMEOUT
    case ERROR_SEM_TIMEOUT:
        return UV_ETIMEDOUT;
    case 1295: // ERROR_DISK_QUOTA_EXCEEDED
        return UV_ENOSPC;
    case ERROR_NOT_READY: // a card reader without its card
        return UV_ENODEV;
    case ERROR_DELETE_PENDING:
    case ERROR_USER_MAPPED_FILE:
        return UV_EBUSY;
    default:
        return uv_translate_sys_error((int)error);
    }
}

static int last_error(void)
{
    return code_of(GetLastError());
}

int fs_system_unknown(int system_error)
{
    return code_of((DWORD)system_error);
}

// ---- paths

// "C:/a" becomes \\?\C:\a and //server/share/a \\?\UNC\server\share\a: Windows then takes 32767
// characters whatever the registry says, and "aux.jpg" or "a." for the files that they are.
const char *fs_system_path(const char *path)
{
    static const char share[] = "\\\\?\\UNC\\", drive[] = "\\\\?\\";
    char *absolute = path_absolute(path);
    if (!absolute)
        return NULL;
    bool is_share = path_is_separator(absolute[0]) && path_is_separator(absolute[1]);
    bool is_special =
        is_share && (absolute[2] == '?' || absolute[2] == '.') && path_is_separator(absolute[3]);
    const char *head = is_special ? "" : is_share ? share : drive;
    const char *rest = absolute + (is_share && !is_special ? 2 : 0);
    size_t bytes = strlen(head) + strlen(rest) + 1;
    char *result = malloc(bytes);
    if (result) {
        strcpy(result, head);
        strcat(result, rest);
        for (char *c = result; *c; c++)
            if (*c == '/')
                *c = '\\';
    }
    free(absolute);
    return result;
}

void fs_system_path_free(const char *system_path, const char *path)
{
    if (system_path != path)
        free((void *)(uintptr_t)system_path);
}

// The system's path, as UTF-16. malloc'd; NULL: no UTF-8, or no memory.
static WCHAR *wide_path(const char *path)
{
    const char *system_path = fs_system_path(path);
    WCHAR *wide = system_path ? wide_from_utf8(system_path) : NULL;
    fs_system_path_free(system_path, path);
    return wide;
}

// ---- opening

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

// Waits longer each time; false after the last.
static bool wait_for_others(unsigned *tries)
{
    if (*tries + 1 >= TRIES)
        return false;
    Sleep(FIRST_WAIT_MS << (*tries)++);
    return true;
}

bool fs_system_try_again(int code, unsigned *tries)
{
    return code == UV_EBUSY && wait_for_others(tries); // a sharing or lock violation
}

// ---- looking

// Nanoseconds since 1970; FILETIME counts 100 ns since 1601, and 0 stands for unknown.
static int64_t nanoseconds(FILETIME time)
{
    int64_t ticks = (int64_t)((uint64_t)time.dwHighDateTime << 32 | time.dwLowDateTime);
    int64_t since_1970 = ticks - INT64_C(116444736000000000);
    if (ticks <= 0)
        return 0;
    if (since_1970 > INT64_MAX / 100)
        return INT64_MAX;
    return since_1970 < INT64_MIN / 100 ? INT64_MIN : since_1970 * 100;
}

// Symbolic links and junctions lead elsewhere. Other reparse points do not: OneDrive's
// placeholders, deduplicated files and compressed ones are files.
static bool leads_elsewhere(HANDLE handle, DWORD attributes)
{
    FILE_ATTRIBUTE_TAG_INFO tag;
    return (attributes & FILE_ATTRIBUTE_REPARSE_POINT) &&
           GetFileInformationByHandleEx(handle, FileAttributeTagInfo, &tag, sizeof(tag)) &&
           (tag.ReparseTag == IO_REPARSE_TAG_SYMLINK ||
            tag.ReparseTag == IO_REPARSE_TAG_MOUNT_POINT);
}

// Not by libuv: its seconds are 32 bit on Windows, and it does not tell what is away.
static int stat_handle(HANDLE handle, struct fs_stat *out)
{
    BY_HANDLE_FILE_INFORMATION info;
    *out = (struct fs_stat){0};
    if (GetFileType(handle) != FILE_TYPE_DISK)
        return 0; // a device or pipe: neither file nor folder
    if (!GetFileInformationByHandle(handle, &info))
        return last_error();
    DWORD attributes = info.dwFileAttributes;
    out->is_symlink = leads_elsewhere(handle, attributes);
    out->is_folder = !out->is_symlink && (attributes & FILE_ATTRIBUTE_DIRECTORY);
    out->is_file = !out->is_symlink && !out->is_folder;
    out->is_away = out->is_file && (attributes & AWAY);
    out->size_bytes = (uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow;
    out->device = info.dwVolumeSerialNumber;
    out->inode = (uint64_t)info.nFileIndexHigh << 32 | info.nFileIndexLow;
    out->links = info.nNumberOfLinks;
    out->mtime_ns = nanoseconds(info.ftLastWriteTime);
    out->atime_ns = nanoseconds(info.ftLastAccessTime);
    out->birthtime_ns = nanoseconds(info.ftCreationTime);
    out->mode = (out->is_symlink  ? S_IFLNK
                 : out->is_folder ? S_IFDIR
                                  : S_IFREG) |
                (attributes & FILE_ATTRIBUTE_READONLY && out->is_file ? 0444u : 0666u) |
                (out->is_folder ? 0111u : 0u);
    return 0;
}

// For attributes only: such a handle disturbs nobody and downloads nothing.
static HANDLE open_to_look(const WCHAR *wide, DWORD access, bool follow)
{
    DWORD flags = FILE_FLAG_BACKUP_SEMANTICS | (follow ? 0u : FILE_FLAG_OPEN_REPARSE_POINT);
    return CreateFileW(wide, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                       OPEN_EXISTING, flags, NULL);
}

int fs_system_stat(const char *path, bool follow, struct fs_stat *out)
{
    *out = (struct fs_stat){0};
    WCHAR *wide = wide_path(path);
    if (!wide)
        return UV_EINVAL;
    HANDLE handle = open_to_look(wide, FILE_READ_ATTRIBUTES, follow);
    int result = handle == INVALID_HANDLE_VALUE ? last_error() : stat_handle(handle, out);
    free(wide);
    if (handle != INVALID_HANDLE_VALUE)
        CloseHandle(handle);
    return result;
}

int fs_system_fstat(int file, struct fs_stat *out)
{
    HANDLE handle = (HANDLE)_get_osfhandle(file);
    *out = (struct fs_stat){0};
    return handle == INVALID_HANDLE_VALUE ? UV_EBADF : stat_handle(handle, out);
}

// Not by libuv: of an empty drive it makes a name of whatever was in memory.
int fs_system_list(const char *system_path, int (*found)(void *user, const char *name), void *user)
{
    size_t length = strlen(system_path);
    char *all = malloc(length + sizeof("\\*"));
    if (!all)
        return UV_ENOMEM;
    memcpy(all, system_path, length);
    strcpy(all + length, length && system_path[length - 1] == '\\' ? "*" : "\\*");
    WCHAR *wide = wide_from_utf8(all);
    free(all);
    if (!wide)
        return UV_EINVAL;

    WIN32_FIND_DATAW data;
    HANDLE search = FindFirstFileExW(wide, FindExInfoBasic, &data, FindExSearchNameMatch, NULL,
                                     FIND_FIRST_EX_LARGE_FETCH);
    int result = 0;
    if (search == INVALID_HANDLE_VALUE) {
        free(wide);
        DWORD error = GetLastError();
        // Every folder but an empty drive's has "." in it.
        return error == ERROR_FILE_NOT_FOUND ? 0
               : error == ERROR_DIRECTORY    ? UV_ENOTDIR
                                             : code_of(error);
    }
    do {
        char name[4 * MAX_PATH];
        if (!wcscmp(data.cFileName, L".") || !wcscmp(data.cFileName, L".."))
            continue;
        // Half a surrogate pair becomes U+FFFD: such a file is found, and fails by that name.
        WideCharToMultiByte(CP_UTF8, 0, data.cFileName, -1, name, sizeof(name), NULL, NULL);
        result = found(user, name);
    } while (!result && FindNextFileW(search, &data));
    if (!result && GetLastError() != ERROR_NO_MORE_FILES)
        result = last_error();
    FindClose(search);
    free(wide);
    return result;
}

bool fs_system_is_hidden(const char *path)
{
    const char *name = path;
    for (const char *p = path; *p; p++)
        if (*p == '/' || *p == '\\')
            name = p + 1;
    if (name[0] == '.')
        return true;
    WCHAR *wide = wide_path(path);
    DWORD attributes = wide ? GetFileAttributesW(wide) : INVALID_FILE_ATTRIBUTES;
    free(wide);
    return attributes != INVALID_FILE_ATTRIBUTES &&
           (attributes & (FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM)) != 0;
}

// ---- times and attributes

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
    return SetFileTime(handle, NULL, &accessed, &written) ? 0 : last_error();
}

int fs_system_set_path_times(const char *path, int64_t atime_ns, int64_t mtime_ns)
{
    WCHAR *wide = wide_path(path);
    if (!wide)
        return UV_EINVAL;
    HANDLE handle = open_to_look(wide, FILE_WRITE_ATTRIBUTES, false);
    free(wide);
    if (handle == INVALID_HANDLE_VALUE)
        return last_error();
    FILETIME accessed = time_from(atime_ns), written = time_from(mtime_ns);
    int result = SetFileTime(handle, NULL, &accessed, &written) ? 0 : last_error();
    CloseHandle(handle);
    return result;
}

int fs_system_copy_origin(int file, const char *source)
{
    HANDLE to = (HANDLE)_get_osfhandle(file);
    WCHAR *wide = wide_path(source);
    HANDLE from = wide ? open_to_look(wide, FILE_READ_ATTRIBUTES, true) : INVALID_HANDLE_VALUE;
    free(wide);
    if (from == INVALID_HANDLE_VALUE)
        return last_error();
    FILE_BASIC_INFO origin, own;
    int result = 0;
    if (!GetFileInformationByHandleEx(from, FileBasicInfo, &origin, sizeof(origin)) ||
        !GetFileInformationByHandleEx(to, FileBasicInfo, &own, sizeof(own))) {
        result = last_error();
    } else {
        // Zero leaves the other times alone.
        FILE_BASIC_INFO set = {.CreationTime = origin.CreationTime,
                               .FileAttributes = own.FileAttributes |
                                                 (origin.FileAttributes & FILE_ATTRIBUTE_HIDDEN)};
        if (!SetFileInformationByHandle(to, FileBasicInfo, &set, sizeof(set)))
            result = last_error();
    }
    CloseHandle(from);
    return result;
}

// ---- names

int fs_system_sync_folder(const char *path)
{
    (void)path; // Windows has no such call; MOVEFILE_WRITE_THROUGH does the work
    return 0;
}

static int move(const char *from, const char *to, DWORD flags)
{
    WCHAR *wide_from = wide_path(from);
    WCHAR *wide_to = wide_path(to);
    int result = UV_EINVAL;
    unsigned tries = 0;
    DWORD error = ERROR_SUCCESS;
    if (!wide_from || !wide_to)
        goto out;
    do {
        // Never MOVEFILE_COPY_ALLOWED: it is not atomic and reports success when only half is done.
        bool moved = MoveFileExW(wide_from, wide_to, flags | MOVEFILE_WRITE_THROUGH);
        error = moved ? ERROR_SUCCESS : GetLastError();
    } while ((error == ERROR_ACCESS_DENIED || error == ERROR_SHARING_VIOLATION) &&
             wait_for_others(&tries));
    result = error == ERROR_SUCCESS                                        ? 0
             : error == ERROR_ALREADY_EXISTS || error == ERROR_FILE_EXISTS ? UV_EEXIST
                                                                           : code_of(error);

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

// ---- errors

// Both have a code of libuv's here: see code_of().
bool fs_system_is_stale(int code)
{
    (void)code;
    return false;
}

bool fs_system_is_quota(int code)
{
    (void)code;
    return false;
}

#else
typedef int fs_windows_is_not_built_here; // an empty file is not C
#endif
