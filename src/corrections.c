#include "corrections.h"

#include <stdlib.h>
#include <string.h>

#include "engine/model.h"
#include "hash.h"
#include "hash_table.h"
#include "platform/clock.h"
#include "platform/names.h"
#include "platform/path.h"

struct search {
    const struct moved *moved;
    const struct moved_params *params;
    struct corrections *out;
    uint32_t capacity;         // of classes
    struct hash_table folders; // of folded folder names, to classes
    struct hash_table names;   // of class names, to classes
};

void corrections_fini(struct corrections *corrections)
{
    for (uint32_t i = 0; i < corrections->class_count; i++) {
        free(corrections->classes[i].name);
        free(corrections->classes[i].folder);
    }
    free(corrections->classes);
    free(corrections->list);
    *corrections = (struct corrections){0};
}

bool correction_is_persons(enum correction_kind kind)
{
    return kind == CORRECTION_MOVED || kind == CORRECTION_CONFIRMED || kind == CORRECTION_EARLIER;
}

bool correction_is_machines(enum correction_kind kind)
{
    return kind == CORRECTION_AGREED || kind == CORRECTION_RENAMED;
}

const char *correction_kind_text(enum correction_kind kind)
{
    static const char *const texts[CORRECTION_KINDS] = {
        [CORRECTION_MOVED] = "moved",     [CORRECTION_CONFIRMED] = "confirmed",
        [CORRECTION_EARLIER] = "earlier", [CORRECTION_RENAMED] = "renamed",
        [CORRECTION_AGREED] = "agreed",   [CORRECTION_DOUBTED] = "doubted",
        [CORRECTION_UNSURE] = "unsure",   [CORRECTION_SEVERAL] = "several",
        [CORRECTION_CHANGED] = "changed", [CORRECTION_GONE] = "gone"};
    return texts[kind];
}

// ---- classes

static struct photo_hash text_key(const char *text)
{
    return photo_hash_bytes(text, strlen(text));
}

// Folders whose names differ in case only are one class's.
static enum cubby_status folder_key(const char *folder, struct photo_hash *key)
{
    char *folded = names_fold(folder);
    if (!folded)
        return CUBBY_NO_MEMORY;
    *key = text_key(folded);
    free(folded);
    return CUBBY_OK;
}

static enum cubby_status add_class(struct search *s, const char *name, const char *folder,
                                   bool added, uint32_t *index)
{
    struct corrections *out = s->out;
    struct photo_hash key;
    if (out->class_count >= CUBBY_MAX_CLASSES)
        return CUBBY_TOO_LARGE;
    if (out->class_count == s->capacity) {
        uint32_t capacity = s->capacity ? s->capacity * 2 : 64;
        struct corrections_class *classes = realloc(out->classes, capacity * sizeof(*classes));
        if (!classes)
            return CUBBY_NO_MEMORY;
        out->classes = classes;
        s->capacity = capacity;
    }
    struct corrections_class *c = &out->classes[out->class_count];
    *c = (struct corrections_class){.name = strdup(name),
                                    .folder = strdup(folder),
                                    .added = added,
                                    .renamed_from = CORRECTIONS_NO_CLASS};
    *index = out->class_count++;
    if (!c->name || !c->folder)
        return CUBBY_NO_MEMORY;
    enum cubby_status status = folder_key(folder, &key);
    if (!status)
        status = hash_table_add(&s->folders, key, *index);
    return status ? status : hash_table_add(&s->names, text_key(name), *index);
}

static enum cubby_status add_run_classes(struct search *s, const struct catalogue_run *run)
{
    char **folders;
    const char *const *names = (const char *const *)run->classes;
    enum cubby_status status = names_make_folders(&folders, names, run->class_count);
    for (uint32_t i = 0; i < run->class_count && !status; i++) {
        struct photo_hash key;
        uint32_t index;
        status = folder_key(folders[i], &key);
        // A later run's word on a folder counts more, and came first.
        if (!status && !hash_table_find(&s->folders, key, NULL) &&
            !hash_table_find(&s->names, text_key(names[i]), NULL))
            status = add_class(s, names[i], folders[i], false, &index);
    }
    names_free_folders(&folders, run->class_count);
    return status;
}

static enum cubby_status add_runs(struct search *s)
{
    struct catalogue *catalogue = s->params->catalogue;
    struct catalogue_run run;
    enum cubby_status status = catalogue_last_run(catalogue, &run);
    if (!status)
        status = add_run_classes(s, &run);
    catalogue_run_fini(&run);
    for (int64_t after = 0; !status;) {
        status = catalogue_next_run(catalogue, after, &run);
        after = run.id;
        if (!status && after)
            status = add_run_classes(s, &run);
        catalogue_run_fini(&run);
        if (!after)
            break;
    }
    return status;
}

// The class of a place; CORRECTIONS_NO_CLASS: none. A folder that nobody knows is a new class.
static enum cubby_status class_of(struct search *s, const char *place, uint32_t *index)
{
    uint64_t known;
    struct photo_hash key;
    size_t length = strcspn(place, "/");
    *index = CORRECTIONS_NO_CLASS;
    if (place[length] != '/')
        return CUBBY_OK;
    char *folder = strdup(place);
    if (!folder)
        return CUBBY_NO_MEMORY;
    folder[length] = '\0';
    enum cubby_status status = folder_key(folder, &key);
    bool unsure = !status && photo_hash_equal(key, text_key(NAMES_UNSURE)); // in whatever case
    if (!status && !unsure) {
        if (hash_table_find(&s->folders, key, &known)) {
            *index = (uint32_t)known;
        } else {
            // Names of classes are UTF-8; those of folders need not be.
            char *name = names_component(folder, NAMES_ENTRY);
            if (!name)
                status = CUBBY_NO_MEMORY;
            else if (hash_table_find(&s->names, text_key(name), &known))
                *index = (uint32_t)known; // of an earlier look
            else
                status = add_class(s, name, folder, true, index);
            free(name);
        }
    }
    free(folder);
    return status;
}

// The class of that name, which an earlier look noted.
static enum cubby_status class_named(struct search *s, const char *name, uint32_t *index)
{
    uint64_t known;
    *index = CORRECTIONS_NO_CLASS;
    if (!name)
        return CUBBY_OK;
    if (hash_table_find(&s->names, text_key(name), &known)) {
        *index = (uint32_t)known;
        return CUBBY_OK;
    }
    char *folder = names_component(name, NAMES_LABEL);
    enum cubby_status status = folder ? add_class(s, name, folder, true, index) : CUBBY_NO_MEMORY;
    free(folder);
    return status;
}

// ---- photos

// Takes one of the photo's places into account.
static enum cubby_status add_place(struct search *s, const char *place, struct correction *c,
                                   bool *several)
{
    uint32_t label;
    enum cubby_status status = class_of(s, place, &label);
    if (status || label == CORRECTIONS_NO_CLASS)
        return status;
    *several = *several || (c->label != CORRECTIONS_NO_CLASS && label != c->label);
    if (c->label == CORRECTIONS_NO_CLASS) {
        c->label = label;
        c->place = place;
    }
    return CUBBY_OK;
}

// The class of all places where the photo lies; *several: they do not agree.
static enum cubby_status class_now(struct search *s, const struct moved_file *file,
                                   struct correction *c, bool *several)
{
    *several = false;
    c->label = CORRECTIONS_NO_CLASS;
    c->place = moved_where(s->moved, file);
    enum cubby_status status = CUBBY_OK;
    if (file->in_place)
        status = add_place(s, file->target, c, several);
    for (uint32_t i = file->elsewhere; i != MOVED_NONE && !status; i = s->moved->places[i].next)
        status = add_place(s, s->moved->places[i].path, c, several);
    return status;
}

static enum correction_kind kind_of(const struct moved_file *file, const struct correction *c,
                                    bool several, bool noted, uint32_t label_before)
{
    if (!c->place)
        return file->changed ? CORRECTION_CHANGED : CORRECTION_GONE;
    if (several)
        return CORRECTION_SEVERAL;
    if (c->label == CORRECTIONS_NO_CLASS)
        return file->in_place && (noted || label_before == CORRECTIONS_NO_CLASS)
                   ? CORRECTION_UNSURE
                   : CORRECTION_DOUBTED;
    if (c->label != label_before)
        return CORRECTION_MOVED;
    if (file->in_place)
        return noted ? CORRECTION_EARLIER : CORRECTION_AGREED;
    return CORRECTION_CONFIRMED;
}

static enum cubby_status judge(struct search *s, uint32_t index, struct correction *c)
{
    const struct moved_file *file = &s->moved->files[index];
    struct catalogue_correction noted;
    bool several;
    uint32_t label_before = CORRECTIONS_NO_CLASS;
    *c = (struct correction){.file = index, .before = CORRECTIONS_NO_CLASS};
    enum cubby_status status =
        catalogue_find_correction(s->params->catalogue, file->hash, file->size_bytes, &noted);
    if (!status && noted.id) {
        status = class_named(s, noted.before, &c->before);
        if (!status)
            status = class_named(s, noted.class_name, &label_before);
    } else if (!status) {
        status = class_of(s, file->target, &c->before);
        label_before = c->before;
    }
    if (!status)
        status = class_now(s, file, c, &several);
    if (!status) {
        c->kind = kind_of(file, c, several, noted.id != 0, label_before);
        bool away = c->place && !file->in_place;
        c->fresh = c->kind == CORRECTION_MOVED || c->kind == CORRECTION_DOUBTED || away;
        if (c->kind == CORRECTION_SEVERAL)
            c->label = CORRECTIONS_NO_CLASS;
    }
    catalogue_correction_fini(&noted);
    return status;
}

static enum cubby_status judge_all(struct search *s)
{
    struct corrections *out = s->out;
    out->list = calloc(s->moved->count ? s->moved->count : 1, sizeof(*out->list));
    if (!out->list)
        return CUBBY_NO_MEMORY;
    enum cubby_status status = CUBBY_OK;
    for (uint32_t i = 0; i < s->moved->count && !status; i++)
        if (!s->moved->files[i].member)
            status = judge(s, i, &out->list[out->count++]);
    return status;
}

// The same content was filed twice, and lies in two classes.
static enum cubby_status find_contradictions(struct search *s)
{
    struct corrections *out = s->out;
    struct hash_table contents = {0};
    enum cubby_status status = CUBBY_OK;
    for (uint32_t i = 0; i < out->count && !status; i++) {
        struct correction *c = &out->list[i], *other;
        uint64_t first;
        if (c->label == CORRECTIONS_NO_CLASS)
            continue;
        struct photo_hash key = s->moved->files[c->file].hash;
        if (!hash_table_find(&contents, key, &first)) {
            status = hash_table_add(&contents, key, i);
            continue;
        }
        other = &out->list[first];
        if (other->label == c->label && other->kind != CORRECTION_SEVERAL)
            continue;
        other->kind = c->kind = CORRECTION_SEVERAL;
        c->label = CORRECTIONS_NO_CLASS;
    }
    for (uint32_t i = 0; i < out->count; i++)
        if (out->list[i].kind == CORRECTION_SEVERAL)
            out->list[i].label = CORRECTIONS_NO_CLASS;
    hash_table_fini(&contents);
    return status;
}

// ---- classes with a new name

static bool is_there(const struct search *s, const char *folder)
{
    char *path = path_join(s->params->output, folder);
    struct fs_stat stat;
    bool there = path && s->params->fs->lstat(s->params->fs, path, &stat) == 0;
    free(path);
    return there;
}

// A class whose folder is gone, and all of whose photos lie in one new class, was renamed: nobody
// has looked at each of them.
static enum cubby_status find_renamed(struct search *s)
{
    struct corrections *out = s->out;
    uint32_t *to = malloc((out->class_count + 1) * sizeof(*to));
    bool *mixed = calloc(out->class_count + 1, sizeof(*mixed));
    if (!to || !mixed) {
        free(to);
        free(mixed);
        return CUBBY_NO_MEMORY;
    }
    for (uint32_t i = 0; i < out->class_count; i++)
        to[i] = CORRECTIONS_NO_CLASS;
    for (uint32_t i = 0; i < out->count; i++) {
        const struct correction *c = &out->list[i];
        if (c->before == CORRECTIONS_NO_CLASS || !c->place)
            continue;
        bool other = to[c->before] != CORRECTIONS_NO_CLASS && to[c->before] != c->label;
        mixed[c->before] = mixed[c->before] || other || c->label == CORRECTIONS_NO_CLASS;
        to[c->before] = c->label;
    }
    for (uint32_t i = 0; i < out->class_count; i++) {
        uint32_t label = to[i];
        if (label == CORRECTIONS_NO_CLASS || label == i || mixed[i] || !out->classes[label].added ||
            out->classes[label].renamed_from != CORRECTIONS_NO_CLASS ||
            is_there(s, out->classes[i].folder))
            continue;
        out->classes[label].renamed_from = i;
        for (uint32_t k = 0; k < out->count; k++)
            if (out->list[k].before == i && out->list[k].label == label)
                out->list[k].kind = CORRECTION_RENAMED;
    }
    free(to);
    free(mixed);
    return CUBBY_OK;
}

enum cubby_status corrections_find(struct corrections *out, const struct moved *moved,
                                   const struct moved_params *params)
{
    *out = (struct corrections){0};
    struct search search = {.moved = moved, .params = params, .out = out};
    enum cubby_status status = add_runs(&search);
    if (!status)
        status = judge_all(&search);
    if (!status)
        status = find_contradictions(&search);
    if (!status)
        status = find_renamed(&search);
    for (uint32_t i = 0; i < out->count && !status; i++)
        out->kinds[out->list[i].kind]++;
    hash_table_fini(&search.folders);
    hash_table_fini(&search.names);
    return status;
}

// ---- writing it down

static const char *name_of(const struct corrections *corrections, uint32_t index)
{
    return index == CORRECTIONS_NO_CLASS ? NULL : corrections->classes[index].name;
}

static enum cubby_status put_row(const struct corrections *corrections, const struct correction *c,
                                 const struct moved_file *file, struct catalogue *catalogue)
{
    const char *name = name_of(corrections, c->label), *before = name_of(corrections, c->before);
    struct catalogue_correction row = {.hash = file->hash,
                                       .size_bytes = file->size_bytes,
                                       .class_name = (char *)name,
                                       .before = (char *)before,
                                       .place = (char *)c->place,
                                       .seen_ns = clock_wall_ns()};
    return catalogue_put_correction(catalogue, &row); // its texts stay ours
}

static enum cubby_status set_text(char **to, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        return CUBBY_NO_MEMORY;
    free(*to);
    *to = copy;
    return CUBBY_OK;
}

// The photo's own row, unless its source has changed since: then that speaks of other content.
static enum cubby_status put_photo(const struct corrections *corrections,
                                   const struct correction *c, const struct moved_file *file,
                                   struct catalogue *catalogue)
{
    struct photo *photo;
    enum cubby_status status = catalogue_get_photo(catalogue, file->photo, &photo);
    if (!status && photo && photo_hash_equal(photo->hash, file->hash)) {
        const char *name = name_of(corrections, c->label);
        photo_settle(photo, name ? PHOTO_FILED : PHOTO_UNSURE, PHOTO_PLACED);
        status = set_text(&photo->filed_as, file->in_place ? file->target : c->place);
        if (!status && name)
            status = set_text(&photo->class_name, name);
        if (!status)
            status = catalogue_put_photo(catalogue, photo);
    }
    photo_free(&photo);
    return status;
}

enum cubby_status corrections_note(const struct corrections *corrections, const struct moved *moved,
                                   struct catalogue *catalogue, uint64_t *noted)
{
    enum cubby_status status = CUBBY_OK;
    *noted = 0;
    for (uint32_t i = 0; i < corrections->count && !status; i++) {
        const struct correction *c = &corrections->list[i];
        if (!c->fresh)
            continue;
        ++*noted;
        status = put_row(corrections, c, &moved->files[c->file], catalogue);
        const struct moved_file *file = &moved->files[c->file];
        if (!status)
            status = put_photo(corrections, c, file, catalogue);
        if (!status && file->filing && !file->in_place)
            status = catalogue_set_filing_target(catalogue, file->filing, c->place);
    }
    // What travels with photos is where it is.
    for (uint32_t i = 0; i < moved->count && !status; i++) {
        const struct moved_file *file = &moved->files[i];
        if (file->filing && file->member && !file->in_place && file->elsewhere != MOVED_NONE)
            status = catalogue_set_filing_target(catalogue, file->filing,
                                                 moved->places[file->elsewhere].path);
    }
    return status;
}
