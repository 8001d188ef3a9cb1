// `cubby learn`: photos in class folders to a model.
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "commands/learn_internal.h"
#include "commands/new_file.h"
#include "hash_table.h"
#include "learn/learned_model.h"
#include "platform/clock.h"
#include "platform/memory.h"
#include "platform/signals.h"

static bool interrupted(void *user)
{
    (void)user;
    return platform_interrupted() != 0;
}

static uint32_t thread_count(const struct learn *learn)
{
    uint32_t threads = learn->command->options->threads;
    return threads ? threads : memory_cpu_count();
}

uint64_t learn_failures(const struct learn *learn)
{
    uint64_t failures = 0;
    for (int i = 0; i < 2; i++) {
        const struct learn_set *set = i ? &learn->valid : &learn->train;
        failures += set->labelled.failed + set->failed + set->labelled.unreadable_folders;
    }
    return failures;
}

static void set_fini(struct learn_set *set)
{
    labelled_fini(&set->labelled);
    free(set->rows);
}

// ---- photos

static struct labelled_params labelled_params(const struct learn *learn, const char *folder)
{
    const struct command *command = learn->command;
    return (struct labelled_params){.folder = folder,
                                    .online = command->options->online,
                                    .max_file_bytes = command->options->max_file_size_bytes,
                                    .threads = thread_count(learn),
                                    .fs = command->fs,
                                    .log = command->log,
                                    .interrupted = interrupted};
}

// Takes photos out of the training that the validation has too.
static enum cubby_status keep_apart(struct learn *learn)
{
    struct labelled *train = &learn->train.labelled;
    const struct labelled *valid = &learn->valid.labelled;
    struct hash_table judges = {0};
    bool *remove = calloc(train->count + 1, sizeof(*remove));
    enum cubby_status status = remove ? CUBBY_OK : CUBBY_NO_MEMORY;
    for (size_t i = 0; i < valid->count && !status; i++)
        status = hash_table_add(&judges, valid->photos[i].hash, i);
    for (size_t i = 0; i < train->count && !status; i++) {
        const struct labelled_photo *photo = &train->photos[i];
        uint64_t other;
        if (!hash_table_find(&judges, photo->hash, &other))
            continue;
        remove[i] = true;
        learn->same_valid++;
        if (valid->photos[other].class_index == photo->class_index)
            continue;
        cubby_log(learn->command->log, CUBBY_LOG_ERROR,
                  "the same photo lies in two classes, %s and %s: remove it from one of them",
                  photo->path, valid->photos[other].path);
        status = CUBBY_BAD_DATA;
    }
    if (!status)
        labelled_remove(train, remove);
    if (!status && learn->same_valid)
        messages_line(learn->command->messages,
                      "%llu photo%s to judge by %s not learned from as well",
                      (unsigned long long)learn->same_valid, learn->same_valid == 1 ? "" : "s",
                      learn->same_valid == 1 ? "is" : "are");
    hash_table_fini(&judges);
    free(remove);
    return status;
}

static enum cubby_status read_folders(struct learn *learn)
{
    const struct cli_options *options = learn->command->options;
    struct labelled_params params = labelled_params(learn, options->arguments[0]);
    struct labelled *train = &learn->train.labelled;
    enum cubby_status status = labelled_read(train, &params);
    if (!status && options->valid_from) {
        params = labelled_params(learn, options->valid_from);
        params.classes = (const char *const *)train->classes;
        params.class_count = train->class_count;
        status = labelled_read(&learn->valid.labelled, &params);
        if (!status)
            status = keep_apart(learn);
    }
    return status ? status : labelled_check_enough(train, learn->command->log);
}

// ---- features

// Takes out what could not be decoded.
static void drop_failed(struct learn_set *set, const bool *failed)
{
    size_t kept = 0;
    for (size_t i = 0; i < set->labelled.count; i++) {
        set->failed += failed[i];
        if (!failed[i])
            memmove(&set->rows[kept++ * set->views], &set->rows[i * set->views],
                    set->views * sizeof(*set->rows));
    }
    labelled_remove(&set->labelled, failed);
}

static enum cubby_status compute(struct learn *learn, struct learn_set *set, uint32_t views)
{
    size_t count = set->labelled.count;
    set->views = views;
    set->rows = calloc(count * views + 1, sizeof(*set->rows));
    bool *failed = calloc(count + 1, sizeof(*failed));
    enum cubby_status status = set->rows && failed ? CUBBY_OK : CUBBY_NO_MEMORY;
    if (!status)
        status = features_compute(learn->features, set->labelled.photos, count, views, set->rows,
                                  failed);
    if (!status)
        drop_failed(set, failed);
    free(failed);
    return status;
}

static enum cubby_status compute_all(struct learn *learn)
{
    const struct command *command = learn->command;
    const struct features_params params = {.command = command,
                                           .cache_bytes = command->options->cache_size_bytes,
                                           .model = command->options->from};
    enum cubby_status status = features_open(&learn->features, &params);
    if (!status)
        status = compute(learn, &learn->train,
                         command->options->no_augment ? FEATURES_PLAIN : FEATURES_AUGMENTED);
    if (!status && learn->valid.labelled.count)
        status = compute(learn, &learn->valid, FEATURES_PLAIN);
    if (!status && learn->train.failed)
        status = labelled_check_enough(&learn->train.labelled, command->log);
    return status;
}

// ---- items

static const uint64_t *rows_of(const struct learn *learn, size_t index)
{
    size_t train = learn->train.labelled.count;
    return index < train ? &learn->train.rows[index * learn->train.views]
                         : &learn->valid.rows[(index - train) * learn->valid.views];
}

static enum cubby_status read_plain(void *user, size_t index, float *out)
{
    const struct learn *learn = user;
    return features_read(learn->features, rows_of(learn, index)[0], out);
}

static enum cubby_status list_all(struct learn *learn)
{
    const struct labelled *train = &learn->train.labelled, *valid = &learn->valid.labelled;
    free(learn->all);
    learn->count = train->count + valid->count;
    learn->all = calloc(learn->count + 1, sizeof(*learn->all));
    if (!learn->all)
        return CUBBY_NO_MEMORY;
    memcpy(learn->all, train->photos, train->count * sizeof(*learn->all));
    if (valid->count)
        memcpy(learn->all + train->count, valid->photos, valid->count * sizeof(*learn->all));
    return CUBBY_OK;
}

static enum cubby_status read_names(struct learn *learn, const struct cubby_log *log)
{
    const struct command *command = learn->command;
    if (!command->options->groups)
        return CUBBY_OK;
    free(learn->named);
    learn->named = calloc(learn->count + 1, sizeof(*learn->named));
    if (!learn->named)
        return CUBBY_NO_MEMORY;
    return items_read_names(learn->named, command->options->groups, learn->all, learn->count,
                            command->fs, log);
}

// Before minutes of work: what is wrong with the groups file is said now.
static enum cubby_status check_names(struct learn *learn)
{
    enum cubby_status status = list_all(learn);
    return status ? status : read_names(learn, learn->command->log);
}

static enum cubby_status find_items(struct learn *learn)
{
    const struct items_params params = {.photos = learn->all,
                                        .count = learn->count,
                                        .class_count = learn->train.labelled.class_count,
                                        .named = learn->named,
                                        .read = read_plain,
                                        .user = learn,
                                        .dims = features_dims(learn->features),
                                        .threads = thread_count(learn),
                                        .log = learn->command->log,
                                        .interrupted = interrupted};
    return items_find(&learn->items, &params);
}

// ---- training

static enum cubby_status read_row(const void *source, uint64_t row, float *out)
{
    return features_read(source, row, out);
}

static enum cubby_status train(struct learn *learn)
{
    const struct cli_options *options = learn->command->options;
    struct train_photo *photos = calloc(learn->count + 1, sizeof(*photos));
    if (!photos)
        return CUBBY_NO_MEMORY;
    for (size_t i = 0; i < learn->count; i++) {
        bool judges = i >= learn->train.labelled.count;
        photos[i] = (struct train_photo){.rows = rows_of(learn, i),
                                         .views = judges ? learn->valid.views : learn->train.views,
                                         .label = learn->all[i].class_index,
                                         .group = learn->items.group[i],
                                         .weight = 1,
                                         .judge_only = judges};
    }
    const struct train_params params = {.photos = photos,
                                        .count = learn->count,
                                        .class_count = learn->train.labelled.class_count,
                                        .dims = features_dims(learn->features),
                                        .read = read_row,
                                        .source = learn->features,
                                        .careless = true,
                                        .target_precision = options->target_precision,
                                        .seed = options->seed,
                                        .threads = thread_count(learn),
                                        .interrupted = interrupted,
                                        .log = learn->command->log};
    enum cubby_status status = train_run(&learn->result, &params);
    free(photos);
    return status;
}

// ---- writing

static enum cubby_status write_model(const struct learn *learn)
{
    const struct command *command = learn->command;
    const char *output = command->options->output;
    if (!features_model_path(learn->features)) {
        cubby_log(command->log, CUBBY_LOG_ERROR, "there is no model file to take a network from");
        return CUBBY_UNSUPPORTED;
    }
    json_t *facts = learn_facts(learn);
    if (!facts)
        return CUBBY_NO_MEMORY;
    const struct learned_model model = {.base = features_model_path(learn->features),
                                        .base_hash = features_model_hash(learn->features),
                                        .classes =
                                            (const char *const *)learn->train.labelled.classes,
                                        .class_count = learn->train.labelled.class_count,
                                        .result = &learn->result,
                                        .facts = facts};
    void *data = NULL;
    size_t size_bytes = 0;
    enum cubby_status status =
        learned_model_write(&data, &size_bytes, &model, command->fs, command->log);
    if (!status && interrupted(NULL))
        status = CUBBY_INTERRUPTED;
    if (!status)
        status = new_file_write(command->fs, output, data, size_bytes, command->log);
    free(data);
    json_decref(facts);
    return status;
}

static enum cubby_status learn_model(struct learn *learn)
{
    enum cubby_status status = read_folders(learn);
    if (!status)
        status = check_names(learn);
    if (!status)
        status = compute_all(learn);
    if (!status)
        status = list_all(learn); // without those that failed
    if (!status)
        status = read_names(learn, NULL);
    if (!status)
        status = find_items(learn);
    if (!status)
        status = learn_warn(learn);
    return status ? status : train(learn);
}

static int clear_cache(const struct command *command)
{
    size_t removed;
    enum cubby_status status = feature_cache_clear(command->fs, command->log, &removed);
    if (status)
        return command_failed(command, status);
    messages_line(command->messages, "Removed %zu file%s from the cache folder", removed,
                  removed == 1 ? "" : "s");
    return EXIT_CODE_OK;
}

int command_learn(const struct command *command)
{
    const struct cli_options *options = command->options;
    struct learn learn = {.command = command, .started = clock_seconds()};
    if (options->clear_cache)
        return clear_cache(command);
    bool writes = !options->dry_run;
    enum cubby_status status =
        writes ? new_file_check(command->fs, options->output, command->log) : CUBBY_OK;
    if (!status)
        status = learn_model(&learn);
    if (!status && writes)
        status = write_model(&learn);
    if (!status)
        status = learn_report(&learn, writes ? options->output : NULL);
    int code = learn_failures(&learn) ? EXIT_CODE_SOME_FAILED : EXIT_CODE_OK;
    code = status ? command_failed(command, status) : command_finish_output(command, code);

    train_result_fini(&learn.result);
    items_fini(&learn.items);
    free(learn.named);
    free(learn.all);
    set_fini(&learn.train);
    set_fini(&learn.valid);
    features_close(&learn.features);
    return code;
}
