#include "learn/labelled.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "away.h"
#include "engine/model.h"
#include "hash.h"
#include "hash_table.h"
#include "pipeline/pipeline.h"
#include "platform/names.h"
#include "platform/parallel.h"
#include "platform/path.h"
#include "scan.h"

#define READ_BYTES ((size_t)1 << 20)
#define HASHED_AT_ONCE 256u // photos between two looks at `interrupted`
#define MAX_CONFLICTS 5u    // that are named
#define FEW_PHOTOS 10u      // fewer of a class are a warning

// What reading a file found out.
struct outcome {
    enum photo_status status; // PHOTO_PENDING: hashed
    char *reason;             // owned; of PHOTO_FAILED
};

struct reading {
    const struct labelled_params *params;
    struct labelled *out;
    size_t capacity;
    char *folder;             // owned, without separators at the end
    char **folders;           // owned, of params.classes: the names that a sort gives them
    struct outcome *outcomes; // owned [out->count]
    size_t outcome_count;
    size_t first; // of the photos that are being hashed
};

// ---- finding

static bool is_name(const char *name)
{
    size_t bytes = strlen(name);
    if (bytes == 0 || bytes > CUBBY_MAX_CLASS_NAME_BYTES)
        return false;
    for (size_t length; *name; name += length) {
        const unsigned char *c = (const unsigned char *)name;
        length = names_utf8_length(name);
        if (!length || c[0] < 0x20 || c[0] == 0x7f || (c[0] == 0xc2 && c[1] < 0xa0))
            return false;
    }
    return true;
}

static uint32_t class_of_folder(const struct reading *reading, const char *name)
{
    const struct labelled_params *params = reading->params;
    for (uint32_t i = 0; i < params->class_count; i++)
        if (!strcmp(params->classes[i], name))
            return i;
    for (uint32_t i = 0; i < params->class_count; i++)
        if (!strcmp(reading->folders[i], name))
            return i;
    return LABELLED_NO_CLASS;
}

static enum cubby_status add_class(struct labelled *out, const char *name)
{
    char **classes = realloc(out->classes, (out->class_count + 1) * sizeof(*classes));
    if (!classes)
        return CUBBY_NO_MEMORY;
    out->classes = classes;
    classes[out->class_count] = strdup(name);
    if (!classes[out->class_count])
        return CUBBY_NO_MEMORY;
    out->class_count++;
    return CUBBY_OK;
}

// Takes the photo's path over.
static enum cubby_status add_photo(struct reading *reading, struct photo *photo,
                                   uint32_t class_index)
{
    struct labelled *out = reading->out;
    if (out->count == reading->capacity) {
        size_t capacity = reading->capacity ? reading->capacity * 2 : 256;
        struct labelled_photo *photos = realloc(out->photos, capacity * sizeof(*photos));
        if (!photos)
            return CUBBY_NO_MEMORY;
        out->photos = photos;
        reading->capacity = capacity;
    }
    size_t above = strlen(reading->folder);
    const char *relative = photo->path + (strlen(photo->path) > above ? above : 0);
    while (path_is_separator(*relative))
        relative++;
    out->photos[out->count++] = (struct labelled_photo){.path = photo->path,
                                                        .relative = relative,
                                                        .class_index = class_index,
                                                        .size_bytes = photo->size_bytes,
                                                        .mtime_ns = photo->mtime_ns};
    photo->path = NULL;
    return CUBBY_OK;
}

static void warn_failed(struct reading *reading, const char *path, const char *reason)
{
    reading->out->failed++;
    cubby_log(reading->params->log, CUBBY_LOG_WARNING, "%s is left out: %s", path, reason);
}

static enum cubby_status scan_class(struct reading *reading, const char *path, uint32_t class_index)
{
    const struct labelled_params *params = reading->params;
    const struct scan_params scan_params = {.roots = &path,
                                            .root_count = 1,
                                            .online = params->online,
                                            .fs = params->fs,
                                            .log = params->log};
    struct scan *scan = NULL;
    enum cubby_status status = scan_create(&scan, &scan_params);
    while (!status) {
        struct photo *photo = NULL;
        status = scan_next(scan, &photo);
        if (status || !photo)
            break;
        if (!params->online)
            away_settle(photo);
        if (photo->status == PHOTO_FAILED)
            warn_failed(reading, photo->path, photo->reason);
        else if (photo->status == PHOTO_SKIPPED)
            reading->out->skipped++;
        else
            status = add_photo(reading, photo, class_index);
        photo_free(&photo);
    }
    if (scan)
        reading->out->unreadable_folders += scan_unreadable_folders(scan);
    scan_destroy(&scan);
    return status;
}

static enum cubby_status read_class(struct reading *reading, const char *name, const char *path)
{
    const struct labelled_params *params = reading->params;
    struct labelled *out = reading->out;
    uint32_t class_index = out->class_count;
    if (params->classes) {
        class_index = class_of_folder(reading, name);
        if (class_index == LABELLED_NO_CLASS) {
            cubby_log(params->log, CUBBY_LOG_WARNING,
                      "the folder %s is left out: \"%s\" is none of the classes", path, name);
            out->unknown_folders++;
            return CUBBY_OK;
        }
        return scan_class(reading, path, class_index);
    }
    if (!is_name(name)) {
        cubby_log(params->log, CUBBY_LOG_ERROR,
                  "the folder %s cannot be a class: its name is not valid UTF-8, or holds control "
                  "characters; rename it",
                  path);
        return CUBBY_BAD_DATA;
    }
    enum cubby_status status = add_class(out, name);
    return status ? status : scan_class(reading, path, class_index);
}

static enum cubby_status read_name(struct reading *reading, const char *name, bool is_output)
{
    const struct fs *fs = reading->params->fs;
    char *path = path_join(reading->folder, name);
    if (!path)
        return CUBBY_NO_MEMORY;
    struct fs_stat stat;
    enum cubby_status status = CUBBY_OK;
    bool passed_over = fs->is_hidden(fs, path) || (is_output && !strcmp(name, NAMES_UNSURE)) ||
                       fs->stat(fs, path, &stat);
    if (!passed_over && stat.is_folder)
        status = read_class(reading, name, path);
    else if (!passed_over)
        reading->out->outside++;
    free(path);
    return status;
}

static enum cubby_status find_photos(struct reading *reading)
{
    const struct labelled_params *params = reading->params;
    const struct fs *fs = params->fs;
    struct fs_names names = {0};
    bool is_output = scan_is_output(fs, reading->folder);
    int error = fs->list(fs, reading->folder, &names);
    enum cubby_status status = CUBBY_OK;
    if (error) {
        cubby_log(params->log, CUBBY_LOG_ERROR, "the folder %s cannot be read: %s", params->folder,
                  fs_error_text(error));
        status = error == UV_ENOMEM ? CUBBY_NO_MEMORY : CUBBY_IO;
    }
    for (size_t i = 0; !status && i < names.count; i++)
        status = read_name(reading, names.names[i], is_output);
    fs_names_free(&names);
    return status;
}

// ---- hashing

static enum cubby_status hash_file(const struct fs *fs, int file, struct labelled_photo *photo)
{
    struct photo_hasher *hasher = NULL;
    uint8_t *buffer = malloc(READ_BYTES);
    enum cubby_status status = buffer ? photo_hasher_create(&hasher) : CUBBY_NO_MEMORY;
    uint64_t total = 0;
    int64_t got = 1;
    while (!status && got > 0 && total <= photo->size_bytes) {
        got = fs->read(fs, file, buffer, READ_BYTES);
        if (got > 0)
            photo_hasher_add(hasher, buffer, (size_t)got);
        if (got < 0)
            status = CUBBY_IO;
        total += got > 0 ? (uint64_t)got : 0;
    }
    if (!status && total != photo->size_bytes)
        status = CUBBY_BAD_DATA; // a file that grows must not be read for ever
    if (!status)
        photo->hash = photo_hasher_result(hasher);
    photo_hasher_destroy(&hasher);
    free(buffer);
    return status;
}

static void hash_photo(const struct labelled_params *params, struct labelled_photo *photo,
                       struct photo *seen)
{
    const struct fs *fs = params->fs;
    if (!pipeline_worth_reading(fs, params->max_file_bytes, seen))
        return;
    int file = fs->open(fs, photo->path, FS_READ);
    struct fs_stat stat;
    int error = file < 0 ? file : fs->fstat(fs, file, &stat);
    if (error) {
        photo_settle(seen, PHOTO_FAILED, "cannot be read: %s", fs_error_text(error));
    } else if (!stat.is_file) {
        photo_settle(seen, PHOTO_FAILED, "not a file any more");
    } else {
        photo->size_bytes = stat.size_bytes;
        photo->mtime_ns = stat.mtime_ns;
        enum cubby_status status = hash_file(fs, file, photo);
        if (status)
            photo_settle(seen, PHOTO_FAILED,
                         status == CUBBY_BAD_DATA ? "changed while it was read" : "cannot be read");
    }
    if (file >= 0)
        fs->close(fs, file);
}

static void hash_one(void *user, size_t index)
{
    struct reading *reading = user;
    struct labelled_photo *photo = &reading->out->photos[reading->first + index];
    struct outcome *outcome = &reading->outcomes[reading->first + index];
    struct photo seen = {.path = photo->path, .size_bytes = photo->size_bytes};
    hash_photo(reading->params, photo, &seen);
    outcome->status = seen.status;
    if (seen.status == PHOTO_FAILED)
        outcome->reason = strdup(seen.reason);
}

static enum cubby_status hash_all(struct reading *reading)
{
    const struct labelled_params *params = reading->params;
    size_t count = reading->out->count;
    struct parallel *parallel = NULL;
    reading->outcomes = calloc(count ? count : 1, sizeof(*reading->outcomes));
    if (!reading->outcomes)
        return CUBBY_NO_MEMORY;
    reading->outcome_count = count;
    enum cubby_status status = parallel_create(&parallel, params->threads ? params->threads : 1);
    for (size_t i = 0; !status && i < count; i += HASHED_AT_ONCE) {
        reading->first = i;
        parallel_run(parallel, count - i < HASHED_AT_ONCE ? count - i : HASHED_AT_ONCE, hash_one,
                     reading);
        if (params->interrupted && params->interrupted(params->user))
            status = CUBBY_INTERRUPTED;
    }
    parallel_destroy(&parallel);
    return status;
}

// ---- judging

void labelled_remove(struct labelled *labelled, const bool *remove)
{
    size_t kept = 0;
    for (size_t i = 0; i < labelled->count; i++) {
        if (remove[i])
            free(labelled->photos[i].path);
        else
            labelled->photos[kept++] = labelled->photos[i];
    }
    labelled->count = kept;
}

// Names two photos of one content in two classes.
static void tell_conflict(const struct reading *reading, const struct labelled_photo *a,
                          const struct labelled_photo *b)
{
    cubby_log(reading->params->log, CUBBY_LOG_ERROR,
              "the same photo lies in two classes, %s and %s: remove it from one of them", a->path,
              b->path);
}

// Marks what has its content from an earlier photo of the class.
static enum cubby_status find_duplicates(struct reading *reading, bool *remove)
{
    struct labelled *out = reading->out;
    struct hash_table seen = {0};
    uint64_t conflicts = 0;
    enum cubby_status status = CUBBY_OK;
    for (size_t i = 0; i < out->count && !status; i++) {
        uint64_t first;
        if (remove[i])
            continue;
        if (!hash_table_find(&seen, out->photos[i].hash, &first)) {
            status = hash_table_add(&seen, out->photos[i].hash, i);
        } else if (out->photos[first].class_index == out->photos[i].class_index) {
            remove[i] = true;
            out->duplicates++;
        } else if (++conflicts <= MAX_CONFLICTS) {
            tell_conflict(reading, &out->photos[first], &out->photos[i]);
        }
    }
    hash_table_fini(&seen);
    if (conflicts > MAX_CONFLICTS)
        cubby_log(reading->params->log, CUBBY_LOG_ERROR, "... and %llu more photos like these",
                  (unsigned long long)(conflicts - MAX_CONFLICTS));
    return status ? status : conflicts ? CUBBY_BAD_DATA : CUBBY_OK;
}

static enum cubby_status judge(struct reading *reading)
{
    struct labelled *out = reading->out;
    bool *remove = calloc(out->count ? out->count : 1, sizeof(*remove));
    if (!remove)
        return CUBBY_NO_MEMORY;
    for (size_t i = 0; i < out->count; i++) {
        const struct outcome *outcome = &reading->outcomes[i];
        remove[i] = outcome->status != PHOTO_PENDING;
        out->skipped += outcome->status == PHOTO_SKIPPED;
        if (outcome->status == PHOTO_FAILED)
            warn_failed(reading, out->photos[i].path,
                        outcome->reason ? outcome->reason : "out of memory");
    }
    enum cubby_status status =
        reading->params->keep_duplicates ? CUBBY_OK : find_duplicates(reading, remove);
    if (!status)
        labelled_remove(out, remove);
    free(remove);
    return status;
}

void labelled_count(const struct labelled *labelled, uint32_t *counts)
{
    memset(counts, 0, labelled->class_count * sizeof(*counts));
    for (size_t i = 0; i < labelled->count; i++)
        counts[labelled->photos[i].class_index]++;
}

enum cubby_status labelled_drop_empty(struct labelled *labelled, const struct cubby_log *log)
{
    uint32_t count = labelled->class_count;
    uint32_t *numbers = calloc(count ? count : 1, sizeof(*numbers));
    if (!numbers)
        return CUBBY_NO_MEMORY;
    labelled_count(labelled, numbers);
    labelled->class_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        char *name = labelled->classes[i];
        if (numbers[i]) {
            numbers[i] = labelled->class_count;
            labelled->classes[labelled->class_count++] = name;
            continue;
        }
        cubby_log(log, CUBBY_LOG_WARNING,
                  "the class folder \"%s\" has no photo that can be read: it is no class", name);
        free(name);
    }
    for (size_t i = 0; i < labelled->count; i++)
        labelled->photos[i].class_index = numbers[labelled->photos[i].class_index];
    free(numbers);
    return CUBBY_OK;
}

// One warning for all classes with few photos.
static void warn_of_few(const struct labelled *labelled, const uint32_t *counts,
                        const struct cubby_log *log)
{
    char text[512] = "";
    for (uint32_t i = 0; i < labelled->class_count; i++) {
        size_t used = strlen(text);
        if (counts[i] < FEW_PHOTOS && used < sizeof(text) - 100)
            snprintf(text + used, sizeof(text) - used, "%s\"%.60s\" %u", used ? ", " : "",
                     labelled->classes[i], (unsigned)counts[i]);
        else if (counts[i] < FEW_PHOTOS && strcmp(text + used - 5, ", ...") != 0)
            strcat(text, ", ...");
    }
    if (text[0])
        cubby_log(log, CUBBY_LOG_WARNING,
                  "some classes have few photos (%s): expect little of them; 40 make a good start",
                  text);
}

enum cubby_status labelled_check_enough(const struct labelled *labelled,
                                        const struct cubby_log *log)
{
    if (labelled->class_count < 2) {
        cubby_log(log, CUBBY_LOG_ERROR,
                  labelled->class_count
                      ? "there is one class only, \"%s\": there must be two or more to tell apart "
                        "(one folder for each, with its photos in it)"
                      : "there is no class: put the photos of each class into a folder of its own",
                  labelled->class_count ? labelled->classes[0] : "");
        return CUBBY_BAD_DATA;
    }
    uint32_t *counts = calloc(labelled->class_count, sizeof(*counts));
    if (!counts)
        return CUBBY_NO_MEMORY;
    labelled_count(labelled, counts);
    enum cubby_status status = CUBBY_OK;
    for (uint32_t i = 0; i < labelled->class_count; i++) {
        if (counts[i] >= 2)
            continue;
        cubby_log(log, CUBBY_LOG_ERROR,
                  counts[i]
                      ? "the class \"%s\" has one photo: nothing can be held out to check what "
                        "was learned; add more photos (40 make a good start), or remove its "
                        "folder"
                      : "no photo of the class \"%s\" can be read: remove its folder, or add "
                        "more photos",
                  labelled->classes[i]);
        status = CUBBY_BAD_DATA;
    }
    if (!status)
        warn_of_few(labelled, counts, log);
    free(counts);
    return status;
}

static enum cubby_status copy_classes(struct reading *reading)
{
    const struct labelled_params *params = reading->params;
    enum cubby_status status =
        names_make_folders(&reading->folders, params->classes, params->class_count);
    for (uint32_t i = 0; i < params->class_count && !status; i++)
        status = add_class(reading->out, params->classes[i]);
    return status;
}

enum cubby_status labelled_read(struct labelled *out, const struct labelled_params *params)
{
    *out = (struct labelled){0};
    struct reading reading = {.params = params, .out = out, .folder = strdup(params->folder)};
    enum cubby_status status = CUBBY_NO_MEMORY;
    if (!reading.folder)
        goto out;
    path_trim(reading.folder);
    status = params->classes ? copy_classes(&reading) : CUBBY_OK;
    if (!status)
        status = find_photos(&reading);
    if (!status)
        status = hash_all(&reading);
    if (!status)
        status = judge(&reading);
    if (!status && !params->classes)
        status = labelled_drop_empty(out, params->log);
    if (!status && !out->count) {
        cubby_log(params->log, CUBBY_LOG_ERROR,
                  "%s has no photos in class folders: it should hold one folder per class, with "
                  "the photos of the class in it",
                  params->folder);
        status = CUBBY_BAD_DATA;
    }

out:
    for (size_t i = 0; i < reading.outcome_count; i++)
        free(reading.outcomes[i].reason);
    free(reading.outcomes);
    names_free_folders(&reading.folders, params->class_count);
    free(reading.folder);
    return status;
}

void labelled_fini(struct labelled *labelled)
{
    for (uint32_t i = 0; i < labelled->class_count; i++)
        free(labelled->classes[i]);
    free(labelled->classes);
    for (size_t i = 0; i < labelled->count; i++)
        free(labelled->photos[i].path);
    free(labelled->photos);
    *labelled = (struct labelled){0};
}
