// Taking one filed file back: what an undo does on the disk. Private to src/undo*.c.
//
// Nothing is removed or renamed before its content was read and compared. What cannot be looked at
// or read is neither gone nor changed: it is kept for now, and another undo tries it again.
#ifndef SRC_UNDO_FILES_H
#define SRC_UNDO_FILES_H

#include "hash.h"
#include "hash_table.h"
#include "undo.h"

struct undo {
    const struct undo_params *params;
    struct undo_counts *counts;
    const struct catalogue_run *run; // of the filing at hand
    bool trusted;                    // it was this user's, on this computer
    struct photo_hasher *hasher;     // owned, scratch
    struct hash_table seen;          // folders that wait for a sync
    char **folders;                  // owned, as is each
    size_t folder_count;
    struct hash_table swept; // folders outside of the output without temporaries of dead processes
    uint64_t next_temporary;
    int unknown; // libuv code: something could not be looked at since take_back began
};

// What became of one file.
struct outcome {
    const char *done; // "removed", "restored", "renamed", "kept", or "gone": there is none
    char reason[160]; // why it was kept
    bool later;       // kept, but another undo may be able to take it back: it is not forgotten
    int error;        // a libuv code that ends the undo; the log has said it
};

struct outcome undo_file(struct undo *u, const struct filing *filing);
// The same for a whole archive. `originals` false: a photo in it has no original any more.
struct outcome undo_archive_file(struct undo *u, const struct catalogue_archive *archive,
                                 bool originals);

// Whether the original of a photo in an archive can be had without the archive.
bool undo_has_original(struct undo *u, const struct filing *filing);

// All that was changed on the disk becomes durable.
CUBBY_NODISCARD enum cubby_status undo_sync_folders(struct undo *u);
void undo_forget_folders(struct undo *u);

// ---- undo_placed.c: what a person has placed, and `cubby correct` has noted

// Whether the filing's file lies where a person put its photo. *correction is the caller's; its id
// is 0 if not.
CUBBY_NODISCARD enum cubby_status undo_find_placed(struct undo *u, const struct filing *filing,
                                                   struct catalogue_correction *correction);

#endif
