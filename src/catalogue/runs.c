#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue/internal.h"

static void free_texts(char ***texts, uint32_t *count)
{
    for (uint32_t i = 0; *texts && i < *count; i++)
        free((*texts)[i]);
    free(*texts);
    *texts = NULL;
    *count = 0;
}

void catalogue_run_fini(struct catalogue_run *run)
{
    free(run->model_name);
    free(run->model_path);
    free(run->settings);
    free_texts(&run->classes, &run->class_count);
    free_texts(&run->roots, &run->root_count);
    *run = (struct catalogue_run){0};
}

bool catalogue_run_setting(const struct catalogue_run *run, const char *key)
{
    json_t *object = json_loads(run->settings ? run->settings : "", 0, NULL);
    bool value = json_is_true(json_object_get(object, key));
    json_decref(object);
    return value;
}

// Texts as a JSON array. JSON cannot hold what is not UTF-8: such a text is an array of its bytes.
// malloc'd.
static char *pack_texts(char *const *texts, uint32_t count)
{
    json_t *array = json_array();
    for (uint32_t i = 0; array && i < count; i++) {
        json_t *text = json_string(texts[i]);
        if (!text) { // not UTF-8
            size_t length = strlen(texts[i]);
            json_t *bytes = json_array();
            for (size_t k = 0; k < length; k++)
                json_array_append_new(bytes, json_integer((unsigned char)texts[i][k]));
            text = bytes;
        }
        if (json_array_append_new(array, text)) {
            json_decref(array);
            array = NULL;
        }
    }
    char *packed = array ? json_dumps(array, JSON_COMPACT) : NULL;
    json_decref(array);
    return packed;
}

// One text of the array: a string, or an array of bytes.
static char *unpack_text(const json_t *text)
{
    if (json_is_string(text))
        return strdup(json_string_value(text));
    size_t length = json_array_size(text);
    char *bytes = calloc(length + 1, 1);
    for (size_t i = 0; bytes && i < length; i++)
        bytes[i] = (char)json_integer_value(json_array_get(text, i));
    return bytes;
}

static bool unpack_texts(const char *packed, char ***texts, uint32_t *count)
{
    json_t *array = packed ? json_loads(packed, 0, NULL) : NULL;
    size_t size = json_array_size(array);
    bool good = json_is_array(array) && size < UINT32_MAX;
    *texts = good ? calloc(size + 1, sizeof(char *)) : NULL;
    good = *texts != NULL;
    for (size_t i = 0; good && i < size; i++) {
        (*texts)[i] = unpack_text(json_array_get(array, i));
        good = (*texts)[i] != NULL;
        *count += good;
    }
    json_decref(array);
    return good;
}

static bool read_run(sqlite3_stmt *row, struct catalogue_run *out)
{
    int64_t state;
    char *classes = NULL, *roots = NULL;
    out->id = sqlite3_column_int64(row, 0);
    bool good = catalogue_column_number(row, 1, RUN_UNDONE + 1, &state);
    out->state = (enum run_state)state;
    out->clean = sqlite3_column_int(row, 2) != 0;
    out->started_ns = sqlite3_column_int64(row, 3);
    out->finished_ns = sqlite3_column_int64(row, 4);
    good = good && catalogue_column_hash(row, 5, &out->model) &&
           catalogue_column_text(row, 6, &out->model_name);
    out->threshold = sqlite3_column_double(row, 7);
    good = good && catalogue_column_text(row, 8, &out->settings) &&
           catalogue_column_text(row, 9, &classes) && catalogue_column_text(row, 10, &roots) &&
           unpack_texts(classes, &out->classes, &out->class_count) &&
           unpack_texts(roots, &out->roots, &out->root_count) &&
           catalogue_column_hash(row, 11, &out->origin) &&
           catalogue_column_text(row, 12, &out->model_path);
    free(classes);
    free(roots);
    return good;
}

static enum cubby_status get_run(struct catalogue *catalogue, enum catalogue_sql sql, int64_t id,
                                 struct catalogue_run *out)
{
    *out = (struct catalogue_run){0};
    sqlite3_stmt *statement;
    bool row = false;
    enum cubby_status status = catalogue_begin(catalogue, sql, false, &statement);
    if (!status && sql != SQL_LAST_RUN)
        sqlite3_bind_int64(statement, 1, id);
    if (!status)
        status = catalogue_step(catalogue, statement, &row);
    if (!status && row && !read_run(statement, out)) {
        catalogue_run_fini(out);
        status = catalogue_damaged(catalogue, "a run in it makes no sense");
    }
    return catalogue_end(catalogue, statement, status);
}

enum cubby_status catalogue_last_run(struct catalogue *catalogue, struct catalogue_run *out)
{
    return get_run(catalogue, SQL_LAST_RUN, 0, out);
}

enum cubby_status catalogue_find_run(struct catalogue *catalogue, int64_t id,
                                     struct catalogue_run *out)
{
    return get_run(catalogue, SQL_FIND_RUN, id, out);
}

enum cubby_status catalogue_next_run(struct catalogue *catalogue, int64_t after,
                                     struct catalogue_run *out)
{
    return get_run(catalogue, SQL_NEXT_RUN, after, out);
}

enum cubby_status catalogue_add_run(struct catalogue *catalogue, struct catalogue_run *run)
{
    char *classes = pack_texts(run->classes, run->class_count);
    char *roots = pack_texts(run->roots, run->root_count);
    sqlite3_stmt *statement;
    bool row;
    enum cubby_status status = catalogue_begin(catalogue, SQL_ADD_RUN, true, &statement);
    if (!status && (!classes || !roots))
        status = CUBBY_NO_MEMORY;
    if (!status) {
        sqlite3_bind_int(statement, 1, (int)run->state);
        sqlite3_bind_int(statement, 2, run->clean);
        sqlite3_bind_int64(statement, 3, run->started_ns);
        sqlite3_bind_int64(statement, 4, run->finished_ns);
        catalogue_bind_hash(statement, 5, &run->model);
        catalogue_bind_text(statement, 6, run->model_name);
        sqlite3_bind_double(statement, 7, run->threshold);
        catalogue_bind_text(statement, 8, run->settings);
        catalogue_bind_text(statement, 9, classes);
        catalogue_bind_text(statement, 10, roots);
        catalogue_bind_hash(statement, 11, &run->origin);
        catalogue_bind_text(statement, 12, run->model_path);
        status = catalogue_step(catalogue, statement, &row);
    }
    if (!status)
        run->id = sqlite3_last_insert_rowid(catalogue->database);
    status = catalogue_end(catalogue, statement, status);
    free(classes);
    free(roots);
    return status;
}

enum cubby_status catalogue_update_run(struct catalogue *catalogue, const struct catalogue_run *run)
{
    char *roots = pack_texts(run->roots, run->root_count);
    sqlite3_stmt *statement;
    bool row;
    enum cubby_status status = catalogue_begin(catalogue, SQL_UPDATE_RUN, true, &statement);
    if (!status && !roots)
        status = CUBBY_NO_MEMORY;
    if (!status) {
        sqlite3_bind_int64(statement, 1, run->id);
        sqlite3_bind_int(statement, 2, (int)run->state);
        sqlite3_bind_int(statement, 3, run->clean);
        sqlite3_bind_int64(statement, 4, run->finished_ns);
        catalogue_bind_text(statement, 5, roots);
        status = catalogue_step(catalogue, statement, &row);
    }
    status = catalogue_end(catalogue, statement, status);
    free(roots);
    return status;
}

enum cubby_status catalogue_remove_run(struct catalogue *catalogue, int64_t id)
{
    static const enum catalogue_sql parts[] = {SQL_REMOVE_RUN_FILINGS, SQL_REMOVE_RUN_ARCHIVES,
                                               SQL_REMOVE_RUN_FOLDERS, SQL_REMOVE_RUN};
    enum cubby_status status = CUBBY_OK;
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts) && !status; i++) {
        sqlite3_stmt *statement;
        bool row;
        status = catalogue_begin(catalogue, parts[i], true, &statement);
        if (!status) {
            sqlite3_bind_int64(statement, 1, id);
            status = catalogue_step(catalogue, statement, &row);
        }
        status = catalogue_end(catalogue, statement, status);
    }
    return status;
}
