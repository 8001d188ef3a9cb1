#include "commands/command.h"

#include <stdio.h>
#include <stdlib.h>

#include "away.h"
#include "commands/classifying.h"
#include "commands/named_files.h"
#include "commands/result_line.h"
#include "progress.h"
#include "stream.h"

struct classify {
    const struct command *command;
    struct classifying classifying;
    struct named_files files;
    struct result_params result;
    struct text line;
    struct progress progress;
    uint64_t failed;
    enum cubby_status output; // once standard output failed
};

// Says once why results do not arrive.
static enum cubby_status flush(struct classify *classify)
{
    if (!classify->output)
        classify->output = stream_flush(stdout, classify->command->log);
    return classify->output;
}

static enum cubby_status print(struct classify *classify)
{
    struct text *line = &classify->line;
    if (line->failed)
        return CUBBY_NO_MEMORY;
    if (!line->length)
        return CUBBY_OK;
    bool ok = fwrite(line->bytes, 1, line->length, stdout) == line->length;
    line->length = 0;
    return ok ? classify->output : flush(classify);
}

static enum cubby_status next(void *user, struct photo **out)
{
    struct classify *classify = user;
    enum cubby_status status = named_files_next(&classify->files, out);
    if (!status && *out && !classify->files.online)
        away_settle(*out);
    return status;
}

static enum cubby_status settle(void *user, struct photo **settled, const float *logits)
{
    struct classify *classify = user;
    const struct photo *photo = *settled;
    bool as_text = classify->result.format == RESULT_TEXT;
    if (photo->status == PHOTO_FAILED)
        classify->failed++;
    if (as_text && photo->status == PHOTO_FAILED)
        cubby_log(classify->command->log, CUBBY_LOG_WARNING, "%s: %s", photo->path, photo->reason);
    if (as_text && photo->status == PHOTO_SKIPPED)
        cubby_log(classify->command->log, CUBBY_LOG_INFO, "%s: %s", photo->path, photo->reason);
    result_line(&classify->line, &classify->result, photo, logits);
    return print(classify);
}

static enum cubby_status tick(void *user, const struct pipeline_stats *stats)
{
    struct classify *classify = user;
    struct progress_count count = {.failed = classify->failed};
    enum cubby_status status = flush(classify); // results are read while the run lasts
    if (!status)
        progress_update(&classify->progress, stats, &count);
    return status;
}

static enum cubby_status prepare(struct classify *classify)
{
    const struct cli_options *options = classify->command->options;
    named_files_init(&classify->files, options->arguments, options->argument_count,
                     classify->command->fs, classify->command->log);
    classify->files.online = options->online;
    enum cubby_status status = classifying_open(&classify->classifying, classify->command);
    if (status)
        return status;
    classify->result = (struct result_params){.format = options->json  ? RESULT_JSON
                                                        : options->csv ? RESULT_CSV
                                                                       : RESULT_TEXT,
                                              .top = options->top,
                                              .class_names = classify->classifying.class_names,
                                              .class_count = classify->classifying.class_count};
    result_header(&classify->line, &classify->result);
    return print(classify);
}

static enum cubby_status run(struct classify *classify)
{
    const struct command *command = classify->command;
    struct pipeline_params params = classifying_pipeline(&classify->classifying, command);
    params.next = next;
    params.settle = settle;
    params.tick = tick;
    params.user = classify;
    params.keep_logits = command->options->logits && command->options->json;
    struct pipeline_stats stats;
    progress_init(&classify->progress, command->messages, command->options->quiet, true);
    enum cubby_status status = pipeline_run(&params, &stats);
    progress_finish(&classify->progress);
    return status;
}

int command_classify(const struct command *command)
{
    struct classify classify = {.command = command};
    enum cubby_status status = prepare(&classify);
    if (!status)
        status = run(&classify);
    enum cubby_status flushed = flush(&classify);
    int code = EXIT_CODE_OK;
    if (status || flushed)
        code = command_failed(command, status ? status : flushed);
    else if (classify.failed || classify.files.unreadable_folders)
        code = EXIT_CODE_SOME_FAILED;

    text_free(&classify.line);
    named_files_fini(&classify.files);
    classifying_close(&classify.classifying);
    return code;
}
