#include "learn/feature_files.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "hash.h"
#include "platform/clock.h"
#include "platform/path.h"
#include "platform/process.h"

#define MAX_FILES 200u // that are open; more than merging leaves: others are not used
#define READ_BYTES ((size_t)1 << 20)

char *feature_files_folder(void)
{
    char *user_folder = path_cache_folder();
    char *folder = user_folder ? path_join(user_folder, "features") : NULL;
    free(user_folder);
    return folder;
}

uint64_t feature_row_checksum(const uint8_t *record, size_t record_bytes)
{
    struct feature_row head;
    memcpy(&head, record, sizeof(head));
    head.checksum = 0;
    const uint64_t parts[] = {
        photo_hash_bytes(&head, sizeof(head)).low,
        photo_hash_bytes(record + sizeof(head), record_bytes - sizeof(head)).low};
    return photo_hash_bytes(parts, sizeof(parts)).low;
}

static struct feature_header header_of(const struct feature_files_params *params)
{
    struct feature_header header = {.mark = FEATURE_FILES_MARK,
                                    .key_low = params->key.low,
                                    .key_high = params->key.high,
                                    .dims = params->dims,
                                    .row_bytes = (uint32_t)FEATURE_ROW_BYTES(params->dims)};
    header.checksum = photo_hash_bytes(&header, offsetof(struct feature_header, checksum)).low;
    return header;
}

void feature_files_init(struct feature_files *files, const struct feature_files_params *params)
{
    *files = (struct feature_files){.params = *params};
}

// Room for one more; NULL: out of memory.
static struct feature_file *add_file(struct feature_files *files)
{
    struct feature_file *list = realloc(files->list, (files->count + 1) * sizeof(*list));
    if (!list)
        return NULL;
    files->list = list;
    list[files->count] = (struct feature_file){.number = -1};
    return &list[files->count++];
}

int feature_files_read(const struct feature_files *files, uint32_t file, uint32_t index, void *out,
                       size_t bytes)
{
    const struct fs *fs = files->params.fs;
    uint64_t offset =
        sizeof(struct feature_header) + (uint64_t)index * FEATURE_ROW_BYTES(files->params.dims);
    size_t read = 0;
    while (read < bytes) {
        int64_t got = fs->read_at(fs, files->list[file].number, (uint8_t *)out + read, bytes - read,
                                  offset + read);
        if (got <= 0)
            return got < 0 ? (int)got : UV_EOF;
        read += (size_t)got;
    }
    return 0;
}

// ---- reading what is there

struct checking {
    struct feature_files *files;
    enum cubby_status (*found)(void *user, const struct feature_row *row, uint32_t file,
                               uint32_t index);
    void *user;
    uint64_t damaged;
};

static enum cubby_status check_rows(struct checking *checking, const uint8_t *rows, size_t count,
                                    uint32_t file, uint32_t first)
{
    size_t row_bytes = FEATURE_ROW_BYTES(checking->files->params.dims);
    enum cubby_status status = CUBBY_OK;
    for (size_t i = 0; i < count && !status; i++) {
        const uint8_t *record = rows + i * row_bytes;
        struct feature_row row;
        memcpy(&row, record, sizeof(row));
        // Beyond what a float's exponent can be, whatever the checksum says.
        if (row.checksum != feature_row_checksum(record, row_bytes) || row.exponent < -200 ||
            row.exponent > 128)
            checking->damaged++;
        else
            status = checking->found(checking->user, &row, file, first + (uint32_t)i);
    }
    return status;
}

// Reads whole rows up to the end of the file; half a row there is what a crash, or a process that
// is still writing, leaves.
static enum cubby_status check_file(struct checking *checking, uint32_t file, uint64_t size_bytes)
{
    struct feature_files *files = checking->files;
    size_t row_bytes = FEATURE_ROW_BYTES(files->params.dims);
    uint64_t total = (size_bytes - sizeof(struct feature_header)) / row_bytes;
    size_t at_once = READ_BYTES / row_bytes ? READ_BYTES / row_bytes : 1;
    uint8_t *buffer = malloc(at_once * row_bytes);
    enum cubby_status status = buffer ? CUBBY_OK : CUBBY_NO_MEMORY;
    for (uint64_t first = 0; first < total && first < UINT32_MAX - at_once && !status;
         first += at_once) {
        size_t count = total - first < at_once ? (size_t)(total - first) : at_once;
        if (feature_files_read(files, file, (uint32_t)first, buffer, count * row_bytes)) {
            checking->damaged += count;
            break;
        }
        status = check_rows(checking, buffer, count, file, (uint32_t)first);
    }
    free(buffer);
    return status;
}

// Whether the file begins as ours do. A damaged header makes a file worthless: it is removed.
static bool check_header(struct feature_files *files, int number, const char *path)
{
    const struct fs *fs = files->params.fs;
    struct feature_header header = {0}, wanted = header_of(&files->params);
    if (fs->read_at(fs, number, &header, sizeof(header), 0) != sizeof(header))
        return false; // perhaps just begun by another process
    if (!memcmp(&header, &wanted, sizeof(header)))
        return true;
    cubby_log(files->params.log, CUBBY_LOG_INFO, "%s is damaged, and removed", path);
    fs->unlink(fs, path);
    return false;
}

static enum cubby_status open_file(struct checking *checking, char *path)
{
    struct feature_files *files = checking->files;
    const struct fs *fs = files->params.fs;
    struct fs_stat stat;
    int number = fs->open(fs, path, FS_READ);
    bool usable = number >= 0 && !fs->fstat(fs, number, &stat) && stat.is_file &&
                  stat.size_bytes >= sizeof(struct feature_header) &&
                  check_header(files, number, path);
    struct feature_file *file = usable ? add_file(files) : NULL;
    if (!file) {
        if (number >= 0)
            fs->close(fs, number);
        free(path);
        return usable ? CUBBY_NO_MEMORY : CUBBY_OK;
    }
    *file = (struct feature_file){.path = path, .number = number};
    int64_t now = clock_wall_ns();
    fs->set_path_times(fs, path, now, now); // used today; if that fails it only goes earlier
    return check_file(checking, files->count - 1, stat.size_bytes);
}

static bool ends_so(const char *name)
{
    size_t length = strlen(name), ending = strlen(FEATURE_FILES_ENDING);
    return length > ending && !strcmp(name + length - ending, FEATURE_FILES_ENDING);
}

enum cubby_status feature_files_open(struct feature_files *files,
                                     enum cubby_status (*found)(void *user,
                                                                const struct feature_row *row,
                                                                uint32_t file, uint32_t index),
                                     void *user)
{
    const struct feature_files_params *params = &files->params;
    struct checking checking = {.files = files, .found = found, .user = user};
    char key[40];
    snprintf(key, sizeof(key), "%016" PRIx64 "%016" PRIx64 "-", params->key.high, params->key.low);
    struct fs_names names = {0};
    if (params->fs->list(params->fs, params->folder, &names))
        return CUBBY_OK; // not there yet
    enum cubby_status status = CUBBY_OK;
    for (size_t i = 0; i < names.count && files->count < MAX_FILES && !status; i++) {
        const char *name = names.names[i];
        if (strncmp(name, key, strlen(key)) != 0 || !ends_so(name))
            continue;
        char *path = path_join(params->folder, name);
        status = path ? open_file(&checking, path) : CUBBY_NO_MEMORY;
    }
    fs_names_free(&names);
    if (checking.damaged)
        cubby_log(params->log, CUBBY_LOG_INFO,
                  "%llu damaged rows in %s are not used: they are computed again",
                  (unsigned long long)checking.damaged, params->folder);
    return status;
}

void feature_files_remove(struct feature_files *files, uint32_t first, uint32_t end)
{
    const struct fs *fs = files->params.fs;
    for (uint32_t i = first; i < end; i++)
        fs->unlink(fs, files->list[i].path);
}

void feature_files_fini(struct feature_files *files)
{
    for (uint32_t i = 0; i < files->count; i++) {
        if (files->list[i].number >= 0)
            files->params.fs->close(files->params.fs, files->list[i].number);
        free(files->list[i].path);
    }
    free(files->list);
    files->list = NULL;
    files->count = 0;
}

// ---- writing

static char *new_path(const struct feature_files_params *params)
{
    char name[128];
    snprintf(name, sizeof(name), "%016" PRIx64 "%016" PRIx64 "-%016" PRIx64 "-%" PRIx64 "%s",
             params->key.high, params->key.low, (uint64_t)clock_wall_ns(), (uint64_t)process_own(),
             FEATURE_FILES_ENDING);
    return path_join(params->folder, name);
}

static int begin(struct feature_writer *writer, struct feature_files *files)
{
    const struct fs *fs = files->params.fs;
    const struct feature_header header = header_of(&files->params);
    int error = fs_make_folders(fs, files->params.folder);
    if (error)
        return error;
    struct feature_file *file = add_file(files);
    if (!file)
        return UV_ENOMEM;
    file->path = new_path(&files->params);
    if (!file->path)
        return UV_ENOMEM;
    writer->file = files->count - 1;
    writer->number = fs->open(fs, file->path, FS_CREATE);
    if (writer->number < 0)
        return writer->number;
    error = fs_write_all(fs, writer->number, &header, sizeof(header));
    if (!error) {
        file->number = fs->open(fs, file->path, FS_READ);
        error = file->number < 0 ? file->number : 0;
    }
    if (error) {
        fs->close(fs, writer->number);
        writer->number = -1;
        fs->unlink(fs, file->path);
    }
    return error;
}

int feature_writer_add(struct feature_writer *writer, struct feature_files *files,
                       const uint8_t *record, uint32_t *file, uint32_t *index)
{
    const struct fs *fs = files->params.fs;
    if (!writer->begun) {
        writer->begun = true;
        writer->number = -1;
        int error = begin(writer, files);
        if (error)
            return error;
    }
    if (writer->number < 0)
        return UV_EBADF;
    if (writer->rows == UINT32_MAX)
        return UV_EFBIG;
    int error = fs_write_all(fs, writer->number, record, FEATURE_ROW_BYTES(files->params.dims));
    if (error) { // what is behind half a row would not be found
        feature_writer_close(writer, files);
        return error;
    }
    *file = writer->file;
    *index = writer->rows++;
    return 0;
}

void feature_writer_close(struct feature_writer *writer, const struct feature_files *files)
{
    if (writer->begun && writer->number >= 0)
        files->params.fs->close(files->params.fs, writer->number);
    writer->number = -1;
}

// ---- the limit

struct aged {
    char *path; // owned
    uint64_t size_bytes;
    int64_t mtime_ns;
};

static int compare_age(const void *a, const void *b)
{
    const struct aged *first = a, *second = b;
    if (first->mtime_ns != second->mtime_ns)
        return first->mtime_ns < second->mtime_ns ? -1 : 1;
    return strcmp(first->path, second->path);
}

// The files of any key in the folder, the oldest first.
static int list_aged(const struct fs *fs, const char *folder, struct aged **out, size_t *count)
{
    struct fs_names names = {0};
    *out = NULL;
    *count = 0;
    int error = fs->list(fs, folder, &names);
    if (error)
        return error == UV_ENOENT ? 0 : error;
    struct aged *files = calloc(names.count ? names.count : 1, sizeof(*files));
    for (size_t i = 0; files && i < names.count; i++) {
        struct fs_stat stat;
        char *path = ends_so(names.names[i]) ? path_join(folder, names.names[i]) : NULL;
        if (path && !fs->lstat(fs, path, &stat) && stat.is_file)
            files[(*count)++] = (struct aged){path, stat.size_bytes, stat.mtime_ns};
        else
            free(path);
    }
    fs_names_free(&names);
    if (files)
        qsort(files, *count, sizeof(*files), compare_age);
    *out = files;
    return files ? 0 : UV_ENOMEM;
}

int feature_files_limit(const struct fs *fs, const char *folder, uint64_t limit_bytes,
                        size_t *removed)
{
    struct aged *files;
    size_t count, gone = 0;
    uint64_t total = 0;
    int error = list_aged(fs, folder, &files, &count);
    for (size_t i = 0; i < count; i++)
        total += files[i].size_bytes;
    for (size_t i = 0; i < count; i++) {
        if (total > limit_bytes || !limit_bytes) {
            int failed = fs->unlink(fs, files[i].path);
            if (!failed)
                total -= files[i].size_bytes;
            gone += !failed;
            error = error ? error : failed;
        }
        free(files[i].path);
    }
    free(files);
    if (removed)
        *removed = gone;
    return error;
}
