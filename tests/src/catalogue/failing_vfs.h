// File operations for SQLite of which the n-th fails. Include after cmocka.h.
#ifndef TESTS_SRC_CATALOGUE_FAILING_VFS_H
#define TESTS_SRC_CATALOGUE_FAILING_VFS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct failing_vfs {
    sqlite3_vfs vfs; // its pAppData is this
    sqlite3_vfs *real;
    unsigned calls;        // so far
    unsigned from, until;  // calls with these numbers fail; from 0: none
    int code;              // with what
    bool reads_fail, used; // reads, too; one has failed
};

struct failing_file {
    sqlite3_file base;
    struct failing_vfs *owner;
    // The real file follows.
};

static inline sqlite3_file *failing_real(sqlite3_file *file)
{
    return (sqlite3_file *)((struct failing_file *)file + 1);
}

static inline int failing_count(struct failing_vfs *failing)
{
    failing->calls++;
    bool fails =
        failing->from && failing->calls >= failing->from && failing->calls <= failing->until;
    failing->used |= fails;
    return fails ? failing->code : SQLITE_OK;
}

static inline int failing_vfs_close(sqlite3_file *file)
{
    sqlite3_file *real = failing_real(file);
    return real->pMethods ? real->pMethods->xClose(real) : SQLITE_OK;
}

static inline int failing_vfs_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 at)
{
    struct failing_vfs *failing = ((struct failing_file *)file)->owner;
    int code = failing->reads_fail ? failing_count(failing) : SQLITE_OK;
    return code ? code : failing_real(file)->pMethods->xRead(failing_real(file), bytes, count, at);
}

static inline int failing_vfs_write(sqlite3_file *file, const void *bytes, int count,
                                    sqlite3_int64 at)
{
    int code = failing_count(((struct failing_file *)file)->owner);
    // Half of it may have been written.
    int result = failing_real(file)->pMethods->xWrite(failing_real(file), bytes,
                                                      code ? count / 2 : count, at);
    return code ? code : result;
}

static inline int failing_vfs_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int code = failing_count(((struct failing_file *)file)->owner);
    return code ? code : failing_real(file)->pMethods->xTruncate(failing_real(file), size);
}

static inline int failing_vfs_sync(sqlite3_file *file, int flags)
{
    int code = failing_count(((struct failing_file *)file)->owner);
    return code ? code : failing_real(file)->pMethods->xSync(failing_real(file), flags);
}

static inline int failing_vfs_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return failing_real(file)->pMethods->xFileSize(failing_real(file), size);
}

static inline int failing_vfs_lock(sqlite3_file *file, int level)
{
    return failing_real(file)->pMethods->xLock(failing_real(file), level);
}

static inline int failing_vfs_unlock(sqlite3_file *file, int level)
{
    return failing_real(file)->pMethods->xUnlock(failing_real(file), level);
}

static inline int failing_vfs_reserved(sqlite3_file *file, int *reserved)
{
    return failing_real(file)->pMethods->xCheckReservedLock(failing_real(file), reserved);
}

static inline int failing_vfs_control(sqlite3_file *file, int what, void *argument)
{
    return failing_real(file)->pMethods->xFileControl(failing_real(file), what, argument);
}

static inline int failing_vfs_sector(sqlite3_file *file)
{
    return failing_real(file)->pMethods->xSectorSize(failing_real(file));
}

static inline int failing_vfs_traits(sqlite3_file *file)
{
    return failing_real(file)->pMethods->xDeviceCharacteristics(failing_real(file));
}

static inline int failing_vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file,
                                   int flags, int *out_flags)
{
    // Version 1: no memory shared with other processes, as on a network folder.
    static const sqlite3_io_methods methods = {
        1,
        failing_vfs_close,
        failing_vfs_read,
        failing_vfs_write,
        failing_vfs_truncate,
        failing_vfs_sync,
        failing_vfs_size,
        failing_vfs_lock,
        failing_vfs_unlock,
        failing_vfs_reserved,
        failing_vfs_control,
        failing_vfs_sector,
        failing_vfs_traits,
        NULL,
        NULL,
        NULL,
        NULL,
        NULL,
        NULL,
    };
    struct failing_file *failing = (struct failing_file *)file;
    failing->owner = vfs->pAppData;
    file->pMethods = NULL;
    int code = failing_count(failing->owner);
    if (code)
        return SQLITE_CANTOPEN;
    sqlite3_file *real = failing_real(file);
    real->pMethods = NULL;
    code = failing->owner->real->xOpen(failing->owner->real, name, real, flags, out_flags);
    if (real->pMethods)
        file->pMethods = &methods;
    return code;
}

static inline int failing_vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    struct failing_vfs *failing = vfs->pAppData;
    int code = failing_count(failing);
    return code ? SQLITE_IOERR_DELETE : failing->real->xDelete(failing->real, name, sync);
}

static inline void failing_vfs_register(struct failing_vfs *failing)
{
    *failing = (struct failing_vfs){.real = sqlite3_vfs_find(NULL), .code = SQLITE_IOERR_WRITE};
    failing->vfs = *failing->real;
    failing->vfs.pNext = NULL;
    failing->vfs.zName = "failing";
    failing->vfs.pAppData = failing;
    failing->vfs.szOsFile = (int)sizeof(struct failing_file) + failing->real->szOsFile;
    failing->vfs.xOpen = failing_vfs_open;
    failing->vfs.xDelete = failing_vfs_delete;
    assert_int_equal(sqlite3_vfs_register(&failing->vfs, 0), SQLITE_OK);
}

static inline void failing_vfs_unregister(struct failing_vfs *failing)
{
    sqlite3_vfs_unregister(&failing->vfs);
}

#endif
