#include <stdlib.h>
#include <string.h>

#include "commands/bench_internal.h"
#include "engine/peak.h"
#include "platform/clock.h"
#include "platform/memory.h"
#include "platform/parallel.h"
#include "platform/signals.h"

#define COPY_BYTES ((size_t)32 << 20) // beyond what a core has of the caches
#define COPY_ROUNDS 8u
#define COPY_THREADS 16u // they have all of any memory's bandwidth
#define TRIES 5
#define LONG_ENOUGH_S 0.05 // for starting and waiting not to count
#define MAX_ROUNDS (1u << 24)

// ---- the CPU's memory

struct copy {
    uint8_t *from, *to; // owned
};

static void copy_memory(void *user, size_t index)
{
    struct copy *copy = &((struct copy *)user)[index];
    for (uint32_t i = 0; copy->to && i < COPY_ROUNDS; i++) {
        copy->from[i]++; // or one copy would do for all
        memcpy(copy->to, copy->from, COPY_BYTES);
    }
}

// Bytes a second, read and written; 0: it could not be measured.
static double memory_rate(uint32_t threads)
{
    struct copy copies[COPY_THREADS] = {0};
    struct parallel *parallel = NULL;
    double best = 0;
    // Not what a container with many processors and little memory would be ended for.
    const uint64_t available = memory_available_bytes();
    uint64_t most = available ? available / 8 / (2 * COPY_BYTES) : COPY_THREADS;
    most = most < 1 ? 1 : most > COPY_THREADS ? COPY_THREADS : most;
    if (threads > most)
        threads = (uint32_t)most;
    bool ok = parallel_create(&parallel, threads) == CUBBY_OK;
    for (uint32_t i = 0; ok && i < threads; i++) {
        copies[i].from = calloc(1, COPY_BYTES);
        copies[i].to = copies[i].from ? calloc(1, COPY_BYTES) : NULL;
        ok = copies[i].to != NULL;
        if (ok)
            memset(copies[i].from, 85, COPY_BYTES); // pages of its own, too
    }
    for (int i = 0; ok && i < TRIES && !platform_interrupted(); i++) {
        double started = clock_seconds();
        parallel_run(parallel, threads, copy_memory, copies);
        double rate =
            2.0 * (double)COPY_BYTES * COPY_ROUNDS * threads / (clock_seconds() - started);
        best = rate > best ? rate : best;
    }
    for (uint32_t i = 0; i < threads; i++) {
        free(copies[i].from);
        free(copies[i].to);
    }
    parallel_destroy(&parallel);
    return best;
}

// ---- the device

typedef enum cubby_status (*peak_measure)(struct cubby_peak *peak, uint32_t rounds, double *amount);

// The best of some tries, each long enough.
static enum cubby_status device_rate(struct cubby_peak *peak, peak_measure measure, double *rate)
{
    uint32_t rounds = 1;
    double amount, took = 0;
    enum cubby_status status = measure(peak, 1, &amount); // drivers compile at the first one
    for (; !status; rounds *= 2) {
        double started = clock_seconds();
        status = measure(peak, rounds, &amount);
        took = clock_seconds() - started;
        if (took >= LONG_ENOUGH_S || rounds >= MAX_ROUNDS)
            break;
    }
    *rate = status ? 0 : amount / took;
    for (int i = 1; !status && i < TRIES && !platform_interrupted(); i++) {
        double started = clock_seconds();
        status = measure(peak, rounds, &amount);
        took = clock_seconds() - started;
        if (amount / took > *rate)
            *rate = amount / took;
    }
    return status;
}

static enum cubby_status measure_device(struct cubby_gpu *gpu, double *flops, double *bytes)
{
    struct cubby_peak *peak = NULL;
    enum cubby_status status = cubby_peak_create(&peak, gpu);
    const bool units = cubby_gpu_kernels(gpu) == CUBBY_KERNELS_MATRIX;
    if (!status)
        status = device_rate(peak, units ? cubby_peak_matrices : cubby_peak_multiply_add, flops);
    if (!status)
        status = device_rate(peak, cubby_peak_copy, bytes);
    cubby_peak_destroy(&peak);
    return status;
}

// ---- what that means for the stages

static void limit_network(struct bench *bench, double flops, double bytes)
{
    const struct classifier *classifier = bench->classifying.classifier;
    const struct cubby_net_work work = net_classifier_work(classifier);
    struct bench_result *result = &bench->results[BENCH_NETWORK];
    const struct cubby_gpu *gpu = net_classifier_gpu(classifier);
    const double values = work.values + work.weights / classifier->max_batch;
    const double value_bytes = cubby_gpu_precision(gpu) == CUBBY_PRECISION_FP16 ? 2 : 4;
    const bool units = cubby_gpu_kernels(gpu) == CUBBY_KERNELS_MATRIX;
    result->limits[0] = (struct bench_limit){
        .key = units ? "matrix" : "multiply_add",
        .text = units ? "products of matrices in registers, 16-bit floats"
                      : "independent multiply-adds, 32-bit floats",
        .unit = BENCH_FLOPS,
        .reached = result->rate * work.flops,
        .limit = flops,
    };
    result->limits[1] = (struct bench_limit){
        .key = "memory",
        .text = bench->shares_cores ? "copying memory" : "copying the device's memory",
        .unit = BENCH_BYTES,
        .reached = result->rate * values * value_bytes,
        .limit = bytes,
    };
}

// Decoding passes over a photo's bytes once; the pixels at 1/8 are few.
static void limit_decoding(struct bench *bench, double bytes)
{
    struct bench_result *result = &bench->results[BENCH_DECODING];
    result->limits[0] = (struct bench_limit){
        .key = "memory",
        .text = "copying memory",
        .unit = BENCH_BYTES,
        .reached = result->rate * bench_photos_mean_bytes(&bench->photos),
        .limit = bytes,
    };
}

enum cubby_status bench_measure_limits(struct bench *bench)
{
    double memory = 0, flops = 0, device_bytes = 0;
    enum cubby_status status = CUBBY_OK;
    bool network = bench->results[BENCH_NETWORK].rate > 0;
    bool decoding = bench->results[BENCH_DECODING].rate > 0;
    if (decoding || (network && bench->shares_cores))
        memory = memory_rate(bench->classifying.threads);
    if (network)
        status = measure_device(net_classifier_gpu(bench->classifying.classifier), &flops,
                                &device_bytes);
    if (status == CUBBY_NO_MEMORY) { // the network has it all
        cubby_log(bench->command->log, CUBBY_LOG_WARNING, "the device's limits are not measured");
        status = CUBBY_OK;
    }
    if (!status && platform_interrupted())
        status = CUBBY_INTERRUPTED;
    if (status)
        return status;
    // A CPU driver copies with one thread: its memory is the CPU's.
    if (network)
        limit_network(bench, flops, bench->shares_cores ? memory : device_bytes);
    if (decoding)
        limit_decoding(bench, memory);
    return CUBBY_OK;
}
