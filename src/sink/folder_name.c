// Giving one file its name, and finding out whether it has it. See group.h.
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "sink/group.h"

// 0, why the source cannot be looked at, or UV_EAGAIN: it is not what was classified.
//   identity  the filing's device and inode are the source's, not a temporary's
int folder_look_at_source(const struct folder_sink *sink, const struct filing *filing,
                          bool identity)
{
    struct fs_stat stat;
    int error = sink->params.fs->stat(sink->params.fs, filing->source, &stat);
    if (error)
        return error;
    bool same =
        stat.is_file && stat.size_bytes == filing->size_bytes && stat.mtime_ns == filing->mtime_ns;
    // Another file may have been put in its place with the same size and time.
    if (identity && filing->inode && stat.inode)
        same = same && stat.inode == filing->inode && stat.device == filing->device;
    return same ? 0 : UV_EAGAIN;
}

bool folder_uses_source(const struct filing *filing)
{
    return !filing->temporary && filing->how != FILING_RELOCATE;
}

// What is renamed to the target. malloc'd.
static char *renamed_path(const struct folder_sink *sink, const struct filing *filing)
{
    if (filing->temporary || filing->how == FILING_RELOCATE)
        return folder_sink_path(sink, filing->temporary ? filing->temporary : filing->source);
    return strdup(filing->source);
}

// Whether a rename that reported a failure has happened all the same, as network file systems may
// have it: the file has its new name, and not the old one.
static bool has_happened(const struct folder_sink *sink, const struct filing *filing,
                         const char *target)
{
    struct fs_stat old, new;
    const struct fs *fs = sink->params.fs;
    if (filing->how == FILING_LINK || filing->how == FILING_SYMLINK)
        return false;
    char *from = renamed_path(sink, filing);
    bool happened =
        from && fs->lstat(fs, from, &old) == UV_ENOENT && fs->lstat(fs, target, &new) == 0 &&
        new.is_file &&new.inode &&new.inode == filing->inode &&new.device == filing->device;
    free(from);
    return happened;
}

// The same where nobody can tell.
bool folder_may_have_name(const struct folder_sink *sink, const struct filing *filing)
{
    struct fs_stat stat;
    if (filing->temporary || filing->how == FILING_COPY || filing->how == FILING_LINK ||
        filing->how == FILING_SYMLINK)
        return false; // the source is there, whatever happened
    char *from = renamed_path(sink, filing);
    bool gone = !from || sink->params.fs->lstat(sink->params.fs, from, &stat) != 0;
    free(from);
    return gone;
}

int folder_give_name(struct folder_sink *sink, const struct filing *filing, const char *target)
{
    const struct fs *fs = sink->params.fs;
    if (!filing->temporary && filing->how == FILING_LINK)
        return fs->link(fs, filing->source, target);
    if (!filing->temporary && filing->how == FILING_SYMLINK)
        return fs->symlink(fs, filing->source, target);
    char *from = renamed_path(sink, filing);
    int result = from ? fs->publish(fs, from, target) : UV_ENOMEM;
    free(from);
    return result && has_happened(sink, filing, target) ? 0 : result;
}
