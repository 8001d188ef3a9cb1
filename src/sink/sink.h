// Where decided photos go: class folders, archives per class, or nowhere (dry run).
//
// One thread calls a sink. Photos come in scan order; those that file() gets are decided: the sink
// is told the folder's name (a sanitised class name, or "unsure"). Filing is done in groups, so
// that one commit and one fsync of a folder serve many photos, and an archive's photos are safe
// only once the archive is. So a sink takes photos over, and shows each to settled() when its fate
// is known and durable: filed (or unsure, as it came), skipped (its content is there already),
// or failed. Photos of class folders are settled in the order in which they came; those in archives
// when their archive is published.
//
// The protocol, for each group (FILING: SQLite's and restic's, see README "How photos are kept
// safe"): write each photo under a temporary name in its target folder and fsync it; commit to the
// catalogue what is intended; publish without replacing; fsync the folders; note that it is done,
// which the next commit makes durable. recover.h puts right what a dead process left.
#ifndef SRC_SINK_SINK_H
#define SRC_SINK_SINK_H

#include "catalogue/catalogue.h"
#include "engine/log.h"
#include "photo.h"
#include "platform/fs.h"
#include "sink/archive_writer.h"

#define SINK_GROUP_PHOTOS 256u
#define SINK_GROUP_NS UINT64_C(1000000000)

struct sink;

struct sink_ops {
    // Files one photo under `folder`: status PHOTO_FILED or PHOTO_UNSURE, hash and size_bytes set.
    // Takes it over: *photo is NULL afterwards. photo->bytes may be NULL: then the source is read
    // again and must still have photo->hash. CUBBY_OK also when only this photo failed; anything
    // else ends the run (CUBBY_NO_SPACE, CUBBY_IO on the target). Then each photo that the sink
    // holds, this one too, has been settled: as failed, if it is not in place.
    enum cubby_status (*file)(struct sink *sink, struct photo **photo, const char *folder);
    // A photo that is settled already: recorded and shown to settled() in its turn.
    enum cubby_status (*pass)(struct sink *sink, struct photo **photo);
    // Called ten times a second: files what has waited for SINK_GROUP_NS. NULL: nothing waits.
    enum cubby_status (*tick)(struct sink *sink);
    // The end of a run; with `complete` false the run was stopped and will be continued: archives
    // that are not full are dropped, their photos stay decided in the catalogue. Leaves the
    // catalogue committed and no temporaries, whatever the result.
    enum cubby_status (*finish)(struct sink *sink, bool complete);
    // Frees; without finish(), temporaries are removed.
    void (*destroy)(struct sink *sink);
};

struct sink {
    const struct sink_ops *ops;
};

// Short for sink->ops->file(sink, ...); destroy takes NULL and clears the pointer.
enum cubby_status sink_file(struct sink *sink, struct photo **photo, const char *folder);
enum cubby_status sink_pass(struct sink *sink, struct photo **photo);
enum cubby_status sink_tick(struct sink *sink);
enum cubby_status sink_finish(struct sink *sink, bool complete);
void sink_destroy(struct sink **sink);

struct sink_params {
    const char *output;          // folder, absolute, borrowed; made when the first photo is filed
    const struct fs *fs;         // borrowed
    const struct cubby_log *log; // borrowed
    bool sync;                   // fsync files and folders
    struct catalogue *catalogue; // borrowed; NULL for the dry run
    int64_t run;                 // what filings belong to
    enum filing_how how;         // FILING_COPY, _LINK, _SYMLINK, _MOVE
    enum archive_kind kind;
    uint64_t part_bytes; // an archive over this begins a new part; 0: no limit
    // The photo is the sink's; its bytes may be gone. A failure ends the run.
    enum cubby_status (*settled)(void *user, const struct photo *photo);
    void *user;
};

enum cubby_status sink_folder_create(struct sink **out, const struct sink_params *params);
// One archive per folder name: DIR/<folder>.zip, with further parts as <folder>.002.zip and so on.
enum cubby_status sink_archive_create(struct sink **out, const struct sink_params *params);
// Decides names as sink_folder would, writes nothing.
enum cubby_status sink_dry_run_create(struct sink **out, const struct sink_params *params);

#endif
