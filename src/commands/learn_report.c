// What `cubby learn` says about what it learned.
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/learn_internal.h"
#include "learn/learned_model.h"
#include "platform/clock.h"
#include "progress.h"
#include "text.h"

#define MOST_CLASSES 12u // that are named on the screen
#define LARGE_LEAST 10u  // photos of a class whose largest item is worth a warning

// ---- warnings

// Of each class: photos that judge, the group most of them are in, and how many that has.
struct class_items {
    uint32_t photos, group, largest;
    bool lone; // all in one group
};

// By Boyer and Moore's vote: a group with more than half of the photos is found, whatever it is.
static enum cubby_status find_large(const struct learn *learn, struct class_items *classes)
{
    size_t first = learn->valid.labelled.count ? learn->train.labelled.count : 0;
    uint32_t class_count = learn->train.labelled.class_count;
    uint32_t *votes = calloc(class_count + 1, sizeof(*votes));
    if (!votes)
        return CUBBY_NO_MEMORY;
    for (size_t i = first; i < learn->count; i++) {
        uint32_t class_index = learn->all[i].class_index;
        struct class_items *items = &classes[class_index];
        items->photos++;
        if (!votes[class_index])
            items->group = learn->items.group[i];
        votes[class_index] += items->group == learn->items.group[i] ? 1u : UINT32_MAX;
    }
    for (size_t i = first; i < learn->count; i++) {
        struct class_items *items = &classes[learn->all[i].class_index];
        items->largest += items->group == learn->items.group[i];
    }
    for (uint32_t i = 0; i < class_count; i++)
        classes[i].lone = classes[i].largest == classes[i].photos;
    free(votes);
    return CUBBY_OK;
}

static void warn_of_class(const struct learn *learn, const char *name,
                          const struct class_items *items)
{
    const struct cubby_log *log = learn->command->log;
    if (!items->photos)
        cubby_log(log, CUBBY_LOG_WARNING,
                  "the class \"%s\" has no photos to judge by: nothing is known about it", name);
    else if (learn->valid.labelled.count)
        return; // they are held out as a whole anyway
    else if (items->lone)
        cubby_log(log, CUBBY_LOG_WARNING,
                  "all %u photos of the class \"%s\" seem to show one item, so none can be held "
                  "out and they count as mistakes; if they show several, --groups FILE says so",
                  (unsigned)items->photos, name);
    else if (items->largest * 2 > items->photos && items->photos >= LARGE_LEAST)
        cubby_log(log, CUBBY_LOG_WARNING,
                  "%u of the %u photos of the class \"%s\" seem to show one item (they lie in one "
                  "folder, or look alike); if they do not, --groups FILE says so",
                  (unsigned)items->largest, (unsigned)items->photos, name);
}

enum cubby_status learn_warn(const struct learn *learn)
{
    const struct labelled *train = &learn->train.labelled;
    struct class_items *classes = calloc(train->class_count + 1, sizeof(*classes));
    enum cubby_status status = classes ? find_large(learn, classes) : CUBBY_NO_MEMORY;
    for (uint32_t i = 0; i < train->class_count && !status; i++)
        warn_of_class(learn, train->classes[i], &classes[i]);
    free(classes);
    return status;
}

// ---- JSON

static json_t *class_facts(const struct labelled *labelled)
{
    uint32_t *counts = calloc(labelled->class_count + 1, sizeof(*counts));
    json_t *object = json_object();
    if (counts)
        labelled_count(labelled, counts);
    for (uint32_t i = 0; counts && i < labelled->class_count; i++)
        json_object_set_new(object, labelled->classes[i], json_integer(counts[i]));
    free(counts);
    return object;
}

static json_t *item_facts(const struct items *items)
{
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "count", (json_int_t)items->count, "named",
        (json_int_t)items->joined[ITEMS_NAMED], "folder", (json_int_t)items->joined[ITEMS_FOLDER],
        "burst", (json_int_t)items->joined[ITEMS_BURST], "content",
        (json_int_t)items->joined[ITEMS_CONTENT], "look", (json_int_t)items->joined[ITEMS_LOOK],
        "look_refused", (json_int_t)items->refused);
}

json_t *learn_facts(const struct learn *learn)
{
    const struct cli_options *options = learn->command->options;
    json_t *object = json_pack(
        "{s:o, s:I, s:o, s:b, s:I, s:o}", "classes", class_facts(&learn->train.labelled), "photos",
        (json_int_t)learn->train.labelled.count, "items", item_facts(&learn->items), "augment",
        !options->no_augment, "seed", (json_int_t)options->seed, "figures",
        learned_figures(&learn->result, options->target_precision));
    if (object && options->valid_from)
        json_object_set_new(object, "valid_photos",
                            json_integer((json_int_t)learn->valid.labelled.count));
    return object;
}

static enum cubby_status report_json(const struct learn *learn, const char *model)
{
    json_t *object = learn_facts(learn);
    if (!object)
        return CUBBY_NO_MEMORY;
    json_object_set_new(object, "failed", json_integer((json_int_t)learn_failures(learn)));
    json_object_set_new(object, "computed",
                        json_integer((json_int_t)features_computed(learn->features)));
    json_object_set_new(object, "seconds", json_real(clock_seconds() - learn->started));
    char *json = json_dumps(object, JSON_REAL_PRECISION(9) | JSON_COMPACT);
    json_decref(object);
    struct text text = {0};
    if (model) { // a path, which need not be UTF-8
        text_add_string(&text, "{\"model\":");
        text_add_json_string(&text, model);
        text_add_string(&text, ",");
    }
    if (json)
        text_add_json(&text, json + (model != NULL));
    text_add(&text, "\n", 1);
    enum cubby_status status = json && !text.failed ? CUBBY_OK : CUBBY_NO_MEMORY;
    if (!status)
        fwrite(text.bytes, 1, text.length, stdout);
    text_free(&text);
    free(json);
    return status;
}

// ---- text

static enum cubby_status print_photos(const struct learn *learn)
{
    const struct labelled *labelled = &learn->train.labelled;
    uint32_t *counts = calloc(labelled->class_count + 1, sizeof(*counts));
    if (!counts)
        return CUBBY_NO_MEMORY;
    labelled_count(labelled, counts);
    printf("photos       %zu in %u classes: ", labelled->count, (unsigned)labelled->class_count);
    for (uint32_t i = 0; i < labelled->class_count && i < MOST_CLASSES; i++)
        printf("%s%s %u", i ? ", " : "", labelled->classes[i], (unsigned)counts[i]);
    printf("%s\n", labelled->class_count > MOST_CLASSES ? ", ..." : "");
    if (learn->valid.labelled.count)
        printf("judged by    %zu other photos\n", learn->valid.labelled.count);
    free(counts);
    return CUBBY_OK;
}

static void print_items(const struct items *items)
{
    static const char *const how[ITEMS_REASONS] = {"named so", "in one folder", "in a burst",
                                                   "of the same content", "by their looks"};
    printf("items        %u", (unsigned)items->count);
    const char *before = ": photos put together ";
    for (int i = 0; i < ITEMS_REASONS; i++) {
        if (!items->joined[i])
            continue;
        printf("%s%s %llu", before, how[i], (unsigned long long)items->joined[i]);
        before = ", ";
    }
    printf("\n");
    if (items->refused)
        printf("             %llu more look alike, but would make an item of too much of a class\n",
               (unsigned long long)items->refused);
}

static void print_figures(const struct learn *learn)
{
    const struct train_result *result = &learn->result;
    const struct train_accuracy *honest = &result->honest;
    printf("accuracy     %.1f %% for photos of items that were not learned from (%.1f to %.1f %% "
           "at 95 %% confidence)\n",
           100 * honest->accuracy, 100 * honest->low, 100 * honest->high);
    if (result->careless.photos)
        printf("             %.1f %% is what a split of photos at random would have claimed\n",
               100 * result->careless.accuracy);
    printf("calibration  probabilities were off by %.1f %% and are by %.1f %% now (temperature "
           "%.2f)\n",
           100 * result->ece_before, 100 * result->ece_after, result->temperature);
    const struct cubby_threshold *threshold = &result->threshold;
    if (threshold->reachable)
        printf("threshold    %.3g: of the photos with that or more, %.1f %% were right; %.1f %% "
               "had less\n",
               threshold->threshold, 100 * threshold->precision,
               100 - 100.0 * threshold->kept / (double)honest->photos);
}

static enum cubby_status report_text(const struct learn *learn, const char *model)
{
    const struct command *command = learn->command;
    enum cubby_status status = print_photos(learn);
    if (status)
        return status;
    print_items(&learn->items);
    print_figures(learn);
    char time[64];
    progress_format_duration(time, sizeof(time), clock_seconds() - learn->started);
    fflush(stdout); // before the lines of the other stream
    if (model)
        messages_line(command->messages, "Wrote %s, in %s", model, time);
    else
        messages_line(command->messages, "Dry run: nothing was written, in %s", time);
    return CUBBY_OK;
}

enum cubby_status learn_report(const struct learn *learn, const char *model)
{
    const struct cli_options *options = learn->command->options;
    if (options->target_precision > 0 && !learn->result.threshold.reachable)
        cubby_log(learn->command->log, CUBBY_LOG_WARNING,
                  "no threshold makes sure that %.4g %% of the photos above it are right, as far "
                  "as %zu held-out photos can tell: none is kept, and sort takes 0.5",
                  100 * options->target_precision, learn->result.honest.photos);
    return options->json ? report_json(learn, model) : report_text(learn, model);
}
