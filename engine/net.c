#include "engine/net.h"

#include <stdlib.h>

#include "graph/executor.h"
#include "graph/graph.h"
#include "graph/tuning.h"
#include "ops/launch.h"

#define DEFAULT_SLOTS 3u

struct cubby_net {
    struct cubby_gpu *gpu; // borrowed
    struct executor *executor;
    uint32_t max_batch, slots;
    uint32_t classes, features;
    size_t image_bytes;
    struct cubby_net_work work;
};

#define LEAST_BATCH 16u
#define MOST_BATCH 256u
// What an image may cost: its activations are 10 to 25 MB, and the memory is not only ours.
#define IMAGE_BYTES (UINT64_C(64) << 20)

// Software drivers share the caches with the decoders and gain little beyond 8 images.
static uint32_t default_batch(const struct cubby_gpu *gpu)
{
    if (gpu->info.kind == CUBBY_DEVICE_CPU)
        return 8;
    if (gpu->info.kind != CUBBY_DEVICE_DISCRETE)
        return LEAST_BATCH;
    uint32_t batch = conv_round_images(gpu);
    while (batch > MOST_BATCH)
        batch /= 2;
    while (batch < LEAST_BATCH)
        batch *= 2;
    while (batch > LEAST_BATCH && batch * IMAGE_BYTES > gpu->info.memory_bytes)
        batch /= 2;
    return batch > LEAST_BATCH ? batch : LEAST_BATCH;
}

static uint32_t choose_batch(const struct cubby_gpu *gpu, const struct cubby_net_params *params)
{
    if (params->max_batch)
        return params->max_batch;
    const uint32_t measured = params->tuning ? cubby_tuning_batch(params->tuning) : 0;
    return measured ? measured : default_batch(gpu);
}

enum cubby_status cubby_net_create(struct cubby_net **out, struct cubby_gpu *gpu,
                                   const struct cubby_model *model,
                                   const struct cubby_net_params *params)
{
    static const struct cubby_net_params defaults = {0};
    *out = NULL;
    if (!params)
        params = &defaults;
    if (params->max_batch > CUBBY_NET_MAX_BATCH || params->slots > CUBBY_NET_MAX_SLOTS) {
        cubby_log(&gpu->log, CUBBY_LOG_ERROR, "a batch of %u images in %u slots is over %u in %u",
                  params->max_batch, params->slots, CUBBY_NET_MAX_BATCH, CUBBY_NET_MAX_SLOTS);
        return CUBBY_TOO_LARGE;
    }

    struct cubby_net *net = calloc(1, sizeof(*net));
    struct graph *graph = malloc(sizeof(*graph)); // too large for a thread's stack
    struct conv_choice *choices = NULL;
    enum cubby_status status = CUBBY_NO_MEMORY;
    if (!net || !graph)
        goto out;
    net->gpu = gpu;
    net->max_batch = choose_batch(gpu, params);
    net->slots = params->slots ? params->slots : DEFAULT_SLOTS;
    status = graph_build(graph, model, &gpu->log);
    if (status)
        goto out;
    net->classes = graph->result_channels[GRAPH_LOGITS];
    net->features = graph->result_channels[GRAPH_FEATURES];
    net->image_bytes = graph_input_bytes(graph);
    net->work = graph_work(graph);
    choices = calloc(graph->op_count, sizeof(*choices));
    if (!choices) {
        status = CUBBY_NO_MEMORY;
        goto out;
    }
    tuning_choose(params->tuning, gpu, graph, net->max_batch, choices);
    const struct executor_params executor = {
        .max_batch = net->max_batch, .slots = net->slots, .choices = choices};
    status = executor_create(&net->executor, gpu, graph, &executor);
    if (!status) {
        net->work.values = graph_traffic(executor_graph(net->executor));
        *out = net;
        net = NULL;
    }

out:
    free(choices);
    free(graph);
    cubby_net_destroy(&net);
    return status;
}

void cubby_net_destroy(struct cubby_net **net)
{
    if (!*net)
        return;
    executor_destroy(&(*net)->executor);
    free(*net);
    *net = NULL;
}

uint32_t cubby_net_max_batch(const struct cubby_net *net)
{
    return net->max_batch;
}

uint32_t cubby_net_slots(const struct cubby_net *net)
{
    return net->slots;
}

uint32_t cubby_net_class_count(const struct cubby_net *net)
{
    return net->classes;
}

uint32_t cubby_net_feature_count(const struct cubby_net *net)
{
    return net->features;
}

enum cubby_upload cubby_net_upload(const struct cubby_net *net)
{
    return executor_upload(net->executor);
}

size_t cubby_net_image_bytes(const struct cubby_net *net)
{
    return net->image_bytes;
}

uint64_t cubby_net_device_bytes(const struct cubby_net *net)
{
    return executor_device_bytes(net->executor);
}

struct cubby_net_work cubby_net_work(const struct cubby_net *net)
{
    return net->work;
}

uint8_t *cubby_net_input(struct cubby_net *net, uint32_t slot)
{
    return executor_input(net->executor, slot);
}

enum cubby_status cubby_net_submit(struct cubby_net *net, uint32_t slot, uint32_t count)
{
    return executor_submit(net->executor, slot, count);
}

enum cubby_status cubby_net_wait(struct cubby_net *net, uint32_t slot,
                                 struct cubby_net_output *output)
{
    const enum cubby_status status = executor_wait(net->executor, slot);
    if (status)
        return status;
    *output = (struct cubby_net_output){
        .logits = executor_output(net->executor, slot, GRAPH_LOGITS),
        .probabilities = executor_output(net->executor, slot, GRAPH_PROBABILITIES),
        .features = executor_output(net->executor, slot, GRAPH_FEATURES),
    };
    return CUBBY_OK;
}
