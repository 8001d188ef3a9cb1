#include "commands/classifying.h"

#include <stdlib.h>

#include "platform/memory.h"
#include "platform/signals.h"

enum cubby_status classifying_open(struct classifying *out, const struct command *command)
{
    const struct cli_options *options = command->options;
    *out = (struct classifying){0};
    char *path = NULL;
    enum cubby_status status = model_file_find(&path, options->model, command->fs, command->log);
    if (!status)
        status = model_file_open(&out->model, path, NULL, command->fs, command->log);
    free(path);
    if (status)
        return status;

    struct net_classifier_params params = {
        .model = &out->model,
        .fs = command->fs,
        .gpu = {.device = options->device, .kernels = options->kernels},
        .max_batch = options->batch,
        .log = command->log,
    };
    status = net_classifier_create(&out->classifier, &params);
    if (status)
        return status;
    model_file_drop_weights(&out->model);

    out->threads = options->threads ? options->threads : memory_cpu_count();
    return CUBBY_OK;
}

void classifying_close(struct classifying *classifying)
{
    classifier_destroy(&classifying->classifier);
    model_file_close(&classifying->model);
}

bool classifying_shares_cores(const struct classifying *classifying)
{
    const struct cubby_gpu *gpu = net_classifier_gpu(classifying->classifier);
    return cubby_gpu_info(gpu)->kind == CUBBY_DEVICE_CPU;
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
        .preprocess = cubby_model_preprocess(classifying->model.model),
        .fs = command->fs,
        .log = command->log,
        .threads = classifying->threads,
        .shares_cores = classifying_shares_cores(classifying),
        .max_file_bytes = options->max_file_size_bytes,
        .max_pixels = options->max_pixels,
        .exact = options->exact,
    };
}
