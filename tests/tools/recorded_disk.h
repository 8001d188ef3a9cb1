// A disk whose history is written down: every change below one folder, made through struct fs or by
// SQLite, so that the states that a power cut could have left can be built afterwards.
//
// The model is stricter than ext4, XFS or btrfs (ALICE, OSDI 2014; the fault-injecting file systems
// of LevelDB and RocksDB):
//   - a file's content is certain up to its last fsync; of later writes any may be missing or torn,
//   and
//     a file that grew may hold zeros instead;
//   - a folder's changes are certain up to its last fsync; of later ones a beginning survives, for
//   each
//     folder by itself; fsync of a file does not bring its name;
//   - a rename is atomic, between two folders too.
#ifndef TESTS_TOOLS_RECORDED_DISK_H
#define TESTS_TOOLS_RECORDED_DISK_H

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "platform/fs.h"
#include "platform/path.h"

enum change_kind {
    CHANGE_WRITE,
    CHANGE_TRUNCATE,
    CHANGE_SYNC,
    CHANGE_TIMES,
    CHANGE_ADD,    // a name for a file, folder or link
    CHANGE_REMOVE, // of a name
    CHANGE_RENAME, // what had the new name is gone
    CHANGE_SYNC_FOLDER,
};

#define DISK_MAX_FILES 4096
#define DISK_MAX_CHANGES 65536
#define DISK_MAX_OPEN 1024

struct disk_change {
    enum change_kind kind;
    int node;        // of the file, or of the thing that is named
    char *path, *to; // owned
    uint64_t offset;
    uint8_t *bytes; // owned
    size_t size_bytes;
    int64_t atime_ns, mtime_ns;
};

struct disk_node {
    bool is_folder;
    char *link; // owned; a symbolic link's content
    uint8_t *bytes;
    size_t size_bytes;
    int64_t atime_ns, mtime_ns;
    uint32_t mode;
};

struct disk_name {
    char *path; // owned
    int node;
};

struct disk {
    struct fs fs;
    sqlite3_vfs vfs;
    const char *top; // borrowed; only what is below is recorded
    uv_mutex_t lock;
    struct disk_node nodes[DISK_MAX_FILES]; // as they were at the start; new ones are empty
    int node_count, initial_count;
    struct disk_name initial[DISK_MAX_FILES];
    struct disk_name names[DISK_MAX_FILES]; // as they are now
    int name_count;
    struct disk_change changes[DISK_MAX_CHANGES];
    int change_count;
    int open_nodes[DISK_MAX_OPEN]; // by file number; 0: not recorded
    bool ignores_sync;             // the model takes fsync for nothing
};

// ---- names

static inline int disk_find(const struct disk_name *names, int count, const char *path)
{
    for (int i = 0; i < count; i++)
        if (names[i].path && !strcmp(names[i].path, path))
            return i;
    return -1;
}

static inline void disk_set_name(struct disk_name *names, int *count, const char *path, int node)
{
    int i = disk_find(names, *count, path);
    if (i < 0) {
        for (i = 0; i < *count && names[i].path; i++)
            ;
        if (i == *count)
            (*count)++;
        if (*count >= DISK_MAX_FILES)
            abort();
        names[i].path = strdup(path);
    }
    names[i].node = node;
}

static inline void disk_drop_name(struct disk_name *names, int count, const char *path)
{
    int i = disk_find(names, count, path);
    if (i >= 0) {
        free(names[i].path);
        names[i].path = NULL;
    }
}

static inline int disk_node_of(const struct disk *disk, const char *path)
{
    int i = disk_find(disk->names, disk->name_count, path);
    return i < 0 ? 0 : disk->names[i].node;
}

static inline int disk_new_node(struct disk *disk)
{
    if (disk->node_count >= DISK_MAX_FILES)
        abort();
    disk->nodes[disk->node_count].mode = 0644;
    return disk->node_count++;
}

// ---- recording

static inline struct disk_change *disk_record(struct disk *disk, enum change_kind kind, int node,
                                              const char *path)
{
    if (disk->change_count >= DISK_MAX_CHANGES)
        abort();
    struct disk_change *change = &disk->changes[disk->change_count++];
    *change = (struct disk_change){.kind = kind, .node = node, .path = path ? strdup(path) : NULL};
    return change;
}

static inline void disk_record_write(struct disk *disk, int node, const void *bytes,
                                     size_t size_bytes, uint64_t offset)
{
    struct disk_change *change = disk_record(disk, CHANGE_WRITE, node, NULL);
    change->bytes = malloc(size_bytes ? size_bytes : 1);
    memcpy(change->bytes, bytes, size_bytes);
    change->size_bytes = size_bytes;
    change->offset = offset;
}

static inline void disk_record_name(struct disk *disk, const char *path, int node)
{
    disk_record(disk, CHANGE_ADD, node, path);
    disk_set_name(disk->names, &disk->name_count, path, node);
}

static inline void disk_record_removal(struct disk *disk, const char *path)
{
    disk_record(disk, CHANGE_REMOVE, disk_node_of(disk, path), path);
    disk_drop_name(disk->names, disk->name_count, path);
}

static inline void disk_record_rename(struct disk *disk, const char *from, const char *to)
{
    int node = disk_node_of(disk, from);
    disk_record(disk, CHANGE_RENAME, node, from)->to = strdup(to);
    disk_drop_name(disk->names, disk->name_count, from);
    disk_set_name(disk->names, &disk->name_count, to, node);
}

#define DISK(fs) ((struct disk *)(fs)->user)
#define DISK_CALL(done, remember)                                                                  \
    do {                                                                                           \
        struct disk *disk = DISK(fs);                                                              \
        uv_mutex_lock(&disk->lock);                                                                \
        int answer = (done);                                                                       \
        if (answer >= 0) {                                                                         \
            remember;                                                                              \
        }                                                                                          \
        uv_mutex_unlock(&disk->lock);                                                              \
        return answer;                                                                             \
    } while (0)

static inline void disk_opened(struct disk *disk, int file, const char *path, enum fs_open how)
{
    if (file >= DISK_MAX_OPEN)
        abort();
    if (how == FS_CREATE)
        disk_record_name(disk, path, disk_new_node(disk));
    disk->open_nodes[file] = how == FS_READ ? 0 : disk_node_of(disk, path);
}

static inline int disk_open(const struct fs *fs, const char *path, enum fs_open how)
{
    DISK_CALL(fs_real()->open(fs, path, how), disk_opened(disk, answer, path, how));
}

static inline int64_t disk_write(const struct fs *fs, int file, const void *buffer, size_t bytes)
{
    struct disk *disk = DISK(fs);
    uv_mutex_lock(&disk->lock);
    struct fs_stat stat;
    int failed = fs_real()->fstat(fs, file, &stat);
    int64_t written = failed ? failed : fs_real()->write(fs, file, buffer, bytes);
    if (written > 0 && disk->open_nodes[file]) // always at the end
        disk_record_write(disk, disk->open_nodes[file], buffer, (size_t)written, stat.size_bytes);
    uv_mutex_unlock(&disk->lock);
    return written;
}

static inline void disk_timed(struct disk *disk, int file, int64_t atime_ns, int64_t mtime_ns)
{
    struct disk_change *change = disk_record(disk, CHANGE_TIMES, disk->open_nodes[file], NULL);
    change->atime_ns = atime_ns;
    change->mtime_ns = mtime_ns;
}

static inline int disk_set_times(const struct fs *fs, int file, int64_t atime_ns, int64_t mtime_ns)
{
    DISK_CALL(fs_real()->set_times(fs, file, atime_ns, mtime_ns),
              disk_timed(disk, file, atime_ns, mtime_ns));
}

static inline int disk_sync(const struct fs *fs, int file)
{
    DISK_CALL(0, disk_record(disk, CHANGE_SYNC, disk->open_nodes[file], NULL));
}

static inline int disk_sync_folder(const struct fs *fs, const char *path)
{
    DISK_CALL(0, disk_record(disk, CHANGE_SYNC_FOLDER, 0, path));
}

static inline int disk_publish(const struct fs *fs, const char *from, const char *to)
{
    DISK_CALL(fs_real()->publish(fs, from, to), disk_record_rename(disk, from, to));
}

static inline int disk_replace(const struct fs *fs, const char *from, const char *to)
{
    DISK_CALL(fs_real()->replace(fs, from, to), disk_record_rename(disk, from, to));
}

static inline int disk_unlink(const struct fs *fs, const char *path)
{
    DISK_CALL(fs_real()->unlink(fs, path), disk_record_removal(disk, path));
}

static inline int disk_link(const struct fs *fs, const char *from, const char *to)
{
    DISK_CALL(fs_real()->link(fs, from, to), disk_record_name(disk, to, disk_node_of(disk, from)));
}

static inline int disk_new_link(struct disk *disk, const char *content)
{
    int node = disk_new_node(disk);
    disk->nodes[node].link = strdup(content);
    return node;
}

static inline int disk_symlink(const struct fs *fs, const char *content, const char *to)
{
    DISK_CALL(fs_real()->symlink(fs, content, to),
              disk_record_name(disk, to, disk_new_link(disk, content)));
}

static inline int disk_new_folder(struct disk *disk)
{
    int node = disk_new_node(disk);
    disk->nodes[node].is_folder = true;
    return node;
}

static inline int disk_make_folder(const struct fs *fs, const char *path)
{
    DISK_CALL(fs_real()->make_folder(fs, path),
              disk_record_name(disk, path, disk_new_folder(disk)));
}

static inline int disk_remove_folder(const struct fs *fs, const char *path)
{
    DISK_CALL(fs_real()->remove_folder(fs, path), disk_record_removal(disk, path));
}

// ---- SQLite

struct disk_file {
    sqlite3_file base;
    struct disk *disk;
    char *path;        // owned
    int node;          // 0: a temporary, which is not recorded
    bool syncs_folder; // with its first sync, as SQLite's own file operations do for logs
    sqlite3_file *real;
};

static inline struct disk_file *disk_file_of(sqlite3_file *file)
{
    return (struct disk_file *)file;
}

static inline int disk_db_close(sqlite3_file *file)
{
    struct disk_file *f = disk_file_of(file);
    free(f->path);
    return f->real->pMethods->xClose(f->real);
}

static inline int disk_db_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 offset)
{
    struct disk_file *f = disk_file_of(file);
    return f->real->pMethods->xRead(f->real, bytes, size, offset);
}

static inline int disk_db_write(sqlite3_file *file, const void *bytes, int size,
                                sqlite3_int64 offset)
{
    struct disk_file *f = disk_file_of(file);
    int result = f->real->pMethods->xWrite(f->real, bytes, size, offset);
    uv_mutex_lock(&f->disk->lock);
    if (result == SQLITE_OK && f->node)
        disk_record_write(f->disk, f->node, bytes, (size_t)size, (uint64_t)offset);
    uv_mutex_unlock(&f->disk->lock);
    return result;
}

static inline int disk_db_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct disk_file *f = disk_file_of(file);
    int result = f->real->pMethods->xTruncate(f->real, size);
    uv_mutex_lock(&f->disk->lock);
    if (result == SQLITE_OK && f->node)
        disk_record(f->disk, CHANGE_TRUNCATE, f->node, NULL)->offset = (uint64_t)size;
    uv_mutex_unlock(&f->disk->lock);
    return result;
}

static inline int disk_db_sync(sqlite3_file *file, int flags)
{
    (void)flags;
    struct disk_file *f = disk_file_of(file);
    uv_mutex_lock(&f->disk->lock);
    if (f->node)
        disk_record(f->disk, CHANGE_SYNC, f->node, NULL);
    if (f->node && f->syncs_folder) {
        char *folder = path_parent(f->path);
        disk_record(f->disk, CHANGE_SYNC_FOLDER, 0, folder);
        free(folder);
        f->syncs_folder = false;
    }
    uv_mutex_unlock(&f->disk->lock);
    return SQLITE_OK;
}

static inline int disk_db_size(sqlite3_file *file, sqlite3_int64 *size)
{
    struct disk_file *f = disk_file_of(file);
    return f->real->pMethods->xFileSize(f->real, size);
}

static inline int disk_db_lock(sqlite3_file *file, int how)
{
    struct disk_file *f = disk_file_of(file);
    return f->real->pMethods->xLock(f->real, how);
}

static inline int disk_db_unlock(sqlite3_file *file, int how)
{
    struct disk_file *f = disk_file_of(file);
    return f->real->pMethods->xUnlock(f->real, how);
}

static inline int disk_db_check_lock(sqlite3_file *file, int *result)
{
    struct disk_file *f = disk_file_of(file);
    return f->real->pMethods->xCheckReservedLock(f->real, result);
}

static inline int disk_db_control(sqlite3_file *file, int op, void *argument)
{
    struct disk_file *f = disk_file_of(file);
    return f->real->pMethods->xFileControl(f->real, op, argument);
}

static inline int disk_db_sector(sqlite3_file *file)
{
    struct disk_file *f = disk_file_of(file);
    return f->real->pMethods->xSectorSize(f->real);
}

static inline int disk_db_device(sqlite3_file *file)
{
    struct disk_file *f = disk_file_of(file);
    return f->real->pMethods->xDeviceCharacteristics(f->real);
}

static inline int disk_db_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                               int *out_flags)
{
    static const sqlite3_io_methods methods = {.iVersion = 1, // no shared memory
                                               .xClose = disk_db_close,
                                               .xRead = disk_db_read,
                                               .xWrite = disk_db_write,
                                               .xTruncate = disk_db_truncate,
                                               .xSync = disk_db_sync,
                                               .xFileSize = disk_db_size,
                                               .xLock = disk_db_lock,
                                               .xUnlock = disk_db_unlock,
                                               .xCheckReservedLock = disk_db_check_lock,
                                               .xFileControl = disk_db_control,
                                               .xSectorSize = disk_db_sector,
                                               .xDeviceCharacteristics = disk_db_device};
    struct disk *disk = vfs->pAppData;
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    struct disk_file *f = disk_file_of(file);
    *f = (struct disk_file){.disk = disk, .real = (sqlite3_file *)(f + 1)};
    uv_mutex_lock(&disk->lock);
    bool there = name && disk_node_of(disk, name);
    int result = real->xOpen(real, name, f->real, flags, out_flags);
    if (result == SQLITE_OK) {
        f->base.pMethods = &methods;
        f->path = name ? strdup(name) : NULL;
        if (name && !there)
            disk_record_name(disk, name, disk_new_node(disk));
        f->node = name ? disk_node_of(disk, name) : 0;
        f->syncs_folder = !there && (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL));
    }
    uv_mutex_unlock(&disk->lock);
    return result;
}

static inline int disk_db_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    struct disk *disk = vfs->pAppData;
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    uv_mutex_lock(&disk->lock);
    int result = real->xDelete(real, name, 0);
    if (result == SQLITE_OK)
        disk_record_removal(disk, name);
    if (result == SQLITE_OK && sync_folder) {
        char *folder = path_parent(name);
        disk_record(disk, CHANGE_SYNC_FOLDER, 0, folder);
        free(folder);
    }
    uv_mutex_unlock(&disk->lock);
    return result;
}

// ---- beginning and end

// What lies there now is durable.
static inline void disk_load(struct disk *disk, const char *folder)
{
    struct fs_names names;
    if (fs_real()->list(fs_real(), folder, &names))
        abort();
    for (size_t i = 0; i < names.count; i++) {
        char *path = path_join(folder, names.names[i]);
        struct fs_stat stat;
        if (fs_real()->lstat(fs_real(), path, &stat))
            abort();
        int node = disk_new_node(disk);
        struct disk_node *n = &disk->nodes[node];
        n->is_folder = stat.is_folder;
        n->mode = stat.mode & 0777;
        n->atime_ns = stat.atime_ns;
        n->mtime_ns = stat.mtime_ns;
        if (stat.is_file) {
            n->size_bytes = (size_t)stat.size_bytes;
            n->bytes = malloc(n->size_bytes + 1);
            int file = fs_real()->open(fs_real(), path, FS_READ);
            if (fs_real()->read(fs_real(), file, n->bytes, n->size_bytes + 1) !=
                (int64_t)n->size_bytes)
                abort();
            fs_real()->close(fs_real(), file);
        }
        disk_set_name(disk->initial, &disk->initial_count, path, node);
        disk_set_name(disk->names, &disk->name_count, path, node);
        if (stat.is_folder)
            disk_load(disk, path);
        free(path);
    }
    fs_names_free(&names);
}

static inline void disk_init(struct disk *disk, const char *top)
{
    memset(disk, 0, sizeof(*disk));
    disk->top = top;
    disk->node_count = 1; // 0 is none
    uv_mutex_init(&disk->lock);
    disk_load(disk, top);
    disk->fs = *fs_real();
    disk->fs.open = disk_open;
    disk->fs.write = disk_write;
    disk->fs.set_times = disk_set_times;
    disk->fs.sync = disk_sync;
    disk->fs.sync_folder = disk_sync_folder;
    disk->fs.publish = disk_publish;
    disk->fs.replace = disk_replace;
    disk->fs.unlink = disk_unlink;
    disk->fs.link = disk_link;
    disk->fs.symlink = disk_symlink;
    disk->fs.make_folder = disk_make_folder;
    disk->fs.remove_folder = disk_remove_folder;
    disk->fs.user = disk;
    sqlite3_initialize();
    disk->vfs = *sqlite3_vfs_find(NULL);
    disk->vfs.zName = "recorded-disk";
    disk->vfs.szOsFile += (int)sizeof(struct disk_file);
    disk->vfs.pAppData = disk;
    disk->vfs.xOpen = disk_db_open;
    disk->vfs.xDelete = disk_db_delete;
    sqlite3_vfs_register(&disk->vfs, 0);
}

static inline void disk_fini(struct disk *disk)
{
    sqlite3_vfs_unregister(&disk->vfs);
    for (int i = 0; i < disk->change_count; i++) {
        free(disk->changes[i].path);
        free(disk->changes[i].to);
        free(disk->changes[i].bytes);
    }
    for (int i = 0; i < disk->node_count; i++) {
        free(disk->nodes[i].bytes);
        free(disk->nodes[i].link);
    }
    for (int i = 0; i < DISK_MAX_FILES; i++) {
        free(disk->initial[i].path);
        free(disk->names[i].path);
    }
    uv_mutex_destroy(&disk->lock);
}

// ---- a power cut

struct disk_random {
    uint64_t state;
};

static inline uint32_t disk_next(struct disk_random *random)
{
    random->state = random->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random->state >> 33);
}

static inline bool disk_is_name_change(const struct disk_change *change)
{
    return change->kind == CHANGE_ADD || change->kind == CHANGE_REMOVE ||
           change->kind == CHANGE_RENAME;
}

static inline bool disk_touches(const struct disk_change *change, const char *folder)
{
    char *a = path_parent(change->path), *b = change->to ? path_parent(change->to) : NULL;
    bool result = !strcmp(a, folder) || (b && !strcmp(b, folder));
    free(a);
    free(b);
    return result;
}

// The change is certain, and with it all that happened in its folders before.
static inline void disk_make_certain(const struct disk *disk, bool *certain, int at,
                                     const char *folder)
{
    for (int i = at; i >= 0; i--) {
        const struct disk_change *change = &disk->changes[i];
        if (certain[i] || !disk_is_name_change(change) || !disk_touches(change, folder))
            continue;
        certain[i] = true;
        char *a = path_parent(change->path), *b = change->to ? path_parent(change->to) : NULL;
        disk_make_certain(disk, certain, i, a);
        if (b)
            disk_make_certain(disk, certain, i, b);
        free(a);
        free(b);
    }
}

static inline void disk_apply_write(struct disk_node *node, const struct disk_change *change,
                                    struct disk_random *random, bool certain)
{
    size_t from = 0, to = change->size_bytes;
    if (!certain) {
        uint32_t fate = disk_next(random) % 4;
        if (fate == 0)
            to = 0; // lost
        else if (fate == 1 && to)
            to = disk_next(random) % to; // torn
        else if (fate == 2 && to)
            from = disk_next(random) % to;
    }
    size_t end = (size_t)change->offset + change->size_bytes;
    // The new size may survive without what was written there.
    if (end > node->size_bytes && (certain || to > from || disk_next(random) % 2)) {
        node->bytes = realloc(node->bytes, end);
        memset(node->bytes + node->size_bytes, 0, end - node->size_bytes);
        node->size_bytes = end;
    }
    if (to > from && (size_t)change->offset + to <= node->size_bytes)
        memcpy(node->bytes + change->offset + from, change->bytes + from, to - from);
}

static inline void disk_apply_truncate(struct disk_node *node, uint64_t size)
{
    if (size < node->size_bytes)
        node->size_bytes = (size_t)size;
}

static inline void disk_apply_name(struct disk_name *names, int *count,
                                   const struct disk_change *change)
{
    if (change->kind == CHANGE_ADD) {
        disk_set_name(names, count, change->path, change->node);
    } else {
        disk_drop_name(names, *count, change->path);
        if (change->kind == CHANGE_RENAME)
            disk_set_name(names, count, change->to, change->node);
    }
}

static inline int disk_compare_names(const void *a, const void *b)
{
    const struct disk_name *x = a, *y = b;
    if (!x->path || !y->path)
        return !x->path - !y->path;
    return strcmp(x->path, y->path);
}

static inline void disk_write_node(const struct disk *disk, const struct disk_node *nodes,
                                   const struct disk_name *names, int i)
{
    (void)disk;
    const struct disk_node *node = &nodes[names[i].node];
    const char *path = names[i].path;
    if (node->is_folder) {
        fs_real()->make_folder(fs_real(), path);
        return;
    }
    if (node->link) {
        fs_real()->symlink(fs_real(), node->link, path);
        return;
    }
    for (int k = 0; k < i; k++)
        if (names[k].node == names[i].node && fs_real()->link(fs_real(), names[k].path, path) == 0)
            return;
    // A name below a folder that is not there cannot be made, and is not.
    int file = fs_real()->open(fs_real(), path, FS_CREATE);
    if (file < 0)
        return;
    if (fs_write_all(fs_real(), file, node->bytes, node->size_bytes))
        abort();
    fs_real()->set_mode(fs_real(), file, node->mode);
    fs_real()->set_times(fs_real(), file, node->atime_ns, node->mtime_ns);
    fs_real()->close(fs_real(), file);
}

// Builds, in disk->top, which must be an empty folder, a state after a power cut right before the
// at-th change.
static inline void disk_cut(struct disk *disk, int at, uint64_t seed)
{
    struct disk_random random = {seed * 2 + 1};
    bool *certain = calloc(DISK_MAX_CHANGES, sizeof(*certain));
    bool *lost_folder = calloc(DISK_MAX_CHANGES, sizeof(*lost_folder));
    struct disk_node *nodes = calloc(DISK_MAX_FILES, sizeof(*nodes));
    struct disk_name *names = calloc(DISK_MAX_FILES, sizeof(*names));
    int count = 0;
    for (int i = 0; i < disk->node_count; i++) {
        nodes[i] = disk->nodes[i];
        nodes[i].bytes = malloc(nodes[i].size_bytes + 1);
        if (nodes[i].size_bytes)
            memcpy(nodes[i].bytes, disk->nodes[i].bytes, nodes[i].size_bytes);
    }
    for (int i = 0; i < disk->initial_count; i++)
        if (disk->initial[i].path)
            disk_set_name(names, &count, disk->initial[i].path, disk->initial[i].node);

    for (int i = 0; i < at && !disk->ignores_sync; i++) {
        const struct disk_change *change = &disk->changes[i];
        if (change->kind == CHANGE_SYNC_FOLDER)
            disk_make_certain(disk, certain, i, change->path);
        for (int k = 0; change->kind == CHANGE_SYNC && k < i; k++)
            if (disk->changes[k].node == change->node && !disk_is_name_change(&disk->changes[k]))
                certain[k] = true;
    }
    for (int i = 0; i < at; i++) {
        const struct disk_change *change = &disk->changes[i];
        struct disk_node *node = &nodes[change->node];
        if (change->kind == CHANGE_WRITE)
            disk_apply_write(node, change, &random, certain[i]);
        else if (change->kind == CHANGE_TRUNCATE && (certain[i] || disk_next(&random) % 2))
            disk_apply_truncate(node, change->offset);
        else if (change->kind == CHANGE_TIMES) {
            node->atime_ns = change->atime_ns;
            node->mtime_ns = change->mtime_ns;
        } else if (disk_is_name_change(change)) {
            bool kept = certain[i] || disk_next(&random) % 3;
            for (int k = 0; k < i && kept && !certain[i]; k++) {
                if (!lost_folder[k])
                    continue;
                // After one that is lost, nothing later in its folders survives.
                char *a = path_parent(disk->changes[k].path);
                char *b = disk->changes[k].to ? path_parent(disk->changes[k].to) : NULL;
                kept = !disk_touches(change, a) && (!b || !disk_touches(change, b));
                free(a);
                free(b);
            }
            lost_folder[i] = !kept;
            if (kept)
                disk_apply_name(names, &count, change);
        }
    }
    qsort(names, (size_t)count, sizeof(*names), disk_compare_names);
    for (int i = 0; i < count && names[i].path; i++)
        disk_write_node(disk, nodes, names, i);
    for (int i = 0; i < count; i++)
        free(names[i].path);
    for (int i = 0; i < disk->node_count; i++)
        free(nodes[i].bytes);
    free(names);
    free(nodes);
    free(lost_folder);
    free(certain);
}

#endif
