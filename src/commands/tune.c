#include "commands/command.h"

#include <stdio.h>
#include <stdlib.h>

#include "device_cache.h"
#include "model_file.h"
#include "platform/signals.h"

struct tune {
    const struct command *command;
    struct device_cache cache;
    struct model_file model;
    struct cubby_gpu *gpu;
    struct cubby_tuning *tuning;
};

static bool on_step(void *user, const struct cubby_tuning_step *step)
{
    struct tune *tune = user;
    messages_line(tune->command->messages, "%u of %u: %s: %.3f ms%s%s (%.2f times the default)",
                  (unsigned)step->done, (unsigned)step->all, step->shape, step->best_ms,
                  step->choice[0] ? " with " : "", step->choice,
                  step->best_ms > 0 ? step->first_ms / step->best_ms : 1.0);
    // A driver may end the process at the next shape. If this cannot be saved, that is said once,
    // at the end.
    static const struct cubby_log nobody = {0};
    struct device_cache silent = tune->cache; // borrows its folder
    silent.log = &nobody;
    (void)!device_cache_save_tuning(&silent, tune->gpu, tune->tuning);
    return !platform_interrupted();
}

static enum cubby_status open_device(struct tune *tune)
{
    const struct cli_options *options = tune->command->options;
    const struct cubby_gpu_params params = {
        .device = options->device, .kernels = options->kernels, .precision = options->precision};
    enum cubby_status status = cubby_gpu_create(&tune->gpu, &params, tune->command->log);
    if (status)
        return status;
    device_cache_load_pipelines(&tune->cache, tune->gpu);
    return device_cache_load_tuning(&tune->cache, tune->gpu, &tune->tuning);
}

static enum cubby_status measure(struct tune *tune)
{
    const struct command *command = tune->command;
    char *path = NULL;
    enum cubby_status status =
        model_file_find(&path, command->options->model, command->fs, command->log);
    if (!status)
        status = model_file_open(&tune->model, path, command->fs, command->log);
    free(path);
    if (status)
        return status;
    const struct cubby_tune_params params = {
        .batch = command->options->batch, .step = on_step, .user = tune};
    status = cubby_tune(tune->tuning, tune->gpu, tune->model.model, &params);
    device_cache_save_pipelines(&tune->cache, tune->gpu);
    // What was measured before it was interrupted or failed is kept as well.
    const enum cubby_status saved = device_cache_save_tuning(&tune->cache, tune->gpu, tune->tuning);
    return status ? status : saved;
}

static enum cubby_status show(const struct tune *tune)
{
    char *text, *path = device_cache_tuning_path(&tune->cache, tune->gpu);
    size_t size_bytes;
    const enum cubby_status status = cubby_tuning_write(tune->tuning, &text, &size_bytes);
    if (status) {
        free(path);
        return status;
    }
    if (cubby_tuning_count(tune->tuning) || cubby_tuning_batch(tune->tuning)) {
        messages_line(tune->command->messages, "In %s:", path ? path : "memory");
        fwrite(text, 1, size_bytes, stdout);
    } else {
        messages_line(tune->command->messages, "Nothing has been measured for %s: run cubby tune",
                      cubby_gpu_info(tune->gpu)->name);
    }
    free(text);
    free(path);
    return CUBBY_OK;
}

static enum cubby_status clear(struct tune *tune)
{
    size_t removed;
    const enum cubby_status status = device_cache_clear(&tune->cache, &removed);
    if (!status)
        messages_line(tune->command->messages, "Removed %zu file%s", removed,
                      removed == 1 ? "" : "s");
    return status;
}

static enum cubby_status tune_device(struct tune *tune)
{
    enum cubby_status status = open_device(tune);
    if (status)
        return status;
    if (tune->command->options->show)
        return show(tune);
    status = measure(tune);
    if (!status)
        messages_line(tune->command->messages, "%s: batches of %u, %u shapes measured",
                      cubby_gpu_info(tune->gpu)->name, (unsigned)cubby_tuning_batch(tune->tuning),
                      (unsigned)cubby_tuning_count(tune->tuning));
    return status;
}

int command_tune(const struct command *command)
{
    struct tune tune = {.command = command};
    device_cache_init(&tune.cache, command->fs, command->log);
    const enum cubby_status status = command->options->clear ? clear(&tune) : tune_device(&tune);
    model_file_close(&tune.model);
    cubby_tuning_destroy(&tune.tuning);
    cubby_gpu_destroy(&tune.gpu);
    device_cache_fini(&tune.cache);
    return status ? command_failed(command, status) : command_finish_output(command, EXIT_CODE_OK);
}
