// What came of learning from corrections, in text and JSON.
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "commands/correct_internal.h"
#include "learn/learned_model.h"
#include "stream.h"
#include "text.h"

static enum cubby_status print(const struct command *command, struct text *text)
{
    enum cubby_status status = text->failed ? CUBBY_NO_MEMORY : CUBBY_OK;
    if (!status) {
        fwrite(text->bytes, 1, text->length, stdout);
        status = stream_flush(stdout, command->log);
    }
    text_free(text);
    return status;
}

enum cubby_status correct_say_plan(const struct correcting_model *m)
{
    const struct command *command = m->command;
    struct text text = {0};
    if (command->options->json && !command->options->dry_run)
        return CUBBY_OK;
    if (command->options->json) {
        text_add_format(&text, "{\"would_learn\": {\"placed\": %zu, \"left\": %zu, ",
                        m->set.counts[CORRECT_PLACED], m->set.counts[CORRECT_LEFT]);
        text_add_format(&text, "\"classes\": %" PRIu32 ", \"new_classes\": %" PRIu32 "}}\n",
                        m->class_count, m->added);
        return print(command, &text);
    }
    text_add_format(&text, "Learning from %zu photos placed by hand", m->set.counts[0]);
    if (m->set.counts[CORRECT_LEFT])
        text_add_format(&text, " and, at a fifth of their weight, %zu that were left",
                        m->set.counts[CORRECT_LEFT]);
    if (m->set.passed_over)
        text_add_format(&text, " (of each class %u)", CORRECT_MOST_LEFT);
    text_add_format(&text, "; %" PRIu32 " classes", m->class_count);
    if (m->added)
        text_add_format(&text, ", %" PRIu32 " of them new", m->added);
    text_add_string(&text, "\n");
    if (command->options->only_corrections)
        text_add_string(&text, "(without photos of the other classes more of those will be "
                               "mistaken: leave out --only-corrections unless what was left is "
                               "mostly wrong)\n");
    return print(command, &text);
}

static json_t *score_facts(const struct correct_score *score)
{
    json_t *object = json_pack("{s:I, s:I}", "photos", (json_int_t)score->photos, "right_after",
                               (json_int_t)score->after);
    if (object && score->before_known)
        json_object_set_new(object, "right_before", json_integer((json_int_t)score->before));
    return object;
}

json_t *correct_facts(const struct correcting_model *m)
{
    return json_pack("{s:I, s:I, s:f, s:b, s:I, s:I, s:I, s:o, s:o, s:o}", "placed",
                     (json_int_t)m->set.counts[CORRECT_PLACED], "left",
                     (json_int_t)m->set.counts[CORRECT_LEFT], "left_weight",
                     round((double)CORRECT_LEFT_WEIGHT * 1e6) / 1e6, "only_corrections",
                     m->command->options->only_corrections, "new_classes", (json_int_t)m->added,
                     "items", (json_int_t)m->items.count, "seen_before", (json_int_t)m->seen_before,
                     "held_out_placed", score_facts(&m->scores[CORRECT_PLACED]), "held_out_left",
                     score_facts(&m->scores[CORRECT_LEFT]), "figures",
                     learned_figures(&m->result, m->command->options->target_precision));
}

static void add_error(struct text *text, uint64_t right, uint64_t photos)
{
    double error = photos ? 100.0 * (double)(photos - right) / (double)photos : 0;
    text_add_format(text, "%5.1f %% (%" PRIu64 " of %" PRIu64 ")", error, photos - right, photos);
}

static void add_score(struct text *text, const char *name, const struct correct_score *score)
{
    if (!score->photos)
        return;
    text_add_format(text, "  %-16s", name);
    if (score->before_known)
        add_error(text, score->before, score->photos);
    else
        text_add_string(text, "not known");
    text_add_string(text, "  ->  ");
    add_error(text, score->after, score->photos);
    text_add_string(text, "\n");
}

static enum cubby_status say_json(const struct correcting_model *m)
{
    json_t *facts = correct_facts(m);
    char *json = facts ? json_dumps(facts, JSON_REAL_PRECISION(9) | JSON_COMPACT) : NULL;
    json_decref(facts);
    if (!json)
        return CUBBY_NO_MEMORY;
    struct text text = {0};
    text_add_string(&text, "{\"model\": ");
    text_add_json_string(&text, m->command->options->output);
    text_add_string(&text, ", \"learned\": ");
    text_add_json(&text, json);
    text_add_format(&text, ", \"computed\": %" PRIu64 "}\n", features_computed(m->features));
    free(json);
    return print(m->command, &text);
}

enum cubby_status correct_say_result(const struct correcting_model *m)
{
    if (m->command->options->json)
        return say_json(m);
    struct text text = {0};
    struct correct_score all = {.before_known = true};
    for (int part = 0; part < CORRECT_PARTS; part++) {
        all.photos += m->scores[part].photos;
        all.before += m->scores[part].before;
        all.after += m->scores[part].after;
        all.before_known = all.before_known && m->scores[part].before_known;
    }
    text_add_string(
        &text, all.photos ? "Wrong of photos that neither has seen, by the model before and the "
                            "new one:\n"
                          : "There is no photo that neither the model before nor the new one "
                            "has seen\n");
    add_score(&text, "placed by hand", &m->scores[CORRECT_PLACED]);
    add_score(&text, "left as sorted", &m->scores[CORRECT_LEFT]);
    if (m->scores[CORRECT_LEFT].photos)
        add_score(&text, "all", &all);
    text_add_format(&text, "(%" PRIu32 " items, held out as wholes; ", m->items.count);
    text_add_string(&text, "what was placed is what the model before got wrong, and what was left "
                           "is what it says itself");
    if (m->seen_before)
        text_add_format(&text, "; %" PRIu64 " photos of items that it was made from do not count",
                        m->seen_before);
    text_add_string(&text, ")\n");
    text_add_string(&text, "Wrote ");
    text_add_printable(&text, m->command->options->output);
    text_add_string(&text, "; cubby sort --model with it, and --again, decides anew\n");
    return print(m->command, &text);
}
