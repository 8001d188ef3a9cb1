// Every file operation that files photos, in one table, so that tests can make any of them fail,
// tear or vanish. The real one is libuv's synchronous calls (UTF-8 paths on Windows too) plus the
// little that libuv lacks. Paths are UTF-8 on Windows, raw bytes elsewhere.
//
// Tests copy *fs_real(), replace some members and keep their state in `user`.
#ifndef SRC_PLATFORM_FS_H
#define SRC_PLATFORM_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/status.h"

// Negative results are libuv error codes (UV_ENOENT ...); fs_error_text() explains them.
struct fs_stat {
    uint64_t size_bytes, device, inode, links;
    int64_t mtime_ns, atime_ns, birthtime_ns;
    uint32_t mode; // S_IFMT and permission bits
    bool is_file, is_folder, is_symlink;
    bool is_away; // only a placeholder lies here: reading it downloads it (OneDrive)
};

enum fs_open {
    FS_READ,   // never waits, not even for a fifo's other end: look at fstat before reading
    FS_CREATE, // write, must not exist, mode 0600
    FS_APPEND, // write at the end of an existing file
};

// The names of one folder, without "." and "..", sorted by their bytes.
struct fs_names {
    char **names; // owned, into text
    char *text;   // owned; one piece for all, since a folder may hold a million
    size_t count;
};

struct fs {
    int (*open)(const struct fs *fs, const char *path, enum fs_open how); // file number or < 0
    int64_t (*read)(const struct fs *fs, int file, void *buffer, size_t bytes); // 0 at the end
    // Leaves the position of read() undefined.
    int64_t (*read_at)(const struct fs *fs, int file, void *buffer, size_t bytes, uint64_t offset);
    int64_t (*write)(const struct fs *fs, int file, const void *buffer, size_t bytes);
    int (*stat)(const struct fs *fs, const char *path, struct fs_stat *out); // follows links
    int (*lstat)(const struct fs *fs, const char *path, struct fs_stat *out);
    int (*fstat)(const struct fs *fs, int file, struct fs_stat *out);
    int (*set_times)(const struct fs *fs, int file, int64_t atime_ns, int64_t mtime_ns);
    int (*set_mode)(const struct fs *fs, int file, uint32_t mode); // permission bits only
    // What else a file on Windows has: gives the open one the source's time of creation and hidden
    // attribute. 0 where the system has no such thing.
    int (*copy_origin)(const struct fs *fs, int file, const char *source);
    int (*sync)(const struct fs *fs, int file);                // data and metadata
    int (*sync_folder)(const struct fs *fs, const char *path); // 0 where there is no such thing
    int (*close)(const struct fs *fs, int file);
    // Gives `from` its final name unless that is taken (UV_EEXIST): renameat2(NOREPLACE), else
    // link + unlink, else guarded rename.
    int (*publish)(const struct fs *fs, const char *from, const char *to);
    int (*replace)(const struct fs *fs, const char *from, const char *to); // atomically, if taken
    int (*unlink)(const struct fs *fs, const char *path);
    // Both fail with UV_EEXIST where `to` is taken. UV_EXDEV, UV_EPERM, UV_ENOTSUP: not possible
    // there.
    int (*link)(const struct fs *fs, const char *from, const char *to);
    int (*symlink)(const struct fs *fs, const char *content, const char *to);
    int (*read_link)(const struct fs *fs, const char *path, char **content); // malloc'd
    int (*make_folder)(const struct fs *fs, const char *path);   // one level, mode 0777 & ~umask
    int (*remove_folder)(const struct fs *fs, const char *path); // UV_ENOTEMPTY if it is not empty
    // Of a file or folder by its path, a link's own.
    int (*set_path_times)(const struct fs *fs, const char *path, int64_t atime_ns,
                          int64_t mtime_ns);
    int (*list)(const struct fs *fs, const char *path, struct fs_names *out);
    // Whether the name is hidden: leading dot, or the hidden or system attribute on Windows.
    bool (*is_hidden)(const struct fs *fs, const char *path);
    void *user; // for test tables
};

const struct fs *fs_real(void);

void fs_names_free(struct fs_names *names); // leaves it empty

// Writes all of it, going on after short writes. 0 or a libuv code.
int fs_write_all(const struct fs *fs, int file, const void *buffer, size_t bytes);
// Makes `path` and what is missing above it. 0 also when it is already there.
int fs_make_folders(const struct fs *fs, const char *path);

// "no space left on device", for messages; static storage.
const char *fs_error_text(int code);
// What a failed write to the output means: CUBBY_NO_SPACE for a full disk, quota or file-size
// limit, CUBBY_NO_MEMORY, CUBBY_BUSY for a network or device that does not answer, else CUBBY_IO.
enum cubby_status fs_status(int code);

#endif
