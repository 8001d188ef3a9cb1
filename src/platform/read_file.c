#include "platform/read_file.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

static enum cubby_status fail(enum cubby_status status, char *reason, size_t reason_bytes,
                              const char *text)
{
    snprintf(reason, reason_bytes, "%s", text);
    return status;
}

static enum cubby_status fail_io(char *reason, size_t reason_bytes, const char *what, int code)
{
    snprintf(reason, reason_bytes, "%s: %s", what, fs_error_text(code));
    return CUBBY_IO;
}

static bool held_still(const struct fs_stat *before, const struct fs_stat *after)
{
    return before->size_bytes == after->size_bytes && before->mtime_ns == after->mtime_ns;
}

// Reads exactly size_bytes and finds out that nothing follows.
static enum cubby_status read_all(const struct fs *fs, int file, uint8_t *bytes, size_t size_bytes,
                                  char *reason, size_t reason_bytes)
{
    size_t done = 0;
    for (;;) {
        // One byte more than the size, at the end, tells a file that grows.
        uint8_t extra;
        bool at_end = done == size_bytes;
        int64_t got =
            fs->read(fs, file, at_end ? &extra : bytes + done, at_end ? 1 : size_bytes - done);
        if (got < 0)
            return fail_io(reason, reason_bytes, "cannot be read", (int)got);
        if (at_end && got == 0)
            return CUBBY_OK;
        if (at_end)
            return fail(CUBBY_BAD_DATA, reason, reason_bytes, "grew while it was read");
        if (got == 0)
            return fail(CUBBY_BAD_DATA, reason, reason_bytes, "became shorter while it was read");
        done += (size_t)got;
    }
}

enum cubby_status read_file(const struct fs *fs, const char *path, uint64_t max_bytes,
                            uint8_t **bytes, size_t *size_bytes, struct fs_stat *stat, char *reason,
                            size_t reason_bytes)
{
    enum cubby_status status;
    struct fs_stat before, after;
    *bytes = NULL;
    *size_bytes = 0;

    int file = fs->open(fs, path, FS_READ);
    if (file < 0)
        return fail_io(reason, reason_bytes, "cannot be opened", file);
    int result = fs->fstat(fs, file, &before);
    if (result) {
        status = fail_io(reason, reason_bytes, "cannot be looked at", result);
        goto out;
    }
    if (!before.is_file) {
        status = fail(CUBBY_BAD_DATA, reason, reason_bytes, "not a regular file");
        goto out;
    }
    if ((max_bytes && before.size_bytes > max_bytes) || before.size_bytes >= SIZE_MAX / 2) {
        snprintf(reason, reason_bytes, "too large: %.1f MB, the limit is %.1f MB",
                 (double)before.size_bytes / 1e6, (double)max_bytes / 1e6);
        status = CUBBY_TOO_LARGE;
        goto out;
    }
    size_t size = (size_t)before.size_bytes;
    *bytes = malloc(size ? size : 1);
    if (!*bytes) {
        status = fail(CUBBY_NO_MEMORY, reason, reason_bytes, "out of memory");
        goto out;
    }
    status = read_all(fs, file, *bytes, size, reason, reason_bytes);
    if (status)
        goto out;
    // The same size and time after as before: else these bytes may be half old, half new.
    result = fs->fstat(fs, file, &after);
    if (result)
        status = fail_io(reason, reason_bytes, "cannot be looked at", result);
    else if (!held_still(&before, &after))
        status = fail(CUBBY_BAD_DATA, reason, reason_bytes, "changed while it was read");
    *size_bytes = size;
    if (stat)
        *stat = before;

out:
    fs->close(fs, file);
    if (status) {
        free(*bytes);
        *bytes = NULL;
        *size_bytes = 0;
    }
    return status;
}
