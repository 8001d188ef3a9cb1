// Puts features of photos into cubby's cache, or takes them out, so that tests can say what the
// network sees:
//
//   learn_rows put|get MODEL LIST ROWS VIEWS
//
// LIST names photos, one path a line; ROWS is float32 [photos, views, features] in this machine's
// byte order. `get` fails if a row is not there.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "learn/features.h"
#include "platform/read_file.h"

struct rows {
    struct feature_cache *cache;
    FILE *file;
    float *values;
    uint32_t dims, views;
    bool puts;
};

static int move_row(struct rows *rows, struct photo_hash photo, uint32_t view)
{
    uint64_t row;
    if (rows->puts)
        return fread(rows->values, sizeof(float), rows->dims, rows->file) != rows->dims ||
               feature_cache_add(rows->cache, photo, view, "", rows->values, &row);
    row = feature_cache_find(rows->cache, photo, view, NULL);
    return row == FEATURE_CACHE_NONE || feature_cache_read(rows->cache, row, rows->values) ||
           fwrite(rows->values, sizeof(float), rows->dims, rows->file) != rows->dims;
}

static int move_photo(struct rows *rows, const char *path)
{
    uint8_t *bytes;
    size_t size_bytes;
    char reason[256];
    if (read_file(fs_real(), path, 0, &bytes, &size_bytes, NULL, reason, sizeof(reason))) {
        fprintf(stderr, "%s: %s\n", path, reason);
        return 1;
    }
    const struct photo_hash photo = photo_hash_bytes(bytes, size_bytes);
    free(bytes);
    for (uint32_t view = 0; view < rows->views; view++)
        if (move_row(rows, photo, view)) {
            fprintf(stderr, "%s: view %u\n", path, (unsigned)view);
            return 1;
        }
    return 0;
}

static void write_log(void *user, enum cubby_log_level level, const char *message)
{
    (void)user;
    if (level <= CUBBY_LOG_WARNING)
        fprintf(stderr, "%s\n", message);
}

int main(int argc, char **argv)
{
    static const struct cubby_log log = {.write = write_log};
    if (argc != 6)
        return 2;
    const struct cli_options options = {.command = CLI_LEARN};
    const struct command command = {.options = &options, .log = &log, .fs = fs_real()};
    const struct features_params params = {
        .command = &command, .cache_bytes = UINT64_MAX, .model = argv[2]};
    struct features *features;
    if (features_open(&features, &params))
        return 1;
    struct rows rows = {.puts = !strcmp(argv[1], "put"),
                        .dims = features_dims(features),
                        .views = (uint32_t)strtoul(argv[5], NULL, 10)};
    const struct feature_cache_params cache = {.key = features_key(features),
                                               .dims = rows.dims,
                                               .limit_bytes = UINT64_MAX,
                                               .fs = fs_real(),
                                               .log = &log};
    features_close(&features);
    rows.values = calloc(rows.dims, sizeof(float));
    rows.file = fopen(argv[4], rows.puts ? "rb" : "wb");
    FILE *list = fopen(argv[3], "rb");
    int failed = !rows.values || !rows.file || !list || feature_cache_open(&rows.cache, &cache);
    char path[4096];
    while (!failed && fgets(path, sizeof(path), list)) {
        path[strcspn(path, "\n")] = '\0';
        failed = move_photo(&rows, path);
    }
    feature_cache_close(&rows.cache);
    if (rows.file && fclose(rows.file))
        failed = 1;
    if (list)
        fclose(list);
    free(rows.values);
    return failed;
}
