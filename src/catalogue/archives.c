// Archives, and the folders that runs made or changed.
#include <stdlib.h>

#include "catalogue/internal.h"
#include "platform/path.h"

void catalogue_archive_fini(struct catalogue_archive *archive)
{
    free(archive->folder);
    free(archive->name);
    free(archive->temporary);
    *archive = (struct catalogue_archive){0};
}

static bool read_archive(sqlite3_stmt *row, struct catalogue_archive *out)
{
    int64_t state, part, size;
    out->id = sqlite3_column_int64(row, 0);
    out->run = sqlite3_column_int64(row, 1);
    if (!catalogue_column_number(row, 2, ARCHIVE_DONE + 1, &state) ||
        !catalogue_column_number(row, 6, UINT32_MAX, &part) ||
        !catalogue_column_number(row, 7, INT64_MAX, &size))
        return false;
    out->state = (enum archive_state)state;
    out->part = (uint32_t)part;
    out->size_bytes = (uint64_t)size;
    return catalogue_column_text(row, 3, &out->folder) && out->folder &&
           catalogue_column_text(row, 4, &out->name) && out->name &&
           catalogue_column_text(row, 5, &out->temporary) &&
           catalogue_column_hash(row, 8, &out->hash) && catalogue_is_below(out->name) &&
           (!out->temporary || catalogue_is_below(out->temporary));
}

enum cubby_status catalogue_add_archive(struct catalogue *catalogue,
                                        struct catalogue_archive *archive)
{
    sqlite3_stmt *statement;
    bool row;
    enum cubby_status status = catalogue_begin(catalogue, SQL_ADD_ARCHIVE, true, &statement);
    if (!status) {
        sqlite3_bind_int64(statement, 1, archive->run);
        sqlite3_bind_int(statement, 2, (int)archive->state);
        catalogue_bind_text(statement, 3, archive->folder);
        catalogue_bind_text(statement, 4, archive->name);
        catalogue_bind_text(statement, 5, archive->temporary);
        sqlite3_bind_int64(statement, 6, archive->part);
        sqlite3_bind_int64(statement, 7, (int64_t)archive->size_bytes);
        catalogue_bind_hash(statement, 8, &archive->hash);
        status = catalogue_step(catalogue, statement, &row);
    }
    if (!status)
        archive->id = sqlite3_last_insert_rowid(catalogue->database);
    return catalogue_end(catalogue, statement, status);
}

enum cubby_status catalogue_update_archive(struct catalogue *catalogue,
                                           const struct catalogue_archive *archive)
{
    sqlite3_stmt *statement;
    bool row;
    enum cubby_status status = catalogue_begin(catalogue, SQL_UPDATE_ARCHIVE, true, &statement);
    if (!status) {
        sqlite3_bind_int64(statement, 1, archive->id);
        sqlite3_bind_int(statement, 2, (int)archive->state);
        catalogue_bind_text(statement, 3, archive->name);
        sqlite3_bind_int64(statement, 4, (int64_t)archive->size_bytes);
        catalogue_bind_hash(statement, 5, &archive->hash);
        status = catalogue_step(catalogue, statement, &row);
    }
    return catalogue_end(catalogue, statement, status);
}

enum cubby_status catalogue_remove_archive(struct catalogue *catalogue, int64_t id)
{
    sqlite3_stmt *statement;
    bool row;
    enum cubby_status status = catalogue_begin(catalogue, SQL_REMOVE_ARCHIVE, true, &statement);
    if (!status) {
        sqlite3_bind_int64(statement, 1, id);
        status = catalogue_step(catalogue, statement, &row);
    }
    return catalogue_end(catalogue, statement, status);
}

enum cubby_status catalogue_next_archive(struct catalogue *catalogue, int64_t run, int64_t after,
                                         struct catalogue_archive *out)
{
    *out = (struct catalogue_archive){0};
    sqlite3_stmt *statement;
    bool row = false;
    enum cubby_status status = catalogue_begin(catalogue, SQL_NEXT_ARCHIVE, false, &statement);
    if (!status) {
        sqlite3_bind_int64(statement, 1, run);
        sqlite3_bind_int64(statement, 2, after);
        status = catalogue_step(catalogue, statement, &row);
    }
    if (!status && row && (!read_archive(statement, out) || out->id <= after)) {
        catalogue_archive_fini(out);
        status = catalogue_damaged(catalogue, "an archive in it makes no sense");
    }
    return catalogue_end(catalogue, statement, status);
}

void catalogue_folder_fini(struct catalogue_folder *folder)
{
    free(folder->path);
    *folder = (struct catalogue_folder){0};
}

enum cubby_status catalogue_add_folder(struct catalogue *catalogue, struct catalogue_folder *folder)
{
    sqlite3_stmt *statement;
    bool row = false;
    enum cubby_status status = catalogue_begin(catalogue, SQL_ADD_FOLDER, true, &statement);
    if (!status) {
        sqlite3_bind_int64(statement, 1, folder->run);
        catalogue_bind_text(statement, 2, folder->path);
        sqlite3_bind_int(statement, 3, folder->made);
        sqlite3_bind_int64(statement, 4, folder->mtime_ns);
        sqlite3_bind_int64(statement, 5, folder->atime_ns);
        status = catalogue_step(catalogue, statement, &row);
    }
    if (!status && row)
        folder->id = sqlite3_column_int64(statement, 0);
    return catalogue_end(catalogue, statement, status);
}

enum cubby_status catalogue_previous_folder(struct catalogue *catalogue, int64_t run,
                                            int64_t before, struct catalogue_folder *out)
{
    *out = (struct catalogue_folder){0};
    sqlite3_stmt *statement;
    bool row = false;
    enum cubby_status status = catalogue_begin(catalogue, SQL_PREVIOUS_FOLDER, false, &statement);
    if (!status) {
        sqlite3_bind_int64(statement, 1, run);
        sqlite3_bind_int64(statement, 2, before);
        status = catalogue_step(catalogue, statement, &row);
    }
    if (!status && row) {
        out->id = sqlite3_column_int64(statement, 0);
        out->run = sqlite3_column_int64(statement, 1);
        out->made = sqlite3_column_int(statement, 3) != 0;
        out->mtime_ns = sqlite3_column_int64(statement, 4);
        out->atime_ns = sqlite3_column_int64(statement, 5);
        if (!catalogue_column_text(statement, 2, &out->path))
            status = CUBBY_NO_MEMORY;
        else if (!out->path || !path_is_absolute(out->path) || (before && out->id >= before))
            status = catalogue_damaged(catalogue, "a folder in it makes no sense");
        if (status)
            catalogue_folder_fini(out);
    }
    return catalogue_end(catalogue, statement, status);
}
