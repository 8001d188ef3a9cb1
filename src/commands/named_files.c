#include "commands/named_files.h"

#include <stdlib.h>
#include <string.h>

void named_files_init(struct named_files *files, const char *const *names, size_t name_count,
                      const struct fs *fs, const struct cubby_log *log)
{
    *files = (struct named_files){.names = names, .name_count = name_count, .fs = fs, .log = log};
}

void named_files_fini(struct named_files *files)
{
    scan_destroy(&files->scan);
}

static enum cubby_status failed_photo(struct named_files *files, const char *name, int error,
                                      struct photo **out)
{
    struct photo *photo = calloc(1, sizeof(*photo));
    if (!photo)
        return CUBBY_NO_MEMORY;
    photo->path = strdup(name);
    photo->relative = strdup(name);
    if (!photo->path || !photo->relative) {
        photo_free(&photo);
        return CUBBY_NO_MEMORY;
    }
    photo->sequence = files->sequence++;
    photo_settle(photo, PHOTO_FAILED, "cannot be opened: %s", fs_error_text(error));
    *out = photo;
    return CUBBY_OK;
}

// Starts on the next name; *out is set if it cannot be opened.
static enum cubby_status open_next(struct named_files *files, struct photo **out)
{
    const char *name = files->names[files->next_name++];
    struct fs_stat stat;
    enum cubby_status status;
    int error = files->fs->stat(files->fs, name, &stat);
    if (error)
        return failed_photo(files, name, error, out);
    struct scan_params params = {.roots = &name,
                                 .root_count = 1,
                                 .online = files->online,
                                 .fs = files->fs,
                                 .log = files->log};
    status = scan_create(&files->scan, &params);
    if (status != CUBBY_IO)
        return status;
    files->unreadable_folders++; // the log has said so; the other names still count
    return CUBBY_OK;
}

static void close_scan(struct named_files *files)
{
    files->unreadable_folders += scan_unreadable_folders(files->scan);
    scan_destroy(&files->scan);
}

enum cubby_status named_files_next(struct named_files *files, struct photo **out)
{
    *out = NULL;
    for (;;) {
        enum cubby_status status = CUBBY_OK;
        if (files->scan) {
            status = scan_next(files->scan, out);
            if (status)
                return status;
            if (*out) {
                (*out)->sequence = files->sequence++;
                return CUBBY_OK;
            }
            close_scan(files);
        }
        if (files->next_name == files->name_count)
            return CUBBY_OK;
        status = open_next(files, out);
        if (status || *out)
            return status;
    }
}
