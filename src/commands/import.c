#include "commands/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/half_weights.h"
#include "commands/import_preprocess.h"
#include "commands/new_file.h"
#include "engine/imagenet.h"
#include "engine/selftest.h"
#include "hf_folder.h"
#include "labels.h"
#include "model_file.h"
#include "platform/path.h"
#include "platform/read_file.h"
#include "text.h"

#define MAX_LABELS_BYTES (64u << 20)

struct import {
    const struct command *command;
    struct hf_folder folder; // zero: a file was named
    struct model_file file;
    struct labels labels;
    char *provenance; // owned
    struct cubby_preprocess preprocess;
    struct cubby_model_params params;
};

static enum cubby_status read_labels(struct import *import)
{
    const struct command *command = import->command;
    const char *path = command->options->labels;
    uint8_t *bytes = NULL;
    size_t size_bytes = 0;
    char reason[PHOTO_REASON_BYTES] = "";
    enum cubby_status status = read_file(command->fs, path, MAX_LABELS_BYTES, &bytes, &size_bytes,
                                         NULL, reason, sizeof(reason));
    if (status) {
        cubby_log(command->log, CUBBY_LOG_ERROR, "the labels file %s cannot be read: %s", path,
                  reason);
        return status;
    }
    status = labels_parse(&import->labels, (const char *)bytes, size_bytes, command->log);
    free(bytes);
    return status;
}

// The last layer of a network trained on ImageNet: a matrix with a row for each class.
static bool looks_like_imagenet(const struct cubby_checkpoint *checkpoint)
{
    for (size_t i = 0; i < cubby_checkpoint_tensor_count(checkpoint); i++) {
        const struct cubby_tensor *tensor = cubby_checkpoint_tensor(checkpoint, i);
        if (tensor->rank == 2 && tensor->shape[0] == CUBBY_IMAGENET_CLASSES)
            return true;
    }
    return false;
}

static enum cubby_status choose_classes(struct import *import)
{
    const struct command *command = import->command;
    const struct cli_options *options = command->options;
    if (options->labels && options->labels_from) {
        cubby_log(command->log, CUBBY_LOG_ERROR,
                  "--labels and --labels-from both name the classes: give one of them");
        return CUBBY_BAD_DATA;
    }
    if (options->labels || options->labels_from) {
        enum cubby_status status = options->labels
                                       ? read_labels(import)
                                       : labels_read_folders(&import->labels, command->fs,
                                                             options->labels_from, command->log);
        import->params.class_names = (const char *const *)import->labels.names;
        import->params.class_count = import->labels.count;
        return status;
    }
    if (cubby_checkpoint_metadata(import->file.checkpoint, "cubby.classes"))
        return CUBBY_OK;
    if (import->folder.classes) {
        import->params.class_names = (const char *const *)import->folder.classes;
        import->params.class_count = import->folder.class_count;
        return CUBBY_OK;
    }
    if (looks_like_imagenet(import->file.checkpoint)) {
        import->params.class_names = cubby_imagenet_classes();
        import->params.class_count = CUBBY_IMAGENET_CLASSES;
        messages_line(command->messages, "Assumed: the 1000 classes are ImageNet's (--labels FILE "
                                         "names others)");
    }
    return CUBBY_OK;
}

static enum cubby_status make_provenance(struct import *import)
{
    const struct model_file *file = &import->file;
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
    return import_preprocess_choose(&import->preprocess, base, command->options, command->log);
}

static enum cubby_status make_model(struct import *import)
{
    const struct command *command = import->command;
    struct model_file *file = &import->file;
    bool has_own = cubby_checkpoint_metadata(file->checkpoint, "cubby.preprocessing") != NULL;
    enum cubby_status status = CUBBY_OK;
    if (!has_own) {
        const char *obstacle = cubby_checkpoint_obstacle(file->checkpoint);
        if (obstacle && !command->options->resize[0]) {
            cubby_log(
                command->log, CUBBY_LOG_ERROR,
                "the file's preprocessing cannot be taken over: %s; say how photos become the "
                "network's input with --resize-rule and --resize (and --crop, --resample, "
                "--mean, --std)",
                obstacle);
            return CUBBY_UNSUPPORTED;
        }
        status = set_preprocess(import, import->folder.weights
                                            ? &import->folder.preprocess
                                            : import_preprocess_default(file->checkpoint));
        if (status)
            return status;
    }
    status = cubby_model_create(&file->model, file->checkpoint, &import->params, command->log);
    if (status && !import->params.class_names)
        messages_line(command->messages,
                      "Class names are given with --labels FILE, one a line, or with --labels-from "
                      "FOLDER, the folder of the training photos with a folder for each class");
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
    const struct cubby_model *model = import->file.model;
    const struct cubby_checkpoint *checkpoint = import->file.checkpoint;
    struct messages *messages = import->command->messages;
    char text[CUBBY_PREPROCESS_TEXT_BYTES];
    cubby_preprocess_describe(cubby_model_preprocess(model), text, sizeof(text));
    messages_line(messages, "Network: %s, head %s, %u classes", cubby_model_network(model),
                  cubby_model_head(model), (unsigned)cubby_model_class_count(model));
    for (size_t i = 0; i < cubby_checkpoint_note_count(checkpoint); i++)
        messages_line(messages, "Note: %s", cubby_checkpoint_note(checkpoint, i));
    if (cubby_model_scores(model) == CUBBY_SCORES_SIGMOID)
        messages_line(messages, "Scores: sigmoid, each class by itself");
    bool said = import->folder.weights && !import->folder.assumed;
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

// Weights of 16 bits give slightly other answers, so the self-test is made of what will be in the
// file: it is opened from memory, and written again.
static enum cubby_status rewrite_halved(void **data, size_t *size_bytes,
                                        const struct cubby_log *log)
{
    struct cubby_checkpoint *checkpoint = NULL;
    struct cubby_model *model = NULL;
    void *halved = *data;
    size_t halved_bytes = *size_bytes;
    *data = NULL;
    enum cubby_status status = half_weights(halved, &halved_bytes, log);
    if (!status)
        status = cubby_checkpoint_open(&checkpoint, halved, halved_bytes, log);
    if (!status)
        status = cubby_model_create(&model, checkpoint, NULL, log);
    if (!status)
        status = cubby_selftest_make(model, log);
    if (!status)
        status = cubby_model_write(model, data, size_bytes, log);
    cubby_model_destroy(&model);
    cubby_checkpoint_close(&checkpoint);
    free(halved);
    return status;
}

static enum cubby_status write_model(const struct import *import)
{
    const struct command *command = import->command;
    void *data = NULL;
    size_t size_bytes = 0;
    enum cubby_status status = CUBBY_OK;
    if (!command->options->fp16)
        status = cubby_selftest_make(import->file.model, command->log);
    if (!status)
        status = cubby_model_write(import->file.model, &data, &size_bytes, command->log);
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

// Before minutes of work: a name that is taken would be refused at the end anyway.
static enum cubby_status check_output(const struct command *command)
{
    struct fs_stat stat;
    if (command->fs->lstat(command->fs, command->options->output, &stat))
        return CUBBY_OK;
    cubby_log(command->log, CUBBY_LOG_ERROR,
              "%s is already there: name another file with -o, or remove it",
              command->options->output);
    return CUBBY_EXISTS;
}

// A file, or a folder of the Hugging Face hub.
static enum cubby_status read_model(struct import *import, const char *path)
{
    const struct command *command = import->command;
    enum cubby_status status = CUBBY_OK;
    if (hf_folder_is(command->fs, path)) {
        status = hf_folder_read(&import->folder, path, command->fs, command->log);
        path = import->folder.weights;
    }
    return status ? status : model_file_read(&import->file, path, command->fs, command->log);
}

int command_import(const struct command *command)
{
    struct import import = {.command = command};
    if (command->options->inspect)
        return command_inspect(command);
    enum cubby_status status = check_output(command);
    if (!status)
        status = read_model(&import, command->options->arguments[0]);
    if (!status)
        status = choose_classes(&import);
    if (!status)
        status = make_provenance(&import);
    if (!status)
        status = make_model(&import);
    if (!status) {
        describe(&import);
        status = write_model(&import);
    }
    int code = status ? command_failed(command, status) : EXIT_CODE_OK;
    model_file_close(&import.file);
    labels_free(&import.labels);
    hf_folder_free(&import.folder);
    free(import.provenance);
    return code;
}
