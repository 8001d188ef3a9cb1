// A folder's photos again and again until time is up: what bench feeds to the pipeline.
#ifndef SRC_COMMANDS_BENCH_PHOTOS_H
#define SRC_COMMANDS_BENCH_PHOTOS_H

#include <stdint.h>

#include "engine/log.h"
#include "photo.h"
#include "platform/fs.h"

struct bench_photos {
    char *folder;        // owned
    struct photo **list; // owned, settled ones left out
    size_t count;
    uint64_t next;  // handed out in this run
    uint64_t limit; // at most so many; 0: no limit
    double until;   // clock_seconds() when no more are handed out
};

// CUBBY_BAD_DATA: there are none.
enum cubby_status bench_photos_open(struct bench_photos *photos, const char *folder,
                                    const struct fs *fs, const struct cubby_log *log);
void bench_photos_close(struct bench_photos *photos);
// Begins a run of that many seconds, or `limit` photos.
void bench_photos_start(struct bench_photos *photos, double seconds, uint64_t limit);
double bench_photos_mean_bytes(const struct bench_photos *photos); // of a file
// As scan_next().
enum cubby_status bench_photos_next(struct bench_photos *photos, struct photo **out);

#endif
