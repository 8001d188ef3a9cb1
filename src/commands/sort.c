#include "commands/sort_internal.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "away.h"
#include "commands/destination.h"
#include "pipeline/decide.h"
#include "platform/clock.h"
#include "platform/names.h"
#include "platform/path.h"
#include "platform/signals.h"

// ---- one photo

enum cubby_status sort_settle(struct sort *sort, struct photo **settled)
{
    struct photo *photo = *settled;
    if (photo->status != PHOTO_PENDING) {
        // It failed before, and fails again: its row stays the earlier run's.
        photo->recorded |= photo->id && photo->status == PHOTO_FAILED;
        sort->changed |= !photo->recorded;
        return sink_pass(sort->sink, settled);
    }
    sort->changed = true;
    char *own;
    enum cubby_status status = placed_apply(&sort->placed, photo, &own);
    if (!status && own)
        status = sink_file(sort->sink, settled, own);
    free(own);
    if (status || !*settled)
        return status;
    photo->status = decide(photo, sort->threshold);
    uint32_t class_index = photo->top[0].class_index;
    free(photo->class_name);
    photo->class_name = strdup(sort->class_names[class_index]);
    if (!photo->class_name)
        return CUBBY_NO_MEMORY;
    const char *folder = photo->status == PHOTO_FILED ? sort->folders[class_index] : NAMES_UNSURE;
    return sink_file(sort->sink, settled, folder);
}

// The sink is done with a photo.
static enum cubby_status account(void *user, const struct photo *photo)
{
    struct sort *sort = user;
    if (photo->status == PHOTO_PENDING) { // its archive is not finished: it comes again
        sort->waiting++;
        return CUBBY_OK;
    }
    sort->failed += photo->status == PHOTO_FAILED;
    for (uint32_t i = 0; i < photo->member_count; i++)
        sort->travelling += photo->members[i].filed_as != NULL;
    summary_add(&sort->summary, photo, &sort->shown);
    return report_add(sort->report, photo);
}

// ---- before

static struct scan_params scan_params(const struct sort *sort)
{
    const struct command *command = sort->command;
    return (struct scan_params){.roots = (const char *const *)sort->shown.absolute,
                                .root_count = sort->shown.count,
                                .output = sort->path,
                                .groups = !command->options->no_groups,
                                .online = command->options->online,
                                .fs = command->fs,
                                .log = command->log};
}

int sort_open_output(struct sort *sort)
{
    const struct fs *fs = sort->command->fs;
    sort->existed = fs->stat(fs, sort->path, &sort->before) == 0;
    char *above = path_parent(sort->path);
    if (above && fs->stat(fs, above, &sort->above))
        sort->above = (struct fs_stat){0};
    free(above);
    const struct output_params params = {.create = true, .sync = !sort->command->options->no_fsync};
    return output_open(&sort->output, sort->command, sort->path, &params);
}

static enum cubby_status note_folder(struct sort *sort, const char *path, bool made,
                                     const struct fs_stat *stat)
{
    struct catalogue_folder folder = {.run = sort->run.id,
                                      .path = path ? strdup(path) : NULL,
                                      .made = made,
                                      .mtime_ns = stat->mtime_ns,
                                      .atime_ns = stat->atime_ns};
    if (!folder.path)
        return CUBBY_NO_MEMORY;
    enum cubby_status status = catalogue_add_folder(sort->output.catalogue, &folder);
    catalogue_folder_fini(&folder);
    return status;
}

// What undo needs to leave no trace: the folder above got a new name in it, the output itself
// may be new.
static enum cubby_status note_folders(struct sort *sort)
{
    char *above = path_parent(sort->path);
    enum cubby_status status = CUBBY_OK;
    if (sort->above.is_folder)
        status = note_folder(sort, above, false, &sort->above);
    if (!status)
        status = note_folder(sort, sort->path, !sort->existed, &sort->before);
    free(above);
    return status ? status : catalogue_commit(sort->output.catalogue);
}

static enum filing_how how(const struct cli_options *options)
{
    return options->move      ? FILING_MOVE
           : options->link    ? FILING_LINK
           : options->symlink ? FILING_SYMLINK
                              : FILING_COPY;
}

static const enum archive_kind archive_kinds[] = {
    [CLI_PACK_ZIP] = ARCHIVE_ZIP, [CLI_PACK_TAR_ZST] = ARCHIVE_TAR_ZST, [CLI_PACK_7Z] = ARCHIVE_7Z};

static enum cubby_status make_sink(struct sort *sort)
{
    const struct command *command = sort->command;
    const struct cli_options *options = command->options;
    struct sink_params params = {.output = sort->path,
                                 .fs = command->fs,
                                 .log = command->log,
                                 .sync = !options->no_fsync,
                                 .catalogue = sort->output.catalogue,
                                 .run = sort->run.id,
                                 .how = how(options),
                                 .kind = archive_kinds[options->pack],
                                 .part_bytes = options->pack_size_bytes,
                                 .settled = account,
                                 .user = sort};
    if (options->dry_run)
        return sink_dry_run_create(&sort->sink, &params);
    return options->pack == CLI_PACK_FOLDERS ? sink_folder_create(&sort->sink, &params)
                                             : sink_archive_create(&sort->sink, &params);
}

int sort_begin(struct sort *sort, const struct run_settings *settings)
{
    const struct command *command = sort->command;
    int code = EXIT_CODE_OK;
    struct run_begun begun = {0};
    bool recorded = sort->output.catalogue && !command->options->dry_run;
    if (recorded)
        code = run_settings_begin(&sort->run, &begun, command, sort->output.catalogue, settings);
    if (code != EXIT_CODE_OK)
        return code;
    sort->continued = begun.continued;
    sort->known = (struct known){.catalogue = sort->output.catalogue,
                                 .run = sort->run.id,
                                 .model = settings->model,
                                 .class_count = sort->class_count,
                                 .again = begun.again};
    sort->placed = (struct placed){.catalogues = {sort->output.catalogue, sort->source},
                                   .class_names = sort->class_names,
                                   .folders = sort->folders,
                                   .class_count = sort->class_count};
    enum cubby_status status = CUBBY_OK;
    if (recorded && !sort->continued)
        status = note_folders(sort);
    if (!status)
        status = summary_init(&sort->summary, sort->class_count);
    if (!status)
        status = make_sink(sort);
    const struct report_params report = {
        .json = command->options->json ? stdout : NULL, .shown = &sort->shown, .log = command->log};
    if (!status)
        status = report_create(&sort->report, &report);
    return status ? command_failed(command, status) : EXIT_CODE_OK;
}

// ---- the run

static enum cubby_status next(void *user, struct photo **out)
{
    struct sort *sort = user;
    enum cubby_status status = scan_next(sort->scan, out);
    if (!status && *out)
        status = known_apply(&sort->known, *out);
    if (!status && *out && !sort->command->options->online)
        away_settle(*out);
    return status;
}

static enum cubby_status settle(void *user, struct photo **photo, const float *logits)
{
    (void)logits;
    struct sort *sort = user;
    sort->settled++;
    return sort_settle(sort, photo);
}

static void start_progress(struct sort *sort)
{
    const struct cli_options *options = sort->command->options;
    progress_init(&sort->progress, sort->command->messages, options->quiet, options->json);
    struct scan_params scan = scan_params(sort);
    if (!options->quiet)
        counter_start(&sort->counter, &scan);
}

static enum cubby_status tick(void *user, const struct pipeline_stats *stats)
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
    return sink_tick(sort->sink);
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

// First what fails fastest: a mistyped folder should not wait for the model.
static enum cubby_status open_sources(struct sort *sort)
{
    const struct command *command = sort->command;
    enum cubby_status status = shown_paths_init(&sort->shown, command->options->arguments,
                                                command->options->argument_count);
    struct scan_params params = scan_params(sort);
    if (!status)
        status = scan_create(&sort->scan, &params);
    if (!status)
        status = classifying_open(&sort->classifying, command);
    if (status)
        return status;
    sort->class_names = sort->classifying.class_names;
    sort->class_count = sort->classifying.class_count;
    sort->threshold = classifying_threshold(command->options, sort->classifying.threshold);
    return names_make_folders(&sort->folders, sort->class_names, sort->class_count);
}

static int sort_photos(struct sort *sort)
{
    enum cubby_status status = open_sources(sort);
    if (status)
        return command_failed(sort->command, status);
    int code = sort->command->options->dry_run ? EXIT_CODE_OK : sort_open_output(sort);
    const struct run_settings settings = {.model = sort->classifying.model_hash,
                                          .model_name = sort->classifying.model_name,
                                          .model_path = sort->classifying.model.path,
                                          .classes = sort->class_names,
                                          .class_count = sort->class_count,
                                          .threshold = sort->threshold,
                                          .roots = sort->shown.absolute,
                                          .root_count = (uint32_t)sort->shown.count};
    if (code == EXIT_CODE_OK)
        code = sort_begin(sort, &settings);
    return code == EXIT_CODE_OK ? sort_finish(sort, run(sort)) : code;
}

// ---- the end

// Whether the run, however often it was interrupted, left nothing behind.
static enum cubby_status is_empty(struct sort *sort, bool *empty)
{
    const struct catalogue_photos photos = {sort->run.id, CATALOGUE_ANY, CATALOGUE_ANY};
    const struct catalogue_filings filings = {sort->run.id, CATALOGUE_ANY, CATALOGUE_ANY,
                                              CATALOGUE_ANY};
    struct photo *photo = NULL;
    struct filing filing = {0};
    *empty = false;
    if (sort->changed)
        return CUBBY_OK;
    enum cubby_status status = catalogue_next_photo(sort->output.catalogue, &photos, 0, &photo);
    if (!status)
        status = catalogue_next_filing(sort->output.catalogue, &filings, 0, false, &filing);
    *empty = !status && !photo && !filing.id;
    photo_free(&photo);
    filing_fini(&filing);
    return status;
}

// Writes down how far the run has come. A run that changed nothing leaves no trace, so that undo
// takes back the one before.
static enum cubby_status close_run(struct sort *sort, bool complete, bool clean)
{
    struct catalogue *catalogue = sort->output.catalogue;
    const struct command *command = sort->command;
    if (!catalogue || command->options->dry_run)
        return CUBBY_OK;
    bool empty;
    enum cubby_status status = is_empty(sort, &empty);
    if (!status && (sort->changed || sort->continued))
        status = report_write(catalogue, sort->path, &sort->shown, command->fs, command->log);
    clean = clean && !status;
    if (empty && complete) {
        enum cubby_status removed = catalogue_remove_run(catalogue, sort->run.id);
        status = status ? status : removed;
    } else {
        sort->run.clean = clean;
        sort->run.state = complete ? RUN_FINISHED : RUN_OPEN;
        sort->run.finished_ns = complete ? clock_wall_ns() : 0;
        enum cubby_status updated = catalogue_update_run(catalogue, &sort->run);
        status = status ? status : updated;
    }
    enum cubby_status committed = catalogue_commit(catalogue);
    return status ? status : committed;
}

int sort_finish(struct sort *sort, enum cubby_status status)
{
    const struct command *command = sort->command;
    enum cubby_status filed = sink_finish(sort->sink, status == CUBBY_OK);
    bool complete = status == CUBBY_OK && filed == CUBBY_OK;
    // After an error something may be left that could not be removed: the next run looks for it.
    bool clean = complete || (status == CUBBY_INTERRUPTED && !filed);
    enum cubby_status closed = close_run(sort, complete, clean);
    double seconds = clock_seconds() - sort->started;
    enum cubby_status reported = report_finish(sort->report, seconds);
    if (!reported)
        reported = closed;
    const struct report_totals *totals = report_totals(sort->report);
    uint64_t unreadable = sort->scan ? scan_unreadable_folders(sort->scan) : 0;
    struct summary_facts facts = {.totals = totals,
                                  .class_names = sort->class_names,
                                  .class_count = sort->class_count,
                                  .output = sort->path,
                                  .unreadable_folders = unreadable,
                                  .waiting = sort->waiting,
                                  .travelling = sort->travelling,
                                  .seconds = seconds,
                                  .dry_run = command->options->dry_run,
                                  .stopped = !complete};
    summary_print(&sort->summary, command->messages, &facts);
    if (!status)
        status = filed ? filed : reported;
    if (status)
        return command_failed(command, status);
    int code = totals->failed || unreadable ? EXIT_CODE_SOME_FAILED : EXIT_CODE_OK;
    return command_finish_output(command, code);
}

// Before there are threads: it changes the environment.
static int prepare_archives(const struct sort *sort)
{
    const struct cli_options *options = sort->command->options;
    if (options->pack == CLI_PACK_FOLDERS || options->dry_run)
        return EXIT_CODE_OK;
    char *folder = path_join(sort->path, CATALOGUE_FOLDER);
    int error = folder ? archive_use_folder(archive_kinds[options->pack], folder) : UV_ENOMEM;
    free(folder);
    return error ? command_failed(sort->command, fs_status(error)) : EXIT_CODE_OK;
}

int command_sort(const struct command *command)
{
    struct sort sort = {.command = command, .started = clock_seconds()};
    int code = destination_choose(&sort.path, command);
    if (code == EXIT_CODE_OK)
        code = prepare_archives(&sort);
    if (code == EXIT_CODE_OK)
        code = command->options->from_catalogue ? sort_from_catalogue(&sort) : sort_photos(&sort);

    report_destroy(&sort.report);
    sink_destroy(&sort.sink);
    summary_fini(&sort.summary);
    known_fini(&sort.known);
    catalogue_run_fini(&sort.run);
    output_close(&sort.output);
    names_free_folders(&sort.folders, sort.class_count);
    classifying_close(&sort.classifying);
    scan_destroy(&sort.scan);
    shown_paths_fini(&sort.shown);
    free(sort.path);
    return code;
}
