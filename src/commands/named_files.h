// The files that were named on a command line, in that order; folders stand for what is in them.
// Unlike a scan of all of them, a name that cannot be opened is one failed photo, not the end.
#ifndef SRC_COMMANDS_NAMED_FILES_H
#define SRC_COMMANDS_NAMED_FILES_H

#include "scan.h"

struct named_files {
    const char *const *names; // borrowed, as the rest
    size_t name_count, next_name;
    const struct fs *fs;
    const struct cubby_log *log;
    bool online;                 // as in struct scan_params
    struct scan *scan;           // owned, of the current name; NULL: between names
    uint64_t sequence;           // of the next photo
    uint64_t unreadable_folders; // of the scans that are over
};

void named_files_init(struct named_files *files, const char *const *names, size_t name_count,
                      const struct fs *fs, const struct cubby_log *log);
void named_files_fini(struct named_files *files);
// As scan_next().
enum cubby_status named_files_next(struct named_files *files, struct photo **out);

#endif
