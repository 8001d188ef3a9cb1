// The part of the real file system that differs between systems: fs_posix.c and fs_windows.c.
// Private to src/platform/fs*.c; the members of struct fs of the same names say what each does.
#ifndef SRC_PLATFORM_FS_SYSTEM_H
#define SRC_PLATFORM_FS_SYSTEM_H

#include "platform/fs.h"

int fs_system_open_flags(enum fs_open how);
// Asks for reading ahead in large pieces: nearly every file is read once, from end to end.
void fs_system_will_read(int file);
int fs_system_set_times(int file, int64_t atime_ns, int64_t mtime_ns);
int fs_system_set_path_times(const char *path, int64_t atime_ns, int64_t mtime_ns);
int fs_system_sync_folder(const char *path);
int fs_system_publish(const char *from, const char *to);
int fs_system_replace(const char *from, const char *to);
bool fs_system_is_hidden(const char *path);
bool fs_system_is_stale(int code); // a network folder was mounted anew
bool fs_system_is_quota(int code); // "disk quota exceeded", as libuv passes it on

#endif
