// Finds the files of a folder tree in a fixed order: folder by folder, names sorted by their
// bytes, depth first. Memory holds the current path's folders only, never the whole tree.
//
// Hidden files and folders (leading dot; the hidden attribute on Windows) and cubby's own output
// folders (those that hold .cubby/, and the one that is being written) are passed over. Symbolic
// links to files are followed. A folder that can be reached in several ways (links, a root inside
// another) is entered once, in the first of them. What is neither file nor folder (fifo, socket,
// device) is never opened: it comes settled as skipped. Roots come as they are, hidden or not.
//
// With `groups`, files that belong to a photo of the same folder (groups.h) come with it as its
// members, not by themselves: regular files only. What is anything else, cannot be looked at, or
// whose photo turns out to be no file comes by itself, after the photo. A file that is itself a
// root comes alone: who names one file means that one.
//
// `relative` is the path below the root folder; with several roots it begins with the root's own
// name ("2023/a.jpg"), numbered where two roots have the same name ("photos (2)/a.jpg").
#ifndef SRC_SCAN_H
#define SRC_SCAN_H

#include "engine/log.h"
#include "photo.h"
#include "platform/fs.h"

struct scan_params {
    const char *const *roots; // files or folders, borrowed for the scan's life
    size_t root_count;
    const char *output; // folder to pass over, may be NULL or not exist yet
    bool groups;        // photos come with the files that belong to them
    bool online;        // placeholders of files that are elsewhere (OneDrive) may be members, too
    const struct fs *fs;
    const struct cubby_log *log; // an unreadable folder is one warning and counted
};

#define SCAN_OUTPUT_MARK ".cubby" // the folder that only outputs of ours hold
// Whether cubby sorted photos into that folder.
bool scan_is_output(const struct fs *fs, const char *folder);

#define SCAN_MAX_DEPTH 1000u // folders below a root; deeper ones count as unreadable

struct scan;
// CUBBY_IO: a root does not exist or cannot be read (the log says which).
enum cubby_status scan_create(struct scan **out, const struct scan_params *params);
// The next file (the caller owns it, photo_free), with path, relative, size, times, mode, is_away
// and sequence set; *out is NULL at the end. A file that vanished meanwhile still comes, settled as
// failed.
enum cubby_status scan_next(struct scan *scan, struct photo **out);
uint64_t scan_unreadable_folders(const struct scan *scan);
void scan_destroy(struct scan **scan);

#endif
