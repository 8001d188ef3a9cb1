// One archive file while it is written: a temporary in the output folder, then its final name.
// Private to src/sink/archive*.c.
#ifndef SRC_SINK_ARCHIVE_PART_H
#define SRC_SINK_ARCHIVE_PART_H

#include "sink/archive_writer.h"
#include "sink/sink.h"

struct archive_part;

// The parts of a run, of which few files are open at once: the one that rested longest is closed
// and opened again at its end when its turn comes, since systems allow 512 (Windows) or 1024.
struct archive_parts {
    const struct sink_params *params; // borrowed
    struct archive_part **list;       // owned, as is each; in the order of their making
    size_t count;
    unsigned open_files;
    uint64_t clock, next_temporary;
};

struct archive_part {
    struct archive_parts *parts;  // borrowed
    struct catalogue_archive row; // owned; its `name` may change when it is published
    char *temporary, *final;      // owned, paths
    struct archive_writer *writer;
    int file; // < 0: resting
    uint64_t last_use;
    uint64_t planned_bytes, entries; // for deciding where the next part begins
    int error;                       // the first libuv code of a failed write
    bool named;                      // it has its final name, whatever came then
};

// Begins an archive: in the catalogue, committed, and as an empty temporary. *out belongs to
// `parts`.
enum cubby_status archive_part_begin(struct archive_part **out, struct archive_parts *parts,
                                     const char *folder, uint32_t number, const char *name);
enum cubby_status archive_part_add(struct archive_part *part, const char *name, uint64_t size_bytes,
                                   int64_t mtime_ns, const void *bytes);
// Whether entries of that size (with what they add) would make it too large.
bool archive_part_is_full(const struct archive_part *part, uint64_t planned_bytes,
                          uint64_t entries);
// Completes the temporary, makes it durable, compares it with the catalogue, and gives it its name.
// CUBBY_BAD_DATA: it differs; anything else but CUBBY_OK: as it says. The caller changes its
// photos' rows.
// If part->named is set, a failure came after that: recovery sees to its rows.
//   *wrong  CUBBY_BAD_DATA: what differs, in `reason` or static
enum cubby_status archive_part_publish(struct archive_part *part, const char **wrong,
                                       char reason[160]);
// Removes its temporary, if there is one, and frees it.
void archive_part_discard(struct archive_part *part);

#endif
