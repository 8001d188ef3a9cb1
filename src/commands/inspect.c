// cubby import --inspect: what any model file holds, whether cubby can run it or not.
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/command.h"
#include "commands/import_source.h"
#include "text.h"

#define TENSORS_SHOWN 20u

struct inspection {
    const struct command *command;
    struct import_source source;
    char reason[512]; // why it is no network that cubby knows; "" if it is one
    struct text line;
};

// The first error is the reason; the rest is not for the user.
static void keep_reason(void *user, enum cubby_log_level level, const char *message)
{
    struct inspection *inspection = user;
    if (level == CUBBY_LOG_ERROR && !inspection->reason[0])
        snprintf(inspection->reason, sizeof(inspection->reason), "%s", message);
}

static enum cubby_status try_network(struct inspection *inspection, const char *const *names,
                                     uint32_t count)
{
    // Any preprocessing will do: only the network is looked at.
    static const struct cubby_preprocess placeholder = {.resize_width = 256,
                                                        .resize_height = 256,
                                                        .crop_width = 224,
                                                        .crop_height = 224,
                                                        .std = {1, 1, 1}};
    struct import_source *source = &inspection->source;
    const struct cubby_checkpoint *checkpoint = source->file.checkpoint;
    bool own = cubby_checkpoint_metadata(checkpoint, "cubby.classes") != NULL;
    const struct cubby_log log = {keep_reason, inspection};
    const struct cubby_model_params params = {
        .class_names = own || !count ? NULL : names,
        .class_count = own ? 0 : count,
        .preprocess =
            cubby_checkpoint_metadata(checkpoint, "cubby.preprocessing") ? NULL : &placeholder};
    enum cubby_status status = cubby_model_create(&source->file.model, checkpoint, &params, &log);
    if (!status)
        status = import_source_compare(source, &log);
    if (status)
        cubby_model_destroy(&source->file.model);
    if (status && !inspection->reason[0])
        snprintf(inspection->reason, sizeof(inspection->reason), "%s", cubby_status_text(status));
    return status == CUBBY_NO_MEMORY ? status : CUBBY_OK;
}

static enum cubby_status find_network(struct inspection *inspection)
{
    // Why there is none, making the model says.
    enum cubby_status status = import_source_recognise(&inspection->source, NULL);
    if (status == CUBBY_NO_MEMORY)
        return status;
    uint32_t count = inspection->source.class_count;
    char(*texts)[12] = calloc(count + 1u, sizeof(*texts));
    const char **names = calloc(count + 1u, sizeof(*names));
    status = texts && names ? CUBBY_OK : CUBBY_NO_MEMORY;
    for (uint32_t i = 0; !status && i < count; i++) {
        snprintf(texts[i], sizeof(texts[i]), "%u", (unsigned)i);
        names[i] = texts[i];
    }
    if (!status)
        status = try_network(inspection, names, count);
    free(texts);
    free(names);
    return status;
}

static void add_shape(struct text *text, const struct cubby_tensor *tensor, const char *between)
{
    for (uint32_t i = 0; i < tensor->rank; i++)
        text_add_format(text, "%s%lld", i ? between : "", (long long)tensor->shape[i]);
}

static enum cubby_status print_line(struct inspection *inspection)
{
    struct text *line = &inspection->line;
    if (line->failed)
        return CUBBY_NO_MEMORY;
    fwrite(line->bytes, 1, line->length, stdout);
    line->length = 0;
    return CUBBY_OK;
}

static enum cubby_status print_json(struct inspection *inspection)
{
    const struct model_file *file = &inspection->source.file;
    struct text *line = &inspection->line;
    const char *classes = cubby_checkpoint_metadata(file->checkpoint, "cubby.classes");
    text_add_string(line, "{\"container\": ");
    text_add_json_string(line, cubby_checkpoint_container(file->checkpoint));
    text_add_string(line, ", \"network\": ");
    if (file->model)
        text_add_json_string(line, cubby_model_network(file->model));
    else
        text_add_string(line, "null");
    if (!file->model) {
        text_add_string(line, ", \"reason\": ");
        text_add_json_string(line, inspection->reason);
    }
    // The engine has checked what a network's classes are.
    if (file->model && classes)
        text_add_format(line, ", \"classes\": %s", classes);
    text_add_string(line, ", \"tensors\": [");
    enum cubby_status status = print_line(inspection);
    size_t count = cubby_checkpoint_tensor_count(file->checkpoint);
    for (size_t i = 0; i < count && !status; i++) {
        const struct cubby_tensor *tensor = cubby_checkpoint_tensor(file->checkpoint, i);
        text_add_string(line, i ? ", {\"name\": " : "{\"name\": ");
        text_add_json_string(line, tensor->name);
        text_add_string(line, ", \"shape\": [");
        add_shape(line, tensor, ", ");
        text_add_format(line, "], \"dtype\": \"%s\"}", cubby_dtype_name(tensor->dtype));
        status = print_line(inspection);
    }
    text_add_string(line, "]}\n");
    return status ? status : print_line(inspection);
}

static enum cubby_status print_text(struct inspection *inspection)
{
    const struct model_file *file = &inspection->source.file;
    size_t count = cubby_checkpoint_tensor_count(file->checkpoint);
    bool all = inspection->command->options->verbose;
    printf("file           %s (%s, %.1f MB)\n", file->path,
           cubby_checkpoint_container(file->checkpoint), (double)file->size_bytes / 1e6);
    if (file->model)
        printf("network        %s, head %s, %u classes\n", cubby_model_network(file->model),
               cubby_model_head(file->model), (unsigned)cubby_model_class_count(file->model));
    else
        printf("network        none that cubby knows: %s\n", inspection->reason);
    bool named = file->model && cubby_checkpoint_metadata(file->checkpoint, "cubby.classes");
    for (uint32_t i = 0; named && i < cubby_model_class_count(file->model); i++) {
        if (!all && i == TENSORS_SHOWN) {
            printf("         ... (-v shows all)\n");
            break;
        }
        printf("  %5u  %s\n", (unsigned)i, cubby_model_class_name(file->model, i));
    }
    if (file->model && !named)
        printf("classes        their names are not in the file\n");
    printf("tensors        %zu\n", count);
    for (size_t i = 0; i < count && (all || i < TENSORS_SHOWN); i++) {
        const struct cubby_tensor *tensor = cubby_checkpoint_tensor(file->checkpoint, i);
        add_shape(&inspection->line, tensor, "x");
        text_add(&inspection->line, "", 1);
        if (inspection->line.failed)
            return CUBBY_NO_MEMORY;
        printf("  %-5s %-16s %s\n", cubby_dtype_name(tensor->dtype), inspection->line.bytes,
               tensor->name);
        inspection->line.length = 0;
    }
    if (!all && count > TENSORS_SHOWN)
        printf("  ... (-v shows all)\n");
    return CUBBY_OK;
}

int command_inspect(const struct command *command)
{
    struct inspection inspection = {.command = command};
    enum cubby_status status =
        import_source_read(&inspection.source, command->options->arguments[0],
                           command->options->weights_prefix, command->fs, command->log);
    if (!status)
        status = find_network(&inspection);
    if (!status)
        status = command->options->json ? print_json(&inspection) : print_text(&inspection);
    int code =
        status ? command_failed(command, status) : command_finish_output(command, EXIT_CODE_OK);
    import_source_close(&inspection.source);
    text_free(&inspection.line);
    return code;
}
