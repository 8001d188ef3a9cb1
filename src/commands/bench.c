#include <inttypes.h>
#include <stdlib.h>

#include "commands/bench_internal.h"
#include "commands/command.h"
#include "platform/clock.h"
#include "platform/memory.h"
#include "platform/path.h"

#define SECONDS_GPU 5.0
#define SECONDS_CPU 10.0 // a batch takes a second there
// Of all stages, one after the other: what else the machine does changes, and what is compared
// should have met the same. Then the median counts.
#define TURNS 3u

bool bench_wants(const struct bench *bench, enum bench_stage stage)
{
    const enum cli_only only = bench->command->options->only;
    const bool of_photos = stage != BENCH_NETWORK;
    return (!of_photos || bench->photos.count) &&
           (only == CLI_ONLY_ALL || only - CLI_ONLY_READING == stage);
}

double bench_slowest_stage(const struct bench *bench, enum bench_stage *slowest)
{
    *slowest = BENCH_DECODING;
    for (enum bench_stage stage = 0; stage < BENCH_END_TO_END; stage++) {
        const double rate = bench->results[stage].rate;
        // Filing may be missing: not every folder can be written beside.
        if (!(rate > 0) && stage != BENCH_FILING)
            return 0;
        if (rate > 0 && rate < bench->results[*slowest].rate)
            *slowest = stage;
    }
    return bench->results[*slowest].rate;
}

static enum cubby_status open_photos(struct bench *bench)
{
    const struct command *command = bench->command;
    const char *folder = command->options->photos;
    if (folder)
        return bench_photos_open(&bench->photos, folder, command->fs, command->log);
    char *samples = CUBBY_SOURCE_MODELS[0] ? path_join(CUBBY_SOURCE_MODELS, "samples") : NULL;
    enum cubby_status status = CUBBY_OK;
    struct fs_stat stat;
    if (samples && command->fs->stat(command->fs, samples, &stat) == 0)
        status = bench_photos_open(&bench->photos, samples, command->fs, command->log);
    else
        messages_line(command->messages, "Only the network is measured: all else needs --photos "
                                         "DIR");
    free(samples);
    return status;
}

static int by_rate(const void *a, const void *b)
{
    const double x = ((const struct bench_result *)a)->rate;
    const double y = ((const struct bench_result *)b)->rate;
    return (x > y) - (x < y);
}

static enum cubby_status measure_turn(struct bench *bench)
{
    static enum cubby_status (*const measures[BENCH_STAGES])(struct bench * bench) = {
        [BENCH_READING] = bench_measure_reading,       [BENCH_DECODING] = bench_measure_decoding,
        [BENCH_NETWORK] = bench_measure_network,       [BENCH_FILING] = bench_measure_filing,
        [BENCH_END_TO_END] = bench_measure_end_to_end,
    };
    enum cubby_status status = CUBBY_OK;
    for (enum bench_stage stage = 0; !status && stage < BENCH_STAGES; stage++)
        if (bench_wants(bench, stage))
            status = measures[stage](bench);
    return status;
}

static enum cubby_status measure(struct bench *bench)
{
    struct bench_result results[BENCH_STAGES][TURNS];
    const uint32_t turns = bench->command->options->only == CLI_ONLY_ALL ? TURNS : 1;
    bench->alone_seconds = turns > 1 ? bench->seconds / 2 : bench->seconds;
    for (uint32_t turn = 0; turn < turns; turn++) {
        const enum cubby_status status = measure_turn(bench);
        if (status)
            return status;
        for (enum bench_stage stage = 0; stage < BENCH_STAGES; stage++)
            results[stage][turn] = bench->results[stage];
    }
    for (enum bench_stage stage = 0; stage < BENCH_STAGES; stage++) {
        qsort(results[stage], turns, sizeof(results[stage][0]), by_rate);
        bench->results[stage] = results[stage][turns / 2];
    }
    bench_limit_end_to_end(bench);
    bench->peak_bytes = memory_peak_bytes();
    return bench_measure_limits(bench);
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
    status = bench_measure_first_result(bench, started);
    return status ? status : measure(bench);
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
            bench_print_json(&bench);
        else
            bench_print_table(&bench);
        code = command_finish_output(command, code);
    }
    bench_photos_close(&bench.photos);
    classifying_close(&bench.classifying);
    return code;
}
