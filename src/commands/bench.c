#include "commands/command.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/bench_photos.h"
#include "commands/classifying.h"
#include "platform/clock.h"
#include "platform/memory.h"
#include "platform/path.h"

#define SECONDS_GPU 5.0
#define SECONDS_CPU 10.0 // a batch takes a second there

struct bench {
    const struct command *command;
    struct classifying classifying;
    struct bench_photos photos; // count 0: none
    double seconds;             // of each measurement
    bool shares_cores;

    double first_result_s;     // from the command's start, model and device included
    double network;            // images a second, the network alone
    double decode, end_to_end; // photos a second, 0: not measured
    uint64_t failed;           // photos of the measurements that could not be decoded
    enum pipeline_stage limited_by;
};

static enum cubby_status next(void *user, struct photo **out)
{
    return bench_photos_next(&((struct bench *)user)->photos, out);
}

static enum cubby_status drop(void *user, struct photo **photo, const float *logits)
{
    (void)logits;
    struct bench *bench = user;
    bench->failed += (*photo)->status == PHOTO_FAILED;
    return CUBBY_OK;
}

// Photos a second through the pipeline with this classifier. limit 0: until time is up.
static enum cubby_status measure(struct bench *bench, struct classifier *classifier,
                                 uint32_t threads, uint64_t limit, struct pipeline_stats *stats)
{
    struct pipeline_params params = classifying_pipeline(&bench->classifying, bench->command);
    params.next = next;
    params.settle = drop;
    params.user = bench;
    params.classifier = classifier;
    params.threads = threads;
    bench->failed = 0;
    bench_photos_start(&bench->photos, bench->seconds, limit);
    return pipeline_run(&params, stats);
}

static enum cubby_status measure_decode(struct bench *bench)
{
    const struct classifier *real = bench->classifying.classifier;
    struct classifier *null = NULL;
    enum cubby_status status =
        null_classifier_create(&null, real->max_batch, real->slots, real->image_bytes);
    if (status)
        return status;
    // Alone, decoding may use every core, even where it has to share them otherwise.
    uint32_t threads = bench->command->options->threads;
    struct pipeline_stats stats;
    status = measure(bench, null, threads ? threads : memory_cpu_count(), 0, &stats);
    bench->decode = (double)stats.classified / stats.seconds;
    classifier_destroy(&null);
    if (!status && !stats.classified) {
        cubby_log(bench->command->log, CUBBY_LOG_ERROR, "none of the photos can be decoded");
        status = CUBBY_BAD_DATA;
    }
    return status;
}

static enum cubby_status measure_end_to_end(struct bench *bench)
{
    struct pipeline_stats stats;
    enum cubby_status status =
        measure(bench, bench->classifying.classifier, bench->classifying.threads, 0, &stats);
    bench->end_to_end = (double)stats.classified / stats.seconds;
    bench->limited_by = pipeline_limit(&stats);
    return status;
}

// Noise, so that nothing can be saved by zeros; always the same. Floats are from 0 to 255, too.
static void fill_with_noise(struct classifier *classifier, bool floats)
{
    const size_t value_bytes = floats ? sizeof(float) : 1;
    uint32_t random = 2463534242u;
    for (uint32_t slot = 0; slot < classifier->slots; slot++) {
        uint8_t *pixels = classifier->ops->input(classifier, slot);
        size_t bytes = classifier->max_batch * classifier->image_bytes;
        for (size_t i = 0; i < bytes; i += value_bytes) {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            const float value = (uint8_t)random;
            if (floats)
                memcpy(pixels + i, &value, sizeof(value));
            else
                pixels[i] = (uint8_t)random;
        }
    }
}

// Keeps all slots on the device; returns after `seconds`, with the images that were done by then.
static enum cubby_status run_network(struct classifier *c, double seconds, uint64_t *images,
                                     double *took)
{
    struct cubby_net_output output;
    uint64_t submitted = 0, landed = 0;
    double started = clock_seconds();
    enum cubby_status status = CUBBY_OK;
    // At least once through every slot, however slow the device is.
    while (!status && (clock_seconds() - started < seconds || landed < c->slots)) {
        if (submitted - landed < c->slots)
            status = c->ops->submit(c, (uint32_t)(submitted++ % c->slots), c->max_batch);
        else
            status = c->ops->wait(c, (uint32_t)(landed++ % c->slots), &output);
    }
    *took = clock_seconds() - started;
    *images = landed * c->max_batch;
    while (!status && landed < submitted)
        status = c->ops->wait(c, (uint32_t)(landed++ % c->slots), &output);
    return status;
}

static enum cubby_status measure_network(struct bench *bench)
{
    struct classifier *classifier = bench->classifying.classifier;
    uint64_t images;
    double took;
    fill_with_noise(classifier, bench->classifying.preprocess->resample_count > 0);
    // Clocks rise and drivers compile during the first batches.
    enum cubby_status status = run_network(classifier, bench->seconds / 5, &images, &took);
    if (!status)
        status = run_network(classifier, bench->seconds, &images, &took);
    bench->network = (double)images / took;
    return status;
}

static enum cubby_status measure_first_result(struct bench *bench, double started)
{
    struct pipeline_stats stats;
    if (bench->photos.count) {
        double begun = clock_seconds() - started;
        enum cubby_status status =
            measure(bench, bench->classifying.classifier, bench->classifying.threads, 1, &stats);
        bench->first_result_s = begun + stats.first_result_seconds;
        return status;
    }
    struct classifier *classifier = bench->classifying.classifier;
    struct cubby_net_output output;
    memset(classifier->ops->input(classifier, 0), 0, classifier->image_bytes);
    enum cubby_status status = classifier->ops->submit(classifier, 0, 1);
    if (!status)
        status = classifier->ops->wait(classifier, 0, &output);
    bench->first_result_s = clock_seconds() - started;
    return status;
}

static enum cubby_status open_photos(struct bench *bench)
{
    const struct command *command = bench->command;
    const char *folder = command->options->photos;
    if (folder)
        return bench_photos_open(&bench->photos, folder, command->fs, command->log);
    char *samples = path_join(CUBBY_SOURCE_MODELS, "samples");
    enum cubby_status status = CUBBY_OK;
    struct fs_stat stat;
    if (samples && command->fs->stat(command->fs, samples, &stat) == 0)
        status = bench_photos_open(&bench->photos, samples, command->fs, command->log);
    else
        messages_line(command->messages,
                      "Only the network is measured: decoding and the whole need --photos DIR");
    free(samples);
    return status;
}

// What end to end can reach: the slowest stage alone, or, where decoding and the network run on
// the same cores, the rate at which both together use them up.
static double slowest_stage(const struct bench *bench)
{
    return bench->decode < bench->network ? bench->decode : bench->network;
}

static double limit(const struct bench *bench)
{
    if (!(bench->decode > 0 && bench->network > 0))
        return 0;
    return bench->shares_cores ? 1 / (1 / bench->decode + 1 / bench->network)
                               : slowest_stage(bench);
}

static void print_json(const struct bench *bench)
{
    const struct cubby_gpu *gpu = net_classifier_gpu(bench->classifying.classifier);
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:{s:f, s:i}, s:I, s:f}", "device", cubby_gpu_info(gpu)->name, "kernels",
        cubby_kernels_text(cubby_gpu_kernels(gpu)), "precision",
        cubby_precision_text(cubby_gpu_precision(gpu)), "network", "images_per_s", bench->network,
        "batch", (int)bench->classifying.classifier->max_batch, "peak_rss_bytes",
        (json_int_t)memory_peak_bytes(), "first_result_s", bench->first_result_s);
    if (bench->photos.count) {
        json_t *more = json_pack(
            "{s:{s:f}, s:{s:f}, s:f, s:f, s:f, s:b, s:i, s:s}", "decode", "photos_per_s",
            bench->decode, "end_to_end", "photos_per_s", bench->end_to_end, "slowest_stage",
            slowest_stage(bench), "limit", limit(bench), "fraction_of_limit",
            bench->end_to_end / limit(bench), "shares_cores", (int)bench->shares_cores, "threads",
            (int)bench->classifying.threads, "limited_by", pipeline_stage_text(bench->limited_by));
        json_object_update(object, more);
        json_decref(more);
    }
    json_dumpf(object, stdout, JSON_REAL_PRECISION(6));
    json_decref(object);
    printf("\n");
}

static void print_text(const struct bench *bench)
{
    const struct classifier *classifier = bench->classifying.classifier;
    const struct cubby_gpu *gpu = net_classifier_gpu(classifier);
    printf("device               %s\n", cubby_gpu_info(gpu)->name);
    printf("kernels              %s, %s, batches of %u, %u in flight\n",
           cubby_kernels_text(cubby_gpu_kernels(gpu)),
           cubby_precision_text(cubby_gpu_precision(gpu)), (unsigned)classifier->max_batch,
           (unsigned)classifier->slots);
    printf("first result         %.2f s after the start\n", bench->first_result_s);
    printf("network alone        %.1f images/s\n", bench->network);
    if (bench->photos.count) {
        printf("decoding alone       %.1f photos/s\n", bench->decode);
        printf("end to end           %.1f photos/s with %u decoding thread%s, limited by %s\n",
               bench->end_to_end, (unsigned)bench->classifying.threads,
               bench->classifying.threads == 1 ? "" : "s", pipeline_stage_text(bench->limited_by));
        printf("slowest stage alone  %.1f photos/s\n", slowest_stage(bench));
        if (bench->shares_cores)
            printf("limit                %.1f photos/s: decoding and the network share the cores\n",
                   limit(bench));
        printf("reached              %.0f %% of the limit\n",
               100 * bench->end_to_end / limit(bench));
    }
    printf("peak memory          %.0f MB\n", (double)memory_peak_bytes() / 1e6);
}

static enum cubby_status run(struct bench *bench)
{
    double started = clock_seconds();
    enum cubby_status status = open_photos(bench);
    if (!status)
        status = classifying_open(&bench->classifying, bench->command);
    if (status)
        return status;
    bench->shares_cores = bench->classifying.shares_cores;
    bench->seconds = bench->command->options->seconds;
    if (bench->seconds <= 0)
        bench->seconds = bench->shares_cores ? SECONDS_CPU : SECONDS_GPU;

    status = measure_first_result(bench, started);
    if (!status)
        status = measure_network(bench);
    if (!status && bench->photos.count)
        status = measure_decode(bench);
    if (!status && bench->photos.count)
        status = measure_end_to_end(bench);
    return status;
}

int command_bench(const struct command *command)
{
    struct bench bench = {.command = command};
    enum cubby_status status = run(&bench);
    int code = EXIT_CODE_OK;
    if (status) {
        code = command_failed(command, status);
    } else {
        if (bench.failed)
            cubby_log(command->log, CUBBY_LOG_WARNING,
                      "%" PRIu64 " photos could not be decoded: their time counts, they do not",
                      bench.failed);
        if (command->options->json)
            print_json(&bench);
        else
            print_text(&bench);
        code = command_finish_output(command, code);
    }
    bench_photos_close(&bench.photos);
    classifying_close(&bench.classifying);
    return code;
}
