#include "pipeline/classifier.h"

#include <stdlib.h>

#include "device_cache.h"
#include "hash.h"
#include "model_file.h"

// Where halving begins when the engine's own choice of batch was too much.
#define FALLBACK_BATCH 32u

struct net_classifier {
    struct classifier base;
    struct net_classifier_params params;
    struct cubby_log log;        // what the engine gets: passes on to params.log
    bool expects_failure;        // a smaller batch will be tried: errors are not final
    struct cubby_gpu *gpu;       // owned
    struct cubby_net *net;       // owned
    struct cubby_tuning *tuning; // owned
};

static void pass_on(void *user, enum cubby_log_level level, const char *message)
{
    const struct net_classifier *self = user;
    if (self->expects_failure && level == CUBBY_LOG_ERROR)
        level = CUBBY_LOG_INFO;
    cubby_log(self->params.log, level, "%s", message);
}

static uint8_t *net_input(struct classifier *classifier, uint32_t slot)
{
    return cubby_net_input(((struct net_classifier *)classifier)->net, slot);
}

static enum cubby_status net_submit(struct classifier *classifier, uint32_t slot, uint32_t count)
{
    return cubby_net_submit(((struct net_classifier *)classifier)->net, slot, count);
}

static enum cubby_status net_wait(struct classifier *classifier, uint32_t slot,
                                  struct cubby_net_output *output)
{
    return cubby_net_wait(((struct net_classifier *)classifier)->net, slot, output);
}

// Makes the net; while memory is short, with half the batch.
static enum cubby_status make_net(struct net_classifier *self, const struct cubby_model *model,
                                  uint32_t batch)
{
    for (;;) {
        struct cubby_net_params params = {
            .max_batch = batch, .slots = self->params.slots, .tuning = self->tuning};
        self->expects_failure = batch != 1;
        enum cubby_status status = cubby_net_create(&self->net, self->gpu, model, &params);
        self->expects_failure = false;
        if (status != CUBBY_NO_MEMORY || batch == 1) {
            if (status)
                cubby_log(self->params.log, CUBBY_LOG_ERROR,
                          "the network cannot be put on the device (batch %u): %s", (unsigned)batch,
                          cubby_status_text(status));
            return status;
        }
        batch = batch ? batch / 2 : FALLBACK_BATCH;
        cubby_log(self->params.log, CUBBY_LOG_INFO, "device memory is short: trying batches of %u",
                  (unsigned)batch);
    }
}

static enum cubby_status net_rebuild(struct classifier *classifier)
{
    struct net_classifier *self = (struct net_classifier *)classifier;
    const struct net_classifier_params *params = &self->params;
    struct model_file again = {0};
    cubby_net_destroy(&self->net);
    cubby_gpu_destroy(&self->gpu);

    enum cubby_status status =
        model_file_open(&again, params->model->path, params->fs, params->log);
    if (status)
        return status;
    if (!photo_hash_equal(again.hash, params->model->hash)) {
        cubby_log(params->log, CUBBY_LOG_ERROR, "the model %s changed during the run",
                  params->model->path);
        status = CUBBY_BAD_DATA;
    }
    if (!status)
        status = cubby_gpu_create(&self->gpu, &params->gpu, &self->log);
    struct cubby_net_params net = {classifier->max_batch, classifier->slots, self->tuning};
    if (!status)
        status = cubby_net_create(&self->net, self->gpu, again.model, &net);
    model_file_close(&again);
    return status;
}

static void net_destroy(struct classifier *classifier)
{
    struct net_classifier *self = (struct net_classifier *)classifier;
    cubby_net_destroy(&self->net);
    cubby_gpu_destroy(&self->gpu);
    cubby_tuning_destroy(&self->tuning);
    free(self);
}

// Opens the device and makes the net, with what earlier runs compiled and measured.
static enum cubby_status open_device(struct net_classifier *self,
                                     const struct net_classifier_params *params)
{
    struct device_cache cache;
    enum cubby_status status = cubby_gpu_create(&self->gpu, &params->gpu, &self->log);
    if (status)
        return status;
    device_cache_init(&cache, params->fs, params->log);
    device_cache_load_pipelines(&cache, self->gpu);
    status = device_cache_load_tuning(&cache, self->gpu, &self->tuning);
    if (!status)
        status = make_net(self, params->model->model, params->max_batch);
    if (!status)
        device_cache_save_pipelines(&cache, self->gpu);
    device_cache_fini(&cache);
    return status;
}

enum cubby_status net_classifier_create(struct classifier **out,
                                        const struct net_classifier_params *params)
{
    static const struct classifier_ops ops = {net_input, net_submit, net_wait, net_rebuild,
                                              net_destroy};
    *out = NULL;
    struct net_classifier *self = calloc(1, sizeof(*self));
    if (!self)
        return CUBBY_NO_MEMORY;
    self->base.ops = &ops;
    self->params = *params;
    self->log = (struct cubby_log){pass_on, self};
    struct classifier *classifier = &self->base;

    enum cubby_status status = open_device(self, params);
    if (status) {
        classifier_destroy(&classifier);
        return status;
    }
    classifier->max_batch = cubby_net_max_batch(self->net);
    classifier->slots = cubby_net_slots(self->net);
    classifier->class_count = cubby_net_class_count(self->net);
    classifier->image_bytes = cubby_net_image_bytes(self->net);
    classifier->feature_count = cubby_net_feature_count(self->net);
    *out = classifier;
    return CUBBY_OK;
}

struct cubby_gpu *net_classifier_gpu(const struct classifier *classifier)
{
    return ((const struct net_classifier *)classifier)->gpu;
}

struct cubby_net_work net_classifier_work(const struct classifier *classifier)
{
    return cubby_net_work(((const struct net_classifier *)classifier)->net);
}

enum cubby_upload net_classifier_upload(const struct classifier *classifier)
{
    return cubby_net_upload(((const struct net_classifier *)classifier)->net);
}
