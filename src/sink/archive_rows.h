// What the catalogue says about an archive's photos, changed for all of them. Private to src/sink.
#ifndef SRC_SINK_ARCHIVE_ROWS_H
#define SRC_SINK_ARCHIVE_ROWS_H

#include "catalogue/catalogue.h"
#include "sink/archive_writer.h"

// Called for each photo of the archive, in order, once its row is as it should be.
typedef enum cubby_status (*archive_rows_visit)(void *user, const struct photo *photo);

// The archive is published: its filings are done.
CUBBY_NODISCARD enum cubby_status archive_rows_done(struct catalogue *catalogue, int64_t archive,
                                                    archive_rows_visit visit, void *user);
// Nobody knows yet: `visit` sees its photos as failed, for `reason`; their rows stay.
CUBBY_NODISCARD enum cubby_status archive_rows_doubt(struct catalogue *catalogue, int64_t archive,
                                                     const char *reason, archive_rows_visit visit,
                                                     void *user);
// There is no such archive: its filings are forgotten, and its photos are decided but not filed;
// with a `reason` they have failed. `visit` may be NULL. The archive's own row goes, too.
CUBBY_NODISCARD enum cubby_status archive_rows_drop(struct catalogue *catalogue, int64_t archive,
                                                    const char *reason, archive_rows_visit visit,
                                                    void *user);
// The archive has another name: so have its photos.
CUBBY_NODISCARD enum cubby_status archive_rows_rename(struct catalogue *catalogue, int64_t archive,
                                                      const char *name);

// Reads the archive at `path` back and compares it with its filings, in order. *wrong is NULL if it
// is right, else a sentence's end (in `reason`, or static).
//   whole  NULL, or the hash of the file, *size_bytes its size
// CUBBY_NO_MEMORY, or what the catalogue says.
CUBBY_NODISCARD enum cubby_status archive_rows_compare(struct catalogue *catalogue, int64_t archive,
                                                       enum archive_kind kind, const struct fs *fs,
                                                       const char *path, struct photo_hash *whole,
                                                       uint64_t *size_bytes, const char **wrong,
                                                       char reason[160]);

// By the name's extension; false: none of ours.
bool archive_kind_of(const char *name, enum archive_kind *kind);

#endif
