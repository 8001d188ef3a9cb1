// Filing alone and end to end: a real output folder, with catalogue and folder sink, beside the
// photos. Copies go again as soon as they are safe, so that a long measurement fills no disk.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "commands/bench_internal.h"
#include "commands/output.h"
#include "hash.h"
#include "pipeline/decide.h"
#include "platform/clock.h"
#include "platform/names.h"
#include "platform/path.h"
#include "platform/process.h"
#include "platform/read_file.h"
#include "platform/signals.h"
#include "sink/sink.h"

#define DISK_BYTES ((size_t)64 << 20) // written and synced to find the disk's rate
#define PIECE_BYTES ((size_t)1 << 20)
#define POOL_BYTES ((uint64_t)128 << 20) // of photos that filing alone takes from memory

struct bench_filing {
    struct bench *bench;
    char *path; // owned, the folder; NULL: there is none
    struct output output;
    struct catalogue_run run;
    char **folders; // owned, one per class
    struct sink *sink;
    uint64_t filed, bytes; // settled in place
    double busy;           // seconds within the sink
};

// ---- the folder

static void remove_tree(const struct fs *fs, const char *path)
{
    struct fs_names names;
    struct fs_stat stat;
    if (fs->lstat(fs, path, &stat))
        return;
    if (!stat.is_folder) {
        fs->unlink(fs, path);
        return;
    }
    if (!fs->list(fs, path, &names)) {
        for (size_t i = 0; i < names.count; i++) {
            char *below = path_join(path, names.names[i]);
            if (below)
                remove_tree(fs, below);
            free(below);
        }
        fs_names_free(&names);
    }
    fs->remove_folder(fs, path);
}

// ".cubby-bench-1234" beside the folder of the photos.
static char *choose_path(const struct bench *bench)
{
    char name[64];
    snprintf(name, sizeof(name), ".cubby-bench-%" PRId64, process_own());
    char *photos = path_absolute(bench->photos.folder);
    char *above = photos ? path_parent(photos) : NULL;
    char *path = above ? path_join(above, name) : NULL;
    free(above);
    free(photos);
    return path;
}

// The sink is done with a photo.
static enum cubby_status settled(void *user, const struct photo *photo)
{
    struct bench_filing *filing = user;
    const struct fs *fs = filing->bench->command->fs;
    if (photo->status != PHOTO_FILED && photo->status != PHOTO_UNSURE)
        return CUBBY_OK;
    filing->filed++;
    filing->bytes += photo->size_bytes;
    char *copy = path_join(filing->path, photo->filed_as);
    if (copy)
        fs->unlink(fs, copy);
    free(copy);
    return CUBBY_OK;
}

static enum cubby_status begin_run(struct bench_filing *filing)
{
    struct catalogue_run *run = &filing->run;
    *run = (struct catalogue_run){.started_ns = clock_wall_ns(),
                                  .model_name = strdup("bench"),
                                  .settings = strdup("{}"),
                                  .classes = calloc(1, sizeof(char *)),
                                  .roots = calloc(1, sizeof(char *))};
    if (!run->model_name || !run->settings || !run->classes || !run->roots)
        return CUBBY_NO_MEMORY;
    enum cubby_status status = catalogue_add_run(filing->output.catalogue, run);
    return status ? status : catalogue_commit(filing->output.catalogue);
}

static enum cubby_status make_sink(struct bench_filing *filing)
{
    const struct command *command = filing->bench->command;
    const struct classifying *classifying = &filing->bench->classifying;
    enum cubby_status status =
        names_make_folders(&filing->folders, classifying->class_names, classifying->class_count);
    if (status)
        return status;
    const struct sink_params params = {.output = filing->path,
                                       .fs = command->fs,
                                       .log = command->log,
                                       .sync = true,
                                       .catalogue = filing->output.catalogue,
                                       .run = filing->run.id,
                                       .how = FILING_COPY,
                                       .settled = settled,
                                       .user = filing};
    return sink_folder_create(&filing->sink, &params);
}

static void close_filing(struct bench_filing *filing)
{
    struct bench *bench = filing->bench;
    sink_destroy(&filing->sink);
    names_free_folders(&filing->folders, bench->classifying.class_count);
    catalogue_run_fini(&filing->run);
    output_close(&filing->output);
    if (filing->path)
        remove_tree(bench->command->fs, filing->path);
    free(filing->path);
    bench->filing = NULL;
}

// filing->path stays NULL where no folder can be made.
static enum cubby_status open_filing(struct bench_filing *filing, struct bench *bench)
{
    const struct command *command = bench->command;
    *filing = (struct bench_filing){.bench = bench};
    bench->filing = filing;
    if (bench->no_filing)
        return CUBBY_OK;
    char *path = choose_path(bench);
    if (!path)
        return CUBBY_NO_MEMORY;
    int error = command->fs->make_folder(command->fs, path);
    if (error) {
        cubby_log(command->log, CUBBY_LOG_WARNING,
                  "filing is left out: the folder %s cannot be made: %s", path,
                  fs_error_text(error));
        free(path);
        bench->no_filing = true;
        return CUBBY_OK;
    }
    filing->path = path;
    const struct output_params params = {.create = true, .sync = true};
    if (output_open(&filing->output, command, path, &params) != EXIT_CODE_OK)
        return CUBBY_IO;
    enum cubby_status status = begin_run(filing);
    return status ? status : make_sink(filing);
}

// ---- photos

// A photo that comes again gets another hash, so that cubby does not take it for a copy that it
// has. Of the old one and its number, not of its bytes: that would be work which no sort has.
static enum cubby_status make_unique(struct bench_filing *filing, struct photo *photo)
{
    char reason[PHOTO_REASON_BYTES];
    size_t size_bytes = (size_t)photo->size_bytes;
    if (!photo->bytes) { // it did not fit the budget, and would be read again now
        enum cubby_status status =
            read_file(filing->bench->command->fs, photo->path, 0, &photo->bytes, &size_bytes, NULL,
                      reason, sizeof(reason));
        if (status)
            return status;
        photo->size_bytes = size_bytes;
    }
    uint8_t key[sizeof(photo->hash) + sizeof(photo->sequence)];
    memcpy(key, &photo->hash, sizeof(photo->hash));
    memcpy(key + sizeof(photo->hash), &photo->sequence, sizeof(photo->sequence));
    photo->hash = photo_hash_bytes(key, sizeof(key));
    return CUBBY_OK;
}

// Into its folder; takes the photo over.
static enum cubby_status file_photo(struct bench_filing *filing, struct photo **photo)
{
    enum cubby_status status = CUBBY_OK;
    if ((*photo)->sequence >= filing->bench->photos.count)
        status = make_unique(filing, *photo);
    if (status)
        return status;
    uint32_t class_index = (*photo)->top[0].class_index;
    (*photo)->status = decide(*photo, classifying_threshold(filing->bench->command->options,
                                                            filing->bench->classifying.threshold));
    (*photo)->class_name = strdup(filing->bench->classifying.class_names[class_index]);
    if (!(*photo)->class_name)
        return CUBBY_NO_MEMORY;
    const char *folder =
        (*photo)->status == PHOTO_FILED ? filing->folders[class_index] : NAMES_UNSURE;
    double started = clock_seconds();
    status = sink_file(filing->sink, photo, folder);
    filing->busy += clock_seconds() - started;
    return status;
}

static enum cubby_status finish(struct bench_filing *filing)
{
    double started = clock_seconds();
    enum cubby_status status = sink_finish(filing->sink, true);
    filing->busy += clock_seconds() - started;
    return status;
}

// ---- filing alone

// One large file: what the disk gives at best.
static double disk_rate(const struct bench_filing *filing)
{
    const struct fs *fs = filing->bench->command->fs;
    char *path = path_join(filing->path, "disk");
    uint8_t *piece = malloc(PIECE_BYTES);
    double rate = 0;
    int file = path && piece ? fs->open(fs, path, FS_CREATE) : UV_ENOMEM;
    if (file >= 0) {
        memset(piece, 85, PIECE_BYTES);
        double started = clock_seconds();
        int error = 0;
        for (size_t done = 0; !error && done < DISK_BYTES; done += PIECE_BYTES)
            error = fs_write_all(fs, file, piece, PIECE_BYTES);
        if (!error)
            error = fs->sync(fs, file);
        fs->close(fs, file);
        rate = error ? 0 : (double)DISK_BYTES / (clock_seconds() - started);
        fs->unlink(fs, path);
    }
    free(piece);
    free(path);
    return rate;
}

// Photos with their bytes, as the network's stage hands them on: the first POOL_BYTES of them.
static enum cubby_status next_in_memory(struct bench_filing *filing, uint64_t pool,
                                        struct photo **out)
{
    struct bench *bench = filing->bench;
    enum cubby_status status = bench_photos_next(&bench->photos, out);
    if (status || !*out)
        return status;
    struct photo *photo = *out;
    // Those before it are in the system's cache now, and reading is not counted.
    const struct photo *source = bench->photos.list[photo->sequence % pool];
    char reason[PHOTO_REASON_BYTES];
    size_t size_bytes = 0;
    status = read_file(bench->command->fs, source->path, 0, &photo->bytes, &size_bytes, NULL,
                       reason, sizeof(reason));
    photo->size_bytes = size_bytes;
    photo->top[0] =
        (struct photo_guess){(uint32_t)photo->sequence % bench->classifying.class_count, 1.0f};
    photo->top_count = 1;
    return status ? status : make_unique(filing, photo);
}

static uint64_t pool_size(const struct bench *bench)
{
    uint64_t count = 0, bytes = 0;
    while (count < bench->photos.count && bytes < POOL_BYTES)
        bytes += bench->photos.list[count++]->size_bytes;
    return count;
}

static enum cubby_status file_until_time_is_up(struct bench_filing *filing)
{
    struct bench *bench = filing->bench;
    const uint64_t pool = pool_size(bench);
    bench_photos_start(&bench->photos, bench->alone_seconds / 2);
    enum cubby_status status = CUBBY_OK;
    while (!status && !platform_interrupted()) {
        struct photo *photo = NULL;
        status = next_in_memory(filing, pool, &photo);
        if (status == CUBBY_IO || status == CUBBY_BAD_DATA) {
            photo_free(&photo);
            status = CUBBY_OK;
            continue; // not every sample can be read
        }
        if (status || !photo) {
            photo_free(&photo);
            break;
        }
        status = file_photo(filing, &photo);
        photo_free(&photo);
    }
    if (!status)
        status = platform_interrupted() ? CUBBY_INTERRUPTED : finish(filing);
    return status;
}

enum cubby_status bench_measure_filing(struct bench *bench)
{
    struct bench_filing filing;
    enum cubby_status status = open_filing(&filing, bench);
    double disk = 0;
    if (!status && filing.path) {
        disk = disk_rate(&filing);
        status = file_until_time_is_up(&filing);
    }
    if (!status && filing.filed)
        bench->results[BENCH_FILING] = (struct bench_result){
            .rate = (double)filing.filed / filing.busy,
            .limits = {{.key = "disk",
                        .text = "one large file, written and synced",
                        .unit = BENCH_BYTES,
                        .reached = (double)filing.bytes / filing.busy,
                        .limit = disk}},
        };
    close_filing(&filing);
    return status;
}

// ---- end to end

static enum cubby_status settle(void *user, struct photo **photo, const float *logits)
{
    (void)logits;
    struct bench *bench = user;
    bench->failed += (*photo)->status == PHOTO_FAILED;
    if (!bench->filing->sink)
        return CUBBY_OK;
    if ((*photo)->status == PHOTO_PENDING)
        return file_photo(bench->filing, photo);
    return sink_pass(bench->filing->sink, photo);
}

static enum cubby_status tick(void *user, const struct pipeline_stats *stats)
{
    (void)stats;
    struct sink *sink = ((struct bench *)user)->filing->sink;
    return sink ? sink_tick(sink) : CUBBY_OK;
}

void bench_limit_end_to_end(struct bench *bench)
{
    struct bench_result *result = &bench->results[BENCH_END_TO_END];
    enum bench_stage stage;
    const double slowest = bench_slowest_stage(bench, &stage);
    if (!(slowest > 0) || !(result->rate > 0))
        return;
    static const char *const texts[] = {
        [BENCH_READING] = "the slowest stage alone: reading",
        [BENCH_DECODING] = "the slowest stage alone: decoding",
        [BENCH_NETWORK] = "the slowest stage alone: the network",
        [BENCH_FILING] = "the slowest stage alone: filing",
    };
    result->limits[0] = (struct bench_limit){
        .key = "slowest_stage",
        .text = texts[stage],
        .unit = BENCH_PHOTOS,
        .reached = result->rate,
        .limit = slowest,
    };
    if (!bench->shares_cores)
        return;
    const double together =
        1 / (1 / bench->results[BENCH_DECODING].rate + 1 / bench->results[BENCH_NETWORK].rate);
    result->limits[1] = (struct bench_limit){
        .key = "shared_cores",
        .text = "decoding and network in turns: same cores",
        .unit = BENCH_PHOTOS,
        .reached = result->rate,
        .limit = together,
    };
}

enum cubby_status bench_measure_end_to_end(struct bench *bench)
{
    struct bench_filing filing;
    struct pipeline_stats stats;
    enum cubby_status status = open_filing(&filing, bench);
    const struct bench_run run = {.classifier = bench->classifying.classifier,
                                  .threads = bench->classifying.threads,
                                  .settle = settle,
                                  .tick = tick,
                                  .seconds = bench->seconds,
                                  .keep_bytes = filing.path != NULL};
    double started = clock_seconds();
    if (!status)
        status = bench_run_pipeline(bench, &run, &stats);
    if (!status && filing.sink)
        status = finish(&filing);
    if (!status) {
        bench->results[BENCH_END_TO_END] = (struct bench_result){
            .rate = (double)stats.classified / (clock_seconds() - started),
            .limited_by = pipeline_limit(&stats),
        };
    }
    close_filing(&filing);
    return status;
}
