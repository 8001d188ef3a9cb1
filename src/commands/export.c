#include "commands/command.h"

#include <stdlib.h>

#include "commands/new_file.h"
#include "model_file.h"

static void describe(const struct command *command, const struct model_file *file,
                     enum cubby_exported_head head, size_t size_bytes)
{
    struct messages *messages = command->messages;
    const char *network = cubby_model_network(file->model);
    unsigned classes = cubby_model_class_count(file->model);
    if (head == CUBBY_EXPORTED_SEQUENCE)
        messages_line(
            messages,
            "The head is fastai's and more than one linear layer on averaged features: it "
            "is written as head.N.*, which %s has no place for. Load the rest with "
            "strict=False, or make a Sequential of the layers head.N",
            network);
    else if (head == CUBBY_EXPORTED_FOLDED)
        messages_line(messages, "The head's batch norms are folded into one linear layer, fc");
    if (!cubby_model_has_usual_widths(file->model))
        messages_line(messages,
                      "It has the layers of a %s, but not its numbers of channels: neither "
                      "torchvision nor timm make such a network by name",
                      network);
    else if (head != CUBBY_EXPORTED_SEQUENCE && command->options->names == CLI_NAMES_TIMM)
        messages_line(messages, "For timm.create_model('%s', num_classes=%u).load_state_dict(...)",
                      network, classes);
    else if (head != CUBBY_EXPORTED_SEQUENCE)
        messages_line(messages, "For torchvision.models.%s(num_classes=%u).load_state_dict(...)",
                      network, classes);
    messages_line(messages, "Wrote %s (%.1f MB)", command->options->output,
                  (double)size_bytes / 1e6);
}

int command_export(const struct command *command)
{
    struct model_file file;
    enum cubby_status status =
        model_file_open(&file, command->options->arguments[0], command->fs, command->log);
    if (status)
        return command_failed(command, status);
    void *data = NULL;
    size_t size_bytes = 0;
    enum cubby_exported_head head;
    status = cubby_model_export(file.model, &data, &size_bytes, &head, command->log);
    if (!status)
        status =
            new_file_write(command->fs, command->options->output, data, size_bytes, command->log);
    if (!status)
        describe(command, &file, head, size_bytes);
    free(data);
    model_file_close(&file);
    return status ? command_failed(command, status) : EXIT_CODE_OK;
}
