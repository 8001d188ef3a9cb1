#include "graph/profile.h"

#include <stdlib.h>

#include "graph/executor_internal.h"
#include "vk/commands.h"

struct profile_run {
    struct executor *executor;
    uint32_t count;
    VkQueryPool pool; // op_count + 1 time stamps
    enum cubby_status status;
};

static void record(const void *user, VkCommandBuffer commands)
{
    struct profile_run *run = *(struct profile_run *const *)user;
    const uint32_t ops = run->executor->graph.op_count;
    vkCmdResetQueryPool(commands, run->pool, 0, ops + 1);
    vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, run->pool, 0);
    for (uint32_t i = 0; !run->status && i < ops; i++) {
        run->status = executor_record_op(run->executor, 0, commands, i, run->count);
        vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, run->pool, i + 1);
    }
}

static uint64_t value_bytes(const struct executor *executor, uint32_t value, uint32_t count)
{
    return value == GRAPH_NONE ? 0 : layout_bytes(&executor->layouts[value], count);
}

static void describe(const struct executor *executor, uint32_t index, uint32_t count,
                     struct op_profile *profile)
{
    const struct graph *graph = &executor->graph;
    const struct graph_op *op = &graph->ops[index];
    profile->op = op;
    profile->input = op->input == GRAPH_NONE ? NULL : &graph->values[op->input];
    profile->output = op->output == GRAPH_NONE ? NULL : &graph->values[op->output];
    profile->shortcut = op->residual == GRAPH_NONE ? NULL : &graph->values[op->residual];
    profile->choice = &executor->choices[index];
    profile->bytes = (double)(value_bytes(executor, op->input, count) +
                              value_bytes(executor, op->output, count) +
                              value_bytes(executor, op->residual, count) +
                              value_bytes(executor, op->second, count)) +
                     (double)executor->weights_of[op->weights_op].texels * TEXEL_BYTES;
    double products;
    if (op->kind == GRAPH_STEM) {
        profile->bytes += (double)count * (double)graph_input_bytes(graph);
        products = GRAPH_INPUT_CHANNELS;
    } else if (op->kind == GRAPH_CONV) {
        products = profile->input->channels;
    } else {
        return;
    }
    products *= op->kernel * op->kernel;
    if (op->second != GRAPH_NONE)
        products += graph->values[op->second].channels;
    profile->flops = 2.0 * count * products * profile->output->channels * profile->output->height *
                     profile->output->width;
}

static enum cubby_status run_once(struct profile_run *run, uint64_t *stamps)
{
    const struct cubby_gpu *gpu = run->executor->gpu;
    const uint32_t ops = run->executor->graph.op_count;
    const struct profile_run *pointer = run;
    enum cubby_status status = commands_run(run->executor->gpu, "profiling", record, &pointer);
    if (!status)
        status = run->status;
    if (status)
        return status;
    const VkResult result = vkGetQueryPoolResults(
        gpu->device, run->pool, 0, ops + 1, (ops + 1) * sizeof(*stamps), stamps, sizeof(*stamps),
        VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
    return gpu_check(gpu, result, "reading time stamps");
}

enum cubby_status executor_profile(struct executor *executor, uint32_t count, uint32_t rounds,
                                   struct op_profile **profiles, uint32_t *profile_count)
{
    const struct cubby_gpu *gpu = executor->gpu;
    const uint32_t ops = executor->graph.op_count;
    struct profile_run run = {.executor = executor, .count = count};
    uint64_t *stamps = calloc(ops + 1, sizeof(*stamps));
    *profile_count = ops;
    *profiles = calloc(ops, sizeof(**profiles));
    enum cubby_status status = CUBBY_NO_MEMORY;
    if (!stamps || !*profiles)
        goto out;
    status = CUBBY_UNSUPPORTED;
    if (!gpu->limits.timestampComputeAndGraphics)
        goto out;
    const VkQueryPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
        .queryType = VK_QUERY_TYPE_TIMESTAMP,
        .queryCount = ops + 1,
    };
    status = gpu_check(gpu, vkCreateQueryPool(gpu->device, &info, NULL, &run.pool), "time stamps");
    for (uint32_t i = 0; !status && i < ops; i++)
        describe(executor, i, count, &(*profiles)[i]);
    for (uint32_t round = 0; !status && round < rounds; round++) {
        status = run_once(&run, stamps);
        for (uint32_t i = 0; !status && i < ops; i++) {
            const double seconds =
                (double)(stamps[i + 1] - stamps[i]) * gpu->limits.timestampPeriod * 1e-9;
            if (!round || seconds < (*profiles)[i].seconds)
                (*profiles)[i].seconds = seconds;
        }
    }
    vkDestroyQueryPool(gpu->device, run.pool, NULL);
out:
    free(stamps);
    if (status) {
        free(*profiles);
        *profiles = NULL;
    }
    return status;
}
