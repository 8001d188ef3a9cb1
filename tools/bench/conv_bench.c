// Each kind of convolution in ResNet-50 alone, on one device: conv_bench [BATCH [RUNS [KERNEL]]]
// With KERNEL, 1, 3 or 7, only those with windows of that side.
// Prints GFLOP/s of each way to compute each shape (of the direct convolution's arithmetic, so that
// ways can be compared), and the images a second that the first ways together would give.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "engine/gpu.h"
#include "graph/executor.h"
#include "ops/launch.h"

#define WARM_UP_S 0.1

struct shape {
    uint32_t size, in, out, kernel, stride, times; // input side, channels; how often in the network
};

// torchvision's resnet50: the stem, then for each stage its 1x1, 3x3, 1x1 and the shortcut.
static const struct shape shapes[] = {
    {224, 3, 64, 7, 2, 1},    {56, 64, 64, 1, 1, 1},     {56, 64, 64, 3, 1, 3},
    {56, 64, 256, 1, 1, 4},   {56, 256, 64, 1, 1, 2},    {56, 256, 128, 1, 1, 1},
    {56, 128, 128, 3, 2, 1},  {56, 256, 512, 1, 2, 1},   {28, 128, 512, 1, 1, 4},
    {28, 512, 128, 1, 1, 3},  {28, 128, 128, 3, 1, 3},   {28, 512, 256, 1, 1, 1},
    {28, 256, 256, 3, 2, 1},  {28, 512, 1024, 1, 2, 1},  {14, 256, 1024, 1, 1, 6},
    {14, 1024, 256, 1, 1, 5}, {14, 256, 256, 3, 1, 5},   {14, 1024, 512, 1, 1, 1},
    {14, 512, 512, 3, 2, 1},  {14, 1024, 2048, 1, 2, 1}, {7, 512, 2048, 1, 1, 3},
    {7, 2048, 512, 1, 1, 2},  {7, 512, 512, 3, 1, 2},
};

static void say(void *user, enum cubby_log_level level, const char *message)
{
    (void)user;
    if (level <= CUBBY_LOG_WARNING)
        fprintf(stderr, "%s\n", message);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Median seconds of one run of the graph's convolution; 0 if it cannot run.
static double measure(struct cubby_gpu *gpu, const struct graph *graph,
                      const struct conv_choice *choice, uint32_t batch, uint32_t runs)
{
    double *seconds = calloc(runs, sizeof(*seconds)), median = 0;
    const struct executor_params params = {.max_batch = batch, .slots = 1, .choices = choice};
    struct executor *executor = NULL;
    if (!seconds || executor_create(&executor, gpu, graph, &params))
        goto out;
    // GPUs slow down while a kernel is compiled, and take their time to be fast again.
    const double created = clock_now_s();
    for (uint32_t i = 0; i < runs;) {
        const double start = clock_now_s();
        if (executor_submit(executor, 0, batch) || executor_wait(executor, 0))
            goto out;
        if (start - created >= WARM_UP_S)
            seconds[i++] = clock_now_s() - start;
    }
    qsort(seconds, runs, sizeof(*seconds), by_value);
    median = seconds[runs / 2];

out:
    executor_destroy(&executor);
    free(seconds);
    return median;
}

// Every way to compute one shape; returns the seconds of the first.
static double measure_shape(struct cubby_gpu *gpu, const struct shape *shape, uint32_t batch,
                            uint32_t runs, double flop)
{
    const size_t weights = (size_t)shape->out * shape->in * shape->kernel * shape->kernel;
    float *weight = calloc(weights, sizeof(*weight)), *bias = calloc(shape->out, sizeof(*bias));
    struct graph *graph = calloc(1, sizeof(*graph));
    double first = 0;
    if (!weight || !bias || !graph)
        goto out;
    for (size_t i = 0; i < weights; i++)
        weight[i] = (float)(i % 17) / 17.0f - 0.5f;
    const struct graph_conv_params params = {
        .out_channels = shape->out,
        .kernel = shape->kernel,
        .stride = shape->stride,
        .pad = shape->kernel / 2,
        .relu = true,
        .residual = GRAPH_NONE,
        .weights = {.weight = weight, .bias = bias},
    };
    graph_conv(graph, graph_value(graph, shape->in, shape->size, shape->size), &params);
    struct conv_choice choices[CONV_MAX_CANDIDATES];
    const uint32_t count =
        conv_candidates(gpu, graph, &graph->ops[0], batch, choices, CONV_MAX_CANDIDATES);
    for (uint32_t i = 0; i < count; i++) {
        const double seconds = measure(gpu, graph, &choices[i], batch, runs);
        char way[96];
        conv_choice_describe(&choices[i], way, sizeof(way));
        printf("%ux%u s%u  %3u  %4u -> %4u  x%u  %8.3f ms  %7.1f GFLOP/s  %s\n", shape->kernel,
               shape->kernel, shape->stride, shape->size, shape->in, shape->out, shape->times,
               seconds * 1e3, flop / seconds / 1e9, way);
        if (i == 0)
            first = seconds;
    }

out:
    free(graph);
    free(bias);
    free(weight);
    return first;
}

int main(int argc, char **argv)
{
    const uint32_t batch = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 8;
    const uint32_t runs = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 5;
    const uint32_t kernel = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0;
    const struct cubby_log log = {say, NULL};
    const struct cubby_gpu_params gpu_params = {.kernels = CUBBY_KERNELS_AUTO};
    struct cubby_gpu *gpu;
    if (!batch || !runs || cubby_gpu_create(&gpu, &gpu_params, &log))
        return 1;
    printf("%s, batches of %" PRIu32 "\n", cubby_gpu_info(gpu)->name, batch);
    double total_s = 0, total_flop = 0;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        const struct shape *shape = &shapes[i];
        if (kernel && shape->kernel != kernel)
            continue;
        const uint32_t side =
            graph_window(shape->size, shape->kernel, shape->stride, shape->kernel / 2);
        const double flop =
            2.0 * batch * side * side * shape->out * shape->in * shape->kernel * shape->kernel;
        const double seconds = measure_shape(gpu, shape, batch, runs, flop);
        fflush(stdout);
        total_s += seconds * shape->times;
        total_flop += flop * shape->times;
    }
    printf("all of these convolutions of ResNet-50: %.1f ms, %.1f GFLOP/s, %.2f images/s\n",
           total_s * 1e3, total_flop / total_s / 1e9, batch / total_s);
    cubby_gpu_destroy(&gpu);
    return 0;
}
