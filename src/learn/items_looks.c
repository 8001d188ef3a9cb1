// Photos that look the same, by the cosine of their features less the mean of all features.
//
// Every photo is compared with the others of its class. Features themselves take too much memory
// for that, so each photo gets a sketch: its features projected on 256 sparse random directions, 8
// bits each (Kane and Nelson: Sparser Johnson-Lindenstrauss transforms, 2014). Near the limit the
// cosine of two sketches is off by about (1 - cos^2) / 16, some 0.02; what comes within 4 times
// that is compared by its features.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/items_internal.h"
#include "platform/parallel.h"

// Of rendered furniture of classes that the network did not know, 45 % of the pairs of photos of
// one item reach this and 3 % of those of two items of a class. Items found so gave an accuracy
// within a point of what the true items gave; a limit of 0.9 (31 % and 0.3 %) left it 12 points too
// high.
#define SAME_LOOK 0.80
#define SKETCH_MARGIN 0.09   // that a sketch may be off
#define SKETCH 256u          // numbers a photo
#define PLACES 16u           // of the sketch that a feature goes to
#define SKETCH_SCALE 400.0f  // of a unit vector's numbers, which are about 1/16, to 8 bits
#define ROWS 64u             // that are compared before groups grow
#define MATCHES 64u          // of a row that are looked at
#define MOST_COMPARED 30000u // photos after each that it is compared with
#define LARGEST_PART 4u      // groups by looks stay within a 4th of their class
#define LARGEST_LEAST 4u     // but may have so many

struct place {
    uint8_t index;
    bool taken;
};

struct looks {
    struct grouping *grouping;
    float *mean;          // owned [dims]
    float *a, *b;         // owned [dims]
    int8_t *sketches;     // owned [count, SKETCH]
    uint32_t *order;      // owned [count], photos class by class
    struct place *places; // owned [dims, PLACES]
    struct parallel *parallel;
    // The rows that are being compared.
    size_t first, end; // in order; end of the class
    uint32_t *matches; // owned [ROWS, MATCHES]
    uint32_t counts[ROWS];
};

static enum cubby_status find_mean(struct looks *looks)
{
    const struct items_params *params = looks->grouping->params;
    double *sums = calloc(params->dims, sizeof(*sums));
    enum cubby_status status = sums ? CUBBY_OK : CUBBY_NO_MEMORY;
    for (size_t i = 0; i < params->count && !status; i++) {
        status = params->read(params->user, i, looks->a);
        for (uint32_t k = 0; k < params->dims && !status; k++)
            sums[k] += looks->a[k];
    }
    for (uint32_t k = 0; k < params->dims && !status; k++)
        looks->mean[k] = (float)(sums[k] / (double)params->count);
    free(sums);
    return status;
}

// The features less their mean, of length 1; zeros if they are the mean.
static enum cubby_status read_unit(const struct looks *looks, size_t photo, float *out)
{
    const struct items_params *params = looks->grouping->params;
    enum cubby_status status = params->read(params->user, photo, out);
    double square = 0;
    for (uint32_t k = 0; k < params->dims && !status; k++) {
        out[k] -= looks->mean[k];
        square += (double)out[k] * out[k];
    }
    const float scale = square > 0 ? (float)(1 / sqrt(square)) : 0;
    for (uint32_t k = 0; k < params->dims && !status; k++)
        out[k] *= scale;
    return status;
}

// To which sums of the sketch a feature is added, or from which it is taken.
static enum cubby_status choose_places(struct looks *looks)
{
    uint32_t count = looks->grouping->params->dims * PLACES;
    looks->places = malloc((count + 1) * sizeof(*looks->places));
    if (!looks->places)
        return CUBBY_NO_MEMORY;
    uint64_t state = 1;
    for (uint32_t i = 0; i < count; i++) {
        // Each of a feature's places in its own part of the sketch, so that no two are the same.
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        looks->places[i] = (struct place){
            .index = (uint8_t)(i % PLACES * (SKETCH / PLACES) + (state >> 40) % (SKETCH / PLACES)),
            .taken = (state >> 63) != 0};
    }
    return CUBBY_OK;
}

static void make_sketch(const struct looks *looks, const float *unit, int8_t *out)
{
    float sums[SKETCH] = {0};
    const struct place *place = looks->places;
    for (uint32_t k = 0; k < looks->grouping->params->dims; k++)
        for (uint32_t i = 0; i < PLACES; i++, place++)
            sums[place->index] += place->taken ? -unit[k] : unit[k];
    double square = 0;
    for (uint32_t i = 0; i < SKETCH; i++)
        square += (double)sums[i] * sums[i];
    const float scale = square > 0 ? (float)(SKETCH_SCALE / sqrt(square)) : 0;
    for (uint32_t i = 0; i < SKETCH; i++) {
        float value = roundf(sums[i] * scale);
        out[i] = (int8_t)fmaxf(-127, fminf(127, value));
    }
}

static bool interrupted(const struct looks *looks)
{
    const struct items_params *params = looks->grouping->params;
    return params->interrupted && params->interrupted(params->user);
}

static enum cubby_status make_sketches(struct looks *looks)
{
    const struct items_params *params = looks->grouping->params;
    enum cubby_status status = CUBBY_OK;
    for (size_t i = 0; i < params->count && !status; i++) {
        status = read_unit(looks, i, looks->a);
        if (!status)
            make_sketch(looks, looks->a, looks->sketches + i * SKETCH);
        if (!status && i % ROWS == 0 && interrupted(looks))
            status = CUBBY_INTERRUPTED;
    }
    return status;
}

static int32_t dot(const int8_t *a, const int8_t *b)
{
    int32_t sum = 0;
    for (uint32_t i = 0; i < SKETCH; i++)
        sum += (int32_t)a[i] * b[i];
    return sum;
}

// Lists the photos behind a row whose sketches are near its own.
static void compare_row(void *user, size_t index)
{
    struct looks *looks = user;
    const int32_t least =
        (int32_t)((SAME_LOOK - SKETCH_MARGIN) * (double)SKETCH_SCALE * (double)SKETCH_SCALE);
    size_t row = looks->first + index;
    const int8_t *own = looks->sketches + (size_t)looks->order[row] * SKETCH;
    size_t end = looks->end - row > MOST_COMPARED ? row + MOST_COMPARED : looks->end;
    uint32_t count = 0;
    for (size_t k = row + 1; k < end && count < MATCHES; k++)
        if (dot(own, looks->sketches + (size_t)looks->order[k] * SKETCH) >= least)
            looks->matches[index * MATCHES + count++] = looks->order[k];
    looks->counts[index] = count;
}

static enum cubby_status join_row(struct looks *looks, size_t index, uint32_t largest)
{
    struct grouping *grouping = looks->grouping;
    uint32_t photo = looks->order[looks->first + index];
    bool read = false;
    for (uint32_t i = 0; i < looks->counts[index]; i++) {
        uint32_t other = looks->matches[index * MATCHES + i];
        if (grouping_is_named(grouping, photo) || grouping_is_named(grouping, other) ||
            grouping_same(grouping, photo, other))
            continue;
        enum cubby_status status = read ? CUBBY_OK : read_unit(looks, photo, looks->a);
        read = true;
        if (!status)
            status = read_unit(looks, other, looks->b);
        if (status)
            return status;
        double cosine = 0;
        for (uint32_t k = 0; k < grouping->params->dims; k++)
            cosine += (double)looks->a[k] * looks->b[k];
        if (cosine < SAME_LOOK)
            continue;
        if (grouping_size(grouping, photo) + grouping_size(grouping, other) > largest)
            grouping->refused++;
        else
            grouping_join(grouping, photo, other, ITEMS_LOOK);
    }
    return CUBBY_OK;
}

static enum cubby_status join_class(struct looks *looks, size_t begin, size_t end)
{
    uint32_t part = (uint32_t)(end - begin) / LARGEST_PART;
    uint32_t largest = part > LARGEST_LEAST ? part : LARGEST_LEAST;
    looks->end = end;
    for (looks->first = begin; looks->first < end; looks->first += ROWS) {
        size_t rows = end - looks->first < ROWS ? end - looks->first : ROWS;
        parallel_run(looks->parallel, rows, compare_row, looks);
        enum cubby_status status = interrupted(looks) ? CUBBY_INTERRUPTED : CUBBY_OK;
        for (size_t i = 0; i < rows && !status; i++)
            status = join_row(looks, i, largest);
        if (status)
            return status;
    }
    return CUBBY_OK;
}

// Photos class by class, those of a class in their order.
static void sort_by_class(struct looks *looks, size_t *begins)
{
    const struct items_params *params = looks->grouping->params;
    size_t at = 0;
    for (uint32_t i = 0; i < params->class_count; i++) {
        begins[i] = at;
        at += looks->grouping->class_counts[i];
    }
    for (uint32_t i = 0; i < params->count; i++)
        looks->order[begins[params->photos[i].class_index]++] = i;
    for (uint32_t i = 0; i < params->class_count; i++)
        begins[i] -= looks->grouping->class_counts[i];
}

enum cubby_status items_join_looks(struct grouping *grouping)
{
    const struct items_params *params = grouping->params;
    struct looks looks = {.grouping = grouping};
    size_t *begins = calloc(params->class_count + 1, sizeof(*begins));
    looks.mean = calloc(params->dims, sizeof(float));
    looks.a = calloc(params->dims, sizeof(float));
    looks.b = calloc(params->dims, sizeof(float));
    looks.sketches = malloc((params->count + 1) * SKETCH);
    looks.order = calloc(params->count + 1, sizeof(*looks.order));
    looks.matches = calloc((size_t)ROWS * MATCHES, sizeof(*looks.matches));
    enum cubby_status status = CUBBY_NO_MEMORY;
    if (!begins || !looks.mean || !looks.a || !looks.b || !looks.sketches || !looks.order ||
        !looks.matches)
        goto out;
    status = parallel_create(&looks.parallel, params->threads ? params->threads : 1);
    if (!status)
        status = choose_places(&looks);
    if (!status)
        status = find_mean(&looks);
    if (!status)
        status = make_sketches(&looks);
    if (!status)
        sort_by_class(&looks, begins);
    for (uint32_t i = 0; i < params->class_count && !status; i++)
        status = join_class(&looks, begins[i], begins[i] + grouping->class_counts[i]);

out:
    parallel_destroy(&looks.parallel);
    free(begins);
    free(looks.mean);
    free(looks.a);
    free(looks.b);
    free(looks.sketches);
    free(looks.order);
    free(looks.places);
    free(looks.matches);
    return status;
}
