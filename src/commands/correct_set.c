// From what `cubby correct` learns: classes, and photos with their labels.
#include <stdlib.h>
#include <string.h>

#include "commands/correct_internal.h"
#include "hash.h"
#include "model_file.h"
#include "platform/path.h"

void correct_set_fini(struct correcting_model *m)
{
    size_t count = m->set.counts[CORRECT_PLACED] + m->set.counts[CORRECT_LEFT];
    for (size_t i = 0; m->set.photos && i < count; i++)
        free(m->set.photos[i].path);
    for (uint32_t i = 0; m->classes && i < m->class_count; i++)
        free(m->classes[i]);
    free(m->set.photos);
    free(m->set.entries);
    free(m->classes);
    free(m->class_of);
}

// ---- the model before

static bool is_file(const struct fs *fs, const char *path)
{
    struct fs_stat stat;
    return path && fs->stat(fs, path, &stat) == 0 && stat.is_file;
}

// --from, the file that the sort used, or the built-in one.
static enum cubby_status find_base(struct correcting_model *m)
{
    const struct command *command = m->command;
    const char *named = command->options->from;
    const char *used = m->in->run->model_path;
    if (!named && is_file(command->fs, used))
        named = used;
    return model_file_find(&m->base, named, command->fs, command->log);
}

static enum cubby_status check_base(const struct correcting_model *m, const struct model_file *file)
{
    const struct command *command = m->command;
    const struct catalogue_run *run = m->in->run;
    if (command->options->from || photo_hash_equal(file->hash, run->model))
        return CUBBY_OK;
    cubby_log(
        command->log, CUBBY_LOG_ERROR,
        "the model that %s was sorted with (%s) is not there any more, or is another file now: "
        "name the one to begin from with --from",
        m->in->output, run->model_name ? run->model_name : "its name is not known");
    return CUBBY_BAD_DATA;
}

static enum cubby_status take_classes(struct correcting_model *m, const struct cubby_model *model)
{
    m->base_classes = cubby_model_class_count(model);
    m->classes = calloc(m->base_classes + m->in->corrections->class_count + 1, sizeof(char *));
    if (!m->classes)
        return CUBBY_NO_MEMORY;
    for (; m->class_count < m->base_classes; m->class_count++) {
        m->classes[m->class_count] = strdup(cubby_model_class_name(model, m->class_count));
        if (!m->classes[m->class_count])
            return CUBBY_NO_MEMORY;
    }
    return CUBBY_OK;
}

static enum cubby_status open_base(struct correcting_model *m)
{
    struct model_file file = {0};
    enum cubby_status status = find_base(m);
    if (!status)
        status = model_file_open(&file, m->base, m->command->fs, m->command->log);
    if (!status)
        status = check_base(m, &file);
    if (!status)
        status = take_classes(m, file.model);
    if (!status) {
        enum cubby_status linear = cubby_model_linear_head(file.model, &m->head);
        status = linear == CUBBY_UNSUPPORTED ? CUBBY_OK : linear;
    }
    model_file_close(&file);
    return status;
}

// ---- photos

static uint32_t find_class(const struct correcting_model *m, const char *name)
{
    for (uint32_t i = 0; i < m->class_count; i++)
        if (!strcmp(m->classes[i], name))
            return i;
    return CORRECTIONS_NO_CLASS;
}

// The index of the label's class in the new model, which gets a class more if need be.
static enum cubby_status place_class(struct correcting_model *m, uint32_t label, uint32_t *index)
{
    const struct corrections_class *c = &m->in->corrections->classes[label];
    *index = m->class_of[label];
    if (*index != CORRECTIONS_NO_CLASS)
        return CUBBY_OK;
    *index = find_class(m, c->name);
    bool renamed = c->renamed_from != CORRECTIONS_NO_CLASS;
    uint32_t old = renamed ? find_class(m, m->in->corrections->classes[c->renamed_from].name)
                           : CORRECTIONS_NO_CLASS;
    if (*index == CORRECTIONS_NO_CLASS) {
        // A class with a new name keeps its place; else it is one more.
        bool more = old == CORRECTIONS_NO_CLASS;
        char *name = strdup(c->name);
        if (!name)
            return CUBBY_NO_MEMORY;
        *index = more ? m->class_count++ : old;
        m->added += more;
        free(m->classes[*index]);
        m->classes[*index] = name;
    }
    m->class_of[label] = *index;
    return CUBBY_OK;
}

static enum cubby_status add_photo(struct correcting_model *m, uint32_t entry,
                                   enum correct_part part)
{
    const struct correction *c = &m->in->corrections->list[entry];
    const struct moved_file *file = &m->in->moved->files[c->file];
    size_t at = m->set.counts[CORRECT_PLACED] + m->set.counts[CORRECT_LEFT];
    struct labelled_photo *photo = &m->set.photos[at];
    enum cubby_status status = place_class(m, c->label, &photo->class_index);
    if (status)
        return status;
    photo->path = path_join(m->in->output, c->place);
    if (!photo->path)
        return CUBBY_NO_MEMORY;
    photo->relative = path_below(photo->path, m->in->output);
    photo->size_bytes = file->size_bytes;
    photo->mtime_ns = file->mtime_ns;
    photo->hash = file->hash;
    m->set.entries[at] = entry;
    m->set.counts[part]++;
    return CUBBY_OK;
}

// What was left, in an order that stays the same when photos come or go: by class and content.
struct left {
    uint32_t label, entry;
    uint64_t order;
};

static int compare_left(const void *a, const void *b)
{
    const struct left *x = a, *y = b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    return (x->entry > y->entry) - (x->entry < y->entry);
}

static enum cubby_status add_left(struct correcting_model *m)
{
    const struct corrections *corrections = m->in->corrections;
    struct left *left = calloc(corrections->count + 1, sizeof(*left));
    size_t count = 0;
    if (!left)
        return CUBBY_NO_MEMORY;
    for (uint32_t i = 0; i < corrections->count; i++) {
        const struct correction *c = &corrections->list[i];
        if (correction_is_machines(c->kind))
            left[count++] = (struct left){c->label, i, m->in->moved->files[c->file].hash.low};
    }
    qsort(left, count, sizeof(*left), compare_left);
    enum cubby_status status = CUBBY_OK;
    uint32_t of_class = 0;
    for (size_t i = 0; i < count && !status; i++) {
        of_class = i > 0 && left[i].label == left[i - 1].label ? of_class + 1 : 0;
        if (of_class < CORRECT_MOST_LEFT)
            status = add_photo(m, left[i].entry, CORRECT_LEFT);
        else
            m->set.passed_over++;
    }
    free(left);
    return status;
}

static enum cubby_status add_placed(struct correcting_model *m)
{
    const struct corrections *corrections = m->in->corrections;
    enum cubby_status status = CUBBY_OK;
    for (uint32_t i = 0; i < corrections->count && !status; i++)
        if (correction_is_persons(corrections->list[i].kind))
            status = add_photo(m, i, CORRECT_PLACED);
    return status;
}

enum cubby_status correct_set_make(struct correcting_model *m)
{
    const struct corrections *corrections = m->in->corrections;
    uint64_t renamed = corrections->kinds[CORRECTION_RENAMED], placed = 0;
    for (int kind = 0; kind < CORRECTION_KINDS; kind++)
        if (correction_is_persons((enum correction_kind)kind))
            placed += corrections->kinds[kind];
    if (!placed && !renamed) {
        cubby_log(m->command->log, CUBBY_LOG_ERROR,
                  "nobody has moved a photo in %s to another class yet: there is nothing to learn",
                  m->in->output);
        return CUBBY_BAD_DATA;
    }
    enum cubby_status status = open_base(m);
    if (status)
        return status;
    m->set.photos = calloc(corrections->count + 1, sizeof(*m->set.photos));
    m->set.entries = calloc(corrections->count + 1, sizeof(*m->set.entries));
    m->class_of = malloc((corrections->class_count + 1) * sizeof(*m->class_of));
    if (!m->set.photos || !m->set.entries || !m->class_of)
        return CUBBY_NO_MEMORY;
    for (uint32_t i = 0; i < corrections->class_count; i++)
        m->class_of[i] = CORRECTIONS_NO_CLASS;
    status = add_placed(m);
    if (!status && !m->command->options->only_corrections)
        status = add_left(m);
    return status;
}
