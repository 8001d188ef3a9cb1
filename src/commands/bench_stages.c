#include <string.h>

#include "commands/bench_internal.h"
#include "platform/clock.h"
#include "platform/memory.h"
#include "platform/signals.h"

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

enum cubby_status bench_run_pipeline(struct bench *bench, const struct bench_run *run,
                                     struct pipeline_stats *stats)
{
    struct pipeline_params params = classifying_pipeline(&bench->classifying, bench->command);
    params.next = next;
    params.settle = run->settle ? run->settle : drop;
    params.tick = run->tick;
    params.user = bench;
    params.classifier = run->classifier;
    params.threads = run->threads;
    params.keep_bytes = run->keep_bytes;
    bench->failed = 0;
    if (run->seconds > 0)
        bench_photos_start(&bench->photos, run->seconds);
    else
        bench_photos_start_one(&bench->photos, run->number);
    return pipeline_run(&params, stats);
}

// A photo that cannot be decoded is no result: the next one is tried.
static enum cubby_status classify_one(struct bench *bench, double started)
{
    struct pipeline_stats stats = {0};
    enum cubby_status status = CUBBY_OK;
    for (size_t i = 0; !status && !stats.classified && i < bench->photos.count; i++) {
        const struct bench_run run = {.classifier = bench->classifying.classifier,
                                      .threads = bench->classifying.threads,
                                      .number = i};
        double begun = clock_seconds() - started;
        status = bench_run_pipeline(bench, &run, &stats);
        bench->first_result_s = begun + stats.first_result_seconds;
    }
    if (!status && !stats.classified) {
        cubby_log(bench->command->log, CUBBY_LOG_ERROR, "none of the photos can be decoded");
        status = CUBBY_BAD_DATA;
    }
    return status;
}

enum cubby_status bench_measure_first_result(struct bench *bench, double started)
{
    struct classifier *classifier = bench->classifying.classifier;
    if (bench->photos.count)
        return classify_one(bench, started);
    struct cubby_net_output output;
    memset(classifier->ops->input(classifier, 0), 0, classifier->image_bytes);
    enum cubby_status status = classifier->ops->submit(classifier, 0, 1);
    if (!status)
        status = classifier->ops->wait(classifier, 0, &output);
    bench->first_result_s = clock_seconds() - started;
    return status;
}

// ---- the network

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
        if (platform_interrupted())
            status = CUBBY_INTERRUPTED;
        else if (submitted - landed < c->slots)
            status = c->ops->submit(c, (uint32_t)(submitted++ % c->slots), c->max_batch);
        else
            status = c->ops->wait(c, (uint32_t)(landed++ % c->slots), &output);
    }
    *took = clock_seconds() - started;
    *images = landed * c->max_batch;
    while ((!status || status == CUBBY_INTERRUPTED) && landed < submitted) {
        enum cubby_status landing = c->ops->wait(c, (uint32_t)(landed++ % c->slots), &output);
        status = landing ? landing : status;
    }
    return status;
}

enum cubby_status bench_measure_network(struct bench *bench)
{
    struct classifier *classifier = bench->classifying.classifier;
    uint64_t images;
    double took;
    fill_with_noise(classifier, bench->classifying.preprocess->resample_count > 0);
    // Clocks rise and drivers compile during the first batches.
    enum cubby_status status = run_network(classifier, bench->alone_seconds / 5, &images, &took);
    if (!status)
        status = run_network(classifier, bench->alone_seconds, &images, &took);
    if (!status)
        bench->results[BENCH_NETWORK].rate = (double)images / took;
    return status;
}

// ---- decoding

enum cubby_status bench_measure_decoding(struct bench *bench)
{
    const struct classifier *real = bench->classifying.classifier;
    struct classifier *null = NULL;
    enum cubby_status status =
        null_classifier_create(&null, real->max_batch, real->slots, real->image_bytes);
    if (status)
        return status;
    // Alone, decoding may use every core, even where it has to share them otherwise.
    uint32_t threads = bench->command->options->threads;
    const struct bench_run run = {.classifier = null,
                                  .threads = threads ? threads : memory_cpu_count(),
                                  .seconds = bench->alone_seconds};
    struct pipeline_stats stats;
    status = bench_run_pipeline(bench, &run, &stats);
    struct bench_result *result = &bench->results[BENCH_DECODING];
    if (!status)
        result->rate = (double)stats.classified / stats.seconds;
    classifier_destroy(&null);
    return status;
}
