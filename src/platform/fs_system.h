// The part of the real file system that differs between systems: fs_posix.c and fs_windows.c.
// Private to src/platform; the members of struct fs of the same names say what each does.
#ifndef SRC_PLATFORM_FS_SYSTEM_H
#define SRC_PLATFORM_FS_SYSTEM_H

#include "platform/fs.h"

// The path as the system's calls take it: itself, or on Windows, where 260 characters and names
// such as "aux.jpg" need another form, malloc'd text. fs_system_path_free() takes either. NULL: out
// of memory.
const char *fs_system_path(const char *path);
void fs_system_path_free(const char *system_path, const char *path);
int fs_system_open_flags(enum fs_open how);
// Whether a call should be made again: another program, such as a virus scanner, has the file open
// on Windows. Waits before it says so, two and a half seconds in all. *tries begins with 0.
bool fs_system_try_again(int code, unsigned *tries);
int fs_system_stat(const char *path, bool follow, struct fs_stat *out);
int fs_system_fstat(int file, struct fs_stat *out);
// Calls found() for every name but "." and "..", in any order, until it returns an error. Takes
// what fs_system_path() gave.
int fs_system_list(const char *system_path, int (*found)(void *user, const char *name), void *user);
int fs_system_copy_origin(int file, const char *source);
// Asks for reading ahead in large pieces: nearly every file is read once, from end to end.
void fs_system_will_read(int file);
int fs_system_set_times(int file, int64_t atime_ns, int64_t mtime_ns);
int fs_system_set_path_times(const char *path, int64_t atime_ns, int64_t mtime_ns);
int fs_system_sync_folder(const char *path);
int fs_system_publish(const char *from, const char *to);
int fs_system_replace(const char *from, const char *to);
bool fs_system_is_hidden(const char *path);
// The code for an error that libuv has none for: UV_UNKNOWN, or a better one.
int fs_system_unknown(int system_error);
bool fs_system_is_stale(int code); // a network folder was mounted anew
bool fs_system_is_quota(int code); // "disk quota exceeded", as libuv passes it on

#endif
