// Where settled photos go: class folders, one archive per class, or nowhere (dry run).
//
// One thread calls a sink. Photos arrive in scan order, already decided: the sink is told the
// folder name (a sanitised class name, or "unsure"), files the photo there and fills in
// photo->filed_as, or settles it as failed or skipped (duplicate, already there). A photo that was
// filed keeps the status it came with: the caller settles it as filed or unsure, before or after.
//
// A photo in an archive is safe only once the archive is finished. So where sink_settles_late(),
// what file() says is no more than a plan: the account waits for finish(), and each photo is shown
// to confirm() before it is reported.
//
// The same content is filed once a run: a later photo with it is skipped, with the first one's path
// as the reason. photo->hash and size_bytes must be set.
#ifndef SRC_SINK_SINK_H
#define SRC_SINK_SINK_H

#include "engine/log.h"
#include "photo.h"
#include "platform/fs.h"

struct sink;

struct sink_ops {
    // Files one photo under `folder`. photo->bytes may be NULL: then the source is read again and
    // must still have photo->hash. CUBBY_OK also when only this photo failed (photo->status says
    // so); anything else ends the run (CUBBY_NO_SPACE, CUBBY_IO on the target).
    enum cubby_status (*file)(struct sink *sink, struct photo *photo, const char *folder);
    // Finishes and publishes archives; nothing half-written stays under a final name. One that
    // fails takes none of the others with it.
    enum cubby_status (*finish)(struct sink *sink);
    // NULL, or for sinks that settle late, called after finish() for each photo that file() got, or
    // a copy of it without its bytes: one whose archive failed is settled as failed, also if it was
    // skipped as a duplicate of a photo in there; filed_as is put right.
    enum cubby_status (*confirm)(struct sink *sink, struct photo *photo);
    // Frees; without finish(), unfinished temporaries are removed.
    void (*destroy)(struct sink *sink);
};

struct sink {
    const struct sink_ops *ops;
};

// Short for sink->ops->file(sink, ...); destroy takes NULL and clears the pointer.
enum cubby_status sink_file(struct sink *sink, struct photo *photo, const char *folder);
enum cubby_status sink_finish(struct sink *sink);
bool sink_settles_late(const struct sink *sink);
enum cubby_status sink_confirm(struct sink *sink, struct photo *photo);
void sink_destroy(struct sink **sink);

struct sink_params {
    const char *output;          // folder, borrowed; made when the first photo is filed
    const struct fs *fs;         // borrowed
    const struct cubby_log *log; // borrowed
    bool sync;                   // fsync files and folders
};

enum cubby_status sink_folder_create(struct sink **out, const struct sink_params *params);
// One archive per folder name: DIR/<folder>.zip, photos stored as they are. Entries are complete
// only in finish(): then each archive is read back, compared and published, as "<folder> (2).zip"
// where an earlier run's archive is in the way. Any number of classes: files are opened again when
// too many would be open.
enum cubby_status sink_zip_create(struct sink **out, const struct sink_params *params);
// Decides names as sink_folder would, writes nothing.
enum cubby_status sink_dry_run_create(struct sink **out, const struct sink_params *params);

#endif
