#include "pipeline/stages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode/decode.h"
#include "hash.h"
#include "platform/thread.h"

// Files over this go one at a time through the whole program, so that many threads cannot each hold
// a giant.
#define HUGE_FILE_BYTES (64u << 20)
#define KEPT_PART_BYTES ((size_t)64 << 20) // between photos

struct worker {
    struct pipeline *pipeline;     // borrowed
    struct decoder *decoder;       // owned
    struct cubby_resizer *resizer; // owned
    bool holds_huge;               // this thread has pipeline->huge
    uint64_t gate_bytes;           // of pipeline->gate that this thread holds
    uint8_t *part;                 // owned, of a photo that a view shows
    size_t part_bytes;
};

// Called by the decoder when it knows the photo's size.
static void wait_for_memory(void *user, uint64_t bytes)
{
    struct worker *worker = user;
    if (!worker->gate_bytes)
        worker->gate_bytes = gate_enter(&worker->pipeline->gate, bytes);
}

static enum cubby_status worker_init(struct worker *worker, struct pipeline *pipeline)
{
    const struct pipeline_params *params = &pipeline->params;
    *worker = (struct worker){.pipeline = pipeline};
    const struct decode_params decode = {.max_pixels = params->max_pixels,
                                         .exact = params->exact,
                                         .before_memory = wait_for_memory,
                                         .user = worker};
    enum cubby_status status = decoder_create(&worker->decoder, &decode);
    if (!status)
        status = cubby_resizer_create(&worker->resizer);
    if (!status)
        cubby_resizer_set_exact(worker->resizer, params->exact);
    return status;
}

static void worker_fini(struct worker *worker)
{
    decoder_destroy(&worker->decoder);
    cubby_resizer_destroy(&worker->resizer);
    free(worker->part);
}

static enum cubby_status place_pixels(struct worker *worker, struct item *item,
                                      const struct decode_image *image);

// Puts the part of the photo that its view shows in the image's place.
static enum cubby_status cut_out(struct worker *worker, const struct cubby_view *view,
                                 struct decode_image *image)
{
    uint32_t width, height;
    cubby_view_size(view, image->width, image->height, &width, &height);
    size_t bytes = (size_t)width * height * 3; // not more than the image has
    if (bytes > worker->part_bytes || worker->part_bytes > KEPT_PART_BYTES) {
        free(worker->part);
        worker->part_bytes = 0;
        worker->part = malloc(bytes);
        if (!worker->part)
            return CUBBY_NO_MEMORY;
        worker->part_bytes = bytes;
    }
    cubby_view_run(view, image->rgb, image->width, image->height, worker->part);
    image->rgb = worker->part;
    image->width = width;
    image->height = height;
    return CUBBY_OK;
}

static bool shows_all(const struct cubby_view *view)
{
    return view->left <= 0 && view->top <= 0 && view->width >= 1 && view->height >= 1 &&
           !view->mirrored;
}

// Runs the decoder and, on success, puts the pixels into a batch. The photo is left PENDING unless
// it failed. CUBBY_INTERRUPTED: the run is being torn down.
static enum cubby_status decode(struct worker *worker, struct item *item, char *reason,
                                size_t reason_bytes)
{
    struct pipeline *pipeline = worker->pipeline;
    struct photo *photo = item->photo;
    struct decode_image image;
    struct cubby_view view = {.width = 1, .height = 1};
    if (pipeline->params.view)
        pipeline->params.view(pipeline->params.user, photo, &view);
    const struct cubby_preprocess wanted = cubby_view_enlarge(&view, pipeline->params.preprocess);
    uint64_t since = uv_hrtime();
    enum cubby_status status = decode_run(worker->decoder, photo->bytes, (size_t)photo->size_bytes,
                                          photo->path, &wanted, &image, reason, reason_bytes);
    if (!status)
        memcpy(photo->captured, image.captured, sizeof(photo->captured));
    if (!status && !shows_all(&view) && cut_out(worker, &view, &image)) {
        status = CUBBY_NO_MEMORY;
        snprintf(reason, reason_bytes, "out of memory");
    }
    pipeline_add_busy(pipeline, STAGE_DECODE, since);
    return status ? status : place_pixels(worker, item, &image);
}

// Keeps the file's bytes for filing while the budget lasts. Never waits: photos are filed in
// order, and the one that everybody waits for must not be refused by those behind it.
static void keep_or_drop_bytes(struct pipeline *pipeline, struct item *item)
{
    const struct pipeline_params *params = &pipeline->params;
    struct photo *photo = item->photo;
    uint64_t held = atomic_fetch_add(&pipeline->held_bytes, photo->size_bytes);
    if (params->keep_bytes && held + photo->size_bytes <= params->budget_bytes) {
        item->budget_bytes = photo->size_bytes;
        return;
    }
    atomic_fetch_sub(&pipeline->held_bytes, photo->size_bytes);
    if (params->keep_bytes)
        atomic_fetch_add(&pipeline->rereads, 1);
    free(photo->bytes);
    photo->bytes = NULL;
}

static enum cubby_status place_pixels(struct worker *worker, struct item *item,
                                      const struct decode_image *image)
{
    struct pipeline *pipeline = worker->pipeline;
    struct classifier *classifier = pipeline->params.classifier;
    if (!item->budget_bytes)
        keep_or_drop_bytes(pipeline, item);

    struct place place;
    if (!batcher_take(&pipeline->batcher, item, &place))
        return CUBBY_INTERRUPTED;
    uint64_t since = uv_hrtime();
    uint8_t *pixels = classifier->ops->input(classifier, place.slot) +
                      (size_t)place.index * classifier->image_bytes;
    enum cubby_status status =
        cubby_preprocess_run(worker->resizer, pipeline->params.preprocess, image->rgb, image->width,
                             image->height, pixels);
    pipeline_add_busy(pipeline, STAGE_DECODE, since);
    if (status) {
        // Before the place is given up: afterwards nobody but the window may touch the item.
        photo_settle(item->photo, PHOTO_FAILED, "cannot be resized: %s", cubby_status_text(status));
    }
    batcher_written(&pipeline->batcher, place, !status);
    if (status)
        window_done(&pipeline->window, item);
    return CUBBY_OK;
}

static void settle(struct pipeline *pipeline, struct item *item)
{
    batcher_forget(&pipeline->batcher);
    window_done(&pipeline->window, item);
}

static bool read_item(struct pipeline *pipeline, struct item *item)
{
    if (item->photo->bytes)
        return true; // decoded before: its batch was lost with the device
    struct photo_hash before = item->photo->hash;
    uint64_t since = uv_hrtime();
    bool ok = read_photo(&pipeline->params, item->photo);
    pipeline_add_busy(pipeline, STAGE_READ, since);
    if (ok && item->hashed && !photo_hash_equal(before, item->photo->hash)) {
        photo_settle(item->photo, PHOTO_FAILED, "changed while it was being classified");
        ok = false;
    }
    item->hashed = true;
    return ok;
}

// Reads and decodes; the item is in a batch, or settled, when this returns.
static void handle(struct worker *worker, struct item *item)
{
    struct pipeline *pipeline = worker->pipeline;
    struct photo *photo = item->photo;
    if (!read_item(pipeline, item)) {
        settle(pipeline, item);
        return;
    }

    char reason[PHOTO_REASON_BYTES] = "cannot be decoded";
    enum cubby_status status = decode(worker, item, reason, sizeof(reason));
    if (status && status != CUBBY_INTERRUPTED) {
        free(photo->bytes);
        photo->bytes = NULL;
        photo_settle(photo, PHOTO_FAILED, "%s", reason);
        settle(pipeline, item);
    }
}

void worker_thread(void *argument)
{
    struct pipeline *pipeline = argument;
    if (pipeline->params.shares_cores)
        thread_yield_to_others();
    struct worker worker;
    enum cubby_status status = worker_init(&worker, pipeline);
    if (status)
        pipeline_fail(pipeline, status);
    struct item *item;
    while (!status && (item = queue_pop(&pipeline->queue))) {
        if (item->photo->size_bytes > HUGE_FILE_BYTES) {
            uv_mutex_lock(&pipeline->huge);
            worker.holds_huge = true;
        }
        handle(&worker, item);
        gate_leave(&pipeline->gate, worker.gate_bytes);
        worker.gate_bytes = 0;
        if (worker.holds_huge)
            uv_mutex_unlock(&pipeline->huge);
        worker.holds_huge = false;
    }
    worker_fini(&worker);
}
