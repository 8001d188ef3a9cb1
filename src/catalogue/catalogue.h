// The memory of an output folder: DIR/.cubby/catalogue.sqlite, one SQLite file in WAL mode, which
// any tool opens. It says of every photo what was decided and where it is, of every file that cubby
// put in place how it came there, and of every run what its settings were. Resume, undo, verify,
// sorting anew at another threshold and the report are queries on it.
//
// Changes gather in a transaction that begins by itself; catalogue_commit() makes them durable.
// What was not committed is as if it had never been. The caller commits
//   - what it intends (a filing with FILING_INTENDED) before it gives a file its final name,
//   - that it is done (FILING_DONE) any time after the name is durable: catalogue and folder are
//     compared when the catalogue is next opened for sorting (sink/recover.h).
//
// Any thread may call; calls take turns. One process at a time has a catalogue open
// (output_lock.h), which is why it needs no shared memory and works on network folders, too.
//
// Unless said otherwise functions return CUBBY_OK, or after the log has said what is wrong
//   CUBBY_BAD_DATA     the file is damaged or no catalogue of ours
//   CUBBY_UNSUPPORTED  a newer cubby made it
//   CUBBY_NO_SPACE, CUBBY_NO_MEMORY, CUBBY_IO
#ifndef SRC_CATALOGUE_CATALOGUE_H
#define SRC_CATALOGUE_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/log.h"
#include "engine/status.h"
#include "photo.h"
#include "platform/fs.h"

#define CATALOGUE_FOLDER ".cubby"            // below the output folder; all in it is cubby's
#define CATALOGUE_FILE "catalogue.sqlite"    // below that
#define CATALOGUE_SCHEMA 3                   // PRAGMA user_version
#define CATALOGUE_APPLICATION_ID 0x63756262u // PRAGMA application_id, "cubb"

struct catalogue;

struct catalogue_params {
    const char *output;          // folder, absolute; made if need be and `create`
    const struct fs *fs;         // for folders only: SQLite has its own file operations
    const struct cubby_log *log; // borrowed
    bool create;                 // else, where there is none: CUBBY_OK and *out NULL
    bool sync;                   // commits survive a power cut
    const char *vfs;             // SQLite's name of the file operations to use; NULL: the system's
};

// Opens it, brings an older schema up to date, and checks that it is what it claims to be.
CUBBY_NODISCARD enum cubby_status catalogue_open(struct catalogue **out,
                                                 const struct catalogue_params *params);
// Makes all changes since the last commit durable, in one step. Nothing to do costs nothing.
CUBBY_NODISCARD enum cubby_status catalogue_commit(struct catalogue *catalogue);
// Forgets what is not committed and closes. Takes NULL.
void catalogue_close(struct catalogue **catalogue);
// Everything in it, checked by SQLite (PRAGMA integrity_check). CUBBY_BAD_DATA: damaged.
CUBBY_NODISCARD enum cubby_status catalogue_check(struct catalogue *catalogue);

// Whether a name from the file stays below the output folder: relative, not empty, without "..".
// The file may have been put there by somebody else. Filings and photos are checked when they are
// read.
bool catalogue_is_below(const char *path);

// ---- runs: one sort, however often it was interrupted and continued

enum run_state {
    RUN_OPEN,     // not finished: the same command continues it
    RUN_FINISHED, // all that was found is settled
    RUN_UNDOING,  // being taken back: only `cubby undo` may go on
    RUN_UNDONE,   // taken back
};

struct catalogue_run {
    int64_t id; // 0: none
    enum run_state state;
    bool clean;                      // the last process that worked on it ended in good order
    int64_t started_ns, finished_ns; // since 1970 UTC; finished 0: not yet
    struct photo_hash model;         // of the model file
    struct photo_hash origin;        // computer and user that sorted; zero: not known
    char *model_name;                // owned, the file's name
    char *model_path;                // owned, absolute, where it lay then; NULL: not known
    double threshold;
    char *settings; // owned, a JSON object: what else must be the same to continue
    char **classes; // owned, as is each: what class indexes mean
    uint32_t class_count;
    char **roots; // owned, as is each: absolute, what was sorted
    uint32_t root_count;
};
void catalogue_run_fini(struct catalogue_run *run);
// Whether its settings say true to `key`.
bool catalogue_run_setting(const struct catalogue_run *run, const char *key);

// The newest run that was not undone; out->id is 0 if there is none.
CUBBY_NODISCARD enum cubby_status catalogue_last_run(struct catalogue *catalogue,
                                                     struct catalogue_run *out);
CUBBY_NODISCARD enum cubby_status catalogue_find_run(struct catalogue *catalogue, int64_t id,
                                                     struct catalogue_run *out);
// The run after `after` (0: the first), undone ones too; out->id is 0 at the end.
CUBBY_NODISCARD enum cubby_status catalogue_next_run(struct catalogue *catalogue, int64_t after,
                                                     struct catalogue_run *out);
// Adds a run (all but the id is the caller's) and sets run->id. Not committed.
CUBBY_NODISCARD enum cubby_status catalogue_add_run(struct catalogue *catalogue,
                                                    struct catalogue_run *run);
// Writes state, clean, finished_ns and roots of the run with run->id.
CUBBY_NODISCARD enum cubby_status catalogue_update_run(struct catalogue *catalogue,
                                                       const struct catalogue_run *run);
// Removes the run and what refers to it (filings, archives, folders); photos stay.
CUBBY_NODISCARD enum cubby_status catalogue_remove_run(struct catalogue *catalogue, int64_t id);

// ---- photos: one row per source path

// The photo of that path, as last put: id, run, archive, path, relative, size_bytes, mtime_ns,
// atime_ns, device, inode, mode, hash, top, class_name, status, filed_as, reason. *out is the
// caller's; NULL if there is none.
CUBBY_NODISCARD enum cubby_status catalogue_find_photo(struct catalogue *catalogue,
                                                       const char *path, struct photo **out);
// The same by its id.
CUBBY_NODISCARD enum cubby_status catalogue_get_photo(struct catalogue *catalogue, int64_t id,
                                                      struct photo **out);
// Adds the photo, or replaces the row of its path; sets photo->id. Rows keep their id, so that ids
// are in scan order. A photo whose filed_as is set counts as content that the output holds.
CUBBY_NODISCARD enum cubby_status catalogue_put_photo(struct catalogue *catalogue,
                                                      struct photo *photo);
CUBBY_NODISCARD enum cubby_status catalogue_remove_photo(struct catalogue *catalogue, int64_t id);
// The path of a photo with this content whose filed_as is set, malloc'd; NULL: there is none.
CUBBY_NODISCARD enum cubby_status catalogue_find_content(struct catalogue *catalogue,
                                                         struct photo_hash hash,
                                                         uint64_t size_bytes, char **path);

#define CATALOGUE_ANY (-1)
// Which photos; CATALOGUE_ANY where it does not matter.
struct catalogue_photos {
    int64_t run, archive;
    int status; // enum photo_status
};
// The first of them, by id, after `after` (0: the first of all); *out NULL at the end. The table
// may be changed between calls.
CUBBY_NODISCARD enum cubby_status catalogue_next_photo(struct catalogue *catalogue,
                                                       const struct catalogue_photos *which,
                                                       int64_t after, struct photo **out);
CUBBY_NODISCARD enum cubby_status catalogue_count_photos(struct catalogue *catalogue,
                                                         const struct catalogue_photos *which,
                                                         uint64_t *count);

// ---- filings: one row per file that a run put in place

enum filing_how {
    FILING_COPY,
    FILING_LINK,     // hard link
    FILING_SYMLINK,  // symbolic link
    FILING_MOVE,     // renamed from the source, or copied and the source then removed
    FILING_ARCHIVE,  // an entry of an archive
    FILING_RELOCATE, // an earlier filing's file, renamed inside the output
};

enum filing_state {
    FILING_INTENDED, // about to get its final name, or has it: recovery finds out
    FILING_DONE,     // in place and durable
    FILING_REPLACED, // in place until a later filing (its `replaces`) took the file elsewhere
};

struct filing {
    int64_t id, run, photo;
    int64_t archive;  // FILING_ARCHIVE: which; 0 otherwise
    int64_t replaces; // FILING_RELOCATE: the filing whose file it took; 0 otherwise
    uint32_t member;  // 0: the photo itself; from 1: what travels with it
    enum filing_how how;
    enum filing_state state;
    char *source;    // owned, absolute; FILING_RELOCATE: where it was, below the output
    char *target;    // owned, below the output; FILING_ARCHIVE: the entry's name in the archive
    char *temporary; // owned, below the output, what is renamed to target; NULL: the source is
    uint64_t size_bytes, device, inode; // of the file itself, as it will be at target
    int64_t mtime_ns, atime_ns;         // the source's
    uint32_t mode;                      // the source's
    struct photo_hash hash;
};
void filing_fini(struct filing *filing); // zeroes it

CUBBY_NODISCARD enum cubby_status catalogue_add_filing(struct catalogue *catalogue,
                                                       struct filing *filing); // sets id
CUBBY_NODISCARD enum cubby_status catalogue_set_filing_state(struct catalogue *catalogue,
                                                             int64_t id, enum filing_state state);
CUBBY_NODISCARD enum cubby_status catalogue_set_filing_target(struct catalogue *catalogue,
                                                              int64_t id, const char *target);
CUBBY_NODISCARD enum cubby_status catalogue_remove_filing(struct catalogue *catalogue, int64_t id);

struct catalogue_filings {
    int64_t run, photo, archive;
    int state; // enum filing_state
};
// The first of them by id after `after`, or with `backwards` the last before it (0: from the end).
// out->id is 0 at the end.
CUBBY_NODISCARD enum cubby_status catalogue_next_filing(struct catalogue *catalogue,
                                                        const struct catalogue_filings *which,
                                                        int64_t after, bool backwards,
                                                        struct filing *out);

CUBBY_NODISCARD enum cubby_status catalogue_find_filing(struct catalogue *catalogue, int64_t id,
                                                        struct filing *out); // out->id 0: none
// Where a filing's file came from before it was in the output: its source, or for a relocation that
// of the filing that it replaces, and so on. malloc'd; NULL if a link of that chain is missing.
CUBBY_NODISCARD enum cubby_status
catalogue_first_source(struct catalogue *catalogue, const struct filing *filing, char **source);

// The newest of these filings that is of the photo's member `source` (absolute); out->id is 0 if
// there is none. Members may have come and gone since, so their numbers say nothing.
CUBBY_NODISCARD enum cubby_status catalogue_member_filing(struct catalogue *catalogue,
                                                          const struct catalogue_filings *which,
                                                          const char *source, struct filing *out);

// Adds to photo->members what travelled with it and is in place: path and filed_as.
CUBBY_NODISCARD enum cubby_status catalogue_load_members(struct catalogue *catalogue,
                                                         struct photo *photo);

// ---- archives: one row per archive file (a part)

enum archive_state {
    ARCHIVE_WRITING,    // a temporary; what a dead process left of it is thrown away
    ARCHIVE_PUBLISHING, // complete, checked and durable as a temporary: only the name is missing
    ARCHIVE_DONE,
};

struct catalogue_archive {
    int64_t id, run;
    enum archive_state state;
    char *folder;           // owned, the class folder it stands for
    char *name;             // owned, below the output, final
    char *temporary;        // owned, below the output
    uint32_t part;          // from 1
    uint64_t size_bytes;    // from ARCHIVE_PUBLISHING on, as the next
    struct photo_hash hash; // of the whole file
};
void catalogue_archive_fini(struct catalogue_archive *archive); // zeroes it

CUBBY_NODISCARD enum cubby_status catalogue_add_archive(struct catalogue *catalogue,
                                                        struct catalogue_archive *archive);
// Writes state, name, size and hash.
CUBBY_NODISCARD enum cubby_status catalogue_update_archive(struct catalogue *catalogue,
                                                           const struct catalogue_archive *archive);
CUBBY_NODISCARD enum cubby_status catalogue_remove_archive(struct catalogue *catalogue, int64_t id);
// Archives in the order of their ids; run CATALOGUE_ANY: of all runs. out->id is 0 at the end.
CUBBY_NODISCARD enum cubby_status catalogue_next_archive(struct catalogue *catalogue, int64_t run,
                                                         int64_t after,
                                                         struct catalogue_archive *out);

// ---- folders that a run made or changed, so that undo can put them back

struct catalogue_folder {
    int64_t id, run;
    char *path; // owned, absolute
    bool made;  // by the run; else it was there, with these times:
    int64_t mtime_ns, atime_ns;
};
void catalogue_folder_fini(struct catalogue_folder *folder);
// The first note of a path in a run stays, later ones change nothing. Sets id if it was added.
CUBBY_NODISCARD enum cubby_status catalogue_add_folder(struct catalogue *catalogue,
                                                       struct catalogue_folder *folder);
// The last of the run's folders before `before` (0: the last of all): what was made last comes
// first. out->id is 0 at the end.
CUBBY_NODISCARD enum cubby_status catalogue_previous_folder(struct catalogue *catalogue,
                                                            int64_t run, int64_t before,
                                                            struct catalogue_folder *out);

// ---- corrections: where a person put a photo, by its content, whatever runs come and go

// One row per content. `cubby correct` writes them; a sort files the photo accordingly.
struct catalogue_correction {
    int64_t id; // 0: none
    struct photo_hash hash;
    uint64_t size_bytes;
    char *class_name; // owned; NULL: in no class (unsure/, or beside the class folders)
    char *before;     // owned, the class that it was sorted into; NULL: none
    char *place;      // owned, below the output, where it was seen
    int64_t seen_ns;  // since 1970 UTC
};
void catalogue_correction_fini(struct catalogue_correction *correction); // zeroes it

// Adds the row, or replaces the one of its content; sets id. Not committed.
CUBBY_NODISCARD enum cubby_status catalogue_put_correction(struct catalogue *catalogue,
                                                           struct catalogue_correction *correction);
// out->id is 0 if there is none.
CUBBY_NODISCARD enum cubby_status catalogue_find_correction(struct catalogue *catalogue,
                                                            struct photo_hash hash,
                                                            uint64_t size_bytes,
                                                            struct catalogue_correction *out);
// In the order of their ids, after `after` (0: the first of all); out->id is 0 at the end.
CUBBY_NODISCARD enum cubby_status catalogue_next_correction(struct catalogue *catalogue,
                                                            int64_t after,
                                                            struct catalogue_correction *out);

// Which photos a model (by its file's hash) was made from: its answers for those say nothing about
// how good it is. Not committed.
CUBBY_NODISCARD enum cubby_status catalogue_add_lesson(struct catalogue *catalogue,
                                                       struct photo_hash model,
                                                       struct photo_hash photo,
                                                       uint64_t size_bytes);
// What the model `base` was made from, `model` was, too.
CUBBY_NODISCARD enum cubby_status catalogue_inherit_lessons(struct catalogue *catalogue,
                                                            struct photo_hash base,
                                                            struct photo_hash model);
CUBBY_NODISCARD enum cubby_status catalogue_is_lesson(struct catalogue *catalogue,
                                                      struct photo_hash model,
                                                      struct photo_hash photo, uint64_t size_bytes,
                                                      bool *result);

#endif
