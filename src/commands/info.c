#include "commands/command.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "model_file.h"
#include "text.h"

#define CLASSES_SHOWN 20u

// JSON text that the engine has checked; an empty object if there is none.
static json_t *parsed(const char *text)
{
    json_t *value = text ? json_loads(text, 0, NULL) : NULL;
    return value ? value : json_object();
}

// A line of it. Anybody may have written the model, so no control character gets through.
static enum cubby_status print_checked_json(const char *json)
{
    struct text text = {0};
    text_add_json(&text, json);
    text_add(&text, "\n", 1);
    enum cubby_status status = text.failed ? CUBBY_NO_MEMORY : CUBBY_OK;
    if (!status)
        fwrite(text.bytes, 1, text.length, stdout);
    text_free(&text);
    return status;
}

static enum cubby_status print_json(const struct model_file *file)
{
    const struct cubby_model *model = file->model;
    json_t *classes = json_array();
    for (uint32_t i = 0; i < cubby_model_class_count(model); i++)
        json_array_append_new(classes, json_string(cubby_model_class_name(model, i)));
    json_t *object =
        json_pack("{s:o, s:s, s:s, s:o, s:o}", "classes", classes, "network",
                  cubby_model_network(model), "head", cubby_model_head(model), "preprocessing",
                  parsed(cubby_checkpoint_metadata(file->checkpoint, "cubby.preprocessing")),
                  "provenance", parsed(cubby_model_provenance(model)));
    if (cubby_model_scores(model) == CUBBY_SCORES_SIGMOID)
        json_object_set_new(object, "scores", json_string("sigmoid"));
    if (cubby_model_threshold(model) >= 0)
        json_object_set_new(object, "threshold", json_real(cubby_model_threshold(model)));
    if (cubby_model_temperature(model) > 0)
        json_object_set_new(object, "temperature", json_real(cubby_model_temperature(model)));
    char *json = json_dumps(object, JSON_REAL_PRECISION(9));
    json_decref(object);
    enum cubby_status status = json ? print_checked_json(json) : CUBBY_NO_MEMORY;
    free(json);
    return status;
}

static enum cubby_status print_text(const struct model_file *file, bool all_classes)
{
    const struct cubby_model *model = file->model;
    uint32_t count = cubby_model_class_count(model);
    char text[CUBBY_PREPROCESS_TEXT_BYTES];
    cubby_preprocess_describe(cubby_model_preprocess(model), text, sizeof(text));
    printf("file           %s (%s, %.1f MB)\n", file->path,
           cubby_checkpoint_container(file->checkpoint), (double)file->size_bytes / 1e6);
    printf("network        %s, head %s, %u features\n", cubby_model_network(model),
           cubby_model_head(model), (unsigned)cubby_model_feature_count(model));
    printf("preprocessing  %s\n", text);
    if (cubby_model_scores(model) == CUBBY_SCORES_SIGMOID)
        printf("scores         sigmoid: each class by itself, a photo may show several\n");
    if (cubby_model_temperature(model) > 0)
        printf("calibration    probabilities are calibrated: logits were divided by %.3g\n",
               cubby_model_temperature(model));
    if (cubby_model_threshold(model) >= 0)
        printf("threshold      %.9g, unless sort is given another\n", cubby_model_threshold(model));
    const char *provenance = cubby_model_provenance(model);
    enum cubby_status status = CUBBY_OK;
    if (provenance) {
        printf("provenance     ");
        status = print_checked_json(provenance);
    }
    printf("classes        %u\n", (unsigned)count);
    for (uint32_t i = 0; i < count && (all_classes || i < CLASSES_SHOWN); i++)
        printf("  %5u  %s\n", (unsigned)i, cubby_model_class_name(model, i));
    if (!all_classes && count > CLASSES_SHOWN)
        printf("         ... (-v shows all)\n");
    return status;
}

int command_info(const struct command *command)
{
    struct model_file file;
    enum cubby_status status =
        model_file_open(&file, command->options->arguments[0], command->fs, command->log);
    if (status)
        return command_failed(command, status);
    status =
        command->options->json ? print_json(&file) : print_text(&file, command->options->verbose);
    model_file_close(&file);
    return status ? command_failed(command, status) : command_finish_output(command, EXIT_CODE_OK);
}
