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
    uint64_t next; // its number in this run
    uint64_t end;  // before this; 0: no limit
    double until;  // without a limit: clock_seconds() when no more are handed out
};

// CUBBY_BAD_DATA: there are none.
enum cubby_status bench_photos_open(struct bench_photos *photos, const char *folder,
                                    const struct fs *fs, const struct cubby_log *log);
void bench_photos_close(struct bench_photos *photos);
// Begins a run of that many seconds.
void bench_photos_start(struct bench_photos *photos, double seconds);
// Begins a run of one photo.
void bench_photos_start_one(struct bench_photos *photos, uint64_t number);
double bench_photos_mean_bytes(const struct bench_photos *photos); // of a file
// As scan_next().
enum cubby_status bench_photos_next(struct bench_photos *photos, struct photo **out);

#endif
