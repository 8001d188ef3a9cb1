#include "commands/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/half_weights.h"
#include "commands/import_classes.h"
#include "commands/import_preprocess.h"
#include "commands/import_source.h"
#include "commands/new_file.h"
#include "engine/selftest.h"
#include "platform/path.h"
#include "text.h"

struct import {
    const struct command *command;
    struct import_source source;
    struct labels labels;
    char *provenance; // owned
    struct cubby_preprocess preprocess;
    enum cubby_scores scores;
    struct cubby_model_params params;
    bool wrong_usage; // what failed is the command line
};

static enum cubby_status make_provenance(struct import *import)
{
    const struct model_file *file = &import->source.file;
    if (cubby_checkpoint_metadata(file->checkpoint, "cubby.provenance"))
        return CUBBY_OK; // it says more than we know
    char *base = path_base(file->path);
    struct text text = {0};
    if (base) {
        text_add_string(&text, "{\"source\": ");
        text_add_json_string(&text, base);
        text_add_string(&text, ", \"container\": ");
        text_add_json_string(&text, cubby_checkpoint_container(file->checkpoint));
        text_add_format(&text, ", \"xxh3_128\": \"%016" PRIx64 "%016" PRIx64 "\"}", file->hash.high,
                        file->hash.low);
        text_add(&text, "", 1);
    }
    free(base);
    if (!text.bytes || text.failed) {
        text_free(&text);
        return CUBBY_NO_MEMORY;
    }
    import->provenance = text.bytes;
    import->params.provenance_json = text.bytes;
    return CUBBY_OK;
}

static enum cubby_status set_preprocess(struct import *import, const struct cubby_preprocess *base)
{
    const struct command *command = import->command;
    import->params.preprocess = &import->preprocess;
    enum cubby_status status =
        import_preprocess_choose(&import->preprocess, base, command->options, command->log);
    import->wrong_usage = status != CUBBY_OK;
    return status;
}

static enum cubby_status choose_preprocess(struct import *import)
{
    const struct command *command = import->command;
    const struct cubby_checkpoint *checkpoint = import->source.file.checkpoint;
    const char *obstacle = cubby_checkpoint_obstacle(checkpoint);
    if (obstacle && !command->options->resize[0]) {
        cubby_log(command->log, CUBBY_LOG_ERROR,
                  "the file's preprocessing cannot be taken over: %s; say how photos become the "
                  "network's input with --resize-rule and --resize (and --crop, --resample, "
                  "--mean, --std)",
                  obstacle);
        return CUBBY_UNSUPPORTED;
    }
    return set_preprocess(import, import->source.folder.weights
                                      ? &import->source.folder.preprocess
                                      : import_preprocess_default(checkpoint));
}

// A cubby model that does not say it, says softmax.
static bool file_says_scores(const struct import *import)
{
    const struct cubby_checkpoint *checkpoint = import->source.file.checkpoint;
    return cubby_checkpoint_metadata(checkpoint, "cubby.scores") ||
           cubby_checkpoint_metadata(checkpoint, "cubby.version");
}

static enum cubby_status choose_scores(struct import *import)
{
    const struct command *command = import->command;
    bool said = true;
    import->scores = CUBBY_SCORES_SOFTMAX;
    if (command->options->scores_given)
        import->scores = command->options->scores;
    else if (file_says_scores(import))
        return CUBBY_OK; // the engine reads it
    else if (import->source.folder.scores_said)
        import->scores = import->source.folder.scores;
    else
        said = false;
    import->params.scores = &import->scores;
    if (import->scores == CUBBY_SCORES_SOFTMAX && import->source.class_count == 1) {
        cubby_log(command->log, CUBBY_LOG_ERROR,
                  "the network has one output, of which softmax makes 100 %% whatever a photo "
                  "shows: say --scores sigmoid if it was trained to tell yes from no");
        return CUBBY_UNSUPPORTED;
    }
    if (!said)
        messages_line(command->messages, "Assumed: a photo shows one of the classes (--scores "
                                         "sigmoid: it may show several, or none)");
    return CUBBY_OK;
}

static enum cubby_status make_model(struct import *import)
{
    const struct command *command = import->command;
    struct model_file *file = &import->source.file;
    bool has_own = cubby_checkpoint_metadata(file->checkpoint, "cubby.preprocessing") != NULL;
    enum cubby_status status = has_own ? CUBBY_OK : choose_preprocess(import);
    if (status)
        return status;
    status = cubby_model_create(&file->model, file->checkpoint, &import->params, command->log);
    if (!status)
        status = import_source_compare(&import->source, command->log);
    if (status || !has_own)
        return status;
    // The options change what the file says of itself, which is known only now.
    status = set_preprocess(import, cubby_model_preprocess(file->model));
    if (status)
        return status;
    cubby_model_destroy(&file->model);
    return cubby_model_create(&file->model, file->checkpoint, &import->params, command->log);
}

static void describe(const struct import *import)
{
    const struct import_source *source = &import->source;
    const struct cubby_model *model = source->file.model;
    const struct cubby_checkpoint *checkpoint = source->file.checkpoint;
    struct messages *messages = import->command->messages;
    char text[CUBBY_PREPROCESS_TEXT_BYTES];
    cubby_preprocess_describe(cubby_model_preprocess(model), text, sizeof(text));
    messages_line(messages, "Network: %s, head %s, %u classes", cubby_model_network(model),
                  cubby_model_head(model), (unsigned)cubby_model_class_count(model));
    for (size_t i = 0; i < cubby_checkpoint_note_count(checkpoint); i++)
        messages_line(messages, "Note: %s", cubby_checkpoint_note(checkpoint, i));
    if (cubby_model_scores(model) == CUBBY_SCORES_SIGMOID)
        messages_line(messages, "Scores: sigmoid, each class by itself");
    bool said = source->folder.weights && !source->folder.assumed;
    if (!said && !cubby_checkpoint_metadata(checkpoint, "cubby.preprocessing"))
        messages_line(messages,
                      "Assumed preprocessing%s: %s (--resize-rule, --resize, --crop, --resample, "
                      "--pad-mode, --interpolation, --mean and --std change it)",
                      import_is_fastai(checkpoint) && !import->command->options->resize[0]
                          ? ", fastai's usual one for 224 pixels"
                          : "",
                      text);
    else
        messages_line(messages, "Preprocessing: %s", text);
}

// Weights of 16 bits give slightly other answers, so the self-test is made anew.
static enum cubby_status rewrite_halved(void **data, size_t *size_bytes,
                                        const struct cubby_log *log)
{
    const enum cubby_status status = half_weights(*data, size_bytes, log);
    return status ? status : model_file_add_selftest(data, size_bytes, log);
}

static enum cubby_status write_model(const struct import *import)
{
    const struct command *command = import->command;
    void *data = NULL;
    size_t size_bytes = 0;
    enum cubby_status status = CUBBY_OK;
    if (!command->options->fp16)
        status = cubby_selftest_make(import->source.file.model, command->log);
    if (!status)
        status = cubby_model_write(import->source.file.model, &data, &size_bytes, command->log);
    if (!status && command->options->fp16)
        status = rewrite_halved(&data, &size_bytes, command->log);
    if (!status)
        status =
            new_file_write(command->fs, command->options->output, data, size_bytes, command->log);
    free(data);
    if (!status)
        messages_line(command->messages, "Wrote %s (%.1f MB)", command->options->output,
                      (double)size_bytes / 1e6);
    return status;
}

int command_import(const struct command *command)
{
    struct import import = {.command = command};
    if (command->options->inspect)
        return command_inspect(command);
    enum cubby_status status = new_file_check(command->fs, command->options->output, command->log);
    if (!status)
        status = import_source_read(&import.source, command->options->arguments[0],
                                    command->options->weights_prefix, command->fs, command->log);
    if (!status)
        status = import_source_recognise(&import.source, command->log);
    if (!status)
        status = import_classes_choose(&import.params, &import.labels, &import.source, command);
    if (!status)
        status = choose_scores(&import);
    if (!status)
        status = make_provenance(&import);
    if (!status)
        status = make_model(&import);
    if (!status) {
        describe(&import);
        status = write_model(&import);
    }
    int code = status ? command_failed(command, status) : EXIT_CODE_OK;
    if (import.wrong_usage)
        code = EXIT_CODE_USAGE;
    import_source_close(&import.source);
    labels_free(&import.labels);
    free(import.provenance);
    return code;
}
