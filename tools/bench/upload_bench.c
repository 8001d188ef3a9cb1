// What each way of getting pictures to the device costs:
//     upload_bench MODEL [BATCH [fp16|fp32 [SECONDS [THREADS]]]]
// For each way that the device has, in turns and twice: how fast the CPU fills its memory alone,
// the network alone, and the network with every batch filled before it goes, as decoders would, by
// one thread and by THREADS (4). SECONDS (1) is for each of these. Besides the ways that cubby
// chooses from, "bus" is what a card had without them: its first kernel reads the computer's
// memory.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device_cache.h"
#include "engine/net.h"
#include "model_file.h"
#include "platform/clock.h"
#include "platform/parallel.h"
#include "vk/gpu.h"

#define SOURCE_IMAGES 64u // 10 MB: more than the caches next to a core

static const struct way {
    const char *name;
    enum cubby_upload upload;
    bool over_bus; // keep the CPU off the card's memory
} ways[] = {
    {"bus", CUBBY_UPLOAD_MAPPED, true},
    {"mapped", CUBBY_UPLOAD_MAPPED, false},
    {"copied", CUBBY_UPLOAD_COPIED, false},
    {"queued", CUBBY_UPLOAD_QUEUED, false},
};
#define WAYS (sizeof(ways) / sizeof(*ways))

struct bench {
    const struct cubby_model *model;
    const struct cubby_log *log;
    struct device_cache cache;
    enum cubby_precision precision;
    uint32_t batch; // 0: chosen
    double seconds;
    struct parallel *one, *many;
    unsigned threads;
    uint8_t *source; // SOURCE_IMAGES
    size_t image_bytes;
    // of the way at hand
    struct cubby_gpu *gpu;
    struct cubby_net *net;
    uint8_t *slot; // being filled
    uint64_t filled;
};

static void say(void *user, enum cubby_log_level level, const char *message)
{
    (void)user;
    if (level <= CUBBY_LOG_WARNING)
        fprintf(stderr, "%s\n", message);
}

// Noise; floats are from 0 to 255, too.
static bool make_source(struct bench *bench)
{
    const struct cubby_preprocess *preprocess = cubby_model_preprocess(bench->model);
    const size_t value_bytes = preprocess->resample_count ? sizeof(float) : 1;
    bench->image_bytes = cubby_preprocess_output_bytes(preprocess);
    bench->source = malloc(SOURCE_IMAGES * bench->image_bytes);
    if (!bench->source)
        return false;
    uint32_t random = 2463534242u;
    for (size_t i = 0; i < SOURCE_IMAGES * bench->image_bytes; i += value_bytes) {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        const float value = (uint8_t)random;
        if (value_bytes > 1)
            memcpy(bench->source + i, &value, sizeof(value));
        else
            bench->source[i] = (uint8_t)random;
    }
    return true;
}

// ---- the way at hand

// The engine is made to see a card without memory that the CPU can write.
static void hide_window(struct cubby_gpu *gpu)
{
    const VkMemoryPropertyFlags both =
        VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
    for (uint32_t i = 0; i < gpu->memory.memoryTypeCount; i++)
        if ((gpu->memory.memoryTypes[i].propertyFlags & both) == both)
            gpu->memory.memoryTypes[i].propertyFlags = 0;
}

static void close_way(struct bench *bench)
{
    cubby_net_destroy(&bench->net);
    cubby_gpu_destroy(&bench->gpu);
}

static enum cubby_status open_way(struct bench *bench, const struct way *way)
{
    const struct cubby_gpu_params params = {.precision = bench->precision, .upload = way->upload};
    struct cubby_tuning *tuning = NULL;
    enum cubby_status status = cubby_gpu_create(&bench->gpu, &params, bench->log);
    if (status)
        return status;
    if (way->over_bus && cubby_gpu_info(bench->gpu)->kind != CUBBY_DEVICE_DISCRETE)
        return CUBBY_UNSUPPORTED;
    if (way->over_bus)
        hide_window(bench->gpu);
    device_cache_load_pipelines(&bench->cache, bench->gpu);
    status = device_cache_load_tuning(&bench->cache, bench->gpu, &tuning);
    const struct cubby_net_params net = {.max_batch = bench->batch, .tuning = tuning};
    if (!status)
        status = cubby_net_create(&bench->net, bench->gpu, bench->model, &net);
    cubby_tuning_destroy(&tuning);
    if (status)
        return status;
    device_cache_save_pipelines(&bench->cache, bench->gpu);
    return cubby_net_upload(bench->net) == way->upload ? CUBBY_OK : CUBBY_UNSUPPORTED;
}

// ---- measurements

static void fill_image(void *user, size_t index)
{
    const struct bench *bench = user;
    const size_t from = (bench->filled + index) % SOURCE_IMAGES;
    memcpy(bench->slot + index * bench->image_bytes, bench->source + from * bench->image_bytes,
           bench->image_bytes);
}

static void fill(struct bench *bench, struct parallel *threads, uint64_t round)
{
    const uint32_t batch = cubby_net_max_batch(bench->net);
    bench->slot = cubby_net_input(bench->net, (uint32_t)(round % cubby_net_slots(bench->net)));
    parallel_run(threads, batch, fill_image, bench);
    bench->filled += batch;
}

// Bytes a second.
static double measure_fill(struct bench *bench, struct parallel *threads)
{
    const double batch_bytes = (double)bench->image_bytes * (double)cubby_net_max_batch(bench->net);
    uint64_t rounds = 0;
    const double started = clock_seconds();
    double took;
    do {
        fill(bench, threads, rounds++);
        took = clock_seconds() - started;
    } while (took < bench->seconds);
    return (double)rounds * batch_bytes / took;
}

// Images a second; `threads` NULL: what the slots hold is used again.
static enum cubby_status measure_network(struct bench *bench, struct parallel *threads,
                                         double seconds, double *rate)
{
    const uint32_t slots = cubby_net_slots(bench->net), batch = cubby_net_max_batch(bench->net);
    struct cubby_net_output output;
    uint64_t submitted = 0, landed = 0;
    enum cubby_status status = CUBBY_OK;
    const double started = clock_seconds();
    while (!status && (clock_seconds() - started < seconds || landed < slots)) {
        if (submitted - landed == slots)
            status = cubby_net_wait(bench->net, (uint32_t)(landed++ % slots), &output);
        if (!status && threads)
            fill(bench, threads, submitted);
        if (!status)
            status = cubby_net_submit(bench->net, (uint32_t)(submitted++ % slots), batch);
    }
    *rate = (double)landed * batch / (clock_seconds() - started);
    while (!status && landed < submitted)
        status = cubby_net_wait(bench->net, (uint32_t)(landed++ % slots), &output);
    return status;
}

static enum cubby_status measure(struct bench *bench, const struct way *way)
{
    double alone, by_one, by_many, warm;
    const double fill_one = measure_fill(bench, bench->one);
    const double fill_many = measure_fill(bench, bench->many);
    enum cubby_status status = measure_network(bench, NULL, bench->seconds / 5, &warm);
    if (!status)
        status = measure_network(bench, NULL, bench->seconds, &alone);
    if (!status)
        status = measure_network(bench, bench->one, bench->seconds, &by_one);
    if (!status)
        status = measure_network(bench, bench->many, bench->seconds, &by_many);
    if (!status)
        printf("%-7s %9.2f GB/s %9.2f GB/s %14.1f %14.1f %14.1f\n", way->name, fill_one * 1e-9,
               fill_many * 1e-9, alone, by_one, by_many);
    return status;
}

static enum cubby_status measure_all(struct bench *bench)
{
    char many[32], device[320] = "";
    snprintf(many, sizeof(many), "%u threads", bench->threads);
    printf("%-7s %14s %14s %14s %14s %14s\n", "", "filling, by 1", many, "images/s", "filled by 1",
           many);
    for (size_t turn = 0; turn < 2 * WAYS; turn++) {
        const struct way *way = &ways[turn % WAYS];
        enum cubby_status status = open_way(bench, way);
        const bool missing = status == CUBBY_UNSUPPORTED && bench->gpu;
        if (missing && turn < WAYS)
            printf("%-7s this device has no such way\n", way->name);
        if (!status)
            status = measure(bench, way);
        if (!status)
            snprintf(device, sizeof(device), "%s, batches of %" PRIu32 " in %" PRIu32 " slots",
                     cubby_gpu_info(bench->gpu)->name, cubby_net_max_batch(bench->net),
                     cubby_net_slots(bench->net));
        close_way(bench);
        if (status && !missing)
            return status;
        fflush(stdout);
    }
    printf("%s\n", device);
    return CUBBY_OK;
}

int main(int argc, char **argv)
{
    const struct cubby_log log = {say, NULL};
    const struct fs *fs = fs_real();
    struct model_file model = {0};
    struct bench bench = {.log = &log};
    bench.batch = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
    if (argc > 3)
        bench.precision = strcmp(argv[3], "fp32") ? CUBBY_PRECISION_FP16 : CUBBY_PRECISION_FP32;
    bench.seconds = argc > 4 ? strtod(argv[4], NULL) : 1;
    bench.threads = argc > 5 ? (unsigned)strtoul(argv[5], NULL, 10) : 4;
    if (argc < 2 || !(bench.seconds > 0) || !bench.threads) {
        fprintf(stderr, "upload_bench MODEL [BATCH [fp16|fp32 [SECONDS [THREADS]]]]\n");
        return 2;
    }
    device_cache_init(&bench.cache, fs, &log);
    enum cubby_status status = model_file_open(&model, argv[1], fs, &log);
    bench.model = model.model;
    if (!status && !make_source(&bench))
        status = CUBBY_NO_MEMORY;
    if (!status)
        status = parallel_create(&bench.one, 1);
    if (!status)
        status = parallel_create(&bench.many, bench.threads);
    if (!status)
        status = measure_all(&bench);
    if (status)
        fprintf(stderr, "%s\n", cubby_status_text(status));
    parallel_destroy(&bench.one);
    parallel_destroy(&bench.many);
    free(bench.source);
    model_file_close(&model);
    device_cache_fini(&bench.cache);
    return status ? 1 : 0;
}
