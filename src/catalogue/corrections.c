#include <stdlib.h>

#include "catalogue/internal.h"

void catalogue_correction_fini(struct catalogue_correction *correction)
{
    free(correction->class_name);
    free(correction->before);
    free(correction->place);
    *correction = (struct catalogue_correction){0};
}

enum cubby_status catalogue_put_correction(struct catalogue *catalogue,
                                           struct catalogue_correction *correction)
{
    sqlite3_stmt *statement;
    bool row = false;
    enum cubby_status status = catalogue_begin(catalogue, SQL_PUT_CORRECTION, true, &statement);
    if (!status) {
        catalogue_bind_hash(statement, 1, &correction->hash);
        sqlite3_bind_int64(statement, 2, (int64_t)correction->size_bytes);
        catalogue_bind_text(statement, 3, correction->class_name);
        catalogue_bind_text(statement, 4, correction->before);
        catalogue_bind_text(statement, 5, correction->place);
        sqlite3_bind_int64(statement, 6, correction->seen_ns);
        status = catalogue_step(catalogue, statement, &row);
    }
    if (!status && row)
        correction->id = sqlite3_column_int64(statement, 0);
    return catalogue_end(catalogue, statement, status);
}

// Folders are made by these names, so none that the file holds is believed.
static bool read_correction(sqlite3_stmt *row, struct catalogue_correction *out)
{
    int64_t size;
    out->id = sqlite3_column_int64(row, 0);
    out->seen_ns = sqlite3_column_int64(row, 6);
    bool good = catalogue_column_hash(row, 1, &out->hash) &&
                catalogue_column_number(row, 2, INT64_MAX, &size) &&
                catalogue_column_text(row, 3, &out->class_name) &&
                catalogue_column_text(row, 4, &out->before) &&
                catalogue_column_text(row, 5, &out->place);
    if (!good)
        return false;
    out->size_bytes = (uint64_t)size;
    return out->place && catalogue_is_below(out->place) && (!out->class_name || out->class_name[0]);
}

static enum cubby_status read_row(struct catalogue *catalogue, sqlite3_stmt *statement,
                                  struct catalogue_correction *out)
{
    bool row = false;
    enum cubby_status status = catalogue_step(catalogue, statement, &row);
    if (!status && row && !read_correction(statement, out)) {
        catalogue_correction_fini(out);
        status = catalogue_damaged(catalogue, "a correction in it makes no sense");
    }
    return status;
}

enum cubby_status catalogue_find_correction(struct catalogue *catalogue, struct photo_hash hash,
                                            uint64_t size_bytes, struct catalogue_correction *out)
{
    *out = (struct catalogue_correction){0};
    sqlite3_stmt *statement;
    enum cubby_status status = catalogue_begin(catalogue, SQL_FIND_CORRECTION, false, &statement);
    if (!status) {
        catalogue_bind_hash(statement, 1, &hash);
        sqlite3_bind_int64(statement, 2, (int64_t)size_bytes);
        status = read_row(catalogue, statement, out);
    }
    return catalogue_end(catalogue, statement, status);
}

enum cubby_status catalogue_next_correction(struct catalogue *catalogue, int64_t after,
                                            struct catalogue_correction *out)
{
    *out = (struct catalogue_correction){0};
    sqlite3_stmt *statement;
    enum cubby_status status = catalogue_begin(catalogue, SQL_NEXT_CORRECTION, false, &statement);
    if (!status) {
        sqlite3_bind_int64(statement, 1, after);
        status = read_row(catalogue, statement, out);
    }
    if (!status && out->id && out->id <= after) { // a damaged index could give it for ever
        catalogue_correction_fini(out);
        status = catalogue_damaged(catalogue, "its corrections are out of order");
    }
    return catalogue_end(catalogue, statement, status);
}

// ---- lessons

enum cubby_status catalogue_add_lesson(struct catalogue *catalogue, struct photo_hash model,
                                       struct photo_hash photo, uint64_t size_bytes)
{
    sqlite3_stmt *statement;
    bool row;
    enum cubby_status status = catalogue_begin(catalogue, SQL_ADD_LESSON, true, &statement);
    if (!status) {
        catalogue_bind_hash(statement, 1, &model);
        catalogue_bind_hash(statement, 2, &photo);
        sqlite3_bind_int64(statement, 3, (int64_t)size_bytes);
        status = catalogue_step(catalogue, statement, &row);
    }
    return catalogue_end(catalogue, statement, status);
}

enum cubby_status catalogue_inherit_lessons(struct catalogue *catalogue, struct photo_hash base,
                                            struct photo_hash model)
{
    sqlite3_stmt *statement;
    bool row;
    enum cubby_status status = catalogue_begin(catalogue, SQL_INHERIT_LESSONS, true, &statement);
    if (!status) {
        catalogue_bind_hash(statement, 1, &base);
        catalogue_bind_hash(statement, 2, &model);
        status = catalogue_step(catalogue, statement, &row);
    }
    return catalogue_end(catalogue, statement, status);
}

enum cubby_status catalogue_is_lesson(struct catalogue *catalogue, struct photo_hash model,
                                      struct photo_hash photo, uint64_t size_bytes, bool *result)
{
    sqlite3_stmt *statement;
    *result = false;
    enum cubby_status status = catalogue_begin(catalogue, SQL_FIND_LESSON, false, &statement);
    if (!status) {
        catalogue_bind_hash(statement, 1, &model);
        catalogue_bind_hash(statement, 2, &photo);
        sqlite3_bind_int64(statement, 3, (int64_t)size_bytes);
        status = catalogue_step(catalogue, statement, result);
    }
    return catalogue_end(catalogue, statement, status);
}
