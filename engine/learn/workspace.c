#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "half.h"
#include "learn/problem.h"

// What the slots' sums may take together.
#define SUMS_BYTES ((size_t)64 << 20)

const float *cubby_float_row(void *float_rows, uint32_t index, float *scratch)
{
    (void)scratch;
    const struct cubby_float_rows *rows = float_rows;
    return rows->values + (size_t)index * rows->dims;
}

const float *cubby_half_row(void *half_rows, uint32_t index, float *scratch)
{
    const struct cubby_half_rows *rows = half_rows;
    const uint16_t *values = rows->values + (size_t)index * rows->dims;
    for (uint32_t i = 0; i < rows->dims; i++)
        scratch[i] = half_to_float(values[i]);
    return scratch;
}

size_t workspace_size(const struct workspace *workspace)
{
    const struct cubby_samples *samples = workspace->samples;
    return (size_t)samples->classes * samples->dims + samples->classes;
}

static enum cubby_status check_lists(const struct cubby_samples *samples,
                                     const struct cubby_log *log)
{
    if (samples->count == 0 || samples->dims == 0) {
        cubby_log(log, CUBBY_LOG_ERROR, "there is nothing to learn from: no samples");
        return CUBBY_BAD_DATA;
    }
    if (samples->classes < 2) {
        cubby_log(log, CUBBY_LOG_ERROR, "there is nothing to tell apart: fewer than two classes");
        return CUBBY_BAD_DATA;
    }
    if ((uint64_t)samples->classes * samples->dims > CUBBY_LEARN_MAX_WEIGHTS) {
        cubby_log(log, CUBBY_LOG_ERROR, "%u classes of %u features are too many to learn",
                  samples->classes, samples->dims);
        return CUBBY_TOO_LARGE;
    }
    for (uint32_t i = 0; i < samples->count; i++) {
        const char *wrong = NULL;
        if (samples->labels[i] >= samples->classes)
            wrong = "label";
        else if (samples->roles && samples->roles[i] > CUBBY_JUDGES)
            wrong = "role";
        else if (samples->weights && !(samples->weights[i] >= 0 && samples->weights[i] < 1e30f))
            wrong = "weight";
        if (wrong) {
            cubby_log(log, CUBBY_LOG_ERROR, "sample %u of %u has a %s that is out of range", i,
                      samples->count, wrong);
            return CUBBY_BAD_DATA;
        }
    }
    return CUBBY_OK;
}

static void *aligned(size_t count, size_t size)
{
    // Not aligned_alloc(), which Windows lacks: free() must do for all. The start is found again
    // by what is noted just below it.
    const size_t bytes = count * size;
    char *memory = calloc(1, bytes + KERNEL_ALIGN + sizeof(void *));
    if (!memory)
        return NULL;
    uintptr_t start = (uintptr_t)memory + sizeof(void *) + KERNEL_ALIGN - 1;
    start -= start % KERNEL_ALIGN;
    memcpy((char *)start - sizeof(void *), &memory, sizeof(memory));
    return (void *)start;
}

static void aligned_free(void *start)
{
    if (!start)
        return;
    void *memory;
    memcpy(&memory, (char *)start - sizeof(void *), sizeof(memory));
    free(memory);
}

static enum cubby_status create_slots(struct workspace *workspace)
{
    const uint32_t stride = workspace->stride, classes = workspace->padded_classes;
    const size_t weights = (size_t)stride * classes;
    const size_t blocks = (workspace->samples->count + (size_t)BLOCK_ROWS - 1) / BLOCK_ROWS;
    size_t slots = SUMS_BYTES / (weights * sizeof(double));
    slots = slots < MAX_SLOTS ? slots : MAX_SLOTS;
    slots = slots < blocks ? slots : blocks;
    workspace->slot_count = slots > 0 ? (uint32_t)slots : 1;

    workspace->weights = aligned(weights, sizeof(float));
    bool made = workspace->weights;
    for (uint32_t i = 0; i < workspace->slot_count; i++) {
        struct slot *slot = &workspace->slots[i];
        slot->row = aligned(stride, sizeof(float));
        slot->rows = aligned((size_t)BLOCK_ROWS * stride, sizeof(float));
        slot->logits = aligned((size_t)BLOCK_ROWS * classes, sizeof(float));
        slot->sums = aligned(weights, sizeof(double));
        slot->class_sums = aligned(classes, sizeof(double));
        made = made && slot->row && slot->rows && slot->logits && slot->sums && slot->class_sums;
    }
    return made ? CUBBY_OK : CUBBY_NO_MEMORY;
}

// Slot `index`'s part of all samples.
static void check_features(void *context, size_t index)
{
    struct workspace *workspace = context;
    const struct cubby_samples *samples = workspace->samples;
    struct slot *slot = &workspace->slots[index];
    const uint32_t first = (uint32_t)((uint64_t)samples->count * index / workspace->slot_count);
    const uint32_t end = (uint32_t)((uint64_t)samples->count * (index + 1) / workspace->slot_count);
    slot->status = CUBBY_OK;
    for (uint32_t i = first; i < end && !slot->status; i++) {
        const float *row = samples->row(samples->user, i, slot->row);
        float sum = 0; // of zeros, unless a value is not finite
        for (uint32_t d = 0; row && d < samples->dims; d++)
            sum += row[d] * 0.0f;
        slot->bad_row = i;
        slot->status = !row ? CUBBY_IO : sum == 0 ? CUBBY_OK : CUBBY_BAD_DATA;
    }
}

enum cubby_status workspace_run(struct workspace *workspace,
                                void (*task)(void *context, size_t index), void *context)
{
    if (workspace->parallel.run && workspace->slot_count > 1)
        workspace->parallel.run(workspace->parallel.user, workspace->slot_count, task, context);
    else
        for (uint32_t i = 0; i < workspace->slot_count; i++)
            task(context, i);
    for (uint32_t i = 0; i < workspace->slot_count; i++) {
        const struct slot *slot = &workspace->slots[i];
        if (slot->status) {
            cubby_log(workspace->log, CUBBY_LOG_ERROR, "the features of sample %u %s",
                      slot->bad_row,
                      slot->status == CUBBY_IO ? "cannot be read" : "are not finite numbers");
            return slot->status;
        }
    }
    return CUBBY_OK;
}

enum cubby_status workspace_init(struct workspace *workspace, const struct cubby_samples *samples,
                                 const struct cubby_fit_params *params)
{
    *workspace = (struct workspace){
        .samples = samples,
        .parallel = params->parallel,
        .log = params->log,
        .kernels = kernels_best(),
        .stride = (samples->dims + KERNEL_STRIDE - 1) / KERNEL_STRIDE * KERNEL_STRIDE,
        .padded_classes = (samples->classes + KERNEL_TILE - 1) / KERNEL_TILE * KERNEL_TILE,
    };
    enum cubby_status status = check_lists(samples, params->log);
    if (status)
        return status;
    status = create_slots(workspace);
    if (status)
        return status;
    return workspace_run(workspace, check_features, workspace);
}

void workspace_fini(struct workspace *workspace)
{
    for (uint32_t i = 0; i < MAX_SLOTS; i++) {
        struct slot *slot = &workspace->slots[i];
        aligned_free(slot->row);
        aligned_free(slot->rows);
        aligned_free(slot->logits);
        aligned_free(slot->sums);
        aligned_free(slot->class_sums);
    }
    aligned_free(workspace->weights);
    *workspace = (struct workspace){0};
}
