// Shows Python tests what cubby learns from features: text on stdout.
//   learn_dump fit FILE L2 TOLERANCE plain|balanced     ITERATIONS LOSS\n, then a line of weights a
//                                                       class, then a line of biases
//   learn_dump validate FILE plain|careless             L2 LOSS ACCURACY TEMPERATURE\n, then the
//   fold
//                                                       of each sample in a line
//   learn_dump temperature FILE                         features are logits: the temperature
//   learn_dump time COUNT DIMS CLASSES THREADS          seconds of a validation and of a fit on
//                                                       made-up features, floats and halves
// FILE: uint32 count, dims, classes; then [count] labels and groups, uint32; weights, float; and
// [count, dims] features, float. Exit code 1 with the reason on stderr if it fails.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/learn.h"
#include "engine/metrics.h"
#include "platform/clock.h"
#include "platform/parallel.h"

struct input {
    struct cubby_samples samples;
    struct cubby_float_rows rows;
    uint32_t *labels, *groups;
    float *weights, *features;
};

static void print_message(void *user, enum cubby_log_level level, const char *message)
{
    (void)user;
    if (level <= CUBBY_LOG_WARNING)
        fprintf(stderr, "%s\n", message);
}

static const struct cubby_log LOG = {.write = print_message};

static void describe(struct input *input, uint32_t count, uint32_t dims, uint32_t classes)
{
    input->rows = (struct cubby_float_rows){input->features, dims};
    input->samples = (struct cubby_samples){
        .row = cubby_float_row,
        .user = &input->rows,
        .labels = input->labels,
        .weights = input->weights,
        .groups = input->groups,
        .count = count,
        .dims = dims,
        .classes = classes,
    };
}

static bool allocate(struct input *input, size_t count, size_t dims)
{
    input->labels = malloc(count * sizeof(uint32_t));
    input->groups = malloc(count * sizeof(uint32_t));
    input->weights = malloc(count * sizeof(float));
    input->features = malloc(count * dims * sizeof(float));
    return input->labels && input->groups && input->weights && input->features;
}

static void release(struct input *input)
{
    free(input->labels);
    free(input->groups);
    free(input->weights);
    free(input->features);
}

static bool read_input(struct input *input, const char *path)
{
    FILE *file = fopen(path, "rb");
    uint32_t shape[3];
    bool whole = file && fread(shape, sizeof(*shape), 3, file) == 3;
    const size_t count = whole ? shape[0] : 0, dims = whole ? shape[1] : 0;
    whole = whole && allocate(input, count, dims) &&
            fread(input->labels, sizeof(uint32_t), count, file) == count &&
            fread(input->groups, sizeof(uint32_t), count, file) == count &&
            fread(input->weights, sizeof(float), count, file) == count &&
            fread(input->features, sizeof(float), count * dims, file) == count * dims;
    if (file)
        fclose(file);
    if (whole)
        describe(input, shape[0], shape[1], shape[2]);
    return whole;
}

static int show_fit(const struct input *input, char **arguments)
{
    const struct cubby_fit_params params = {.tolerance = atof(arguments[1]),
                                            .balanced = strcmp(arguments[2], "balanced") == 0,
                                            .log = &LOG};
    struct cubby_head head;
    struct cubby_fit_report report;
    if (cubby_head_fit(&head, &input->samples, atof(arguments[0]), &params, &report))
        return 1;
    printf("%u %.17g\n", report.iterations, report.loss);
    for (uint32_t k = 0; k < head.classes; k++)
        for (uint32_t d = 0; d < head.dims; d++)
            printf("%.9g%c", (double)head.weight[(size_t)k * head.dims + d],
                   d + 1 < head.dims ? ' ' : '\n');
    for (uint32_t k = 0; k < head.classes; k++)
        printf("%.9g%c", (double)head.bias[k], k + 1 < head.classes ? ' ' : '\n');
    cubby_head_fini(&head);
    return 0;
}

static int show_validation(const struct input *input, char **arguments)
{
    const struct cubby_validation_params params = {
        .fit = {.log = &LOG}, .careless = strcmp(arguments[0], "careless") == 0};
    struct cubby_validation validation;
    if (cubby_validate(&validation, &input->samples, &params))
        return 1;
    const struct cubby_strength *best = &validation.strengths[validation.chosen];
    printf("%.17g %.17g %.17g %.17g\n", best->l2, best->loss, best->accuracy, best->temperature);
    for (uint32_t i = 0; i < input->samples.count; i++)
        printf("%u%c", validation.fold[i], i + 1 < input->samples.count ? ' ' : '\n');
    cubby_validation_fini(&validation);
    return 0;
}

static int show_temperature(const struct input *input)
{
    double temperature;
    if (cubby_temperature_fit(&temperature, input->features, input->labels, input->samples.count,
                              input->samples.classes))
        return 1;
    printf("%.17g\n", temperature);
    return 0;
}

// ---- time

static void run_parallel(void *parallel, size_t count, void (*task)(void *context, size_t index),
                         void *context)
{
    parallel_run(parallel, count, task, context);
}

// Like pooled features of a network: not negative, most of them small; a class is a direction in
// which a twentieth of the features is larger, and items, four photos each, differ as well.
static void make_up(struct input *input, uint32_t count, uint32_t dims, uint32_t classes)
{
    uint32_t state = 1;
    for (uint32_t i = 0; i < count; i++) {
        input->groups[i] = i / 4;
        input->labels[i] = i / 4 % classes;
        input->weights[i] = 1;
        for (uint32_t d = 0; d < dims; d++) {
            float sum = 0;
            for (int part = 0; part < 3; part++) {
                state = state * 1664525u + 1013904223u;
                sum += (float)(state >> 8) / (float)(1 << 24);
            }
            const uint32_t of_class =
                (input->labels[i] * 2654435761u ^ d * 2246822519u) * 3266489917u >> 9;
            const uint32_t of_item = (input->groups[i] * 2246822519u ^ d * 3266489917u) >> 9;
            sum += (of_class % 20 == 0 ? 0.3f : 0) + (float)(of_item % 1024) / 4096;
            input->features[(size_t)i * dims + d] = sum > 1.2f ? sum - 1.2f : 0;
        }
    }
}

static int show_time(char **arguments)
{
    struct input input = {0};
    const uint32_t count = (uint32_t)atoi(arguments[0]), dims = (uint32_t)atoi(arguments[1]);
    const uint32_t classes = (uint32_t)atoi(arguments[2]);
    const unsigned threads = (unsigned)atoi(arguments[3]);
    struct parallel *parallel = NULL;
    if (!allocate(&input, count, dims) || (threads > 1 && parallel_create(&parallel, threads)))
        return 1;
    make_up(&input, count, dims, classes);
    describe(&input, count, dims, classes);
    struct cubby_validation_params params = {.fit = {.log = &LOG}};
    if (parallel)
        params.fit.parallel = (struct cubby_parallel){run_parallel, parallel};

    double start = clock_seconds();
    struct cubby_validation validation;
    if (cubby_validate(&validation, &input.samples, &params))
        return 1;
    printf("validation: %.2f s, %u groups, %u folds\n", clock_seconds() - start, validation.groups,
           validation.folds);
    for (uint32_t i = 0; i < validation.strength_count; i++) {
        const struct cubby_strength *strength = &validation.strengths[i];
        printf("  %c %8.2g loss %.4f +- %.4f temperature %.3f accuracy %.4f\n",
               i == validation.chosen ? '*' : ' ', strength->l2, strength->loss,
               strength->loss_error, strength->temperature, strength->accuracy);
    }
    start = clock_seconds();
    struct cubby_head head;
    struct cubby_fit_report report;
    if (cubby_head_fit(&head, &input.samples, validation.l2, &params.fit, &report))
        return 1;
    printf("fit: %.2f s, %u iterations, %u evaluations, loss %.6f, gradient %.2g%s\n",
           clock_seconds() - start, report.iterations, report.evaluations, report.loss,
           report.gradient, report.converged ? "" : ", not converged");
    cubby_head_fini(&head);
    cubby_validation_fini(&validation);
    parallel_destroy(&parallel);
    release(&input);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "time") == 0)
        return show_time(argv + 2);
    struct input input = {0};
    int code = 2;
    if (argc < 3 || !read_input(&input, argv[2]))
        fprintf(stderr, "usage or input is wrong, see the source\n");
    else if (argc == 6 && strcmp(argv[1], "fit") == 0)
        code = show_fit(&input, argv + 3);
    else if (argc == 4 && strcmp(argv[1], "validate") == 0)
        code = show_validation(&input, argv + 3);
    else if (argc == 3 && strcmp(argv[1], "temperature") == 0)
        code = show_temperature(&input);
    release(&input);
    return code;
}
