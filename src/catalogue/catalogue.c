#include <stdlib.h>
#include <string.h>

#include "catalogue/internal.h"
#include "platform/path.h"

#define HEADER_BYTES 100u // of every SQLite file
#ifdef _WIN32
#define USUAL_VFS "win32-longpath" // the default one refuses more than 260 characters
#else
#define USUAL_VFS NULL
#endif

static enum cubby_status status_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return CUBBY_OK;
    case SQLITE_FULL:
        return CUBBY_NO_SPACE;
    case SQLITE_NOMEM:
        return CUBBY_NO_MEMORY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return CUBBY_BUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
    case SQLITE_ERROR: // a table or column of ours is missing
        return CUBBY_BAD_DATA;
    default:
        return CUBBY_IO;
    }
}

static const char *advice(enum cubby_status status)
{
    switch (status) {
    case CUBBY_NO_SPACE:
        return "; make room and run it again";
    case CUBBY_BUSY:
        return "; another program has it open: close that and run it again";
    case CUBBY_BAD_DATA:
        return "; the photos are untouched: rename the folder .cubby in there and sort again";
    case CUBBY_IO:
        return "; check the disk, and that you may write there";
    default:
        return "";
    }
}

enum cubby_status catalogue_failed(struct catalogue *catalogue, const char *what)
{
    int code = catalogue->database ? sqlite3_extended_errcode(catalogue->database) : SQLITE_NOMEM;
    enum cubby_status status = status_of(code);
    if (!status)
        status = CUBBY_INTERNAL;
    cubby_log(catalogue->log, CUBBY_LOG_ERROR, "the catalogue \"%s\" %s: %s%s", catalogue->path,
              what, catalogue->database ? sqlite3_errmsg(catalogue->database) : "out of memory",
              advice(status));
    return status;
}

enum cubby_status catalogue_damaged(struct catalogue *catalogue, const char *what)
{
    cubby_log(catalogue->log, CUBBY_LOG_ERROR, "the catalogue \"%s\" is damaged: %s%s",
              catalogue->path, what, advice(CUBBY_BAD_DATA));
    return CUBBY_BAD_DATA;
}

// ---- opening

static enum cubby_status configure(struct catalogue *catalogue, bool sync)
{
    sqlite3 *database = catalogue->database;
    // What somebody else put into the file must not run.
    sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_extended_result_codes(database, 1);
    // Exclusive before WAL: then the index of the log is in memory, not in a shared file.
    static const char *const always =
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA cell_size_check = ON;"
        "PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 4000;"
        "PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY;";
    if (sqlite3_exec(database, always, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(database, sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = OFF",
                     NULL, NULL, NULL) != SQLITE_OK)
        return catalogue_failed(catalogue, "cannot be opened");
    return CUBBY_OK;
}

static enum cubby_status open_database(struct catalogue *catalogue,
                                       const struct catalogue_params *params, const char *folder)
{
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (params->create ? SQLITE_OPEN_CREATE : 0);
    char *path = path_for_library(catalogue->path);
    if (!path)
        return CUBBY_NO_MEMORY;
    const char *vfs = params->vfs ? params->vfs : USUAL_VFS;
    int opened = sqlite3_open_v2(path, &catalogue->database, flags, vfs);
    free(path);
    if (opened != SQLITE_OK)
        return catalogue_failed(catalogue, "cannot be opened");
    enum cubby_status status = configure(catalogue, params->sync);
    if (!status)
        status = catalogue_migrate(catalogue);
    int result = !status && params->sync ? params->fs->sync_folder(params->fs, folder) : 0;
    if (result) {
        cubby_log(params->log, CUBBY_LOG_ERROR, "\"%s\" cannot be written: %s", folder,
                  fs_error_text(result));
        status = fs_status(result);
    }
    return status;
}

enum cubby_status catalogue_open(struct catalogue **out, const struct catalogue_params *params)
{
    *out = NULL;
    enum cubby_status status = CUBBY_NO_MEMORY;
    struct catalogue *catalogue = calloc(1, sizeof(*catalogue));
    char *folder = path_join(params->output, CATALOGUE_FOLDER);
    struct fs_stat stat;
    if (!catalogue || !folder)
        goto out;
    catalogue->log = params->log;
    catalogue->path = path_join(folder, CATALOGUE_FILE);
    catalogue->lock_made = catalogue->path && uv_mutex_init(&catalogue->lock) == 0;
    if (!catalogue->lock_made)
        goto out;
    int result = params->create ? fs_make_folders(params->fs, folder) : 0;
    int found = result ? result : params->fs->stat(params->fs, catalogue->path, &stat);
    bool missing = found == UV_ENOENT || found == UV_ENOTDIR || (!found && !stat.size_bytes);
    if (!params->create && !missing)
        result = found;
    if (missing && !params->create) {
        status = CUBBY_OK;
    } else if (!found && (!stat.is_file || (stat.size_bytes && stat.size_bytes < HEADER_BYTES))) {
        // SQLite would take so short a file for a new one.
        status = catalogue_damaged(catalogue, "it is no database");
    } else if (result) {
        cubby_log(params->log, CUBBY_LOG_ERROR, "\"%s\" cannot be used: %s", folder,
                  fs_error_text(result));
        status = fs_status(result);
    } else {
        status = open_database(catalogue, params, folder);
        if (!status) {
            *out = catalogue;
            catalogue = NULL;
        }
    }

out:
    free(folder);
    catalogue_close(&catalogue);
    return status;
}

void catalogue_close(struct catalogue **catalogue)
{
    struct catalogue *c = *catalogue;
    if (!c)
        return;
    for (int i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize(c->statements[i]);
    if (c->in_transaction)
        sqlite3_exec(c->database, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(c->database); // writes the log back into the file and removes it
    if (c->lock_made)
        uv_mutex_destroy(&c->lock);
    free(c->path);
    free(c);
    *catalogue = NULL;
}

// ---- transactions

enum cubby_status catalogue_commit(struct catalogue *catalogue)
{
    uv_mutex_lock(&catalogue->lock);
    enum cubby_status status = catalogue->failed;
    if (!status && catalogue->in_transaction) {
        if (sqlite3_exec(catalogue->database, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
            catalogue->in_transaction = false;
        else
            status = catalogue->failed = catalogue_failed(catalogue, "cannot be written");
    }
    uv_mutex_unlock(&catalogue->lock);
    return status;
}

enum cubby_status catalogue_begin(struct catalogue *catalogue, enum catalogue_sql sql, bool change,
                                  sqlite3_stmt **statement)
{
    uv_mutex_lock(&catalogue->lock);
    *statement = NULL;
    if (change && catalogue->failed)
        return catalogue->failed;
    if (change && !catalogue->in_transaction) {
        if (sqlite3_exec(catalogue->database, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
            return catalogue->failed = catalogue_failed(catalogue, "cannot be written");
        catalogue->in_transaction = true;
    }
    sqlite3_stmt **cached = &catalogue->statements[sql];
    if (!*cached && sqlite3_prepare_v3(catalogue->database, catalogue_sql_text[sql], -1,
                                       SQLITE_PREPARE_PERSISTENT, cached, NULL) != SQLITE_OK)
        return catalogue_failed(catalogue, "cannot be read");
    *statement = *cached;
    return CUBBY_OK;
}

enum cubby_status catalogue_step(struct catalogue *catalogue, sqlite3_stmt *statement, bool *row)
{
    int code = sqlite3_step(statement);
    *row = code == SQLITE_ROW;
    if (code == SQLITE_ROW || code == SQLITE_DONE)
        return CUBBY_OK;
    bool change = !sqlite3_stmt_readonly(statement);
    enum cubby_status status =
        catalogue_failed(catalogue, change ? "cannot be written" : "cannot be read");
    // Part of what belongs together is missing now: none of it must become durable.
    if (change)
        catalogue->failed = status;
    return status;
}

enum cubby_status catalogue_end(struct catalogue *catalogue, sqlite3_stmt *statement,
                                enum cubby_status status)
{
    if (statement) {
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
    }
    uv_mutex_unlock(&catalogue->lock);
    return status;
}

// ---- values

void catalogue_bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

void catalogue_bind_hash(sqlite3_stmt *statement, int index, const struct photo_hash *hash)
{
    uint8_t bytes[16];
    for (int i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(hash->high >> (56 - 8 * i));
        bytes[8 + i] = (uint8_t)(hash->low >> (56 - 8 * i));
    }
    if (hash->low | hash->high)
        sqlite3_bind_blob(statement, index, bytes, sizeof(bytes), SQLITE_TRANSIENT);
}

bool catalogue_column_text(sqlite3_stmt *statement, int column, char **text)
{
    *text = NULL;
    const unsigned char *value = sqlite3_column_text(statement, column);
    if (!value)
        return sqlite3_column_type(statement, column) == SQLITE_NULL;
    if (strlen((const char *)value) != (size_t)sqlite3_column_bytes(statement, column))
        return false; // a NUL in it: no name has one
    *text = strdup((const char *)value);
    return *text != NULL;
}

bool catalogue_column_hash(sqlite3_stmt *statement, int column, struct photo_hash *hash)
{
    *hash = (struct photo_hash){0};
    if (sqlite3_column_type(statement, column) == SQLITE_NULL)
        return true;
    const uint8_t *bytes = sqlite3_column_blob(statement, column);
    if (!bytes || sqlite3_column_bytes(statement, column) != 16)
        return false;
    for (int i = 0; i < 8; i++) {
        hash->high = hash->high << 8 | bytes[i];
        hash->low = hash->low << 8 | bytes[8 + i];
    }
    return true;
}

bool catalogue_column_number(sqlite3_stmt *statement, int column, int64_t limit, int64_t *number)
{
    *number = sqlite3_column_int64(statement, column);
    return sqlite3_column_type(statement, column) == SQLITE_INTEGER && *number >= 0 &&
           *number < limit;
}

bool catalogue_is_below(const char *path)
{
    if (!path[0] || path_is_absolute(path))
        return false;
    for (const char *part = path; *part;) {
        size_t length = 0;
        while (part[length] && !path_is_separator(part[length]))
            length++;
        if (length == 0 || (length == 1 && part[0] == '.') ||
            (length == 2 && part[0] == '.' && part[1] == '.'))
            return false;
        part += length + (part[length] != '\0');
    }
    return true;
}

enum cubby_status catalogue_check(struct catalogue *catalogue)
{
    uv_mutex_lock(&catalogue->lock);
    sqlite3_stmt *statement = NULL;
    enum cubby_status status = CUBBY_OK;
    if (sqlite3_prepare_v2(catalogue->database, "PRAGMA integrity_check(1)", -1, &statement,
                           NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW)
        status = catalogue_failed(catalogue, "cannot be read");
    else if (strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
        status = catalogue_damaged(catalogue, (const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    uv_mutex_unlock(&catalogue->lock);
    return status;
}
