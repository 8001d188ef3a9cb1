// A catalogue in a temporary folder, and rows for it. Include after cmocka.h.
#ifndef TESTS_SRC_CATALOGUE_OPENED_H
#define TESTS_SRC_CATALOGUE_OPENED_H

#include <sqlite3.h>

#include "../temporary.h"
#include "catalogue/catalogue.h"

static inline enum cubby_status opened_try(void **state, struct catalogue **out,
                                           struct temporary_messages *said, bool create,
                                           const char *vfs)
{
    // Catalogues keep the pointer.
    static struct cubby_log log;
    log = (struct cubby_log){.write = said ? temporary_log_write : NULL, .user = said};
    struct catalogue_params params = {.output = temporary_path(state, "out"),
                                      .fs = fs_real(),
                                      .log = &log,
                                      .create = create,
                                      .vfs = vfs};
    return catalogue_open(out, &params);
}

static inline struct catalogue *opened(void **state)
{
    struct catalogue *catalogue;
    assert_int_equal(opened_try(state, &catalogue, NULL, true, NULL), CUBBY_OK);
    assert_non_null(catalogue);
    return catalogue;
}

// SQL by another connection, while the catalogue is closed.
static inline void opened_sql(void **state, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(temporary_path(state, "out/.cubby/catalogue.sqlite"), &db), 0);
    char *error = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &error))
        fail_msg("%s: %s", sql, error);
    assert_int_equal(sqlite3_close(db), 0);
}

static inline enum cubby_status put(struct catalogue *catalogue, const char *path, uint64_t content,
                                    const char *filed_as, int64_t *id)
{
    struct photo photo = {
        .run = 1,
        .path = (char *)path,
        .relative = (char *)path + 1,
        .size_bytes = content * 10,
        .mtime_ns = INT64_C(1500000000123456789),
        .atime_ns = -5,
        .device = UINT64_MAX,
        .inode = UINT64_MAX - 1,
        .mode = 0640,
        .hash = {.low = content, .high = ~content},
        .top = {{3, 0.75f}, {1, 0.25f}},
        .top_count = 2,
        .status = filed_as ? PHOTO_FILED : PHOTO_PENDING,
        .class_name = (char *)"bench",
        .filed_as = (char *)filed_as,
    };
    enum cubby_status status = catalogue_put_photo(catalogue, &photo);
    if (id)
        *id = photo.id;
    return status;
}

static inline uint64_t count_all(struct catalogue *catalogue)
{
    uint64_t count;
    struct catalogue_photos which = {CATALOGUE_ANY, CATALOGUE_ANY, CATALOGUE_ANY};
    assert_int_equal(catalogue_count_photos(catalogue, &which, &count), CUBBY_OK);
    return count;
}

#endif
