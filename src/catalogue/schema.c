// The tables and all questions that are asked of them.
#include <stdio.h>

#include "catalogue/internal.h"

// Version 1. Ids are never given twice: rows of other tables may still name one that is gone. Times
// are nanoseconds since 1970 UTC. Hashes are XXH3, 128 bit: 16 bytes, the high half first,
// big-endian, as xxhsum prints them. Paths are the file system's bytes.
static const char *const schema_1 =
    "CREATE TABLE runs (id INTEGER PRIMARY KEY AUTOINCREMENT, state INTEGER NOT NULL, clean "
    "INTEGER NOT NULL,"
    " started_ns INTEGER NOT NULL, finished_ns INTEGER NOT NULL, model BLOB, model_name TEXT,"
    " threshold REAL NOT NULL, settings TEXT, classes TEXT, roots TEXT);"
    // top: for each of the best guesses, 4 bytes class index and 4 bytes float, little-endian.
    "CREATE TABLE photos (id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL UNIQUE, "
    "relative TEXT,"
    " status TEXT NOT NULL, class TEXT, p REAL, filed_as TEXT, reason TEXT,"
    " size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, atime_ns INTEGER NOT NULL,"
    " device INTEGER, inode INTEGER, mode INTEGER, hash BLOB, top BLOB,"
    " run INTEGER NOT NULL, archive INTEGER);"
    "CREATE INDEX photos_content ON photos (hash) WHERE filed_as IS NOT NULL;"
    "CREATE INDEX photos_archive ON photos (archive) WHERE archive IS NOT NULL;"
    "CREATE TABLE filings (id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL, photo "
    "INTEGER NOT NULL,"
    " archive INTEGER NOT NULL, replaces INTEGER NOT NULL, member INTEGER NOT NULL,"
    " how INTEGER NOT NULL, state INTEGER NOT NULL, source TEXT, target TEXT, temporary TEXT,"
    " size INTEGER, device INTEGER, inode INTEGER, mtime_ns INTEGER, atime_ns INTEGER,"
    " mode INTEGER, hash BLOB);"
    "CREATE INDEX filings_photo ON filings (photo);"
    "CREATE INDEX filings_archive ON filings (archive) WHERE archive != 0;"
    "CREATE INDEX filings_intended ON filings (id) WHERE state = 0;"
    "CREATE TABLE archives (id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL, state "
    "INTEGER NOT NULL,"
    " folder TEXT NOT NULL, name TEXT NOT NULL, temporary TEXT, part INTEGER NOT NULL,"
    " size INTEGER NOT NULL, hash BLOB);"
    "CREATE TABLE folders (id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL, path TEXT "
    "NOT NULL,"
    " made INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, atime_ns INTEGER NOT NULL,"
    " UNIQUE (run, path));";

// Version 2. Whose run it was: see struct catalogue_run.
static const char *const schema_2 = "ALTER TABLE runs ADD COLUMN origin BLOB;";

// Version 3. What a person placed, by content: see struct catalogue_correction. And where the model
// lay that a run sorted with.
static const char *const schema_3 =
    "CREATE TABLE corrections (id INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL,"
    " size INTEGER NOT NULL, class TEXT, before TEXT, place TEXT NOT NULL,"
    " seen_ns INTEGER NOT NULL, UNIQUE (hash, size));"
    // Which contents a model was made from.
    "CREATE TABLE lessons (model BLOB NOT NULL, hash BLOB NOT NULL, size INTEGER NOT NULL,"
    " PRIMARY KEY (model, hash, size)) WITHOUT ROWID;"
    "ALTER TABLE runs ADD COLUMN model_path TEXT;";

// migrations[n] brings version n to n + 1.
static const char *const migrations[CATALOGUE_SCHEMA] = {schema_1, schema_2, schema_3};

#define RUN_COLUMNS                                                                                \
    "id, state, clean, started_ns, finished_ns, model, model_name, threshold, settings, classes,"  \
    " roots, origin, model_path"
#define PHOTO_COLUMNS                                                                              \
    "id, path, relative, status, class, filed_as, reason, size, mtime_ns, atime_ns, device,"       \
    " inode, mode, hash, top, run, archive"
#define FILING_COLUMNS                                                                             \
    "id, run, photo, archive, replaces, member, how, state, source, target, temporary, size,"      \
    " device, inode, mtime_ns, atime_ns, mode, hash"
#define ARCHIVE_COLUMNS "id, run, state, folder, name, temporary, part, size, hash"
#define FOLDER_COLUMNS "id, run, path, made, mtime_ns, atime_ns"
#define CORRECTION_COLUMNS "id, hash, size, class, before, place, seen_ns"
// -1 is CATALOGUE_ANY.
#define PHOTO_WHICH                                                                                \
    " (?1 = -1 OR run = ?1) AND (?2 = -1 OR ifnull(archive, 0) = ?2)"                              \
    " AND (?3 IS NULL OR status = ?3)"
#define FILING_WHICH                                                                               \
    " (?1 = -1 OR run = ?1) AND (?2 = -1 OR photo = ?2) AND (?3 = -1 OR archive = ?3)"             \
    " AND (?4 = -1 OR state = ?4)"
// The same, for the index: the planner cannot look into a parameter.
#define PHOTO_OF_ARCHIVE                                                                           \
    " archive = ?2 AND archive IS NOT NULL AND (?1 = -1 OR run = ?1)"                              \
    " AND (?3 IS NULL OR status = ?3)"
#define FILING_OF_PHOTO                                                                            \
    " photo = ?2 AND (?1 = -1 OR run = ?1) AND (?3 = -1 OR archive = ?3)"                          \
    " AND (?4 = -1 OR state = ?4)"
#define FILING_OF_ARCHIVE                                                                          \
    " archive = ?3 AND archive != 0 AND (?1 = -1 OR run = ?1) AND (?2 = -1 OR photo = ?2)"         \
    " AND (?4 = -1 OR state = ?4)"
#define FILING_INTENDED                                                                            \
    " state = 0 AND ?4 = 0 AND (?1 = -1 OR run = ?1) AND (?2 = -1 OR photo = ?2)"                  \
    " AND (?3 = -1 OR archive = ?3)"

const char *const catalogue_sql_text[SQL_COUNT] = {
    [SQL_LAST_RUN] = "SELECT " RUN_COLUMNS " FROM runs WHERE state != 3 ORDER BY id DESC LIMIT 1",
    [SQL_FIND_RUN] = "SELECT " RUN_COLUMNS " FROM runs WHERE id = ?1",
    [SQL_NEXT_RUN] =
        "SELECT " RUN_COLUMNS " FROM runs WHERE id > ?1 AND id > 0 ORDER BY id LIMIT 1",
    [SQL_ADD_RUN] = "INSERT INTO runs (state, clean, started_ns, finished_ns, model, model_name,"
                    " threshold, settings, classes, roots, origin, model_path) VALUES (?1, ?2,"
                    " ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    [SQL_UPDATE_RUN] =
        "UPDATE runs SET state = ?2, clean = ?3, finished_ns = ?4, roots = ?5 WHERE id = ?1",
    [SQL_REMOVE_RUN] = "DELETE FROM runs WHERE id = ?1",
    [SQL_REMOVE_RUN_FILINGS] = "DELETE FROM filings WHERE run = ?1",
    [SQL_REMOVE_RUN_ARCHIVES] = "DELETE FROM archives WHERE run = ?1",
    [SQL_REMOVE_RUN_FOLDERS] = "DELETE FROM folders WHERE run = ?1",
    [SQL_FIND_PHOTO] = "SELECT " PHOTO_COLUMNS " FROM photos WHERE path = ?1",
    [SQL_PUT_PHOTO] =
        "INSERT INTO photos (path, relative, status, class, p, filed_as, reason, size, mtime_ns,"
        " atime_ns, device, inode, mode, hash, top, run, archive) VALUES (?1, ?2, ?3, ?4, ?5, ?6,"
        " ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) ON CONFLICT (path) DO UPDATE SET"
        " relative = ?2, status = ?3, class = ?4, p = ?5, filed_as = ?6, reason = ?7, size = ?8,"
        " mtime_ns = ?9, atime_ns = ?10, device = ?11, inode = ?12, mode = ?13, hash = ?14,"
        " top = ?15, run = ?16, archive = ?17 RETURNING id",
    [SQL_REMOVE_PHOTO] = "DELETE FROM photos WHERE id = ?1",
    [SQL_FIND_CONTENT] = "SELECT path FROM photos WHERE hash = ?1 AND filed_as IS NOT NULL"
                         " AND size = ?2 ORDER BY id LIMIT 1",
    [SQL_NEXT_PHOTO] =
        "SELECT " PHOTO_COLUMNS " FROM photos WHERE id > ?4 AND" PHOTO_WHICH " ORDER BY id LIMIT 1",
    [SQL_NEXT_PHOTO_OF_ARCHIVE] =
        "SELECT " PHOTO_COLUMNS " FROM photos WHERE id > ?4 AND" PHOTO_OF_ARCHIVE
        " ORDER BY id LIMIT 1",
    [SQL_COUNT_PHOTOS] = "SELECT count(*) FROM photos WHERE" PHOTO_WHICH,
    [SQL_ADD_FILING] =
        "INSERT INTO filings (run, photo, archive, replaces, member, how, state, source, target,"
        " temporary, size, device, inode, mtime_ns, atime_ns, mode, hash) VALUES (?1, ?2, ?3, ?4,"
        " ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
    [SQL_SET_FILING_STATE] = "UPDATE filings SET state = ?2 WHERE id = ?1",
    [SQL_SET_FILING_TARGET] = "UPDATE filings SET target = ?2 WHERE id = ?1",
    [SQL_REMOVE_FILING] = "DELETE FROM filings WHERE id = ?1",
    [SQL_NEXT_FILING] = "SELECT " FILING_COLUMNS " FROM filings WHERE id > ?5 AND" FILING_WHICH
                        " ORDER BY id LIMIT 1",
    [SQL_NEXT_FILING_OF_PHOTO] =
        "SELECT " FILING_COLUMNS " FROM filings WHERE id > ?5 AND" FILING_OF_PHOTO
        " ORDER BY id LIMIT 1",
    [SQL_NEXT_FILING_OF_ARCHIVE] =
        "SELECT " FILING_COLUMNS " FROM filings WHERE id > ?5 AND" FILING_OF_ARCHIVE
        " ORDER BY id LIMIT 1",
    [SQL_NEXT_FILING_INTENDED] =
        "SELECT " FILING_COLUMNS " FROM filings WHERE id > ?5 AND" FILING_INTENDED
        " ORDER BY id LIMIT 1",
    [SQL_LAST_FILING] =
        "SELECT " FILING_COLUMNS " FROM filings WHERE (?5 = 0 OR id < ?5) AND" FILING_WHICH
        " ORDER BY id DESC LIMIT 1",
    [SQL_LAST_FILING_OF_PHOTO] =
        "SELECT " FILING_COLUMNS " FROM filings WHERE (?5 = 0 OR id < ?5) AND" FILING_OF_PHOTO
        " ORDER BY id DESC LIMIT 1",
    [SQL_ADD_ARCHIVE] = "INSERT INTO archives (run, state, folder, name, temporary, part, size,"
                        " hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [SQL_UPDATE_ARCHIVE] =
        "UPDATE archives SET state = ?2, name = ?3, size = ?4, hash = ?5 WHERE id = ?1",
    [SQL_REMOVE_ARCHIVE] = "DELETE FROM archives WHERE id = ?1",
    [SQL_NEXT_ARCHIVE] =
        "SELECT " ARCHIVE_COLUMNS " FROM archives WHERE id > ?2 AND (?1 = -1 OR run = ?1)"
        " ORDER BY id LIMIT 1",
    [SQL_ADD_FOLDER] = "INSERT INTO folders (run, path, made, mtime_ns, atime_ns)"
                       " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING RETURNING id",
    [SQL_PREVIOUS_FOLDER] = "SELECT " FOLDER_COLUMNS " FROM folders WHERE run = ?1"
                            " AND (?2 = 0 OR id < ?2) ORDER BY id DESC LIMIT 1",
    [SQL_PUT_CORRECTION] =
        "INSERT INTO corrections (hash, size, class, before, place, seen_ns) VALUES (?1, ?2, ?3,"
        " ?4, ?5, ?6) ON CONFLICT (hash, size) DO UPDATE SET class = ?3, before = ?4, place = ?5,"
        " seen_ns = ?6 RETURNING id",
    [SQL_FIND_CORRECTION] =
        "SELECT " CORRECTION_COLUMNS " FROM corrections WHERE hash = ?1 AND size = ?2",
    [SQL_ADD_LESSON] =
        "INSERT INTO lessons (model, hash, size) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    [SQL_INHERIT_LESSONS] =
        "INSERT INTO lessons SELECT ?2, hash, size FROM lessons WHERE model = ?1"
        " ON CONFLICT DO NOTHING",
    [SQL_FIND_LESSON] = "SELECT 1 FROM lessons WHERE model = ?1 AND hash = ?2 AND size = ?3",
    [SQL_NEXT_CORRECTION] =
        "SELECT " CORRECTION_COLUMNS " FROM corrections WHERE id > ?1 ORDER BY id LIMIT 1",
};

static enum cubby_status execute(struct catalogue *catalogue, const char *sql)
{
    if (sqlite3_exec(catalogue->database, sql, NULL, NULL, NULL) != SQLITE_OK)
        return catalogue_failed(catalogue, "cannot be prepared");
    return CUBBY_OK;
}

static enum cubby_status read_number(struct catalogue *catalogue, const char *sql, int64_t *number)
{
    sqlite3_stmt *statement = NULL;
    bool good = sqlite3_prepare_v2(catalogue->database, sql, -1, &statement, NULL) == SQLITE_OK &&
                sqlite3_step(statement) == SQLITE_ROW;
    if (good)
        *number = sqlite3_column_int64(statement, 0);
    enum cubby_status status = good ? CUBBY_OK : catalogue_failed(catalogue, "cannot be read");
    sqlite3_finalize(statement);
    return status;
}

static enum cubby_status check_owner(struct catalogue *catalogue, int64_t version)
{
    int64_t application = 0, tables = 0;
    enum cubby_status status = read_number(catalogue, "PRAGMA application_id", &application);
    if (!status)
        status = read_number(catalogue, "SELECT count(*) FROM sqlite_schema", &tables);
    if (status)
        return status;
    if (application == CATALOGUE_APPLICATION_ID || (version == 0 && tables == 0))
        return CUBBY_OK;
    return catalogue_damaged(catalogue, "it is another program's database");
}

enum cubby_status catalogue_migrate(struct catalogue *catalogue)
{
    int64_t version = 0;
    enum cubby_status status = read_number(catalogue, "PRAGMA user_version", &version);
    if (!status)
        status = check_owner(catalogue, version);
    if (status)
        return status;
    if (version < 0 || version > CATALOGUE_SCHEMA) {
        cubby_log(catalogue->log, CUBBY_LOG_ERROR,
                  "\"%s\" was made by a newer cubby: use that one, or another output folder",
                  catalogue->path);
        return CUBBY_UNSUPPORTED;
    }
    if (version == CATALOGUE_SCHEMA)
        return CUBBY_OK;
    status = execute(catalogue, "BEGIN IMMEDIATE");
    for (; !status && version < CATALOGUE_SCHEMA; version++)
        status = execute(catalogue, migrations[version]);
    char text[96];
    snprintf(text, sizeof(text), "PRAGMA application_id = %u; PRAGMA user_version = %d; COMMIT",
             CATALOGUE_APPLICATION_ID, CATALOGUE_SCHEMA);
    if (!status)
        status = execute(catalogue, text);
    if (status)
        sqlite3_exec(catalogue->database, "ROLLBACK", NULL, NULL, NULL);
    return status;
}
