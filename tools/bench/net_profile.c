// Where a network's time goes on a device, op by op: net_profile MODEL [BATCH [PRECISION [ROUNDS]]]
// With what `cubby tune` measured, if it has. Prints milliseconds, the share of all of them,
// TFLOP/s (of the direct convolution's arithmetic) and GB/s (each value and weight counted once).
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device_cache.h"
#include "engine/gpu.h"
#include "graph/profile.h"
#include "graph/tuning.h"
#include "model_file.h"
#include "ops/launch.h"

static const char *const kinds[] = {
    [GRAPH_NORMALIZE] = "normalize",
    [GRAPH_CONV] = "conv",
    [GRAPH_WINOGRAD_INPUT] = "winograd input",
    [GRAPH_WINOGRAD_PRODUCT] = "winograd product",
    [GRAPH_WINOGRAD_OUTPUT] = "winograd output",
    [GRAPH_STEM] = "stem",
    [GRAPH_MAX_POOL] = "max pool",
    [GRAPH_GLOBAL_POOL] = "global pool",
    [GRAPH_UNPACK] = "unpack",
    [GRAPH_SOFTMAX] = "softmax",
    [GRAPH_SIGMOID] = "sigmoid",
};

static void say(void *user, enum cubby_log_level level, const char *message)
{
    (void)user;
    if (level <= CUBBY_LOG_WARNING)
        fprintf(stderr, "%s\n", message);
}

static void print(const struct op_profile *profile, double all_s)
{
    char way[96] = "", shape[96] = "";
    if (profile->op->kind == GRAPH_CONV)
        conv_choice_describe(profile->choice, way, sizeof(way));
    if (profile->input && profile->output)
        snprintf(shape, sizeof(shape),
                 "%" PRIu32 "x%" PRIu32 " s%" PRIu32 " %4" PRIu32 " -> %4" PRIu32 " at %3" PRIu32
                 "%s",
                 profile->op->kernel, profile->op->kernel, profile->op->stride,
                 profile->input->channels, profile->output->channels, profile->output->height,
                 profile->shortcut                   ? " +"
                 : profile->op->second != GRAPH_NONE ? " *"
                                                     : "");
    printf("%-12s %-28s %8.4f ms %5.1f %% %7.2f TFLOP/s %7.1f GB/s  %s\n", kinds[profile->op->kind],
           shape, profile->seconds * 1e3, profile->seconds / all_s * 100,
           profile->flops / profile->seconds * 1e-12, profile->bytes / profile->seconds * 1e-9,
           way);
}

static enum cubby_status profile_net(struct cubby_gpu *gpu, const struct cubby_model *model,
                                     const struct cubby_tuning *tuning, uint32_t batch,
                                     uint32_t rounds, const struct cubby_log *log)
{
    struct graph *graph = calloc(1, sizeof(*graph));
    struct conv_choice *choices = calloc(GRAPH_MAX_OPS, sizeof(*choices));
    struct executor *executor = NULL;
    struct op_profile *profiles = NULL;
    uint32_t count = 0;
    enum cubby_status status = CUBBY_NO_MEMORY;
    if (!graph || !choices)
        goto out;
    status = graph_build(graph, model, log);
    if (status)
        goto out;
    tuning_choose(tuning, gpu, graph, batch, choices);
    const struct executor_params params = {.max_batch = batch, .slots = 1, .choices = choices};
    status = executor_create(&executor, gpu, graph, &params);
    if (!status)
        status = executor_profile(executor, batch, rounds, &profiles, &count);
    double all_s = 0;
    for (uint32_t i = 0; !status && i < count; i++)
        all_s += profiles[i].seconds;
    for (uint32_t i = 0; !status && i < count; i++)
        print(&profiles[i], all_s);
    if (!status)
        printf("%s, batches of %" PRIu32 ": %.3f ms, %.1f images/s\n", cubby_gpu_info(gpu)->name,
               batch, all_s * 1e3, batch / all_s);
out:
    free(profiles);
    executor_destroy(&executor);
    free(choices);
    free(graph);
    return status;
}

int main(int argc, char **argv)
{
    const uint32_t batch = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 8;
    const uint32_t rounds = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 5;
    const struct cubby_log log = {say, NULL};
    struct cubby_gpu_params params = {.kernels = CUBBY_KERNELS_AUTO};
    if (argc > 3)
        params.precision = strcmp(argv[3], "fp32") ? CUBBY_PRECISION_FP16 : CUBBY_PRECISION_FP32;
    struct cubby_gpu *gpu = NULL;
    struct cubby_tuning *tuning = NULL;
    struct model_file model = {0};
    struct device_cache cache;
    const struct fs *fs = fs_real();
    if (argc < 2 || !batch || !rounds) {
        fprintf(stderr, "net_profile MODEL [BATCH [fp16|fp32 [ROUNDS]]]\n");
        return 2;
    }
    device_cache_init(&cache, fs, &log);
    enum cubby_status status = cubby_gpu_create(&gpu, &params, &log);
    if (!status)
        status = device_cache_load_tuning(&cache, gpu, &tuning);
    if (!status)
        status = model_file_open(&model, argv[1], fs, &log);
    if (!status)
        status = profile_net(gpu, model.model, tuning, batch, rounds, &log);
    model_file_close(&model);
    cubby_tuning_destroy(&tuning);
    cubby_gpu_destroy(&gpu);
    device_cache_fini(&cache);
    return status ? 1 : 0;
}
