#include "commands/command.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "away.h"
#include "check/class_folders.h"
#include "check/check_report.h"
#include "check/tally.h"
#include "check/thumbnail.h"
#include "commands/classifying.h"
#include "commands/counter.h"
#include "commands/new_file.h"
#include "decode/decode.h"
#include "platform/path.h"
#include "platform/signals.h"
#include "progress.h"
#include "scan.h"
#include "stream.h"

struct check {
    const struct command *command;
    const struct cli_options *options;
    const char *model, *folder; // borrowed
    struct classifying classifying;
    struct class_folders folders;
    struct scan *scan; // owned
    struct counter counter;
    struct progress progress;
    struct check_tally tally;
    struct check_report report;
};

// ---- the photos

static struct scan_params scan_params(const struct check *check)
{
    return (struct scan_params){.roots = &check->folder,
                                .root_count = 1,
                                .online = check->command->options->online,
                                .fs = check->command->fs,
                                .log = check->command->log};
}

// What is in no class's folder is not even read.
static enum cubby_status next(void *user, struct photo **out)
{
    struct check *check = user;
    enum cubby_status status = scan_next(check->scan, out);
    if (!status && *out &&
        class_folders_class(&check->folders, (*out)->relative) == CLASS_FOLDERS_NONE)
        photo_settle(*out, PHOTO_SKIPPED, "in no folder of a class");
    if (!status && *out && !check->command->options->online)
        away_settle(*out);
    return status;
}

// Names a file that is left out, as long as there is room.
static enum cubby_status name_left_out(struct check_left_out *list, uint32_t *count,
                                       const char *name, size_t length, const char *reason)
{
    if (*count == CHECK_MAX_NAMED)
        return CUBBY_OK;
    struct check_left_out *item = &list[*count];
    *item = (struct check_left_out){.name = calloc(length + 1, 1),
                                    .reason = reason ? strdup(reason) : NULL};
    if (!item->name || (reason && !item->reason)) {
        free(item->name);
        free(item->reason);
        return CUBBY_NO_MEMORY;
    }
    memcpy(item->name, name, length);
    (*count)++;
    return CUBBY_OK;
}

static enum cubby_status count_outsider(struct check_report *report, const char *relative)
{
    // Files come folder by folder, but those in none come between them.
    const size_t length = strchr(relative, '/') ? strcspn(relative, "/") : 0;
    uint32_t i = 0;
    report->outside++;
    while (i < report->outsider_count && (strncmp(report->outsiders[i].name, relative, length) ||
                                          report->outsiders[i].name[length]))
        i++;
    enum cubby_status status = CUBBY_OK;
    if (i == report->outsider_count)
        status = name_left_out(report->outsiders, &report->outsider_count, relative, length, NULL);
    if (!status && i < report->outsider_count)
        report->outsiders[i].files++;
    return status;
}

static enum cubby_status count_failed(struct check *check, const struct photo *photo)
{
    struct check_report *report = &check->report;
    report->failed++;
    cubby_log(check->command->log, CUBBY_LOG_WARNING, "%s: %s", photo->path, photo->reason);
    return name_left_out(report->failures, &report->failure_count, photo->relative,
                         strlen(photo->relative), photo->reason);
}

static enum cubby_status count_photo(struct check *check, const struct photo *photo, uint32_t truth,
                                     const float *logits)
{
    enum check_added added;
    uint32_t counted_as;
    enum cubby_status status =
        check_tally_add(&check->tally, photo, logits, truth, photo->relative, &added, &counted_as);
    if (!status && added == CHECK_CONTRADICTION)
        cubby_log(check->command->log, CUBBY_LOG_WARNING,
                  "%s: the same photo is counted as \"%s\" already: it lies in the folders of two "
                  "classes, one of which is wrong",
                  photo->path, check->classifying.class_names[counted_as]);
    return status;
}

static enum cubby_status settle(void *user, struct photo **settled, const float *logits)
{
    struct check *check = user;
    const struct photo *photo = *settled;
    const uint32_t truth = class_folders_class(&check->folders, photo->relative);
    check->report.found++;
    if (truth == CLASS_FOLDERS_NONE)
        return count_outsider(&check->report, photo->relative);
    if (photo->status == PHOTO_FAILED)
        return count_failed(check, photo);
    if (photo->status == PHOTO_SKIPPED) {
        check->report.not_photos++;
        return CUBBY_OK;
    }
    return count_photo(check, photo, truth, logits);
}

static enum cubby_status tick(void *user, const struct pipeline_stats *stats)
{
    struct check *check = user;
    const struct progress_count count = {.found = atomic_load(&check->counter.found),
                                         .found_final = atomic_load(&check->counter.final),
                                         .failed = check->report.failed};
    progress_update(&check->progress, stats, &count);
    return CUBBY_OK;
}

static enum cubby_status run(struct check *check)
{
    const struct command *command = check->command;
    struct pipeline_params params = classifying_pipeline(&check->classifying, command);
    params.next = next;
    params.settle = settle;
    params.tick = tick;
    params.user = check;
    // The photos themselves say how probable their best classes are.
    params.keep_logits = check->classifying.class_count > PHOTO_TOP;
    struct scan_params counted = scan_params(check);
    struct pipeline_stats stats;
    progress_init(&check->progress, command->messages, command->options->quiet, false);
    counter_start(&check->counter, &counted);
    enum cubby_status status = pipeline_run(&params, &stats);
    counter_stop(&check->counter);
    progress_finish(&check->progress);
    return status;
}

// ---- before

// A page that cannot be written should not be found out hours later.
static enum cubby_status look_for_html(const struct check *check)
{
    const struct fs *fs = check->command->fs;
    const char *path = check->options->html;
    struct fs_stat stat;
    if (!path)
        return CUBBY_OK;
    if (!fs->lstat(fs, path, &stat)) {
        cubby_log(check->command->log, CUBBY_LOG_ERROR,
                  "%s is already there: name another file, or remove it", path);
        return CUBBY_EXISTS;
    }
    char *parent = path_parent(path);
    if (!parent)
        return CUBBY_NO_MEMORY;
    int error = fs->stat(fs, parent, &stat);
    if (!error && !stat.is_folder)
        error = UV_ENOTDIR;
    if (error)
        cubby_log(check->command->log, CUBBY_LOG_ERROR, "%s cannot be written: the folder %s: %s",
                  path, parent, fs_error_text(error));
    free(parent);
    return error ? CUBBY_IO : CUBBY_OK;
}

static enum cubby_status look_at_folder(const struct check *check)
{
    struct fs_stat stat;
    int error = check->command->fs->stat(check->command->fs, check->folder, &stat);
    if (!error && stat.is_folder)
        return CUBBY_OK;
    cubby_log(check->command->log, CUBBY_LOG_ERROR,
              "%s is no folder that can be looked at: %s; name the one that has a folder for each "
              "class",
              check->folder, fs_error_text(error ? error : UV_ENOTDIR));
    return CUBBY_IO;
}

// First what fails fastest: a mistyped folder should not wait for the model.
static enum cubby_status prepare(struct check *check)
{
    const struct command *command = check->command;
    enum cubby_status status = look_at_folder(check);
    if (!status)
        status = look_for_html(check);
    if (!status)
        status = classifying_open_model(&check->classifying, command, check->model);
    if (status)
        return status;
    const struct classifying *classifying = &check->classifying;
    check->report = (struct check_report){
        .model = check->model,
        .folder = check->folder,
        .class_names = classifying->class_names,
        .class_count = classifying->class_count,
        .threshold = classifying_threshold(check->options, classifying->threshold)};
    const struct cubby_model *model = classifying->model.model;
    status = class_folders_init(&check->folders, check->folder, classifying->class_names,
                                classifying->class_count, command->fs, command->log);
    if (!status)
        status = check_tally_init(&check->tally, &check->report,
                                  model && cubby_model_scores(model) == CUBBY_SCORES_SIGMOID,
                                  check->options->mistakes);
    if (status == CUBBY_TOO_LARGE)
        cubby_log(command->log, CUBBY_LOG_ERROR,
                  "the model has %u classes: too many for a confusion matrix",
                  (unsigned)classifying->class_count);
    if (status)
        return status;
    struct scan_params params = scan_params(check);
    return scan_create(&check->scan, &params);
}

// ---- after

static enum cubby_status add_thumbnails(struct check *check)
{
    struct check_report *report = &check->report;
    for (uint32_t i = 0; i < report->mistake_count; i++) {
        struct check_mistake *mistake = &report->mistakes[i];
        if (platform_interrupted())
            return CUBBY_INTERRUPTED;
        char *path = path_join(check->folder, mistake->path);
        if (!path)
            return CUBBY_NO_MEMORY;
        const struct thumbnail_params params = {.path = path,
                                                .hash = mistake->hash,
                                                .max_file_bytes =
                                                    check->options->max_file_size_bytes,
                                                .max_pixels = check->options->max_pixels,
                                                .fs = check->command->fs};
        enum cubby_status status = thumbnail_make(&mistake->thumbnail, &params);
        if (status)
            cubby_log(check->command->log, CUBBY_LOG_WARNING, "%s: no thumbnail: %s", path,
                      cubby_status_text(status));
        free(path);
    }
    return CUBBY_OK;
}

static enum cubby_status write_html(struct check *check)
{
    const char *path = check->options->html;
    struct text text = {0};
    enum cubby_status status = add_thumbnails(check);
    if (status)
        return status;
    check_report_html(&text, &check->report);
    status = text.failed ? CUBBY_NO_MEMORY
                         : new_file_write(check->command->fs, path, text.bytes, text.length,
                                          check->command->log);
    text_free(&text);
    if (!status)
        messages_line(check->command->messages, "The report is in %s", path);
    return status;
}

static enum cubby_status print(const struct check *check)
{
    struct text text = {0};
    if (check->options->json)
        check_report_json(&text, &check->report);
    else
        check_report_text(&text, &check->report);
    enum cubby_status status = text.failed ? CUBBY_NO_MEMORY : CUBBY_OK;
    if (!status)
        fwrite(text.bytes, 1, text.length, stdout);
    text_free(&text);
    return status ? status : stream_flush(stdout, check->command->log);
}

static enum cubby_status report(struct check *check)
{
    struct check_report *report = &check->report;
    report->unreadable_folders = scan_unreadable_folders(check->scan);
    enum cubby_status status = check_tally_finish(&check->tally);
    if (status)
        return status;
    if (!report->metrics.count) {
        cubby_log(check->command->log, CUBBY_LOG_ERROR,
                  report->failed ? "none of the photos could be read: %" PRIu64 " failed"
                                 : "there are no photos in the folders of the classes",
                  report->failed);
        return CUBBY_BAD_DATA;
    }
    if (check->options->html)
        status = write_html(check);
    return status ? status : print(check);
}

int command_check(const struct command *command)
{
    struct check check = {.command = command,
                          .options = command->options,
                          .model = command->options->arguments[0],
                          .folder = command->options->arguments[1]};
    enum cubby_status status = prepare(&check);
    if (!status) {
        status = run(&check);
        // They come class by class: figures of the first ones would say nothing of the others.
        if (status == CUBBY_INTERRUPTED)
            messages_line(command->messages,
                          "Stopped after %" PRIu64 " files: there is no report of a part",
                          check.report.found);
    }
    if (!status) {
        status = report(&check);
        if (status == CUBBY_INTERRUPTED)
            messages_line(command->messages, "Stopped before the report was written");
    }
    int code = status ? command_failed(command, status) : EXIT_CODE_OK;
    if (!status && (check.report.failed || check.report.unreadable_folders))
        code = EXIT_CODE_SOME_FAILED;

    check_report_fini(&check.report);
    check_tally_fini(&check.tally);
    class_folders_fini(&check.folders);
    scan_destroy(&check.scan);
    classifying_close(&check.classifying);
    return code;
}
