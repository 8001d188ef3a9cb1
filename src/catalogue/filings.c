#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue/internal.h"
#include "platform/path.h"

void filing_fini(struct filing *filing)
{
    free(filing->source);
    free(filing->target);
    free(filing->temporary);
    *filing = (struct filing){0};
}

static bool read_filing(sqlite3_stmt *row, struct filing *out)
{
    int64_t member, how, state, size, mode;
    out->id = sqlite3_column_int64(row, 0);
    out->run = sqlite3_column_int64(row, 1);
    out->photo = sqlite3_column_int64(row, 2);
    out->archive = sqlite3_column_int64(row, 3);
    bool good = catalogue_column_number(row, 4, INT64_MAX, &out->replaces) &&
                catalogue_column_number(row, 5, UINT32_MAX, &member) &&
                catalogue_column_number(row, 6, FILING_RELOCATE + 1, &how) &&
                catalogue_column_number(row, 7, FILING_REPLACED + 1, &state) &&
                catalogue_column_number(row, 11, INT64_MAX, &size) &&
                catalogue_column_number(row, 16, UINT32_MAX, &mode);
    if (!good)
        return false;
    out->member = (uint32_t)member;
    out->how = (enum filing_how)how;
    out->state = (enum filing_state)state;
    out->size_bytes = (uint64_t)size;
    out->device = (uint64_t)sqlite3_column_int64(row, 12);
    out->inode = (uint64_t)sqlite3_column_int64(row, 13);
    out->mtime_ns = sqlite3_column_int64(row, 14);
    out->atime_ns = sqlite3_column_int64(row, 15);
    out->mode = (uint32_t)mode;
    if (!catalogue_column_text(row, 8, &out->source) || !out->source ||
        !catalogue_column_text(row, 9, &out->target) || !out->target ||
        !catalogue_column_text(row, 10, &out->temporary) ||
        !catalogue_column_hash(row, 17, &out->hash))
        return false;
    // Undo and recovery remove and rename by these.
    bool inside = out->how == FILING_RELOCATE;
    return catalogue_is_below(out->target) &&
           (!out->temporary || catalogue_is_below(out->temporary)) &&
           (inside ? catalogue_is_below(out->source) : path_is_absolute(out->source));
}

enum cubby_status catalogue_add_filing(struct catalogue *catalogue, struct filing *filing)
{
    sqlite3_stmt *statement;
    bool row;
    enum cubby_status status = catalogue_begin(catalogue, SQL_ADD_FILING, true, &statement);
    if (!status) {
        sqlite3_bind_int64(statement, 1, filing->run);
        sqlite3_bind_int64(statement, 2, filing->photo);
        sqlite3_bind_int64(statement, 3, filing->archive);
        sqlite3_bind_int64(statement, 4, filing->replaces);
        sqlite3_bind_int64(statement, 5, filing->member);
        sqlite3_bind_int(statement, 6, (int)filing->how);
        sqlite3_bind_int(statement, 7, (int)filing->state);
        catalogue_bind_text(statement, 8, filing->source);
        catalogue_bind_text(statement, 9, filing->target);
        catalogue_bind_text(statement, 10, filing->temporary);
        sqlite3_bind_int64(statement, 11, (int64_t)filing->size_bytes);
        sqlite3_bind_int64(statement, 12, (int64_t)filing->device);
        sqlite3_bind_int64(statement, 13, (int64_t)filing->inode);
        sqlite3_bind_int64(statement, 14, filing->mtime_ns);
        sqlite3_bind_int64(statement, 15, filing->atime_ns);
        sqlite3_bind_int64(statement, 16, filing->mode);
        catalogue_bind_hash(statement, 17, &filing->hash);
        status = catalogue_step(catalogue, statement, &row);
    }
    if (!status)
        filing->id = sqlite3_last_insert_rowid(catalogue->database);
    return catalogue_end(catalogue, statement, status);
}

// A statement on one row, with a number or a text or neither beside the id.
static enum cubby_status change(struct catalogue *catalogue, enum catalogue_sql sql, int64_t id,
                                const int *number, const char *text)
{
    sqlite3_stmt *statement;
    bool row;
    enum cubby_status status = catalogue_begin(catalogue, sql, true, &statement);
    if (!status) {
        sqlite3_bind_int64(statement, 1, id);
        if (number)
            sqlite3_bind_int(statement, 2, *number);
        if (text)
            catalogue_bind_text(statement, 2, text);
        status = catalogue_step(catalogue, statement, &row);
    }
    return catalogue_end(catalogue, statement, status);
}

enum cubby_status catalogue_set_filing_state(struct catalogue *catalogue, int64_t id,
                                             enum filing_state state)
{
    int number = (int)state;
    return change(catalogue, SQL_SET_FILING_STATE, id, &number, NULL);
}

enum cubby_status catalogue_set_filing_target(struct catalogue *catalogue, int64_t id,
                                              const char *target)
{
    return change(catalogue, SQL_SET_FILING_TARGET, id, NULL, target);
}

enum cubby_status catalogue_remove_filing(struct catalogue *catalogue, int64_t id)
{
    return change(catalogue, SQL_REMOVE_FILING, id, NULL, NULL);
}

static enum catalogue_sql choose_sql(const struct catalogue_filings *which, bool backwards)
{
    if (backwards)
        return which->photo > 0 ? SQL_LAST_FILING_OF_PHOTO : SQL_LAST_FILING;
    return which->photo > 0                  ? SQL_NEXT_FILING_OF_PHOTO
           : which->archive > 0              ? SQL_NEXT_FILING_OF_ARCHIVE
           : which->state == FILING_INTENDED ? SQL_NEXT_FILING_INTENDED
                                             : SQL_NEXT_FILING;
}

enum cubby_status catalogue_next_filing(struct catalogue *catalogue,
                                        const struct catalogue_filings *which, int64_t after,
                                        bool backwards, struct filing *out)
{
    *out = (struct filing){0};
    sqlite3_stmt *statement;
    bool row = false;
    enum cubby_status status =
        catalogue_begin(catalogue, choose_sql(which, backwards), false, &statement);
    if (!status) {
        sqlite3_bind_int64(statement, 1, which->run);
        sqlite3_bind_int64(statement, 2, which->photo);
        sqlite3_bind_int64(statement, 3, which->archive);
        sqlite3_bind_int(statement, 4, which->state);
        sqlite3_bind_int64(statement, 5, after);
        status = catalogue_step(catalogue, statement, &row);
    }
    bool sound = !status && row && read_filing(statement, out);
    // A damaged index could give the same row for ever.
    sound = sound && (backwards ? !after || out->id < after : out->id > after);
    if (!status && row && !sound) {
        filing_fini(out);
        status = catalogue_damaged(catalogue, "a filing in it makes no sense");
    }
    return catalogue_end(catalogue, statement, status);
}

enum cubby_status catalogue_find_filing(struct catalogue *catalogue, int64_t id, struct filing *out)
{
    const struct catalogue_filings any = {CATALOGUE_ANY, CATALOGUE_ANY, CATALOGUE_ANY,
                                          CATALOGUE_ANY};
    enum cubby_status status = catalogue_next_filing(catalogue, &any, id - 1, false, out);
    if (!status && out->id != id)
        filing_fini(out);
    return status;
}

enum cubby_status catalogue_first_source(struct catalogue *catalogue, const struct filing *filing,
                                         char **source)
{
    struct filing earlier = {0};
    *source = NULL;
    if (filing->how != FILING_RELOCATE) {
        *source = strdup(filing->source);
        return *source ? CUBBY_OK : CUBBY_NO_MEMORY;
    }
    // Ids only grow: a chain that does not come down is not ours, and would never end.
    int64_t id = filing->replaces, before = filing->id ? filing->id : INT64_MAX;
    enum cubby_status status = CUBBY_OK;
    while (!status && id > 0 && id < before) {
        filing_fini(&earlier);
        status = catalogue_find_filing(catalogue, id, &earlier);
        before = id;
        id = !status && earlier.id && earlier.how == FILING_RELOCATE ? earlier.replaces : 0;
    }
    if (!status && earlier.id && earlier.how != FILING_RELOCATE) {
        *source = earlier.source;
        earlier.source = NULL;
    }
    filing_fini(&earlier);
    return status;
}

enum cubby_status catalogue_member_filing(struct catalogue *catalogue,
                                          const struct catalogue_filings *which, const char *source,
                                          struct filing *out)
{
    int64_t before = 0;
    for (;;) {
        enum cubby_status status = catalogue_next_filing(catalogue, which, before, true, out);
        if (status || !out->id)
            return status;
        before = out->id;
        char *first = NULL;
        if (out->member)
            status = catalogue_first_source(catalogue, out, &first);
        bool same = first && !strcmp(first, source);
        free(first);
        if (same)
            return status;
        filing_fini(out);
        if (status)
            return status;
    }
}

// "table.zip/" of "table.zip/a.jpg" in front of an entry's name. malloc'd.
static char *entry_path(const struct photo *photo, const char *entry)
{
    const char *slash = photo->filed_as ? strchr(photo->filed_as, '/') : NULL;
    size_t bytes = (slash ? (size_t)(slash - photo->filed_as) + 1 : 0) + strlen(entry) + 1;
    char *path = malloc(bytes);
    if (path)
        snprintf(path, bytes, "%.*s%s", slash ? (int)(slash - photo->filed_as) + 1 : 0,
                 slash ? photo->filed_as : "", entry);
    return path;
}

static enum cubby_status add_member(struct catalogue *catalogue, struct photo *photo,
                                    const struct filing *filing)
{
    char *source;
    enum cubby_status status = catalogue_first_source(catalogue, filing, &source);
    if (status || !source)
        return status;
    struct photo_member *member = photo_add_member(photo);
    if (!member) {
        free(source);
        return CUBBY_NO_MEMORY;
    }
    member->path = source;
    member->name = path_base(source);
    member->filed_as =
        filing->how == FILING_ARCHIVE ? entry_path(photo, filing->target) : strdup(filing->target);
    return member->name && member->filed_as ? CUBBY_OK : CUBBY_NO_MEMORY;
}

enum cubby_status catalogue_load_members(struct catalogue *catalogue, struct photo *photo)
{
    const struct catalogue_filings which = {CATALOGUE_ANY, photo->id, CATALOGUE_ANY, FILING_DONE};
    int64_t after = 0;
    for (;;) {
        struct filing filing;
        enum cubby_status status = catalogue_next_filing(catalogue, &which, after, false, &filing);
        if (status || !filing.id)
            return status;
        after = filing.id;
        if (filing.member)
            status = add_member(catalogue, photo, &filing);
        filing_fini(&filing);
        if (status)
            return status;
    }
}
