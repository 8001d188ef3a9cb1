#include "learn/folds.h"

#include <stdlib.h>
#include <string.h>

struct member {
    uint32_t group, sample;
};

struct group {
    uint32_t first, count; // members
    uint32_t judging;      // of them
    uint32_t training;     // of them; some do both
    uint64_t order;        // among groups of the same size
};

struct assignment {
    const struct cubby_samples *samples;
    struct folds *folds;
    struct member *members; // owned, [samples->count], by group and sample
    struct group *groups;   // owned, [group_count]
    uint32_t group_count;
    uint32_t *class_counts; // owned, [classes]: samples that judge
    uint32_t *fold_counts;  // owned, [folds, classes]: those held out there
    uint32_t *group_counts; // owned, [classes]: those of one group
    uint32_t *class_groups; // owned, [classes]: groups with such
    uint32_t fold_totals[CUBBY_LEARN_MAX_FOLDS];
};

// splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
static uint64_t scramble(uint64_t value)
{
    value += 0x9e3779b97f4a7c15u;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
}

static int by_group(const void *left, const void *right)
{
    const struct member *a = left, *b = right;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    return (a->sample > b->sample) - (a->sample < b->sample);
}

static int largest_first(const void *left, const void *right)
{
    const struct group *a = left, *b = right;
    if (a->judging != b->judging)
        return a->judging > b->judging ? -1 : 1;
    if (a->order != b->order)
        return a->order < b->order ? -1 : 1;
    return (a->first > b->first) - (a->first < b->first);
}

static bool judges(const struct cubby_samples *samples, uint32_t sample)
{
    return !samples->roles || samples->roles[sample] != CUBBY_TRAINS;
}

static uint32_t group_of(const struct cubby_samples *samples, uint32_t sample, bool careless)
{
    if (samples->groups && !careless)
        return samples->groups[sample];
    return samples->photos ? samples->photos[sample] : sample;
}

static bool trains(const struct cubby_samples *samples, uint32_t sample)
{
    return !samples->roles || samples->roles[sample] != CUBBY_JUDGES;
}

static void find_groups(struct assignment *assignment, uint64_t seed, bool careless)
{
    const struct cubby_samples *samples = assignment->samples;
    for (uint32_t i = 0; i < samples->count; i++)
        assignment->members[i] = (struct member){group_of(samples, i, careless), i};
    qsort(assignment->members, samples->count, sizeof(*assignment->members), by_group);

    struct group *group = NULL;
    for (uint32_t i = 0; i < samples->count; i++) {
        const struct member *member = &assignment->members[i];
        if (i == 0 || member->group != member[-1].group) {
            group = &assignment->groups[assignment->group_count];
            // By position, not by number: what the groups are called must not matter.
            const uint64_t order = scramble(seed ^ scramble(assignment->group_count++));
            *group = (struct group){.first = i, .order = order};
        }
        group->count++;
        group->judging += judges(samples, member->sample);
        group->training += trains(samples, member->sample);
        assignment->class_counts[samples->labels[member->sample]] +=
            judges(samples, member->sample);
    }
    qsort(assignment->groups, assignment->group_count, sizeof(*group), largest_first);
    while (assignment->folds->group_count < assignment->group_count &&
           assignment->groups[assignment->folds->group_count].judging > 0)
        assignment->folds->group_count++;
}

// The fold that the group's classes are rarest in: where the sum over classes of
// (samples held out there / samples of the class)^2 * samples of the class grows least.
static uint32_t best_fold(struct assignment *assignment, const struct group *group)
{
    const struct cubby_samples *samples = assignment->samples;
    const struct member *members = assignment->members + group->first;
    uint32_t best = 0;
    double least = 0;
    for (uint32_t f = 0; f < assignment->folds->count; f++) {
        const uint32_t *held = assignment->fold_counts + (size_t)f * samples->classes;
        double growth = 0;
        for (uint32_t i = 0; i < group->count; i++) {
            // Added once a sample, this is ((held + own)^2 - held^2) / all for each class.
            const uint32_t label = samples->labels[members[i].sample];
            if (judges(samples, members[i].sample))
                growth += (2.0 * held[label] + assignment->group_counts[label]) /
                          assignment->class_counts[label];
        }
        // Of equally good folds the emptiest.
        if (f == 0 || growth < least ||
            (growth == least && assignment->fold_totals[f] < assignment->fold_totals[best])) {
            best = f;
            least = growth;
        }
    }
    return best;
}

static void place_group(struct assignment *assignment, const struct group *group)
{
    const struct cubby_samples *samples = assignment->samples;
    const struct member *members = assignment->members + group->first;
    for (uint32_t i = 0; i < group->count; i++)
        if (judges(samples, members[i].sample)) {
            const uint32_t label = samples->labels[members[i].sample];
            assignment->class_groups[label] += assignment->group_counts[label]++ == 0;
        }
    const uint32_t fold = best_fold(assignment, group);
    for (uint32_t i = 0; i < group->count; i++) {
        const uint32_t label = samples->labels[members[i].sample];
        assignment->folds->fold[members[i].sample] = (uint8_t)fold;
        assignment->fold_counts[(size_t)fold * samples->classes + label] +=
            judges(samples, members[i].sample);
    }
    assignment->fold_totals[fold] += group->judging;
    for (uint32_t i = 0; i < group->count; i++)
        assignment->group_counts[samples->labels[members[i].sample]] = 0;
}

static void list_judged(struct assignment *assignment, uint32_t *group_of_sample)
{
    struct folds *folds = assignment->folds;
    for (uint32_t g = 0; g < folds->group_count; g++)
        for (uint32_t i = 0; i < assignment->groups[g].count; i++)
            group_of_sample[assignment->members[assignment->groups[g].first + i].sample] = g;
    for (uint32_t i = 0; i < assignment->samples->count; i++)
        if (judges(assignment->samples, i)) {
            folds->judged[folds->judged_count] = i;
            folds->judged_group[folds->judged_count++] = group_of_sample[i];
        }
}

static enum cubby_status assign(struct assignment *assignment, uint32_t count, uint64_t seed,
                                bool careless, const struct cubby_log *log)
{
    const struct cubby_samples *samples = assignment->samples;
    struct folds *folds = assignment->folds;
    const size_t classes = samples->classes;
    folds->fold = malloc(samples->count);
    folds->judged = malloc(samples->count * sizeof(*folds->judged));
    folds->judged_group = malloc(samples->count * sizeof(*folds->judged_group));
    assignment->members = malloc(samples->count * sizeof(*assignment->members));
    assignment->groups = malloc(samples->count * sizeof(*assignment->groups));
    assignment->class_counts = calloc(classes, sizeof(uint32_t));
    assignment->group_counts = calloc(classes, sizeof(uint32_t));
    assignment->class_groups = calloc(classes, sizeof(uint32_t));
    assignment->fold_counts = calloc(classes * count, sizeof(uint32_t));
    if (!folds->fold || !folds->judged || !folds->judged_group || !assignment->members ||
        !assignment->groups || !assignment->class_counts || !assignment->group_counts ||
        !assignment->class_groups || !assignment->fold_counts)
        return CUBBY_NO_MEMORY;

    find_groups(assignment, seed, careless);
    bool apart = true; // no group both trains and judges: one fit is judged by all
    for (uint32_t g = 0; g < folds->group_count; g++)
        apart = apart && assignment->groups[g].training == 0;
    if (folds->group_count < (apart ? 1 : 2)) {
        cubby_log(log, CUBBY_LOG_ERROR,
                  "nothing can be held out: fewer than two groups of photos that may judge");
        return CUBBY_BAD_DATA;
    }
    if (apart)
        count = 1;
    folds->count = count < folds->group_count ? count : folds->group_count;
    memset(folds->fold, FOLD_NONE, samples->count);
    for (uint32_t g = 0; g < folds->group_count; g++)
        place_group(assignment, &assignment->groups[g]);
    for (size_t k = 0; k < classes; k++)
        folds->lone_classes += assignment->class_groups[k] == 1;

    uint32_t *group_of_sample = calloc(samples->count, sizeof(*group_of_sample));
    if (!group_of_sample)
        return CUBBY_NO_MEMORY;
    list_judged(assignment, group_of_sample);
    free(group_of_sample);
    return CUBBY_OK;
}

enum cubby_status folds_make(struct folds *folds, const struct cubby_samples *samples,
                             uint32_t count, uint64_t seed, bool careless,
                             const struct cubby_log *log)
{
    *folds = (struct folds){0};
    struct assignment assignment = {.samples = samples, .folds = folds};
    enum cubby_status status = assign(&assignment, count, seed, careless, log);
    free(assignment.members);
    free(assignment.groups);
    free(assignment.class_counts);
    free(assignment.group_counts);
    free(assignment.class_groups);
    free(assignment.fold_counts);
    return status;
}

void folds_fini(struct folds *folds)
{
    free(folds->fold);
    free(folds->judged);
    free(folds->judged_group);
    *folds = (struct folds){0};
}
