// What the parts of `cubby bench` share. Private to src/commands/bench*.c.
#ifndef SRC_COMMANDS_BENCH_INTERNAL_H
#define SRC_COMMANDS_BENCH_INTERNAL_H

#include "commands/bench_photos.h"
#include "commands/classifying.h"

struct bench_filing;

enum bench_stage {
    BENCH_READING,  // whole files, and their hash
    BENCH_DECODING, // reading, and decoding to the network's input
    BENCH_NETWORK,
    BENCH_FILING,     // copies into class folders, synced, and the catalogue
    BENCH_END_TO_END, // all of it at once, as `cubby sort` does it
    BENCH_STAGES,
};

enum bench_unit { BENCH_BYTES, BENCH_FLOPS, BENCH_PHOTOS }; // each a second

// Something that a stage cannot exceed.
struct bench_limit {
    const char *key;  // in JSON
    const char *text; // in the table
    enum bench_unit unit;
    double reached, limit; // limit 0: there is none here
};

#define BENCH_LIMITS 2u
struct bench_result {
    double rate; // photos (the network: images) a second; 0: not measured
    struct bench_limit limits[BENCH_LIMITS];
    enum pipeline_stage limited_by; // end to end only
};

struct bench {
    const struct command *command;
    struct classifying classifying;
    struct bench_photos photos; // count 0: none
    double seconds;             // end to end's, each time
    double alone_seconds;       // a stage's, each time
    bool shares_cores;

    double first_result_s; // from the command's start, model and device included
    struct bench_result results[BENCH_STAGES];
    uint64_t failed;     // photos of the last measurement that could not be decoded
    uint64_t peak_bytes; // of memory, before the limits were measured

    struct bench_filing *filing; // bench_filing.c, while it measures
    bool no_filing;              // no folder can be made, and the warning has been given
};

// Whether the options ask for this stage.
bool bench_wants(const struct bench *bench, enum bench_stage stage);
// End to end cannot be faster; 0: not all has been measured.
double bench_slowest_stage(const struct bench *bench, enum bench_stage *slowest);

// bench_stages.c: what goes through the pipeline.
enum cubby_status bench_measure_first_result(struct bench *bench, double started);
enum cubby_status bench_measure_network(struct bench *bench);
enum cubby_status bench_measure_decoding(struct bench *bench);

// bench_reading.c: the stage, and the same files without looking at them.
enum cubby_status bench_measure_reading(struct bench *bench);

// bench_filing.c: needs a folder beside the photos, which is removed again. Where none can be made
// a warning says so, and both stages do without filing.
enum cubby_status bench_measure_filing(struct bench *bench);
enum cubby_status bench_measure_end_to_end(struct bench *bench);
// What end to end can reach at most, from the results that are there.
void bench_limit_end_to_end(struct bench *bench);

// bench_limits.c: what memory and device can do at most, into the results that are there.
enum cubby_status bench_measure_limits(struct bench *bench);

// bench_report.c
void bench_print_table(const struct bench *bench);
void bench_print_json(const struct bench *bench);

// bench_stages.c, for bench_filing.c: photos through the pipeline with this classifier until time
// is up. settle and tick as in pipeline_params; their `user` is the bench.
struct bench_run {
    struct classifier *classifier;
    uint32_t threads;
    double seconds; // 0: the photo `number` only
    uint64_t number;
    enum cubby_status (*settle)(void *user, struct photo **photo, const float *logits);
    enum cubby_status (*tick)(void *user, const struct pipeline_stats *stats);
    bool keep_bytes;
};
enum cubby_status bench_run_pipeline(struct bench *bench, const struct bench_run *run,
                                     struct pipeline_stats *stats);

#endif
