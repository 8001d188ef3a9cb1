#include <stdatomic.h>
#include <stdlib.h>

#include "commands/bench_internal.h"
#include "hash.h"
#include "platform/clock.h"
#include "platform/parallel.h"
#include "platform/read_file.h"
#include "platform/signals.h"

#define PIECE_BYTES ((size_t)1 << 20)

struct reading {
    const struct bench *bench;
    bool raw; // only the bytes, in large pieces: what the disk or the system's cache gives
    double until;
    _Atomic uint64_t next, photos, bytes;
};

// As the pipeline's threads do it.
static uint64_t read_whole(const struct fs *fs, const char *path)
{
    uint8_t *bytes = NULL;
    size_t size_bytes = 0;
    struct fs_stat stat;
    char reason[PHOTO_REASON_BYTES];
    if (read_file(fs, path, 0, &bytes, &size_bytes, &stat, reason, sizeof(reason)))
        return 0;
    // Looked at, or a compiler may leave the hash out.
    volatile uint64_t hash = photo_hash_bytes(bytes, size_bytes).low;
    (void)hash;
    free(bytes);
    return size_bytes;
}

static uint64_t read_raw(const struct fs *fs, const char *path, uint8_t *piece)
{
    int file = fs->open(fs, path, FS_READ);
    if (file < 0)
        return 0;
    uint64_t bytes = 0;
    int64_t got;
    while ((got = fs->read(fs, file, piece, PIECE_BYTES)) > 0)
        bytes += (uint64_t)got;
    fs->close(fs, file);
    return bytes;
}

// One thread, until time is up.
static void read_some(void *user, size_t index)
{
    (void)index;
    struct reading *reading = user;
    const struct bench *bench = reading->bench;
    const struct fs *fs = bench->command->fs;
    uint8_t *piece = reading->raw ? malloc(PIECE_BYTES) : NULL;
    while ((!reading->raw || piece) && clock_seconds() < reading->until &&
           !platform_interrupted()) {
        uint64_t i = atomic_fetch_add(&reading->next, 1) % bench->photos.count;
        const char *path = bench->photos.list[i]->path;
        uint64_t bytes = reading->raw ? read_raw(fs, path, piece) : read_whole(fs, path);
        atomic_fetch_add(&reading->photos, 1);
        atomic_fetch_add(&reading->bytes, bytes);
    }
    free(piece);
}

static double run(struct reading *reading, const struct bench *bench, struct parallel *parallel)
{
    reading->bench = bench;
    double started = clock_seconds();
    reading->until = started + bench->alone_seconds / 5;
    parallel_run(parallel, bench->classifying.threads, read_some, reading);
    return clock_seconds() - started;
}

enum cubby_status bench_measure_reading(struct bench *bench)
{
    struct parallel *parallel = NULL;
    enum cubby_status status = parallel_create(&parallel, bench->classifying.threads);
    if (status)
        return status;
    // The raw one first: it brings the files into the cache, if they fit.
    struct reading raw = {.raw = true}, whole = {.raw = false};
    double raw_took = run(&raw, bench, parallel);
    double took = run(&whole, bench, parallel);
    parallel_destroy(&parallel);
    if (platform_interrupted())
        return CUBBY_INTERRUPTED;
    bench->results[BENCH_READING] = (struct bench_result){
        .rate = (double)whole.photos / took,
        .limits = {{.key = "disk",
                    .text = "the same files, only read (cached)",
                    .unit = BENCH_BYTES,
                    .reached = (double)whole.bytes / took,
                    .limit = (double)raw.bytes / raw_took}},
    };
    return CUBBY_OK;
}
