// What the catalogue's parts share. Private to src/catalogue.
#ifndef SRC_CATALOGUE_INTERNAL_H
#define SRC_CATALOGUE_INTERNAL_H

#include <sqlite3.h>
#include <uv.h>

#include "catalogue/catalogue.h"

// All statements, each prepared when it is first needed.
enum catalogue_sql {
    SQL_LAST_RUN,
    SQL_FIND_RUN,
    SQL_NEXT_RUN,
    SQL_ADD_RUN,
    SQL_UPDATE_RUN,
    SQL_REMOVE_RUN,
    SQL_REMOVE_RUN_FILINGS,
    SQL_REMOVE_RUN_ARCHIVES,
    SQL_REMOVE_RUN_FOLDERS,
    SQL_FIND_PHOTO,
    SQL_PUT_PHOTO,
    SQL_REMOVE_PHOTO,
    SQL_FIND_CONTENT,
    SQL_NEXT_PHOTO,
    SQL_NEXT_PHOTO_OF_ARCHIVE,
    SQL_COUNT_PHOTOS,
    SQL_ADD_FILING,
    SQL_SET_FILING_STATE,
    SQL_SET_FILING_TARGET,
    SQL_REMOVE_FILING,
    SQL_NEXT_FILING,
    SQL_NEXT_FILING_OF_PHOTO,
    SQL_NEXT_FILING_OF_ARCHIVE,
    SQL_NEXT_FILING_INTENDED,
    SQL_LAST_FILING,
    SQL_LAST_FILING_OF_PHOTO,
    SQL_ADD_ARCHIVE,
    SQL_UPDATE_ARCHIVE,
    SQL_REMOVE_ARCHIVE,
    SQL_NEXT_ARCHIVE,
    SQL_ADD_FOLDER,
    SQL_PREVIOUS_FOLDER,
    SQL_PUT_CORRECTION,
    SQL_FIND_CORRECTION,
    SQL_NEXT_CORRECTION,
    SQL_ADD_LESSON,
    SQL_INHERIT_LESSONS,
    SQL_FIND_LESSON,
    SQL_COUNT
};

struct catalogue {
    sqlite3 *database;           // owned
    const struct cubby_log *log; // borrowed
    char *path;                  // owned, for messages
    uv_mutex_t lock;
    bool lock_made, in_transaction;
    enum cubby_status failed; // once a change failed: nothing half may be committed later
    sqlite3_stmt *statements[SQL_COUNT]; // owned
};

// ---- schema.c

extern const char *const catalogue_sql_text[SQL_COUNT];
// Makes or migrates the tables, in one transaction.
enum cubby_status catalogue_migrate(struct catalogue *catalogue);

// ---- catalogue.c

// Logs what SQLite says and gives the status of it.
enum cubby_status catalogue_failed(struct catalogue *catalogue, const char *what);
// The file holds something that we did not put there.
enum cubby_status catalogue_damaged(struct catalogue *catalogue, const char *what);

// One use of a statement: takes the lock, and for a change begins a transaction.
//     sqlite3_stmt *statement;
//     status = catalogue_begin(c, SQL_X, true, &statement);
//     if (!status) { bind...; status = catalogue_step(c, statement, &row); ... }
//     return catalogue_end(c, statement, status);
// catalogue_end() must follow whatever catalogue_begin() returned. A change that fails spoils the
// transaction.
enum cubby_status catalogue_begin(struct catalogue *catalogue, enum catalogue_sql sql, bool change,
                                  sqlite3_stmt **statement);
enum cubby_status catalogue_step(struct catalogue *catalogue, sqlite3_stmt *statement, bool *row);
enum cubby_status catalogue_end(struct catalogue *catalogue, sqlite3_stmt *statement,
                                enum cubby_status status);

// Paths are bytes; NULL stays NULL. Bound without a copy: valid until catalogue_end().
void catalogue_bind_text(sqlite3_stmt *statement, int index, const char *text);
void catalogue_bind_hash(sqlite3_stmt *statement, int index, const struct photo_hash *hash);
// *text is malloc'd, NULL for NULL; false: out of memory.
bool catalogue_column_text(sqlite3_stmt *statement, int column, char **text);
// False: not 16 bytes. NULL gives zeros.
bool catalogue_column_hash(sqlite3_stmt *statement, int column, struct photo_hash *hash);
// Within 0..limit-1, else false.
bool catalogue_column_number(sqlite3_stmt *statement, int column, int64_t limit, int64_t *number);

#endif
