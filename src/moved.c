#include "moved.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "groups/kind.h"
#include "hash.h"
#include "hash_table.h"
#include "platform/parallel.h"
#include "platform/path.h"
#include "scan.h"
#include "sink/naming.h"

#define BATCH 64u // files that are read side by side

struct finder {
    const struct moved_params *params;
    struct moved *moved;
    uint32_t capacity, place_capacity, stranger_capacity;
    struct hash_table contents; // of size and hash, to the first file
    struct hash_table targets;  // of paths, to the last file there
    struct hash_table sizes;
    struct parallel *threads; // owned
};

void moved_fini(struct moved *moved)
{
    for (uint32_t i = 0; i < moved->count; i++) {
        free(moved->files[i].target);
        free(moved->files[i].link);
    }
    for (uint32_t i = 0; i < moved->place_count; i++)
        free(moved->places[i].path);
    for (uint32_t i = 0; i < moved->stranger_count; i++)
        free(moved->strangers[i]);
    free(moved->files);
    free(moved->places);
    free(moved->strangers);
    *moved = (struct moved){0};
}

const char *moved_where(const struct moved *moved, const struct moved_file *file)
{
    if (file->in_place)
        return file->target;
    return file->elsewhere == MOVED_NONE ? NULL : moved->places[file->elsewhere].path;
}

static struct photo_hash content_key(struct photo_hash hash, uint64_t size_bytes)
{
    const uint64_t key[3] = {hash.low, hash.high, size_bytes};
    return photo_hash_bytes(key, sizeof(key));
}

static struct photo_hash text_key(const char *text)
{
    return photo_hash_bytes(text, strlen(text));
}

// Room for one more in an array of `size`; NULL: out of memory or numbers.
static void *grow(void *array, uint32_t count, uint32_t *capacity, size_t size)
{
    if (count < *capacity)
        return array;
    uint32_t wanted = *capacity ? *capacity * 2 : 64;
    if (wanted <= *capacity || wanted > UINT32_MAX / 4)
        return NULL;
    void *grown = realloc(array, wanted * size);
    if (grown)
        *capacity = wanted;
    return grown;
}

// ---- what the catalogue knows

// Takes the texts over.
static enum cubby_status add_file(struct finder *f, const struct moved_file *file)
{
    struct moved *moved = f->moved;
    struct moved_file *files = grow(moved->files, moved->count, &f->capacity, sizeof(*files));
    if (!files) {
        free(file->target);
        free(file->link);
        return CUBBY_NO_MEMORY;
    }
    moved->files = files;
    uint32_t index = moved->count++;
    files[index] = *file;
    files[index].elsewhere = files[index].next = MOVED_NONE;

    uint64_t first;
    struct photo_hash key = content_key(file->hash, file->size_bytes);
    enum cubby_status status = CUBBY_OK;
    if (hash_table_find(&f->contents, key, &first)) {
        files[index].next = files[first].next;
        files[first].next = index;
    } else {
        status = hash_table_add(&f->contents, key, index);
    }
    if (!status)
        status = hash_table_add(&f->targets, text_key(file->target), index);
    if (!status)
        status = hash_table_add(&f->sizes,
                                photo_hash_bytes(&file->size_bytes, sizeof(file->size_bytes)), 0);
    return status;
}

static enum cubby_status add_filing(struct finder *f, const struct filing *filing)
{
    struct moved_file file = {.filing = filing->id,
                              .photo = filing->photo,
                              .member = filing->member,
                              .how = filing->how,
                              .hash = filing->hash,
                              .size_bytes = filing->size_bytes,
                              .inode = filing->inode,
                              .mtime_ns = filing->mtime_ns,
                              .target = strdup(filing->target)};
    if (filing->how == FILING_SYMLINK)
        file.link = strdup(filing->source);
    if (!file.target || (filing->how == FILING_SYMLINK && !file.link)) {
        free(file.target);
        free(file.link);
        return CUBBY_NO_MEMORY;
    }
    return add_file(f, &file);
}

static enum cubby_status add_filings(struct finder *f)
{
    const struct catalogue_filings which = {CATALOGUE_ANY, CATALOGUE_ANY, 0, FILING_DONE};
    int64_t after = 0;
    for (;;) {
        struct filing filing;
        enum cubby_status status =
            catalogue_next_filing(f->params->catalogue, &which, after, false, &filing);
        if (status || !filing.id)
            return status;
        after = filing.id;
        status = add_filing(f, &filing);
        filing_fini(&filing);
        if (status)
            return status;
    }
}

static enum cubby_status has_filing(const struct finder *f, int64_t photo, bool *result)
{
    const struct catalogue_filings which = {CATALOGUE_ANY, photo, CATALOGUE_ANY, FILING_DONE};
    struct filing filing;
    enum cubby_status status =
        catalogue_next_filing(f->params->catalogue, &which, 0, false, &filing);
    *result = filing.id != 0;
    filing_fini(&filing);
    return status;
}

// What was found in the output and taken for the copy has a row, but no filing.
static enum cubby_status add_photo(struct finder *f, const struct photo *photo)
{
    bool filed = true;
    f->moved->packed += photo->archive != 0;
    if (photo->archive || photo->status != PHOTO_SKIPPED || !photo->filed_as)
        return CUBBY_OK;
    enum cubby_status status = has_filing(f, photo->id, &filed);
    if (status || filed)
        return status;
    const struct moved_file file = {.photo = photo->id,
                                    .hash = photo->hash,
                                    .size_bytes = photo->size_bytes,
                                    .mtime_ns = photo->mtime_ns,
                                    .target = strdup(photo->filed_as)};
    return file.target ? add_file(f, &file) : CUBBY_NO_MEMORY;
}

static enum cubby_status add_photos(struct finder *f)
{
    const struct catalogue_photos all = {CATALOGUE_ANY, CATALOGUE_ANY, CATALOGUE_ANY};
    int64_t after = 0;
    for (;;) {
        struct photo *photo = NULL;
        enum cubby_status status = catalogue_next_photo(f->params->catalogue, &all, after, &photo);
        if (status || !photo)
            return status;
        after = photo->id;
        status = add_photo(f, photo);
        photo_free(&photo);
        if (status)
            return status;
    }
}

// ---- what lies on the disk

struct look {
    const struct finder *finder;
    char *path;             // owned, below the output
    uint32_t file;          // whose place it is; MOVED_NONE: nobody's
    uint64_t size_bytes;    // of what was read
    struct photo_hash hash; // of that
    int error;              // libuv code: it could not be read
};

static void read_one(void *user, size_t index)
{
    struct look *look = &((struct look *)user)[index];
    const struct moved_params *params = look->finder->params;
    struct photo_hasher *hasher = NULL;
    char *path = path_join(params->output, look->path);
    if (!path || photo_hasher_create(&hasher))
        look->error = UV_ENOMEM;
    else
        look->error = sink_read_pieces(params->fs, path, hasher, NULL, NULL, &look->size_bytes);
    if (!look->error)
        look->hash = photo_hasher_result(hasher);
    photo_hasher_destroy(&hasher);
    free(path);
}

static enum cubby_status add_place(struct finder *f, struct moved_file *file, char **path)
{
    struct moved *moved = f->moved;
    struct moved_place *places =
        grow(moved->places, moved->place_count, &f->place_capacity, sizeof(*places));
    if (!places)
        return CUBBY_NO_MEMORY;
    moved->places = places;
    places[moved->place_count] = (struct moved_place){
        .path = *path, .next = MOVED_NONE, .file = (uint32_t)(file - moved->files)};
    // In the order in which they were found, so that the first is the first by name.
    if (file->elsewhere == MOVED_NONE)
        file->elsewhere = moved->place_count;
    else
        places[file->last_place].next = moved->place_count;
    file->last_place = moved->place_count++;
    *path = NULL;
    return CUBBY_OK;
}

static enum cubby_status add_stranger(struct finder *f, char **path)
{
    struct moved *moved = f->moved;
    size_t stem;
    char *name = path_base(*path);
    bool photo = name && group_is_photo(group_kind(name, &stem));
    free(name);
    if (!photo)
        return CUBBY_OK;
    char **strangers =
        grow(moved->strangers, moved->stranger_count, &f->stranger_capacity, sizeof(*strangers));
    if (!strangers)
        return CUBBY_NO_MEMORY;
    moved->strangers = strangers;
    strangers[moved->stranger_count++] = *path;
    *path = NULL;
    return CUBBY_OK;
}

// What was read tells whose content lies there.
static enum cubby_status note_look(struct finder *f, struct look *look)
{
    struct moved *moved = f->moved;
    if (look->error) {
        moved->unreadable++;
        cubby_log(f->params->log, CUBBY_LOG_WARNING, "\"%s\" cannot be read: %s", look->path,
                  fs_error_text(look->error));
        return look->error == UV_ENOMEM ? CUBBY_NO_MEMORY : CUBBY_OK;
    }
    moved->read++;
    uint64_t first;
    bool known = hash_table_find(&f->contents, content_key(look->hash, look->size_bytes), &first);
    if (look->file != MOVED_NONE) {
        struct moved_file *file = &moved->files[look->file];
        file->in_place = known && file->size_bytes == look->size_bytes &&
                         photo_hash_equal(file->hash, look->hash);
        file->changed = !file->in_place;
        if (file->in_place)
            return CUBBY_OK;
    }
    if (!known)
        return look->file == MOVED_NONE ? add_stranger(f, &look->path) : CUBBY_OK;
    return add_place(f, &moved->files[first], &look->path);
}

struct looks {
    struct look list[BATCH];
    size_t count;
};

static enum cubby_status flush(struct finder *f, struct looks *looks)
{
    enum cubby_status status = CUBBY_OK;
    parallel_run(f->threads, looks->count, read_one, looks->list);
    for (size_t i = 0; i < looks->count; i++) {
        if (!status)
            status = note_look(f, &looks->list[i]);
        free(looks->list[i].path);
    }
    looks->count = 0;
    if (!status && f->params->interrupted && f->params->interrupted(f->params->user))
        status = CUBBY_INTERRUPTED;
    return status;
}

// Takes the path over.
static enum cubby_status add_look(struct finder *f, struct looks *looks, char *path, uint32_t file)
{
    looks->list[looks->count++] = (struct look){.finder = f, .path = path, .file = file};
    return looks->count == BATCH ? flush(f, looks) : CUBBY_OK;
}

static bool is_same_link(const struct fs *fs, const char *path, const char *content)
{
    char *found = NULL;
    bool same = fs->read_link(fs, path, &found) == 0 && !strcmp(found, content);
    free(found);
    return same;
}

// Looks at a filed file's place; what is not clear without reading is added to `looks`.
static enum cubby_status look_at_place(struct finder *f, struct looks *looks, uint32_t index)
{
    const struct fs *fs = f->params->fs;
    struct moved_file *file = &f->moved->files[index];
    char *path = path_join(f->params->output, file->target);
    struct fs_stat stat, followed;
    if (!path)
        return CUBBY_NO_MEMORY;
    bool there = fs->lstat(fs, path, &stat) == 0, read = false;
    if (there && stat.is_symlink) {
        file->in_place = file->link && is_same_link(fs, path, file->link);
        read = !file->in_place && fs->stat(fs, path, &followed) == 0 && followed.is_file;
    } else if (there && stat.is_file) {
        bool same = stat.size_bytes == file->size_bytes && stat.mtime_ns == file->mtime_ns;
        // Systems that number files say that it is still the same one.
        file->in_place = same && file->filing && file->inode && stat.inode == file->inode;
        read = !file->in_place;
    }
    file->changed = there && !file->in_place;
    free(path);
    if (!read)
        return CUBBY_OK;
    char *copy = strdup(file->target);
    return copy ? add_look(f, looks, copy, index) : CUBBY_NO_MEMORY;
}

static enum cubby_status look_at_places(struct finder *f)
{
    struct looks looks = {.count = 0};
    enum cubby_status status = CUBBY_OK;
    for (uint32_t i = 0; i < f->moved->count && !status; i++) {
        uint64_t last;
        // Only one file can lie at a path: the newest of those that were filed there.
        bool ours =
            hash_table_find(&f->targets, text_key(f->moved->files[i].target), &last) && last == i;
        if (ours)
            status = look_at_place(f, &looks, i);
    }
    enum cubby_status flushed = flush(f, &looks);
    return status ? status : flushed;
}

// A file that the scan found: not one whose place it is, and perhaps one that is known.
static enum cubby_status look_at_found(struct finder *f, struct looks *looks,
                                       const struct photo *found)
{
    const char *below = path_below(found->path, f->params->output);
    uint64_t index;
    if (!below || !below[0] || hash_table_find(&f->targets, text_key(below), &index))
        return CUBBY_OK;
    char *path = strdup(below);
    if (!path)
        return CUBBY_NO_MEMORY;
    struct photo_hash size = photo_hash_bytes(&found->size_bytes, sizeof(found->size_bytes));
    const bool may_be_ours = hash_table_find(&f->sizes, size, NULL);
    if (may_be_ours && found->is_away) { // reading it would download it
        cubby_log(f->params->log, CUBBY_LOG_WARNING, "%s is not on this disk, and not looked at",
                  found->path);
        f->moved->unreadable++;
        free(path);
        return CUBBY_OK;
    }
    if (may_be_ours)
        return add_look(f, looks, path, MOVED_NONE);
    enum cubby_status status = add_stranger(f, &path);
    free(path);
    return status;
}

static enum cubby_status look_around(struct finder *f, struct scan *scan)
{
    struct looks looks = {.count = 0};
    enum cubby_status status = CUBBY_OK;
    while (!status) {
        struct photo *photo = NULL;
        status = scan_next(scan, &photo);
        if (status || !photo)
            break;
        if (photo->status == PHOTO_PENDING)
            status = look_at_found(f, &looks, photo);
        photo_free(&photo);
    }
    enum cubby_status flushed = flush(f, &looks);
    return status ? status : flushed;
}

// Whether a name of the output folder is gone through.
static bool is_searched(const struct fs *fs, const char *path, const char *name)
{
    struct fs_stat stat;
    return strcmp(name, CATALOGUE_FOLDER) != 0 && !fs->is_hidden(fs, path) &&
           fs->stat(fs, path, &stat) == 0 &&
           (stat.is_file || (stat.is_folder && !scan_is_output(fs, path)));
}

static enum cubby_status search(struct finder *f)
{
    const struct fs *fs = f->params->fs;
    struct fs_names names;
    int error = fs->list(fs, f->params->output, &names);
    if (error) {
        cubby_log(f->params->log, CUBBY_LOG_ERROR, "\"%s\" cannot be read: %s", f->params->output,
                  fs_error_text(error));
        return fs_status(error);
    }
    enum cubby_status status = CUBBY_OK;
    for (size_t i = 0; i < names.count && !status; i++) {
        char *path = path_join(f->params->output, names.names[i]);
        struct scan *scan = NULL;
        if (!path) {
            status = CUBBY_NO_MEMORY;
        } else if (is_searched(fs, path, names.names[i])) {
            const struct scan_params params = {.roots = (const char *const *)&path,
                                               .root_count = 1,
                                               .fs = fs,
                                               .log = f->params->log};
            status = scan_create(&scan, &params);
            if (!status)
                status = look_around(f, scan);
            scan_destroy(&scan);
        }
        free(path);
    }
    fs_names_free(&names);
    return status;
}

// ---- files with the same content

// Files that had one content may be many, sidecars above all; each place goes to one of them.
struct sharing {
    struct moved *moved;
    const struct hash_table *contents; // to their first files
    struct hash_table photos;          // of photos' ids, to their own files
    struct hash_table places;          // of paths, to places
    uint32_t *chosen;                  // owned; of each file, MOVED_NONE: none yet
};

// The first file of the same content; *shared: there are several.
static uint32_t first_of(const struct sharing *s, uint32_t index, bool *shared)
{
    const struct moved_file *file = &s->moved->files[index];
    uint64_t first = index;
    hash_table_find(s->contents, content_key(file->hash, file->size_bytes), &first);
    *shared = first != index || file->next != MOVED_NONE;
    return (uint32_t)first;
}

// Where the file's photo is; NULL: nowhere.
static const char *photo_place(const struct sharing *s, const struct moved_file *file)
{
    uint64_t own;
    struct photo_hash key = photo_hash_bytes(&file->photo, sizeof(file->photo));
    if (!hash_table_find(&s->photos, key, &own))
        return NULL;
    const struct moved_file *photo = &s->moved->files[own];
    bool chosen = !photo->in_place && s->chosen[own] != MOVED_NONE;
    return chosen ? s->moved->places[s->chosen[own]].path : moved_where(s->moved, photo);
}

// The place where the file is if it went along with its photo: beside that, under its old name.
static uint32_t place_beside(const struct sharing *s, const struct moved_file *file)
{
    const char *photo = photo_place(s, file);
    char *folder = photo ? path_parent(photo) : NULL;
    char *name = path_base(file->target);
    bool top = folder && !strcmp(folder, ".");
    char *path = folder && name ? path_join(top ? "" : folder, name) : NULL;
    uint64_t place = MOVED_NONE;
    if (path)
        hash_table_find(&s->places, text_key(path), &place);
    free(path);
    free(name);
    free(folder);
    return (uint32_t)place;
}

static void choose(struct sharing *s, uint32_t index, bool beside)
{
    struct moved *moved = s->moved;
    struct moved_file *file = &moved->files[index];
    bool shared;
    uint32_t first = first_of(s, index, &shared);
    if (!shared || file->in_place || s->chosen[index] != MOVED_NONE)
        return;
    uint32_t place = MOVED_NONE;
    if (beside) {
        place = place_beside(s, file);
    } else { // what is left, one after the other
        uint32_t *pool = &moved->files[first].elsewhere;
        while (*pool != MOVED_NONE && moved->places[*pool].taken)
            *pool = moved->places[*pool].next;
        place = *pool;
    }
    if (place == MOVED_NONE || moved->places[place].taken || moved->places[place].file != first)
        return;
    moved->places[place].taken = true;
    s->chosen[index] = place;
}

static void keep_choices(struct sharing *s)
{
    for (uint32_t i = 0; i < s->moved->count; i++) {
        bool shared;
        first_of(s, i, &shared);
        if (!shared)
            continue;
        s->moved->files[i].elsewhere = s->chosen[i];
        if (s->chosen[i] != MOVED_NONE)
            s->moved->places[s->chosen[i]].next = MOVED_NONE;
    }
}

static enum cubby_status share_places(struct finder *f)
{
    struct moved *moved = f->moved;
    struct sharing s = {.moved = moved, .contents = &f->contents};
    enum cubby_status status = CUBBY_OK;
    s.chosen = malloc((moved->count + 1) * sizeof(*s.chosen));
    if (!s.chosen)
        status = CUBBY_NO_MEMORY;
    for (uint32_t i = 0; i < moved->count && !status; i++) {
        s.chosen[i] = MOVED_NONE;
        struct photo_hash key = photo_hash_bytes(&moved->files[i].photo, sizeof(int64_t));
        if (!moved->files[i].member)
            status = hash_table_add(&s.photos, key, i);
    }
    for (uint32_t i = 0; i < moved->place_count && !status; i++)
        status = hash_table_add(&s.places, text_key(moved->places[i].path), i);
    // Photos before what follows them, and what is sure before what is left.
    for (uint32_t i = 0; i < moved->count && !status; i++)
        if (!moved->files[i].member)
            choose(&s, i, false);
    for (uint32_t i = 0; i < moved->count && !status; i++)
        if (moved->files[i].member)
            choose(&s, i, true);
    for (uint32_t i = 0; i < moved->count && !status; i++)
        choose(&s, i, false);
    if (!status)
        keep_choices(&s);
    hash_table_fini(&s.photos);
    hash_table_fini(&s.places);
    free(s.chosen);
    return status;
}

enum cubby_status moved_find(struct moved *out, const struct moved_params *params)
{
    *out = (struct moved){0};
    struct finder finder = {.params = params, .moved = out};
    enum cubby_status status =
        parallel_create(&finder.threads, params->threads ? params->threads : 1);
    if (!status)
        status = add_filings(&finder);
    if (!status)
        status = add_photos(&finder);
    if (!status)
        status = look_at_places(&finder);
    if (!status)
        status = search(&finder);
    if (!status)
        status = share_places(&finder);
    parallel_destroy(&finder.threads);
    hash_table_fini(&finder.contents);
    hash_table_fini(&finder.targets);
    hash_table_fini(&finder.sizes);
    return status;
}
