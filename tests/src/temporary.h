// A temporary folder for one test, and files in it. Include after cmocka.h.
#ifndef TESTS_SRC_TEMPORARY_H
#define TESTS_SRC_TEMPORARY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "engine/log.h"
#include "hash.h"
#include "photo.h"
#include "platform/fs.h"
#include "platform/path.h"

#define TEMPORARY_PATH 1024

static inline int temporary_setup(void **state)
{
    size_t bytes = TEMPORARY_PATH;
    char base[TEMPORARY_PATH];
    assert_int_equal(uv_os_tmpdir(base, &bytes), 0);
    char template[TEMPORARY_PATH + 32];
    snprintf(template, sizeof(template), "%s/cubby-test-XXXXXX", base);
    uv_fs_t request;
    assert_int_equal(uv_fs_mkdtemp(NULL, &request, template, NULL), 0);
    *state = strdup(request.path);
    uv_fs_req_cleanup(&request);
    return *state ? 0 : -1;
}

static inline void temporary_remove(const char *path)
{
    struct fs_stat stat;
    uv_fs_t request;
    if (fs_real()->lstat(fs_real(), path, &stat))
        return;
    if (!stat.is_folder) {
        fs_real()->unlink(fs_real(), path);
        return;
    }
    uv_fs_chmod(NULL, &request, path, 0700, NULL);
    uv_fs_req_cleanup(&request);
    struct fs_names names;
    if (fs_real()->list(fs_real(), path, &names) == 0) {
        for (size_t i = 0; i < names.count; i++) {
            char *child = path_join(path, names.names[i]);
            temporary_remove(child);
            free(child);
        }
        fs_names_free(&names);
    }
    uv_fs_rmdir(NULL, &request, path, NULL);
    uv_fs_req_cleanup(&request);
}

static inline int temporary_teardown(void **state)
{
    temporary_remove(*state);
    free(*state);
    return 0;
}

// The path of a name in the folder; the last eight stay valid.
static inline const char *temporary_path(void **state, const char *name)
{
    static char paths[8][TEMPORARY_PATH * 2];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", (const char *)*state, name);
    return path;
}

static inline const char *temporary_file(void **state, const char *name, const char *content)
{
    const char *path = temporary_path(state, name);
    char *parent = path_parent(path);
    assert_int_equal(fs_make_folders(fs_real(), parent), 0);
    free(parent);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, strlen(content), file), strlen(content));
    assert_int_equal(fclose(file), 0);
    return path;
}

// malloc'd and NUL-terminated; NULL if there is no such file.
static inline char *temporary_content(void **state, const char *name)
{
    FILE *file = fopen(temporary_path(state, name), "rb");
    if (!file)
        return NULL;
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    char *text = calloc(1, size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, size, file), size);
    fclose(file);
    return text;
}

static inline void assert_content(void **state, const char *name, const char *expected)
{
    char *text = temporary_content(state, name);
    if (!text || strcmp(text, expected) != 0)
        fail_msg("%s holds %s, not %s", name, text ? text : "nothing", expected);
    free(text);
}

// "a b c": the names in a folder, hidden ones too.
static inline const char *temporary_names(void **state, const char *folder)
{
    static char text[4096];
    struct fs_names names;
    text[0] = '\0';
    if (fs_real()->list(fs_real(), temporary_path(state, folder), &names))
        return "no folder";
    for (size_t i = 0; i < names.count; i++) {
        strncat(text, i ? "|" : "", sizeof(text) - strlen(text) - 1);
        strncat(text, names.names[i], sizeof(text) - strlen(text) - 1);
    }
    fs_names_free(&names);
    return text;
}

// A decided photo whose source was just written; with its bytes if `loaded`.
static inline struct photo *temporary_photo(void **state, const char *name, const char *content,
                                            bool loaded)
{
    const char *path = temporary_file(state, name, content);
    struct photo *photo = calloc(1, sizeof(*photo));
    assert_non_null(photo);
    photo->path = strdup(path);
    photo->relative = strdup(name);
    photo->size_bytes = strlen(content);
    photo->hash = photo_hash_bytes(content, strlen(content));
    photo->mtime_ns = INT64_C(1500000000123456789);
    photo->atime_ns = INT64_C(1500000001000000000);
    photo->mode = 0640;
    if (loaded)
        photo->bytes = (uint8_t *)strdup(content);
    return photo;
}

// Keeps the last message, for tests that look at what was said.
struct temporary_messages {
    char last[1024];
    unsigned count;
};

static inline void temporary_log_write(void *user, enum cubby_log_level level, const char *message)
{
    struct temporary_messages *messages = user;
    if (level > CUBBY_LOG_WARNING)
        return;
    snprintf(messages->last, sizeof(messages->last), "%s", message);
    messages->count++;
}

#endif
