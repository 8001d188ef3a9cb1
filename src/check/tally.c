#include "check/tally.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "pipeline/decide.h"

#define DEVIATIONS 1.959964 // 95 %, two-sided

enum cubby_status check_tally_init(struct check_tally *tally, struct check_report *report,
                                   bool sigmoid, uint32_t most_mistakes)
{
    assert(most_mistakes <= CHECK_MAX_MISTAKES);
    *tally =
        (struct check_tally){.report = report, .most_mistakes = most_mistakes, .sigmoid = sigmoid};
    tally->probabilities = calloc(report->class_count, sizeof(*tally->probabilities));
    if (!tally->probabilities)
        return CUBBY_NO_MEMORY;
    return cubby_metrics_init(&report->metrics, report->class_count);
}

void check_tally_fini(struct check_tally *tally)
{
    hash_table_fini(&tally->contents);
    hash_table_fini(&tally->folders);
    free(tally->items);
    free(tally->probabilities);
    *tally = (struct check_tally){0};
}

// All classes' probabilities. The pipeline keeps those of the best classes only; the others follow
// from the logits, where rounding must not lift one above those that were found to be better.
static void fill_probabilities(struct check_tally *tally, const struct photo *photo,
                               const float *logits)
{
    const uint32_t count = tally->report->class_count;
    float *p = tally->probabilities;
    const float least = photo->top[photo->top_count - 1].probability;
    if (!logits)
        memset(p, 0, count * sizeof(*p));
    else if (tally->sigmoid)
        for (uint32_t i = 0; i < count; i++)
            p[i] = 1.0f / (1.0f + expf(-logits[i]));
    else
        cubby_softmax(logits, count, 1.0, p);
    for (uint32_t i = 0; i < count; i++)
        p[i] = p[i] <= least ? p[i] : least; // NaN, too
    for (uint32_t i = 0; i < photo->top_count; i++)
        p[photo->top[i].class_index] = photo->top[i].probability;
    for (uint32_t i = 0; i < count; i++)
        p[i] = p[i] < 1 ? p[i] : 1; // a softmax may round to a hair over it
}

// Where a mistake goes among the most confident: after those as confident, which came earlier.
static enum cubby_status add_mistake(struct check_tally *tally, const struct photo *photo,
                                     uint32_t truth, const char *path)
{
    struct check_report *report = tally->report;
    const float p = photo->top[0].probability;
    uint32_t at = report->mistake_count;
    while (at > 0 && report->mistakes[at - 1].p < p)
        at--;
    if (at == tally->most_mistakes)
        return CUBBY_OK;
    char *copy = strdup(path);
    if (!copy)
        return CUBBY_NO_MEMORY;
    if (report->mistake_count == tally->most_mistakes)
        free(report->mistakes[report->mistake_count - 1].path);
    else
        report->mistake_count++;
    memmove(&report->mistakes[at + 1], &report->mistakes[at],
            (report->mistake_count - 1 - at) * sizeof(*report->mistakes));
    report->mistakes[at] = (struct check_mistake){.path = copy,
                                                  .truth = truth,
                                                  .predicted = photo->top[0].class_index,
                                                  .p = p,
                                                  .hash = photo->hash};
    return CUBBY_OK;
}

static enum cubby_status add_item(struct check_tally *tally, struct photo_hash folder, bool right)
{
    uint64_t index = tally->item_count;
    if (!hash_table_find(&tally->folders, folder, &index)) {
        if (tally->item_count == tally->item_capacity) {
            size_t capacity = tally->item_capacity ? tally->item_capacity * 2 : 64;
            struct check_item *grown = realloc(tally->items, capacity * sizeof(*grown));
            if (!grown)
                return CUBBY_NO_MEMORY;
            tally->items = grown;
            tally->item_capacity = capacity;
        }
        if (hash_table_add(&tally->folders, folder, index))
            return CUBBY_NO_MEMORY;
        tally->items[tally->item_count++] = (struct check_item){0};
    }
    tally->items[index].photos++;
    tally->items[index].right += right;
    return CUBBY_OK;
}

// The item is the folder, unless that is the class folder itself.
static enum cubby_status count_item(struct check_tally *tally, const char *path, bool right)
{
    const char *name = strrchr(path, '/'), *below = strchr(path, '/');
    if (name && below != name)
        return add_item(tally, photo_hash_bytes(path, (size_t)(name - path)), right);
    tally->alone++;
    tally->alone_right += right;
    return CUBBY_OK;
}

enum cubby_status check_tally_add(struct check_tally *tally, const struct photo *photo,
                                  const float *logits, uint32_t truth, const char *path,
                                  enum check_added *added, uint32_t *counted_as)
{
    struct check_report *report = tally->report;
    uint64_t before;
    *added = CHECK_COUNTED;
    *counted_as = truth;
    if (hash_table_find(&tally->contents, photo->hash, &before)) {
        report->copies++;
        *counted_as = (uint32_t)before;
        *added = before == truth ? CHECK_COPY : CHECK_CONTRADICTION;
        return CUBBY_OK;
    }
    const bool right = photo->top[0].class_index == truth;
    enum cubby_status status = hash_table_add(&tally->contents, photo->hash, truth);
    if (!status && !right)
        status = add_mistake(tally, photo, truth, path);
    if (!status)
        status = count_item(tally, path, right);
    if (status)
        return status;
    fill_probabilities(tally, photo, logits);
    status = cubby_metrics_add(&report->metrics, truth, tally->probabilities);
    if (status)
        return CUBBY_INTERNAL; // the pipeline lets no other answers through
    tally->sum += (double)photo->top[0].probability;
    const bool reaches = decide(photo, report->threshold) == PHOTO_FILED;
    report->above += reaches;
    report->above_right += reaches && right;
    return CUBBY_OK;
}

// Photos of one item tend to be right or wrong together, so there is less to go by than their
// number says. Kish's effective number, (sum of n)^2 / sum of n^2 for items of n photos, takes them
// to agree wholly: the interval is rather too wide than too narrow.
static void work_out_interval(struct check_tally *tally)
{
    struct check_report *report = tally->report;
    const struct cubby_metrics *metrics = &report->metrics;
    report->interval = cubby_wilson(metrics->right, metrics->count, DEVIATIONS);
    double squares = (double)tally->alone;
    for (size_t i = 0; i < tally->item_count; i++)
        squares += (double)tally->items[i].photos * (double)tally->items[i].photos;
    report->items = tally->item_count ? tally->item_count + tally->alone : 0;
    if (!report->items || !metrics->count)
        return;
    const double effective = floor((double)metrics->count * (double)metrics->count / squares);
    report->interval = cubby_wilson((uint64_t)llround(metrics->accuracy * effective),
                                    (uint64_t)effective, DEVIATIONS);
}

static size_t fill_pairs(const struct cubby_metrics *metrics, struct check_pair *out)
{
    size_t count = 0;
    for (uint32_t i = 0; i < metrics->classes; i++) {
        const uint64_t *row = &metrics->confusion[(size_t)i * metrics->classes];
        for (uint32_t j = 0; metrics->per_class[i].count && j < metrics->classes; j++) {
            if (row[j] && out)
                out[count] = (struct check_pair){i, j, row[j]};
            count += row[j] != 0;
        }
    }
    return count;
}

enum cubby_status check_tally_finish(struct check_tally *tally)
{
    struct check_report *report = tally->report;
    cubby_metrics_finish(&report->metrics);
    work_out_interval(tally);
    report->mean_p =
        report->metrics.count ? tally->sum / (double)report->metrics.count : (double)NAN;
    report->pair_count = fill_pairs(&report->metrics, NULL);
    report->pairs = calloc(report->pair_count + 1, sizeof(*report->pairs));
    if (!report->pairs)
        return CUBBY_NO_MEMORY;
    fill_pairs(&report->metrics, report->pairs);
    return CUBBY_OK;
}
