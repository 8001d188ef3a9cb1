#include "commands/classifying.h"

#include <stdlib.h>

#include "platform/memory.h"
#include "platform/signals.h"

// What the model says about itself.
static enum cubby_status describe(struct classifying *out)
{
    const struct cubby_model *model = out->model.model;
    out->preprocess = cubby_model_preprocess(model);
    out->model_name = out->model.path;
    out->model_hash = out->model.hash;
    out->threshold = cubby_model_threshold(model);
    out->class_count = cubby_model_class_count(model);
    out->class_names = calloc(out->class_count, sizeof(*out->class_names));
    if (!out->class_names)
        return CUBBY_NO_MEMORY;
    for (uint32_t i = 0; i < out->class_count; i++)
        out->class_names[i] = cubby_model_class_name(model, i);
    return CUBBY_OK;
}

enum cubby_status classifying_open(struct classifying *out, const struct command *command)
{
    return classifying_open_model(out, command, command->options->model);
}

enum cubby_status classifying_open_model(struct classifying *out, const struct command *command,
                                         const char *model)
{
    const struct cli_options *options = command->options;
    *out = (struct classifying){.threshold = -1};
    out->threads = options->threads ? options->threads : memory_cpu_count();
    if (command->hooks && command->hooks->open_classifier)
        return command->hooks->open_classifier(command->hooks->user, out);
    char *path = NULL;
    enum cubby_status status = model_file_find(&path, model, command->fs, command->log);
    if (!status)
        status = model_file_open(&out->model, path, command->fs, command->log);
    free(path);
    if (status)
        return status;

    struct net_classifier_params params = {
        .model = &out->model,
        .fs = command->fs,
        .gpu = {.device = options->device,
                .kernels = options->kernels,
                .precision = options->precision},
        .max_batch = options->batch,
        .log = command->log,
    };
    status = net_classifier_create(&out->classifier, &params);
    if (status)
        return status;
    model_file_drop_weights(&out->model);
    const struct cubby_gpu *gpu = net_classifier_gpu(out->classifier);
    out->shares_cores = cubby_gpu_info(gpu)->kind == CUBBY_DEVICE_CPU;
    return describe(out);
}

void classifying_close(struct classifying *classifying)
{
    classifier_destroy(&classifying->classifier);
    free(classifying->class_names);
    classifying->class_names = NULL;
    model_file_close(&classifying->model);
}

double classifying_threshold(const struct cli_options *options, double of_model)
{
    return options->threshold_given ? options->threshold : of_model >= 0 ? of_model : 0.5;
}

static bool interrupted(void *user)
{
    (void)user;
    return platform_interrupted() != 0;
}

struct pipeline_params classifying_pipeline(const struct classifying *classifying,
                                            const struct command *command)
{
    const struct cli_options *options = command->options;
    return (struct pipeline_params){
        .interrupted = interrupted,
        .classifier = classifying->classifier,
        .preprocess = classifying->preprocess,
        .fs = command->fs,
        .log = command->log,
        .threads = classifying->threads,
        .shares_cores = classifying->shares_cores,
        .max_file_bytes = options->max_file_size_bytes,
        .max_pixels = options->max_pixels,
        .exact = options->exact,
    };
}
