#include "check/tally.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/items.h"
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
    for (size_t i = 0; i < tally->count; i++)
        free(tally->photos[i].path);
    free(tally->photos);
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

// Keeps what items are found by.
static enum cubby_status keep(struct check_tally *tally, const struct photo *photo, uint32_t truth,
                              const char *path)
{
    if (tally->count == tally->capacity) {
        const size_t capacity = tally->capacity ? tally->capacity * 2 : 64;
        struct labelled_photo *grown = realloc(tally->photos, capacity * sizeof(*grown));
        if (!grown)
            return CUBBY_NO_MEMORY;
        tally->photos = grown;
        tally->capacity = capacity;
    }
    struct labelled_photo *kept = &tally->photos[tally->count];
    *kept =
        (struct labelled_photo){.path = strdup(path), .class_index = truth, .hash = photo->hash};
    kept->relative = kept->path;
    memcpy(kept->captured, photo->captured, sizeof(kept->captured));
    tally->count += kept->path != NULL;
    return kept->path ? CUBBY_OK : CUBBY_NO_MEMORY;
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
        status = keep(tally, photo, truth, path);
    if (status)
        return status;
    fill_probabilities(tally, photo, logits);
    status = cubby_metrics_add(&report->metrics, truth, tally->probabilities);
    if (status)
        return CUBBY_INTERNAL; // the pipeline lets no such answers through
    tally->sum += (double)photo->top[0].probability;
    const bool reaches = decide(photo, report->threshold) == PHOTO_FILED;
    report->above += reaches;
    report->above_right += reaches && right;
    return CUBBY_OK;
}

// Photos of one item tend to be right or wrong together, so there is less to go by than their
// number says. Kish's effective number, (sum of n)^2 / sum of n^2 for items of n photos, takes them
// to agree wholly: the interval is rather too wide than too narrow.
static void count_items(struct check_report *report, const struct items *items, uint64_t *sizes)
{
    const uint64_t count = report->metrics.count;
    double squares = 0;
    for (uint64_t i = 0; i < count; i++)
        sizes[items->group[i]]++;
    for (uint32_t i = 0; i < items->count; i++)
        squares += (double)sizes[i] * (double)sizes[i];
    report->items = items->count;
    const double effective = floor((double)count * (double)count / squares);
    report->interval = cubby_wilson((uint64_t)llround(report->metrics.accuracy * effective),
                                    (uint64_t)effective, DEVIATIONS);
}

// What looks alike is not compared: that would take all features.
static enum cubby_status work_out_interval(struct check_tally *tally)
{
    struct check_report *report = tally->report;
    const struct cubby_metrics *metrics = &report->metrics;
    report->interval = cubby_wilson(metrics->right, metrics->count, DEVIATIONS);
    if (!metrics->count)
        return CUBBY_OK;
    struct items items = {0};
    const struct items_params params = {
        .photos = tally->photos, .count = tally->count, .class_count = report->class_count};
    enum cubby_status status = items_find(&items, &params);
    uint64_t *sizes = status ? NULL : calloc((size_t)items.count + 1, sizeof(*sizes));
    if (!status && !sizes)
        status = CUBBY_NO_MEMORY;
    if (!status && items.count < metrics->count)
        count_items(report, &items, sizes);
    free(sizes);
    items_fini(&items);
    return status;
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
    enum cubby_status status = work_out_interval(tally);
    if (status)
        return status;
    report->mean_p =
        report->metrics.count ? tally->sum / (double)report->metrics.count : (double)NAN;
    report->pair_count = fill_pairs(&report->metrics, NULL);
    report->pairs = calloc(report->pair_count + 1, sizeof(*report->pairs));
    if (!report->pairs)
        return CUBBY_NO_MEMORY;
    fill_pairs(&report->metrics, report->pairs);
    return CUBBY_OK;
}
