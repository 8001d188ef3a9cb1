#include "commands/import_classes.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/imagenet.h"
#include "platform/read_file.h"
#include "text.h"

#define MAX_LABELS_BYTES (64u << 20)
#define NAMES_SHOWN 12u
#define NAMES_SHOWN_BYTES 600u // a message has room for 1 KiB

#define HOW_TO_NAME                                                                                \
    "with --labels FILE, one name a line in the order of training, or with --labels-from FOLDER, " \
    "the folder of the training photos with a folder for each class"

static enum cubby_status read_labels(struct labels *labels, const struct command *command)
{
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
    status = labels_parse(labels, (const char *)bytes, size_bytes, command->log);
    free(bytes);
    return status;
}

// The names are shown: one too many is seen at once.
static enum cubby_status check_count(const struct labels *labels, uint32_t wanted,
                                     const struct cubby_log *log)
{
    if (labels->count == wanted)
        return CUBBY_OK;
    struct text names = {0};
    size_t shown = 0;
    char count[48];
    snprintf(count, sizeof(count), labels->count == 1 ? "is %zu class name" : "are %zu class names",
             labels->count);
    for (; shown < labels->count && shown < NAMES_SHOWN && names.length < NAMES_SHOWN_BYTES;
         shown++) {
        text_add_string(&names, shown ? ", " : "");
        text_add_string(&names, labels->names[shown]);
    }
    text_add_string(&names, shown < labels->count ? ", ..." : "");
    cubby_log(log, CUBBY_LOG_ERROR, "there %s (%.*s), but the network has %u classes", count,
              (int)(names.length < NAMES_SHOWN_BYTES ? names.length : NAMES_SHOWN_BYTES),
              names.bytes ? names.bytes : "", (unsigned)wanted);
    text_free(&names);
    return CUBBY_BAD_DATA;
}

static enum cubby_status take(struct cubby_model_params *params, const struct labels *labels,
                              const struct import_source *source, const struct command *command)
{
    params->class_names = (const char *const *)labels->names;
    params->class_count = labels->count;
    return check_count(labels, source->class_count, command->log);
}

enum cubby_status import_classes_choose(struct cubby_model_params *params, struct labels *labels,
                                        const struct import_source *source,
                                        const struct command *command)
{
    const struct cli_options *options = command->options;
    const struct cubby_checkpoint *checkpoint = source->file.checkpoint;
    if (options->labels || options->labels_from) {
        enum cubby_status status =
            options->labels
                ? read_labels(labels, command)
                : labels_read_folders(labels, command->fs, options->labels_from, command->log);
        return status ? status : take(params, labels, source, command);
    }
    if (cubby_checkpoint_metadata(checkpoint, "cubby.classes"))
        return CUBBY_OK;
    if (source->folder.labels.count)
        return take(params, &source->folder.labels, source, command);
    if (cubby_checkpoint_class_obstacle(checkpoint)) {
        cubby_log(command->log, CUBBY_LOG_ERROR,
                  "the file's class names cannot be taken over: %s; give them " HOW_TO_NAME,
                  cubby_checkpoint_class_obstacle(checkpoint));
        return CUBBY_UNSUPPORTED;
    }
    if (source->class_count == CUBBY_IMAGENET_CLASSES) {
        params->class_names = cubby_imagenet_classes();
        params->class_count = CUBBY_IMAGENET_CLASSES;
        messages_line(command->messages, "Assumed: the 1000 classes are ImageNet's (--labels FILE "
                                         "names others)");
        return CUBBY_OK;
    }
    cubby_log(
        command->log, CUBBY_LOG_ERROR,
        "the file carries no class names, and its network has %u classes: give them " HOW_TO_NAME,
        (unsigned)source->class_count);
    return CUBBY_BAD_DATA;
}
