#include <jansson.h>
#include <stdio.h>

#include "commands/bench_internal.h"

static const struct {
    const char *key, *rate_key; // in JSON
    const char *text, *rate_text;
} stages[BENCH_STAGES] = {
    [BENCH_READING] = {"reading", "photos_per_s", "reading", "photos/s"},
    [BENCH_DECODING] = {"decode", "photos_per_s", "decoding", "photos/s"},
    [BENCH_NETWORK] = {"network", "images_per_s", "network", "images/s"},
    [BENCH_FILING] = {"filing", "photos_per_s", "filing", "photos/s"},
    [BENCH_END_TO_END] = {"end_to_end", "photos_per_s", "end to end", "photos/s"},
};

static const char *const unit_keys[] = {
    [BENCH_BYTES] = "bytes/s", [BENCH_FLOPS] = "flop/s", [BENCH_PHOTOS] = "photos/s"};

// What end to end is compared with: the shared cores if they are shared, else the slowest stage.
static const struct bench_limit *final_limit(const struct bench *bench)
{
    const struct bench_limit *limits = bench->results[BENCH_END_TO_END].limits;
    return limits[1].limit > 0 && limits[1].limit < limits[0].limit ? &limits[1] : &limits[0];
}

// ---- table

#define AMOUNT_BYTES 32u

static const char *amount_text(char text[AMOUNT_BYTES], enum bench_unit unit, double amount)
{
    static const struct {
        double from, divisor;
        const char *format;
    } scales[][2] = {
        [BENCH_BYTES] = {{1e10, 1e9, "%.1f GB/s"}, {0, 1e6, "%.0f MB/s"}},
        [BENCH_FLOPS] = {{1e12, 1e12, "%.2f TFLOP/s"}, {0, 1e9, "%.1f GFLOP/s"}},
        [BENCH_PHOTOS] = {{1e4, 1, "%.0f photos/s"}, {0, 1, "%.1f photos/s"}},
    };
    const int i = amount >= scales[unit][0].from ? 0 : 1;
    // The formats are those above, each for one double.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, AMOUNT_BYTES, scales[unit][i].format, amount / scales[unit][i].divisor);
#pragma GCC diagnostic pop
    return text;
}

static void print_limit(const char *stage, const char *rate, const struct bench_limit *limit)
{
    char reached[AMOUNT_BYTES], possible[AMOUNT_BYTES];
    printf("%-11s %16s %14s %14s %5.1f %%  %s\n", stage, rate,
           amount_text(reached, limit->unit, limit->reached),
           amount_text(possible, limit->unit, limit->limit), 100 * limit->reached / limit->limit,
           limit->text);
}

static void print_stage(const struct bench *bench, enum bench_stage stage)
{
    const struct bench_result *result = &bench->results[stage];
    if (!(result->rate > 0))
        return;
    char rate[AMOUNT_BYTES];
    snprintf(rate, sizeof(rate), "%.1f %s", result->rate, stages[stage].rate_text);
    bool first = true;
    for (uint32_t i = 0; i < BENCH_LIMITS; i++) {
        if (!(result->limits[i].limit > 0))
            continue;
        print_limit(first ? stages[stage].text : "", first ? rate : "", &result->limits[i]);
        first = false;
    }
    if (first)
        printf("%-11s %16s\n", stages[stage].text, rate);
}

void bench_print_table(const struct bench *bench)
{
    const struct classifier *classifier = bench->classifying.classifier;
    const struct cubby_gpu *gpu = net_classifier_gpu(classifier);
    printf("device        %s\n", cubby_gpu_info(gpu)->name);
    printf("kernels       %s, %s, batches of %u, %u in flight\n",
           cubby_kernels_text(cubby_gpu_kernels(gpu)),
           cubby_precision_text(cubby_gpu_precision(gpu)), (unsigned)classifier->max_batch,
           (unsigned)classifier->slots);
    printf("pictures      %s\n", cubby_upload_phrase(net_classifier_upload(classifier)));
    printf("threads       %u read and decode%s\n", (unsigned)bench->classifying.threads,
           bench->shares_cores ? ", on the cores that the network uses, too" : "");
    if (bench->photos.count)
        printf("photos        %zu of %.2f MB\n", bench->photos.count,
               bench_photos_mean_bytes(&bench->photos) / 1e6);
    printf("first result  %.2f s after the start\n", bench->first_result_s);
    printf("peak memory   %.0f MB\n\n", (double)bench->peak_bytes / 1e6);

    printf("%-11s %16s %14s %14s %7s  %s\n", "stage", "alone", "that is", "of at most", "reached",
           "the limit is measured by");
    for (enum bench_stage stage = 0; stage < BENCH_STAGES; stage++)
        print_stage(bench, stage);
    if (bench->results[BENCH_END_TO_END].rate > 0)
        printf("\nEnd to end is limited by %s\n",
               pipeline_stage_text(bench->results[BENCH_END_TO_END].limited_by));
}

// ---- JSON

static json_t *limits_json(const struct bench_result *result)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < BENCH_LIMITS; i++) {
        const struct bench_limit *limit = &result->limits[i];
        if (limit->limit > 0)
            json_array_append_new(array, json_pack("{s:s, s:s, s:f, s:f, s:f}", "what", limit->key,
                                                   "unit", unit_keys[limit->unit], "reached",
                                                   limit->reached, "limit", limit->limit,
                                                   "fraction", limit->reached / limit->limit));
    }
    return array;
}

static void add_stages(json_t *object, const struct bench *bench)
{
    for (enum bench_stage stage = 0; stage < BENCH_STAGES; stage++) {
        const struct bench_result *result = &bench->results[stage];
        if (!(result->rate > 0))
            continue;
        json_t *part = json_pack("{s:f, s:o}", stages[stage].rate_key, result->rate, "limits",
                                 limits_json(result));
        if (stage == BENCH_NETWORK)
            json_object_set_new(part, "batch",
                                json_integer(bench->classifying.classifier->max_batch));
        json_object_set_new(object, stages[stage].key, part);
    }
}

static void add_end_to_end(json_t *object, const struct bench *bench)
{
    const struct bench_limit *limit = final_limit(bench);
    if (!(limit->limit > 0))
        return;
    const struct bench_result *result = &bench->results[BENCH_END_TO_END];
    json_t *more =
        json_pack("{s:f, s:f, s:f, s:f, s:s}", "slowest_stage", result->limits[0].limit,
                  "fraction_of_slowest_stage", result->rate / result->limits[0].limit, "limit",
                  limit->limit, "fraction_of_limit", result->rate / limit->limit, "limited_by",
                  pipeline_stage_text(result->limited_by));
    json_object_update(object, more);
    json_decref(more);
}

void bench_print_json(const struct bench *bench)
{
    const struct cubby_gpu *gpu = net_classifier_gpu(bench->classifying.classifier);
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:s, s:b, s:i, s:I, s:f}", "device", cubby_gpu_info(gpu)->name, "kernels",
        cubby_kernels_text(cubby_gpu_kernels(gpu)), "precision",
        cubby_precision_text(cubby_gpu_precision(gpu)), "upload",
        cubby_upload_text(net_classifier_upload(bench->classifying.classifier)), "shares_cores",
        (int)bench->shares_cores, "threads", (int)bench->classifying.threads, "peak_rss_bytes",
        (json_int_t)bench->peak_bytes, "first_result_s", bench->first_result_s);
    add_stages(object, bench);
    add_end_to_end(object, bench);
    json_dumpf(object, stdout, JSON_REAL_PRECISION(6));
    json_decref(object);
    printf("\n");
}
