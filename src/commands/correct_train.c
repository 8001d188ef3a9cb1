// From labelled photos to a model: their features, the head before as what is known already, a new
// head, and how both answer for photos that were held out.
#include "commands/correct_train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/correct_internal.h"
#include "commands/new_file.h"
#include "engine/metrics.h"
#include "hash.h"
#include "learn/learned_model.h"
#include "platform/memory.h"
#include "platform/signals.h"

static bool interrupted(void *user)
{
    (void)user;
    return platform_interrupted() != 0;
}

static uint32_t thread_count(const struct correcting_model *m)
{
    uint32_t threads = m->command->options->threads;
    return threads ? threads : memory_cpu_count();
}

static size_t count_of(const struct correcting_model *m)
{
    return m->set.counts[CORRECT_PLACED] + m->set.counts[CORRECT_LEFT];
}

static enum correct_part part_of(const struct correcting_model *m, size_t photo)
{
    return photo < m->set.counts[CORRECT_PLACED] ? CORRECT_PLACED : CORRECT_LEFT;
}

static uint32_t views_of(const struct correcting_model *m, size_t photo)
{
    return part_of(m, photo) == CORRECT_PLACED ? FEATURES_AUGMENTED : FEATURES_PLAIN;
}

static const uint64_t *rows_of(const struct correcting_model *m, size_t photo)
{
    size_t placed = m->set.counts[CORRECT_PLACED];
    return part_of(m, photo) == CORRECT_PLACED
               ? &m->rows[photo * FEATURES_AUGMENTED]
               : &m->rows[placed * FEATURES_AUGMENTED + (photo - placed) * FEATURES_PLAIN];
}

// ---- what is known already

// A class that is new answers like the mean of the others, and never best, until photos say more.
static enum cubby_status make_prior(struct correcting_model *m)
{
    const struct cubby_head *head = &m->head;
    struct cubby_head *prior = &m->prior;
    if (!head->weight)
        return CUBBY_OK;
    *prior = (struct cubby_head){.classes = m->class_count, .dims = head->dims};
    prior->weight = calloc((size_t)m->class_count * head->dims, sizeof(*prior->weight));
    prior->bias = calloc(m->class_count, sizeof(*prior->bias));
    if (!prior->weight || !prior->bias)
        return CUBBY_NO_MEMORY;
    size_t weights = (size_t)head->classes * head->dims;
    memcpy(prior->weight, head->weight, weights * sizeof(*head->weight));
    memcpy(prior->bias, head->bias, head->classes * sizeof(*head->bias));
    for (uint32_t k = head->classes; k < m->class_count; k++) {
        float *row = prior->weight + (size_t)k * head->dims;
        for (size_t i = 0; i < weights; i++)
            row[i % head->dims] += head->weight[i] / (float)head->classes;
        for (uint32_t i = 0; i < head->classes; i++)
            prior->bias[k] += head->bias[i] / (float)head->classes;
    }
    return CUBBY_OK;
}

// Without a linear head before, nothing is known about classes without photos: they go.
static enum cubby_status drop_empty_classes(struct correcting_model *m)
{
    if (m->prior.weight)
        return CUBBY_OK;
    uint32_t *index = malloc((m->class_count + 1) * sizeof(*index));
    if (!index)
        return CUBBY_NO_MEMORY;
    for (uint32_t k = 0; k < m->class_count; k++)
        index[k] = CORRECTIONS_NO_CLASS;
    for (size_t i = 0; i < count_of(m); i++)
        if (!m->failed[i])
            index[m->set.photos[i].class_index] = 0;
    uint32_t kept = 0;
    for (uint32_t k = 0; k < m->class_count; k++) {
        char *name = m->classes[k];
        m->classes[k] = NULL;
        if (index[k] != CORRECTIONS_NO_CLASS) {
            index[k] = kept;
            m->classes[kept++] = name;
            continue;
        }
        cubby_log(m->command->log, CUBBY_LOG_WARNING,
                  "the class \"%s\" has no photo here: the new model will not know it", name);
        free(name);
    }
    m->class_count = kept;
    for (size_t i = 0; i < count_of(m); i++) {
        m->set.photos[i].class_index = index[m->set.photos[i].class_index];
        if (m->before[i] != CORRECTIONS_NO_CLASS)
            m->before[i] = index[m->before[i]];
    }
    free(index);
    return CUBBY_OK;
}

// ---- features

static enum cubby_status compute(struct correcting_model *m)
{
    const struct features_params params = {.command = m->command,
                                           .cache_bytes = m->command->options->cache_size_bytes,
                                           .model = m->base};
    size_t placed = m->set.counts[CORRECT_PLACED], left = m->set.counts[CORRECT_LEFT];
    m->rows = calloc(placed * FEATURES_AUGMENTED + left * FEATURES_PLAIN + 1, sizeof(*m->rows));
    m->failed = calloc(placed + left + 1, sizeof(*m->failed));
    m->before = malloc((placed + left + 1) * sizeof(*m->before));
    if (!m->rows || !m->failed || !m->before)
        return CUBBY_NO_MEMORY;
    enum cubby_status status = features_open(&m->features, &params);
    if (!status && placed)
        status = features_compute(m->features, m->set.photos, placed, FEATURES_AUGMENTED, m->rows,
                                  m->failed);
    if (!status && left)
        status = features_compute(m->features, m->set.photos + placed, left, FEATURES_PLAIN,
                                  m->rows + placed * FEATURES_AUGMENTED, m->failed + placed);
    return status;
}

// What the sort with that very model answered.
static enum cubby_status recorded_answer(const struct correcting_model *m, size_t photo,
                                         uint32_t *answer)
{
    const struct correction *c = &m->in->corrections->list[m->set.entries[photo]];
    const struct moved_file *file = &m->in->moved->files[c->file];
    struct photo *row = NULL;
    struct catalogue_run run = {0};
    enum cubby_status status = catalogue_get_photo(m->in->catalogue, file->photo, &row);
    if (!status && row)
        status = catalogue_find_run(m->in->catalogue, row->run, &run);
    bool known = !status && row && row->top_count && photo_hash_equal(row->hash, file->hash) &&
                 photo_hash_equal(run.model, features_model_hash(m->features)) &&
                 row->top[0].class_index < m->base_classes;
    *answer = known ? row->top[0].class_index : CORRECTIONS_NO_CLASS;
    catalogue_run_fini(&run);
    photo_free(&row);
    return status;
}

// What the model before says of each photo.
static enum cubby_status answer_before(struct correcting_model *m)
{
    uint32_t dims = features_dims(m->features);
    float *features = malloc(dims * sizeof(*features));
    float *logits = malloc((m->base_classes + 1) * sizeof(*logits));
    bool linear = m->head.weight && m->head.dims == dims && m->head.classes == m->base_classes;
    enum cubby_status status = features && logits ? CUBBY_OK : CUBBY_NO_MEMORY;
    for (size_t i = 0; i < count_of(m) && !status; i++) {
        m->before[i] = CORRECTIONS_NO_CLASS;
        if (m->failed[i])
            continue;
        if (!linear) {
            status = recorded_answer(m, i, &m->before[i]);
            continue;
        }
        status = features_read(m->features, rows_of(m, i)[0], features);
        if (!status) {
            cubby_head_apply(&m->head, features, logits);
            m->before[i] = cubby_largest(logits, m->base_classes);
        }
    }
    free(features);
    free(logits);
    return status;
}

// ---- learning

struct learnable {
    const struct correcting_model *m;
    size_t *photos; // owned: those that have features
    size_t count;
};

static enum cubby_status read_plain(void *user, size_t index, float *out)
{
    const struct learnable *l = user;
    return features_read(l->m->features, rows_of(l->m, l->photos[index])[0], out);
}

static enum cubby_status read_row(const void *source, uint64_t row, float *out)
{
    return features_read(source, row, out);
}

static enum cubby_status find_items(struct correcting_model *m, struct learnable *l)
{
    struct labelled_photo *photos = calloc(l->count + 1, sizeof(*photos));
    if (!photos)
        return CUBBY_NO_MEMORY;
    for (size_t i = 0; i < l->count; i++)
        photos[i] = m->set.photos[l->photos[i]]; // paths stay the set's
    const struct items_params params = {.photos = photos,
                                        .count = l->count,
                                        .class_count = m->class_count,
                                        .read = read_plain,
                                        .user = l,
                                        .dims = features_dims(m->features),
                                        .threads = thread_count(m),
                                        .log = m->command->log,
                                        .interrupted = interrupted};
    enum cubby_status status = items_find(&m->items, &params);
    free(photos);
    return status;
}

static enum cubby_status train(struct correcting_model *m, const struct learnable *l)
{
    struct train_photo *photos = calloc(l->count + 1, sizeof(*photos));
    if (!photos)
        return CUBBY_NO_MEMORY;
    for (size_t i = 0; i < l->count; i++) {
        size_t photo = l->photos[i];
        bool placed = part_of(m, photo) == CORRECT_PLACED;
        photos[i] = (struct train_photo){.rows = rows_of(m, photo),
                                         .views = views_of(m, photo),
                                         .label = m->set.photos[photo].class_index,
                                         .group = m->items.group[i],
                                         .weight = placed ? 1 : CORRECT_LEFT_WEIGHT};
    }
    const struct train_params params = {.photos = photos,
                                        .count = l->count,
                                        .class_count = m->class_count,
                                        .dims = features_dims(m->features),
                                        .read = read_row,
                                        .source = m->features,
                                        .prior = m->prior.weight ? &m->prior : NULL,
                                        .slack = m->set.counts[CORRECT_LEFT] ? CORRECT_SLACK
                                                                             : CORRECT_SLACK_BLIND,
                                        .threads = thread_count(m),
                                        .target_precision = m->command->options->target_precision,
                                        .interrupted = interrupted,
                                        .log = m->command->log};
    enum cubby_status status = train_run(&m->result, &params);
    free(photos);
    return status;
}

// Items of which the model before has seen a photo when it was learned here: what it says of them
// is no test of it. `seen` is of groups.
static enum cubby_status find_seen(const struct correcting_model *m, const struct learnable *l,
                                   bool *seen)
{
    struct photo_hash model = features_model_hash(m->features);
    enum cubby_status status = CUBBY_OK;
    for (size_t i = 0; i < l->count && !status; i++) {
        const struct labelled_photo *photo = &m->set.photos[l->photos[i]];
        bool lesson;
        status =
            catalogue_is_lesson(m->in->catalogue, model, photo->hash, photo->size_bytes, &lesson);
        seen[m->items.group[i]] = seen[m->items.group[i]] || lesson;
    }
    return status;
}

// Both models on the photos that were held out from the new one, and that the one before never saw.
static enum cubby_status score(struct correcting_model *m, const struct learnable *l)
{
    bool *seen = calloc(m->items.count + 1, sizeof(*seen));
    enum cubby_status status = seen ? find_seen(m, l, seen) : CUBBY_NO_MEMORY;
    for (int part = 0; part < CORRECT_PARTS; part++)
        m->scores[part].before_known = true;
    for (uint32_t i = 0; i < m->result.held_out_count; i++) {
        size_t photo = l->photos[m->result.held_out[i]];
        if (status || seen[m->items.group[m->result.held_out[i]]]) {
            m->seen_before++;
            continue;
        }
        struct correct_score *s = &m->scores[part_of(m, photo)];
        uint32_t label = m->set.photos[photo].class_index;
        const float *logits = m->result.held_out_logits + (size_t)i * m->class_count;
        s->photos++;
        s->before += m->before[photo] == label;
        s->before_known = s->before_known && m->before[photo] != CORRECTIONS_NO_CLASS;
        s->after += cubby_largest(logits, m->class_count) == label;
    }
    free(seen);
    return status;
}

static enum cubby_status learn(struct correcting_model *m)
{
    struct learnable l = {.m = m, .photos = calloc(count_of(m) + 1, sizeof(*l.photos))};
    enum cubby_status status = l.photos ? CUBBY_OK : CUBBY_NO_MEMORY;
    for (size_t i = 0; i < count_of(m) && !status; i++)
        if (!m->failed[i])
            l.photos[l.count++] = i;
    if (!status)
        status = find_items(m, &l);
    if (!status)
        status = train(m, &l);
    if (!status)
        status = score(m, &l);
    free(l.photos);
    return status;
}

// From what the model is made: the next one's report must not count it.
static enum cubby_status note_lessons(const struct correcting_model *m, struct photo_hash model)
{
    struct catalogue *catalogue = m->in->catalogue;
    enum cubby_status status =
        catalogue_inherit_lessons(catalogue, features_model_hash(m->features), model);
    for (size_t i = 0; i < count_of(m) && !status; i++)
        if (!m->failed[i])
            status = catalogue_add_lesson(catalogue, model, m->set.photos[i].hash,
                                          m->set.photos[i].size_bytes);
    return status ? status : catalogue_commit(catalogue);
}

static enum cubby_status write_model(const struct correcting_model *m)
{
    const struct command *command = m->command;
    json_t *facts = correct_facts(m);
    if (!facts)
        return CUBBY_NO_MEMORY;
    const struct learned_model model = {.base = features_model_path(m->features),
                                        .base_hash = features_model_hash(m->features),
                                        .classes = (const char *const *)m->classes,
                                        .class_count = m->class_count,
                                        .result = &m->result,
                                        .facts = facts};
    void *data = NULL;
    size_t size_bytes = 0;
    enum cubby_status status =
        learned_model_write(&data, &size_bytes, &model, command->fs, command->log);
    if (!status && interrupted(NULL))
        status = CUBBY_INTERRUPTED;
    if (!status)
        status = note_lessons(m, photo_hash_bytes(data, size_bytes));
    if (!status)
        status =
            new_file_write(command->fs, command->options->output, data, size_bytes, command->log);
    free(data);
    json_decref(facts);
    return status;
}

static enum cubby_status make_model(struct correcting_model *m)
{
    enum cubby_status status = make_prior(m);
    if (!status)
        status = compute(m);
    if (!status)
        status = answer_before(m);
    if (!status)
        status = drop_empty_classes(m);
    if (!status)
        status = learn(m);
    if (!status)
        status = write_model(m);
    return status ? status : correct_say_result(m);
}

int correct_train(const struct command *command, const struct correct_input *input)
{
    struct correcting_model m = {.command = command, .in = input};
    enum cubby_status status = CUBBY_OK;
    if (!command->options->dry_run)
        status = new_file_check(command->fs, command->options->output, command->log);
    if (!status)
        status = correct_set_make(&m);
    if (!status)
        status = correct_say_plan(&m);
    if (!status && !command->options->dry_run)
        status = make_model(&m);
    train_result_fini(&m.result);
    items_fini(&m.items);
    features_close(&m.features);
    cubby_head_fini(&m.head);
    cubby_head_fini(&m.prior);
    correct_set_fini(&m);
    free(m.rows);
    free(m.failed);
    free(m.before);
    free(m.base);
    return status ? command_failed(command, status) : EXIT_CODE_OK;
}
