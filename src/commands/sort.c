#include "commands/command.h"

#include <stdlib.h>
#include <string.h>

#include "commands/classifying.h"
#include "commands/counter.h"
#include "commands/destination.h"
#include "commands/held_photos.h"
#include "commands/summary.h"
#include "pipeline/decide.h"
#include "platform/clock.h"
#include "platform/names.h"
#include "platform/signals.h"
#include "progress.h"
#include "report.h"
#include "scan.h"
#include "sink/sink.h"

struct sort {
    const struct command *command;
    double started;
    char *output;
    struct scan *scan;
    struct classifying classifying;
    const char **class_names; // owned; the names are the model's
    char **folders;           // owned, one per class
    uint32_t class_count;
    struct sink *sink;
    struct report *report;
    struct summary summary;
    struct held_photos held; // where the sink settles late
    uint64_t settled, failed;
    struct counter counter;
    struct progress progress;
    bool stop_told;
};

static struct scan_params scan_params(const struct sort *sort)
{
    const struct command *command = sort->command;
    return (struct scan_params){.roots = command->options->arguments,
                                .root_count = command->options->argument_count,
                                .output = sort->output,
                                .fs = command->fs,
                                .log = command->log};
}

static enum cubby_status make_names(struct sort *sort)
{
    const struct cubby_model *model = sort->classifying.model.model;
    sort->class_count = cubby_model_class_count(model);
    sort->class_names = calloc(sort->class_count, sizeof(*sort->class_names));
    if (!sort->class_names)
        return CUBBY_NO_MEMORY;
    for (uint32_t i = 0; i < sort->class_count; i++)
        sort->class_names[i] = cubby_model_class_name(model, i);
    return names_make_folders(&sort->folders, sort->class_names, sort->class_count);
}

static enum cubby_status make_sink(struct sort *sort)
{
    const struct command *command = sort->command;
    const struct cli_options *options = command->options;
    struct sink_params params = {
        .output = sort->output, .fs = command->fs, .log = command->log, .sync = !options->no_fsync};
    if (options->dry_run)
        return sink_dry_run_create(&sort->sink, &params);
    if (options->pack == CLI_PACK_ZIP)
        return sink_zip_create(&sort->sink, &params);
    return sink_folder_create(&sort->sink, &params);
}

static enum cubby_status make_report(struct sort *sort)
{
    const struct command *command = sort->command;
    struct report_params params = {.output = command->options->dry_run ? NULL : sort->output,
                                   .class_names = sort->class_names,
                                   .class_count = sort->class_count,
                                   .json = command->options->json ? stdout : NULL,
                                   .fs = command->fs,
                                   .log = command->log};
    return report_create(&sort->report, &params);
}

static void start_progress(struct sort *sort)
{
    const struct cli_options *options = sort->command->options;
    progress_init(&sort->progress, sort->command->messages, options->quiet, options->json);
    struct scan_params scan = scan_params(sort);
    if (!options->quiet)
        counter_start(&sort->counter, &scan);
}

static enum cubby_status next(void *user, struct photo **out)
{
    return scan_next(((struct sort *)user)->scan, out);
}

static enum cubby_status account(struct sort *sort, const struct photo *photo)
{
    summary_add(&sort->summary, photo);
    return report_add(sort->report, photo);
}

static enum cubby_status settle(void *user, struct photo *photo, const float *logits)
{
    (void)logits;
    struct sort *sort = user;
    enum cubby_status status = CUBBY_OK;
    if (photo->status == PHOTO_PENDING) {
        photo->status = decide(photo, sort->command->options->threshold);
        const char *folder =
            photo->status == PHOTO_FILED ? sort->folders[photo->top[0].class_index] : NAMES_UNSURE;
        status = sink_file(sort->sink, photo, folder);
        if (status && photo->status != PHOTO_FAILED)
            photo_settle(photo, PHOTO_FAILED, "could not be filed: %s", cubby_status_text(status));
    }
    sort->settled++;
    sort->failed += photo->status == PHOTO_FAILED;
    enum cubby_status reported =
        sink_settles_late(sort->sink) ? held_photos_add(&sort->held, photo) : account(sort, photo);
    return status ? status : reported;
}

// Once the archives are finished. Whatever fails, each photo is counted.
static enum cubby_status account_held(struct sort *sort)
{
    enum cubby_status first = CUBBY_OK;
    for (size_t i = 0; i < sort->held.count; i++) {
        struct photo *photo = NULL;
        enum cubby_status status = held_photos_get(&sort->held, i, &photo);
        if (!status)
            status = sink_confirm(sort->sink, photo);
        if (!status)
            status = account(sort, photo);
        if (!first)
            first = status;
        photo_free(&photo);
    }
    return first;
}

static void tick(void *user, const struct pipeline_stats *stats)
{
    struct sort *sort = user;
    uint64_t found = atomic_load(&sort->counter.found);
    struct progress_count count = {.found = found > sort->settled ? found : sort->settled,
                                   .found_final = atomic_load(&sort->counter.final),
                                   .failed = sort->failed};
    progress_update(&sort->progress, stats, &count);
    if (platform_interrupted() && !sort->stop_told) {
        sort->stop_told = true;
        messages_line(sort->command->messages,
                      "Stopping after the photos that are on their way (again: stop at once)");
    }
}

static enum cubby_status run(struct sort *sort)
{
    struct pipeline_params params = classifying_pipeline(&sort->classifying, sort->command);
    params.next = next;
    params.settle = settle;
    params.tick = tick;
    params.user = sort;
    params.keep_bytes = !sort->command->options->dry_run;
    struct pipeline_stats stats;
    start_progress(sort);
    enum cubby_status status = pipeline_run(&params, &stats);
    counter_stop(&sort->counter);
    progress_finish(&sort->progress);
    cubby_log(sort->command->log, CUBBY_LOG_DEBUG,
              "%llu batches, %llu photos read twice, limited by %s",
              (unsigned long long)stats.batches, (unsigned long long)stats.rereads,
              pipeline_stage_text(pipeline_limit(&stats)));
    return status;
}

static enum cubby_status prepare(struct sort *sort)
{
    struct scan_params params = scan_params(sort);
    // First what fails fastest: a mistyped folder should not wait for the model.
    enum cubby_status status = scan_create(&sort->scan, &params);
    if (!status)
        status = classifying_open(&sort->classifying, sort->command);
    if (!status)
        status = make_names(sort);
    if (!status)
        status = summary_init(&sort->summary, sort->class_count);
    if (!status)
        status = make_sink(sort);
    if (!status)
        status = make_report(sort);
    return status;
}

// Publishes archives and report, says how it went, and chooses the exit code.
static int finish(struct sort *sort, enum cubby_status status)
{
    const struct command *command = sort->command;
    enum cubby_status filed = sink_finish(sort->sink);
    enum cubby_status accounted = account_held(sort);
    double seconds = clock_seconds() - sort->started;
    enum cubby_status reported = report_finish(sort->report, seconds);
    if (!reported)
        reported = accounted;
    const struct report_totals *totals = report_totals(sort->report);
    uint64_t unreadable = scan_unreadable_folders(sort->scan);
    struct summary_facts facts = {.totals = totals,
                                  .class_names = sort->class_names,
                                  .class_count = sort->class_count,
                                  .output = sort->output,
                                  .unreadable_folders = unreadable,
                                  .seconds = seconds,
                                  .dry_run = command->options->dry_run,
                                  .stopped = status != CUBBY_OK || filed != CUBBY_OK};
    summary_print(&sort->summary, command->messages, &facts);
    if (!status)
        status = filed ? filed : reported;
    if (status)
        return command_failed(command, status);
    int code = totals->failed || unreadable ? EXIT_CODE_SOME_FAILED : EXIT_CODE_OK;
    return command_finish_output(command, code);
}

int command_sort(const struct command *command)
{
    struct sort sort = {.command = command, .started = clock_seconds()};
    int code = destination_choose(&sort.output, command);
    if (code != EXIT_CODE_OK)
        return code;
    enum cubby_status status = prepare(&sort);
    code = status ? command_failed(command, status) : finish(&sort, run(&sort));

    report_destroy(&sort.report);
    sink_destroy(&sort.sink);
    held_photos_fini(&sort.held);
    summary_fini(&sort.summary);
    names_free_folders(&sort.folders, sort.class_count);
    free(sort.class_names);
    classifying_close(&sort.classifying);
    scan_destroy(&sort.scan);
    free(sort.output);
    return code;
}
