#include <stdlib.h>
#include <string.h>

#include "catalogue/internal.h"

#define GUESS_BYTES 8u

static void pack_top(const struct photo *photo, uint8_t bytes[PHOTO_TOP * GUESS_BYTES])
{
    for (uint32_t i = 0; i < photo->top_count; i++) {
        uint32_t words[2] = {photo->top[i].class_index, 0};
        memcpy(&words[1], &photo->top[i].probability, sizeof(float));
        for (int k = 0; k < 8; k++)
            bytes[i * GUESS_BYTES + k] = (uint8_t)(words[k / 4] >> (8 * (k % 4)));
    }
}

static bool unpack_top(sqlite3_stmt *row, int column, struct photo *photo)
{
    if (sqlite3_column_type(row, column) == SQLITE_NULL)
        return true;
    const uint8_t *bytes = sqlite3_column_blob(row, column);
    int size = sqlite3_column_bytes(row, column);
    if (!bytes || size % (int)GUESS_BYTES || size > (int)(PHOTO_TOP * GUESS_BYTES))
        return false;
    photo->top_count = (uint32_t)size / GUESS_BYTES;
    for (uint32_t i = 0; i < photo->top_count; i++) {
        uint32_t words[2] = {0, 0};
        for (int k = 0; k < 8; k++)
            words[k / 4] |= (uint32_t)bytes[i * GUESS_BYTES + k] << (8 * (k % 4));
        photo->top[i].class_index = words[0];
        memcpy(&photo->top[i].probability, &words[1], sizeof(float));
        if (!(photo->top[i].probability >= 0 && photo->top[i].probability <= 1.01f))
            return false;
    }
    return true;
}

static bool read_status(sqlite3_stmt *row, int column, enum photo_status *status)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    for (int i = PHOTO_PENDING; text && i <= PHOTO_SKIPPED; i++) {
        *status = (enum photo_status)i;
        if (!strcmp(text, photo_status_text(*status)))
            return true;
    }
    return false;
}

static bool read_columns(sqlite3_stmt *row, struct photo *photo)
{
    enum photo_status status;
    char *reason = NULL;
    photo->id = sqlite3_column_int64(row, 0);
    bool good = catalogue_column_text(row, 1, &photo->path) && photo->path && photo->path[0] &&
                catalogue_column_text(row, 2, &photo->relative) && read_status(row, 3, &status) &&
                catalogue_column_text(row, 4, &photo->class_name) &&
                catalogue_column_text(row, 5, &photo->filed_as) &&
                catalogue_column_text(row, 6, &reason);
    if (good)
        photo_settle(photo, status, "%s", reason ? reason : "");
    free(reason);
    int64_t size;
    good = catalogue_column_number(row, 7, INT64_MAX, &size) && good;
    photo->size_bytes = (uint64_t)size;
    photo->mtime_ns = sqlite3_column_int64(row, 8);
    photo->atime_ns = sqlite3_column_int64(row, 9);
    photo->device = (uint64_t)sqlite3_column_int64(row, 10);
    photo->inode = (uint64_t)sqlite3_column_int64(row, 11);
    int64_t mode;
    good = catalogue_column_number(row, 12, 010000, &mode) && good;
    photo->mode = (uint32_t)mode & 07777;
    photo->run = sqlite3_column_int64(row, 15);
    photo->archive = sqlite3_column_int64(row, 16);
    good = good && photo->run >= 0 && photo->archive >= 0;
    good = good && (!photo->filed_as || catalogue_is_below(photo->filed_as));
    return good && catalogue_column_hash(row, 13, &photo->hash) && unpack_top(row, 14, photo);
}

// The row as a photo of the caller's.
static enum cubby_status read_photo(struct catalogue *catalogue, sqlite3_stmt *row,
                                    struct photo **out)
{
    struct photo *photo = calloc(1, sizeof(*photo));
    if (!photo)
        return CUBBY_NO_MEMORY;
    if (!read_columns(row, photo)) {
        photo_free(&photo);
        return catalogue_damaged(catalogue, "a photo in it makes no sense");
    }
    *out = photo;
    return CUBBY_OK;
}

enum cubby_status catalogue_find_photo(struct catalogue *catalogue, const char *path,
                                       struct photo **out)
{
    *out = NULL;
    sqlite3_stmt *statement;
    bool row = false;
    enum cubby_status status = catalogue_begin(catalogue, SQL_FIND_PHOTO, false, &statement);
    if (!status) {
        catalogue_bind_text(statement, 1, path);
        status = catalogue_step(catalogue, statement, &row);
    }
    if (!status && row)
        status = read_photo(catalogue, statement, out);
    return catalogue_end(catalogue, statement, status);
}

static void bind_photo(sqlite3_stmt *statement, const struct photo *photo,
                       uint8_t top[PHOTO_TOP * GUESS_BYTES])
{
    catalogue_bind_text(statement, 1, photo->path);
    catalogue_bind_text(statement, 2, photo->relative);
    catalogue_bind_text(statement, 3, photo_status_text(photo->status));
    catalogue_bind_text(statement, 4, photo->class_name);
    if (photo->top_count)
        sqlite3_bind_double(statement, 5, (double)photo->top[0].probability);
    catalogue_bind_text(statement, 6, photo->filed_as);
    if (photo->reason[0])
        catalogue_bind_text(statement, 7, photo->reason);
    sqlite3_bind_int64(statement, 8, (int64_t)photo->size_bytes);
    sqlite3_bind_int64(statement, 9, photo->mtime_ns);
    sqlite3_bind_int64(statement, 10, photo->atime_ns);
    sqlite3_bind_int64(statement, 11, (int64_t)photo->device);
    sqlite3_bind_int64(statement, 12, (int64_t)photo->inode);
    sqlite3_bind_int64(statement, 13, photo->mode);
    catalogue_bind_hash(statement, 14, &photo->hash);
    if (photo->top_count)
        sqlite3_bind_blob(statement, 15, top, (int)(photo->top_count * GUESS_BYTES), SQLITE_STATIC);
    sqlite3_bind_int64(statement, 16, photo->run);
    if (photo->archive)
        sqlite3_bind_int64(statement, 17, photo->archive);
}

enum cubby_status catalogue_put_photo(struct catalogue *catalogue, struct photo *photo)
{
    sqlite3_stmt *statement;
    uint8_t top[PHOTO_TOP * GUESS_BYTES];
    bool row = false;
    enum cubby_status status = catalogue_begin(catalogue, SQL_PUT_PHOTO, true, &statement);
    if (!status) {
        pack_top(photo, top);
        bind_photo(statement, photo, top);
        status = catalogue_step(catalogue, statement, &row);
    }
    if (!status && row)
        photo->id = sqlite3_column_int64(statement, 0);
    return catalogue_end(catalogue, statement, status);
}

enum cubby_status catalogue_remove_photo(struct catalogue *catalogue, int64_t id)
{
    sqlite3_stmt *statement;
    bool row;
    enum cubby_status status = catalogue_begin(catalogue, SQL_REMOVE_PHOTO, true, &statement);
    if (!status) {
        sqlite3_bind_int64(statement, 1, id);
        status = catalogue_step(catalogue, statement, &row);
    }
    return catalogue_end(catalogue, statement, status);
}

enum cubby_status catalogue_find_content(struct catalogue *catalogue, struct photo_hash hash,
                                         uint64_t size_bytes, char **path)
{
    *path = NULL;
    sqlite3_stmt *statement;
    bool row = false;
    enum cubby_status status = catalogue_begin(catalogue, SQL_FIND_CONTENT, false, &statement);
    if (!status) {
        catalogue_bind_hash(statement, 1, &hash);
        sqlite3_bind_int64(statement, 2, (int64_t)size_bytes);
        status = catalogue_step(catalogue, statement, &row);
    }
    if (!status && row && !catalogue_column_text(statement, 0, path))
        status = CUBBY_NO_MEMORY;
    return catalogue_end(catalogue, statement, status);
}

static void bind_which(sqlite3_stmt *statement, const struct catalogue_photos *which)
{
    sqlite3_bind_int64(statement, 1, which->run);
    sqlite3_bind_int64(statement, 2, which->archive);
    if (which->status != CATALOGUE_ANY)
        catalogue_bind_text(statement, 3, photo_status_text((enum photo_status)which->status));
}

enum cubby_status catalogue_next_photo(struct catalogue *catalogue,
                                       const struct catalogue_photos *which, int64_t after,
                                       struct photo **out)
{
    *out = NULL;
    sqlite3_stmt *statement;
    bool row = false;
    enum catalogue_sql sql = which->archive > 0 ? SQL_NEXT_PHOTO_OF_ARCHIVE : SQL_NEXT_PHOTO;
    enum cubby_status status = catalogue_begin(catalogue, sql, false, &statement);
    if (!status) {
        bind_which(statement, which);
        sqlite3_bind_int64(statement, 4, after);
        status = catalogue_step(catalogue, statement, &row);
    }
    if (!status && row)
        status = read_photo(catalogue, statement, out);
    if (!status && *out && (*out)->id <= after) { // a damaged index could give it for ever
        photo_free(out);
        status = catalogue_damaged(catalogue, "its photos are out of order");
    }
    return catalogue_end(catalogue, statement, status);
}

enum cubby_status catalogue_get_photo(struct catalogue *catalogue, int64_t id, struct photo **out)
{
    const struct catalogue_photos any = {CATALOGUE_ANY, CATALOGUE_ANY, CATALOGUE_ANY};
    enum cubby_status status = catalogue_next_photo(catalogue, &any, id - 1, out);
    if (!status && *out && (*out)->id != id)
        photo_free(out);
    return status;
}

enum cubby_status catalogue_count_photos(struct catalogue *catalogue,
                                         const struct catalogue_photos *which, uint64_t *count)
{
    *count = 0;
    sqlite3_stmt *statement;
    bool row = false;
    enum cubby_status status = catalogue_begin(catalogue, SQL_COUNT_PHOTOS, false, &statement);
    if (!status) {
        bind_which(statement, which);
        status = catalogue_step(catalogue, statement, &row);
    }
    if (!status && row)
        *count = (uint64_t)sqlite3_column_int64(statement, 0);
    return catalogue_end(catalogue, statement, status);
}
