#include "scan.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "hash.h"
#include "hash_table.h"
#include "platform/names.h"
#include "platform/path.h"

// A folder that is being gone through.
struct frame {
    char *path;            // owned
    char *relative;        // owned, "" for the only root
    char *real;            // owned, links resolved
    struct fs_names names; // owned
    size_t next;
    struct photo_hash identity; // of device and inode
};

struct root {
    char *path; // owned
    char *name; // owned, what `relative` begins with
};

struct scan {
    const struct fs *fs;         // borrowed
    const struct cubby_log *log; // borrowed
    struct root *roots;          // owned
    size_t root_count, next_root;
    char *output;         // owned, links resolved; NULL: none
    struct frame *frames; // owned, SCAN_MAX_DEPTH + 1 of them
    size_t depth;
    struct hash_table followed; // identities of folders that links led to
    uint64_t sequence, unreadable;
};

static struct photo_hash identity_of(const struct fs_stat *stat)
{
    uint64_t numbers[2] = {stat->device, stat->inode};
    return photo_hash_bytes(numbers, sizeof(numbers));
}

static void frame_fini(struct frame *frame)
{
    free(frame->path);
    free(frame->relative);
    free(frame->real);
    fs_names_free(&frame->names);
    *frame = (struct frame){0};
}

void scan_destroy(struct scan **scan)
{
    struct scan *s = *scan;
    if (!s)
        return;
    while (s->depth > 0)
        frame_fini(&s->frames[--s->depth]);
    free(s->frames);
    for (size_t i = 0; s->roots && i < s->root_count; i++) {
        free(s->roots[i].path);
        free(s->roots[i].name);
    }
    free(s->roots);
    free(s->output);
    hash_table_fini(&s->followed);
    free(s);
    *scan = NULL;
}

static enum cubby_status root_failed(const struct scan *scan, const char *path, const char *what,
                                     int code)
{
    cubby_log(scan->log, CUBBY_LOG_ERROR, "\"%s\" %s: %s", path, what, fs_error_text(code));
    return code == UV_ENOMEM ? CUBBY_NO_MEMORY : CUBBY_IO;
}

static enum cubby_status check_root(const struct scan *scan, const char *path)
{
    struct fs_stat stat;
    int result = scan->fs->stat(scan->fs, path, &stat);
    if (result)
        return root_failed(scan, path, "cannot be looked at", result);
    if (!stat.is_folder)
        return CUBBY_OK;
    // Said now, before hours of work on the other roots.
    struct fs_names names;
    result = scan->fs->list(scan->fs, path, &names);
    if (result)
        return root_failed(scan, path, "cannot be read", result);
    fs_names_free(&names);
    return CUBBY_OK;
}

// The name that stands for a root in `relative`; "." and "/" have none of their own.
static char *root_name(struct hash_table *taken, const char *path)
{
    char *absolute = path_absolute(path);
    char *base = absolute ? path_base(absolute) : NULL;
    char *name = base ? names_claim(taken, base[0] ? base : "_", true) : NULL;
    free(base);
    free(absolute);
    return name;
}

static enum cubby_status add_roots(struct scan *scan, const struct scan_params *params)
{
    struct hash_table taken = {0};
    enum cubby_status status = CUBBY_NO_MEMORY;
    scan->roots = calloc(params->root_count ? params->root_count : 1, sizeof(*scan->roots));
    if (!scan->roots)
        goto out;
    for (size_t i = 0; i < params->root_count; i++) {
        struct root *root = &scan->roots[scan->root_count++];
        root->path = strdup(params->roots[i]);
        root->name = root->path ? root_name(&taken, root->path) : NULL;
        status = root->name ? check_root(scan, root->path) : CUBBY_NO_MEMORY;
        if (status)
            goto out;
        path_trim(root->path);
    }
    status = CUBBY_OK;

out:
    hash_table_fini(&taken);
    return status;
}

enum cubby_status scan_create(struct scan **out, const struct scan_params *params)
{
    *out = NULL;
    struct scan *scan = calloc(1, sizeof(*scan));
    if (!scan)
        return CUBBY_NO_MEMORY;
    scan->fs = params->fs;
    scan->log = params->log;

    enum cubby_status status = CUBBY_NO_MEMORY;
    scan->frames = calloc(SCAN_MAX_DEPTH + 1, sizeof(*scan->frames));
    if (!scan->frames)
        goto fail;
    if (params->output) {
        scan->output = path_real(params->output);
        if (!scan->output)
            goto fail;
    }
    status = add_roots(scan, params);
    if (status)
        goto fail;
    *out = scan;
    return CUBBY_OK;

fail:
    scan_destroy(&scan);
    return status;
}

uint64_t scan_unreadable_folders(const struct scan *scan)
{
    return scan->unreadable;
}

static void unreadable(struct scan *scan, const char *path, const char *why)
{
    scan->unreadable++;
    cubby_log(scan->log, CUBBY_LOG_WARNING, "the folder \"%s\" is left out: %s", path, why);
}

// Whether the folder is open above us, or was reached through a link before.
static bool seen(const struct scan *scan, struct photo_hash identity)
{
    for (size_t i = 0; i < scan->depth; i++)
        if (photo_hash_equal(scan->frames[i].identity, identity))
            return true;
    return hash_table_find(&scan->followed, identity, NULL);
}

bool scan_is_output(const struct fs *fs, const char *folder)
{
    char *mark = path_join(folder, SCAN_OUTPUT_MARK);
    struct fs_stat stat;
    bool found = mark && fs->lstat(fs, mark, &stat) == 0 && stat.is_folder;
    free(mark);
    return found;
}

static bool holds_mark(const struct scan *scan, const struct frame *frame)
{
    for (size_t i = 0; i < frame->names.count; i++) {
        if (strcmp(frame->names.names[i], SCAN_OUTPUT_MARK) != 0)
            continue;
        return scan_is_output(scan->fs, frame->path);
    }
    return false;
}

// Steps into a folder, or passes it over.
static enum cubby_status enter(struct scan *scan, const char *path, const char *relative,
                               const struct fs_stat *stat, bool through_link)
{
    struct photo_hash identity = identity_of(stat);
    if (through_link) {
        if (seen(scan, identity)) {
            cubby_log(scan->log, CUBBY_LOG_DEBUG, "\"%s\" leads to a folder that was already seen",
                      path);
            return CUBBY_OK;
        }
        if (hash_table_add(&scan->followed, identity, 0))
            return CUBBY_NO_MEMORY;
    }
    if (scan->depth > SCAN_MAX_DEPTH) {
        unreadable(scan, path, "it lies too deep");
        return CUBBY_OK;
    }

    enum cubby_status status = CUBBY_OK;
    struct frame frame = {.path = strdup(path), .relative = strdup(relative), .identity = identity};
    if (through_link || scan->depth == 0) {
        frame.real = path_real(path);
    } else {
        char *base = path_base(path);
        frame.real = base ? path_join(scan->frames[scan->depth - 1].real, base) : NULL;
        free(base);
    }
    if (!frame.path || !frame.relative || !frame.real) {
        status = CUBBY_NO_MEMORY;
        goto out;
    }
    if (scan->output && path_is_inside(frame.real, scan->output)) {
        if (scan->depth == 0)
            cubby_log(scan->log, CUBBY_LOG_WARNING,
                      "\"%s\" is passed over, because it is the folder that is written to", path);
        goto out;
    }
    int result = scan->fs->list(scan->fs, path, &frame.names);
    if (result) {
        unreadable(scan, path, fs_error_text(result));
        status = result == UV_ENOMEM ? CUBBY_NO_MEMORY : CUBBY_OK;
        goto out;
    }
    if (scan->depth > 0 && holds_mark(scan, &frame)) {
        cubby_log(scan->log, CUBBY_LOG_INFO,
                  "\"%s\" is passed over, because cubby sorted photos into it", path);
        goto out;
    }
    scan->frames[scan->depth++] = frame;
    return CUBBY_OK;

out:
    frame_fini(&frame);
    return status;
}

// The photo for one name, with what lstat or stat said.
static enum cubby_status make_photo(struct scan *scan, const char *path, const char *relative,
                                    const struct fs_stat *stat, struct photo **out)
{
    struct photo *photo = calloc(1, sizeof(*photo));
    if (!photo)
        return CUBBY_NO_MEMORY;
    photo->path = strdup(path);
    photo->relative = strdup(relative);
    if (!photo->path || !photo->relative) {
        photo_free(&photo);
        return CUBBY_NO_MEMORY;
    }
    photo->sequence = scan->sequence++;
    photo_set_stat(photo, stat);
    *out = photo;
    return CUBBY_OK;
}

// Looks at one name: enters a folder (*out stays NULL) or makes a photo.
static enum cubby_status visit(struct scan *scan, const char *path, const char *name,
                               const char *relative, struct photo **out)
{
    struct fs_stat stat;
    int result = scan->fs->lstat(scan->fs, path, &stat);
    bool is_link = result == 0 && stat.is_symlink;
    if (is_link)
        result = scan->fs->stat(scan->fs, path, &stat);
    if (result == 0 && stat.is_folder)
        return enter(scan, path, relative, &stat, is_link);

    enum cubby_status status = make_photo(scan, path, relative[0] ? relative : name, &stat, out);
    if (status)
        return status;
    if (is_link && (result == UV_ENOENT || result == UV_ELOOP || result == UV_ENOTDIR))
        photo_settle(*out, PHOTO_SKIPPED, "a link that leads nowhere");
    else if (result)
        photo_settle(*out, PHOTO_FAILED, "cannot be looked at: %s", fs_error_text(result));
    else if (!stat.is_file)
        photo_settle(*out, PHOTO_SKIPPED, "not a regular file");
    return CUBBY_OK;
}

static enum cubby_status visit_next_root(struct scan *scan, struct photo **out)
{
    const struct root *root = &scan->roots[scan->next_root++];
    return visit(scan, root->path, root->name, scan->root_count > 1 ? root->name : "", out);
}

static enum cubby_status visit_next_name(struct scan *scan, struct photo **out)
{
    struct frame *frame = &scan->frames[scan->depth - 1];
    const char *name = frame->names.names[frame->next++];
    char *path = path_join(frame->path, name);
    char *relative = path_join(frame->relative, name);
    enum cubby_status status = CUBBY_OK;
    if (!path || !relative)
        status = CUBBY_NO_MEMORY;
    else if (!scan->fs->is_hidden(scan->fs, path))
        status = visit(scan, path, name, relative, out);
    free(path);
    free(relative);
    return status;
}

enum cubby_status scan_next(struct scan *scan, struct photo **out)
{
    *out = NULL;
    enum cubby_status status = CUBBY_OK;
    while (!status && !*out) {
        if (scan->depth > 0) {
            struct frame *frame = &scan->frames[scan->depth - 1];
            if (frame->next < frame->names.count) {
                status = visit_next_name(scan, out);
            } else {
                frame_fini(frame);
                scan->depth--;
            }
        } else if (scan->next_root < scan->root_count) {
            status = visit_next_root(scan, out);
        } else {
            break;
        }
    }
    return status;
}
