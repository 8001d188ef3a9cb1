#include "scan.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "groups.h"
#include "hash.h"
#include "hash_table.h"
#include "platform/names.h"
#include "platform/path.h"

// A name that comes with its photo.
struct follower {
    size_t leader, name; // indices of names
};

// A folder that is being gone through.
struct frame {
    char *path;            // owned
    char *relative;        // owned, "" for the only root
    char *real;            // owned, links resolved
    struct fs_names names; // owned
    size_t next;
    struct photo_hash identity; // of device and inode
    size_t *leader;             // owned; of each name; NULL: all names are by themselves
    struct follower *followers; // owned, by leader, then name
    size_t follower_count;
    size_t waiting,
        waiting_end; // followers whose photo cannot take them, some of which were passed
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
    struct hash_table entered; // the real paths of all folders that were entered
    bool groups;
    bool online;
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
    free(frame->leader);
    free(frame->followers);
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
    hash_table_fini(&s->entered);
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
    scan->groups = params->groups;
    scan->online = params->online;

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

// Whether the folder was entered before. The real path tells; numbers of devices and inodes are
// only asked about the folders that are open, where they end loops, since some network file systems
// give several folders the same.
static bool seen(const struct scan *scan, struct photo_hash real, struct photo_hash identity,
                 bool through_link)
{
    for (size_t i = 0; through_link && i < scan->depth; i++)
        if (photo_hash_equal(scan->frames[i].identity, identity))
            return true;
    return hash_table_find(&scan->entered, real, NULL);
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

static int compare_followers(const void *a, const void *b)
{
    const struct follower *x = a, *y = b;
    if (x->leader != y->leader)
        return x->leader < y->leader ? -1 : 1;
    return (x->name > y->name) - (x->name < y->name);
}

static enum cubby_status find_groups(struct frame *frame)
{
    const char *const *names = (const char *const *)frame->names.names;
    enum cubby_status status = groups_find(names, frame->names.count, &frame->leader);
    if (status)
        return status;
    for (size_t i = 0; i < frame->names.count; i++)
        frame->follower_count += frame->leader[i] != GROUPS_ALONE;
    if (frame->follower_count == 0) { // most folders: nothing to remember
        free(frame->leader);
        frame->leader = NULL;
        return CUBBY_OK;
    }
    frame->followers = calloc(frame->follower_count, sizeof(*frame->followers));
    if (!frame->followers)
        return CUBBY_NO_MEMORY;
    for (size_t i = 0, next = 0; i < frame->names.count; i++)
        if (frame->leader[i] != GROUPS_ALONE)
            frame->followers[next++] = (struct follower){frame->leader[i], i};
    qsort(frame->followers, frame->follower_count, sizeof(*frame->followers), compare_followers);
    return CUBBY_OK;
}

// The paths of the folder to step into.
static enum cubby_status frame_init(struct frame *frame, const struct scan *scan, const char *path,
                                    const char *relative, bool through_link)
{
    frame->path = strdup(path);
    frame->relative = strdup(relative);
    if (through_link || scan->depth == 0) {
        frame->real = path_real(path);
    } else {
        char *base = path_base(path);
        frame->real = base ? path_join(scan->frames[scan->depth - 1].real, base) : NULL;
        free(base);
    }
    return frame->path && frame->relative && frame->real ? CUBBY_OK : CUBBY_NO_MEMORY;
}

// Whether the folder is one that is not gone into, which is said.
static bool passed_over(const struct scan *scan, const struct frame *frame, bool through_link)
{
    bool is_root = scan->depth == 0;
    if (scan->output && path_is_inside(frame->real, scan->output)) {
        if (is_root)
            cubby_log(scan->log, CUBBY_LOG_WARNING,
                      "\"%s\" is passed over, because it is the folder that is written to",
                      frame->path);
        return true;
    }
    struct photo_hash real = photo_hash_bytes(frame->real, strlen(frame->real));
    if (!seen(scan, real, frame->identity, through_link))
        return false;
    cubby_log(scan->log, is_root ? CUBBY_LOG_INFO : CUBBY_LOG_DEBUG,
              "\"%s\" leads to a folder that was already seen", frame->path);
    return true;
}

static enum cubby_status list(struct scan *scan, struct frame *frame, bool *entered)
{
    int result = scan->fs->list(scan->fs, frame->path, &frame->names);
    if (result) {
        unreadable(scan, frame->path, fs_error_text(result));
        return result == UV_ENOMEM ? CUBBY_NO_MEMORY : CUBBY_OK;
    }
    if (scan->depth > 0 && holds_mark(scan, frame)) {
        cubby_log(scan->log, CUBBY_LOG_INFO,
                  "\"%s\" is passed over, because cubby sorted photos into it", frame->path);
        return CUBBY_OK;
    }
    *entered = true;
    return scan->groups ? find_groups(frame) : CUBBY_OK;
}

// Steps into a folder, or passes it over.
static enum cubby_status enter(struct scan *scan, const char *path, const char *relative,
                               const struct fs_stat *stat, bool through_link)
{
    if (scan->depth > SCAN_MAX_DEPTH) {
        unreadable(scan, path, "it lies too deep");
        return CUBBY_OK;
    }
    struct frame frame = {.identity = identity_of(stat)};
    bool entered = false;
    enum cubby_status status = frame_init(&frame, scan, path, relative, through_link);
    if (!status && !passed_over(scan, &frame, through_link)) {
        struct photo_hash real = photo_hash_bytes(frame.real, strlen(frame.real));
        status = hash_table_add(&scan->entered, real, 0);
        if (!status)
            status = list(scan, &frame, &entered);
    }
    if (status || !entered)
        frame_fini(&frame);
    else
        scan->frames[scan->depth++] = frame;
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

// Looks at a member and adds it; *taken is false if it must come by itself.
static enum cubby_status take_member(const struct scan *scan, const struct frame *frame,
                                     size_t name, struct photo *photo, bool *taken)
{
    enum cubby_status status = CUBBY_NO_MEMORY;
    struct fs_stat stat;
    struct photo_member member = {.path = path_join(frame->path, frame->names.names[name]),
                                  .name = strdup(frame->names.names[name])};
    *taken = false;
    if (!member.path || !member.name)
        goto out;
    status = CUBBY_OK;
    int error = scan->fs->lstat(scan->fs, member.path, &stat);
    photo->torn |= error && error != UV_ENOENT;
    if (scan->fs->is_hidden(scan->fs, member.path) || error || !stat.is_file || stat.is_symlink ||
        (stat.is_away && !scan->online))
        goto out;
    member.size_bytes = stat.size_bytes;
    member.mtime_ns = stat.mtime_ns;
    member.atime_ns = stat.atime_ns;
    member.device = stat.device;
    member.inode = stat.inode;
    member.mode = stat.mode & 07777;
    photo->members[photo->member_count++] = member;
    *taken = true;
    return CUBBY_OK;

out:
    free(member.path);
    free(member.name);
    return status;
}

// The followers of a name: [*begin, *end).
static void find_followers(const struct frame *frame, size_t leader, size_t *begin, size_t *end)
{
    size_t low = 0, high = frame->follower_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (frame->followers[middle].leader < leader)
            low = middle + 1;
        else
            high = middle;
    }
    *begin = *end = low;
    while (*end < frame->follower_count && frame->followers[*end].leader == leader)
        (*end)++;
}

// What was to follow the name, now that it is known what it is: `photo` is NULL if it is none.
// Whatever does not go with it comes by itself: later names in their turn, earlier ones next.
static enum cubby_status settle_followers(const struct scan *scan, struct frame *frame,
                                          size_t leader, struct photo *photo)
{
    size_t begin, end;
    find_followers(frame, leader, &begin, &end);
    if (begin == end)
        return CUBBY_OK;
    bool takes = photo && photo->status == PHOTO_PENDING;
    if (takes) {
        photo->members = calloc(end - begin, sizeof(*photo->members));
        if (!photo->members)
            return CUBBY_NO_MEMORY;
    }
    frame->waiting = begin;
    frame->waiting_end = end;
    for (size_t i = begin; i < end; i++) {
        size_t name = frame->followers[i].name;
        bool taken = false;
        enum cubby_status status = takes ? take_member(scan, frame, name, photo, &taken) : CUBBY_OK;
        if (status)
            return status;
        if (!taken)
            frame->leader[name] = GROUPS_ALONE;
    }
    return CUBBY_OK;
}

static enum cubby_status visit_name(struct scan *scan, size_t index, struct photo **out)
{
    struct frame *frame = &scan->frames[scan->depth - 1]; // visiting may open a folder above it
    const char *name = frame->names.names[index];
    char *path = path_join(frame->path, name);
    char *relative = path_join(frame->relative, name);
    enum cubby_status status = CUBBY_OK;
    if (!path || !relative)
        status = CUBBY_NO_MEMORY;
    else if (!scan->fs->is_hidden(scan->fs, path))
        status = visit(scan, path, name, relative, out);
    if (!status && frame->leader)
        status = settle_followers(scan, frame, index, *out);
    if (status)
        photo_free(out);
    free(path);
    free(relative);
    return status;
}

// The next name in the open folder that comes by itself; false at the end.
static bool next_name(struct frame *frame, size_t *index)
{
    while (frame->waiting < frame->waiting_end) {
        const struct follower *follower = &frame->followers[frame->waiting++];
        *index = follower->name;
        if (follower->name < follower->leader && frame->leader[follower->name] == GROUPS_ALONE)
            return true;
    }
    while (frame->next < frame->names.count) {
        *index = frame->next++;
        if (!frame->leader || frame->leader[*index] == GROUPS_ALONE)
            return true;
    }
    return false;
}

enum cubby_status scan_next(struct scan *scan, struct photo **out)
{
    *out = NULL;
    enum cubby_status status = CUBBY_OK;
    while (!status && !*out) {
        if (scan->depth > 0) {
            struct frame *frame = &scan->frames[scan->depth - 1];
            size_t index;
            if (next_name(frame, &index)) {
                status = visit_name(scan, index, out);
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
