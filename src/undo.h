// Takes back what the last sort did to an output folder.
//
// Copies, links and archives are removed if they are still what was filed; moved files go back to
// where they were; copies that were renamed by a later sort get their old name. What a person has
// changed, moved or replaced since is kept, and named; what `cubby correct` has noted of moves is
// taken back from where it is now, and what it says of classes stays. Each step is durable before
// the catalogue forgets it, so an undo that is killed is continued by running it again. What was
// kept, but could be taken back another time (a disk is away, a name is taken), stays in the
// catalogue.
#ifndef SRC_UNDO_H
#define SRC_UNDO_H

#include "catalogue/catalogue.h"

struct undo_counts {
    uint64_t removed;  // files that are gone from the output
    uint64_t restored; // moved files that are back in their place
    uint64_t renamed;  // have their earlier name in the output again
    uint64_t kept;     // left as they are, because a person was there
    uint64_t left;     // of those, the ones that another undo could take back
};

struct undo_params {
    const char *output; // folder, absolute
    struct catalogue *catalogue;
    const struct fs *fs;
    const struct cubby_log *log;
    bool sync;
    bool dry_run; // look and say, change nothing
    // Who undoes. Moved files of a run with another origin are kept, and of its folders only those
    // in the output are touched, unless `trust` says that the catalogue is what it claims to be.
    struct photo_hash origin;
    bool trust;
    // Called for each file: `done` is "removed", "restored", "renamed" or "kept", `reason` why it
    // was kept, else "". `target` is below the output. A failure ends the undo.
    enum cubby_status (*told)(void *user, const struct filing *filing, const char *done,
                              const char *reason);
    void *user;
    bool (*interrupted)(void *user); // NULL, or true once it should end after the step at hand
};

// The run that would be taken back: the newest, or if all were, the last of which something is
// left. run->id 0: there is none. It is the caller's.
CUBBY_NODISCARD enum cubby_status undo_find(struct catalogue_run *run,
                                            const struct undo_params *params);
// Takes that run back. *last: nothing is left of any run, so that nothing speaks for the catalogue.
//   CUBBY_INTERRUPTED  what was done so far is committed
CUBBY_NODISCARD enum cubby_status undo_run(const struct catalogue_run *run,
                                           const struct undo_params *params,
                                           struct undo_counts *counts, bool *last);
// The folders that a run made or changed. List them before undo_run().
struct undo_folders {
    struct catalogue_folder *list; // owned, what was made last comes first
    size_t count;
};
CUBBY_NODISCARD enum cubby_status undo_list_folders(struct undo_folders *out, int64_t run,
                                                    const struct undo_params *params);
// When all else is done and the catalogue closed: removes the folders that the run made if they
// are empty, and gives the others their times back.
void undo_restore_folders(const struct undo_folders *folders, const struct catalogue_run *run,
                          const struct undo_params *params);
void undo_folders_fini(struct undo_folders *folders);

#endif
