#include "learn/features.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "progress.h"

// Changes when views or the way of making features do, so that caches of before are not used.
#define KEY_VERSION 1u
#define LEAST_PART 0.65 // of a photo's width and height that a view shows
#define MOST_PART 0.9

struct features {
    const struct command *command; // borrowed
    char *model_path;              // owned; NULL: the built-in one, or a test's
    struct model_file model;       // without its weights
    struct feature_cache *cache;   // owned
    struct classifying classifying;
    bool device_open;
    uint32_t dims;
    uint64_t computed;
    struct photo_hash model_hash, key;
};

// ---- views

// A number from 0 to 1 that follows from the state, which goes on (Steele, Lea, Flood: Fast
// splittable pseudorandom number generators, 2014).
static double next_unit(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

void features_view(struct photo_hash photo, uint32_t view, struct cubby_view *out)
{
    *out = (struct cubby_view){.width = 1, .height = 1, .mirrored = view == 1};
    if (view < 2)
        return;
    uint64_t state = photo.low ^ view;
    double part = LEAST_PART + (MOST_PART - LEAST_PART) * next_unit(&state);
    out->width = out->height = (float)part;
    out->left = (float)((1 - part) * next_unit(&state));
    out->top = (float)((1 - part) * next_unit(&state));
    out->mirrored = next_unit(&state) < 0.5;
}

// ---- opening

// Of the head's layers, which features do not depend on: a model that was learned from another has
// the same features.
static bool is_head(const char *name)
{
    static const char counter[] = "num_batches_tracked";
    size_t length = strlen(name);
    return !strncmp(name, "fc.", 3) || !strncmp(name, "head.", 5) ||
           (length >= sizeof(counter) - 1 &&
            !strcmp(name + length - (sizeof(counter) - 1), counter));
}

static enum cubby_status add_tensor(struct photo_hasher *hasher, const struct cubby_tensor *tensor)
{
    uint64_t count = cubby_tensor_elements(tensor);
    photo_hasher_add(hasher, tensor->name, strlen(tensor->name) + 1);
    if (tensor->dtype == CUBBY_OTHER || !count)
        return CUBBY_OK;
    float *values = count < SIZE_MAX / sizeof(float) ? malloc((size_t)count * sizeof(float)) : NULL;
    if (!values)
        return CUBBY_NO_MEMORY;
    enum cubby_status status = cubby_tensor_read_f32(tensor, values);
    if (!status)
        photo_hasher_add(hasher, values, (size_t)count * sizeof(float));
    free(values);
    return status;
}

static void add_text(struct photo_hasher *hasher, const char *text)
{
    photo_hasher_add(hasher, text ? text : "", text ? strlen(text) + 1 : 1);
}

// What features depend on besides the photo.
static enum cubby_status make_key(struct photo_hash *key, const struct model_file *model,
                                  const struct cli_options *options)
{
    const struct cubby_checkpoint *checkpoint = model->checkpoint;
    struct photo_hasher *hasher;
    enum cubby_status status = photo_hasher_create(&hasher);
    if (status)
        return status;
    const uint32_t numbers[] = {KEY_VERSION, cubby_model_feature_count(model->model),
                                options->exact, options->precision};
    photo_hasher_add(hasher, numbers, sizeof(numbers));
    add_text(hasher, cubby_checkpoint_metadata(checkpoint, "cubby.preprocessing"));
    for (size_t i = 0; i < cubby_checkpoint_tensor_count(checkpoint) && !status; i++) {
        const struct cubby_tensor *tensor = cubby_checkpoint_tensor(checkpoint, i);
        if (!is_head(tensor->name))
            status = add_tensor(hasher, tensor);
    }
    *key = photo_hasher_result(hasher);
    photo_hasher_destroy(&hasher);
    return status;
}

static enum cubby_status open_model(struct features *features, const char *named,
                                    struct photo_hash *key)
{
    const struct command *command = features->command;
    enum cubby_status status =
        model_file_find(&features->model_path, named, command->fs, command->log);
    if (!status)
        status = model_file_open(&features->model, features->model_path, command->fs, command->log);
    if (!status)
        status = make_key(key, &features->model, command->options);
    if (status)
        return status;
    features->dims = cubby_model_feature_count(features->model.model);
    features->model_hash = features->model.hash;
    model_file_drop_weights(&features->model);
    return CUBBY_OK;
}

static enum cubby_status open_device(struct features *features)
{
    if (features->device_open)
        return CUBBY_OK;
    enum cubby_status status =
        classifying_open_model(&features->classifying, features->command, features->model_path);
    features->device_open = true; // closing takes it half open
    if (status)
        return status;
    if (!photo_hash_equal(features->classifying.model_hash, features->model_hash)) {
        cubby_log(features->command->log, CUBBY_LOG_ERROR, "the model %s changed meanwhile",
                  features->classifying.model_name);
        return CUBBY_BAD_DATA;
    }
    return CUBBY_OK;
}

enum cubby_status features_open(struct features **out, const struct features_params *params)
{
    *out = NULL;
    const struct command *command = params->command;
    struct features *features = calloc(1, sizeof(*features));
    if (!features)
        return CUBBY_NO_MEMORY;
    features->command = command;
    struct feature_cache_params cache = {
        .limit_bytes = params->cache_bytes, .fs = command->fs, .log = command->log};
    enum cubby_status status;
    if (command->hooks && command->hooks->open_classifier) { // has no model
        status = classifying_open_model(&features->classifying, command, params->model);
        features->device_open = true;
        features->dims = status ? 0 : features->classifying.classifier->feature_count;
        features->model_hash = cache.key = features->classifying.model_hash;
    } else {
        status = open_model(features, params->model, &cache.key);
    }
    cache.dims = features->dims;
    features->key = cache.key;
    if (!status)
        status = feature_cache_open(&features->cache, &cache);
    if (status) {
        features_close(&features);
        return status;
    }
    *out = features;
    return CUBBY_OK;
}

void features_close(struct features **features)
{
    struct features *f = *features;
    if (!f)
        return;
    if (f->device_open)
        classifying_close(&f->classifying);
    feature_cache_close(&f->cache);
    model_file_close(&f->model);
    free(f->model_path);
    free(f);
    *features = NULL;
}

// ---- computing

struct computing {
    struct features *features;
    struct labelled_photo *photos;
    size_t count;
    uint32_t views;
    uint64_t *rows;
    bool *failed;
    uint64_t at; // the next of count * views to look at
    uint64_t missing, failures;
    struct progress progress;
};

static enum cubby_status make_photo(const struct computing *computing, uint64_t at,
                                    struct photo **out)
{
    const struct labelled_photo *labelled = &computing->photos[at / computing->views];
    struct photo *photo = calloc(1, sizeof(*photo));
    if (!photo)
        return CUBBY_NO_MEMORY;
    photo->path = strdup(labelled->path);
    photo->relative = strdup(labelled->relative);
    photo->size_bytes = labelled->size_bytes;
    photo->hash = labelled->hash;
    photo->sequence = at;
    photo->view = (uint32_t)(at % computing->views);
    if (!photo->path || !photo->relative) {
        photo_free(&photo);
        return CUBBY_NO_MEMORY;
    }
    *out = photo;
    return CUBBY_OK;
}

// The next view that is not in the cache. settle() writes only what has been handed out.
static enum cubby_status next(void *user, struct photo **out)
{
    struct computing *computing = user;
    *out = NULL;
    while (computing->at < computing->count * computing->views) {
        uint64_t at = computing->at++;
        if (computing->rows[at] == FEATURE_CACHE_NONE)
            return make_photo(computing, at, out);
    }
    return CUBBY_OK;
}

static void choose_view(void *user, const struct photo *photo, struct cubby_view *view)
{
    (void)user;
    features_view(photo->hash, photo->view, view);
}

static void fail(struct computing *computing, const struct photo *photo, const char *reason)
{
    bool *failed = &computing->failed[photo->sequence / computing->views];
    if (!*failed) {
        computing->failures++;
        cubby_log(computing->features->command->log, CUBBY_LOG_WARNING, "%s is left out: %s",
                  photo->path, reason);
    }
    *failed = true;
}

static enum cubby_status settle(void *user, struct photo **settled, const float *logits)
{
    (void)logits;
    struct computing *computing = user;
    struct features *features = computing->features;
    const struct photo *photo = *settled;
    struct labelled_photo *labelled = &computing->photos[photo->sequence / computing->views];
    if (photo->status != PHOTO_PENDING) {
        fail(computing, photo, photo->reason);
        return CUBBY_OK;
    }
    if (!photo_hash_equal(photo->hash, labelled->hash)) {
        fail(computing, photo, "changed while it was read");
        return CUBBY_OK;
    }
    if (!photo->features)
        return CUBBY_INTERNAL;
    enum cubby_status status =
        feature_cache_add(features->cache, photo->hash, photo->view, photo->captured,
                          photo->features, &computing->rows[photo->sequence]);
    if (status == CUBBY_BAD_DATA) {
        fail(computing, photo, "the network's features of it are not numbers");
        return CUBBY_OK;
    }
    memcpy(labelled->captured, photo->captured, sizeof(labelled->captured));
    features->computed++;
    return status;
}

static enum cubby_status tick(void *user, const struct pipeline_stats *stats)
{
    struct computing *computing = user;
    const struct progress_count count = {
        .found = computing->missing, .found_final = true, .failed = computing->failures};
    progress_update(&computing->progress, stats, &count);
    return CUBBY_OK;
}

// What is there already.
static void look_up(struct computing *computing)
{
    for (size_t i = 0; i < computing->count; i++) {
        struct labelled_photo *photo = &computing->photos[i];
        for (uint32_t view = 0; view < computing->views; view++) {
            uint64_t row = feature_cache_find(computing->features->cache, photo->hash, view,
                                              photo->captured[0] ? NULL : photo->captured);
            computing->rows[i * computing->views + view] = row;
            computing->missing += row == FEATURE_CACHE_NONE;
        }
    }
}

static enum cubby_status run(struct computing *computing)
{
    struct features *features = computing->features;
    const struct command *command = features->command;
    enum cubby_status status = open_device(features);
    if (status)
        return status;
    struct pipeline_params params = classifying_pipeline(&features->classifying, command);
    params.next = next;
    params.settle = settle;
    params.tick = tick;
    params.view = choose_view;
    params.user = computing;
    params.keep_features = true;
    struct pipeline_stats stats;
    progress_init(&computing->progress, command->messages, command->options->quiet, false);
    status = pipeline_run(&params, &stats);
    progress_finish(&computing->progress);
    return status;
}

enum cubby_status features_compute(struct features *features, struct labelled_photo *photos,
                                   size_t count, uint32_t views, uint64_t *rows, bool *failed)
{
    struct computing computing = {.features = features,
                                  .photos = photos,
                                  .count = count,
                                  .views = views,
                                  .rows = rows,
                                  .failed = failed};
    memset(failed, 0, count * sizeof(*failed));
    look_up(&computing);
    enum cubby_status status = computing.missing ? run(&computing) : CUBBY_OK;
    for (size_t i = 0; i < count; i++)
        for (uint32_t view = 0; failed[i] && view < views; view++)
            rows[i * views + view] = FEATURE_CACHE_NONE;
    return status;
}

enum cubby_status features_read(const struct features *features, uint64_t row, float *out)
{
    return feature_cache_read(features->cache, row, out);
}

uint32_t features_dims(const struct features *features)
{
    return features->dims;
}

const struct cubby_model *features_model(const struct features *features)
{
    return features->model.model;
}

struct photo_hash features_model_hash(const struct features *features)
{
    return features->model_hash;
}

const char *features_model_path(const struct features *features)
{
    return features->model_path;
}

struct photo_hash features_key(const struct features *features)
{
    return features->key;
}

uint64_t features_computed(const struct features *features)
{
    return features->computed;
}
