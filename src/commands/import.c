#include "commands/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/half_weights.h"
#include "commands/new_file.h"
#include "engine/imagenet.h"
#include "labels.h"
#include "model_file.h"
#include "platform/path.h"
#include "platform/read_file.h"
#include "text.h"

#define MAX_LABELS_BYTES (64u << 20)

// torchvision's IMAGENET1K_V1 weights, and what nearly everything trained since goes by.
static const struct cubby_preprocess torchvision_preprocess = {
    .rule = CUBBY_RESIZE_SHORTER,
    .filter = CUBBY_FILTER_BILINEAR,
    .resize_width = 256,
    .resize_height = 256,
    .crop_width = 224,
    .crop_height = 224,
    .mean = {0.485f, 0.456f, 0.406f},
    .std = {0.229f, 0.224f, 0.225f},
    .exif_orientation = false,
};

struct import {
    const struct command *command;
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
    if (command->options->labels) {
        enum cubby_status status = read_labels(import);
        import->params.class_names = (const char *const *)import->labels.names;
        import->params.class_count = import->labels.count;
        return status;
    }
    if (cubby_checkpoint_metadata(import->file.checkpoint, "cubby.classes"))
        return CUBBY_OK;
    if (looks_like_imagenet(import->file.checkpoint)) {
        import->params.class_names = cubby_imagenet_classes();
        import->params.class_count = CUBBY_IMAGENET_CLASSES;
        messages_line(command->messages, "Assumed: the 1000 classes are ImageNet's (--labels FILE "
                                         "names others)");
    }
    return CUBBY_OK;
}

// What the options say over what the file says over torchvision's.
static void choose_preprocess(struct import *import, const struct cubby_preprocess *base)
{
    const struct cli_options *options = import->command->options;
    struct cubby_preprocess *p = &import->preprocess;
    *p = *base;
    if (options->resize)
        p->resize_width = p->resize_height = options->resize;
    if (options->crop)
        p->crop_width = p->crop_height = options->crop;
    if (options->interpolation_given)
        p->filter = options->interpolation;
    if (options->mean_given)
        memcpy(p->mean, options->mean, sizeof(p->mean));
    if (options->std_given)
        memcpy(p->std, options->std, sizeof(p->std));
    import->params.preprocess = p;
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

static enum cubby_status make_model(struct import *import)
{
    const struct command *command = import->command;
    struct model_file *file = &import->file;
    bool has_own = cubby_checkpoint_metadata(file->checkpoint, "cubby.preprocessing") != NULL;
    if (!has_own)
        choose_preprocess(import, &torchvision_preprocess);
    enum cubby_status status =
        cubby_model_create(&file->model, file->checkpoint, &import->params, command->log);
    if (status && !import->params.class_names)
        messages_line(command->messages, "Class names are given with --labels FILE, one a line");
    if (status || !has_own)
        return status;
    // The options change what the file says of itself, which is known only now.
    choose_preprocess(import, cubby_model_preprocess(file->model));
    cubby_model_destroy(&file->model);
    return cubby_model_create(&file->model, file->checkpoint, &import->params, command->log);
}

static void describe(const struct import *import)
{
    const struct cubby_model *model = import->file.model;
    struct messages *messages = import->command->messages;
    char text[512];
    cubby_preprocess_describe(cubby_model_preprocess(model), text, sizeof(text));
    messages_line(messages, "Network: %s, head %s, %u classes", cubby_model_network(model),
                  cubby_model_head(model), (unsigned)cubby_model_class_count(model));
    if (!cubby_checkpoint_metadata(import->file.checkpoint, "cubby.preprocessing"))
        messages_line(messages,
                      "Assumed preprocessing: %s (--resize, --crop, --interpolation, --mean and "
                      "--std change it)",
                      text);
    else
        messages_line(messages, "Preprocessing: %s", text);
}

static enum cubby_status write_model(const struct import *import)
{
    const struct command *command = import->command;
    void *data = NULL;
    size_t size_bytes = 0;
    enum cubby_status status =
        cubby_model_write(import->file.model, &data, &size_bytes, command->log);
    if (!status && command->options->fp16)
        status = half_weights(data, &size_bytes, command->log);
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

int command_import(const struct command *command)
{
    struct import import = {.command = command};
    enum cubby_status status = check_output(command);
    if (!status)
        status = model_file_read(&import.file, command->options->arguments[0], command->fs,
                                 command->log);
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
    free(import.provenance);
    return code;
}
