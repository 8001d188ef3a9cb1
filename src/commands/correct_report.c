#include "commands/correct_report.h"

#include <inttypes.h>
#include <stdlib.h>

#include "hash.h"
#include "hash_table.h"
#include "platform/names.h"
#include "stream.h"
#include "text.h"

#define MOST_PAIRS 30u // named on the screen

// How many photos went from one class to another.
struct pair {
    uint32_t before, label;
    uint64_t count;
};

static const char *class_name(const struct corrections *corrections, uint32_t index)
{
    return index == CORRECTIONS_NO_CLASS ? NAMES_UNSURE : corrections->classes[index].name;
}

static bool is_new_pair(enum correction_kind kind)
{
    return kind == CORRECTION_MOVED || kind == CORRECTION_DOUBTED;
}

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    if (x->before != y->before)
        return x->before < y->before ? -1 : 1;
    return (x->label > y->label) - (x->label < y->label);
}

static enum cubby_status count_pairs(const struct corrections *corrections, struct pair **out,
                                     size_t *count)
{
    struct hash_table known = {0};
    enum cubby_status status = CUBBY_OK;
    *count = 0;
    *out = calloc(corrections->count ? corrections->count : 1, sizeof(**out));
    if (!*out)
        return CUBBY_NO_MEMORY;
    for (uint32_t i = 0; i < corrections->count && !status; i++) {
        const struct correction *c = &corrections->list[i];
        if (!is_new_pair(c->kind))
            continue;
        const uint32_t words[2] = {c->before, c->label};
        struct photo_hash key = photo_hash_bytes(words, sizeof(words));
        uint64_t index = *count;
        if (!hash_table_find(&known, key, &index)) {
            status = hash_table_add(&known, key, index);
            (*out)[(*count)++] = (struct pair){.before = c->before, .label = c->label};
        }
        (*out)[index].count++;
    }
    hash_table_fini(&known);
    qsort(*out, *count, sizeof(**out), compare_pairs);
    return status;
}

static void add_pairs(struct text *text, const struct corrections *corrections,
                      const struct pair *pairs, size_t count)
{
    for (size_t i = 0; i < count && i < MOST_PAIRS; i++) {
        text_add_format(text, "  %6" PRIu64 "  ", pairs[i].count);
        text_add_printable(text, class_name(corrections, pairs[i].before));
        text_add_string(text, " -> ");
        text_add_printable(text, class_name(corrections, pairs[i].label));
        if (pairs[i].label != CORRECTIONS_NO_CLASS && corrections->classes[pairs[i].label].added)
            text_add_string(text, " (a new class)");
        text_add_string(text, "\n");
    }
    if (count > MOST_PAIRS)
        text_add_format(text, "  and %zu more pairs of classes\n", count - MOST_PAIRS);
}

static void add_count(struct text *text, uint64_t count, const char *one, const char *many)
{
    if (count)
        text_add_format(text, "%" PRIu64 " %s\n", count, count == 1 ? one : many);
}

static void add_renamed(struct text *text, const struct corrections *corrections)
{
    for (uint32_t i = 0; i < corrections->class_count; i++) {
        uint32_t from = corrections->classes[i].renamed_from;
        if (from == CORRECTIONS_NO_CLASS)
            continue;
        text_add_string(text, "The class ");
        text_add_printable(text, corrections->classes[from].name);
        text_add_string(text, " is called ");
        text_add_printable(text, corrections->classes[i].name);
        text_add_string(text, " now\n");
    }
}

// Each photo that somebody touched.
static bool is_told(enum correction_kind kind)
{
    return kind != CORRECTION_AGREED && kind != CORRECTION_UNSURE && kind != CORRECTION_RENAMED;
}

static void add_name(struct text *text, const struct moved *moved,
                     const struct corrections *corrections, const struct correction *c)
{
    text_add_string(text, "  ");
    text_add_printable(text, moved->files[c->file].target);
    text_add_format(text, ": %s", correction_kind_text(c->kind));
    if (c->place && !moved->files[c->file].in_place) {
        text_add_string(text, " to ");
        text_add_printable(text, c->place);
    }
    if (c->label != CORRECTIONS_NO_CLASS && c->label != c->before) {
        text_add_string(text, ", ");
        text_add_printable(text, class_name(corrections, c->label));
        text_add_string(text, " not ");
        text_add_printable(text, class_name(corrections, c->before));
    }
    text_add_string(text, "\n");
}

static void add_text(struct text *text, const struct command *command, const struct moved *moved,
                     const struct corrections *corrections, const struct pair *pairs, size_t count)
{
    const uint64_t *kinds = corrections->kinds;
    uint64_t put = kinds[CORRECTION_MOVED] + kinds[CORRECTION_DOUBTED];
    text_add_format(text, "%" PRIu64 " photo%s placed elsewhere%s\n", put, put == 1 ? "" : "s",
                    put ? ":" : " since they were sorted");
    add_pairs(text, corrections, pairs, count);
    add_renamed(text, corrections);
    add_count(text, kinds[CORRECTION_CONFIRMED], "was renamed or moved within its class",
              "were renamed or moved within their class");
    add_count(text, kinds[CORRECTION_EARLIER], "was placed before, and stays there",
              "were placed before, and stay there");
    add_count(text, kinds[CORRECTION_AGREED] + kinds[CORRECTION_RENAMED],
              "was left where it was sorted", "were left where they were sorted");
    add_count(text, kinds[CORRECTION_UNSURE], "is unsure, and says nothing",
              "are unsure, and say nothing");
    add_count(text, kinds[CORRECTION_SEVERAL], "lies in several classes, and says nothing",
              "lie in several classes, and say nothing");
    add_count(text, kinds[CORRECTION_CHANGED], "was changed: what lies in its place now is unknown",
              "were changed: what lies in their place now is unknown");
    add_count(text, kinds[CORRECTION_GONE], "is gone", "are gone");
    add_count(text, moved->stranger_count, "photo was not sorted by cubby, and is not used",
              "photos were not sorted by cubby, and are not used");
    add_count(text, moved->packed, "photo is in an archive, where nobody can correct it",
              "photos are in archives, where nobody can correct them");
    if (!command->options->verbose)
        return;
    for (uint32_t i = 0; i < corrections->count; i++)
        if (is_told(corrections->list[i].kind))
            add_name(text, moved, corrections, &corrections->list[i]);
    for (uint32_t i = 0; i < moved->stranger_count; i++) {
        text_add_string(text, "  ");
        text_add_printable(text, moved->strangers[i]);
        text_add_string(text, ": not sorted by cubby\n");
    }
}

static void add_member(struct text *text, const char *key, const char *value)
{
    text_add_format(text, ", \"%s\": ", key);
    text_add_json_string(text, value);
}

static void add_json(struct text *text, const struct moved *moved,
                     const struct corrections *corrections)
{
    for (uint32_t i = 0; i < corrections->count; i++) {
        const struct correction *c = &corrections->list[i];
        if (!is_told(c->kind))
            continue;
        text_add_format(text, "{\"kind\": \"%s\"", correction_kind_text(c->kind));
        add_member(text, "filed_as", moved->files[c->file].target);
        if (c->place)
            add_member(text, "place", c->place);
        if (c->before != CORRECTIONS_NO_CLASS)
            add_member(text, "before", class_name(corrections, c->before));
        if (c->label != CORRECTIONS_NO_CLASS)
            add_member(text, "class", class_name(corrections, c->label));
        text_add_string(text, "}\n");
    }
    text_add_string(text, "{\"corrections\": {");
    for (int kind = 0; kind < CORRECTION_KINDS; kind++)
        text_add_format(text, "\"%s\": %" PRIu64 ", ",
                        correction_kind_text((enum correction_kind)kind), corrections->kinds[kind]);
    text_add_format(text, "\"strangers\": %" PRIu32 ", \"packed\": %" PRIu64 "}}\n",
                    moved->stranger_count, moved->packed);
}

enum cubby_status correct_report(const struct command *command, const struct moved *moved,
                                 const struct corrections *corrections)
{
    struct text text = {0};
    struct pair *pairs = NULL;
    size_t count;
    enum cubby_status status = count_pairs(corrections, &pairs, &count);
    if (!status && command->options->json)
        add_json(&text, moved, corrections);
    else if (!status)
        add_text(&text, command, moved, corrections, pairs, count);
    if (!status && text.failed)
        status = CUBBY_NO_MEMORY;
    if (!status) {
        fwrite(text.bytes, 1, text.length, stdout);
        status = stream_flush(stdout, command->log);
    }
    free(pairs);
    text_free(&text);
    return status;
}
