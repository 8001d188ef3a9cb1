#include "pipeline/pipeline.h"

#include <stdlib.h>

#include "pipeline/stages.h"
#include "platform/memory.h"

#define DECODE_BYTES (UINT64_C(256) << 20) // of large photos that are decoded at the same time
#define LEAST_BUDGET_BYTES (UINT64_C(128) << 20)
#define MOST_BUDGET_BYTES (UINT64_C(2) << 30)
#define BUDGET_SHARE 32 // of the memory that there is
#define QUEUE_PER_THREAD 2u
#define TICK_NS 100000000ull

const char *pipeline_stage_text(enum pipeline_stage stage)
{
    static const char *const text[STAGE_COUNT] = {"reading", "decoding", "the network", "filing"};
    return stage < STAGE_COUNT ? text[stage] : "unknown";
}

enum pipeline_stage pipeline_limit(const struct pipeline_stats *stats)
{
    // Reading and decoding share their threads: they limit together, the larger part names them.
    double threads = stats->threads ? stats->threads : 1;
    double workers = (stats->busy[STAGE_READ] + stats->busy[STAGE_DECODE]) / threads;
    enum pipeline_stage stage =
        stats->busy[STAGE_READ] > stats->busy[STAGE_DECODE] ? STAGE_READ : STAGE_DECODE;
    if (stats->busy[STAGE_NETWORK] > workers) {
        stage = STAGE_NETWORK;
        workers = stats->busy[STAGE_NETWORK];
    }
    return stats->busy[STAGE_FILE] > workers ? STAGE_FILE : stage;
}

void pipeline_add_busy(struct pipeline *pipeline, enum pipeline_stage stage, uint64_t since)
{
    atomic_fetch_add(&pipeline->busy_ns[stage], uv_hrtime() - since);
}

void pipeline_fail(struct pipeline *pipeline, enum cubby_status status)
{
    uv_mutex_lock(&pipeline->failure_lock);
    if (!pipeline->failure)
        pipeline->failure = status;
    uv_mutex_unlock(&pipeline->failure_lock);
    window_abort(&pipeline->window);
    queue_close(&pipeline->queue);
    batcher_close(&pipeline->batcher);
}

static bool wait_for_room(struct pipeline *pipeline)
{
    if (window_has_room(&pipeline->window))
        return true;
    batcher_set_source(&pipeline->batcher, SOURCE_BLOCKED);
    bool alive = window_wait_room(&pipeline->window);
    batcher_set_source(&pipeline->batcher, SOURCE_RUNNING);
    return alive;
}

static bool interrupted(struct pipeline *pipeline)
{
    const struct pipeline_params *params = &pipeline->params;
    if (params->interrupted && params->interrupted(params->user))
        atomic_store(&pipeline->interrupted, true);
    return atomic_load(&pipeline->interrupted);
}

void scan_thread(void *argument)
{
    struct pipeline *pipeline = argument;
    enum cubby_status status = CUBBY_OK;
    while (wait_for_room(pipeline) && !interrupted(pipeline)) {
        struct photo *photo = NULL;
        status = pipeline->params.next(pipeline->params.user, &photo);
        if (status || !photo)
            break;
        struct item *item = window_enter(&pipeline->window, photo);
        if (photo->status != PHOTO_PENDING || photo->top_count) {
            window_pass(&pipeline->window, item);
            continue;
        }
        batcher_expect(&pipeline->batcher);
        if (!queue_push(&pipeline->queue, item))
            break;
    }
    batcher_set_source(&pipeline->batcher, SOURCE_ENDED);
    if (status)
        pipeline_fail(pipeline, status);
    window_end(&pipeline->window);
}

static void snapshot(struct pipeline *pipeline, struct pipeline_stats *stats)
{
    stats->seconds = (double)(uv_hrtime() - pipeline->started_ns) / 1e9;
    stats->first_result_seconds = (double)atomic_load(&pipeline->first_result_ns) / 1e9;
    for (int i = 0; i < STAGE_COUNT; i++)
        stats->busy[i] = (double)atomic_load(&pipeline->busy_ns[i]) / 1e9;
    stats->classified = atomic_load(&pipeline->classified);
    stats->batches = atomic_load(&pipeline->batches);
    stats->rereads = atomic_load(&pipeline->rereads);
    stats->threads = pipeline->params.threads;
}

static enum cubby_status settle(struct pipeline *pipeline, struct item *item)
{
    uint64_t since = uv_hrtime();
    const struct pipeline_params *params = &pipeline->params;
    const float *logits = item->photo->status == PHOTO_PENDING ? item->logits : NULL;
    enum cubby_status status = params->settle(params->user, &item->photo, logits);
    atomic_fetch_sub(&pipeline->held_bytes, item->budget_bytes);
    window_leave(&pipeline->window, item);
    pipeline_add_busy(pipeline, STAGE_FILE, since);
    return status;
}

// The last stage, on the caller's thread.
static void file_all(struct pipeline *pipeline, struct pipeline_stats *stats)
{
    const struct pipeline_params *params = &pipeline->params;
    uint64_t ticked = uv_hrtime();
    for (;;) {
        struct item *item;
        enum window_event event = window_next(&pipeline->window, 0, &item);
        if (event == WINDOW_WAIT) {
            batcher_set_filing(&pipeline->batcher, false);
            event = window_next(&pipeline->window, TICK_NS, &item);
            batcher_set_filing(&pipeline->batcher, true);
        }
        if (event == WINDOW_END || event == WINDOW_ABORT)
            return;
        if (event == WINDOW_ITEM) {
            enum cubby_status status = settle(pipeline, item);
            stats->settled++;
            if (status) {
                pipeline_fail(pipeline, status);
                return;
            }
        }
        if (params->tick && uv_hrtime() - ticked >= TICK_NS) {
            ticked = uv_hrtime();
            snapshot(pipeline, stats);
            enum cubby_status status = params->tick(params->user, stats);
            if (status) {
                pipeline_fail(pipeline, status);
                return;
            }
        }
    }
}

// Batches of a large GPU are a few hundred photos, several at a time: what the budget does not hold
// of them is read again, by the thread that files.
static uint64_t default_budget(void)
{
    const uint64_t share = memory_available_bytes() / BUDGET_SHARE;
    if (share < LEAST_BUDGET_BYTES)
        return LEAST_BUDGET_BYTES;
    return share < MOST_BUDGET_BYTES ? share : MOST_BUDGET_BYTES;
}

static enum cubby_status pipeline_init(struct pipeline *pipeline,
                                       const struct pipeline_params *params)
{
    *pipeline = (struct pipeline){.params = *params, .started_ns = uv_hrtime()};
    struct pipeline_params *p = &pipeline->params;
    if (!p->threads)
        p->threads = 1;
    if (!p->budget_bytes)
        p->budget_bytes = default_budget();
    uint32_t batches = p->classifier->slots * p->classifier->max_batch;
    uint32_t queued = p->threads * QUEUE_PER_THREAD;
    // All batches, what the threads hold, and the queue; then one more batch, so that one slow
    // photo at the head does not stop the others at once.
    if (!p->in_flight)
        p->in_flight = batches + p->threads + queued + p->classifier->max_batch;

    enum cubby_status status = CUBBY_OK;
    if (uv_mutex_init(&pipeline->huge) || uv_mutex_init(&pipeline->failure_lock) ||
        gate_init(&pipeline->gate, DECODE_BYTES))
        return CUBBY_NO_MEMORY;
    pipeline->locks_made = true;
    if (!status)
        status = queue_init(&pipeline->queue, queued, batches);
    if (!status)
        status = batcher_init(&pipeline->batcher, p->classifier->slots, p->classifier->max_batch);
    if (!status)
        status = window_init(&pipeline->window, p->in_flight);
    return status;
}

static void pipeline_fini(struct pipeline *pipeline)
{
    window_fini(&pipeline->window);
    batcher_fini(&pipeline->batcher);
    queue_fini(&pipeline->queue);
    if (pipeline->locks_made) {
        gate_fini(&pipeline->gate);
        uv_mutex_destroy(&pipeline->failure_lock);
        uv_mutex_destroy(&pipeline->huge);
    }
}

// Starts scan, network and workers; on failure the run is failed, and those that run will end.
static uint32_t start_threads(struct pipeline *pipeline, uv_thread_t *threads)
{
    uint32_t started = 0, wanted = pipeline->params.threads + 2;
    while (started < wanted) {
        uv_thread_cb body = started == 0   ? network_thread
                            : started == 1 ? scan_thread
                                           : worker_thread;
        int error = uv_thread_create(&threads[started], body, pipeline);
        if (error) {
            cubby_log(pipeline->params.log, CUBBY_LOG_ERROR,
                      "cannot start thread %u of %u: %s; try fewer --threads",
                      (unsigned)started + 1, (unsigned)wanted, uv_strerror(error));
            pipeline_fail(pipeline, CUBBY_INTERNAL);
            break;
        }
        started++;
    }
    return started;
}

enum cubby_status pipeline_run(const struct pipeline_params *params, struct pipeline_stats *stats)
{
    *stats = (struct pipeline_stats){0};
    struct pipeline pipeline;
    uv_thread_t *threads = NULL;
    enum cubby_status status = pipeline_init(&pipeline, params);
    if (status)
        goto out;
    threads = calloc(pipeline.params.threads + 2, sizeof(*threads));
    if (!threads) {
        status = CUBBY_NO_MEMORY;
        goto out;
    }

    uint32_t started = start_threads(&pipeline, threads);
    file_all(&pipeline, stats);
    queue_close(&pipeline.queue);
    batcher_close(&pipeline.batcher);
    for (uint32_t i = 0; i < started; i++)
        uv_thread_join(&threads[i]);
    snapshot(&pipeline, stats);
    status = pipeline.failure;
    if (!status && atomic_load(&pipeline.interrupted))
        status = CUBBY_INTERRUPTED;

out:
    free(threads);
    pipeline_fini(&pipeline);
    return status;
}
