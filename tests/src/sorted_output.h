// An output folder as a sort leaves it, in a temporary folder, without sorting. Include after
// cmocka.h.
#ifndef TESTS_SRC_SORTED_OUTPUT_H
#define TESTS_SRC_SORTED_OUTPUT_H

#include "catalogue/opened.h"
#include "moved.h"

// A run with the classes bench, chair and "a/b".
static inline int64_t sorted_run(struct catalogue *catalogue)
{
    char *classes[] = {"bench", "chair", "a/b"};
    struct catalogue_run run = {.state = RUN_FINISHED,
                                .model_name = "m.safetensors",
                                .settings = "{}",
                                .classes = classes,
                                .class_count = 3};
    assert_int_equal(catalogue_add_run(catalogue, &run), CUBBY_OK);
    return run.id;
}

// Writes out/`target` and what the catalogue says of it. Returns the photo's id.
//   photo  0: the file is a photo of its own; else it travels with that one
static inline int64_t sorted_file(void **state, struct catalogue *catalogue, int64_t run,
                                  const char *target, const char *content, int64_t photo)
{
    char name[TEMPORARY_PATH];
    snprintf(name, sizeof(name), "out/%s", target);
    struct fs_stat stat;
    assert_int_equal(fs_real()->stat(fs_real(), temporary_file(state, name, content), &stat), 0);
    char source[TEMPORARY_PATH];
    snprintf(source, sizeof(source), "/photos/%s", target);
    struct photo row = {.run = run,
                        .path = source,
                        .relative = source + 1,
                        .size_bytes = strlen(content),
                        .hash = photo_hash_bytes(content, strlen(content)),
                        .top = {{0, 0.75f}},
                        .top_count = 1,
                        .status = strncmp(target, "unsure/", 7) ? PHOTO_FILED : PHOTO_UNSURE,
                        .class_name = "bench",
                        .filed_as = (char *)target};
    if (!photo)
        assert_int_equal(catalogue_put_photo(catalogue, &row), CUBBY_OK);
    struct filing filing = {.run = run,
                            .photo = photo ? photo : row.id,
                            .member = photo ? 1 : 0,
                            .how = FILING_COPY,
                            .state = FILING_DONE,
                            .source = source,
                            .target = (char *)target,
                            .size_bytes = strlen(content),
                            .inode = stat.inode,
                            .mtime_ns = stat.mtime_ns,
                            .hash = row.hash};
    assert_int_equal(catalogue_add_filing(catalogue, &filing), CUBBY_OK);
    return filing.photo;
}

static inline void sorted_move(void **state, const char *from, const char *to)
{
    char paths[2][TEMPORARY_PATH];
    snprintf(paths[0], sizeof(paths[0]), "out/%s", from);
    snprintf(paths[1], sizeof(paths[1]), "out/%s", to);
    const char *target = temporary_path(state, paths[1]);
    char *folder = path_parent(target);
    assert_int_equal(fs_make_folders(fs_real(), folder), 0);
    free(folder);
    assert_int_equal(rename(temporary_path(state, paths[0]), target), 0);
}

static inline struct moved_params sorted_params(void **state, struct catalogue *catalogue)
{
    static const struct cubby_log quiet = {0};
    return (struct moved_params){.output = temporary_path(state, "out"),
                                 .catalogue = catalogue,
                                 .fs = fs_real(),
                                 .log = &quiet,
                                 .threads = 2};
}

#endif
